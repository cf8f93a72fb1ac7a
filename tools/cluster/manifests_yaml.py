"""Reads YAML as the Kubernetes API does: no dates, no sexagesimals, aliases bounded. A long list is read item by item."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import yaml

from copilot.model import InputError
from tools.cluster.manifests_plain import NotPlain, load_plain
from tools.cluster.sniff import Buffer, count_lines

MAX_EXPANDED = 2_000_000  # nodes a document may have once aliases are written out; the largest CRD has about 50,000
PLAIN_ABOVE = 512  # bytes: what is shorter is read in no time anyway
MAX_DEPTH = 200  # levels; the deepest schema in the wild has about 60
SPLIT_ABOVE = 2**20  # bytes: smaller documents are read in one piece, which keeps anchors between items

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,17})$")
_BASED = re.compile(r"([-+]?)0(?:x([0-9a-fA-F]{1,16})|o?([0-7]{1,21})|b([01]{1,64}))$")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?$")
_WORDS: dict[str, Any] = {"": None, "~": None}
_WORDS |= dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= {form: True for word in ("true", "yes", "on") for form in (word, word.title(), word.upper())}
_WORDS |= {form: False for word in ("false", "no", "off") for form in (word, word.title(), word.upper())}
_STARTS_NUMBER = frozenset("+-.0123456789")

_DOCUMENT = re.compile(rb"^(?:---(?=\s|$)[^\n]*|\.\.\.[ \t]*\r?$)", re.MULTILINE)
_ITEMS = re.compile(rb"^items:[ \t]*\r?\n([ ]*)- ", re.MULTILINE)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's parser without YAML 1.1's guesses about scalars: those are made here, as the API server makes them."""

    def resolve(self, kind: object, value: object, implicit: object) -> str:
        """Give no scalar a type."""
        del kind, value, implicit
        return ""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - pyyaml's own shape


def scalar(value: str) -> Any:
    """Give a plain scalar its JSON type."""
    if value in _WORDS:
        return _WORDS[value]
    if value[0] not in _STARTS_NUMBER:
        return value
    if _INT.match(value):
        return int(value)
    if based := _BASED.match(value):
        sign, hexa, octal, binary = based.groups()
        number = int(hexa, 16) if hexa else int(octal, 8) if octal else int(binary, 2)
        return -number if sign == "-" else number
    return float(value) if _FLOAT.match(value) and "_" not in value else value


class _Builder:
    """Turns one document's nodes into plain values, counting what aliases multiply."""

    def __init__(self, name: str, first_line: int) -> None:
        self._name = name
        self._first_line = first_line
        self._built: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def build(self, node: Any, depth: int = 0) -> tuple[Any, int]:
        """Return the value and its size in nodes once aliases are written out."""
        if isinstance(node, yaml.ScalarNode):
            return (node.value if node.style else scalar(node.value)), 1
        known = self._built.get(id(node))
        if known is not None:
            return known
        if id(node) in self._open or depth > MAX_DEPTH:
            raise self._refused(node, f"nests deeper than {MAX_DEPTH} levels or contains itself")
        self._open.add(id(node))
        built = self._mapping(node, depth) if isinstance(node, yaml.MappingNode) else self._sequence(node, depth)
        self._open.discard(id(node))
        if built[1] > MAX_EXPANDED:
            raise self._refused(node, f"its aliases expand to more than {MAX_EXPANDED:,} nodes")
        self._built[id(node)] = built
        return built

    def _mapping(self, node: Any, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        size = 1
        for key, value in node.value:
            built, weight = self.build(value, depth + 1)
            size += weight
            name = key.value if isinstance(key.value, str) else str(self.build(key, depth + 1)[0])
            if name == "<<" and not key.style:
                for part in built if isinstance(built, list) else [built]:
                    merged.update({k: v for k, v in part.items() if k not in merged} if isinstance(part, dict) else {})
            else:
                found[name] = built
        return ({**merged, **found} if merged else found), size

    def _sequence(self, node: Any, depth: int) -> tuple[list[Any], int]:
        found, size = [], 1
        for child in node.value:
            built, weight = self.build(child, depth + 1)
            found.append(built)
            size += weight
        return found, size

    def _refused(self, node: Any, why: str) -> InputError:
        return InputError(f"{self._name}:{self._first_line + node.start_mark.line}: this YAML {why}")


def load(data: bytes, name: str, first_line: int = 1) -> Any:
    """Read one document.

    Raises:
        InputError: it is not YAML; the title names file and line.
    """
    text = _decoded(data)
    if len(data) > PLAIN_ABOVE:
        with contextlib.suppress(NotPlain):
            return load_plain(text, scalar)
    try:
        node = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        last = data.rstrip().count(b"\n")  # an error at the end is shown on the last line there is
        line = first_line + (min(mark.line, last) if mark else 0)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
        raise InputError(f"{name}:{line}: not valid YAML: {problem}", "Check the indentation on that line.") from error
    return _Builder(name, first_line).build(node)[0] if node is not None else None


def _decoded(data: bytes) -> str:
    """Decode, dropping the control characters YAML forbids and terminals leave in pasted text."""
    try:
        found = data.decode()
    except UnicodeDecodeError:
        found = data.decode("latin-1")
    return found.translate(_CONTROLS)


_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127])


def documents(data: Buffer, at: int, stop: int, line: int) -> Iterator[tuple[int, int, int]]:
    """Yield (start, end, line) of every document between `at` and `stop`; a `---` at column 0 always starts one."""
    for mark in _DOCUMENT.finditer(data, at, stop):
        if _has_text(data, at, mark.start()):
            yield at, mark.start(), line
        line += count_lines(data, at, mark.end())
        at = mark.end()
    if _has_text(data, at, stop):
        yield at, stop, line


def _has_text(data: Buffer, start: int, end: int) -> bool:
    return _TEXT.search(data, start, end) is not None


_TEXT = re.compile(rb"^[ \t]*[^\s#]", re.MULTILINE)


def split_list(data: Buffer, start: int, end: int) -> tuple[bytes, list[tuple[int, int]]] | None:
    """Cut a block-style list into its head (everything but the items) and the spans of its items.

    None where it is small or has another shape; then it is read in one piece.
    """
    found = _ITEMS.search(data, start, end) if end - start > SPLIT_ABOVE else None
    if found is None:
        return None
    indent, first = len(found[1]), found.start(1)
    after = re.compile(rb"^[ ]{0,%d}[^\s-]" % indent, re.MULTILINE).search(data, first, end)
    last = after.start() if after else end
    starts = [m.start() for m in re.compile(rb"^[ ]{%d}- " % indent, re.MULTILINE).finditer(data, first, last)]
    head = bytes(data[start : found.start()]) + bytes(data[last:end])
    return head, list(zip(starts, [*starts[1:], last], strict=True))
