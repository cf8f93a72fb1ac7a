"""Drafts what is on or off: cordon, pause, suspend, and their opposites."""

from __future__ import annotations

from copilot.changing.drafting.drafted import Drafted, edited
from copilot.changing.lookup import Found, op_of
from guardrails.operations import Cordon, Pause, Resume, Suspend, Uncordon, Unsuspend
from guardrails.operations.allowed import SWITCHES
from guardrails.operations.args import Edit
from guardrails.operations.edits import json_text, value_at, value_of

Switch = Cordon | Uncordon | Pause | Resume | Suspend | Unsuspend


def switch(found: Found, intent: Switch) -> Drafted:
    """Turn it on or off."""
    operation = op_of(intent)
    pointer, after = SWITCHES[operation]
    before = json_text(value_at(found.body, pointer))
    if bool(value_of(before)) == bool(value_of(after)):  # absent and false are the same to the server
        after = before
    return edited(found, operation, (Edit(pointer, before, after),))
