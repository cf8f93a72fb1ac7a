"""Says which test tiers can run on this machine, and the one command that adds each missing one. Changes nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.live.neo4j_server import jars
from tests.live.testbed import binaries
from tests.live.testbed.errors import TestbedError

_NEEDS: dict[str, Callable[[], object]] = {
    "live (Kubernetes control plane)": binaries.require,
    "live (Neo4j)": jars.require,
}


def missing() -> list[str]:
    """One line for each tier that cannot run: what it lacks, and the command that adds it."""
    lines = []
    for tier, require in _NEEDS.items():
        try:
            require()
        except TestbedError as error:
            lines.append(f"tier {tier} is skipped: {error.happened}; `{error.hint}` adds it")
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(missing() or ["every tier can run"]) + "\n")
