"""Log files for simulated pods, in the format a container runtime writes.

Promise: `kubectl logs` of a pod annotated `testbed/logs: NAME` returns exactly the lines given here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .errors import TestbedError

SPACING = timedelta(milliseconds=250)  # between two lines, so that timestamps are in order and believable

SILENT = "none"  # the log of a container that says nothing
ABSENT = "absent"  # never written: a container that has no earlier run


def default_for_all_pods(silent: Path) -> dict[str, Any]:
    """Return the kwok object that gives an empty log to every pod that names none."""
    logs = [{"logsFile": str(silent), "previousLogsFile": str(silent.with_name(f"{ABSENT}.log"))}]
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "silent"},
        "spec": {"logs": logs},
    }


def write(folder: Path, name: str, lines: Iterable[str], stream: str = "stdout", last: datetime | None = None) -> Path:
    """Write the log NAME; the last line carries the time `last` (default: now)."""
    if name != Path(name).name or name.startswith("."):
        raise TestbedError(f"{name!r} is no log name", "a plain file name without slashes")
    texts = [line.rstrip("\n") for line in lines]
    end = last or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    with path.open("w", encoding="utf8") as output:
        for behind, text in zip(range(len(texts) - 1, -1, -1), texts, strict=True):
            moment = (end - behind * SPACING).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
            output.write(f"{moment} {stream} F {text}\n")
    return path
