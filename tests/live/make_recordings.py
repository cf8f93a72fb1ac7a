"""Plays scenarios on a test bed of its own and records them: `python -m tests.live.make_recordings [NAME…]`.

With `--built`, records clusters that are described object by object: through a real API server that nothing runs beside.
Promise: a scenario that does not come about is reported and leaves its old recording as it was; the exit code says so.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from evals.case import RECORDINGS
from tests.live.built import described
from tests.live.built.run import run
from tests.live.recording import save_case
from tests.live.scenarios import NAMED, SCENARIOS
from tests.live.scenarios.player import played
from tests.live.scenarios.scenario import Scenario
from tests.live.testbed.cluster import Cluster, KubectlError
from tests.live.testbed.errors import TestbedError
from tests.live.testbed.paths import default_state

NODES = 5


def main() -> int:
    """Record the named scenarios, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.live.make_recordings", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios (default: all)")
    parser.add_argument("--built", action="store_true", help="build described clusters instead of playing scenarios")
    parser.add_argument("--check", action="store_true", help="with --built: only say what the API server refuses")
    parser.add_argument("--state", type=Path, default=default_state().with_name("recordings"))
    parser.add_argument("--into", type=Path, default=RECORDINGS)
    arguments = parser.parse_args()
    known = described.everything() if arguments.built else NAMED
    if strange := [name for name in arguments.names if name not in known]:
        parser.error(f"no such scenario: {', '.join(strange)}")
    if arguments.built:
        state = arguments.state.with_name(arguments.state.name + "-built")
        return 1 if run(arguments.names, state, arguments.into, only_check=arguments.check) else 0
    return _play(arguments)


def _play(arguments: argparse.Namespace) -> int:
    wanted = [NAMED[name] for name in arguments.names] or list(SCENARIOS)
    arguments.into.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    for metrics in (False, True):
        some = [scenario for scenario in wanted if scenario.needs_metrics is metrics]
        failed += _record_on_one(
            some, arguments.state.with_name(arguments.state.name + "-metrics" * metrics), metrics, arguments.into
        )
    print(f"{len(wanted) - len(failed)} recorded" + (f", not: {', '.join(failed)}" if failed else ""), file=sys.stderr)
    return 1 if failed else 0


def _record_on_one(scenarios: list[Scenario], state: Path, metrics: bool, into: Path) -> list[str]:
    """Record scenarios one after the other on one cluster, which ends with this process; returns those that failed."""
    if not scenarios:
        return []
    cluster = Cluster(state)
    cluster.start(nodes=NODES, metrics=metrics, owner=os.getpid())
    try:
        return [scenario.name for scenario in scenarios if not _record(scenario, cluster, into)]
    finally:
        cluster.stop()


def _record(scenario: Scenario, cluster: Cluster, into: Path) -> bool:
    began = time.monotonic()
    try:
        with played(scenario, cluster):
            shown = time.monotonic() - began
            save_case(scenario, cluster, into / scenario.name)
    except (TestbedError, KubectlError) as error:
        cause = f"{error.__context__}; and then " if error.__context__ else ""  # clearing up failed too
        print(f"{scenario.name}: {cause}{error}", file=sys.stderr, flush=True)
        return False
    size = sum(path.stat().st_size for path in (into / scenario.name).rglob("*") if path.is_file())
    print(f"{scenario.name}: shown after {shown:.0f} s, {size / 1024:.0f} kB", file=sys.stderr, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
