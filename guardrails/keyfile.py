"""Keeps the key that signs approvals. It lives in one file that only its owner may read, and has no default."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from guardrails.errors import ApprovalError

KEY_BYTES = 32  # HMAC-SHA-256 gains nothing from more


def load_or_create_key(path: Path) -> bytes:
    """Read the key, or make one where there is none. Two processes that start together get the same key.

    Raises:
        ApprovalError: others may read the file, it belongs to someone else, or it is damaged.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        create_key(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        key = file.read(KEY_BYTES + 1)
    if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise ApprovalError(
            f"The approval key {path} is not private to you",
            "Remove it (open approvals become void) or run: chmod 600 on it, if nobody else can have read it.",
        )
    if len(key) != KEY_BYTES:
        raise ApprovalError(f"The approval key {path} is damaged", "Remove it; open approvals become void.")
    return key


def create_key(path: Path) -> None:
    """Write a whole key beside the path, then link it there: whoever comes second keeps the first one's key."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            return
    finally:
        fresh.unlink()
