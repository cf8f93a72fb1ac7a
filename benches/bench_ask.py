"""Measure `kubectl copilot ask` on a recording, as a person waits for it: a whole process, from its start to its end."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from benches.faulty_cluster import faulty_cluster
from guardrails.redaction import Redactor
from tools.cluster.record import save

ROUNDS = 9
GOAL = 1.0  # seconds of wall
QUESTIONS = (
    "how many pods are not ready?",
    "list pods",
    "what depends on service/app-0?",
    "is everything all right?",
    "why is app-50 down?",
)


class Taken(msgspec.Struct, frozen=True):
    """What one run took."""

    wall: float
    processor: float
    peak_mib: float


def main(argv: list[str] | None = None) -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args([] if argv is None else argv)
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording"
        recorded = save(faulty_cluster(options.pods), recording, Redactor(b"bench" * 8))
        size = sum(path.stat().st_size for path in recording.rglob("*") if path.is_file())
        sys.stdout.write(f"{options.pods} pods, {recorded.objects} objects, {size / 2**20:.1f} MiB; load {_load()}\n")
        sys.stdout.write(f"{'question':34}{'wall s':>8}{'least':>8}{'most':>8}{'CPU s':>8}{'least':>8}{'MiB':>6}\n")
        slowest = 0.0
        for question in QUESTIONS:
            _asked(question, recording, folder)  # its byte code and its files are in the machine's caches afterwards
            taken = [_asked(question, recording, folder) for _ in range(options.rounds)]
            slowest = max(slowest, statistics.median(one.wall for one in taken))
            sys.stdout.write(_row(question, taken))
        sys.stdout.write(f"slowest median {slowest:.2f} s, goal {GOAL} s; load {_load()}\n")


def _row(question: str, taken: list[Taken]) -> str:
    wall = [one.wall for one in taken]
    processor = [one.processor for one in taken]
    peak = max(one.peak_mib for one in taken)
    return f"{question:34}{statistics.median(wall):8.3f}{min(wall):8.3f}{max(wall):8.3f}{statistics.median(processor):8.3f}{min(processor):8.3f}{peak:6.0f}\n"


def _asked(question: str, recording: Path, home: str) -> Taken:
    """One run of the command line without a model, with nothing of the caller's settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("COPILOT_", "OTEL_"))}
    code = "import sys, json, resource; from copilot.cli.main import main; code = main(sys.argv[1:]); sys.stdout.flush(); sys.stderr.write(json.dumps([code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))"
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, "ask", question, "--from", str(recording)],
        capture_output=True, text=True, check=True, env={**clean, "COPILOT_DATA_DIR": home},
    )  # fmt: skip
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    answered, peak = json.loads(done.stderr.splitlines()[-1])
    assert answered == 0, done.stderr
    return Taken(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, peak / 1024)


def _load() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    main(sys.argv[1:])
