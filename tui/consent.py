"""Asks a person at a terminal for a typed yes. No terminal, no yes; what was typed before the question does not count."""

from __future__ import annotations

import sys
import termios

from guardrails.display import visible
from guardrails.plan import Plan, Tier


def is_attended() -> bool:
    """Tell whether a person can see the card and answer: both ends are terminals."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def wanted_word(plan: Plan) -> str:
    """What has to be typed: `yes`, or the object's name where a slip would cost more."""
    return "yes" if plan.computed.tier is Tier.ONE_YES else plan.target.name


def ask(plan: Plan) -> bool:
    """Ask once. Anything but the exact word is a no."""
    if not is_attended():
        return False
    word = wanted_word(plan)
    termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    what = "yes" if word == "yes" else f"the object's name ({visible(word)})"
    sys.stdout.write(f"\nType {what} to carry out plan {visible(plan.id)}, anything else to leave it: ")
    sys.stdout.flush()
    return sys.stdin.readline().rstrip("\n") == word
