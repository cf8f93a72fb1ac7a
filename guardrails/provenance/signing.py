"""Signed runbooks: which pages of which folders somebody of this install vouched for, as a signed list of their hashes.

A page that is changed, added or moved is not on the list, and has no more weight than any other text.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from copilot.model import CopilotError
from guardrails.canonical import canonical_json

FILE = "signed-runbooks.json"


class SignatureError(CopilotError):
    """The list of signed pages was altered, or was signed by another install."""


class SignedPages(msgspec.Struct, frozen=True):
    """Folder to page to the hash of what was signed; paths are absolute."""

    folders: dict[str, dict[str, str]] = {}
    signature: str = ""

    def vouches_for(self, path: str, sha: str) -> bool:
        """Tell whether a page with this content was signed."""
        return any(bool(sha) and pages.get(path) == sha for pages in self.folders.values())


def load_signed(data_dir: Path, key: bytes) -> SignedPages:
    """Read the list; an empty one where nothing was ever signed.

    Raises:
        SignatureError: it cannot be read, or its signature does not hold. Nothing on it counts then.
    """
    path = data_dir / FILE
    try:
        pages = msgspec.json.decode(path.read_bytes(), type=SignedPages)
    except FileNotFoundError:
        return SignedPages()
    except (OSError, msgspec.DecodeError) as error:
        raise _broken(path) from error
    if not hmac.compare_digest(_signature(pages.folders, key), pages.signature):
        raise _broken(path)
    return pages


def save_signed(data_dir: Path, key: bytes, folders: Mapping[str, Mapping[str, str]]) -> SignedPages:
    """Sign a list and keep it; the file is replaced whole."""
    plain = {folder: dict(pages) for folder, pages in folders.items()}
    made = SignedPages(plain, _signature(plain, key))
    fresh = data_dir / f".{FILE}.{secrets.token_hex(6)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(made))
    fresh.replace(data_dir / FILE)
    return made


def _signature(folders: Mapping[str, Mapping[str, str]], key: bytes) -> str:
    return hmac.new(key, b"runbooks\0" + canonical_json(folders), hashlib.sha256).hexdigest()


def _broken(path: Path) -> SignatureError:
    return SignatureError(
        f"The list of signed runbooks {path} was altered, or signed by another install",
        "Remove it and sign your folders anew: kubectl copilot index --sign FOLDER.",
    )
