"""Turns any intent and the object it means into typed steps. One line for each operation; each is drafted elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from copilot.changing.drafting.containers import set_env, set_image, set_resources
from copilot.changing.drafting.drafted import Drafted, Part
from copilot.changing.drafting.marks import mark, taint
from copilot.changing.drafting.nodes import drain, evict
from copilot.changing.drafting.objects import apply, create_job, delete, patch
from copilot.changing.drafting.rollback import roll_back
from copilot.changing.drafting.switches import switch
from copilot.changing.lookup import Found, Lookup
from copilot.model.moment import stamp
from guardrails import operations as ops
from guardrails.operations.args import RestartArgs, ScaleArgs
from guardrails.workload import workload_state


def draft(intent: ops.ChangeIntent, found: Found, lookup: Lookup, now: datetime) -> Drafted:
    """The steps of a change, bound to the object's uid and version.

    Raises:
        IntentError: the object has no such container, revision or field.
        ChangeRefused: a value looks like a secret.
    """
    match intent:
        case ops.Scale(replicas=replicas):
            return scaled(found, replicas)
        case ops.Restart():
            return Drafted(parts=(Part(found.ref, RestartArgs(stamp(now)), found.body),), irreversible=_RESTART)
        case ops.Rollback():
            return roll_back(found, intent, lookup)
        case ops.SetImage():
            return set_image(found, intent)
        case ops.SetResources():
            return set_resources(found, intent)
        case ops.SetEnv():
            return set_env(found, intent)
        case ops.PatchFields():
            return patch(found, intent)
        case ops.Label() | ops.Annotate():
            return mark(found, intent)
        case ops.Cordon() | ops.Uncordon() | ops.Pause() | ops.Resume() | ops.Suspend() | ops.Unsuspend():
            return switch(found, intent)
        case ops.Drain():
            return drain(found, intent, lookup)
        case ops.Evict():
            return evict(found, intent)
        case ops.Taint():
            return taint(found, intent)
        case ops.Delete():
            return delete(found, intent)
        case ops.CreateJob():
            return create_job(found, intent, lookup)
        case ops.Apply():
            return apply(found, intent)
        case _:
            assert_never(intent)


_RESTART = ("the restart itself: the new pods come from the same template, so there is nothing to put back",)


def scaled(found: Found, replicas: int) -> Drafted:
    """A scale and its way back."""
    before = workload_state(found.kind.kind, found.body).replicas
    return Drafted(
        parts=(Part(found.ref, ScaleArgs(before, replicas), found.body),),
        back=(Part(found.ref, ScaleArgs(replicas, before), found.body),),
    )
