"""More requests than a service was made for: a load generator that was turned up, seen with the trouble it causes.

A load generator that runs while everything is well is how a test shop lives; it is named only when its target suffers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.addresses import addresses_of, service_of, settings_of
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.measured import before_and_after, measured_workload, owner_behind, title_of, workload_of
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.rules.performance.alerts import active, quoted
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged
from copilot.model import Evidence, Finding, Ref, Resource, mapping, parse_quantity

FLOOD = Cause(
    id="performance.load", title="A load generator sends more than its target can answer", kind="Deployment", severity=Severity.DEGRADED,
    fields=("spec.containers[].env", "log", "request counters"), steps=("Turn the load down, or scale the target",),
    brings_about=("performance.slow_callee", "performance.errors", "pod.cpu", "performance.pod_cpu", "app.errors", "app.dependency.timeout", "pod.probe"),
    citation="locust, k6, JMeter, Gatling, Fortio documentation",
)  # fmt: skip

_TOOLS = re.compile(
    r"(?:^|[-_/])(?:locust|k6|jmeter|gatling|vegeta|wrk2?|hey|fortio|artillery|bombardier|siege|ab|load|load-?gen(?:erator)?|loadtest|traffic-?gen(?:erator)?|stress-?test)(?:$|[-_:/])",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?:^|_)(?:USERS?|USER_COUNT|NUM_USERS|VUS|CONCURRENCY|CONCURRENT_USERS|THREADS|CLIENTS|RATE|RPS|QPS|REQUESTS_PER_SECOND|CONNECTIONS|SPAWN_RATE)$",
    re.IGNORECASE,
)
_RAMPING = re.compile(
    r"(?:[Rr]amping to|[Aa]ll users spawned.{0,40}\(|[Ss]pawning|running at|target rate:?) ?(?P<number>\d{2,7})\b(?: total)?(?: users?| VUs?| vus|/s| rps)?"
)
_MANY = 200  # users or requests a second: a demonstration runs with tens
_GREW = 4.0  # times the requests of before
_STRESSED = 0.9  # of the CPU limit


def find_floods(view: View) -> Iterator[Finding]:
    """Load generators that were turned up, with a target that suffers."""
    for pod, container in _generators(view):
        targets = _targets(view, pod, container)
        level, proof = _level(view, pod, container)
        suffering = [piece for ref in targets for piece in _suffering(view, ref)]
        grew = [piece for ref in targets for piece in _grew(view, ref)]
        if not suffering or not (level >= _MANY or grew):
            continue
        whom = ", ".join(str(ref) for ref in targets[:3])
        how = f"{level} users or requests a second" if level else "many times the requests of before"
        yield Finding(
            cause=FLOOD.id, object=pod.owner, title=f"{pod.owner} floods {whom or 'its target'} with load ({how})", evidence=(*proof, *grew[:2], *suffering[:3]),
            explains=(pod.ref, *targets, *(one.ref for ref in targets for one in view.pods_of(ref))), weight=0.7 if level >= _MANY else 0.58,
            steps=(change(f"Turn the load of {pod.owner} down, if it is not wanted", pod.owner), describe(pod.owner)),
        )  # fmt: skip


def _generators(view: View) -> Iterator[tuple[PodFact, ContainerFact]]:
    if not (view.snapshot.series or view.snapshot.alerts or view.snapshot.usage):
        return
    seen: set[Ref] = set()
    for resource in view.graph.of_kind("Pod", group=""):
        pod = view.pod(resource)
        if pod.owner in seen:
            continue
        seen.add(pod.owner)
        for container in pod.containers:
            names = (pod.owner.name, container.name, container.image.rpartition("@")[0] or container.image)
            if not container.init and any(_TOOLS.search(name) for name in names):
                yield pod, container
                break


def _targets(view: View, pod: PodFact, container: ContainerFact) -> list[Ref]:
    found: dict[Ref, None] = {}
    for address in addresses_of(view, pod, container):
        service = service_of(view, address.host, pod.ref.namespace)
        owner = owner_behind(view, service.ref) if service is not None else None
        if owner is not None and owner != pod.owner and "otel" not in owner.name and "collector" not in owner.name:
            found[owner] = None
    return list(found)


def _level(view: View, pod: PodFact, container: ContainerFact) -> tuple[int, list[Evidence]]:
    """How many users it runs with, by its log, else by its settings."""
    for log in view.logs(pod.ref, container.name):
        lines = log.text.splitlines()
        for index in range(len(lines) - 1, max(-1, len(lines) - 80), -1):
            match = _RAMPING.search(lines[index][:500])
            if match:
                return int(match["number"]), [logged(log, index + 1, lines[index][:300])]
    for setting in settings_of(view, pod, container):
        if _NUMBER.search(setting.name) and setting.value.strip().isdigit() and len(setting.value) < 9:
            return int(setting.value), [Evidence(setting.holder, setting.path, f"{setting.path} is {setting.value}")]
    return 0, []


def _suffering(view: View, ref: Ref) -> Iterator[Evidence]:
    """Alerts about a workload, and pods of it at their CPU limit."""
    for alert in active(view):
        if workload_of(view, alert.labels) == ref and re.search(
            r"latenc|slow|error|5xx|cpu|throttl|p9\d", alert.name, re.IGNORECASE
        ):
            yield quoted(alert, ref)
    limits = {pod.ref: _cpu_limit(pod.resource) for pod in view.pods_of(ref)}
    for usage in view.snapshot.usage:
        limit = limits.get(usage.ref, 0.0)
        if limit and usage.cpu is not None and usage.cpu >= _STRESSED * limit:
            yield Evidence(usage.ref, "cpu", f"{usage.ref} uses {usage.cpu:.2f} of its {limit:g} CPU", usage.source)


def _cpu_limit(pod: Resource) -> float:
    containers = pod.spec.get("containers")
    amounts = [
        parse_quantity(mapping(one, "resources", "limits").get("cpu"))
        for one in (containers if isinstance(containers, list) else ())
        if isinstance(one, dict)
    ]
    return float(sum(amount for amount in amounts if amount))


def _grew(view: View, ref: Ref) -> Iterator[Evidence]:
    for series in view.snapshot.series:
        name = title_of(series)
        if (
            re.search(r"requests?(?:_\w+)?(?:_total|_count)$|duration\w*_count$|calls_total$", name)
            and measured_workload(view, series) == ref
        ):
            before, after = before_and_after(series)
            if before > 0 and after >= _GREW * before:
                yield Evidence(
                    ref,
                    name,
                    f"{name}: {after:.0f} requests a second, {after / before:.0f} times what it was",
                    series.source,
                )


RULES = (Rule(find=find_floods, causes=(FLOOD,)),)
