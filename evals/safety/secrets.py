"""The proof of redaction: plant secrets in a made-up cluster, run the real commands over it, look into everything that came out.

`python -m evals.safety.secrets` runs all of it; `measure` is what other benches call. Nothing outside a temporary folder is written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from evals.safety.secrets_cluster import Place, Planted, planted, write_cluster
from evals.safety.secrets_found import leaked
from guardrails.redaction import Redactor
from guardrails.redaction_rules import PLACEHOLDER
from retrievers.knowledge import Library
from retrievers.knowledge.indexing import index_path

SEED = 20260102
ROUNDS = 6
_PLACEHOLDER = re.compile(PLACEHOLDER)
_RUN = re.compile(rb"[\t\x20-\x7e]{6,}")
_NO_CONTEXT = frozenset({Place.BARE})

Run = Callable[[list[str], Path], str]


class Figures(msgspec.Struct, frozen=True):
    """What was planted, looked into and found.

    `found_in_dump` is the control: how many the same search finds where nothing was redacted (the rest is in gzip).
    `placeholders` is how many distinct secrets the sinks would have shown.
    """

    planted: int
    kinds: int
    places: int
    sinks: int
    characters: int
    found_in_dump: int
    placeholders: int
    leaked_with_context: int
    leaked_without_context: int
    planted_without_context: int
    found_in: dict[str, int]
    missed: list[str]


def measure(
    rounds: int = ROUNDS, kinds: int | None = None, run: Run | None = None, *, quick: bool = False
) -> dict[str, object]:
    """Plant, run and look. The default runs every command in a process of its own.

    Args:
        rounds: secrets of each kind in each place.
        kinds: about how many kinds to take; all by default.
        run: carries out one command with a data folder, and returns all that it said.
        quick: only one command of each way in which text leaves the program.
    """
    secrets = planted(SEED, rounds, kinds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cluster(folder / "dump", secrets, SEED)
        material = _files(folder / "dump")
        sinks = dict((_few_sinks if quick else _sinks)(folder, secrets, run or run_apart))
    figures: dict[str, object] = msgspec.to_builtins(_judged(secrets, material, sinks))
    return figures


def run_apart(arguments: list[str], data: Path) -> str:
    """One command in a process of its own: what it printed to both streams."""
    done = subprocess.run(  # noqa: S603 - this program, with words of our own
        [sys.executable, "-m", "copilot.cli.main", *arguments],
        capture_output=True, check=False, env={**os.environ, "COPILOT_DATA_DIR": str(data), "COLUMNS": "400"},
    )  # fmt: skip
    return (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace")


def _judged(secrets: list[Planted], material: str, sinks: dict[str, str]) -> Figures:
    found_in: Counter[str] = Counter()
    lost: dict[tuple[str, str], int] = {}
    for sink, text in sinks.items():
        for one in leaked(text, secrets):
            found_in[sink] += one.place not in _NO_CONTEXT
            lost[one.value, f"{one.kind} in {one.place.value}"] = one.place not in _NO_CONTEXT
    with_context = [what for (_, what), counts in lost.items() if counts]
    return Figures(
        planted=len(secrets),
        kinds=len({one.kind for one in secrets}),
        places=len({one.place for one in secrets}),
        sinks=len(sinks),
        characters=sum(map(len, sinks.values())),
        found_in_dump=len(leaked(material, secrets)),
        placeholders=len(set(_PLACEHOLDER.findall("\n".join(sinks.values())))),
        leaked_with_context=len(with_context),
        leaked_without_context=len(lost) - len(with_context),
        planted_without_context=sum(one.place in _NO_CONTEXT for one in secrets),
        found_in={sink: count for sink, count in found_in.items() if count},
        missed=sorted({f"{what} ({count})" for what, count in Counter(with_context).items()}),
    )


def _sinks(folder: Path, secrets: list[Planted], run: Run) -> Iterator[tuple[str, str]]:
    """Everything that the program writes or says about the cluster."""
    data, dump = folder / "data", str(folder / "dump")
    for words in _commands(dump):
        said = run(words, data)
        yield " ".join(word if word != dump else "DUMP" for word in words), said
    for more in ([], ["--config-values"]):
        recording = folder / f"recording{len(more)}"
        said = run(["record", "-o", str(recording), "-A", "--from", dump, *more], data)
        yield f"record {' '.join(more)}", said + _files(recording)
        yield f"record {' '.join(more)}: replayed", run(["why", "-A", "--from", str(recording), "-o", "json"], data)
    notes = folder / "notes"
    _write_notes(notes, secrets)
    yield "index", run(["index", str(notes)], data)
    yield "search", run(["search", "login failed password token", "-o", "json", "-k", "100"], data)
    yield "index held open (SQLite, WAL)", _index_held_open(folder / "held", notes)
    yield "error about a broken file", _of_broken_file(folder, secrets, run)
    yield "data folder (SQLite, WAL, keys, Chroma)", _files(data)


def _few_sinks(folder: Path, secrets: list[Planted], run: Run) -> Iterator[tuple[str, str]]:
    """A diagnosis, a recording, an index with its write-ahead log, an error: one of each choke point."""
    data, dump, recording = folder / "data", str(folder / "dump"), folder / "recording"
    yield "why", run(["why", "-A", "--from", dump, "-o", "json"], data)
    yield "changes", run(["changes", "-A", "--from", dump, "-o", "json"], data)
    yield (
        "record",
        run(["record", "-A", "-o", str(recording), "--config-values", "--from", dump], data) + _files(recording),
    )
    _write_notes(folder / "notes", secrets)
    yield "index", _index_held_open(folder / "held", folder / "notes")
    yield "error", _of_broken_file(folder, secrets, run)


def _of_broken_file(folder: Path, secrets: list[Planted], run: Run) -> str:
    broken = folder / "broken.yaml"
    broken.write_text(f"kind: Pod\n\tpassword: {secrets[0].value}\n  : [\n")
    return run(["why", "--from", str(broken)], folder / "data")


def _commands(dump: str) -> Iterator[list[str]]:
    """Every command that shows a cluster, in every form of output."""
    source = ["--from", dump]
    for output in ("text", "json", "sarif"):
        yield ["why", "-A", *source, "-o", output]
    yield ["why", "deploy/app-1", "-n", "team-1", *source]
    for command in (
        ["changes", "-A"],
        ["timeline", "deploy/app-1", "-n", "team-1"],
        ["reach", "deploy/app-0", "deploy/app-12", "-n", "team-0"],
    ):
        for output in ("text", "json"):
            yield [*command, *source, "-o", output]
    for output in ("tree", "json", "dot", "mermaid"):
        yield ["graph", "deploy/app-1", "-n", "team-1", *source, "-o", output]
    for question in (
        "why is app-1 down?",
        "what do the logs of app-1 say?",
        "which environment variables does app-1 have?",
        "show the events of app-1",
    ):
        for output in ("text", "json"):
            yield ["ask", question, "-n", "team-1", *source, "-o", output]
    for sentence in (
        "restart deploy/app-1",
        "scale deploy/app-1 to 2",
        "set image deploy/app-1 app=registry.example.com/shop/app:2",
        "roll back deploy/app-1",
        "suspend deploy/app-1",
    ):
        for output in ("text", "json"):
            yield ["do", sentence, "-n", "team-1", *source, "-o", output]
    yield ["check", *source, "-n", "team-1", "-o", "json", "--", "kubectl", "scale", "deploy/app-1", "--replicas=0"]
    yield ["check", f"{dump}/objects.json", *source]
    yield ["check", "-f", f"{dump}/objects.json"]


def _write_notes(folder: Path, secrets: list[Planted]) -> None:
    """Runbooks as people write them, with what they should not have pasted."""
    folder.mkdir()
    for number, one in enumerate(secrets[:: max(1, len(secrets) // 200)]):
        if one.place in _NO_CONTEXT:
            continue
        text = (
            f"# Login failed {number}\n\nSet the password: `password={json.dumps(one.value)}`, token, and try again.\n"
        )
        (folder / f"note-{number}.md").write_text(text)


def _index_held_open(folder: Path, notes: Path) -> str:
    """The files of an index before it is closed: what is in the write-ahead log counts."""
    with Library(folder, Redactor(b"key of the proof" * 2)) as library:
        index_path(library.store, Redactor(b"key of the proof" * 2), notes)
        return _files(folder)


def _files(folder: Path) -> str:
    """The names of all files below a folder, and all that can be read in them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return "\n".join(f"{path.name}\n{_readable(path.read_bytes())}" for path in files)


def _readable(raw: bytes) -> str:
    """Of text all of it; of a database or vectors the runs of characters long enough to hold a secret."""
    return b"\n".join(_RUN.findall(raw)).decode()


def main() -> None:
    """Measure and print."""
    sys.stdout.write(json.dumps(measure(), indent=1) + "\n")


if __name__ == "__main__":
    main()
