"""Says which test tiers can run on this machine, and the one command that adds each missing one. Changes nothing."""

from __future__ import annotations

import sys

COMMAND = "make test-deps"


def missing() -> dict[str, str]:
    """Tier -> what it lacks."""
    from tests.live.needs import missing_needs

    return missing_needs()


if __name__ == "__main__":
    lacking = missing()
    for tier, reason in lacking.items():
        sys.stdout.write(f"tier {tier}: skipped, {reason}; `{COMMAND}` adds it\n")
    if not lacking:
        sys.stdout.write("all tiers can run\n")
