"""Measure what a command costs before it does anything: processor seconds of `--help`, `causes`, and `why` on a small dump."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROUNDS = 7


def cpu_seconds(*arguments: str) -> float:
    """User and system seconds of one run of the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "copilot.cli.main", *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Measure and print one table."""
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "pods.json"
        empty.write_text(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": []}))
        commands = {
            "python -c pass": None,
            "--help": ("--help",),
            "causes": ("causes",),
            "why --from (no objects)": ("why", "--from", str(empty)),
        }
        sys.stdout.write(f"{'command':28}{'median CPU s':>14}{'least':>8}{'most':>8}\n")
        for name, arguments in commands.items():
            taken = [_bare() if arguments is None else cpu_seconds(*arguments) for _ in range(ROUNDS)]
            sys.stdout.write(f"{name:28}{statistics.median(taken):14.3f}{min(taken):8.3f}{max(taken):8.3f}\n")


def _bare() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
