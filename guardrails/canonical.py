"""One byte string for one value, so that a digest means something. Equal values give equal bytes; floats are refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec


def canonical_json(value: Any) -> bytes:
    """Write `value` (a Struct or plain JSON) as ASCII JSON with sorted keys and no spaces.

    Raises:
        TypeError: the value holds a float (two spellings of one number would give two digests) or is not JSON.
    """
    plain = msgspec.to_builtins(value)
    _refuse_floats(plain)
    return json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def sha256_hex(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest(value: Any) -> str:
    """The SHA-256 of a value's canonical JSON."""
    return sha256_hex(canonical_json(value))


def _refuse_floats(plain: Any) -> None:
    waiting = [plain]
    while waiting:
        value = waiting.pop()
        if isinstance(value, float):
            raise TypeError("a float has no canonical form; write the number as an integer or as text")
        if isinstance(value, dict):
            if not all(isinstance(key, str) for key in value):
                raise TypeError("only text can be a key of canonical JSON")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
