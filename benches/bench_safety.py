"""Print every figure of the safety proofs in one run (about ten minutes); with --long, the long runs (hours).

Each section stands alone: one that cannot run says why, and the others go on.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PLUGINS = ["-p", "hypothesis.extra.pytestplugin", "-p", "syrupy"]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def attacks(_long: bool) -> None:
    """Attack strings and honest reads."""
    from benches import bench_safety_attacks

    sys.argv = [sys.argv[0]]
    bench_safety_attacks.main()


def executor_socket(_long: bool) -> None:
    """Garbage and forgeries at the executor's socket."""
    from benches import bench_safety_socket

    bench_safety_socket.main()


def histories(long: bool) -> None:
    """Stateful histories of the invariants I1 to I14."""
    from tests.unit.safety.histories import DoorHistory, Hand, play

    for machine, short, much, length in ((Hand, 400, 7_000, 14), (DoorHistory, 150, 3_000, 5)):
        played = play(machine, much if long else short, length)
        _say(f"{machine.__name__}: {played} histories, {machine.effects} effects, 0 invariants broken")


def weather(long: bool) -> None:
    """Every request of nine changes meets each of twelve kinds of bad weather."""
    import random

    from tests.direct_api import Weather
    from tests.unit.safety.points import POINT_WORDS, points, struck

    every = [(point, each) for words in POINT_WORDS for point in points(words) for each in Weather]
    chosen = every if long else random.Random(5).sample(every, 300)  # noqa: S311 - a sample, no secret
    wrong = [
        (point, each, told) for point, each in chosen if (told := struck(point[0], each, point[2], writes=point[1])[1])
    ]
    twice = [
        one for one in wrong if one[1] is Weather.TWICE and all("had an effect, on record" in each for each in one[2])
    ]
    _say(f"{len(chosen)} of {len(every)} points: {len(wrong) - len(twice)} with an invariant broken")
    _say(f"delivered twice by a proxy: {len(twice)} changes applied once and on record as refused (the second answer)")
    for one in wrong[:5]:
        if one not in twice:
            _say(f"  {one}")


def crashes(long: bool) -> None:
    """Death by kill -9 at every boundary."""
    from tests.unit.safety.crash import Verdict, boundaries, die, site

    verdict = Verdict()
    with site() as place:
        points = [point for words in ("scale web to 3", "drain n1") for point in boundaries(words, place)]
        for point in points * (50 if long else 1):
            die(point, place, verdict)
    _say(f"{len(points)} points, {verdict.runs} deaths, {verdict.effects} requests had arrived: "
         f"{len(verdict.unrecorded)} unrecorded, {len(verdict.doubled)} doubled, {len(verdict.other)} otherwise wrong")  # fmt: skip


def cost(_long: bool) -> None:
    """What a decision costs."""
    from benches import bench_safety_cost

    bench_safety_cost.main()


def oracle(_long: bool) -> None:
    """Recorded requests of real kubectls against what the grammar foretells."""
    _pytest("tests/unit/kubectl/test_vectors.py")


def secrets(_long: bool) -> None:
    """Planted secrets in every sink."""
    from evals.safety.secrets import measure

    _figures(measure())


def injection(long: bool) -> None:
    """A model that does whatever any text says."""
    from evals.safety.injection import measure

    _figures(measure(2_000 if long else 400))


def injection_agent(long: bool) -> None:
    """The same model behind the whole agent, over HTTP on both sides."""
    from evals.safety.injection_agent import measure

    _figures(measure(2_000 if long else 204, clean=1 if long else 4))


def coverage(_long: bool) -> None:
    """Branch coverage of the executor by its unit tests."""
    data = {
        **os.environ,
        "COVERAGE_FILE": str(Path(tempfile.mkdtemp()) / "coverage"),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    run = [sys.executable, "-m", "coverage"]
    tests = ["-m", "pytest", "-q", *_PLUGINS, "tests/unit/executor", "tests/unit/safety/test_executor_details.py"]
    tests = [each for each in tests if not each.endswith(".py") or (ROOT / each).exists()]
    subprocess.run(
        [*run, "run", "--branch", "--source=tools/executor", *tests],
        cwd=ROOT,
        env=data,
        check=False,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run([*run, "report", "--show-missing"], cwd=ROOT, env=data, check=False)


def mutants(long: bool) -> None:
    """Small lies in the gate, the requests and the executor that the tests notice."""
    from benches import bench_safety_mutants

    parts = [] if long else ["--part", "25"]
    subprocess.run([sys.executable, "-m", bench_safety_mutants.__name__, *parts], cwd=ROOT, check=False)


SECTIONS: tuple[Callable[[bool], None], ...] = (
    attacks, executor_socket, histories, weather, crashes, cost, oracle, injection, injection_agent, secrets, coverage, mutants,
)  # fmt: skip


def _pytest(path: str) -> None:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    subprocess.run([sys.executable, "-m", "pytest", "-q", *_PLUGINS, path], cwd=ROOT, env=environment, check=False)


def _figures(figures: dict[str, object]) -> None:
    for name, value in figures.items():
        _say(f"{name}: {value}")


def main() -> None:
    """Print the sections, each under its name with the seconds that it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the long runs")
    parser.add_argument("--only", choices=[each.__name__ for each in SECTIONS], help="one section")
    options = parser.parse_args()
    for section in SECTIONS:
        if options.only in (None, section.__name__):
            _say(f"\n{(section.__doc__ or '').rstrip('.')} ({section.__name__})")
            start = time.monotonic()
            try:
                section(options.long)
            except (AssertionError, ImportError, OSError, RuntimeError) as error:
                _say(f"FAILED: {type(error).__name__}: {error}")
            _say(f"({time.monotonic() - start:.0f} s)")


if __name__ == "__main__":
    main()
