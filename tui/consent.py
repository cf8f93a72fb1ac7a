"""Asks a person at a terminal for a typed yes. No terminal, no yes; what was typed before the question does not count."""

from __future__ import annotations

import sys
import termios

from guardrails.approval import people_needed, wanted_word
from guardrails.display import visible
from guardrails.plan import Plan, Tier


def is_attended() -> bool:
    """Tell whether a person can see the card and answer: both ends are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(plan: Plan) -> str:
    """Ask once, and return what was typed: it counts only if it is `wanted_word`. "" when nobody can be asked."""
    if not is_attended():
        return ""
    word = wanted_word(plan)
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    match plan.computed.tier:
        case Tier.ONE_YES:
            what = "yes"
        case Tier.TYPED_NAME:
            what = f"the object's name ({visible(word)})"
        case _:
            what = "the code of the card"
    sys.stdout.write(f"\nType {what} to {_aim(plan)} plan {visible(plan.id)}, anything else to leave it: ")
    sys.stdout.flush()
    return sys.stdin.readline().rstrip("\n")


def _aim(plan: Plan) -> str:
    return "carry out" if people_needed(plan) == 1 else "agree to"
