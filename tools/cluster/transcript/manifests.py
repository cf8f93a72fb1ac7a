"""Reads `-o yaml` and `-o json` output as exact objects. Aliases, odd types and depth beyond reason are refused, not followed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import yaml

from copilot.model import Detail
from tools.cluster.resources import is_object, items_of
from tools.cluster.transcript.facts import Note, Seen

_DEPTH_LIMIT = 64  # levels of nesting: OpenAPI schemas in CustomResourceDefinitions reach about 40


class _Loader(yaml.CSafeLoader):
    """YAML as kubectl prints it: no timestamps, no binary."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] in ("bool", "int", "float", "null", "merge")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def is_manifest(lines: Sequence[str]) -> bool:
    """Whether an output begins like YAML or JSON of API objects."""
    head = [line for line in lines[:40] if line.strip()]
    if not head:
        return False
    if head[0].lstrip()[:1] in ("{", "["):
        return any('"apiVersion"' in line or '"kind"' in line or '"items"' in line for line in lines[:200])
    return any(line.startswith(("apiVersion:", "kind:")) for line in head) and head[0][:1].strip() != ""


def objects_of(lines: Sequence[str], first: int) -> Iterator[Seen | Note]:
    """Every object of an output; a document that cannot be read is a note with its line."""
    head = next((line for line in lines if line.strip()), "")
    if head.lstrip()[:1] in ("{", "["):
        yield from _json("\n".join(lines), first)
        return
    start = 0
    for index in range(len(lines) + 1):
        if index == len(lines) or lines[index].rstrip() == "---":
            if any(line.strip() for line in lines[start:index]):
                yield from _yaml(lines[start:index], first + start)
            start = index + 1


def _json(text: str, first: int) -> Iterator[Seen | Note]:
    try:
        body = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        yield Note(f"the JSON at line {first} cannot be read ({str(error)[:120]})", first)
        return
    yield from _objects(body, first)


def _yaml(lines: Sequence[str], first: int) -> Iterator[Seen | Note]:
    kept, cut = _without_tail(lines)
    text = "\n".join(kept)
    if _suspicious(text) and not _harmless(text):
        yield Note(
            f"the YAML at line {first} uses aliases or is nested deeper than {_DEPTH_LIMIT} levels and was left out",
            first,
        )
        return
    body, error = _loaded(text)
    if error is not None:
        line = first + error[0]
        yield Note(f"the YAML at line {line} cannot be read ({error[1]})", line)
        yield from _items_one_by_one(kept, first)
        return
    if cut:
        yield Note(f"the YAML ends at line {first + len(kept)}: what follows is no YAML", first + len(kept))
    yield from _objects(body, first)


def _loaded(text: str) -> tuple[Any, tuple[int, str] | None]:
    """The document, or where and why it cannot be read."""
    try:
        return yaml.load(text, _Loader), None  # noqa: S506 - a safe loader; aliases and depth were ruled out
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or error).splitlines()[0][:120]
        return None, (mark.line if mark is not None else 0, problem)


def _items_one_by_one(lines: Sequence[str], first: int) -> Iterator[Seen]:
    """The readable items of a list that was cut or broken somewhere."""
    starts = [index for index, line in enumerate(lines) if line.startswith("- ")]
    for start, end in pairwise([*starts, len(lines)]):
        part = [line[2:] if line[:2] in ("- ", "  ") else "" for line in lines[start:end] if line[:1] in ("-", " ", "")]
        body, _ = _loaded("\n".join(part))
        if is_object(body) and _shallow(body):
            yield Seen(body=body, line=first + start, detail=Detail.FULL)


_ALIAS = re.compile(r"(?:^|[:\[,{-] )[ ]*[*&][\w-]", re.MULTILINE)
_DEEP_BLOCK = re.compile(r"^[ ?-]{500,}", re.MULTILINE)
_BRACKET = re.compile(r"[\[\]{}]")


def _suspicious(text: str) -> bool:
    """Whether a text may hold an alias or nesting that would exhaust the C stack: cheap, and true too often."""
    if _ALIAS.search(text) or _DEEP_BLOCK.search(text):
        return True
    if text.count("[") + text.count("{") <= _DEPTH_LIMIT:
        return False
    depth = 0
    for match in _BRACKET.finditer(text):
        depth = max(0, depth + (1 if match.group() in "[{" else -1))
        if depth > _DEPTH_LIMIT:
            return True
    return False


def _harmless(text: str) -> bool:
    """Whether there is neither: exact, at the price of reading the text once more. A syntax error is the loader's to tell."""
    depth = 0
    try:
        for event in yaml.parse(text, _Loader):
            if isinstance(event, yaml.AliasEvent):
                return False
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                depth += 1
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                depth -= 1
            if depth > _DEPTH_LIMIT:
                return False
    except (yaml.YAMLError, ValueError):
        return depth <= _DEPTH_LIMIT
    return True


def _without_tail(lines: Sequence[str]) -> tuple[Sequence[str], bool]:
    """Leave out what the shell printed after the document: a line at column 0 that is no top-level key."""
    for index, line in enumerate(lines):
        if line[:1].strip() and line[0] not in "-#'\"}]" and ":" not in line:
            return lines[:index], True
    return lines, False


def _objects(body: Any, first: int) -> Iterator[Seen | Note]:
    if not _shallow(body):
        yield Note(f"the object at line {first} is nested deeper than {_DEPTH_LIMIT} levels and was left out", first)
        return
    documents = body if isinstance(body, list) else [body]
    for document in documents:
        for item in items_of(document):
            yield Seen(body=item, line=first, detail=Detail.FULL)


def _shallow(body: Any) -> bool:
    """Whether nothing in a document lies deeper than the limit; walked without recursion."""
    stack = [(body, 0)]
    while stack:
        value, depth = stack.pop()
        if depth > _DEPTH_LIMIT:
            return False
        if isinstance(value, dict):
            stack.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)
    return True
