"""Feature flags and variables that make a service fail, slow or heavy on purpose: what is on, since when, and whom it names.

Only a flag whose name or description speaks of a fault is one; a flag that is on for a new design is nobody's fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.changes.writers import edits_of
from copilot.diagnosis.rules.performance.targets import touched, workloads_in
from copilot.diagnosis.steps import change, show
from copilot.diagnosis.view import View, logged, said
from copilot.model import Evidence, Finding, Ref, Resource, age_text, children, mapping, text

_SUFFERS = (
    "app.",
    "dns.lookup_failing",
    "performance.",
    "pod.oomkilled",
    "pod.cpu",
    "pod.probe",
    "pod.unhealthy",
    "pod.crashloop",
    "pod.exit",
    "rs.",
    "sts.",
    "deploy.",
)
FLAG = Cause(
    id="flag.fault", title="A feature flag that makes a service fail is on", kind="ConfigMap", fields=("data", "metadata.managedFields[].time"),
    steps=("Turn the flag off",), brings_about=_SUFFERS, citation="flagd docs reference/flag-definitions; open-feature-operator FeatureFlag v1beta1",
)  # fmt: skip
VARIABLE = Cause(
    id="flag.variable", title="A variable makes a service fail or wait on purpose", kind="Deployment", fields=("spec.containers[].env",),
    steps=("Remove the variable",), brings_about=_SUFFERS, citation="k8s.io/api/core/v1 EnvVar",
)  # fmt: skip

MAX_TEXT = 200_000  # characters of flag definitions that are read
_SPEAKS = re.compile(r"flag|feature|toggle|flipt|unleash|experiment", re.IGNORECASE)
_FAULT = re.compile(
    r"fail|error|unreachable|unavailable|outage|broken|crash|slow|latency|delay|timeout|sleep|leak|high[ _-]?cpu|burn|high[ _-]?memory|oom|memory[ _-]?pressure|"
    r"manual[ _-]?gc|garbage|flood|overload|problem|chaos|fault|inject|stress|corrupt|drop[ _-]?(?:packets|requests|messages)|deadlock|exhaust",
    re.IGNORECASE,
)  # fmt: skip
_GUARD = re.compile(
    r"\b(?:retr(?:y|ies)|handlers?|handling|reports?|alerts?|page|pages|monitor(?:ing)?|threshold|budget|tracking|log|logs|logging|recovery|fallback|failover|fail[ _-]?(?:safe|fast|open|closed)|breakers?|prevent\w*|protect\w*|limit(?:er|ing))\b",
    re.IGNORECASE,
)
_INJECTS = re.compile(
    r"^(?:.*_)?(?:INJECT(?:ED|ION)?|EXTRA|ARTIFICIAL|SIMULATED?|FAKE|FORCED?|CHAOS|FAULT)_(?:.*_)?(?:LATENCY|DELAY|SLEEP|SLOW(?:NESS|DOWN)?|ERRORS?|FAIL(?:URES?)?|FAULTS?|CRASH|OOM|LEAK|LOAD|TIMEOUT|ENABLED|MODE|RATE|PERCENT(?:AGE)?|PROBABILITY)(?:_(?:MS|SEC(?:ONDS)?|RATE|PERCENT(?:AGE)?|PROBABILITY|ENABLED))?$"
    r"|^(?:.*_)?(?:CHAOS_MONKEY|CHAOS)(?:_ENABLED)?$|^(?:FAILURE|FAULT|CRASH)_(?:RATE|PROBABILITY|PERCENT(?:AGE)?|MODE|INJECTION)$",
    re.IGNORECASE,
)  # fmt: skip
_OFF = frozenset(
    {"", "0", "0.0", "0ms", "0s", "0%", "off", "false", "no", "none", "disabled", "null", "never", "default"}
)
_SWITCHED_ON = frozenset({"true", "on", "yes", "enabled"})
_GENERIC = frozenset({"service", "svc", "server", "api", "app", "application", "svcs", "backend"})


class Flag(msgspec.Struct, frozen=True):
    """A flag that is on: its key, what it gives, what it says of itself, and where."""

    key: str
    value: str
    words: str
    path: str


def find_flags(view: View) -> Iterator[Finding]:
    """Flags that speak of a fault and are on, in ConfigMaps that somebody uses and in FeatureFlag objects."""
    for held in view.graph.of_kind("ConfigMap", group=""):
        for path, value in _definitions(held):
            flags = [flag for flag in _flags_on(value, path) if _speaks_of_fault(flag)]
            if flags and _is_used(view, held.ref):
                for flag in flags:
                    yield _finding(view, held, flag)
    for held in view.graph.of_kind("FeatureFlag", group="core.openfeature.dev"):
        for flag in _flagd(mapping(held.spec, "flagSpec", "flags"), "spec.flagSpec.flags"):
            if _speaks_of_fault(flag):
                yield _finding(view, held, flag)


def _is_used(view: View, held: Ref) -> bool:
    """Whether a workload or pod names the ConfigMap."""
    return any(edge.source.kind != "Event" for edge in view.graph.into(held))


def _speaks_of_fault(flag: Flag) -> bool:
    key = " ".join(_words(flag.key))
    if not _FAULT.search(key) and not (flag.words and _FAULT.search(flag.words)):
        return False
    return not _GUARD.search(" ".join(_words(f"{flag.key} {flag.words}")))


def _definitions(held: Resource) -> Iterator[tuple[str, Any]]:
    """The values of a ConfigMap that may define flags, decoded."""
    for key, value in mapping(held.body, "data").items():
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            continue
        if not (
            _SPEAKS.search(held.ref.name)
            or _SPEAKS.search(str(key))
            or '"flags"' in value[:4000]
            or "flags:" in value[:4000]
        ):
            continue
        decoded = _decoded(value)
        if isinstance(decoded, (dict, list)):
            yield f"data.{key}", decoded
        elif value.strip().lower() not in _OFF and len(value) < 200:
            yield f"data.{key}", {str(key): {"enabled": value}}


def _decoded(value: str) -> Any:
    try:
        return msgspec.json.decode(value.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        pass
    if "\n" not in value or ":" not in value:
        return None
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _flags_on(value: Any, path: str) -> Iterator[Flag]:
    """The flags that are on, in the shapes of flagd, go-feature-flag, Unleash, Flipt and plain switches."""
    if isinstance(value, dict) and isinstance(value.get("flags"), dict):
        yield from _flagd(value["flags"], path)
        return
    listed = (
        value
        if isinstance(value, list)
        else next((value[key] for key in ("features", "flags", "toggles") if isinstance(value.get(key), list)), None)
    )
    if listed is not None:
        for entry in children(listed):
            key = text(entry, "key") or text(entry, "name")
            if key and entry.get("enabled") is True:
                yield Flag(key, "enabled", text(entry, "description"), path)
        return
    for key, held in list(value.items())[:2000] if isinstance(value, dict) else ():
        flag = _plain(str(key), held, path)
        if flag is not None:
            yield flag


def _plain(key: str, held: Any, path: str) -> Flag | None:
    if isinstance(held, bool):
        return Flag(key, "true", "", path) if held else None
    if not isinstance(held, dict):
        return None
    if isinstance(held.get("variations"), dict):  # go-feature-flag
        chosen = text(held, "defaultRule", "variation")
        return (
            Flag(key, chosen, "", path)
            if held.get("disable") is not True and _on(held["variations"].get(chosen), chosen)
            else None
        )
    value = str(held.get("enabled", held.get("value"))).strip().lower()
    return Flag(key, value, text(held, "description"), path) if value in _SWITCHED_ON else None


def _flagd(flags: Mapping[str, Any], path: str) -> Iterator[Flag]:
    for key, flag in list(flags.items())[:2000]:
        if not isinstance(flag, dict) or text(flag, "state").upper() == "DISABLED":
            continue
        chosen = flag.get("defaultVariant")
        variant = str(chosen).lower() if isinstance(chosen, bool) else str(chosen or "")
        value = mapping(flag, "variants").get(variant)
        if variant and _on(value, variant):
            yield Flag(str(key), variant, text(flag, "description"), path)


def _on(value: Any, variant: str) -> bool:
    shown = str(value).strip().lower()
    return variant.strip().lower() not in (_OFF - {""}) and value is not None and shown not in _OFF


def _words(name: str) -> list[str]:
    return [
        word
        for word in re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
        .replace("-", " ")
        .replace("_", " ")
        .replace(".", " ")
        .lower()
        .split()
        if word
    ]


def _finding(view: View, held: Resource, flag: Flag) -> Finding:
    named = _named(view, held.ref.namespace, f"{flag.key} {flag.words}")
    victims = touched(view, (pod.resource for ref in named for pod in view.pods_of(ref)))
    edits = edits_of(held)
    since = edits[-1].at if edits else None
    changed = (
        f", changed {age_text((view.now - since).total_seconds())} before this was read by {edits[-1].manager}"
        if since
        else ""
    )
    whom = ", ".join(str(ref) for ref in workloads_in(victims)[:3])
    proof = [
        said(
            held,
            flag.path,
            f"{flag.path}: flag {flag.key} is {flag.value}{f' ({flag.words[:160]})' if flag.words else ''}",
        )
    ]
    if since:
        proof.append(Evidence(held.ref, "metadata.managedFields[].time", f"{held.ref} was changed at {since.isoformat()} by {edits[-1].manager}", held.source))  # fmt: skip
    proof += _mentions(view, held.ref.namespace, flag.key)
    return Finding(
        cause=FLAG.id, object=held.ref, title=f"{held.ref}: the feature flag {flag.key} is {flag.value}{f': {flag.words[:120]}' if flag.words else ''}{f'; it concerns {whom}' if whom else ''}{changed}",
        evidence=tuple(proof), explains=(*victims, *named), weight=0.9 if named else 0.72, since=since,
        steps=(change(f"Turn the flag {flag.key} off in {held.ref}", held.ref), show(held.ref)),
    )  # fmt: skip


def _named(view: View, namespace: str, words: str) -> list[Ref]:
    """The workloads of the namespace that the flag's name or description names, those with the longest names first."""
    spoken = _words(words)
    joined = "".join(spoken)
    found: list[tuple[int, Ref]] = []
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for workload in view.graph.of_kind(kind, namespace, "apps"):
            parts = [word for word in _words(workload.ref.name) if word not in _GENERIC]
            whole = "".join(parts)
            if parts and (set(parts) <= set(spoken) or (len(whole) > 4 and whole in joined)):
                found.append((-len(whole), workload.ref))
    return [ref for _, ref in sorted(found)][:3]


def _mentions(view: View, namespace: str, key: str) -> list[Evidence]:
    """The newest log line that names the flag."""
    if len(key) < 6:
        return []
    for log in view.snapshot.logs:
        if log.namespace == namespace and key in log.text:
            lines = log.text.splitlines()
            number = next((i for i in range(len(lines) - 1, -1, -1) if key in lines[i]), -1)
            if number >= 0:
                return [logged(log, number + 1, lines[number][:300])]
    return []


def find_variables(view: View) -> Iterator[Finding]:
    """Variables that inject latency, errors or load, by their names, in templates that run."""
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        for workload in view.graph.of_kind(kind, group="apps"):
            for container, name, value in _injecting(view.template(workload.ref)):
                pods = view.pods_of(workload.ref)
                path = f"spec.template.spec.containers[{container}].env[{name}].value"
                yield Finding(
                    cause=VARIABLE.id, object=workload.ref, title=f"{workload.ref}: its variable {name}={value[:60]} makes it wait or fail on purpose (injected latency, delay or errors)",
                    evidence=(said(workload, path, f"{path} is {value[:120]}"),), explains=tuple(pod.ref for pod in pods), weight=0.82 if pods else 0.4,
                    steps=(change(f"Remove {name} from {workload.ref}", workload.ref, f"kubectl set env {workload.ref.argument} {name}-{workload.ref.flags}"),),
                )  # fmt: skip


def _injecting(template: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(container, variable, value) of the variables that inject a fault; the words are looked for before the pattern."""
    containers = template.get("containers")
    for container in containers if isinstance(containers, list) else ():
        variables = container.get("env") if isinstance(container, dict) else None
        for entry in variables if isinstance(variables, list) else ():
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not any(word in name.upper() for word in _INJECT_WORDS):
                continue
            value = text(entry, "value").strip()
            if value.lower() not in _OFF and len(name) >= _SHORTEST and _INJECTS.match(name):
                yield text(container, "name"), name, value


_SHORTEST = 6  # characters of a name that can say so
_INJECT_WORDS = ("INJECT", "EXTRA", "ARTIFICIAL", "SIMULATE", "FAKE", "FORCE", "CHAOS", "FAULT", "FAILURE", "CRASH")


RULES = (Rule(find=find_flags, causes=(FLAG,)), Rule(find=find_variables, causes=(VARIABLE,)))
