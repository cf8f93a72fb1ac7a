"""What stands around the object: managers, autoscalers, budgets, Services, quotas, and how well all that is known."""

from __future__ import annotations

from collections.abc import Iterable

from guardrails.facts import Case
from guardrails.managers import Reverts
from guardrails.operations.args import DeleteArgs, EvictArgs, RestartArgs, ScaleArgs
from guardrails.operations.op import Op
from guardrails.plan import Tier
from guardrails.rules.disruption import healthy_lost, pods_disrupted
from guardrails.rules.finding import Finding, at_least, one_more, refuse

MANY_PODS = 10  # pods: more than this at once, or a fifth of a Service, is not one person's decision
STALE_SECONDS = 30  # an older picture of the cluster may no longer hold
# What managers of an object do not write back: marks of their own, states of a moment.
_BESIDE_MANAGERS = frozenset({Op.LABEL, Op.ANNOTATE, Op.CORDON, Op.UNCORDON, Op.CREATE_JOB, Op.TAINT})


def autoscaled(case: Case) -> Iterable[Finding]:
    """A number that an autoscaler sets is changed at the autoscaler."""
    if case.scaling:
        for hpa in case.around.autoscalers:
            yield refuse(
                f"HorizontalPodAutoscaler {hpa.name} sets its replicas ({hpa.least} to {hpa.most}) and would undo this; "
                f"change the bounds in {hpa.place}"
            )


def managed(case: Case) -> Iterable[Finding]:
    """Who else writes the object, and what they would do to the change."""
    if isinstance(case.args, EvictArgs) or case.op is Op.DRAIN:
        return
    for manager in case.managers:
        name, place = manager.banner.manager, manager.banner.place
        if isinstance(case.args, RestartArgs):
            if manager.parent:
                yield at_least(Tier.TYPED_NAME, f"{name} owns it and may write its pod template back")
        elif isinstance(case.args, DeleteArgs):
            yield at_least(Tier.TYPED_NAME, f"{name} may make it again; change {place} instead")
        elif case.op in _BESIDE_MANAGERS:
            yield at_least(Tier.ONE_YES, f"{name} may write it back; the place to change it is {place}")
        elif manager.parent and case.ref.kind == "ReplicaSet":
            yield refuse(f"{name} owns it and sets its replicas; scale {place} instead")
        elif manager.reverts is Reverts.SOON:
            yield at_least(Tier.TWO_PEOPLE, f"{name} would put {_old(case)} back; change {place} instead")
        else:
            yield at_least(Tier.TYPED_NAME, f"{name} would overwrite {_new(case)} later; change {place} too")


def _old(case: Case) -> str:
    return "the old number" if isinstance(case.args, ScaleArgs) else "its own state"


def _new(case: Case) -> str:
    return "the number" if isinstance(case.args, ScaleArgs) else "it"


def budgets(case: Case) -> Iterable[Finding]:
    """A budget is asked by the API for evictions only, so it is kept here for all else."""
    lost = healthy_lost(case)
    for budget in case.around.budgets:
        if case.evictions:
            if budget.allowed == 0:
                yield refuse(f"PodDisruptionBudget {budget.name} lets no pod go now ({budget.healthy} healthy pods)")
            continue
        moves = case.scaling is not None and not budget.absolute
        if lost > 0 and not moves and budget.healthy - lost < budget.wanted:
            yield refuse(
                f"PodDisruptionBudget {budget.name} wants {budget.wanted} healthy pods; "
                f"{max(0, budget.healthy - lost)} would be left of {budget.healthy}"
            )


def endpoints(case: Case) -> Iterable[Finding]:
    """A Service without a ready endpoint serves nobody."""
    lost = healthy_lost(case)
    for service in case.around.services:
        if service.ready > 0 and lost > 0 and service.ready - min(lost, service.ready_here) <= 0:
            yield at_least(Tier.TWO_PEOPLE, f"Service {service.name} may be left without a ready endpoint")


def many_pods(case: Case) -> Iterable[Finding]:
    """Many pods at once."""
    pods = pods_disrupted(case)
    ready = max((service.ready for service in case.around.services), default=0)
    if pods > max(MANY_PODS, ready // 5):
        yield one_more(f"it disrupts {pods} pods")


def fragile(case: Case) -> Iterable[Finding]:
    """One doubt about availability raises what replaces pods; a scale down is a typed decision already."""
    if not case.replaces_pods or case.state.replicas == 0 or case.state.paused or case.state.on_delete:
        return
    if case.around.single_writer_volume and case.ref.kind == "Deployment":
        yield one_more("its pods share a volume that only one node may write, so old and new can block each other")
    elif case.state.replicas == 1:
        yield one_more("it has a single replica")
    elif not case.around.budgets and case.state.at_once > 1:
        yield one_more(f"no PodDisruptionBudget covers its pods, and {case.state.at_once} may be away at once")


def quota(case: Case) -> Iterable[Finding]:
    """More pods need room in every quota."""
    if case.scaling:
        before, after = case.scaling
        more = after - before
        for room in case.around.quotas:
            if more > max(0, room.pods):
                yield refuse(
                    f"ResourceQuota {room.name} has room for {max(0, room.pods)} more of these pods ({room.resource}); "
                    f"{more} are wanted"
                )


def picture(case: Case) -> Iterable[Finding]:
    """How well the surroundings are known."""
    if case.around.unread:
        yield one_more(f"its surroundings are not fully known: {', '.join(case.around.unread)}")
    if case.around.age_seconds > STALE_SECONDS:
        yield one_more(f"the picture of the cluster is {case.around.age_seconds} s old")


def incident(case: Case) -> Iterable[Finding]:
    """What it depends on is ill: the change may not help, and may hide the cause."""
    if case.around.troubled:
        more = len(case.around.troubled) - 1
        yield one_more(
            f"what it depends on is in trouble: {case.around.troubled[0]}{f' and {more} more' if more else ''}"
        )


RULES = (autoscaled, managed, budgets, endpoints, many_pods, fragile, quota, picture, incident)
