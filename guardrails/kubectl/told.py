"""Says in one line what a typed command does, and the least agreement it needs, as far as that is known without a cluster."""

from __future__ import annotations

from typing import assert_never

from guardrails import operations as ops
from guardrails.control import control_keys
from guardrails.kinds import changeable
from guardrails.kubectl.commands import ReadCommand
from guardrails.plan import Tier
from guardrails.rules.circumstances import PROTECTED_NAMESPACES


def read_line(command: ReadCommand) -> str:
    """What a read looks at."""
    what = ", ".join(command.kinds) or "what the server says of itself"
    names = f" {', '.join(command.names)}" if command.names and command.kinds else ""
    where = (
        " in all namespaces"
        if command.all_namespaces
        else f" in namespace {command.namespace}" * bool(command.namespace)
    )
    return f"it only looks: {what}{names}{where}"


def change_line(intent: ops.ChangeIntent) -> str:
    """What a change does to which object."""
    return f"it changes {_title(intent.target)}: {_doing(intent)}"


def least_tier(intent: ops.ChangeIntent) -> Tier:
    """The least agreement; what is found out in the cluster can only ask for more."""
    if protected_namespace(intent.target):
        return Tier.NEVER
    match intent:
        case ops.Scale(replicas=0) | ops.Drain() | ops.Delete():
            return Tier.TWO_PEOPLE
        case ops.Scale() | ops.Cordon() | ops.Uncordon() | ops.Pause() | ops.Resume() | ops.Suspend() | ops.Unsuspend():
            return Tier.ONE_YES
        case ops.Restart(target=target) | ops.Rollback(target=target):
            return Tier.ONE_YES if target.kind in (None, "Deployment") else Tier.TYPED_NAME
        case ops.Label(target=target, marks=marks) | ops.Annotate(target=target, marks=marks):
            steers = target.kind == "Namespace" or control_keys([mark.key for mark in marks], ())
            return Tier.TWO_PEOPLE if steers else Tier.ONE_YES
        case ops.Taint(add=add):
            evicts = any(taint.effect is ops.TaintEffect.NO_EXECUTE for taint in add)
            return Tier.TWO_PEOPLE if evicts else Tier.TYPED_NAME
        case ops.PatchFields(target=target) | ops.Apply(target=target):
            return Tier.TWO_PEOPLE if _shapes_others(target) else Tier.TYPED_NAME
        case ops.SetImage() | ops.SetResources() | ops.SetEnv() | ops.Evict() | ops.CreateJob():
            return Tier.TYPED_NAME
        case _:
            assert_never(intent)


def protected_namespace(target: ops.Target) -> str:
    """The protected namespace that an object is in, or is itself; "" when there is none."""
    own = target.name if target.kind == "Namespace" else target.namespace
    return own if own is not None and own in PROTECTED_NAMESPACES else ""


def _shapes_others(target: ops.Target) -> bool:
    """Traffic, limits and disruption budgets reach beyond the object itself."""
    try:
        return changeable(target.kind or "").noted
    except KeyError:
        return True


def _title(target: ops.Target) -> str:
    kind = f"{target.kind} " if target.kind else ""
    return f"{kind}{f'{target.namespace}/' if target.namespace else ''}{target.name}"


def _doing(intent: ops.ChangeIntent) -> str:
    match intent:
        case ops.Scale(replicas=replicas):
            return f"replicas to {replicas}"
        case ops.Rollback(revision=revision):
            return f"back to revision {revision}" if revision else "back to the revision before"
        case ops.SetImage(images=images):
            return ", ".join(
                f"container {each.container or '(the only one)'} gets image {each.image}" for each in images
            )
        case ops.SetEnv(variables=variables):
            return "environment " + ", ".join(each.name for each in variables)
        case ops.SetResources():
            return "requests and limits"
        case ops.PatchFields(fields=fields):
            return "fields " + ", ".join(each.pointer for each in fields)
        case ops.Label(marks=marks) | ops.Annotate(marks=marks):
            return f"{intent.__class__.__name__.lower()}s " + ", ".join(each.key for each in marks)
        case ops.Drain():
            return "cordon it and evict its pods, one by one, within their disruption budgets"
        case ops.Evict():
            return "evict it, within its disruption budget"
        case ops.Taint():
            return "its taints"
        case ops.CreateJob(job=job):
            return f"make the Job {job} from it"
        case ops.Delete():
            return "delete it"
        case _:
            return intent.__class__.__name__.lower()
