"""Finds the way back of an earlier change. It is a new intent, judged and approved like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from copilot.changing.history import PlanState, Record
from copilot.model import dig, number
from guardrails.errors import ChangeRefused
from guardrails.intent import ScaleIntent
from guardrails.plan import ClusterId, RestartArgs, ScaleArgs


def undo_intent(record: Record, cluster: ClusterId) -> ScaleIntent:
    """The change that leads back.

    Raises:
        ChangeRefused: the plan was never applied, was for another cluster, or cannot be undone.
    """
    plan = record.plan
    if record.state is not PlanState.APPLIED:
        raise ChangeRefused(
            f"Plan {plan.id} was not applied (it is: {record.state.value}), so there is nothing to undo",
            f"kubectl copilot audit {plan.id} shows what happened.",
        )
    if (plan.cluster.uid, plan.cluster.server_ca_sha256) != (cluster.uid, cluster.server_ca_sha256):
        raise ChangeRefused(
            f"Plan {plan.id} was for the cluster {plan.cluster.context} ({plan.cluster.server}), this is {cluster.server}",
            "Choose that cluster with --context.",
        )
    match plan.steps[0].args:
        case ScaleArgs(before=before):
            return ScaleIntent(plan.target.name, before, plan.target.kind, plan.target.namespace)
        case RestartArgs():
            raise ChangeRefused(
                f"A restart cannot be undone: {plan.target.title} got new pods from the same template, nothing else changed",
                "If the new pods are bad, the cause is elsewhere: kubectl copilot why "
                f"{plan.target.kind.lower()}/{plan.target.name} -n {plan.target.namespace}",
            )
        case other:
            assert_never(other)


def what_moved(record: Record, body: Mapping[str, Any]) -> str:
    """What happened to the object since the change; "" when it still stands as the change left it.

    Raises:
        ChangeRefused: the object was deleted and made anew.
    """
    target, args = record.plan.target, record.plan.steps[0].args
    if dig(body, "metadata", "uid") != target.uid:
        raise ChangeRefused(
            f"{target.title} was deleted and made anew since plan {record.plan.id}",
            "Ask for the change you want with do.",
        )
    now = number(body, "spec", "replicas", default=1)
    if isinstance(args, ScaleArgs) and now != args.after:
        return f"plan {record.plan.id} had set {args.after} replicas, and someone has set {now} since"
    return ""
