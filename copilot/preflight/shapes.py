"""What a manifest gets wrong by itself: selector and labels, names twice, ports, probes, mounts, images, bounds, budgets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from copilot.diagnosis.steps import change
from copilot.model import Evidence, Finding, children, dig, mapping, number, parse_quantity, text
from copilot.preflight import causes
from copilot.preflight.case import Case, in_template, pod_template, written
from retrievers.graph import EdgeKind, ResourceGraph
from retrievers.graph.selectors import parse_label_selector
from tools.cluster.manifest_files import Manifest

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_LISTS = ("initContainers", "containers")
# distribution/reference: domain, lower-case path, tag, digest.
_IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?/)?"
    r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)
_POLICIES = {"Job": ("OnFailure", "Never"), "CronJob": ("OnFailure", "Never"), "Deployment": ("Always",), "StatefulSet": ("Always",),
             "DaemonSet": ("Always",), "ReplicaSet": ("Always",)}  # fmt: skip


def find_shapes(case: Case, graph: ResourceGraph) -> Iterator[Finding]:
    """Every fault that a manifest shows by itself."""
    yield from _duplicates(case)
    for manifest in case.workloads():
        yield from _selector(manifest)
        yield from _restart_policy(manifest)
        yield from _containers(manifest)
    for manifest in case.objects("HorizontalPodAutoscaler"):
        yield from _autoscaler_bounds(manifest)
    for manifest in case.objects("PodDisruptionBudget"):
        yield from _budget(manifest, graph)


def _finding(cause: str, manifest: Manifest, title: str, *facts: tuple[str, str], weight: float = 0.95) -> Finding:
    ref = manifest.resource.ref
    proof: tuple[Evidence, ...] = tuple(written(manifest, path, sentence) for path, sentence in facts)
    return Finding(
        cause=cause,
        object=ref,
        title=f"{ref} {title}",
        evidence=proof,
        weight=weight,
        steps=(change("Correct the manifest", ref),),
    )


def _duplicates(case: Case) -> Iterator[Finding]:
    counted = Counter(manifest.resource.ref for manifest in case.manifests if not manifest.generated)
    for ref, count in counted.items():
        if count < 2:
            continue
        same = [manifest for manifest in case.manifests if manifest.resource.ref == ref]
        places = ", ".join(manifest.place() for manifest in same)
        last = same[-1]
        weight = 0.9 if any(manifest.resource.body != last.resource.body for manifest in same) else 0.6
        yield Finding(
            cause=causes.DUPLICATE.id, object=ref, title=f"{ref} is written {count} times ({places}): the last one applied wins",
            evidence=tuple(written(manifest, "metadata.name", f"{ref} is written here") for manifest in same), weight=weight,
            steps=(change("Keep one of them", ref),),
        )  # fmt: skip


def _selector(manifest: Manifest) -> Iterator[Finding]:
    resource = manifest.resource
    if resource.ref.kind not in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        return
    labels = mapping(pod_template(resource), "metadata", "labels")
    wanted = resource.spec.get("selector")
    selector = parse_label_selector(wanted)
    if selector is None:
        yield _finding(
            causes.SELECTOR.id,
            manifest,
            "would be refused: spec.selector is required",
            ("spec", "spec.selector is missing or not valid"),
        )
    elif not selector.matches(labels) or selector.selects_everything:
        have = ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "no label"
        yield _finding(
            causes.SELECTOR.id, manifest, f"would be refused: its selector {str(selector) or '{}'} does not match the labels of its template ({have})",
            ("spec.selector", f"spec.selector is {str(selector) or 'empty'}"), (in_template(manifest, "metadata.labels"), f"the template has {have}"),
        )  # fmt: skip


def _restart_policy(manifest: Manifest) -> Iterator[Finding]:
    allowed = _POLICIES.get(manifest.resource.ref.kind)
    policy = text(pod_template(manifest.resource), "spec", "restartPolicy") or "Always"
    if allowed and policy not in allowed:
        yield _finding(causes.RESTART_POLICY.id, manifest, f"would be refused: restartPolicy {policy} is not allowed, only {' or '.join(allowed)}",
                       (in_template(manifest, "spec.restartPolicy"), f"restartPolicy is {policy} (Always where it is not set)"))  # fmt: skip


def _containers(manifest: Manifest) -> Iterator[Finding]:
    spec = mapping(pod_template(manifest.resource), "spec")
    names = Counter(text(container, "name") for part in _LISTS for container in children(spec, part))
    for name, count in names.items():
        if count > 1:
            yield _finding(causes.NAME_TWICE.id, manifest, f"would be refused: {count} containers are named {name}",
                           (in_template(manifest, f"spec.containers[{name}].name"), f"container {name} is written {count} times"))  # fmt: skip
    yield from _ports(manifest, spec)
    volumes = {text(volume, "name") for volume in children(spec, "volumes")}
    volumes |= {text(claim, "metadata", "name") for claim in children(manifest.resource.spec, "volumeClaimTemplates")}
    for part in _LISTS:
        for container in children(spec, part):
            yield from _container(manifest, part, container, volumes)


def _container(manifest: Manifest, part: str, container: Mapping[str, Any], volumes: set[str]) -> Iterator[Finding]:
    name = text(container, "name")
    place = in_template(manifest, f"spec.{part}[{name}]")
    image = text(container, "image")
    if not image or len(image) > 1024 or not _IMAGE.fullmatch(image):
        yield _finding("pod.image.invalid_name", manifest, f"would never start: image {image!r} of container {name} is not a valid image name",
                       (f"{place}.image", f"image: {image!r}"))  # fmt: skip
    for mount in children(container, "volumeMounts"):
        if text(mount, "name") not in volumes:
            yield _finding(causes.VOLUME.id, manifest, f"would be refused: container {name} mounts volume {text(mount, 'name')}, which the pod does not have",
                           (f"{place}.volumeMounts[{text(mount, 'name')}]", f"volumeMounts names {text(mount, 'name')}; the pod has {', '.join(sorted(volumes)) or 'no volume'}"))  # fmt: skip
    for resource, limit in mapping(container, "resources", "limits").items():
        request, bound = parse_quantity(dig(container, "resources", "requests", resource)), parse_quantity(limit)
        if request is not None and bound is not None and request > bound:
            yield _finding(causes.BOUNDS.id, manifest, f"would be refused: container {name} requests more {resource} than its limit",
                           (f"{place}.resources.requests.{resource}", f"request {text(container, 'resources', 'requests', resource)}, limit {text(limit)}"))  # fmt: skip
    for kind in _PROBES:
        yield from _probe(manifest, place, container, kind)


def _probe(manifest: Manifest, place: str, container: Mapping[str, Any], kind: str) -> Iterator[Finding]:
    probe = mapping(container, kind)
    for how in ("httpGet", "tcpSocket", "grpc"):
        port = mapping(probe, how).get("port")
        if port is None:
            continue
        declared = list(children(container, "ports"))
        names = [text(entry, "name") for entry in declared if text(entry, "name")]
        numbers = [number(entry, "containerPort") for entry in declared]
        path = f"{place}.{kind}.{how}.port"
        if isinstance(port, str) and not port.isdigit():
            if port not in names:
                yield _finding(causes.PROBE_PORT.id, manifest, f"would never pass its {kind}: container {text(container, 'name')} has no port named {port} (it has {', '.join(names) or 'no named port'})",
                               (path, f"{kind} asks port {port}"))  # fmt: skip
        elif numbers and number(port) not in numbers:
            have = ", ".join(str(value) for value in dict.fromkeys(numbers))
            likely = _is_slip(number(port), numbers) or _agrees_elsewhere(container, kind, numbers)
            yield _finding(causes.PROBE_PORT.id, manifest, f"may never pass its {kind}: it asks port {port}, and container {text(container, 'name')} declares {have}",
                           (path, f"{kind} asks port {port}; ports declared: {have}"), weight=0.7 if likely else 0.4)  # fmt: skip


def _is_slip(port: int, declared: list[int]) -> bool:
    """Whether a declared port differs in one digit: a program may serve its health on a port it does not declare."""
    wanted = str(port)
    return any(
        len(str(other)) == len(wanted) and sum(a != b for a, b in zip(wanted, str(other), strict=True)) == 1
        for other in declared
    )


def _agrees_elsewhere(container: Mapping[str, Any], kind: str, declared: list[int]) -> bool:
    """Whether another probe of the container asks a port that it declares."""
    others = (
        mapping(container, other, how).get("port")
        for other in _PROBES
        if other != kind
        for how in ("httpGet", "tcpSocket", "grpc")
    )
    return any(isinstance(port, int) and port in declared for port in others)


def _ports(manifest: Manifest, spec: Mapping[str, Any]) -> Iterator[Finding]:
    """Containers of one pod share its network: a port can be listened on once."""
    users: dict[tuple[int, str], list[str]] = {}
    for container in children(spec, "containers"):
        for entry in children(container, "ports"):
            key = (number(entry, "containerPort"), text(entry, "protocol") or "TCP")
            users.setdefault(key, []).append(text(container, "name"))
    for (port, protocol), names in users.items():
        if len(set(names)) > 1:
            yield _finding(causes.PORT_CONFLICT.id, manifest, f"has two containers on port {port}/{protocol}: {', '.join(names)}; the second cannot listen",
                           (in_template(manifest, f"spec.containers[{names[-1]}].ports[{port}]"), f"containers {', '.join(names)} declare {port}/{protocol}"), weight=0.8)  # fmt: skip


def _autoscaler_bounds(manifest: Manifest) -> Iterator[Finding]:
    low, high = number(manifest.resource.spec, "minReplicas", default=1), number(manifest.resource.spec, "maxReplicas")
    if high < max(low, 1):
        yield _finding(causes.BOUNDS.id, manifest, f"would be refused: maxReplicas {high} is below minReplicas {low}",
                       ("spec.maxReplicas", f"minReplicas {low}, maxReplicas {high}"))  # fmt: skip


def _budget(manifest: Manifest, graph: ResourceGraph) -> Iterator[Finding]:
    """A budget that leaves no pod to evict makes every drain of a node wait for ever."""
    spec = manifest.resource.spec
    pods = [edge.target for edge in graph.out(manifest.resource.ref, EdgeKind.PROTECTS) if edge.target.kind == "Pod"]
    if not pods:
        return
    for field in ("minAvailable", "maxUnavailable"):
        value = spec.get(field)
        if value is None:
            continue
        kept = _amount(value, len(pods), up=True)
        if (field == "minAvailable" and kept >= len(pods)) or (field == "maxUnavailable" and kept == 0):
            yield _finding(causes.BUDGET.id, manifest, f"allows no eviction: {field} is {text(value)} and it covers {len(pods)} pod{'s' if len(pods) > 1 else ''}, so nodes cannot be drained",
                           (f"spec.{field}", f"{field}: {text(value)}; pods it covers: {len(pods)}"), weight=0.8)  # fmt: skip


def _amount(value: object, total: int, *, up: bool) -> int:
    """An int-or-percent; percentages of budgets are rounded up (disruption controller)."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit() and len(value) < 8:
        share = int(value[:-1]) * total
        return -(-share // 100) if up else share // 100
    return number(value)
