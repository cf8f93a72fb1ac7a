r"""Looks behind encodings: base64, `%41` and `\u0041`. What a judge finds secret behind one is replaced in the text."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from urllib.parse import unquote

# Base64 of text: every fourth character carries the top six bits of an ASCII byte, a tab or a newline.
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_\-])(?:[CI-Za-f][A-Za-z0-9+/_\-]{3}){2}[CI-Za-f][A-Za-z0-9+/_\-]{2,}={0,2}")
_PERCENT = re.compile(r"[^\s\"'<>]*%[0-9A-Fa-f]{2}[^\s\"'<>]*")
_UNICODE = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_MOST = 1 << 20  # characters of one encoded run that are looked into

Judge = Callable[[str], str]


def behind_encodings(text: str, judge: Judge, stand_in: Callable[[str, str], str]) -> str:
    """The text, with every encoded part replaced that `judge` changes once it is decoded.

    `judge` redacts a decoded text, and what it leaves alone is no secret; `stand_in` makes the replacement of a base64
    run from the run and the redacted text behind it.
    """

    def base64_run(found: re.Match[str]) -> str:
        run = found.group()
        plain = _decoded(run)
        if plain is None:
            return run
        redacted = judge(plain)
        return run if redacted == plain else stand_in(run, redacted)

    def percent_run(found: re.Match[str]) -> str:
        run = found.group()
        plain = unquote(run, errors="strict") if _is_utf8(run) else run
        redacted = judge(plain)
        return run if redacted == plain else redacted.replace("\r", "\\r").replace("\n", "\\n")

    text = _BASE64.sub(base64_run, text)
    if "%" in text:
        text = _PERCENT.sub(percent_run, text)
    if "\\u00" in text:
        plain = _UNICODE.sub(lambda found: chr(int(found.group(1), 16)), text)
        redacted = judge(plain) if plain != text else plain
        text = redacted if redacted != plain else text
    return text


def _decoded(run: str) -> str | None:
    """The text behind base64, or nothing."""
    if len(run) > _MOST:
        return None
    core = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(core + "=" * (-len(core) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _is_utf8(run: str) -> bool:
    try:
        unquote(run, errors="strict")
    except UnicodeDecodeError:
        return False
    return True
