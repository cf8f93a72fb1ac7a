"""Causes folded under deeper causes along the graph, so that the answer is the deepest one reached.

A finding gives way only if its cause may be a consequence (`yields`) and a deeper finding is reachable from what it
explains, or if another finding explains the same object with harder evidence. Many victims never outvote one culprit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.view import View
from copilot.model import Finding, Ref
from retrievers.graph import EdgeKind

_CLEARLY_HARDER = 0.05  # a smaller difference in weight is noise
_ON_PURPOSE = 4  # above every precedence of `_precedence`: what is done on purpose explains what is seen


class Reach:
    """What a finding covers, and what that depends on; each walk is made once."""

    def __init__(self, view: View) -> None:
        self._graph = view.graph
        self.depends = cache(self._depends)

    def _depends(self, ref: Ref) -> frozenset[Ref]:
        return frozenset(self._graph.depends_on(ref))

    def area(self, finding: Finding) -> frozenset[Ref]:
        """The object and everything the finding explains, with the owners in between."""
        covered = {finding.object, *finding.explains}
        for ref in finding.explains:
            covered.update(self._graph.owners(ref))
        return frozenset(covered)

    def entrances(self, refs: Iterable[Ref]) -> frozenset[Ref]:
        """The routes from outside that lead to any of these Services."""
        return frozenset(
            edge.source for ref in refs if ref.kind == "Service" for edge in self._graph.into(ref, EdgeKind.ROUTES_TO)
        )

    def below(self, finding: Finding) -> frozenset[Ref]:
        """Everything the finding's area depends on, what its evidence points to, and what that depends on."""
        found: set[Ref] = set()
        for ref in (finding.object, *finding.explains):
            found |= self.depends(ref)
        for ref in finding.points_to:
            found.add(ref)
            found |= self.depends(ref)
        return frozenset(found)


def fold(
    reach: Reach, findings: list[Finding], causes: Mapping[str, Cause]
) -> tuple[list[Finding], dict[int, list[Finding]]]:
    """Split findings into roots and, by the root's `id()`, what was folded under each."""
    areas = [reach.area(finding) for finding in findings]
    parent = {
        i: j
        for i, finding in enumerate(findings)
        if (j := _deeper(i, finding, findings, areas, reach, causes)) is not None
    }
    roots: list[Finding] = []
    folded: dict[int, list[Finding]] = {}
    for i, finding in enumerate(findings):
        top = _top(i, parent)
        if top == i:
            roots.append(finding)
        else:
            folded.setdefault(id(findings[top]), []).append(finding)
    return roots, folded


def _top(start: int, parent: Mapping[int, int]) -> int:
    way = [start]
    current = start
    while current in parent:
        current = parent[current]
        if current in way:  # findings that yield to each other: of those in the circle the first in order stands
            return min(way[way.index(current) :])
        way.append(current)
    return current


def _deeper(
    i: int,
    finding: Finding,
    findings: list[Finding],
    areas: list[frozenset[Ref]],
    reach: Reach,
    causes: Mapping[str, Cause],
) -> int | None:
    """The index of the finding that this one gives way to, or None."""
    yields = causes[finding.cause].yields
    below = reach.below(finding) if yields else frozenset[Ref]()
    best: tuple[int, float, int] | None = None
    for j, other in enumerate(findings):
        if i == j:
            continue
        if _brought_about(finding, areas[i], causes[other.cause], areas[j], reach):
            rank = _ON_PURPOSE
        elif _brought_about(other, areas[j], causes[finding.cause], areas[i], reach):
            rank = 0  # what this one brings about is no deeper than it
        else:
            rank = _precedence(finding, other, areas[i], areas[j], below, yields, causes[other.cause].yields)
        if rank and (best is None or (rank, other.weight) > best[:2]):
            best = (rank, other.weight, j)
    return best[2] if best else None


def _brought_about(finding: Finding, mine: frozenset[Ref], other: Cause, its: frozenset[Ref], reach: Reach) -> bool:
    """Whether what somebody does on purpose accounts for a finding: on its objects, or on who depends on them."""
    if not other.brings_about or not finding.cause.startswith(other.brings_about):
        return False
    return not mine.isdisjoint(its) or not its.isdisjoint(reach.below(finding))


def _precedence(
    finding: Finding,
    other: Finding,
    mine: frozenset[Ref],
    its: frozenset[Ref],
    below: frozenset[Ref],
    yields: bool,
    other_yields: bool,
) -> int:
    """How strongly `other` takes precedence over `finding`; 0 when it does not."""
    shares = not mine.isdisjoint(its)
    if yields and other.object not in mine and (other.object in below or not its.isdisjoint(finding.points_to)):
        return 3 if not other_yields else 2
    if yields and not other_yields and (shares or not below.isdisjoint(its - mine)):
        return 3
    same_object = finding.object == other.object
    if same_object and yields and other_yields:
        if _leads_to(finding, mine, its):
            return 2  # what its children or pods say of the same object: the parent's word only points there
        if _leads_to(other, its, mine):
            return 0
    if same_object and yields == other_yields and _explains_as_much(finding, other):
        harder = other.weight - finding.weight
        return 1 if harder > _CLEARLY_HARDER or (yields and harder > 0) else 0
    if yields and other_yields and shares and other.weight - finding.weight > _CLEARLY_HARDER:
        return 1
    return 0


def _leads_to(finding: Finding, mine: frozenset[Ref], its: frozenset[Ref]) -> bool:
    """Whether a finding points to something that another one is about and it is not."""
    return not its.isdisjoint(finding.points_to) and not mine.issuperset(its)


def _explains_as_much(finding: Finding, other: Finding) -> bool:
    return set(finding.explains) <= set(other.explains) or not finding.explains


def order(findings: Iterable[Finding]) -> list[Finding]:
    """A stable order, so that the same input gives the same output byte for byte."""
    return sorted(findings, key=lambda f: (-f.weight, f.cause, f.object, f.title))
