"""Finds the way back of an apply: the fields as they were, told from the object before and the server's rehearsal of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from copilot.changing.drafting.drafted import require_no_secret
from guardrails.diff import normalised
from guardrails.errors import ChangeRefused
from guardrails.operations.args import ApplyArgs, EditArgs
from guardrails.operations.edits import edits_between, turned_round
from guardrails.operations.op import Op
from guardrails.plan import Step
from guardrails.requests import compile_request
from guardrails.steps import Outcome, SendState


def restore_of(step: Step, before: Mapping[str, Any], outcome: Outcome) -> Step | None:
    """The step that leads back; None where there is none: nothing would change, or an old value looks like a secret."""
    if not isinstance(step.args, ApplyArgs) or not step.args.exists or outcome.state is not SendState.APPLIED:
        return None
    edits = edits_between(normalised(before), normalised(outcome.body), "")
    if not edits:
        return None
    args = EditArgs(Op.RESTORE, turned_round(edits), "as it was before")
    try:
        require_no_secret(edits)
        return Step(step.ref, args, compile_request(step.ref, args))
    except ChangeRefused:
        return None
