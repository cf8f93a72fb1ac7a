"""The cluster as it would be once the manifests are applied: objects replaced, pods foretold, refusals and Pending pods marked as foretold.

The live snapshot is never changed. What replaces a workload takes its old pods away with it, as a rollout does in the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec

from copilot.diagnosis.rules.admission.quota import pod_amount
from copilot.model import Coverage, Reading, ReadState, Ref, Resource, Snapshot, children, mapping, text
from copilot.preflight.admission import Quota, Refused, object_wants, pod_refusal
from copilot.preflight.case import FORETOLD, Case
from copilot.preflight.placing import Floor
from copilot.preflight.pods import foretold_pods, pinned
from retrievers.graph import ResourceGraph, build_graph
from tools.cluster.manifest_files import Manifest

_KEPT = ("uid", "creationTimestamp")  # of the live object's metadata: who it is, not what it wants


class Foretold(msgspec.Struct, frozen=True, eq=False):
    """The foretold cluster, and which workload each foretold pod belongs to."""

    graph: ResourceGraph
    owners: dict[Ref, Manifest]


def foretell(case: Case) -> Foretold:
    """Build the cluster as it would be."""
    base = case.live.snapshot if case.live is not None else Snapshot()
    gone = _replaced(case)
    kept = [
        found
        for found in base.resources
        if found.ref not in gone and found.ref not in case.by_ref and not _is_about(found, gone, case)
    ]
    ours = [_merged(manifest, case) for manifest in case.by_ref.values()]
    ground = build_graph(msgspec.structs.replace(base, resources=(*kept, *ours), coverage=_coverage(case, base)))
    return _with_pods(case, ground, gone)


def _replaced(case: Case) -> set[Ref]:
    """What the live workloads of the manifests own: it goes when they change."""
    gone: set[Ref] = set()
    queue = [manifest.resource.ref for manifest in case.workloads()]
    while queue and case.live is not None:
        for ref in case.live.children(queue.pop()):
            if ref not in gone and ref not in case.by_ref and ref.kind != "PersistentVolumeClaim":
                gone.add(ref)
                queue.append(ref)
    return gone


def _is_about(event: Resource, gone: set[Ref], case: Case) -> bool:
    """Whether an event tells the past of something that a manifest replaces."""
    if event.ref.kind != "Event":
        return False
    about = mapping(event.body, "involvedObject") or mapping(event.body, "regarding")
    kind, space, name = text(about, "kind"), text(about, "namespace"), text(about, "name")
    group = text(about, "apiVersion").rpartition("/")[0]
    ref = Ref(kind, space, name, group)
    return ref in gone or ref in case.by_ref


def _merged(manifest: Manifest, case: Case) -> Resource:
    """The manifest's object with the identity, and where it is no workload the status, of the live one."""
    new, live = manifest.resource, case.before(manifest.resource.ref)
    if live is None:
        return new
    metadata = {**new.metadata, **{key: live.metadata[key] for key in _KEPT if key in live.metadata}}
    body: dict[str, Any] = {**new.body, "metadata": metadata}
    if live.status and not mapping(new.spec, "template"):
        body["status"] = live.body["status"]
    return msgspec.structs.replace(new, body=body, uid=live.uid)


def _coverage(case: Case, base: Snapshot) -> Coverage:
    """The cluster's own coverage; alone, manifests prove which pods there are where they bring workloads, and nothing else."""
    if case.live is not None:
        return base.coverage
    spaces = sorted({manifest.resource.ref.namespace for manifest in case.workloads()})
    return Coverage(tuple(Reading("Pod", "", space, ReadState.READ) for space in spaces))


def _with_pods(case: Case, ground: ResourceGraph, gone: set[Ref]) -> Foretold:
    floor = Floor(ground)
    quotas = _quotas(case, ground, gone)
    owners: dict[Ref, Manifest] = {}
    refused: list[Refused] = list(_refused_objects(case, quotas))
    for manifest in case.workloads():
        space = manifest.resource.ref.namespace
        limits = ground.of_kind("LimitRange", space, "")
        home = ground.find("Namespace", "", space)
        for pod, node in _wanted(manifest, limits, floor):
            message = pod_refusal(pod, quotas.get(space, []), limits, home)
            if message:
                refused.append(
                    Refused(manifest.resource.ref, f'Error creating: pods "{pod.ref.name}" is forbidden: {message}')
                )
                break
            owners[pod.ref] = manifest
            placed = _placed(pod, floor, node)
            ground.put(placed)
            if (placed.status.get("phase") == "Pending" and node is None) or floor.tired:
                break  # the others of the workload fare the same
    return Foretold(_finished(ground, refused, quotas), owners)


def _wanted(manifest: Manifest, limits: list[Resource], floor: Floor) -> Iterator[tuple[Resource, Resource | None]]:
    """The pods of a workload; those of a DaemonSet with the node each is made for."""
    pods = foretold_pods(manifest, limits, len(floor.nodes))
    if manifest.resource.ref.kind != "DaemonSet" or not floor.nodes:
        yield from ((pod, None) for pod in pods)
        return
    for pod, node in zip(pods, floor.nodes, strict=False):
        if floor.takes_daemons(pod, node):
            yield pinned(pod, node.ref.name), node


def _placed(pod: Resource, floor: Floor, only: Resource | None) -> Resource:
    node, message = floor.place(pod, only)
    spec = dict(pod.spec)
    if node is None and message:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        status: dict[str, Any] = {"phase": "Pending", "conditions": [condition]}
    else:
        statuses = [
            {"name": text(c, "name"), "ready": True, "restartCount": 0, "state": {"running": {}}}
            for c in children(spec, "containers")
        ]
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": statuses,
        }
        if node is not None:
            spec["nodeName"] = node.name
    return msgspec.structs.replace(pod, body={**pod.body, "spec": spec, "status": status})


def _quotas(case: Case, ground: ResourceGraph, gone: set[Ref]) -> dict[str, list[Quota]]:
    freed: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for ref in sorted(gone):
        pod = case.live.get(ref) if case.live is not None and ref.kind == "Pod" else None
        if pod is not None and text(pod.status, "phase") not in ("Succeeded", "Failed"):
            for quota in ground.of_kind("ResourceQuota", ref.namespace, ""):
                for name in mapping(quota.spec, "hard"):
                    if name.partition(".")[0] in ("pods", "count/pods", "requests", "limits", "cpu", "memory"):
                        freed[quota.ref.path][name] += pod_amount(pod.spec, name)
    found: dict[str, list[Quota]] = defaultdict(list)
    for quota in ground.of_kind("ResourceQuota", group=""):
        found[quota.ref.namespace].append(Quota(quota, freed[quota.ref.path]))
    return found


def _refused_objects(case: Case, quotas: dict[str, list[Quota]]) -> list[Refused]:
    found = []
    for manifest in case.by_ref.values():
        resource = manifest.resource
        if resource.ref.kind == "Pod" or case.before(resource.ref) is not None:
            continue
        for quota in quotas.get(resource.ref.namespace, []):
            wanted = object_wants(quota, resource) if quota.counts else {}
            over = quota.over(wanted)
            if over:
                found.append(
                    Refused(
                        resource.ref,
                        f'{resource.ref.kind.lower()} "{resource.ref.name}" is forbidden: {quota.refusal(over)}',
                    )
                )
            else:
                quota.take(wanted)
    return found


def _finished(ground: ResourceGraph, refused: list[Refused], quotas: dict[str, list[Quota]]) -> ResourceGraph:
    for counted in (quota for listed in quotas.values() for quota in listed):
        ground.put(counted.counted())
    for number, refusal in enumerate(refused):
        ground.put(_event(refusal, number))
    return ground


def _event(refusal: Refused, number: int) -> Resource:
    about = refusal.about
    version = f"{about.group}/v1" if about.group else "v1"
    body = {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"foretold-{number}", "namespace": about.namespace or "default"},
        "involvedObject": {"kind": about.kind, "namespace": about.namespace, "name": about.name, "apiVersion": version},
        "type": "Warning", "reason": "FailedCreate", "message": refusal.message, "count": 1,
    }  # fmt: skip
    ref = Ref("Event", about.namespace or "default", f"foretold-{number}")
    return Resource(ref=ref, body=body, source=FORETOLD)
