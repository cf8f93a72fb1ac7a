"""Wrong settings that show without a crash: routes in a proxy's ConfigMap, addresses of programs that stay up, stale settings.

Every address is resolved against the Services. What nobody complains of is a fault only where the route cannot work at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from copilot.diagnosis.addresses import (
    Address,
    Meaning,
    Setting,
    Target,
    addresses_in,
    addresses_of,
    config_maps_of,
    ports_of,
    target_of,
)
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import LASTING, Complaint, complaints, repeated_errors, troubles
from copilot.diagnosis.log_causes import LOG_CAUSES, explain_line
from copilot.diagnosis.log_dependency import holder_of, nearest_service, shown
from copilot.diagnosis.log_lines import bare
from copilot.diagnosis.log_servers import clients_say
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import change, logs_step, show
from copilot.diagnosis.view import View, logged, said
from copilot.model import Evidence, Finding, Ref, Resource, age_text, children, instant, mapping, text

ROUTE = Cause(
    id="configuration.route", title="A proxy's configuration leads to a Service or port that does not exist", kind="ConfigMap",
    fields=("ConfigMap data", "Service spec.ports"), steps=("Correct the route in the ConfigMap, then reload the proxy",),
    citation="k8s.io/api/core/v1 ConfigMap",
)  # fmt: skip
ADDRESS = Cause(
    id="configuration.address", title="A program that is not well is told an address that does not exist", kind="Pod", yields=False,
    fields=("spec.containers[].env", "Service spec.ports"), steps=("Correct the address",), citation="k8s.io/api/core/v1 EnvVar",
)  # fmt: skip
STALE = Cause(
    id="configuration.stale", title="A ConfigMap or Secret changed after the program read it", kind="ConfigMap", yields=True,
    fields=("metadata.managedFields[].time", "status.containerStatuses[].state.running.startedAt"), severity=Severity.DEGRADED,
    steps=("Restart the workload, or mount the ConfigMap and reload",), citation="kubernetes docs concepts/configuration/configmap",
)  # fmt: skip
ERRORS = Cause(
    id="app.errors.repeated", title="A program that is up repeats errors", kind="Pod", yields=True, severity=Severity.DEGRADED,
    fields=("log",), steps=("Read the log",), citation="messages of runtimes, databases and libraries",
)  # fmt: skip

_ROUTING = re.compile(
    r"proxy_pass|fastcgi_pass|grpc_pass|uwsgi_pass|^\s*upstream\b|^\s*server\s+[\w.-]+:\d|socket_address|lb_endpoints|reverse_proxy|"
    r"ProxyPass|loadBalancer|^\s*backend\s|\bclusters:|\broutes?:|\bupstreams?:|\bservices:\s*$|set \$\w+ \w+://",
    re.MULTILINE,
)
_COMMENT = re.compile(r"^\s*(?:#|//|;).*$", re.MULTILINE)
_ENVOY = re.compile(
    r"address:\s*[\"']?(?P<host>[A-Za-z0-9][\w.-]{0,252})[\"']?\s*[,\n]\s*port_value:\s*(?P<port>\d{1,5})"
)
_PAUSE = 30  # seconds: a ConfigMap applied with its workload is written around the pods' start


def find_wrong_routes(view: View) -> Iterator[Finding]:
    """Routes in ConfigMaps that pods mount, to Services or ports that do not exist."""
    users = _users(view)
    troubled = {complaint.pod.owner for complaint in complaints(view)} | {pod.owner for pod in view.troubled}
    for held in view.graph.of_kind("ConfigMap", group=""):
        pods = users.get(held.ref, [])
        if not pods:
            continue
        for address in _routes(held):
            found = target_of(view, address.host, address.port, held.ref.namespace)
            if found.meaning in (Meaning.NO_SERVICE, Meaning.NO_PORT) and found.service is not None:
                yield _route(view, held, address, found, found.service, pods, complained=pods[0].owner in troubled)


def _users(view: View) -> dict[Ref, list[PodFact]]:
    """Which pods mount or read each ConfigMap that has values."""
    held = {resource.ref for resource in view.graph.of_kind("ConfigMap", group="") if mapping(resource.body, "data")}
    found: dict[Ref, list[PodFact]] = {}
    if not held:
        return found
    for pod in view.graph.of_kind("Pod", group=""):
        for volume in children(pod.spec, "volumes"):
            for name in config_maps_of(volume):
                ref = Ref("ConfigMap", pod.ref.namespace, name)
                if ref in held:
                    found.setdefault(ref, []).append(view.pod(pod))
    return found


def _routes(held: Resource) -> Iterator[Address]:
    for key, value in mapping(held.body, "data").items():
        if key.lower().endswith((".md", ".txt", "readme")) or not isinstance(value, str) or not _ROUTING.search(value):
            continue
        active = _COMMENT.sub("", value)
        setting = Setting("", active, f"data.{key}", held.ref)
        names = set(re.findall(r"^\s*(?:upstream|backend)\s+([\w.-]{1,120})", active, re.MULTILINE))
        names |= {match[1] for match in re.finditer(r"(?:cluster_name|\bname):\s*[\"']?([\w.-]{1,120})", active)}
        for address in addresses_in(setting):
            if address.host not in names and (address.port or "svc" in address.host.split(".")):
                yield address
        for match in _ENVOY.finditer(active):
            yield Address(match["host"].lower(), int(match["port"]), setting)


def _route(
    view: View, held: Resource, address: Address, found: Target, service: Ref, pods: list[PodFact], *, complained: bool
) -> Finding:
    where = f"{address.host}:{address.port}" if address.port else address.host
    if found.meaning is Meaning.NO_PORT:
        existing = view.graph.get(service)
        problem = f"port {address.port} of {service}, which serves only port {ports_of(existing) if existing else '?'}"
        certain = True
    else:
        near = nearest_service(view, service)
        problem = f"Service {service.path}, which does not exist" + (f" (there is {near.name})" if near else "")
        certain = near is not None or (complained and "svc" in address.host.split("."))
    weight = (0.94 if complained else 0.62) if certain else (0.6 if complained else 0.4)
    line = next((line.strip() for line in address.setting.value.splitlines() if address.host in line.lower()), where)
    return Finding(
        cause=ROUTE.id, object=held.ref, title=f"{held.ref} ({address.setting.path}) routes to {problem}",
        evidence=(said(held, address.setting.path, f"{address.setting.path} holds: {line[:200]}"), said(pods[0].resource, "spec.volumes", f"{pods[0].owner} mounts it")),
        explains=tuple(dict.fromkeys([*(pod.ref for pod in pods), *(pod.owner for pod in pods)])), weight=weight,
        steps=(change(f"Correct the route in {held.ref}, then restart {pods[0].owner}", held.ref), show(held.ref)),
    )  # fmt: skip


def find_complaints(view: View) -> Iterator[Finding]:
    """What programs that are ready complain of, again and again. Below the threshold unless the objects prove the address wrong."""
    told: set[Ref] = set()
    for complaint in troubles(view):
        found = _complaint(view, complaint) if complaint.ready else None
        if found is not None:
            told.add(complaint.pod.ref)
            yield found
    for log in view.snapshot.logs:
        ref = Ref("Pod", log.namespace, log.pod)
        resource = view.graph.get(ref)
        if ref in told or log.previous or resource is None:
            continue
        pod = view.pod(resource)
        container = next((c for c in pod.containers if c.name == log.container), None)
        errors = repeated_errors(log) if container is not None and container.ready else None
        if errors is not None and container is not None:
            told.add(ref)
            line, count = errors
            yield Finding(
                cause=ERRORS.id, object=pod.owner, title=f"{pod.owner}: container {container.name} is up and repeats errors ({count} of its last lines): {bare(line.raw)[:160]}",
                evidence=(logged(log, line.number, bare(line.raw)[:400]),), explains=(ref,), weight=0.35, steps=(logs_step(pod, container),),
            )  # fmt: skip


def _complaint(view: View, complaint: Complaint) -> Finding | None:
    """What a ready program repeats: proven by the objects, plain in itself, or only pointing somewhere."""
    found = explain_line(view, complaint.pod, complaint.container, complaint.log, complaint.line, complaint.match)
    proven = found.cause in ("app.dependency.wrong_address", "svc.externalname") or found.weight > 0.75
    if not proven and complaint.count < LASTING:
        return None
    of_callers = complaint.match.pattern.inbound and not _OUTWARD.search(complaint.line.said)
    plain = 0.4 if of_callers else _plain(view, found, complaint)
    weight = max(min(found.weight, 0.75) if proven else 0.0, min(found.weight, plain))
    if found.cause == "app.schema.missing" and clients_say(view, complaint.pod, found.cause):
        return None
    often = "" if complaint.match.pattern.server else f" (said {complaint.count} times lately)"
    return msgspec.structs.replace(found, weight=weight, title=f"{found.title}{often}")


_OUTWARD = re.compile(  # a refusal that comes from another server: the line speaks of a connection or of a client library
    r"(?:[Cc]ould not|[Cc]annot|[Ff]ailed to|[Uu]nable to|[Ee]rror).{0,40}[Cc]onnect|\b(?:JMS|SMTP|LDAP|AMQP|MQTT|JDBC|SASL)|[Bb]roker|[Dd]atabase|https?://"
)
_SLOW_STATEMENT = 3000.0  # milliseconds: what a person notices; reports may take a second
_PLAIN: Mapping[str, float] = {
    "app.credentials.rejected": 0.62, "app.database.rights": 0.72, "app.store.full": 0.75, "app.store.no_primary": 0.66, "app.capacity.exhausted": 0.58, "app.dependency.wrong_scheme": 0.66, "app.schema.missing": 0.66, "app.certificate.untrusted": 0.62,
    "app.disk.full": 0.68, "app.disk.read_only": 0.6, "app.config.missing": 0.62, "app.kernel.limit": 0.6, "app.memory.exhausted": 0.58,
    "app.memory.gc": 0.6, "cuda.oom": 0.62, "app.dependency.exhausted": 0.62, "app.dependency.read_only": 0.62, "app.data.poison": 0.6,
    "app.data.incompatible": 0.6, "app.model.missing": 0.6, "vllm.queue": 0.6, "app.database.slow": 0.6,
}  # fmt: skip


def _plain(view: View, found: Finding, complaint: Complaint) -> float:
    """How sure a lasting complaint of a ready program is by itself: some name their cause, others only where it hurts."""
    groups = complaint.match.groups
    if found.cause == "app.config.missing" and not (groups.get("name") and groups["name"].isupper()):
        return 0.4  # a missing file may be one that a caller asked for
    if found.cause == "app.database.slow":
        locked = "lock" in complaint.line.said.lower()
        slow = _SLOW_STATEMENT if locked else _milliseconds(groups.get("name", ""), complaint.line.said)
        waited = any(other.pod.owner != complaint.pod.owner and other.count >= LASTING for other in complaints(view))
        return _PLAIN[found.cause] if slow >= _SLOW_STATEMENT or waited else 0.4
    return _PLAIN.get(found.cause, 0.4)


def _milliseconds(amount: str, line: str) -> float:
    try:
        return float(amount) * (1000.0 if "Query_time" in line else 1.0)
    except ValueError:
        return _SLOW_STATEMENT  # locks and deadlocks give no time


def find_wrong_addresses(view: View) -> Iterator[Finding]:
    """Pods that are not well, whose log was not read, and whose settings name what does not exist."""
    for pod in view.placed:
        if view.graph.logs(pod.ref) or pod.blocking_init() is not None or view.superseded(pod):
            continue
        for container in pod.containers:
            unready = container.state == "running" and not container.ready
            ended = container.exit_code not in (None, 0, 126, 127, 128, 137, 139) and not container.init
            if not (unready or ended) or "OOMKilled" in (container.reason, container.last_reason):
                continue
            for address in addresses_of(view, pod, container):
                found = _wrong_address(view, pod, address)
                if found is not None:
                    yield found


def _wrong_address(view: View, pod: PodFact, address: Address) -> Finding | None:
    target = target_of(view, address.host, address.port, pod.ref.namespace)
    if target.service is None or target.meaning is Meaning.SERVED:
        return None
    holder = holder_of(pod, address)
    if target.meaning is Meaning.NO_PORT:
        service = view.graph.get(target.service)
        words, weight = (
            f"port {address.port} of {target.service}, which serves only port {ports_of(service) if service else '?'}",
            0.72,
        )
    else:
        near = nearest_service(view, target.service)
        if near is None:
            return None
        words, weight = f"host {address.host}, and there is no {target.service} (there is {near})", 0.65
    return Finding(
        cause=ADDRESS.id, object=holder, title=f"{holder}: it is told {words} ({address.setting.path})", evidence=(shown(view, address),),
        explains=(pod.ref, pod.owner), weight=weight, doubts=("no log of it was read",),
        steps=(change(f"Correct the address in {holder}", holder),),
    )  # fmt: skip


def find_stale_settings(view: View) -> Iterator[Finding]:
    """ConfigMaps written after the containers that read them as variables had started, where those are not well."""
    complaining = {complaint.pod.ref for complaint in complaints(view)}
    for pod in view.placed:
        for container in pod.containers:
            if (
                container.state != "running"
                or container.started is None
                or (container.ready and pod.ref not in complaining)
            ):
                continue
            for held in _read_as_variables(view, pod, container.spec):
                changed = _changed(held)
                late = (changed - container.started).total_seconds() if changed else 0.0
                if changed and late > _PAUSE:
                    ago = age_text((view.now - changed).total_seconds())
                    yield Finding(
                        cause=STALE.id, object=held.ref, since=changed, weight=0.55,
                        title=f"{held.ref} was changed {ago} before this was read, after {pod.owner} had started: variables are read at the start only, so it runs with the old values until it is restarted",
                        evidence=(Evidence(held.ref, "metadata.managedFields[].time", f"{held.ref} was changed at {changed.isoformat()}", held.source),
                                  said(pod.resource, f"{container.path}.state.running.startedAt", f"container {container.name} started at {container.started.isoformat()} and is not well")),
                        explains=(pod.ref, pod.owner), steps=(change(f"Restart {pod.owner}", pod.owner, f"kubectl rollout restart {pod.owner.argument}{pod.owner.flags}"),),
                    )  # fmt: skip


def _read_as_variables(view: View, pod: PodFact, spec: object) -> Iterator[Resource]:
    names = {text(source, "configMapRef", "name") for source in children(spec, "envFrom")}
    names |= {text(entry, "valueFrom", "configMapKeyRef", "name") for entry in children(spec, "env")}
    for name in sorted(names - {""}):
        held = view.graph.find("ConfigMap", pod.ref.namespace, name)
        if held is not None:
            yield held


def _changed(held: Resource) -> datetime | None:
    times = [instant(entry.get("time")) for entry in children(held.metadata, "managedFields")]
    known = [moment for moment in times if moment is not None]
    return max(known) if known else None


RULES = (
    Rule(find=find_wrong_routes, causes=(ROUTE,)),
    Rule(find=find_complaints, causes=(ERRORS, *LOG_CAUSES)),
    Rule(find=find_wrong_addresses, causes=(ADDRESS,)),
    Rule(find=find_stale_settings, causes=(STALE,)),
)
