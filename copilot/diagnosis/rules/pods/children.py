"""Processes killed for memory inside a container that goes on: workers of a server, as its parent or the kernel tells.

Nothing restarts and the pod stays ready, so only the log or the kernel's own words show it. Once may be chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.log_lines import tail
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, logs_step
from copilot.diagnosis.view import View, logged, said
from copilot.model import Evidence, Finding, Ref, children, mapping, parse_quantity, text
from copilot.model.quantity import format_bytes

CHILD = Cause(
    id="pod.oomkilled.child",
    title="Child processes are killed for memory inside a container that goes on",
    kind="Pod",
    fields=("log", "spec.containers[].resources.limits.memory", "kernel log"),
    severity=Severity.DEGRADED,
    steps=("Raise the memory limit, run fewer workers, or lower what each of them uses",),
    citation="kernel mm/oom_kill.c; gunicorn, celery, php-fpm and postgres messages",
)
_TWICE = 2  # killings of one container's children: a single one may be a person, or a worker's own limit
_KILLED = re.compile(
    r"Worker \(pid:\d+\) was sent SIGKILL|[Ww]orker exited prematurely: signal 9|WorkerLostError.{0,120}signal 9|child \d+ exited on signal 9|"
    r"worker process \d+ exited on signal 9|DataLoader worker \(pid\(?s?\)? [\d, ]+\) (?:is killed by signal: Killed|exited unexpectedly)|"
    r"(?:process|worker|child)\b.{0,60}(?:terminated|killed) by signal 9|terminated (?:abruptly|by) .{0,60}(?:SIGKILL|signal 9)|"
    r"unexpectedly terminated.{0,120}SIGKILL|[Ww]orker \d+ .{0,60}(?:SIGKILL|killed: 9)|Killed process \d+"
)
_CGROUP = re.compile(r"oom-kill:constraint=CONSTRAINT_MEMCG.{0,600}?(?:task=(?P<task>[\w.\-/]{1,60}))")
_HEX = re.compile(r"[0-9a-f]{12,64}")
_UID = re.compile(r"pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})")


def find_killed_children(view: View) -> Iterator[Finding]:
    """One finding for each container whose children are killed while it goes on."""
    by_kernel = _of_kernel(view)
    named = {Ref("Pod", log.namespace, log.pod) for log in view.snapshot.logs} | set(by_kernel)
    for ref in sorted(named):
        resource = view.graph.get(ref)
        pod = view.pod(resource) if resource is not None else None
        for container in pod.containers if pod is not None else ():
            if pod is None or "OOMKilled" in (container.last_reason, container.reason):
                continue
            kernel = [piece for owner, piece in by_kernel.get(ref, ()) if owner in ("", container.name)]
            proof = kernel or _of_log(view, pod, container)
            if len(proof) >= _TWICE:
                yield _killed(pod, container, proof)


def _of_log(view: View, pod: PodFact, container: ContainerFact) -> list[Evidence]:
    found = []
    for log in view.logs(pod.ref, container.name):
        lines = [line for line in tail(log) if _KILLED.search(line.said) or _KILLED.search(line.raw)]
        found += [logged(log, line.number, line.raw[:400]) for line in lines]
    return found


def _of_kernel(view: View) -> dict[Ref, list[tuple[str, Evidence]]]:
    """The kernel's killings inside a container's own limit, by pod: a container's id or the pod's uid stands in the cgroup."""
    lines = [
        (service.node, line)
        for service in view.snapshot.services
        for line in service.text.splitlines()
        if "CONSTRAINT_MEMCG" in line[:2000]
    ]
    if not lines:
        return {}
    places = _places(view)
    found: dict[Ref, list[tuple[str, Evidence]]] = {}
    for node, line in lines[-200:]:
        keys = [uid.replace("_", "-") for uid in _UID.findall(line[:2000])] + _HEX.findall(line[:2000])
        place = next((places[key] for key in keys if key in places), None)
        if place is not None and _CGROUP.search(line[:2000]):
            piece = Evidence(object=Ref("Node", "", node), path="kernel log", text=line[:400], source="")
            found.setdefault(place[0], []).append((place[1], piece))
    return found


def _places(view: View) -> dict[str, tuple[Ref, str]]:
    """Pod uid or container id -> (pod, container name or nothing)."""
    found: dict[str, tuple[Ref, str]] = {}
    for pod in view.graph.of_kind("Pod", group=""):
        if pod.uid:
            found[pod.uid] = (pod.ref, "")
        for status in children(pod.status, "containerStatuses"):
            identity = text(status, "containerID").rpartition("/")[2]
            if identity:
                found[identity] = (pod.ref, text(status, "name"))
    return found


def _killed(pod: PodFact, container: ContainerFact, proof: list[Evidence]) -> Finding:
    limit = parse_quantity(mapping(container.spec, "resources", "limits").get("memory"))
    room = f"its memory limit of {format_bytes(limit)}" if limit is not None else "the memory there is"
    evidence = [*proof[-3:]]
    if limit is not None:
        path = f"spec.containers[{container.name}].resources.limits.memory"
        evidence.append(said(pod.resource, path, f"its memory limit is {format_bytes(limit)}"))
    words = f"worker processes of container {container.name} are killed for memory ({len(proof)} times, SIGKILL), while the container goes on: together they need more than {room}"
    return Finding(
        cause=CHILD.id,
        object=pod.owner,
        title=f"{pod.owner}: {words}",
        evidence=tuple(evidence),
        explains=(pod.ref,),
        weight=0.8,
        steps=(
            change(f"Raise the memory limit of container {container.name}, or run fewer workers", pod.owner),
            logs_step(pod, container),
        ),
    )


RULES = (Rule(find=find_killed_children, causes=(CHILD,)),)
