"""Changes of a whole snapshot that must not change its diagnosis (other names, another order, noise) or must (no proof).

Promise: each returns a new snapshot; the same seed gives the same one.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from copilot.model import ContainerLog, Diagnosis, Evidence, Ref, Resource, Snapshot
from copilot.model.resource import ref_of
from tests.unit.diagnosis.cluster import NOW
from tests.unit.diagnosis.unseen import Case, condition, put, svc

Rename = Callable[[str], str]
# Names that every cluster has or that carry a meaning: changing them makes another cluster.
KEPT = frozenset(
    [
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "kube-dns",
        "coredns",
        "default",
        "default-scheduler",
        "main",
        "node",
        "n1",
        "n2",
        "n3",
        "nginx",
        "http",
        "kube-root-ca.crt",
        "gvisor",
        "db",
        "app",
        "kubernetes",
        "kube-proxy",
        "kube-scheduler",
        "kube-controller-manager",
        "kube-apiserver",
        "etcd",
        "system-node-critical",
        "system-cluster-critical",
        "extension-apiserver-authentication",
        "metrics-server",
        "monitoring",
        "local-path",
    ]
)
_WORDS = frozenset(
    ["ratio", "limit", "limits", "quota", "storage", "data", "memory", "image", "volume", "claim", "secret", "config",
     "service", "node", "port", "ports", "team"]
)  # fmt: skip
_NAMED_BY_MEANING = frozenset(
    ["Event", "Lease", "APIService", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "FlowSchema",
     "PriorityLevelConfiguration", "DeviceClass", "CSIDriver"]
)  # fmt: skip
_LITERAL = ("kind", "apiVersion", "reason", "type", "restartPolicy", "protocol", "provisioner", "driver", "uid")
_GENERATED = re.compile(r"-(?:\d+|[k-o]\d?|[a-z0-9]{5}|[a-f0-9]{8,10}(?:-[a-z0-9]{5})?)$")
_LETTERS = "bcdfghjklmnpqrstvwxz"
_SHORT = 4  # a name of fewer letters may be a word of any text
_STEP = re.compile(r"([^.\[\]]+)|\[([^\]]*)\]")
_LIST_KEYS = ("name", "type", "key", "ip", "containerPort", "port", "host", "kind", "topologyKey")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=(?:\.\d+)?Z)")


def noisy(snapshot: Snapshot) -> Snapshot:
    """Unrelated things that are a little wrong, as in every cluster."""
    made = noise(Case())
    by = snapshot.observed_at - NOW
    node = next((one.ref.name for one in snapshot.resources if one.ref.kind == "Node"), "")
    text = json.dumps([body for body, _ in made.bodies])
    bodies = json.loads(_MOMENT.sub(lambda match: _later(match[0], by), text))
    for body in bodies:
        if body["kind"] == "Pod":
            body["spec"]["nodeName"] = node
    extra = tuple(Resource(ref=ref_of(body), body=body, uid=body["metadata"]["uid"], source="noise") for body in bodies)
    return msgspec.structs.replace(
        snapshot, resources=(*snapshot.resources, *extra), logs=(*snapshot.logs, *made.logs)
    )  # fmt: skip


def _later(moment: str, by: timedelta) -> str:
    return (datetime.fromisoformat(moment) + by).strftime("%Y-%m-%dT%H:%M:%S")


def noise(made: Case) -> Case:
    """Add unrelated things that are a little wrong to a described cluster."""
    far = "elsewhere"
    made.add("Namespace", far)
    svc(put(made, "blog", ns=far, replicas=2, logs="INFO up\nERROR one bad request\nINFO ok\n" * 3), "blog", 80, ns=far)
    svc(made, "retired", 80, ns=far)
    made.deployment("parked", far, replicas=0)
    made.event("Pod", "blog-abc-x0", far, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=1, last=3000)  # fmt: skip
    made.event("Pod", "gone-abc-1", far, "FailedScheduling", "0/2 nodes are available: 2 Insufficient cpu.", count=1, last=3300)  # fmt: skip
    made.event("Node", "n1", "", "NodeHasSufficientMemory", "Node n1 status is now: NodeHasSufficientMemory", type_="Normal", last=3500)  # fmt: skip
    put(made, "once", ns=far, kind="Job", states="done", phase="Succeeded", status={"succeeded": 1, "failed": 1, "conditions": [condition("Complete", "True")]})  # fmt: skip
    put(made, "flaky", ns=far, logs="dial tcp 10.1.1.1:80: connect: connection refused\nconnected\n")
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": (NOW - timedelta(seconds=3000)).isoformat()[:19] + "Z"}
    made.bodies[-1][0]["status"]["containerStatuses"][0] |= {"restartCount": 2, "lastState": {"terminated": ended}}
    return made


def shuffled(snapshot: Snapshot, seed: int) -> Snapshot:
    """The same in another order: objects, logs and everything else."""
    rng = random.Random(seed)

    def mixed(values: Iterable[Any]) -> tuple[Any, ...]:
        found = list(values)
        rng.shuffle(found)
        return tuple(found)

    return msgspec.structs.replace(
        snapshot, resources=mixed(snapshot.resources), logs=mixed(snapshot.logs), alerts=mixed(snapshot.alerts),
        series=mixed(snapshot.series), usage=mixed(snapshot.usage),
    )  # fmt: skip


def new_names(snapshot: Snapshot, seed: int) -> dict[str, str]:
    """A random name for every name, namespace and image of the cluster, the longest first."""
    rng = random.Random(seed)
    refs = [one.ref for one in snapshot.resources if one.ref.kind not in _NAMED_BY_MEANING]
    refs = [ref for ref in refs if ref.namespace != "kube-system" and not ref.name.startswith("system:")]
    names = {ref.name for ref in refs} | {ref.namespace for ref in refs}
    images = {image.rpartition("/")[2].partition("@")[0].partition(":")[0] for image in _images(snapshot)}
    stems = {stem for name in names | images for stem in (name, *_stems(name)) if len(stem) >= _SHORT} - KEPT - _WORDS
    short = {name for name in names if len(name) < _SHORT} - {""}
    whole: set[str] = set()
    for stem in sorted(stems, key=lambda stem: (len(stem), stem)):
        if not any(f"-{part}-" in f"-{stem}-" for part in whole | short):  # else it changes with its part
            whole.add(stem)
    # In the order of the old ones: between two equal victims the first by name is named.
    words = sorted("".join(rng.choice(_LETTERS) for _ in range(9)) for _ in whole)
    found = dict(zip(sorted(whole), words, strict=True))
    return {stem: found[stem] for stem in sorted(whole, key=lambda stem: (-len(stem), stem))}


def _stems(name: str) -> Iterator[str]:
    """The names that a controller may have made this one of."""
    for _ in range(2):
        name = _GENERATED.sub("", name)
        yield name


def _images(snapshot: Snapshot) -> Iterator[str]:
    for one in snapshot.resources:
        if one.ref.kind == "Pod" and one.ref.namespace != "kube-system":
            for container in one.body.get("spec", {}).get("containers", []):
                yield str(container.get("image", ""))


def renamer(names: dict[str, str]) -> Rename:
    """What changes these names wherever they stand as a word."""
    if not names:
        return lambda text: text
    pattern = re.compile(r"(?<![A-Za-z0-9])(" + "|".join(map(re.escape, names)) + r")(?![A-Za-z0-9])")
    return lambda text: pattern.sub(lambda match: names[match[1]], text)


def _walk(value: Any, rename: Rename) -> Any:
    if isinstance(value, str):
        return rename(value)
    if isinstance(value, list):
        return [_walk(item, rename) for item in value]
    if isinstance(value, dict):
        return {key: item if key in _LITERAL and isinstance(item, str) else _walk(item, rename) for key, item in value.items()}  # fmt: skip
    return value


def renamed_ref(ref: Ref, rename: Rename) -> Ref:
    """The object under its new name."""
    return Ref(ref.kind, rename(ref.namespace), rename(ref.name), ref.group)


def renamed(snapshot: Snapshot, rename: Rename) -> Snapshot:
    """The cluster with new names everywhere: objects, labels, messages, logs."""
    bodies = [(_walk(one.body, rename), one) for one in snapshot.resources]
    return msgspec.structs.replace(
        snapshot,
        resources=tuple(msgspec.structs.replace(one, ref=ref_of(body), body=body) for body, one in bodies),
        logs=tuple(ContainerLog(rename(g.namespace), rename(g.pod), rename(g.container), rename(g.text), g.previous) for g in snapshot.logs),
        usage=tuple(msgspec.structs.replace(u, ref=renamed_ref(u.ref, rename), container=rename(u.container)) for u in snapshot.usage),
        alerts=tuple(msgspec.structs.replace(a, labels={k: rename(v) if k != "alertname" else v for k, v in a.labels.items()}) for a in snapshot.alerts),
        series=tuple(msgspec.structs.replace(s, labels={k: rename(v) if k != "__name__" else v for k, v in s.labels.items()}) for s in snapshot.series),
        probes=tuple(msgspec.structs.replace(p, host=rename(p.host), origin=rename(p.origin), text=rename(p.text)) for p in snapshot.probes),
        services=tuple(msgspec.structs.replace(s, node=rename(s.node), text=rename(s.text)) for s in snapshot.services),
    )  # fmt: skip


def without(snapshot: Snapshot, cited: Iterable[Evidence]) -> Snapshot:
    """The cluster without what these pieces of evidence point at: logs, events, fields; else the object itself."""
    pieces = list(cited)
    spoken = [piece for piece in pieces if piece.path.startswith("log")]
    logs = tuple(log for log in snapshot.logs if not any(_is_of(log, piece.object) for piece in spoken))
    resources = list(snapshot.resources)
    for piece in pieces:
        resources = _without_one(resources, piece)
    measured = {one.name for one in snapshot.series}
    silent = any(
        piece.path.split(" ")[0] in ("alert", "series", "use", "metric", "usage")
        or any(name.startswith(piece.path.split(" ")[0]) for name in measured)
        for piece in pieces
    )
    more: dict[str, Any] = {"alerts": (), "series": (), "usage": ()} if silent else {}
    if any(piece.path.startswith("connectivity") for piece in pieces):
        more["probes"] = ()
    if any(piece.path.startswith(("systemctl", "journal", "service", "unit")) for piece in pieces):
        more["services"] = ()
    return msgspec.structs.replace(snapshot, resources=tuple(resources), logs=logs, **more)


def _is_of(log: ContainerLog, ref: Ref) -> bool:
    return log.namespace == ref.namespace and (ref.kind != "Pod" or log.pod == ref.name)


def _without_one(resources: list[Resource], piece: Evidence) -> list[Resource]:
    if piece.path.startswith("event"):
        reason = piece.path.removeprefix("event").strip()
        return [one for one in resources if not (one.ref.kind == "Event" and one.body.get("reason") == reason)]
    kept = []
    for one in resources:
        if one.ref == piece.object:
            body = copy.deepcopy(one.body)
            if _drop(body, [match[1] or match[2] for match in _STEP.finditer(piece.path)]):
                kept.append(msgspec.structs.replace(one, body=body))
                continue
            if one.ref.kind in ("Node", "Namespace"):
                kept.append(one)
            continue
        kept.append(one)
    return kept


def _drop(body: Any, steps: list[str]) -> bool:
    """Delete the field that the steps lead to, or the last one on the way that is there; False where there is none."""
    at, parent, last = body, None, None
    for step in steps:
        found = _key(at, step)
        if found is None:
            break
        parent, last, at = at, found, at[found]
    if parent is None or last in ("metadata", "spec", "status", "kind"):
        return False
    del parent[last]
    return True


def _key(at: Any, step: str) -> Any:
    if isinstance(at, dict):
        return step if step in at else None
    if isinstance(at, list):
        if step.isdigit() and int(step) < len(at):
            return int(step)
        for number, item in enumerate(at):
            if isinstance(item, dict) and any(str(item.get(key)) == step for key in _LIST_KEYS):
                return number
    return None


def first(answer: Diagnosis) -> tuple[str, Ref] | None:
    """What the first root cause is, and of which object."""
    return (answer.root_causes[0].cause, answer.root_causes[0].object) if answer.root_causes else None
