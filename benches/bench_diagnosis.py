"""Measure question to answer: dumps of 100 to 10,000 pods that are well, the rules alone on a bad day, memory, and each recording.

`--plot` also writes docs/diagnosis-cost.svg. Memory is the peak resident set (VmHWM) of a process of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benches.bench_graph import made_up_cluster
from benches.faulty_cluster import faulty_cluster
from benches.svg import Mark, Picture
from copilot.diagnosis import diagnose, log_patterns
from copilot.model import Snapshot
from copilot.model.collector import paused_gc
from evals.case import RECORDINGS, Case, Material, load_cases
from evals.solver import DiagnosisSolver
from retrievers.graph import build_graph
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

SIZES = (100, 1_000, 10_000)
STEPS = (100, 300, 1_000, 2_000, 4_000, 7_000, 10_000)
ROUNDS = 3
SVG = Path(__file__).parents[1] / "docs" / "diagnosis-cost.svg"
_CHILD = "--memory-of"


def dump(pods: int, folder: Path) -> Path:
    """Write a made-up cluster of that many pods as one List."""
    path = folder / f"{pods}.json"
    items = [resource.body for resource in made_up_cluster(pods).resources]
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return path


def measure(path: Path) -> tuple[int, float, float, float, int]:
    """Objects, and seconds of reading, graph, rules; root causes found."""
    with paused_gc():  # as the application does
        started = time.process_time()
        snapshot = open_path(str(path)).snapshot(Scope())
        read = time.process_time()
        graph = build_graph(snapshot)
        built = time.process_time()
        diagnosis = diagnose(graph)
        ended = time.process_time()
    return len(snapshot.resources), read - started, built - read, ended - built, len(diagnosis.root_causes)


def rules_ms(snapshot: Snapshot) -> tuple[float, int]:
    """Milliseconds of CPU of the rules on a fresh graph, the best of the rounds, and the causes found."""
    best, causes = float("inf"), 0
    for _ in range(ROUNDS):
        with paused_gc():
            graph = build_graph(snapshot)
            started = time.process_time()
            causes = len(diagnose(graph).root_causes)
            best = min(best, (time.process_time() - started) * 1e3)
    return best, causes


def peak_mib() -> float:
    """The peak resident set of this process so far, in MiB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _memory_of_file(path: str) -> None:
    start = peak_mib()
    with paused_gc():
        snapshot = open_path(path).snapshot(Scope())
        read = peak_mib()
        graph = build_graph(snapshot)
        built = peak_mib()
        diagnose(graph)
    sys.stdout.write(json.dumps([start, read, built, peak_mib()]))


def _memory(path: Path) -> list[float]:
    words = [sys.executable, "-m", "benches.bench_diagnosis", _CHILD, str(path)]
    ran = subprocess.run(words, check=True, capture_output=True, text=True)
    found: list[float] = json.loads(ran.stdout)
    return found


def incidents() -> list[tuple[float, str]]:
    """Milliseconds of CPU of each recording's whole answer, reading included; each is asked three times, so that nothing is cold."""
    cases = [case for case in load_cases(RECORDINGS) if case.has(Material.OBJECTS)]
    solver = DiagnosisSolver(Material.OBJECTS)
    return sorted(min(_once(solver, case) for _ in range(ROUNDS)) for case in cases)


def _once(solver: DiagnosisSolver, case: Case) -> tuple[float, str]:
    log_patterns.match_line.cache_clear()  # what an earlier round read must not help this one
    log_patterns.match_block.cache_clear()
    started = time.process_time()
    solver.solve(case)
    return (time.process_time() - started) * 1e3, case.name


def draw(well: list[tuple[int, float]], ill: list[tuple[int, float]]) -> str:
    """Milliseconds of the rules against pods."""
    most = max(ms for _, ms in (*well, *ill)) * 1.1
    picture = Picture(560, 400, "Rules after the graph is built: milliseconds against pods")
    ticks = [(share / 4, f"{most * share / 4:.0f}") for share in range(5)]
    picture.axes(
        440, [(pods / STEPS[-1], f"{pods:,}") for pods in (0, 2_000, 4_000, 7_000, 10_000)], ticks, "pods", "ms", 280
    )
    for name, colour, points in (("every workload well", "#2471a3", well), ("every 25th workload broken, one node silent", "#c0392b", ill)):  # fmt: skip
        shares = [(pods / STEPS[-1], ms / most) for pods, ms in points]
        picture.line(shares, colour)
        picture.marks([Mark(x, y) for x, y in shares], colour)
        picture.legend(name, colour)
    return picture.text()


def main(words: list[str] | None = None) -> None:
    """Measure and print the tables."""
    given = sys.argv[1:] if words is None else words
    if given[:1] == [_CHILD]:
        _memory_of_file(given[1])
        return
    sys.stdout.write(f"{'pods':>7}{'objects':>9}{'MiB':>7}{'read s':>9}{'graph s':>9}{'rules s':>9}{'whole s':>9}{'peak MiB':>10}{'of rules':>10}\n")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for pods in SIZES:
            path = dump(pods, Path(folder))
            runs = [measure(path) for _ in range(ROUNDS)]
            read, graph, rules = (statistics.median(run[i] for run in runs) for i in (1, 2, 3))
            size = path.stat().st_size / 2**20
            memory = _memory(path)
            sys.stdout.write(f"{pods:7,}{runs[0][0]:9,}{size:7.1f}{read:9.3f}{graph:9.3f}{rules:9.3f}{read + graph + rules:9.3f}{memory[3]:10.0f}{memory[3] - memory[2]:10.1f}\n")  # fmt: skip
    sys.stdout.write(f"\n{'pods':>7}{'well ms':>10}{'ill ms':>10}{'us/pod':>9}{'causes':>8}\n")
    well: list[tuple[int, float]] = []
    ill: list[tuple[int, float]] = []
    for pods in STEPS:
        healthy, _ = rules_ms(made_up_cluster(pods))
        broken, causes = rules_ms(faulty_cluster(pods))
        well.append((pods, healthy))
        ill.append((pods, broken))
        sys.stdout.write(f"{pods:7,}{healthy:10.1f}{broken:10.1f}{broken * 1e3 / pods:9.1f}{causes:8}\n")
    found = incidents()
    sys.stdout.write(f"\nrecordings: {len(found)}, whole answer median {found[len(found) // 2][0]:.1f} ms, max {found[-1][0]:.1f} ms ({found[-1][1]})\n")  # fmt: skip
    if "--plot" in given:
        SVG.write_text(draw(well, ill), encoding="utf-8")
        sys.stdout.write(f"written: docs/{SVG.name}\n")


if __name__ == "__main__":
    main()
