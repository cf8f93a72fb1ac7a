"""LimitRange refusals: which bound of which LimitRange, and which container of which workload breaks it.

The bound is found again in the LimitRange; the text only says that one was broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.rules.admission.message import Denial
from copilot.diagnosis.rules.admission.record import Denied, evidence_of, explained, since_of
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed
from copilot.model import Finding, Resource, children, parse_quantity, text
from copilot.model.quantity import format_amount


def _cause(rule: str, title: str) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="LimitRange",
        fields=("LimitRange.spec.limits[]", "spec.template.spec.containers[].resources", "event FailedCreate"),
        steps=("Compare the LimitRange with the template", "Change the template, or the bound (its owner decides)"),
        citation="plugin/pkg/admission/limitranger/admission.go",
    )


LIMIT_MAX = _cause("limitrange.max", "A template asks for more than a LimitRange allows")
LIMIT_MIN = _cause("limitrange.min", "A template asks for less than a LimitRange demands")
LIMIT_RATIO = _cause("limitrange.ratio", "A template's limit is too many times its request for a LimitRange")
LIMIT_CAUSES = (LIMIT_MAX, LIMIT_MIN, LIMIT_RATIO)
_FIELD = {Denial.LIMIT_MAX: "max", Denial.LIMIT_MIN: "min", Denial.LIMIT_RATIO: "maxLimitRequestRatio"}
_WORD = {
    Denial.LIMIT_MAX: "allows at most",
    Denial.LIMIT_MIN: "demands at least",
    Denial.LIMIT_RATIO: "allows a limit-to-request ratio of at most",
}


def limit_range(view: View, group: Sequence[Denied]) -> Iterator[Finding]:
    """Explain refusals by one bound of a namespace's LimitRanges."""
    refusal = group[0].refusal
    resource, field = refusal.resource, _FIELD[refusal.denial]
    found = _bound(view, group[0].namespace, field, resource, refusal.detail)
    owners = list(dict.fromkeys(denied.owner for denied in group))
    asked = format_amount(resource, refusal.wanted[resource]) if resource in refusal.wanted else "nothing"
    bound = format_amount(resource, refusal.limits[resource]) if resource in refusal.limits else "a bound"
    ref = found[0].ref if found else owners[0]
    name = f"LimitRange {ref.name}" if found else f"The LimitRange of namespace {group[0].namespace}"
    proof = list(evidence_of(group, 2))
    if found:
        proof.append(
            said(
                found[0],
                f"spec.limits[{refusal.detail}].{field}[{resource}]",
                f"{field} {resource} per {refusal.detail} is {found[1]}",
            )
        )
    for owner in owners[:2]:
        workload = view.graph.get(owner)
        for where, value in _breaking(view.template(owner), refusal.denial, resource):
            if workload is not None:
                proof.append(said(workload, where, f"{owner}: {where} = {value}"))
    yield Finding(
        cause=refusal.denial.value,
        object=ref,
        title=f"{name} {_WORD[refusal.denial]} {bound} {resource} per {refusal.detail}, but {listed([f'{o.kind} {o.name}' for o in owners])} asks for {asked}",
        evidence=tuple(proof),
        explains=explained(group),
        weight=0.95 if found else 0.8,
        since=since_of(group),
        steps=(
            describe(ref) if found else describe(owners[0]),
            change(f"Bring the resources of {owners[0]} within the LimitRange", owners[0]),
        ),
    )


def _bound(view: View, namespace: str, field: str, resource: str, item: str) -> tuple[Resource, str] | None:
    for limits in view.graph.of_kind("LimitRange", namespace):
        for entry in children(limits.spec, "limits"):
            value = text(entry, field, resource)
            if value and text(entry, "type") in (item, ""):
                return limits, value
    return None


def _breaking(spec: Mapping[str, Any], denial: Denial, resource: str) -> list[tuple[str, str]]:
    """The container fields that carry the resource, the most extreme first."""
    found = []
    for container in children(spec, "containers"):
        for section in ("limits", "requests"):
            value = text(container, "resources", section, resource)
            if value:
                where = f"spec.template.spec.containers[{text(container, 'name')}].resources.{section}.{resource}"
                found.append((where, value))
    found.sort(key=lambda pair: (parse_quantity(pair[1]) or 0, pair[0]), reverse=denial is not Denial.LIMIT_MIN)
    return found[:1]
