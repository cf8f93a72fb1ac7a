"""A workload at zero replicas behind a Service that somebody calls. Its step back is the number that there was, where the move to zero is on record."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.diagnosis.cause import Cause, Severity
from copilot.diagnosis.changes.change import Change, newest_first
from copilot.diagnosis.changes.scaling import scale_changes
from copilot.diagnosis.steps import change
from copilot.diagnosis.view import View, fact, said
from copilot.diagnosis.words import listed
from copilot.model import Finding, Ref, Resource

SCALED_TO_ZERO = Cause(
    id="deploy.scaled_to_zero",
    title="The workload behind it is scaled to zero",
    kind="Deployment",
    fields=("spec.replicas", "metadata.managedFields", "event ScalingReplicaSet"),
    steps=("Scale it up",),
    citation="k8s.io/api/apps/v1 DeploymentSpec",
)
AT_REST = Cause(
    id="deploy.at_rest",
    title="A workload rests at zero replicas and nobody is known to call it",
    kind="Deployment",
    fields=("spec.replicas",),
    severity=Severity.NOTICE,
    steps=("Scale it up if it is needed",),
    citation="k8s.io/api/apps/v1 DeploymentSpec",
)
_WANTED = 0.85  # somebody calls the Service
_SEEN_DONE = 0.9  # and the move to zero itself is on record
_UNUSED = 0.45  # nobody is known to call it: perhaps it rests on purpose


def scaled_to_zero(view: View, service: Resource, owner: Resource, users: Sequence[Ref], *, wanted: bool) -> Finding:
    """The finding of a workload without replicas behind a Service that is `wanted`, be its users known by name or not."""
    move = _last_move(view, owner)
    callers = listed(str(_caller(view, ref)) for ref in users if ref.kind != "ReplicaSet")
    called = f"; {callers} would call it" if callers else ""
    evidence = (
        fact(owner, "spec.replicas"),
        said(service, "spec.selector", f"{service.ref} selects its pods and has none{called}"),
    )
    before = move.before if move and move.before.isdigit() and move.before != "0" else "1"
    return Finding(
        cause=AT_REST.id if not wanted and view.was_read("Ingress", owner.ref.namespace) else SCALED_TO_ZERO.id,
        object=owner.ref,
        title=f"{owner.ref} is scaled to zero replicas, so {service.ref} has no endpoints",
        evidence=evidence,
        explains=(service.ref,),
        weight=_UNUSED if not wanted else _SEEN_DONE if move else _WANTED,
        since=move.at if move else None,
        steps=(
            change(f"Scale {owner.ref} to {before}", owner.ref, f"kubectl scale {owner.ref.argument} --replicas={before}{owner.ref.flags}"),
        ),
    )  # fmt: skip


def _caller(view: View, ref: Ref) -> Ref:
    """The object a person would know as the caller."""
    pod = view.graph.get(ref) if ref.kind == "Pod" else None
    return view.pod(pod).owner if pod is not None else view.graph.top_owner(ref)


def _last_move(view: View, owner: Resource) -> Change | None:
    """The last scale move, when it led to zero."""
    moves = newest_first(scale_changes(view.graph, owner))
    return moves[0] if moves and moves[0].after in ("0", "") else None
