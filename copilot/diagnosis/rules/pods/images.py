"""Images that cannot be pulled: which of name, tag, credentials, registry, network or platform, as far as the runtime says.

Where the runtime's message cannot tell two causes apart, the answer says so and names what would tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.cause import Rule
from copilot.diagnosis.images import ImageName, nearest_image, parse_image
from copilot.diagnosis.pods import ContainerFact, PodFact, containers_of
from copilot.diagnosis.rules.pods.image_messages import (
    ARCH,
    DENIED,
    DISK,
    FORMAT,
    IN_CLUSTER,
    INVALID,
    NEVER,
    NO_HOST,
    PLAIN_HTTP,
    PROXY,
    RATE,
    SECRET,
    SERVER,
    SIGNATURE,
    SLOW,
    TAG,
    UNAUTHORIZED,
    UNKNOWN,
    X509,
    classify,
    proxy_named,
    wanted_version,
)
from copilot.diagnosis.serving import behind
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, fact, said, told
from copilot.model import Evidence, Finding, Ref, Resource, children, number, text
from copilot.model.likeness import nearest

_WAITING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
                      "RegistryUnavailable", "SignatureValidationFailed"})  # fmt: skip
_DOWN = frozenset({NO_HOST.id, SERVER.id, SLOW.id})  # what a registry that does not serve looks like
_PULL_TYPES = frozenset({"kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"})


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


_LOST_SECRET = re.compile(r"pull secrets \(([^)\s,]{1,253})")
_LATELY = timedelta(hours=1)  # a registry that served another node so recently is not down
_Failure = tuple[PodFact, ContainerFact, Finding]


def _sick_nodes(view: View, found: list[_Failure]) -> set[tuple[str, str, str]]:
    """(cause, node, registry) where one node alone cannot reach or trust a registry that pods on other nodes pulled from."""
    places: dict[tuple[str, str], set[str]] = {}
    for pod, container, finding in found:
        if finding.cause in (NO_HOST.id, X509.id, PROXY.id, PLAIN_HTTP.id) and container.image:
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
        PROXY.id: f"the proxy of its container runtime does not serve, so it alone can pull no image from registry {registry}",
        PLAIN_HTTP.id: f"it alone asks registry {registry} over HTTPS, which speaks plain HTTP: its runtime is configured otherwise",
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
    cause, sentence, weight = classify(container.image, container.reason, message)
    words = {"image": container.image, "registry": image.registry, "tag": wanted_version(image)}
    said_so = sentence.format(**words, proxy=proxy_named(message))
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
    if cause.id in _DOWN and (registry := _registry_service(view, pod, image)) is not None:
        return _in_cluster(view, finding, registry, image)
    return _compare(view, pod, image, finding)


def _registry_service(view: View, pod: PodFact, image: ImageName) -> Resource | None:
    """The Service behind a registry that runs in this cluster: by name, by address, or by node port."""
    host, _, port = image.registry.partition(":")
    found = service_of(view, host, pod.ref.namespace)
    if found is not None or not port.isdigit():
        return found
    addresses = {text(entry, "address") for node in view.graph.of_kind("Node") for entry in children(node.status, "addresses")}  # fmt: skip
    if host != "localhost" and not host.startswith("127.") and host not in addresses:
        return None
    for service in view.graph.of_kind("Service", group=""):
        if any(number(entry, "nodePort") == int(port) for entry in children(service.spec, "ports")):
            return service
    return None


def _in_cluster(view: View, finding: Finding, registry: Resource, image: ImageName) -> Finding:
    """The same failure, told of the registry's Service: what stands behind it is the thing to look at."""
    piece = said(registry, "spec.clusterIP", f"registry {image.registry} is {registry.ref} of this cluster")
    return msgspec.structs.replace(
        finding,
        cause=IN_CLUSTER.id,
        object=registry.ref,
        title=f"{registry.ref}: the registry {image.registry} behind it does not serve, so its images cannot be pulled",
        evidence=(*finding.evidence, piece),
        explains=(*finding.explains, finding.object),
        steps=(describe(registry.ref), *finding.steps[1:]),
        points_to=behind(view, registry.ref),
    )


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


def _pull_secret(view: View, pod: PodFact, finding: Finding) -> Finding:
    """Add what is known about the pull secrets, where the registry wants credentials."""
    if finding.cause not in (DENIED.id, UNAUTHORIZED.id, UNKNOWN.id):
        return finding
    space = pod.ref.namespace
    lost = view.events(pod.ref, "FailedToRetrieveImagePullSecret")
    names = [text(entry, "name") for entry in children(pod.resource.spec, "imagePullSecrets")]
    missing = [
        name for name in names if view.was_read("Secret", space) and view.graph.find("Secret", space, name) is None
    ]
    if lost or missing:
        told_of = _LOST_SECRET.search(lost[-1].message) if lost else None
        return _secret_missing(view, pod, finding, (missing or [told_of[1] if told_of else ", ".join(names)])[0])
    held = [secret for name in names if (secret := view.graph.find("Secret", space, name)) is not None]
    wrong = next((s for s in held if text(s.body, "type") and text(s.body, "type") not in _PULL_TYPES), None)
    if wrong is not None:
        kind = text(wrong.body, "type")
        return msgspec.structs.replace(
            finding,
            cause=UNAUTHORIZED.id,
            title=f"{finding.title}; its pull secret {wrong.ref.name} is of type {kind}, which no runtime reads",
            evidence=(*finding.evidence, said(wrong, "type", f"{wrong.ref} is of type {kind}, not {min(_PULL_TYPES)}")),
            weight=0.92,
        )
    note = f"it names pull secrets: {', '.join(names)}" if names else "it names no image pull secret"
    return msgspec.structs.replace(
        finding, evidence=(*finding.evidence, said(pod.resource, "spec.imagePullSecrets", note))
    )


def _secret_missing(view: View, pod: PodFact, finding: Finding, name: str) -> Finding:
    """The pull secret that is named and not there, with the nearest one that is."""
    space, lost = pod.ref.namespace, view.events(pod.ref, "FailedToRetrieveImagePullSecret")
    near = nearest(name, [secret.ref.name for secret in view.graph.of_kind("Secret", space)])
    elsewhere = [secret.ref.namespace for secret in view.graph.of_kind("Secret") if secret.ref.name == name]
    hint = f" (there is {near})" if near else f" (namespace {elsewhere[0]} has one)" if elsewhere else ""
    secret = Ref("Secret", space, name)
    return msgspec.structs.replace(
        finding,
        cause=SECRET.id,
        title=f"{pod.owner}: the image pull secret {name} does not exist in namespace {space}{hint}, so the private image cannot be pulled",
        evidence=(
            *finding.evidence,
            fact(pod.resource, "spec.imagePullSecrets", f"it names pull secret {name}"),
            *((told(lost[-1]),) if lost else ()),
        ),
        steps=(
            change(f"Create {secret} with the registry's credentials, or correct the name", pod.owner),
            *finding.steps,
        ),
        weight=0.92,
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
        causes=(
            INVALID, NEVER, SIGNATURE, PLAIN_HTTP, PROXY, X509, RATE, NO_HOST, DISK, ARCH, FORMAT, TAG, SERVER, DENIED, UNAUTHORIZED,
            SECRET, SLOW, IN_CLUSTER, UNKNOWN,
        ),
    ),
)  # fmt: skip
