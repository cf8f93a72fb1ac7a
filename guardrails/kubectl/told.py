"""Says in one line what a typed command does, and the least agreement it needs, as far as that is known without a cluster."""

from __future__ import annotations

from typing import assert_never

from guardrails.control import control_keys
from guardrails.kinds import changeable
from guardrails.kubectl.commands import ReadCommand
from guardrails.operations import (
    Annotate,
    Apply,
    ChangeIntent,
    Cordon,
    CreateJob,
    Delete,
    Drain,
    Evict,
    Label,
    PatchFields,
    Pause,
    Restart,
    Resume,
    Rollback,
    Scale,
    SetEnv,
    SetImage,
    SetResources,
    Suspend,
    Taint,
    TaintEffect,
    Target,
    Uncordon,
    Unsuspend,
)
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


def change_line(intent: ChangeIntent) -> str:
    """What a change does to which object."""
    return f"it changes {_title(intent.target)}: {_doing(intent)}"


def least_tier(intent: ChangeIntent) -> Tier:
    """The least agreement; what is found out in the cluster can only ask for more."""
    if protected_namespace(intent.target):
        return Tier.NEVER
    match intent:
        case Scale(replicas=0) | Drain() | Delete():
            return Tier.TWO_PEOPLE
        case Scale() | Cordon() | Uncordon() | Pause() | Resume() | Suspend() | Unsuspend():
            return Tier.ONE_YES
        case Restart(target=target) | Rollback(target=target):
            return Tier.ONE_YES if target.kind in (None, "Deployment") else Tier.TYPED_NAME
        case Label(target=target, marks=marks) | Annotate(target=target, marks=marks):
            steers = target.kind == "Namespace" or control_keys([mark.key for mark in marks], ())
            return Tier.TWO_PEOPLE if steers else Tier.ONE_YES
        case Taint(add=add):
            evicts = any(taint.effect is TaintEffect.NO_EXECUTE for taint in add)
            return Tier.TWO_PEOPLE if evicts else Tier.TYPED_NAME
        case PatchFields(target=target) | Apply(target=target):
            return Tier.TWO_PEOPLE if _shapes_others(target) else Tier.TYPED_NAME
        case SetImage() | SetResources() | SetEnv() | Evict() | CreateJob():
            return Tier.TYPED_NAME
        case _:
            assert_never(intent)


def protected_namespace(target: Target) -> str:
    """The protected namespace that an object is in, or is itself; "" when there is none."""
    own = target.name if target.kind == "Namespace" else target.namespace
    return own if own is not None and own in PROTECTED_NAMESPACES else ""


def _shapes_others(target: Target) -> bool:
    """Traffic, limits and disruption budgets reach beyond the object itself."""
    try:
        return changeable(target.kind or "").noted
    except KeyError:
        return True


def _title(target: Target) -> str:
    kind = f"{target.kind} " if target.kind else ""
    return f"{kind}{f'{target.namespace}/' if target.namespace else ''}{target.name}"


def _doing(intent: ChangeIntent) -> str:
    match intent:
        case Scale(replicas=replicas):
            return f"replicas to {replicas}"
        case Rollback(revision=revision):
            return f"back to revision {revision}" if revision else "back to the revision before"
        case SetImage(images=images):
            return ", ".join(
                f"container {each.container or '(the only one)'} gets image {each.image}" for each in images
            )
        case SetEnv(variables=variables):
            return "environment " + ", ".join(each.name for each in variables)
        case SetResources():
            return "requests and limits"
        case PatchFields(fields=fields):
            return "fields " + ", ".join(each.pointer for each in fields)
        case Label(marks=marks) | Annotate(marks=marks):
            return f"{intent.__class__.__name__.lower()}s " + ", ".join(each.key for each in marks)
        case Drain():
            return "cordon it and evict its pods, one by one, within their disruption budgets"
        case Evict():
            return "evict it, within its disruption budget"
        case Taint():
            return "its taints"
        case CreateJob(job=job):
            return f"make the Job {job} from it"
        case Delete():
            return "delete it"
        case _:
            return intent.__class__.__name__.lower()
