"""What a foreign tool answered, and the lines that it becomes: each with its address, each marked as text of strangers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from copilot.agent.tools.tool import MAX_LINE, Line, Result
from copilot.redacting import plain
from guardrails.provenance import Source

MOST_TEXT = 1_000_000  # characters of one answer that are read; what is beyond is told
_PIECE = MAX_LINE - 40  # characters: a longer line goes on in the next one
_TOGETHER = 240  # characters of JSON that stand together on one line
MAX_DEPTH = 40


class Reply(msgspec.Struct, frozen=True):
    """An answer as far as it can be read. `other` counts what is no text; `trouble` says why there is none, in our words."""

    texts: tuple[str, ...] = ()
    structured: Any = None
    other: dict[str, int] = {}
    failed: bool = False
    trouble: str = ""


def reply_of(result: dict[str, Any]) -> Reply:
    """The reply in a server's result."""
    texts: list[str] = []
    other: Counter[str] = Counter()
    for block in result.get("content") or ():
        kind = str(block.get("type", "?"))
        resource = block.get("resource") or {}
        text = block.get("text") if kind == "text" else resource.get("text") if kind == "resource" else None
        if isinstance(text, str):
            texts.append(text)
        else:
            other[kind if kind in ("image", "audio", "resource", "resource_link") else "other part"] += 1
    failed = result.get("isError") is True
    trouble = "" if result.get("resultType", "complete") == "complete" else "It asked for something more, which is not given."  # fmt: skip
    return Reply(tuple(texts), result.get("structuredContent"), dict(other), failed, trouble)


def result_of(reply: Reply, asked: str, where: str, server: str) -> Result:
    """The reply as a tool's result."""
    searched = f"the MCP server {server}, which is none of the cluster"
    whole = sum(map(len, reply.texts))
    texts: list[str] = []
    left = MOST_TEXT
    for text in reply.texts:
        texts.append(text[:left])
        left -= len(texts[-1])
    lines = [piece for text in texts for piece in _lines(text)]
    if not any(text.strip() for text in texts) and reply.structured is not None:
        dumped = json.dumps(reply.structured, ensure_ascii=False)
        whole = len(dumped)
        lines = list(_of_json(reply.structured)) if whole <= MOST_TEXT else list(_lines(dumped[:MOST_TEXT]))
    cut = [f"{whole - MOST_TEXT:,} further characters were not read."] if whole > MOST_TEXT else []
    parts = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in reply.other.items())
    cut += [f"What is no text was left out: {parts}."] if parts else []
    trouble = reply.trouble
    if not trouble and reply.failed:
        trouble = "The tool says that it failed; what it says stands above." if lines else "The tool says that it failed."  # fmt: skip
    elif not trouble and not lines:
        trouble = "It answered without any text."
    found = tuple(Line(text, None, where, f"MCP server {server}", Source.EXTERNAL) for text in lines)
    return Result(asked, searched, found, " ".join(cut), trouble)


def _lines(text: str) -> Iterator[str]:
    """A text line by line; JSON by its smallest parts, each with its path. Redacted while it is whole."""
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        try:
            yield from _of_json(json.loads(stripped))
        except (ValueError, RecursionError):
            pass
        else:
            return
    for line in plain(text).splitlines():
        yield from _pieces(" ".join(line.split()))


def _of_json(value: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    words = json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict | list) and value and len(words) > _TOGETHER and depth < MAX_DEPTH:
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, below in inner:
            step = f"[{key}]" if isinstance(value, list) else f"{'.' if path else ''}{str(key)[:100]}"
            yield from _of_json(below, path + step, depth + 1)
        return
    yield from _pieces(" ".join(plain(f"{path}: {words}" if path else words).split()))


def _pieces(line: str) -> Iterator[str]:
    """A line in pieces that are shown whole."""
    while len(line) > _PIECE:
        end = line.rfind(" ", _PIECE // 2, _PIECE)
        end = end if end > 0 else _PIECE
        yield line[:end]
        line = line[end:].lstrip()
    if line:
        yield line
