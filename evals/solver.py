"""Who answers a case: the program itself, or a script in tests. A solver sees the material and the question, never the truth."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import msgspec

from copilot.app import Copilot
from copilot.model import CopilotError, Coverage, Diagnosis, Ref, Snapshot, Verdict
from copilot.model.moment import EPOCH
from copilot.settings import Settings
from copilot.target import Target
from evals.case import Case, Material
from evals.truth import Pattern
from tools.cluster.open_source import open_path
from tools.cluster.source import LogRequest, LogsRead, Scope

_SETTINGS = Settings(data_dir=Path(os.devnull))  # a diagnosis keeps nothing, so a measurement needs no folder


class Answer(msgspec.Struct, frozen=True):
    """What a solver said of a case, and the milliseconds it took to read, to build the graph and to run the rules.

    `error` is set when it could not answer at all.
    """

    diagnosis: Diagnosis
    read_ms: float = 0.0
    graph_ms: float = 0.0
    rules_ms: float = 0.0
    error: str = ""


class Solver(Protocol):
    """Whoever can answer a case."""

    def solve(self, case: Case) -> Answer:
        """Answer one case."""
        ...


class DiagnosisSolver:
    """The program, by the way a user goes: read the material, build the graph, run the rules, redact."""

    def __init__(self, material: Material = Material.BOTH) -> None:
        self.material = material

    def solve(self, case: Case) -> Answer:
        """Answer one case; input that cannot be read is an answer with its error."""
        source = open_path(str(case.path), skip=lambda name: case.left_out(self.material, name))
        asked = case.truth.asked
        copilot = Copilot(source, Target(paths=(str(case.path),)), _SETTINGS, asked.namespace or None)
        started = time.perf_counter()
        try:
            snapshot = copilot.snapshot
            read = time.perf_counter()
            ref = _find(asked.object, snapshot) if asked.object else None
            _ = copilot.graph  # built at its first use: here, so that its time is its own
            built = time.perf_counter()
            diagnosis = copilot.diagnose(ref)
        except CopilotError as error:
            return silent(error.title)
        done = time.perf_counter()
        return Answer(diagnosis, (read - started) * 1e3, (built - read) * 1e3, (done - built) * 1e3)


class JoinedSolver:
    """The program, on observations that were made from several recordings: they need no reading."""

    def __init__(self, snapshots: Mapping[str, Snapshot]) -> None:
        self._snapshots = snapshots

    def solve(self, case: Case) -> Answer:
        """Answer one case."""
        snapshot = self._snapshots[case.name]
        copilot = Copilot(MemorySource(snapshot), Target(), _SETTINGS, None)
        started = time.perf_counter()
        _ = copilot.graph
        built = time.perf_counter()
        diagnosis = copilot.diagnose()
        return Answer(diagnosis, 0.0, (built - started) * 1e3, (time.perf_counter() - built) * 1e3)


class MemorySource:
    """An observation that is already there."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def snapshot(self, scope: Scope) -> Snapshot:
        """The observation, whatever is asked."""
        del scope
        return self._snapshot

    def read_logs(self, requests: Sequence[LogRequest]) -> LogsRead:
        """Nothing: what was recorded is in the observation."""
        del requests
        return LogsRead((), ())


def _find(pattern: Pattern, snapshot: Snapshot) -> Ref:
    """The first object that the pattern means, or the object of that very name where none does."""
    known = [found.ref for found in snapshot.resources if pattern.matches(found.ref)]
    return min(known) if known else Ref(pattern.kind, pattern.namespace, pattern.name)


def silent(error: str = "", observed_at: datetime = EPOCH) -> Answer:
    """An answer that says nothing, with the reason."""
    return Answer(Diagnosis(Verdict.UNKNOWN, "", observed_at, coverage=Coverage()), error=error)


class ScriptedSolver:
    """Answers from a table, for tests of scorers and reports: a case that is not in it gets no answer."""

    def __init__(self, answers: Mapping[str, Diagnosis]) -> None:
        self._answers = answers

    def solve(self, case: Case) -> Answer:
        """Look the case up by name."""
        found = self._answers.get(case.name)
        return Answer(found) if found is not None else silent("no scripted answer")
