"""What a person would paste of a built cluster: what real kubectl prints, and the logs and probes as they were described.

Promise: which commands are run depends only on what is there, never on what the truth is.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from copilot.model import ContainerLog, Probe, Usage
from tests.unit.diagnosis.unseen import Case

from .kinds import Body
from .server import Server

_LISTED = "deployments,statefulsets,daemonsets,jobs,cronjobs,services,ingresses,persistentvolumeclaims"
_BACKGROUND = ("kube-system", "default")
_NOT_DESCRIBED = ("Event", "Namespace", "ReplicaSet", "Pod", "Node", "EndpointSlice", "Lease", "ControllerRevision")
_OF_ONE_OWNER = 2  # pods that are described of one workload
_MOST = 40  # objects that are described


def printed(case: Case, server: Server) -> str:
    """The commands with what kubectl printed."""
    said = []
    for command in _commands(case):
        said.append(f"$ kubectl {command}\n{server.kubectl(*command.split())}")
    return "\n".join(said)


def told(case: Case) -> str:
    """The commands whose output no API server has: logs, use, probes, services of nodes."""
    parts = [*map(_log, case.logs), *_top(case.usage), *map(_probe, case.probes)]
    parts += [f"$ systemctl status {one.unit}\n{one.text or _unit(one.unit, one.active)}\n" for one in case.services]
    parts += [f"$ {one.command}\n{_ended(one.output)}" for one in case.commands]
    return "\n".join(parts)


def _commands(case: Case) -> Iterator[str]:
    bodies = [body for body, _ in case.bodies]
    spaces = list(dict.fromkeys(body["metadata"].get("namespace", "") for body in bodies if body["kind"] != "Event"))
    looked = [name for name in spaces if name and (name not in _BACKGROUND or _is_unwell(bodies, name))]
    yield "get nodes -o wide"
    for namespace in looked or ["default"]:
        yield f"get pods -n {namespace} -o wide"
        yield f"get {_LISTED} -n {namespace}"
    yield from _descriptions([body for body in bodies if body["metadata"].get("namespace", "") in ("", *looked)])
    with_events = dict.fromkeys(body["metadata"]["namespace"] for body in bodies if body["kind"] == "Event")
    for namespace in dict.fromkeys((*looked, *with_events)):
        yield f"get events -n {namespace}"


def _is_unwell(bodies: list[Body], namespace: str) -> bool:
    """Whether somebody would look into a namespace of the cluster's own programs."""
    own = [body for body in bodies if body["metadata"].get("namespace") == namespace]
    ordinary = {"coredns", "kube-dns"}
    return any(
        (body["kind"] == "Pod" and not _is_ready(body))
        or (body["kind"] not in ("Pod", "ReplicaSet") and body["metadata"]["name"] not in ordinary)
        for body in own
    )


def _descriptions(bodies: list[Body]) -> Iterator[str]:
    pods = [body for body in bodies if body["kind"] == "Pod"]
    troubled = [pod for pod in pods if not _is_ready(pod) or _has_restarted(pod)]
    nodes = [body for body in bodies if body["kind"] == "Node"]
    unplaced = any(not pod["spec"].get("nodeName") for pod in pods)
    chosen = [body for body in bodies if body["kind"] not in _NOT_DESCRIBED]
    chosen += [node for node in nodes if unplaced or not _is_ready(node) or node["spec"].get("taints")]
    chosen += [body for body in bodies if body["kind"] == "Namespace" and body["metadata"].get("deletionTimestamp")]
    wanted = [*_few(troubled), *(chosen if len(chosen) <= _MOST else chosen[:_MOST])]
    together: dict[tuple[str, str], list[str]] = {}
    for body in wanted:
        group = body["apiVersion"].rpartition("/")[0]
        kind = f"{body['kind']}.{group}" if "." in group else body["kind"]
        place = (kind.lower(), body["metadata"].get("namespace", ""))
        together.setdefault(place, []).append(body["metadata"]["name"])
    for (kind, namespace), names in together.items():
        yield f"describe {kind} {' '.join(names)}" + (f" -n {namespace}" if namespace else "")


def _few(pods: list[Body]) -> Iterator[Body]:
    seen: dict[str, int] = {}
    for pod in pods:
        owner = next((one["name"] for one in pod["metadata"].get("ownerReferences", [])), pod["metadata"]["name"])
        seen[owner] = seen.get(owner, 0) + 1
        if seen[owner] <= _OF_ONE_OWNER:
            yield pod


def _is_ready(body: Body) -> bool:
    status = body.get("status", {})
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions", [])}
    others = [kind for kind in conditions if str(kind).endswith("Pressure") and conditions[kind] == "True"]
    return status.get("phase") == "Succeeded" or (conditions.get("Ready") == "True" and not others)


def _has_restarted(pod: Body) -> bool:
    return any(one.get("restartCount") for one in pod.get("status", {}).get("containerStatuses", []))


def _log(log: ContainerLog) -> str:
    previous = " --previous" if log.previous else ""
    return f"$ kubectl logs {log.pod} -n {log.namespace} -c {log.container}{previous}\n{_ended(log.text)}"


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _top(usage: Iterable[Usage]) -> Iterator[str]:
    nodes = [one for one in usage if one.ref.kind == "Node"]
    pods = [one for one in usage if one.ref.kind == "Pod"]
    if nodes:
        yield _table(["$ kubectl top nodes", "NAME|CPU(cores)|CPU(%)|MEMORY(bytes)|MEMORY(%)"],
                     [f"{one.ref.name}|{_cores(one)}|-|{_bytes(one)}|-" for one in nodes])  # fmt: skip
    for namespace in dict.fromkeys(one.ref.namespace for one in pods):
        rows = [f"{one.ref.name}|{one.container or 'main'}|{_cores(one)}|{_bytes(one)}" for one in pods if one.ref.namespace == namespace]  # fmt: skip
        yield _table([f"$ kubectl top pods -n {namespace} --containers", "POD|NAME|CPU(cores)|MEMORY(bytes)"], rows)


def _cores(one: Usage) -> str:
    return "0m" if one.cpu is None else f"{one.cpu * 1000:.0f}m"


def _bytes(one: Usage) -> str:
    return "0Mi" if one.memory is None else f"{one.memory / 2**20:.0f}Mi"


def _table(head: list[str], rows: list[str]) -> str:
    cells = [row.split("|") for row in (head[1], *rows)]
    widths = [max(len(row[column]) for row in cells) + 3 for column in range(len(cells[0]))]
    lines = ["".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join((head[0], *lines)) + "\n"


_NC: dict[str, str] = {
    "refused": "nc: connect to {host} port {port} (tcp) failed: Connection refused",
    "timeout": "nc: connect to {host} port {port} (tcp) failed: Connection timed out",
    "no-route": "nc: connect to {host} port {port} (tcp) failed: No route to host",
    "not-resolved": "nc: bad address '{host}'",
    "ok": "{host} ({host}:{port}) open",
}


def _probe(probe: Probe) -> str:
    namespace, _, pod = probe.origin.rpartition("/")
    inside = f"kubectl exec -n {namespace} {pod} -- " if namespace else ""
    names: dict[str, Any] = {"host": probe.host, "port": probe.port}
    if probe.outcome in _NC and probe.port is not None:
        return f"$ {inside}nc -zv {probe.host} {probe.port}\n{_NC[probe.outcome].format(**names)}\n"
    if probe.outcome == "not-resolved":
        return f"$ {inside}nslookup {probe.host}\n** server can't find {probe.host}: NXDOMAIN\n"
    if probe.outcome == "http-error":
        port = f":{probe.port}" if probe.port else ""
        return f"$ {inside}curl -si http://{probe.host}{port}/\nHTTP/1.1 {probe.status} \n"
    return f"$ {inside}curl -sv https://{probe.host}:{probe.port or 443}/\n{probe.text}\n"


def _unit(unit: str, active: str) -> str:
    return f"● {unit} - {unit}\n     Loaded: loaded\n     Active: {active}"
