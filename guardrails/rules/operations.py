"""The base tier of each operation, with what is special about it (safety design, tiers)."""

from __future__ import annotations

from collections.abc import Iterable

from guardrails.facts import Case
from guardrails.operations.args import DeleteArgs, EditArgs, RestartArgs
from guardrails.operations.edits import value_of
from guardrails.operations.op import Op
from guardrails.plan import Tier
from guardrails.rules.finding import Finding, at_least, refuse

MUCH_GROWTH = 100  # pods: this many new ones at once can fill a cluster and evict others
_BASE = {
    Op.LABEL: (Tier.ONE_YES, "it changes labels that nothing here selects by"),
    Op.ANNOTATE: (Tier.ONE_YES, "it changes annotations"),
    Op.CORDON: (Tier.ONE_YES, "no new pods land on the node; those that run stay"),
    Op.UNCORDON: (Tier.ONE_YES, "new pods may land on the node again"),
    Op.PAUSE: (Tier.ONE_YES, "its rollouts wait until it is resumed"),
    Op.RESUME: (Tier.ONE_YES, "its rollouts go on"),
    Op.SUSPEND: (Tier.ONE_YES, "it starts nothing until it is let run again"),
    Op.UNSUSPEND: (Tier.ONE_YES, "it may start pods again"),
    Op.SET_IMAGE: (Tier.TYPED_NAME, "it runs another image"),
    Op.SET_RESOURCES: (Tier.TYPED_NAME, "it changes what its containers ask for and may use"),
    Op.SET_ENV: (Tier.TYPED_NAME, "it changes the environment of its containers"),
    Op.PATCH: (Tier.TYPED_NAME, "it changes fields one by one"),
    Op.EVICT: (Tier.TYPED_NAME, "it ends a pod"),
    Op.TAINT: (Tier.TYPED_NAME, "it changes where pods may be placed"),
    Op.CREATE_JOB: (Tier.TYPED_NAME, "it runs the job now, beside its schedule"),
    Op.APPLY: (Tier.TYPED_NAME, "it writes a whole object"),
    Op.RESTORE: (Tier.TYPED_NAME, "it writes fields back"),
    Op.DRAIN: (Tier.TWO_PEOPLE, "it ends every pod of its list on the node"),
}
_LASTING = frozenset({"StatefulSet", "DaemonSet"})


def scale(case: Case) -> Iterable[Finding]:
    """Up a little is one yes, down is typed, to nothing is for two."""
    if case.scaling is None:
        return
    before, after = case.scaling
    if after == before:
        yield refuse(f"it already wants {before} replica{'s'[: before != 1]}: there is nothing to change")
    elif after == 0:
        yield at_least(Tier.TWO_PEOPLE, "it scales to zero: nothing is left to serve")
    elif after < before:
        yield at_least(Tier.TYPED_NAME, f"it takes {before - after} of {before} pods away")
        if case.state.deletes_claims:
            yield at_least(
                Tier.TWO_PEOPLE, "the volume claims of the pods that go are deleted with them (whenScaled: Delete)"
            )
    elif after - before > MUCH_GROWTH:
        yield at_least(Tier.TWO_PEOPLE, f"it adds {after - before} pods, more than {MUCH_GROWTH}")
    elif after > 2 * before:
        yield at_least(Tier.TYPED_NAME, f"it more than doubles the replicas ({before} to {after})")
    else:
        yield at_least(Tier.ONE_YES, f"it adds {after - before} pod{'s'[: after - before != 1]}")


def restart(case: Case) -> Iterable[Finding]:
    """A restart that would do nothing is refused."""
    if not isinstance(case.args, RestartArgs):
        return
    state = case.state
    if state.paused:
        yield refuse("its rollouts are paused, so a restart would not start; resume it first")
    if state.on_delete:
        yield refuse("its update strategy is OnDelete: a restart would replace no pod until each is deleted by hand")
    if state.replicas == 0:
        yield refuse("it has no pods to restart")
    elif state.partition >= state.replicas:
        yield refuse(f"its update partition is {state.partition}: no pod would be replaced")
    if case.ref.kind == "Deployment":
        yield at_least(Tier.ONE_YES, "it replaces every pod, a few at a time")
    else:
        yield at_least(Tier.TYPED_NAME, f"it changes the pod template of a {case.ref.kind}")


def base(case: Case) -> Iterable[Finding]:
    """The tier that the operation has by itself."""
    if case.op in _BASE:
        yield at_least(*_BASE[case.op])
    if case.op is Op.ROLLBACK:
        yield at_least(Tier.ONE_YES, "it puts an earlier pod template back")
    if case.noted and case.op not in (Op.LABEL, Op.ANNOTATE):
        yield at_least(Tier.TWO_PEOPLE, f"a {case.ref.kind} steers traffic, limits or disruption of others")
    if isinstance(case.args, EditArgs) and all(edit.before == edit.after for edit in case.args.edits):
        yield refuse("it is like that already: there is nothing to change")


def templates(case: Case) -> Iterable[Finding]:
    """A changed pod template: of a StatefulSet or DaemonSet for two people; what runs at once for a typed name."""
    if case.rolls_out and not isinstance(case.args, RestartArgs):
        if case.ref.kind in _LASTING:
            yield at_least(Tier.TWO_PEOPLE, f"it changes the pod template of a {case.ref.kind}")
        if case.state.paused:
            yield at_least(Tier.ONE_YES, "its rollouts are paused: it takes effect when it is resumed")
        if case.state.on_delete:
            yield at_least(Tier.ONE_YES, "its update strategy is OnDelete: pods change when each is deleted")
    if case.replaces_pods and 0 < case.state.replicas <= case.state.at_once and not case.state.paused:
        yield at_least(Tier.TYPED_NAME, "all its pods may be away at the same time")


def privileges(case: Case) -> Iterable[Finding]:
    """Nobody may give a pod more power through here; a new registry or another Secret is for two people."""
    for power in case.template.powers:
        yield at_least(Tier.NEVER, f"it adds a power: {power}")
    known = set(case.around.registries)
    for registry in case.template.registries:
        if registry not in known:
            yield at_least(Tier.TWO_PEOPLE, f"no image of the namespace comes from the registry {registry} yet")
    for secret in case.template.secrets:
        yield at_least(Tier.TWO_PEOPLE, f"it lets the pods read Secret {secret}")


def control_marks(case: Case) -> Iterable[Finding]:
    """Labels and annotations that steer something."""
    for key in case.steering:
        yield at_least(Tier.TWO_PEOPLE, f"{key} steers something: selectors, policies or controllers read it")
    if case.ref.kind == "Namespace":
        yield at_least(Tier.TWO_PEOPLE, "policies read the marks of a Namespace")


def nodes(case: Case) -> Iterable[Finding]:
    """Taints that end pods, and evictions that reach several namespaces."""
    if case.op is Op.TAINT and isinstance(case.args, EditArgs):
        (edit,) = case.args.edits or (None,)
        before, after = (value_of(edit.before) or [], value_of(edit.after) or []) if edit else ([], [])
        if any(taint.get("effect") == "NoExecute" and taint not in before for taint in after):
            yield at_least(Tier.TWO_PEOPLE, "a NoExecute taint ends the pods that do not tolerate it, past any budget")
    if len(case.namespaces) > 1:
        yield at_least(Tier.TWO_PEOPLE, f"it touches {len(case.namespaces)} namespaces")


def removal(case: Case) -> Iterable[Finding]:
    """Deleting is for two people, except what an earlier plan of this journal made and nobody changed since."""
    if isinstance(case.args, DeleteArgs):
        if case.own_creation and not case.moved_on:
            yield at_least(Tier.TYPED_NAME, "it takes away what an earlier plan of this journal created")
        else:
            yield at_least(Tier.TWO_PEOPLE, f"it deletes a {case.ref.kind}")
    for pod in case.evictions:
        if not pod.owner:
            yield at_least(Tier.TWO_PEOPLE, f"nothing makes pod {pod.namespace}/{pod.name} again")
    if case.op is Op.SUSPEND and case.ref.kind == "Job" and case.state.replicas:
        yield at_least(Tier.TYPED_NAME, "its running pods end")
    if case.op is Op.EVICT:
        for pod in case.evictions:
            if pod.scratch:
                yield at_least(Tier.TYPED_NAME, "what it holds in emptyDir volumes is lost")


RULES = (scale, restart, base, templates, privileges, control_marks, nodes, removal)
