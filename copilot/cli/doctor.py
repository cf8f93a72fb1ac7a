"""`kubectl copilot doctor`: which parts are present, and why the others are not. Changes nothing in a cluster."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import msgspec

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model import CopilotError
from copilot.model.errors import EXIT_UNAVAILABLE

SCHEMA = "cluster-copilot/doctor/v1"


class Check(msgspec.Struct, frozen=True):
    """One part: whether it works, what was seen, and what would add or repair it."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    required: bool = False


@click.command("doctor")
@click.option("--context", metavar="NAME", help="The kubeconfig context to try.")
@click.option("--kubeconfig", metavar="FILE", help="The kubeconfig file to try.")
@output_option("text", "json")
def COMMAND(context: str | None, kubeconfig: str | None, output: str) -> int:  # noqa: N802 - the name every command file exports
    """Say which parts of the program are present, and for each that is not, why and what adds it.

    Exit code 0 means usable: what is missing is optional.
    """
    checks = list(_checks(kubeconfig, context))
    usable = all(check.ok for check in checks if check.required)
    if output == "json":
        document = {"schema": SCHEMA, "usable": usable, "checks": checks}
        print_json(document)
    else:
        for check in checks:
            click.echo(_line(check))
    return 0 if usable else EXIT_UNAVAILABLE


def _line(check: Check) -> str:
    """One part for people."""
    mark = "ok     " if check.ok else "FAILED " if check.required else "missing"
    return f"{mark}  {check.name}: {check.detail}" + (f"\n         {check.fix}" if check.fix and not check.ok else "")


def _checks(kubeconfig: str | None, context: str | None) -> Iterator[Check]:
    """All checks, in the order in which a newcomer needs the parts."""
    from copilot import __version__
    from copilot.settings import load_settings

    yield Check(
        name="program",
        ok=True,
        detail=f"cluster-copilot {__version__} on {platform.python_implementation()} {platform.python_version()}",
        required=True,
    )
    folder = load_settings().data_dir
    yield _data_folder(folder)
    yield _full_text()
    yield _runbooks(folder)
    yield _cluster(kubeconfig, context)
    yield _meaning(folder)
    yield _neo4j()


def _data_folder(folder: Path) -> Check:
    """Whether the data folder can be written; searching the runbooks works without."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".doctor.{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Check(
            name="data folder",
            ok=False,
            detail=f"{folder} cannot be written ({error.strerror})",
            fix="Set COPILOT_DATA_DIR to a folder you may write to; without it nothing is indexed or journalled.",
        )
    return Check(name="data folder", ok=True, detail=str(folder))


def _full_text() -> Check:
    """Whether this Python's SQLite can index text."""
    with sqlite3.connect(":memory:") as db:
        try:
            db.execute("CREATE VIRTUAL TABLE words USING fts5(a, tokenize = 'porter unicode61')")
            db.execute("CREATE VIRTUAL TABLE grams USING fts5(a, tokenize = 'trigram')")
        except sqlite3.OperationalError as error:
            fix = "Use a Python built with SQLite 3.34 or newer and FTS5."
            detail = f"SQLite {sqlite3.sqlite_version}: {error}"
            return Check(name="full-text search", ok=False, detail=detail, fix=fix, required=True)
    return Check(name="full-text search", ok=True, detail=f"SQLite {sqlite3.sqlite_version}", required=True)


def _runbooks(folder: Path) -> Check:
    """Whether the runbooks are found and can be searched."""
    from retrievers.knowledge import Trust, open_library

    try:
        with open_library(folder, dense=False) as library:
            held = library.store.counts()
    except CopilotError as error:
        return Check(name="runbooks", ok=False, detail=error.title, fix=error.hint, required=True)
    detail = f"{held[Trust.SHIPPED]} shipped, {held[Trust.USER]} of your own"
    fix = "The installation is incomplete; reinstall cluster-copilot."
    return Check(name="runbooks", ok=held[Trust.SHIPPED] > 0, detail=detail, fix=fix, required=True)


def _cluster(kubeconfig: str | None, context: str | None) -> Check:
    """Whether the cluster that kubectl would use answers; recorded material needs none."""
    from tools.cluster.live import open_live

    fix = "Recorded material needs no cluster: give --from PATH."
    try:
        live = open_live(kubeconfig=kubeconfig, context=context)
        answer = live.transport.get("/version")
    except CopilotError as error:
        return Check(name="cluster", ok=False, detail=error.title, fix=f"{error.hint} {fix}".strip())
    if not answer.ok:
        return Check(name="cluster", ok=False, detail=f"{live.connection.label} answers {answer.status}", fix=fix)
    version = answer.json()
    release = version.get("gitVersion", "unknown") if isinstance(version, dict) else "unknown"
    detail = f"{live.connection.label} runs Kubernetes {release}; namespace {live.connection.namespace}"
    return Check(name="cluster", ok=True, detail=detail)


def _meaning(folder: Path) -> Check:
    """Whether documents are also ranked by meaning."""
    from retrievers.knowledge.embedder import INSTALL, MiniLm, presence
    from retrievers.knowledge.opening import FOLDER

    found = presence()
    name = "search by meaning"
    if not found.ready:
        return Check(name=name, ok=False, detail=found.reason, fix=f"Optional. Add it with: {INSTALL}")
    if not MiniLm(folder / FOLDER / "models").prepared:
        return Check(name=name, ok=False, detail="installed, not prepared yet", fix="Run once: kubectl copilot index")
    return Check(name=name, ok=True, detail="all-MiniLM-L6-v2 on ONNX Runtime, Chroma")


def _neo4j() -> Check:
    """Whether the driver for a mirror of the graph is installed."""
    if find_spec("neo4j") is None:
        fix = "Optional. Add it with: pip install 'cluster-copilot[neo4j]'"
        return Check(name="Neo4j driver", ok=False, detail="not installed", fix=fix)
    return Check(name="Neo4j driver", ok=True, detail="installed")
