"""Saves what a diagnosis reads as a folder to attach, replay or score. Redacted, complete or not there at all, same input same bytes."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import msgspec

from copilot.model import ContainerLog, CopilotError, Resource, Snapshot, UsageError
from tools.cluster.record_format import (
    COVERAGE,
    COVERAGE_SCHEMA,
    MARKER,
    OBJECTS,
    OBSERVATIONS,
    RECORDING_SCHEMA,
    CoverageFile,
    Header,
    is_recording,
    observations_of,
)

_ONE_FILE = 5_000  # objects: up to here a person can still open the one file in an editor
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}$")  # what Kubernetes allows, and no path

_ENCODER = msgspec.json.Encoder(order="sorted")


class Redacting(Protocol):
    """What takes secrets out (`guardrails.redaction.Redactor`)."""

    def text(self, text: str) -> str:
        """Return text without secrets."""
        ...

    def body(self, body: Any) -> Any:
        """Return a decoded object without secrets."""
        ...


class Recorded(msgspec.Struct, frozen=True):
    """What a recording holds."""

    folder: Path
    objects: int
    logs: int
    notes: tuple[str, ...] = ()


def save(snapshot: Snapshot, folder: Path, redactor: Redacting) -> Recorded:
    """Write a snapshot as a recording. The folder appears when it is complete; an older recording is replaced.

    Raises:
        UsageError: `folder` exists and is no recording.
        CopilotError: The folder cannot be written.
    """
    check_target(folder)
    target = folder.absolute()
    working = target.parent / f".{target.name}.{secrets.token_hex(4)}.partial"
    try:
        working.mkdir(parents=True)
        logs = _write(snapshot, working, redactor)
        _put_in_place(working, target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise CopilotError(
            f"The recording {folder} cannot be written: {error.strerror or error}.",
            "Free some space, or choose another folder with -o." if full else "Choose another folder with -o.",
        ) from error
    finally:
        shutil.rmtree(working, ignore_errors=True)
    return Recorded(folder, len(snapshot.resources), logs, snapshot.coverage.notes)


def check_target(folder: Path) -> None:
    """Make sure that only what is a recording, or nothing yet, will be written over.

    Raises:
        UsageError: `folder` exists and is no recording.
        CopilotError: It cannot be looked into.
    """
    marker = folder / MARKER
    try:
        if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
            return
        mine = marker.is_file() and is_recording(marker.read_bytes())
    except OSError as error:
        raise CopilotError(
            f"{folder} cannot be looked into: {error.strerror}.", "Choose a new folder with -o."
        ) from error
    if not mine:
        raise UsageError(f"{folder} exists and is not a recording.", "Choose a new folder with -o.")


def _put_in_place(working: Path, target: Path) -> None:
    if not target.exists():
        working.rename(target)
        return
    old = working.with_suffix(".old")
    target.rename(old)
    try:
        working.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(snapshot: Snapshot, folder: Path, redactor: Redacting) -> int:
    header = Header(RECORDING_SCHEMA, redactor.text(snapshot.cluster), snapshot.observed_at)
    readings = tuple(msgspec.structs.replace(r, detail=redactor.text(r.detail)) for r in snapshot.coverage.readings)
    notes = tuple(redactor.text(note) for note in snapshot.coverage.notes)
    _json(folder / MARKER, header)
    _json(folder / COVERAGE, CoverageFile(COVERAGE_SCHEMA, readings, notes))
    # Through JSON, so that every sequence is the list a redactor looks into.
    observations = msgspec.json.decode(_ENCODER.encode(observations_of(snapshot)))
    if len(observations) > 1:  # more than its schema
        _json(folder / OBSERVATIONS, redactor.body(observations))
    _objects(snapshot.resources, folder, redactor)
    return _logs(snapshot.logs, folder, redactor)


def _json(path: Path, value: Any) -> None:
    path.write_bytes(msgspec.json.format(_ENCODER.encode(value), indent=1) + b"\n")


def _objects(resources: Iterable[Resource], folder: Path, redactor: Redacting) -> None:
    ordered = sorted(resources, key=lambda one: (one.ref.kind, one.ref.group, one.ref.namespace, one.ref.name, one.uid))
    if len(ordered) <= _ONE_FILE:
        _list(folder / OBJECTS, ordered, redactor)
        return
    (folder / "objects").mkdir()
    for (kind, group), some in groupby(ordered, key=lambda one: (one.ref.kind, one.ref.group)):
        name = f"{kind}.{group}" if group else kind
        _list(folder / "objects" / f"{name if _SAFE_NAME.match(name) else 'other'}.json", some, redactor)


def _list(path: Path, resources: Iterable[Resource], redactor: Redacting) -> None:
    """Write one List, an object a line: small in memory, and readable in a diff."""
    with path.open("ab") as file:
        file.write(b'{"apiVersion":"v1","kind":"List","items":[')
        for position, one in enumerate(resources):
            file.write(b",\n" if position else b"\n")
            file.write(_ENCODER.encode(redactor.body(one.body)))
        file.write(b"\n]}\n")


def _logs(logs: Iterable[ContainerLog], folder: Path, redactor: Redacting) -> int:
    written: set[Path] = set()
    for log in logs:
        for path in _log_path(folder, log):
            path.parent.mkdir(parents=True, exist_ok=True)
            text = redactor.text(log.text)
            path.write_bytes(text.encode("utf-8", "replace"))
            written.add(path)
    return len(written)


def _log_path(folder: Path, log: ContainerLog) -> Iterator[Path]:
    """The log's own file; none for names that no cluster has, which could lead out of the folder."""
    if all(_SAFE_NAME.match(part) for part in (log.namespace, log.pod, log.container)):
        suffix = ".previous.log" if log.previous else ".log"
        yield folder / "logs" / log.namespace / log.pod / f"{log.container}{suffix}"
