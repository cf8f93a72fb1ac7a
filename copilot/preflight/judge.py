"""The verdict on manifests: the rules of diagnosis asked about the cluster as it would be, and what only manifests can get wrong.

Every piece of proof names file and line. Only what concerns the manifests is told; the cluster's other troubles are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from copilot.diagnosis.catalogue import CAUSES
from copilot.diagnosis.confidence import DOUBT, FAULT_THRESHOLD
from copilot.diagnosis.engine import diagnose
from copilot.diagnosis.merge import merge
from copilot.model import Coverage, Diagnosis, Evidence, Finding, NextStep, Ref, RootCause, Snapshot, StepKind, Verdict
from copilot.model.kinds import is_namespaced
from copilot.preflight import causes
from copilot.preflight.case import FORETOLD, Case, in_template
from copilot.preflight.hypothesis import Foretold, foretell
from copilot.preflight.immutable import find_immutable_changes
from copilot.preflight.references import find_missing, find_missing_keys, find_missing_places, taken_for_granted
from copilot.preflight.shapes import find_shapes
from copilot.preflight.versions import find_old_versions
from retrievers.graph import ResourceGraph, build_graph
from tools.cluster.manifest_files import Manifest, Manifests

KNOWN = {**CAUSES, **{cause.id: cause for cause in causes.ALL}}
_NAMED = 12  # objects taken for granted that are named; more are counted
_SAYS = {"the scheduler says:": "the scheduler would say:", "FailedCreate:": "the API server would refuse:"}


def judge(manifests: Manifests, live: Snapshot | None, namespace: str) -> Diagnosis:
    """Say what of the manifests would be refused or never become ready in the cluster, or by themselves when it is None.

    `namespace` is where objects go that name none.
    """
    before = build_graph(live) if live is not None else None
    case = Case(tuple(_placed(manifest, namespace, before) for manifest in manifests.objects), before)
    foretold = foretell(case)
    found = diagnose(foretold.graph)
    roots = [cause for cause in found.root_causes if _is_ours(cause, case, foretold)]
    roots += [_root(finding) for finding in merge(_checks(case, foretold.graph)) if not _is_said(finding, roots)]
    told = sorted((_told(cause, case, foretold) for cause in roots), key=_order)
    ranked = tuple(msgspec.structs.replace(cause, rank=rank) for rank, cause in enumerate(told, start=1))
    notes = (*manifests.notes, *_granted(case, foretold.graph))
    coverage = msgspec.structs.replace(found.coverage if live is not None else Coverage(), notes=notes)
    return Diagnosis(_verdict(ranked, manifests), found.cluster, found.observed_at, ranked, coverage)


def _checks(case: Case, graph: ResourceGraph) -> Iterator[Finding]:
    yield from find_shapes(case, graph)
    yield from find_old_versions(case, graph)
    yield from find_missing_places(case, graph)
    yield from find_missing(case, graph)
    yield from find_missing_keys(case, graph)
    yield from find_immutable_changes(case)


def _placed(manifest: Manifest, namespace: str, live: ResourceGraph | None) -> Manifest:
    """The object in the namespace it would go to; cluster-scoped kinds have none."""
    ref = manifest.resource.ref
    scoped = is_namespaced(ref.kind, ref.group)
    if scoped is None:
        known = live.of_kind(ref.kind, group=ref.group) if live is not None else []
        scoped = bool(ref.namespace) or not known or bool(known[0].ref.namespace)
    space = (ref.namespace or namespace) if scoped else ""
    if space == ref.namespace:
        return manifest
    metadata = {**manifest.resource.metadata, "namespace": space}
    body = {**manifest.resource.body, "metadata": metadata}
    resource = msgspec.structs.replace(manifest.resource, ref=msgspec.structs.replace(ref, namespace=space), body=body)
    return msgspec.structs.replace(manifest, resource=resource)


def _verdict(ranked: tuple[RootCause, ...], manifests: Manifests) -> Verdict:
    if any(cause.confidence >= FAULT_THRESHOLD for cause in ranked):
        return Verdict.FAULT
    return Verdict.UNKNOWN if any(note.startswith("not read: ") for note in manifests.notes) else Verdict.HEALTHY


def _is_ours(cause: RootCause, case: Case, foretold: Foretold) -> bool:
    if case.live is None and cause.cause == "svc.no_endpoints.selector" and len(cause.evidence) == 1:
        return False  # no workload here looks meant: its pods may stand in the cluster
    spoken = (cause.object, *(piece.object for piece in cause.evidence), *cause.affected)
    return any(ref in foretold.owners or ref in case.by_ref for ref in spoken)


def _is_said(finding: Finding, roots: Sequence[RootCause]) -> bool:
    """Whether a rule of the diagnosis already names this cause for the object."""
    return any(root.cause == finding.cause and finding.object in (root.object, *root.affected) for root in roots)


def _root(finding: Finding) -> RootCause:
    """What a check found. Each stands for itself: one fault of a manifest does not explain another."""
    confidence = round(max(0.05, finding.weight - DOUBT * len(finding.doubts)), 2)
    return RootCause(
        rank=0, cause=finding.cause, title=finding.title, object=finding.object, confidence=confidence, evidence=finding.evidence,
        next_steps=finding.steps, doubts=finding.doubts,
    )  # fmt: skip


def _order(cause: RootCause) -> tuple[object, ...]:
    known = KNOWN.get(cause.cause)
    severity = known.severity if known is not None else 0
    return (cause.confidence < FAULT_THRESHOLD, -severity, -cause.confidence, cause.object, cause.cause, cause.title)


def _granted(case: Case, graph: ResourceGraph) -> Iterator[str]:
    if case.live is None:
        yield "no cluster was read: quotas, nodes, names and fixed fields of existing objects were not checked"
    granted = taken_for_granted(case, graph)
    if granted:
        more = f" and {len(granted) - _NAMED} more" if len(granted) > _NAMED else ""
        yield f"taken for granted, since nobody could look: {', '.join(granted[:_NAMED])}{more}"


def _told(cause: RootCause, case: Case, foretold: Foretold) -> RootCause:
    """The cause in the terms of the manifests: their objects instead of pods that exist nowhere, file and line as source."""
    return msgspec.structs.replace(
        cause,
        object=_own(cause.object, foretold),
        title=_without_pods(cause.title, foretold),
        evidence=tuple(_proof(piece, case, foretold) for piece in cause.evidence),
        chain=(),
        affected=tuple(sorted({_own(ref, foretold) for ref in cause.affected} - {_own(cause.object, foretold)})),
        next_steps=tuple(_steps(cause, case, foretold)),
        since=None,
    )


def _own(ref: Ref, foretold: Foretold) -> Ref:
    manifest = foretold.owners.get(ref)
    return manifest.resource.ref if manifest is not None else ref


def _without_pods(sentence: str, foretold: Foretold) -> str:
    for pod, manifest in foretold.owners.items():
        if str(pod) in sentence:
            sentence = sentence.replace(str(pod), f"a pod of {manifest.resource.ref}")
    return sentence


def _proof(piece: Evidence, case: Case, foretold: Foretold) -> Evidence:
    text = _without_pods(piece.text, foretold)
    for said, would in _SAYS.items():
        text = text.replace(said, would, 1) if text.startswith(said) else text
    pod = foretold.owners.get(piece.object)
    manifest = pod or case.by_ref.get(piece.object)
    exact = manifest is not None and pod is None and piece.source not in ("", manifest.resource.source)
    if manifest is None or exact:
        return msgspec.structs.replace(piece, text=text, source="" if piece.source == FORETOLD else piece.source)
    path = piece.path
    if pod is not None and manifest.resource.ref.kind != "Pod":
        path = in_template(manifest, path) if path.startswith(("spec.", "metadata.")) else ""
    return Evidence(
        manifest.resource.ref, path, text, manifest.place("" if path.startswith(("event", "status")) else path)
    )


def _steps(cause: RootCause, case: Case, foretold: Foretold) -> Iterator[NextStep]:
    """The steps that can be taken before anything is applied: edits happen in the file."""
    manifest = case.by_ref.get(_own(cause.object, foretold))
    for step in cause.next_steps:
        pods = any(pod.name in step.command for pod in foretold.owners)
        if (
            step.kind is StepKind.CHANGE
            and manifest is not None
            and step.command.startswith(("kubectl edit", "kubectl scale", "kubectl set"))
        ):
            yield NextStep(f"{step.text} ({manifest.place()})", step.kind)
        elif not pods and (
            case.live is not None and (manifest is None or case.before(manifest.resource.ref) is not None)
        ):
            yield step
        elif step.kind is StepKind.CHANGE:
            yield NextStep(step.text, step.kind)
