"""The long run: real kubectls against the recorder, compared with what our grammar foretells.

    python -m tests.live.kubectl_oracle --kubectl PATH [PATH ...] --cases 20000 [--seed N] [--jobs 2] [--record FILE]

A case is an accepted command run by one kubectl. Exit code 1 where one sent a request that was not foretold.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from guardrails.kubectl.commands import ReadCommand
from guardrails.kubectl.tokens import joined

from .generator import lines
from .recorder import recording_api
from .runs import STUCK, WATCHED, accepted, run_kubectl, scratch_home, unforetold

VECTORS = Path(__file__).resolve().parents[2] / "unit" / "kubectl" / "vectors.jsonl.gz"
_TELL_EVERY = 500  # cases
_SENT = ("POST", "PUT", "PATCH", "DELETE")


@dataclass
class Tally:
    """What a run came to."""

    cases: int = 0
    reads: int = 0
    changes: int = 0
    refused: int = 0
    silent: int = 0
    stuck: int = 0
    requests: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name in ("cases", "reads", "changes", "refused", "silent", "stuck", "requests"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failed += other.failed
        self.wrong += other.wrong

    def line(self) -> str:
        return (
            f"{self.cases} cases ({self.reads} reads, {self.changes} changes), {self.requests} requests, {len(self.wrong)} cases with "
            f"unpredicted requests; {self.silent} cases sent nothing; {self.stuck} more got stuck and do not count; {self.refused} lines refused by the grammar"
        )


def minor_of(kubectl: str) -> str:
    """The minor version of a kubectl."""
    said = subprocess.run(
        [kubectl, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True
    ).stdout
    version = json.loads(said)["clientVersion"]
    return f"{version['major']}.{version['minor'].rstrip('+')}"


def work(kubectl: str, seed: int, cases: int) -> tuple[Tally, list[dict[str, Any]]]:
    """Run one kubectl on one stream of lines until so many were accepted."""
    tally, vectors, minor = Tally(), [], minor_of(kubectl)
    with recording_api() as (address, api), tempfile.TemporaryDirectory() as home:
        environment = scratch_home(Path(home), address)
        for words in lines(seed):
            if tally.cases >= cases:
                break
            command = accepted(words)
            if command is None:
                tally.refused += 1
                continue
            run = run_kubectl(kubectl, words, environment, api)
            sent = [(one.method, one.path) for one in run.requests]
            if missed := unforetold(command, sent):
                tally.wrong.append(f"{minor} {joined(words)} -> {missed}")
            if run.code == STUCK:
                tally.stuck += 1
                continue
            tally.cases += 1
            tally.reads += isinstance(command, ReadCommand)
            tally.changes += not isinstance(command, ReadCommand)
            tally.silent += not sent
            tally.requests += len(sent)
            if run.code not in (0, 1, WATCHED):
                tally.failed[run.said[:120]] += 1
            vectors.append(_vector(minor, words, run.requests))
            if tally.cases % _TELL_EVERY == 0:
                print(f"  {minor} seed {seed}: {tally.line()}", flush=True)
    return tally, vectors


def _vector(minor: str, words: tuple[str, ...], requests: tuple[Any, ...]) -> dict[str, Any]:
    """One recorded case: the minor, the words, the requests, and the bodies of those that write."""
    seen = dict.fromkeys(
        (one.method, one.path, one.body if one.method in _SENT and one.body.startswith("{") else "") for one in requests
    )
    return {"k": minor, "a": list(words), "r": [[part for part in one if part] for one in seen]}


def shares(kubectls: list[str], cases: int, jobs: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """Who runs how many cases from which seed; no two share one."""
    parts = max(len(kubectls), jobs)
    for part, number in zip(range(parts), count(seed), strict=False):
        yield kubectls[part % len(kubectls)], number, cases // parts + (part < cases % parts)


def main() -> int:
    """Run, tell, and record when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubectl", nargs="+", required=True, metavar="PATH")
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="kubectls at the same time")
    parser.add_argument("--record", metavar="FILE", help=f"write the vectors, as {VECTORS.name} for CI")
    options = parser.parse_args()
    total, vectors, started = Tally(), [], time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        for tally, recorded in pool.map(
            lambda share: work(*share), shares(options.kubectl, options.cases, options.jobs, options.seed)
        ):
            total.add(tally)
            vectors += recorded
    print(
        f"{total.line()}; {time.monotonic() - started:.0f} s, kubectl {', '.join(sorted({one['k'] for one in vectors}))}"
    )
    for line in total.wrong[:50]:
        print(f"  {line}")
    for said, times in total.failed.most_common(10):
        print(f"  kubectl failed {times} times: {said!r}")
    if options.record:
        text = "".join(f"{json.dumps(one, separators=(',', ':'), sort_keys=True)}\n" for one in vectors)
        Path(options.record).write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
