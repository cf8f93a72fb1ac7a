"""Measure question to answer on a dump of 100, 1,000 and 10,000 pods, split in reading, graph and rules."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benches.bench_graph import made_up_cluster
from copilot.diagnosis import diagnose
from copilot.model.collector import paused_gc
from retrievers.graph import build_graph
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

SIZES = (100, 1_000, 10_000)
ROUNDS = 3


def dump(pods: int, folder: Path) -> Path:
    """Write a made-up cluster of that many pods as one List."""
    path = folder / f"{pods}.json"
    items = [resource.body for resource in made_up_cluster(pods).resources]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return path


def measure(path: Path) -> tuple[int, float, float, float, int]:
    """Objects, and seconds of reading, graph, rules; root causes found."""
    with paused_gc():  # as the application does
        started = time.perf_counter()
        snapshot = open_path(str(path)).snapshot(Scope())
        read = time.perf_counter()
        graph = build_graph(snapshot)
        built = time.perf_counter()
        diagnosis = diagnose(graph)
        ended = time.perf_counter()
    return len(snapshot.resources), read - started, built - read, ended - built, len(diagnosis.root_causes)


def main() -> None:
    """Measure and print one table."""
    sys.stdout.write(f"{'pods':>7}{'objects':>9}{'MiB':>7}{'read s':>9}{'graph s':>9}{'rules s':>9}{'whole s':>9}\n")
    with tempfile.TemporaryDirectory() as folder:
        for pods in SIZES:
            path = dump(pods, Path(folder))
            runs = [measure(path) for _ in range(ROUNDS)]
            read, graph, rules = (statistics.median(run[i] for run in runs) for i in (1, 2, 3))
            size = path.stat().st_size / 2**20
            sys.stdout.write(
                f"{pods:7,}{runs[0][0]:9,}{size:7.1f}{read:9.3f}{graph:9.3f}{rules:9.3f}{read + graph + rules:9.3f}\n"
            )


if __name__ == "__main__":
    main()
