"""Measure what the guardrails cost: processor milliseconds of each decision, with every answer of the API server already there.

Processor time, so that other work on the machine does not count; waiting for the disk (one fsync for each entry of the
journal) is not in it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from copilot.model.moment import stamp
from evals.safety.attacks import load_attacks, load_reads
from guardrails.approval import Method
from guardrails.canonical import digest
from guardrails.facts import Case
from guardrails.gate import Gate
from guardrails.journal import Journal
from guardrails.kubectl.verdict import judge_line
from guardrails.plan import Plan
from guardrails.requests import compile_request
from guardrails.tiers import judge
from tests.unit.guardrails.plans import ALICE, NOW, Clock, make_plan
from tests.unit.safety.points import POINT_WORDS
from tests.unit.safety.world import KEY, World, kubeconfig_folder

LIMIT_MS = 5.0
ROUNDS = 300


def p99(taken: list[float]) -> float:
    """The 99th percentile, in the units given."""
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.99))]


def _each(work: Callable[[int], object], times: int) -> list[float]:
    taken = []
    for number in range(times):
        start = time.thread_time()
        work(number)
        taken.append((time.thread_time() - start) * 1000)
    return taken


def _judging() -> Callable[[int], object]:
    """Everything that decides about a plan once the answers are there: rules, compiled requests, and the digest."""
    cases: list[Case] = []
    plans: list[Plan] = []
    from copilot.changing import planner

    real = planner.judge

    def keeping(case: Case, *more: object) -> object:
        cases.append(case)
        return real(case, *more)  # type: ignore[arg-type]

    planner.judge = keeping  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), kubeconfig_folder())
        plans += [world.desk.plan(words) for words in POINT_WORDS]
    planner.judge = real

    def decide(number: int) -> object:
        plan = plans[number % len(plans)]
        for step in (*plan.steps, *plan.rollback):
            compile_request(step.ref, step.args)
        return judge(cases[number % len(cases)]), digest(plan)

    return decide


def measure() -> dict[str, list[float]]:
    """Milliseconds of each kind of decision, one number for each time it was made."""
    lines = [*load_reads(), *(each.text for each in load_attacks() if len(each.text) < 4096)]
    decide = _judging()
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        journal = Journal(Path(folder) / "journal.sqlite3", clock)
        gate = Gate(KEY, journal, clock)
        fresh = [make_plan(id=f"{number:012x}", intent=msgspec.structs.replace(make_plan().intent, words=str(number)), not_before=stamp(NOW)) for number in range(ROUNDS)]  # fmt: skip
        approvals = [gate.approve(plan, ALICE, Method.TERMINAL) for plan in fresh]
        steps = []

        def consume(number: int) -> object:
            steps.extend(gate.consume(fresh[number], (approvals[number],), ALICE))
            return steps

        return {
            "check a line": _each(lambda number: judge_line(lines[number % len(lines)]), len(lines) * 3),
            "judge a plan (rules, requests, digest)": _each(decide, ROUNDS),
            "use an approval up, without its fsync": _each(consume, ROUNDS),
            "vouch for a step": _each(lambda number: gate.vouch(steps[number]), ROUNDS),
        }


def main() -> None:
    """Print one table."""
    sys.stdout.write(f"{'decision':42}{'n':>6}{'median ms':>11}{'p99 ms':>9}{'most ms':>9}\n")
    for name, taken in measure().items():
        middle = sorted(taken)[len(taken) // 2]
        sys.stdout.write(f"{name:42}{len(taken):6}{middle:11.3f}{p99(taken):9.3f}{max(taken):9.3f}\n")


if __name__ == "__main__":
    main()
