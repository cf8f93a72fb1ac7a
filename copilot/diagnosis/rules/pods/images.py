"""Images that cannot be pulled: which of name, tag, credentials, registry, network or platform, as far as the runtime says.

Where the runtime's message cannot tell two causes apart, the answer says so and names what would tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.images import ImageName, nearest_image, parse_image
from copilot.diagnosis.pods import ContainerFact, PodFact, containers_of
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, fact, said, told
from copilot.model import Evidence, Finding, Ref, children, text

_WAITING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
                      "RegistryUnavailable", "SignatureValidationFailed"})  # fmt: skip
_FIELDS = ("status.containerStatuses[].state.waiting", "event Failed", "spec.containers[].image")


def _cause(identity: str, title: str, step: str, citation: str) -> Cause:
    return Cause(id=identity, title=title, kind="Pod", fields=_FIELDS, steps=(step,), citation=citation)


INVALID = _cause(
    "pod.image.invalid_name",
    "The image name is malformed",
    "Correct the reference",
    "kubernetes pkg/kubelet/images/types.go",
)
NEVER = _cause(
    "pod.image.never",
    "imagePullPolicy is Never and the node lacks the image",
    "Load the image or change the policy",
    "kubernetes pkg/kubelet/images/types.go",
)
SIGNATURE = _cause(
    "pod.image.signature",
    "The runtime's signature policy refuses the image",
    "Sign the image; do not bypass the policy",
    "kubernetes pkg/kubelet/images/image_manager.go",
)
X509 = _cause(
    "pod.image.x509",
    "The registry's certificate is not trusted by the node",
    "Install the CA on the nodes or renew the certificate",
    "kubernetes pkg/kubelet/images/types.go",
)
RATE = _cause(
    "pod.image.ratelimit",
    "The registry limits the pull rate",
    "Use a mirror or credentials, and IfNotPresent",
    "containerd core/remotes/docker/errdesc.go",
)
NO_HOST = _cause(
    "pod.image.network",
    "The node cannot reach the registry",
    "Check the registry's host name and the node's network",
    "kubernetes pkg/kubelet/images/image_manager.go",
)
DISK = _cause(
    "pod.image.disk",
    "The node's image disk is full",
    "Free or enlarge the image file system",
    "kubernetes pkg/kubelet/events/event.go",
)
ARCH = _cause(
    "pod.image.arch",
    "The image has no build for the node's platform",
    "Build for it or select other nodes",
    "containerd core/images/image.go",
)
TAG = _cause(
    "pod.image.tag_missing",
    "The tag or digest is not in the registry",
    "Correct the tag or push the image",
    "containerd core/remotes/docker/resolver.go",
)
DENIED = _cause(
    "pod.image.notfound_or_denied",
    "The repository does not exist or needs credentials",
    "Check the name and the pull secret",
    "containerd core/remotes/docker/resolver.go",
)
UNAUTHORIZED = _cause(
    "pod.image.unauthorized",
    "The registry rejects the credentials",
    "Renew the pull secret",
    "containerd core/remotes/docker/authorizer.go",
)
SECRET = _cause(
    "pod.image.pullsecret_missing",
    "The pull secret it names does not exist",
    "Create the secret or correct the name",
    "kubernetes pkg/kubelet/kubelet_pods.go",
)
UNKNOWN = Cause(
    id="pod.image.pull_failed",
    title="The image cannot be pulled",
    kind="Pod",
    fields=_FIELDS,
    yields=True,  # a sibling's message may say which of the others it is
    steps=("Read the kubelet's message",),
    citation="kubernetes pkg/kubelet/images/types.go",
)

# (cause, what the message holds, sentence, weight); the first that fits wins.
_MESSAGES: tuple[tuple[Cause, re.Pattern[str], str, float], ...] = (
    (SIGNATURE, re.compile(r"SignatureValidationFailed|signature.{0,40}(?:required|reject|invalid)", re.IGNORECASE), "the runtime's signature policy refuses image {image}", 0.9),
    (RATE, re.compile(r"toomanyrequests|\b429\b|rate limit", re.IGNORECASE), "the registry limits the pull rate for image {image} (429 too many requests)", 0.92),
    (X509, re.compile(r"x509:|certificate (?:signed by unknown|has expired|is not trusted|verify)|tls: ", re.IGNORECASE), "the node does not trust the certificate of registry {registry} (TLS, x509), so it cannot pull {image}", 0.9),
    (DISK, re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE), "the node's image disk is full, so it cannot pull {image} (no space left on device)", 0.9),
    (ARCH, re.compile(r"no match for platform|no matching manifest for|no child with platform", re.IGNORECASE), "image {image} has no build for the node's platform (architecture)", 0.92),
    (NO_HOST, re.compile(r"no such host|i/o timeout|connection refused|no route to host|dial tcp|server misbehaving|TLS handshake timeout|RegistryUnavailable|connection reset", re.IGNORECASE), "the node cannot reach registry {registry} to pull image {image} (network or DNS)", 0.85),
    (DENIED, re.compile(r"pull access denied|insufficient_scope|repository does not exist|may require authorization|name unknown|requested access to the resource is denied", re.IGNORECASE), "image {image} cannot be pulled: the repository does not exist or needs credentials (the registry does not say which)", 0.85),
    (UNAUTHORIZED, re.compile(r"unauthorized|\b401\b|\b403\b|forbidden|failed to authorize|authentication required|no basic auth credentials|failed to fetch (?:oauth|anonymous) token", re.IGNORECASE), "the registry {registry} rejects the credentials for image {image} (unauthorized)", 0.88),
    (TAG, re.compile(r"not found|manifest unknown|does not exist|\b404\b", re.IGNORECASE), "image {image} does not exist in the registry: the tag {tag} was not found", 0.92),
)  # fmt: skip


def find_image_failures(view: View) -> Iterator[Finding]:
    """One finding for each image that a pod waits for in vain."""
    found = [
        (pod, container, _explain(view, pod, container))
        for pod in view.placed
        for container in pod.containers
        if container.state == "waiting" and container.reason in _WAITING
    ]
    sick = _sick_nodes(view, found)
    for pod, container, finding in found:
        registry = parse_image(container.image).registry
        place = (finding.cause, pod.node, registry)
        yield _blame_node(finding, *place) if finding.cause == DISK.id or place in sick else finding


_LATELY = timedelta(hours=1)  # a registry that served another node so recently is not down
_Failure = tuple[PodFact, ContainerFact, Finding]


def _sick_nodes(view: View, found: list[_Failure]) -> set[tuple[str, str, str]]:
    """(cause, node, registry) where one node alone cannot reach or trust a registry that pods on other nodes pulled from."""
    places: dict[tuple[str, str], set[str]] = {}
    for pod, container, finding in found:
        if finding.cause in (NO_HOST.id, X509.id) and container.image:
            places.setdefault((finding.cause, parse_image(container.image).registry), set()).add(pod.node)
    return {
        (cause, next(iter(nodes)), registry)
        for (cause, registry), nodes in places.items()
        if len(nodes) == 1 and _pulled_elsewhere(view, registry, next(iter(nodes)))
    }


def _pulled_elsewhere(view: View, registry: str, node: str) -> bool:
    """Whether a container of the registry started elsewhere lately: one that runs for days was pulled before the trouble."""
    return any(
        container.image
        and container.state == "running"
        and container.started is not None
        and view.now - container.started < _LATELY
        and parse_image(container.image).registry == registry
        for pod in view.graph.of_kind("Pod", group="")
        if text(pod.spec, "nodeName") not in ("", node)
        for container in containers_of(pod)
    )


def _blame_node(finding: Finding, cause: str, node: str, registry: str) -> Finding:
    """The same failure, told of the node: its pods are only where it shows."""
    words = {
        DISK.id: "its image disk is full, so it can pull no image (no space left on device)",
        NO_HOST.id: f"it alone cannot reach registry {registry} (network or DNS), so it can pull no image from there",
        X509.id: f"it alone does not trust the certificate of registry {registry} (TLS, x509)",
    }[cause]
    ref = Ref("Node", "", node)
    return msgspec.structs.replace(
        finding,
        object=ref,
        title=f"{ref}: {words}",
        explains=(*finding.explains, finding.object),
        steps=(describe(ref),),
    )


def _explain(view: View, pod: PodFact, container: ContainerFact) -> Finding:
    image = parse_image(container.image)
    message, proof = _message(view, pod, container)
    cause, sentence, weight = _classify(container, message)
    said_so = sentence.format(image=container.image, registry=image.registry, tag=image.tag or "latest")
    evidence = [
        fact(pod.resource, f"spec.containers[{container.name}].image", f"container {container.name}"),
        said(
            pod.resource,
            f"{container.path}.state.waiting.reason",
            f"container {container.name} waits: {container.reason}",
        ),
        *proof,
    ]
    finding = Finding(
        cause=cause.id,
        object=pod.owner,
        title=f"{pod.owner}: {said_so}",
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=weight,
        since=pod.resource.created,
        steps=(change(f"Correct the image of container {container.name} in {pod.owner}", pod.owner), describe(pod.ref)),
    )
    finding = _pull_secret(view, pod, finding)
    return _compare(view, pod, image, finding)


def _message(view: View, pod: PodFact, container: ContainerFact) -> tuple[str, tuple[Evidence, ...]]:
    """The most detailed message: the event of the failed pull, else the waiting message."""
    pulls = [
        event
        for event in view.events(pod.ref, "Failed", "InspectFailed", "ErrImageNeverPull")
        if container.image in event.message
        and "ImagePullBackOff" not in event.message
        and event.message != "Error: ErrImagePull"
    ]
    waiting = (
        ""
        if container.message.startswith("Back-off pulling image") and "ErrImagePull" not in container.message
        else container.message
    )
    if pulls:
        return f"{pulls[-1].message} {waiting}", (told(pulls[-1]),)
    if waiting:
        return waiting, (
            said(pod.resource, f"{container.path}.state.waiting.message", f"the kubelet says: {waiting[:400]}"),
        )
    return "", ()


def _classify(container: ContainerFact, message: str) -> tuple[Cause, str, float]:
    if container.reason == "InvalidImageName" or "invalid reference format" in message or "InvalidImageName" in message:
        return INVALID, "image name {image} is invalid" + _why_invalid(container.image), 0.97
    if container.reason == "ErrImageNeverPull":
        return NEVER, "imagePullPolicy is Never and the node does not have image {image}", 0.95
    remote = message.replace(container.image, "")
    for cause, pattern, sentence, weight in _MESSAGES:
        if pattern.search(remote):
            return cause, sentence, weight
    return UNKNOWN, "image {image} cannot be pulled", 0.6


def _why_invalid(image: str) -> str:
    if any(mark in image for mark in ("${", "$(", "{{", "<")):
        return ": a template variable was not filled in"
    if image != image.lower() and parse_image(image).repository != parse_image(image).repository.lower():
        return ": a repository name may not hold upper-case letters"
    if " " in image:
        return ": it holds a blank"
    return ""


def _pull_secret(view: View, pod: PodFact, finding: Finding) -> Finding:
    """Add what is known about the pull secrets, where the registry wants credentials."""
    if finding.cause not in (DENIED.id, UNAUTHORIZED.id, UNKNOWN.id):
        return finding
    lost = view.events(pod.ref, "FailedToRetrieveImagePullSecret")
    names = [text(entry, "name") for entry in children(pod.resource.spec, "imagePullSecrets")]
    missing = [
        name
        for name in names
        if view.was_read("Secret", pod.ref.namespace) and view.graph.find("Secret", pod.ref.namespace, name) is None
    ]
    if lost or missing:
        name = missing[0] if missing else ", ".join(names)
        extra = (told(lost[-1]),) if lost else ()
        secret = Ref("Secret", pod.ref.namespace, name)
        return msgspec.structs.replace(
            finding,
            cause=SECRET.id,
            title=f"{pod.owner}: the image pull secret {name} does not exist in namespace {pod.ref.namespace}, so the private image cannot be pulled",
            evidence=(
                *finding.evidence,
                fact(pod.resource, "spec.imagePullSecrets", f"it names pull secret {name}"),
                *extra,
            ),
            steps=(
                change(f"Create {secret} with the registry's credentials, or correct the name", pod.owner),
                *finding.steps,
            ),
            weight=0.92,
        )
    note = f"it names pull secrets: {', '.join(names)}" if names else "it names no image pull secret"
    return msgspec.structs.replace(
        finding, evidence=(*finding.evidence, said(pod.resource, "spec.imagePullSecrets", note))
    )


def _compare(view: View, pod: PodFact, image: ImageName, finding: Finding) -> Finding:
    """Add the nearest image that does run here: most wrong names are one slip away from it."""
    near = nearest_image(view, pod, image)
    if near is None:
        return finding
    piece = Evidence(object=near[0], path="spec.containers[].image", text=f"{near[0]} runs image {near[1]}", source="")
    return msgspec.structs.replace(finding, evidence=(*finding.evidence, piece))


RULES = (
    Rule(
        find=find_image_failures,
        causes=(INVALID, NEVER, SIGNATURE, X509, RATE, NO_HOST, DISK, ARCH, TAG, DENIED, UNAUTHORIZED, SECRET, UNKNOWN),
    ),
)
