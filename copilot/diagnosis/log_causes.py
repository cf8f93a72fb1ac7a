"""What an application's own log says about why it fails, checked against the objects of the cluster.

A host name is looked up among the Services, a path among the volumes, a variable in the template: the log only points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.addresses import Setting, settings_of
from copilot.diagnosis.cause import Cause, Severity
from copilot.diagnosis.log_dependency import DEPENDENCY_CAUSES, TEXT_ONLY, dependency
from copilot.diagnosis.log_lines import TAIL, LogLine, bare, severity, tail
from copilot.diagnosis.log_pattern import LogMatch
from copilot.diagnosis.log_patterns import match_block, match_line
from copilot.diagnosis.log_servers import CREDENTIALS, at_server, preparing_jobs, rejected
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, logs_step
from copilot.diagnosis.view import View, logged, said
from copilot.model import ContainerLog, Evidence, Finding, Ref, children, number, text, texts


def _cause(identity: str, title: str, step: str, *, yields: bool = False, level: Severity = Severity.OUTAGE) -> Cause:
    return Cause(
        id=identity, title=title, kind="Pod", fields=("log", "spec.containers[].env"), steps=(step,), yields=yields,
        severity=level, citation="messages of runtimes, databases and libraries",
    )  # fmt: skip


LOG_CAUSES: tuple[Cause, ...] = (
    *DEPENDENCY_CAUSES,
    _cause("app.port.in_use", "Two processes want the same port", "Give one of them another port"),
    _cause("app.module.missing", "A module the program needs is not in the image", "Build the image with it"),
    _cause("app.schema.missing", "The database lacks what the program expects", "Run or repair the migration", yields=True),
    _cause("app.database.rights", "The database lacks a user or a right that a program needs", "Create the user or grant the right in the database"),
    _cause("app.store.full", "A store refuses writes for lack of memory or disk", "Give it room, or let it evict"),
    _cause("app.store.no_primary", "A store has no primary or leader, so nobody may write", "Initiate the replica set, or bring its members back"),
    _cause("app.capacity.exhausted", "A program's own workers, threads or ports are used up", "Raise the limit, add replicas, or look at what they wait for", yields=True, level=Severity.DEGRADED),
    _cause("app.dependency.wrong_scheme", "A client speaks TLS to a plain port, or the other way round", "Correct the scheme or the TLS setting"),
    _cause("app.database.slow", "A database answers slowly", "Look at its slow queries, locks and disk", level=Severity.DEGRADED),
    _cause("app.data.poison", "A message that cannot be read stops a consumer", "Skip or repair the message"),
    _cause("app.memory.gc", "A program spends its time in garbage collection", "Raise its heap or lower its use", level=Severity.DEGRADED),
    _cause("app.clock.skew", "Clocks differ, so tokens are not valid", "Compare the nodes' clocks", yields=True),
    _cause("vllm.queue", "A model server's KV cache is full and requests wait", "Add replicas or memory, lower the context", level=Severity.DEGRADED),
    _cause("app.credentials.rejected", "A server rejects the credentials", "Correct the Secret or the variable"),
    _cause("app.config.missing", "A required setting or file is missing", "Set it in the template or mount it"),
    _cause("app.config.invalid", "The program refuses its configuration", "Correct the configuration"),
    _cause("app.certificate.untrusted", "A certificate is expired, unknown or for another name", "Renew or trust it", yields=True),
    _cause("app.data.incompatible", "The data on its volume does not fit the program", "Compare versions; restore or migrate the data"),
    _cause("app.disk.full", "A disk or volume is full", "Free or enlarge it", yields=True),
    _cause("app.disk.read_only", "The program writes to a read-only file system", "Mount a writable volume there"),
    _cause("cuda.init", "The program finds no GPU it can use", "Compare the GPU request, the node and its driver"),
    _cause("cuda.oom", "The GPU's memory is exhausted", "Use a larger GPU, a smaller model, batch or context"),
    _cause("cuda.sticky", "A GPU operation failed for good", "Look for Xid errors of the node's GPUs", yields=True),
    _cause("app.kernel.limit", "A limit of the node's kernel is too low", "Raise the limit on the node"),
    _cause("app.permission.denied", "The container's user may not do what the program needs", "Correct runAsUser, fsGroup or the file mode"),
    _cause("app.memory.exhausted", "The program ran out of memory by itself", "Raise its heap or lower its use"),
    _cause("nccl.shm", "Its shared memory is too small", "Mount an emptyDir of medium Memory at /dev/shm"),
    _cause("app.model.missing", "The model it should load is not there", "Correct the model's path or name"),
    _cause("app.model.unloadable", "The model cannot be loaded", "Compare the model with the server's version and GPU"),
    _cause("kuberay.head", "Ray's head or a worker it needs is not there", "Look at the head pod", yields=True),
    _cause("nccl.watchdog.early", "The workers of a training never reached each other", "Compare interfaces, NCCL_SOCKET_IFNAME and policies", yields=True),
    _cause("nccl.peer.refused", "A worker that the training needs is dead", "Look at that worker first", yields=True),
    _cause("nccl.ib.memlock", "InfiniBand may not lock memory", "Add IPC_LOCK or raise the memlock limit"),
    _cause("nccl.roce.gid", "The RoCE address is wrong", "Compare show_gids with NCCL_IB_GID_INDEX"),
    _cause("nccl.ib.unreachable", "An InfiniBand peer is unreachable", "Look at the fabric between the two nodes", yields=True),
    _cause("nccl.segfault", "The NCCL library crashed", "Compare NCCL, driver and plugin versions"),
    _cause("ray.oom", "Ray killed workers for lack of memory", "Lower the workers' memory or their number"),
    _cause("nccl.watchdog", "The workers of a training wait for one that is late or dead", "Look at the first worker that failed", yields=True),
    _cause("train.rendezvous", "The workers of a training cannot meet", "Look at the master's Service, pods and policies", yields=True),
    _cause("pod.exit2.shell_syntax", "The inline script is broken", "Correct the script"),
)  # fmt: skip
_DEPENDENCIES = frozenset(cause.id for cause in DEPENDENCY_CAUSES) | {
    "app.credentials.rejected",
    "app.schema.missing",
    "train.rendezvous",
    "kuberay.head",
    "nccl.peer.refused",
}
_BLOCK = 6  # lines: the longest message that spans several


def from_logs(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    """The cause that the container's most telling line names, or None."""
    for log in view.logs(pod.ref, container.name):
        found = telling(view, log)
        if found is not None:
            return explain_line(view, pod, container, log, *found)
    return None


def telling(view: View, log: ContainerLog) -> tuple[LogLine, LogMatch] | None:
    """`telling_match`, read once for each log: several rules ask."""
    return view.once(f"telling {id(log)}", lambda: telling_match(log))


def telling_match(log: ContainerLog) -> tuple[LogLine, LogMatch] | None:
    """The line that a pattern knows: severe before plain, one that names host or file before one that does not, new before old."""
    best: tuple[tuple[int, bool], LogLine, LogMatch] | None = None
    newer: list[str] = []
    for line in tail(log):
        match = match_line(line.said)
        if match is None and len(newer) < TAIL:
            match = match_block("\n".join([line.raw, *reversed(newer[-_BLOCK:])]))
        newer.append(line.raw)
        if match is not None:
            rank = (severity(line.said), match.names_something)
            if best is None or rank > best[0]:
                best = (rank, line, match)
    return (best[1], best[2]) if best else None


def explain_line(
    view: View, pod: PodFact, container: ContainerFact, log: ContainerLog, line: LogLine, match: LogMatch
) -> Finding:
    """The finding that a line of a container's log leads to."""
    role = "init container" if container.init else "container"
    where = f"{pod.owner.kind} {pod.owner.path}: {role} {container.name}"
    sentence = match.pattern.sentence.format(**match.groups)
    base = Finding(
        cause=match.pattern.cause,
        object=pod.owner,
        title=f"{where}: {sentence}",
        evidence=(logged(log, line.number, bare(line.raw)[:500]), _status(pod, container)),
        explains=(pod.ref,),
        weight=min(match.pattern.weight, TEXT_ONLY),
        since=container.finished,
        steps=(logs_step(pod, container),),
    )
    if match.pattern.server:
        moved = at_server(view, pod, container, base, match)
        if moved is not base or base.cause not in _DEPENDENCIES:
            return moved
    if base.cause == CREDENTIALS:
        moved = rejected(view, pod, container, base, match)
        if moved is not base:
            return moved
    if base.cause in _DEPENDENCIES:
        found = dependency(view, pod, container, base, match.groups)
        if found.cause == "app.schema.missing":
            found = msgspec.structs.replace(
                found, points_to=(*found.points_to, *preparing_jobs(view, pod.ref.namespace))
            )
        return found
    match base.cause:
        case "app.disk.full":
            claims = [
                text(volume, "persistentVolumeClaim", "claimName") for volume in children(pod.resource.spec, "volumes")
            ]
            found_claims = tuple(Ref("PersistentVolumeClaim", pod.ref.namespace, claim) for claim in claims if claim)
            return msgspec.structs.replace(base, points_to=found_claims)
        case "app.config.invalid" | "app.config.missing":
            return _configuration(view, pod, container, base, line.said, match.groups)
        case "app.port.in_use":
            return _port(pod, container, base, number(match.groups.get("port")))
        case _:
            return base


def _status(pod: PodFact, container: ContainerFact) -> Evidence:
    if container.exit_code is not None and not (container.state == "running" and container.ready):
        what = f"container {container.name} ended with exit code {container.exit_code}, {container.restarts} restarts"
        return said(pod.resource, f"{container.path}.lastState.terminated.exitCode", what)
    if container.ready:
        return said(pod.resource, f"{container.path}.ready", f"container {container.name} is ready and complains")
    return said(pod.resource, f"{container.path}.ready", f"container {container.name} is not ready")


def mounted(pod: PodFact, container: ContainerFact, path: str) -> tuple[str, str] | None:
    """The (kind, name) of the ConfigMap or Secret whose mount covers a path in the container."""
    best: tuple[int, str] | None = None
    for mount in children(container.spec, "volumeMounts"):
        at = text(mount, "mountPath").rstrip("/")
        if at and (path == at or path.startswith(at + "/")) and (best is None or len(at) > best[0]):
            best = (len(at), text(mount, "name"))
    if best is None:
        return None
    for volume in children(pod.resource.spec, "volumes"):
        if text(volume, "name") == best[1]:
            if text(volume, "configMap", "name"):
                return "ConfigMap", text(volume, "configMap", "name")
            if text(volume, "secret", "secretName"):
                return "Secret", text(volume, "secret", "secretName")
    return None


def mount_mode(pod: PodFact, kind: str, name: str) -> int:
    """The file mode a ConfigMap or Secret is mounted with; 0644 unless the volume says otherwise."""
    key, field = ("configMap", "name") if kind == "ConfigMap" else ("secret", "secretName")
    for volume in children(pod.resource.spec, "volumes"):
        if text(volume, key, field) == name:
            return number(volume, key, "defaultMode", default=0o644)
    return 0o644


def _configuration(
    view: View, pod: PodFact, container: ContainerFact, base: Finding, line: str, groups: Mapping[str, str]
) -> Finding:
    """Blame the ConfigMap that holds what the line refuses: by its words, by the file's mount, or as the only one mounted."""
    name = groups.get("name", "")
    if base.cause != "app.config.invalid":
        steps = (change(f"Set {name} in the template of {pod.owner}", pod.owner), *base.steps) if name else base.steps
        return msgspec.structs.replace(base, steps=steps)
    quoted = _holding(view, pod, container, line)
    found = quoted[0].holder if quoted else None
    weight = 0.88
    if found is None or found.kind != "ConfigMap":
        mount, sure = _mounted_file(pod, container, line, groups)
        weight = 0.82 if sure else 0.7
        found = Ref(mount[0], pod.ref.namespace, mount[1]) if mount else None
    evidence = (
        *base.evidence,
        *(Evidence(s.holder, s.path, f"{s.path} of {s.holder} holds {w!r}") for s, w in _words(quoted, line)),
    )
    if found is None:
        return msgspec.structs.replace(base, evidence=evidence[:6], title=f"{base.title}: {bare(line)[:200]}")
    return msgspec.structs.replace(
        base, object=found, title=f"{found}: {base.title.split(': ', 1)[-1]} (mounted by {pod.owner}): {bare(line)[:200]}",
        explains=(pod.ref, pod.owner), steps=(change(f"Correct {found}, then restart {pod.owner}", found), *base.steps),
        weight=weight, evidence=evidence[:6],
    )  # fmt: skip


_WORD = re.compile(r"[\"'`]([^\"'`\n]{4,80})[\"'`]|(?<![\w-])(-{1,2}[a-z][\w-]{3,60})")


def _quoted_words(line: str) -> list[str]:
    words = [match[1] or match[2] for match in _WORD.finditer(line)]
    return [word.split("=")[0].lstrip("-") for word in words if not word.startswith("/")]


def _holding(view: View, pod: PodFact, container: ContainerFact, line: str) -> list[Setting]:
    """The settings that hold a word the line quotes, those of ConfigMaps first."""
    words = _quoted_words(line)
    held = [s for s in settings_of(view, pod, container) if any(len(word) > 3 and word in s.value for word in words)]
    return sorted(held, key=lambda setting: setting.holder.kind != "ConfigMap")


def _words(settings: Sequence[Setting], line: str) -> Iterator[tuple[Setting, str]]:
    for setting in settings[:2]:
        yield setting, next(word for word in _quoted_words(line) if len(word) > 3 and word in setting.value)


def _mounted_file(
    pod: PodFact, container: ContainerFact, line: str, groups: Mapping[str, str]
) -> tuple[tuple[str, str] | None, bool]:
    """(kind, name) of what holds the file that the line or the command names, and whether a file was named at all."""
    paths = [groups.get("path", "")] + [
        word.strip("'\"(),:;") for word in line.split() if word.startswith(("/", "'/", '"/'))
    ]
    command = [word for key in ("command", "args") for word in texts(container.spec, key)]
    paths += [word for part in command for word in part.replace("=", " ").split() if word.startswith("/")]
    found = next((hit for path in paths if path and (hit := mounted(pod, container, path))), None)
    if found is not None:
        return found, True
    maps = {
        hit
        for mount in children(container.spec, "volumeMounts")
        if (hit := mounted(pod, container, text(mount, "mountPath")))
        and hit[0] == "ConfigMap"
        and hit[1] != "kube-root-ca.crt"
    }
    return (maps.pop() if len(maps) == 1 else None), False


def _port(pod: PodFact, container: ContainerFact, base: Finding, port: int) -> Finding:
    rivals = [
        other.name for other in pod.containers if other is not container and not other.init and other.state == "running"
    ]
    declared = [
        name for name in rivals
        if any(number(entry, "containerPort") == port for spec in (_spec(pod, name),) for entry in children(spec, "ports"))
    ]  # fmt: skip
    who = declared or rivals
    title = base.title + (f"; container {who[0]} of the same pod already runs" if who else "")
    return msgspec.structs.replace(base, title=title, weight=0.9 if declared else base.weight)


def _spec(pod: PodFact, name: str) -> Mapping[str, Any]:
    return next((container.spec for container in pod.containers if container.name == name), {})
