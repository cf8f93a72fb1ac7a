"""Brings the store in line with files on disk: adds, replaces and forgets, and does nothing where nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from copilot.model import InputError
from guardrails.provenance.labels import Source
from guardrails.redaction import Redactor
from retrievers.knowledge.markdown import parse_page
from retrievers.knowledge.sources import Found, find
from retrievers.knowledge.store import Chunk, Document, Store, Trust, section_sha

SPLITTER_VERSION = b"3"  # part of every source hash: a new splitter or redactor reads all documents again
_BATCH = 64  # documents a transaction: others may read in between, and an interruption loses little


class Note(msgspec.Struct, frozen=True):
    """Something to tell about one file: why it was skipped, or what was odd about it."""

    path: str
    reason: str


class IndexReport(msgspec.Struct, frozen=True):
    """What one run of indexing did, in documents."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()
    sections: int = 0

    def __add__(self, other: IndexReport) -> IndexReport:
        return IndexReport(
            added=self.added + other.added,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            removed=self.removed + other.removed,
            skipped=self.skipped + other.skipped,
            notes=self.notes + other.notes,
            sections=self.sections + other.sections,
        )


Progress = Callable[[str], None]


def index_path(
    store: Store, redactor: Redactor, root: Path, *, prune: bool = False, progress: Progress | None = None
) -> IndexReport:
    """Index every document at or under `root`; documents that stood there and are gone are forgotten.

    Raises:
        InputError: `root` does not exist, and forgetting what stood there was not asked for with `prune`.
    """
    root = Path(root).expanduser().absolute()
    known = store.known(str(root))
    if not root.exists():
        if not prune:
            raise InputError(
                f"There is no file or folder {root}.",
                f"Give --prune to forget the {len(known)} documents that stood there." if known else "Check the path.",
            )
        return _forget(store, known)
    return sync(store, redactor, find(root), root=str(root), known=known, trust=Trust.USER, progress=progress)


def sync(
    store: Store,
    redactor: Redactor,
    found: Iterable[Found],
    *,
    root: str,
    known: dict[str, str],
    trust: Trust,
    progress: Progress | None = None,
) -> IndexReport:
    """Make the documents of one root equal to what was found. `known` maps the paths stored before to their hashes."""
    gone = dict(known)
    report = IndexReport()
    batch: list[Document] = []
    for item in found:
        if item.skipped:
            report += IndexReport(skipped=(Note(item.path, item.skipped),))
            continue
        if progress:
            progress(item.path)
        sha = hashlib.sha256(SPLITTER_VERSION + item.content).hexdigest()
        before = gone.pop(item.path, None)
        report += IndexReport(notes=(Note(item.path, item.note),) if item.note else ())
        if before == sha:
            report += IndexReport(unchanged=1)
            continue
        document = build_document(item, redactor, root=root, trust=trust, sha=sha)
        report += IndexReport(added=before is None, changed=before is not None, sections=len(document.chunks))
        batch.append(document)
        if len(batch) == _BATCH:
            _write(store, batch)
            batch = []
    _write(store, batch)
    return report + _forget(store, gone)


def build_document(item: Found, redactor: Redactor, *, root: str, trust: Trust, sha: str) -> Document:
    """Redact, parse and split one file. Redaction comes first: a secret may span what the splitter would cut."""
    path = Path(item.path)
    page = parse_page(redactor.text(item.text), path.stem.replace("-", " ").replace("_", " ").strip() or path.name)
    label = Source.RUNBOOK if trust is Trust.SHIPPED else Source.EXTERNAL  # a signed page is told apart when it is read
    chunks = [
        Chunk(
            heading=section.heading,
            text=section.text,
            line=section.line,
            sha=section_sha(label, page.title, section.heading, section.text),
            label=label,
        )
        for section in page.sections
        if section.text.strip()
    ]
    return Document(path=item.path, root=root, title=page.title, trust=trust, sha=sha, chunks=tuple(chunks))


def sync_documents(store: Store, root: str, documents: Iterable[Document]) -> IndexReport:
    """Make the documents of one root equal to those given; what is the same as before is not written again."""
    gone = store.known(root)
    report = IndexReport()
    batch: list[Document] = []
    for document in documents:
        before = gone.pop(document.path, None)
        if before == document.sha:
            report += IndexReport(unchanged=1)
            continue
        report += IndexReport(added=before is None, changed=before is not None, sections=len(document.chunks))
        batch.append(document)
        if len(batch) == _BATCH:
            _write(store, batch)
            batch = []
    _write(store, batch)
    return report + _forget(store, gone)


def _write(store: Store, batch: list[Document]) -> None:
    """Store one batch."""
    if batch:
        with store.writing():
            for document in batch:
                store.put(document)


def _forget(store: Store, gone: dict[str, str]) -> IndexReport:
    """Remove the documents that are no longer there."""
    if not gone:
        return IndexReport()
    with store.writing():
        return IndexReport(removed=sum(store.remove(path) for path in gone))
