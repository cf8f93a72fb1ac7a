"""How many pods a change ends, and how many healthy ones may be missing at its worst moment. Pure counting."""

from __future__ import annotations

from typing import assert_never

from guardrails.facts import Case
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.operations.intents import Cascade
from guardrails.operations.op import Op


def pods_disrupted(case: Case) -> int:
    """How many running pods the change takes away or replaces."""
    if case.evictions:
        return len(case.evictions)
    fewer = max(0, case.scaling[0] - case.scaling[1]) if case.scaling else 0
    match case.args:
        case ScaleArgs():
            return fewer
        case RestartArgs():
            return max(0, case.state.replicas - case.state.partition)
        case EditArgs(operation=operation):
            ends = operation is Op.SUSPEND and case.ref.kind == "Job"
            return case.state.replicas if ends else max(fewer, _replaced(case))
        case ApplyArgs():
            return max(fewer, _replaced(case))
        case DeleteArgs(cascade=cascade):
            return 0 if cascade is Cascade.ORPHAN else case.state.replicas
        case EvictArgs():
            return 1
        case CreateJobArgs():
            return 0
        case _:
            assert_never(case.args)


def _replaced(case: Case) -> int:
    waits = case.state.paused or case.state.on_delete
    return max(0, case.state.replicas - case.state.partition) if case.rolls_out and not waits else 0


def healthy_lost(case: Case) -> int:
    """Healthy pods that may be missing at the worst moment."""
    state = case.state
    if case.evictions:
        return sum(pod.ready for pod in case.evictions)
    gone = max(0, state.ready - case.scaling[1]) if case.scaling and case.scaling[1] < case.scaling[0] else 0
    match case.args:
        case ScaleArgs():
            return gone
        case RestartArgs():
            return max(0, state.ready - max(0, state.replicas - state.at_once))
        case DeleteArgs():
            return state.ready if pods_disrupted(case) else 0
        case EditArgs() | ApplyArgs():
            if not pods_disrupted(case):
                return 0
            if not case.rolls_out:
                return gone if case.scaling else state.ready
            return max(gone, state.ready - max(0, state.replicas - state.at_once))
        case EvictArgs():
            return min(1, state.ready)
        case CreateJobArgs():
            return 0
        case _:
            assert_never(case.args)
