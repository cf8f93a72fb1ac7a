"""The admission of foretold pods and objects: quotas and limit ranges counted, PodSecurity asked. Refusals come out in the server's own words.

Upstream: plugin/pkg/admission/{resourcequota,limitranger}. Quotas with scopes are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from copilot.diagnosis.rules.admission.quota import pod_amount
from copilot.model import Ref, Resource, children, mapping, parse_quantity, text
from copilot.model.kinds import built_in
from copilot.model.quantity import format_amount
from copilot.preflight.security import level_of, violations

_POD_PARTS = ("requests", "limits", "cpu", "memory", "ephemeral-storage", "pods", "count/pods")
_COUNTED = {"services": "Service", "configmaps": "ConfigMap", "secrets": "Secret", "persistentvolumeclaims": "PersistentVolumeClaim",
            "replicationcontrollers": "ReplicationController", "resourcequotas": "ResourceQuota"}  # fmt: skip
_DEMANDED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


class Refused(msgspec.Struct, frozen=True):
    """One refusal that the API server would speak: about which object, in which words."""

    about: Ref
    message: str


class Quota:
    """One ResourceQuota while foretold objects are counted against it."""

    def __init__(self, resource: Resource, freed: Mapping[str, Fraction]) -> None:
        self.resource = resource
        self.hard = _amounts(mapping(resource.spec, "hard") or mapping(resource.status, "hard"))
        used = _amounts(mapping(resource.status, "used"))
        self.used = {
            name: max(used.get(name, Fraction(0)) - freed.get(name, Fraction(0)), Fraction(0)) for name in self.hard
        }
        self.counts = not resource.spec.get("scopes") and not resource.spec.get("scopeSelector")

    @property
    def name(self) -> str:
        """The quota's name."""
        return self.resource.ref.name

    def over(self, wanted: Mapping[str, Fraction]) -> dict[str, Fraction]:
        """What of the wanted amounts does not fit any more."""
        return {
            name: amount for name, amount in wanted.items() if amount and self.used[name] + amount > self.hard[name]
        }

    def take(self, wanted: Mapping[str, Fraction]) -> None:
        """Count something that was admitted."""
        for name, amount in wanted.items():
            self.used[name] += amount

    def refusal(self, over: Mapping[str, Fraction]) -> str:
        """The sentence of the quota admission plugin."""
        requested, used, limited = (
            ",".join(f"{name}={format_amount(name, amounts[name])}" for name in sorted(over))
            for amounts in (over, self.used, self.hard)
        )
        return f"exceeded quota: {self.name}, requested: {requested}, used: {used}, limited: {limited}"

    def counted(self) -> Resource:
        """The quota as it would be afterwards."""
        status = {side: {name: format_amount(name, amount) for name, amount in amounts.items()}
                  for side, amounts in (("hard", self.hard), ("used", self.used))}  # fmt: skip
        return msgspec.structs.replace(self.resource, body={**self.resource.body, "status": status})


def _amounts(found: Mapping[str, Any]) -> dict[str, Fraction]:
    parsed = ((name, parse_quantity(value)) for name, value in found.items())
    return {name: amount for name, amount in parsed if amount is not None}


def pod_wants(quota: Quota, spec: Mapping[str, Any]) -> dict[str, Fraction]:
    """What one pod counts for against a quota."""
    return {name: pod_amount(spec, name) for name in quota.hard if name.partition(".")[0] in _POD_PARTS}


def object_wants(quota: Quota, resource: Resource) -> dict[str, Fraction]:
    """What one object that is no pod counts for against a quota."""
    known = built_in(resource.ref.kind, resource.ref.group)
    plural = known.plural if known else f"{resource.ref.kind.lower()}s"
    counted = f"count/{plural}" + (f".{resource.ref.group}" if resource.ref.group else "")
    found = {name: Fraction(1) for name in quota.hard if _COUNTED.get(name) == resource.ref.kind or name == counted}
    kind = text(resource.spec, "type")
    if resource.ref.kind == "Service" and kind in ("LoadBalancer", "NodePort"):
        found |= {name: Fraction(1) for name in quota.hard if name == f"services.{kind.lower()}s"}
    if resource.ref.kind == "PersistentVolumeClaim" and "requests.storage" in quota.hard:
        amount = parse_quantity(mapping(resource.spec, "resources", "requests").get("storage"))
        found["requests.storage"] = amount or Fraction(0)
    return found


def unspecified(quota: Quota, spec: Mapping[str, Any]) -> str:
    """What the quota demands and containers leave out: the tail of `must specify`, or nothing."""
    lacking = []
    for name in sorted(quota.hard):
        if name not in _DEMANDED:
            continue
        section, _, resource = name.partition(".") if "." in name else ("requests", "", name)
        bare = [text(container, "name") for container in children(spec, "containers")
                if resource not in mapping(container, "resources", section)
                and not (section == "requests" and resource in mapping(container, "resources", "limits"))]  # fmt: skip
        if bare:
            lacking.append(f"{name} for: {','.join(bare)}")
    return "; ".join(lacking)


def pod_refusal(pod: Resource, quotas: Sequence[Quota], limits: Sequence[Resource], space: Resource | None) -> str:
    """The first refusal a foretold pod meets, or nothing: limits, then PodSecurity, then quotas (the server's order)."""
    bounds = "; ".join(bound_breaks(pod.spec, limits))
    if bounds:
        return bounds
    level = level_of(space)
    broken = violations(pod.spec, level, pod.annotations)
    if broken:
        return f'violates PodSecurity "{level}:latest": {", ".join(broken)}'
    for quota in quotas:
        lacking = unspecified(quota, pod.spec) if quota.counts else ""
        if lacking:
            return f"failed quota: {quota.name}: must specify {lacking}"
    for quota in quotas:
        over = quota.over(pod_wants(quota, pod.spec)) if quota.counts else {}
        if over:
            return quota.refusal(over)
    for quota in quotas:
        if quota.counts:
            quota.take(pod_wants(quota, pod.spec))
    return ""


def bound_breaks(spec: Mapping[str, Any], limits: Sequence[Resource]) -> Iterator[str]:
    """The sentences of the limit ranger about one pod spec."""
    for limit in limits:
        for entry in children(limit.spec, "limits"):
            kind = text(entry, "type")
            if kind == "Container":
                for container in (*children(spec, "containers"), *children(spec, "initContainers")):
                    yield from _breaks(
                        entry,
                        kind,
                        lambda section, name, c=container: parse_quantity(mapping(c, "resources", section).get(name)),
                    )
            elif kind == "Pod":
                yield from _breaks(entry, kind, lambda section, name: pod_amount(spec, f"{section}.{name}") or None)


def _breaks(entry: Mapping[str, Any], kind: str, amount_of: Any) -> Iterator[str]:
    for name, value in sorted(mapping(entry, "max").items()):
        bound, asked = parse_quantity(value), amount_of("limits", name)
        if bound is not None and asked is None:
            yield f"maximum {name} usage per {kind} is {text(value)}.  No limit is specified"
        elif bound is not None and asked > bound:
            yield f"maximum {name} usage per {kind} is {text(value)}, but limit is {format_amount(name, asked)}"
    for name, value in sorted(mapping(entry, "min").items()):
        bound, asked = parse_quantity(value), amount_of("requests", name)
        if bound is not None and asked is None:
            yield f"minimum {name} usage per {kind} is {text(value)}.  No request is specified"
        elif bound is not None and asked < bound:
            yield f"minimum {name} usage per {kind} is {text(value)}, but request is {format_amount(name, asked)}"
    for name, value in sorted(mapping(entry, "maxLimitRequestRatio").items()):
        bound, low, high = parse_quantity(value), amount_of("requests", name), amount_of("limits", name)
        if bound is not None and low and high and high / low > bound:
            yield f"{name} max limit to request ratio per {kind} is {text(value)}, but provided ratio is {float(high / low):f}"
