"""What an application's own log says about why it fails, checked against the objects of the cluster.

A host name is looked up among the Services, a path among the volumes, a variable in the template: the log only points.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause, Severity
from copilot.diagnosis.log_lines import bare, severity, tail
from copilot.diagnosis.log_patterns import LogMatch, match_line
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
    _cause("app.port.in_use", "Two processes want the same port", "Give one of them another port"),
    _cause("app.module.missing", "A module the program needs is not in the image", "Build the image with it"),
    _cause("app.schema.missing", "The database lacks what the program expects", "Run or repair the migration"),
    _cause("app.credentials.rejected", "A server rejects the credentials", "Correct the Secret or the variable"),
    _cause("app.config.missing", "A required setting or file is missing", "Set it in the template or mount it"),
    _cause("app.config.invalid", "The program refuses its configuration", "Correct the configuration"),
    _cause("app.dependency.unknown_host", "A host name does not resolve", "Correct the host name"),
    _cause("app.dependency.refused", "A server it needs refuses connections", "Look at that server first", yields=True),
    _cause("app.dependency.timeout", "A server it needs does not answer", "Look at that server and at policies", yields=True),
    _cause("app.dependency.exhausted", "A server it needs is out of capacity", "Raise the limit or use fewer connections", yields=True),
    _cause("app.certificate.untrusted", "A certificate is expired, unknown or for another name", "Renew or trust it"),
    _cause("app.disk.full", "A disk or volume is full", "Free or enlarge it"),
    _cause("app.disk.read_only", "The program writes to a read-only file system", "Mount a writable volume there"),
    _cause("app.permission.denied", "The container's user may not do what the program needs", "Correct runAsUser, fsGroup or the file mode"),
    _cause("app.memory.exhausted", "The program ran out of memory by itself", "Raise its heap or lower its use"),
    _cause("pod.exit2.shell_syntax", "The inline script is broken", "Correct the script"),
)  # fmt: skip


def from_logs(view: View, pod: PodFact, container: ContainerFact) -> Finding | None:
    """The cause that the container's newest telling line names, or None."""
    for log in view.logs(pod.ref, container.name):
        found = _newest_match(log)
        if found is not None:
            return _finding(view, pod, container, log, *found)
    return None


def _newest_match(log: ContainerLog) -> tuple[int, str, LogMatch] | None:
    """The newest line that a pattern knows; severe lines win over the plain ones printed after them."""
    best: tuple[int, int, str, LogMatch] | None = None
    for number_of_line, line in tail(log):
        match = match_line(line)
        if match is not None:
            weight = severity(line)
            if best is None or weight > best[0]:
                best = (weight, number_of_line, line, match)
    return (best[1], best[2], best[3]) if best else None


def _finding(
    view: View, pod: PodFact, container: ContainerFact, log: ContainerLog, line_number: int, line: str, match: LogMatch
) -> Finding:
    role = "init container" if container.init else "container"
    where = f"{pod.owner.kind} {pod.owner.path}: {role} {container.name}"
    sentence = match.pattern.sentence.format(**match.groups)
    base = Finding(
        cause=match.pattern.cause,
        object=pod.owner,
        title=f"{where}: {sentence}",
        evidence=(logged(log, line_number, bare(line)[:500]), _status(pod, container)),
        explains=(pod.ref,),
        weight=match.pattern.weight,
        since=container.finished,
        steps=(logs_step(pod, container),),
    )
    match match.pattern.cause:
        case "app.dependency.unknown_host":
            return _unknown_host(view, pod, container, base, match.groups.get("host", ""))
        case "app.dependency.refused" | "app.dependency.timeout" | "app.credentials.rejected" | "app.schema.missing":
            return _dependency(view, pod, container, base, match.groups, log)
        case "app.dependency.exhausted":
            return _dependency(view, pod, container, base, match.groups, log)
        case "app.config.invalid" | "app.config.missing":
            return _configuration(view, pod, container, base, line, match.groups)
        case "app.port.in_use":
            return _port(pod, container, base, number(match.groups.get("port")))
        case _:
            return base


def _status(pod: PodFact, container: ContainerFact) -> Evidence:
    if container.exit_code is not None and not (container.state == "running" and container.ready):
        what = f"container {container.name} ended with exit code {container.exit_code}, {container.restarts} restarts"
        return said(pod.resource, f"{container.path}.lastState.terminated.exitCode", what)
    return said(pod.resource, f"{container.path}.ready", f"container {container.name} is not ready")


def mentions(spec: Mapping[str, Any], wanted: str) -> Iterator[tuple[str, str]]:
    """Yield (field path inside the container, value) where the container's settings mention a text."""
    if len(wanted) < 2:
        return
    for entry in children(spec, "env"):
        value = text(entry, "value")
        if wanted in value:
            yield f"env[{text(entry, 'name')}].value", value
    for key in ("command", "args"):
        for i, word in enumerate(texts(spec, key)):
            if wanted in word:
                yield f"{key}[{i}]", word[:300]


def _unknown_host(view: View, pod: PodFact, container: ContainerFact, base: Finding, host: str) -> Finding:
    parts = host.split(".")
    namespace = (
        parts[1] if len(parts) > 1 and parts[1] and (len(parts) == 2 or parts[2] == "svc") else pod.ref.namespace
    )
    if view.graph.find("Service", namespace, parts[0]) is not None and host:
        # The Service exists, so the name is right and the resolution itself fails.
        dns = [
            service.ref
            for service in view.graph.of_kind("Service", "kube-system")
            if service.ref.name in ("kube-dns", "coredns")
        ]
        return msgspec.structs.replace(
            base, cause="app.dependency.timeout", points_to=tuple(dns), weight=0.6,
            title=base.title + f", though Service {namespace}/{parts[0]} exists: cluster DNS is failing",
        )  # fmt: skip
    evidence = list(base.evidence)
    for path, value in mentions(container.spec, host):
        evidence.append(
            said(
                pod.resource,
                f"spec.containers[{container.name}].{path}",
                f"{path} of container {container.name} is {value}",
            )
        )
    title = base.title
    weight = base.weight
    if host and view.was_read("Service", namespace):
        names = [service.ref.name for service in view.graph.of_kind("Service", namespace)]
        near = difflib.get_close_matches(parts[0], names, n=1, cutoff=0.6)
        title += f"; namespace {namespace} has no Service {parts[0]}" + (
            f", the nearest name is {near[0]}" if near else ""
        )
        weight = 0.9 if near else 0.82
    steps = (change(f"Correct the host name in {pod.owner}", pod.owner), *base.steps)
    return msgspec.structs.replace(base, title=title, evidence=tuple(evidence[:6]), weight=weight, steps=steps)


def services_named(view: View, pod: PodFact, host: str) -> list[Ref]:
    """The Services a host part of an address may mean: by DNS name, or by cluster IP."""
    parts = host.split(".")
    if host and not host.replace(".", "").isdigit():
        namespace = parts[1] if len(parts) > 1 else pod.ref.namespace
        service = view.graph.find("Service", namespace, parts[0])
        return [service.ref] if service is not None else []
    if host:
        for service in view.graph.of_kind("Service"):
            if text(service.spec, "clusterIP") == host:
                return [service.ref]
    return []


def _dependency(
    view: View, pod: PodFact, container: ContainerFact, base: Finding, groups: Mapping[str, str], log: ContainerLog
) -> Finding:
    hosts = [groups.get("host", "")]
    if not hosts[0]:
        hosts = [value for _, value in _addresses(container)]
    targets = [ref for host in hosts for ref in services_named(view, pod, host)]
    evidence = list(base.evidence)
    for host in hosts[:1]:
        for path, value in mentions(container.spec, host):
            evidence.append(
                said(
                    pod.resource,
                    f"spec.containers[{container.name}].{path}",
                    f"{path} of container {container.name} is {value}",
                )
            )
    del log
    return msgspec.structs.replace(base, points_to=tuple(dict.fromkeys(targets)), evidence=tuple(evidence[:6]))


def _addresses(container: ContainerFact) -> Iterator[tuple[str, str]]:
    for entry in children(container.spec, "env"):
        name, value = text(entry, "name"), text(entry, "value")
        if any(mark in name.upper() for mark in ("HOST", "URL", "ADDR", "ENDPOINT", "SERVER", "BROKER", "DSN", "URI")):
            yield name, value.rpartition("://")[2].rpartition("@")[2].split("/")[0].split(":")[0]


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
    """Blame the ConfigMap that holds the refused file: the one the line names, or the only one mounted."""
    paths = [groups.get("path", "")] + [word.strip("'\"(),:;") for word in line.split() if word.startswith("/")]
    command = [word for key in ("command", "args") for word in texts(container.spec, key)]
    paths += [word for part in command for word in part.split() if word.startswith("/")]
    found = next((hit for path in paths if path and (hit := mounted(pod, container, path))), None)
    name = groups.get("name", "")
    if found is None and base.cause == "app.config.invalid":
        maps = {
            hit
            for mount in children(container.spec, "volumeMounts")
            if (hit := mounted(pod, container, text(mount, "mountPath")))
            and hit[0] == "ConfigMap"
            and hit[1] != "kube-root-ca.crt"
        }
        found = maps.pop() if len(maps) == 1 else None
    del view
    if found is None or base.cause != "app.config.invalid":
        steps = (change(f"Set {name} in the template of {pod.owner}", pod.owner), *base.steps) if name else base.steps
        return msgspec.structs.replace(base, steps=steps)
    holder = Ref(found[0], pod.ref.namespace, found[1])
    quote = bare(line)[:160]
    return msgspec.structs.replace(
        base, object=holder, title=f"{holder}: {base.title.split(': ', 1)[-1]} (mounted by {pod.owner}): {quote}",
        explains=(pod.ref, pod.owner), steps=(change(f"Correct {holder}, then restart {pod.owner}", holder), *base.steps), weight=0.82,
    )  # fmt: skip


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
