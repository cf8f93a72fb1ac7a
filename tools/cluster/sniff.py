"""Tells from the first bytes what a file holds, and makes UTF-8 of it. It never fails: what it cannot name is UNKNOWN."""

from __future__ import annotations

import codecs
import mmap
import re
from enum import Enum

_PIECE = 16 * 2**20  # bytes looked at together
HEAD = 65_536  # bytes: a licence header or a page of comments may stand before the first YAML key

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_JSON_START = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*(?:[{\[\]]|\"[^\"\n]*\"\s*[,\]]))")
_YAML_KEY = re.compile(
    rb"(?:- |)[\"']?(?:apiVersion|kind|metadata|items|spec|status|type|data|groups|global)[\"']?:(?:\s|$)"
)
_COMMENT = re.compile(rb"\s*(?:#(?!\s*kubectl\b)|---(?:\s|$)|%YAML)")
_YAML_NAMES = (".yaml", ".yml")
_JSON_NAMES = (".json", ".jsonl", ".ndjson")


class Content(Enum):
    """What a file holds, judged by its start (and its name where that says nothing)."""

    JSON = "json"
    YAML = "yaml"
    TEXT = "text"
    EMPTY = "empty"
    BINARY = "binary"


def plain_name(name: str) -> str:
    """The name without the suffix of its compression."""
    for suffix in (".gz", ".bz2", ".xz"):
        name = name.removesuffix(suffix)
    return name


def sniff(head: bytes, name: str = "") -> Content:
    """Judge UTF-8 (or nearly so) bytes from the start of a file."""
    if not head.strip():
        return Content.EMPTY
    if b"\0" in head:
        return Content.BINARY
    if _JSON_START.match(head):
        return Content.JSON
    if _first_line_is_yaml(head):
        return Content.YAML
    plain = plain_name(name).lower()
    if plain.endswith(_JSON_NAMES):
        return Content.JSON
    if plain.endswith(_YAML_NAMES):
        return Content.YAML
    return Content.TEXT


def _first_line_is_yaml(head: bytes) -> bool:
    """The first line that is no comment is a key that API objects start with."""
    for line in head.splitlines():
        if line.strip() and not _COMMENT.match(line):
            return bool(_YAML_KEY.match(line))
    return False


Buffer = bytes | bytearray | mmap.mmap


def count_lines(data: Buffer, start: int, end: int) -> int:
    """Count the line ends in a part of a buffer; a mapped file is looked at piece by piece."""
    return sum(data[at : min(at + _PIECE, end)].count(b"\n") for at in range(start, end, _PIECE))


def to_utf8(data: Buffer) -> Buffer:
    """Return the bytes as UTF-8 without a byte order mark: UTF-16 and UTF-32 are known by their mark or their zeros.

    Bytes without a mark are returned as they are; whoever decodes them falls back to Latin-1.
    """
    head = bytes(data[:4])
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return bytes(data).decode(encoding, "replace").encode()
    if len(head) == 4 and head[1] == 0 and head[3] == 0 and head[0]:  # PowerShell without a mark
        return bytes(data).decode("utf-16-le", "replace").encode()
    return data


def text_of(data: bytes) -> str:
    """Decode text of unknown encoding: UTF-8, or else Latin-1, which any bytes are."""
    found = bytes(to_utf8(data))
    try:
        return found.decode()
    except UnicodeDecodeError:
        return found.decode("latin-1")
