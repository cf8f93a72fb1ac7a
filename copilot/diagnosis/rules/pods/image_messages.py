"""What a runtime says when it cannot pull an image, as data: the cause each message means, and the sentence that tells it.

Messages of containerd, CRI-O, Docker and the registries' clients. Order matters: the first that fits wins.
"""

from __future__ import annotations

import re

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.images import ImageName, parse_image

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
PLAIN_HTTP = _cause(
    "pod.image.http",
    "The registry speaks plain HTTP and the node expects HTTPS",
    "Give the registry a certificate, or allow it as insecure in the runtime's configuration of every node",
    "containerd docs/hosts.md",
)
PROXY = _cause(
    "pod.image.proxy",
    "The proxy of the node's container runtime does not let it pull",
    "Correct HTTPS_PROXY and NO_PROXY of the runtime's service, or repair the proxy",
    "containerd docs/cri/registry.md",
)
SERVER = _cause(
    "pod.image.registry_error",
    "The registry itself fails",
    "Look at the registry's own state and log",
    "containerd core/remotes/errors/errors.go",
)
IN_CLUSTER = Cause(
    id="pod.image.registry_in_cluster",
    title="A registry that runs in the cluster does not serve",
    kind="Service",
    fields=_FIELDS,
    yields=True,
    steps=("Look at the pods behind the registry's Service",),
    citation="containerd core/remotes/docker/resolver.go",
)
SLOW = _cause(
    "pod.image.timeout",
    "Pulling the image does not end in time",
    "Compare the image's size with the node's bandwidth; pull it ahead or use a mirror",
    "containerd internal/cri/server/images/image_pull.go",
)
FORMAT = _cause(
    "pod.image.format",
    "What the reference names is no image this runtime can use",
    "Push it again with a current builder, and check that it is an image and not another artifact",
    "containerd core/remotes/docker/schema1",
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
MESSAGES: tuple[tuple[Cause, re.Pattern[str], str, float], ...] = (
    (SIGNATURE, re.compile(r"SignatureValidationFailed|signature.{0,40}(?:required|reject|invalid)", re.IGNORECASE), "the runtime's signature policy refuses image {image}", 0.9),
    (RATE, re.compile(r"pull QPS exceeded", re.IGNORECASE), "the kubelet's own pull rate (registryPullQPS) is exceeded on the node, so {image} waits: pull QPS exceeded", 0.85),
    (RATE, re.compile(r"toomanyrequests|\b429\b|rate limit", re.IGNORECASE), "the registry limits the pull rate for image {image} (429 too many requests)", 0.92),
    (PLAIN_HTTP, re.compile(r"server gave HTTP response to HTTPS client|client sent an HTTP request to an HTTPS server", re.IGNORECASE), "registry {registry} and the node do not agree on HTTP or HTTPS, so image {image} cannot be pulled (the registry speaks plain HTTP, the node asks over TLS)", 0.92),
    (PROXY, re.compile(r"proxyconnect|via proxy|Proxy Authentication Required|\b407\b", re.IGNORECASE), "the proxy of the node's runtime{proxy} does not serve, so image {image} of registry {registry} cannot be pulled", 0.9),
    (X509, re.compile(r"x509:|certificate (?:signed by unknown|has expired|is not trusted|verify)|tls: ", re.IGNORECASE), "the node does not trust the certificate of registry {registry} (TLS, x509), so it cannot pull {image}", 0.9),
    (DISK, re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE), "the node's image disk is full, so it cannot pull {image} (no space left on device)", 0.9),
    (ARCH, re.compile(r"no match for platform|no matching manifest for|no child with platform|no image found in (?:image index|manifest list) for architecture|(?:cannot be used|not supported) on this platform|image operating system \"|requested image's platform", re.IGNORECASE), "image {image} has no build for the node's platform (operating system or architecture)", 0.92),
    (FORMAT, re.compile(r"(?:unsupported|unexpected|unknown) (?:manifest )?media ?type|no longer supported|schema ?1|media type .{1,120} (?:not supported|unsupported)|mediatype .{1,120} is not|not an image|unsupported compression", re.IGNORECASE), "image {image} is in a format this runtime does not take (old manifest schema, or not an image)", 0.88),
    (NO_HOST, re.compile(r"no such host|i/o timeout|connection refused|no route to host|dial tcp|server misbehaving|TLS handshake timeout|RegistryUnavailable|connection reset", re.IGNORECASE), "the node cannot reach registry {registry} to pull image {image} (network or DNS)", 0.85),
    (SERVER, re.compile(r"\b50[0-4]\b(?: Internal Server Error| Bad Gateway| Service Unavailable| Gateway Time)|unexpected status(?: code)?[^:]{0,200}: 50[0-4]|unexpected commit digest|failed size validation|digest mismatch", re.IGNORECASE), "registry {registry} itself fails (server error or broken blob) when asked for image {image}", 0.85),
    (DENIED, re.compile(r"pull access denied|insufficient_scope|repository does not exist|may require authorization|name unknown|requested access to the resource is denied", re.IGNORECASE), "image {image} cannot be pulled: the repository does not exist or needs credentials (the registry does not say which)", 0.85),
    (UNAUTHORIZED, re.compile(r"unauthorized|\b401\b|\b403\b|forbidden|failed to authorize|authentication required|no basic auth credentials|failed to fetch (?:oauth|anonymous) token", re.IGNORECASE), "the registry {registry} rejects the credentials for image {image} (unauthorized)", 0.88),
    (TAG, re.compile(r"not found|manifest unknown|does not exist|\b404\b", re.IGNORECASE), "image {image} does not exist in the registry: the {tag} was not found", 0.92),
    (SLOW, re.compile(r"context deadline exceeded|context canceled|unexpected EOF|operation timed out", re.IGNORECASE), "pulling image {image} from {registry} does not end in time", 0.7),
)  # fmt: skip


_PROXY_ADDRESS = re.compile(r"proxyconnect tcp: (?:dial tcp|lookup) (?P<proxy>[\w.:\[\]-]{3,260}?)(?::? |: |$)")


def classify(container_image: str, reason: str, message: str) -> tuple[Cause, str, float]:
    """(cause, sentence to be filled with image, registry, tag and proxy, weight) of a failed pull."""
    if reason == "InvalidImageName" or "invalid reference format" in message or "InvalidImageName" in message:
        return INVALID, "image name {image} is invalid" + _why_invalid(container_image), 0.97
    if reason == "ErrImageNeverPull":
        return NEVER, "imagePullPolicy is Never and the node does not have image {image}", 0.95
    remote = message.replace(container_image, "")
    for cause, pattern, sentence, weight in MESSAGES:
        if pattern.search(remote):
            return cause, sentence, weight
    return UNKNOWN, "image {image} cannot be pulled", 0.6


def _why_invalid(image: str) -> str:
    if any(mark in image for mark in ("${", "$(", "{{", "<")):
        return ": a template variable was not filled in"
    if image != image.lower() and parse_image(image).repository != parse_image(image).repository.lower():
        return ": a repository name may not hold upper-case letters"
    return ": it holds a blank" if " " in image else ""


def wanted_version(image: ImageName) -> str:
    """The tag or digest a reference asks for, in words."""
    if image.digest:
        return f"digest {image.digest[:19]}…" if len(image.digest) > 20 else f"digest {image.digest}"
    return f"tag {image.tag or 'latest'}"


def proxy_named(message: str) -> str:
    """The proxy's address as the message names it, with a blank in front; empty when it names none."""
    found = _PROXY_ADDRESS.search(message)
    return f" ({found['proxy']})" if found else ""
