"""From a graph to ranked root causes: run the rules, fold symptoms under causes, rank, and admit what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from copilot.diagnosis.catalogue import CAUSES, RULES
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.chain import chain_to
from copilot.diagnosis.changes.preceding import with_change
from copilot.diagnosis.confidence import CERTAIN, CORROBORATED, FAULT_THRESHOLD, confidence_of
from copilot.diagnosis.fold import Reach, fold, order
from copilot.diagnosis.gaps import gaps_of
from copilot.diagnosis.merge import merge
from copilot.diagnosis.scope import Scope
from copilot.diagnosis.unknown import collect_steps
from copilot.diagnosis.verify import verify, was_refused
from copilot.diagnosis.view import View
from copilot.model import Diagnosis, Evidence, Finding, Ref, RootCause, Verdict
from retrievers.graph import ResourceGraph

DATED = 20  # root causes that are looked at for a change before them; nobody reads further
WITNESSES = 2  # log lines of those who suffer in one answer: a third says the same


def diagnose(graph: ResourceGraph, scope: Scope | None = None, rules: Sequence[Rule] = RULES) -> Diagnosis:
    """Explain what is wrong in `scope` (the whole cluster when None)."""
    scope = scope or Scope()
    view = View(graph)
    findings = order(merge(finding for rule in rules for finding in rule.find(view)))
    known = _causes(rules)
    symptoms = [finding for finding in findings if known[finding.cause].secondary]
    reach = Reach(view)
    roots, folded = fold(reach, [finding for finding in findings if not known[finding.cause].secondary], known)
    relevant = [root for root in roots if _in_scope(root, folded.get(id(root), []), scope, view)]
    causes, explained = _rank(relevant, folded, symptoms, reach, known)
    seen = [symptom for symptom in symptoms if _touches((symptom.object,), scope, view)]
    left = [symptom for symptom in seen if symptom.object not in explained]
    causes = verify(view, causes, known)
    firm = [cause for cause in causes if cause.confidence >= FAULT_THRESHOLD]
    suspected = [cause for cause in causes if known[cause.cause].severity > Severity.NOTICE]
    return Diagnosis(
        verdict=_verdict(bool(firm), bool(seen or suspected) or _unseen(scope, view)),
        cluster=view.snapshot.cluster,
        observed_at=view.now,
        root_causes=tuple(
            msgspec.structs.replace(_dated(cause, i, graph), rank=i) for i, cause in enumerate(causes, start=1)
        ),
        coverage=view.coverage,
        symptoms=tuple(symptom.evidence[0] for symptom in left if symptom.evidence),
        collect=collect_steps(view, seen) if not firm else (),
        gaps=gaps_of(view, seen, causes),
    )


def _dated(cause: RootCause, rank: int, graph: ResourceGraph) -> RootCause:
    """The answers a person will read also tell what changed before; the order of answers is settled by then."""
    if rank > DATED:
        return cause
    return with_change(graph, cause, most=CERTAIN if cause.confidence >= FAULT_THRESHOLD else cause.confidence)


def _causes(rules: Sequence[Rule]) -> Mapping[str, Cause]:
    return CAUSES if rules is RULES else {cause.id: cause for rule in rules for cause in rule.causes}


def _verdict(firm: bool, doubt: bool) -> Verdict:
    if firm:
        return Verdict.FAULT
    return Verdict.UNKNOWN if doubt else Verdict.HEALTHY


def _unseen(scope: Scope, view: View) -> bool:
    """Whether nothing was read of what is asked about: it may be in any state."""
    if not view.snapshot.resources:
        return True
    places = scope.namespaces or (() if scope.object else ("*",))
    if not places or not all(was_refused(view, "Pod", place) for place in places):
        return False
    seen = {resource.ref.namespace for resource in view.snapshot.resources} - {""}
    return not seen if places == ("*",) else seen.isdisjoint(places)


def _rank(
    roots: Sequence[Finding],
    folded: Mapping[int, list[Finding]],
    symptoms: Sequence[Finding],
    reach: Reach,
    known: Mapping[str, Cause],
) -> tuple[list[RootCause], set[Ref]]:
    """Turn roots into answers, worst first, and collect every symptom that they account for."""
    explained: set[Ref] = set()
    ranked: list[tuple[tuple[object, ...], RootCause]] = []
    hit = _suffering(roots, folded, symptoms, reach)
    for i, root in enumerate(roots):
        under = folded.get(id(root), [])
        affected = hit.get(i, [])
        explained.update(symptom.object for symptom in affected)
        answer = _answer(root, under, affected, reach)
        severity = known[root.cause].severity
        key = (
            answer.confidence < FAULT_THRESHOLD,
            -severity,
            -len(answer.affected),
            -answer.confidence,
            root.cause,
            root.object,
        )
        ranked.append((key, answer))
    return [answer for _, answer in sorted(ranked, key=lambda pair: pair[0])], explained


def _suffering(
    roots: Sequence[Finding], folded: Mapping[int, list[Finding]], symptoms: Sequence[Finding], reach: Reach
) -> Mapping[int, list[Finding]]:
    """The symptoms of each root, by its place: those in its area, or that depend on something there. Each symptom is walked once."""
    holders: dict[Ref, list[int]] = {}
    for i, root in enumerate(roots):
        for ref in reach.area(root).union(*(reach.area(finding) for finding in folded.get(id(root), []))):
            holders.setdefault(ref, []).append(i)
    hit: dict[int, list[Finding]] = {}
    for symptom in symptoms:
        near = (symptom.object, *reach.depends(symptom.object))
        for i in sorted({i for ref in near if ref in holders for i in holders[ref]}):
            hit.setdefault(i, []).append(symptom)
    return hit


def _answer(root: Finding, under: Sequence[Finding], symptoms: Sequence[Finding], reach: Reach) -> RootCause:
    hurt = dict.fromkeys(
        ref for finding in (root, *under) for ref in (*finding.explains, finding.object) if ref != root.object
    )
    hurt.update(dict.fromkeys(symptom.object for symptom in symptoms if symptom.object != root.object))
    hurt.update(dict.fromkeys(reach.entrances(hurt) - {root.object}))
    return RootCause(
        rank=0,
        cause=root.cause,
        title=root.title,
        object=root.object,
        confidence=_confidence(root, under),
        evidence=(*root.evidence, *_witnesses(root, under)),
        chain=chain_to(root, under, symptoms),
        affected=tuple(sorted(hurt)),
        next_steps=root.steps,
        since=root.since,
        doubts=root.doubts,
    )


def _confidence(root: Finding, under: Sequence[Finding]) -> float:
    """The root's own weight; where a surer finding of another object points to it, that counts half: two signs agree."""
    weight = root.weight
    pointing = max((f.weight for f in under if f.points_to and f.object != root.object), default=0.0)
    if pointing > weight:
        weight = max(weight, min(CORROBORATED, (weight + pointing) / 2))
    return confidence_of(weight, len(root.doubts))


def _witnesses(root: Finding, under: Sequence[Finding]) -> list[Evidence]:
    """What the logs of those who suffer say of it: another's word for the cause, one line each."""
    said = dict.fromkeys(
        piece
        for finding in under
        for piece in finding.evidence[:1]
        if piece.path.startswith("log") and piece not in root.evidence
    )
    lines: dict[str, Evidence] = {}
    for piece in said:
        lines.setdefault(piece.text, piece)
    return list(lines.values())[:WITNESSES]


def _in_scope(root: Finding, under: Sequence[Finding], scope: Scope, view: View) -> bool:
    refs = [ref for finding in (root, *under) for ref in (finding.object, *finding.explains)]
    return _touches(refs, scope, view)


def _touches(refs: Sequence[Ref], scope: Scope, view: View) -> bool:
    if scope.object is not None:
        near = {scope.object, *view.graph.depends_on(scope.object), *view.graph.owners(scope.object)}
        return any(ref in near for ref in refs)
    if scope.namespaces:
        return any(ref.namespace in scope.namespaces or _names(ref, scope.namespaces) for ref in refs)
    return True


def _names(ref: Ref, namespaces: Sequence[str]) -> bool:
    return ref.kind == "Namespace" and ref.name in namespaces
