"""Manifests as a person wrote them: every object with its file and the line of each of its fields. Nothing is merged or left out.

What is no API object becomes a note; a text that is no YAML raises for one file and is a note in a folder, as some are templates.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from copilot.model import InputError, Resource, text
from copilot.model.resource import ref_of
from tools.cluster import manifests_yaml
from tools.cluster.archive import Member, Skipped, members, read_all
from tools.cluster.prune import prune
from tools.cluster.sniff import to_utf8

_ENDINGS = (".yaml", ".yml", ".json")
_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_NAMES = ("name", "type", "key", "mountPath", "containerPort", "port")  # by which items of lists are called in paths
# Files that stand beside manifests and are read by other tools.
_OTHERS = frozenset(
    {("Kustomization", "kustomize.config.k8s.io"), ("Config", ""), ("Component", "kustomize.config.k8s.io")}
)
_MAX_LINES = 8 * 2**20  # bytes of a file whose fields are given lines; of a larger one only the documents are


class FieldLines:
    """The lines of one object's fields."""

    def __init__(self, node: Any, first: int, fallback: int) -> None:
        self._node = node
        self._first = first
        self.start = first + node.start_mark.line if node is not None else fallback

    def line_of(self, path: str) -> int:
        """The line of a field (`spec.containers[web].image`), or of the nearest field above it that is written down."""
        line, node = self.start, self._node
        for bracket, plain in _PART.findall(path):
            found = _below(node, plain or bracket, listed=not plain)
            if found is None:
                break
            mark, node = found
            line = self._first + mark.start_mark.line
        return line

    def of_item(self, key: str, index: int) -> FieldLines | None:
        """The lines of one object of a list."""
        found = _below(self._node, key, listed=False)
        item = _below(found[1], str(index), listed=True) if found else None
        return FieldLines(item[1], self._first, self._first + item[0].start_mark.line) if item else None


def _below(node: Any, name: str, *, listed: bool) -> tuple[Any, Any] | None:
    """The place and the value of a key or of an item; None where there is none."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if getattr(key, "value", None) == name), None)
    if not isinstance(node, yaml.SequenceNode) or not listed:
        return None
    items = node.value
    if not name:
        return (items[0], items[0]) if items else None
    for item in items:
        if _called(item, name):
            return item, item
    return (items[int(name)],) * 2 if name.isdigit() and len(name) < 6 and int(name) < len(items) else None


def _called(item: Any, name: str) -> bool:
    pairs = item.value if isinstance(item, yaml.MappingNode) else ()
    return any(getattr(key, "value", None) in _NAMES and getattr(value, "value", None) == name for key, value in pairs)


class Manifest(msgspec.Struct, frozen=True, eq=False):
    """One object of a file. `generated` says that the server will make its name (`metadata.generateName`)."""

    resource: Resource
    file: str
    lines: FieldLines
    generated: bool = False

    def place(self, path: str = "") -> str:
        """`file:line` of a field."""
        return f"{self.file}:{self.lines.line_of(path) if path else self.lines.start}"


class Manifests(msgspec.Struct, frozen=True, eq=False):
    """All objects of an input in the order in which they are written, and what was not read."""

    objects: tuple[Manifest, ...]
    notes: tuple[str, ...] = ()


def read_manifests(paths: tuple[str, ...]) -> Manifests:
    """Read files, folders (with all below them), archives, or "-" for standard input.

    Raises:
        InputError: nothing is there, a single file is not YAML or JSON, or there is no object in any of it.
    """
    objects: list[Manifest] = []
    notes: list[str] = []
    for path in paths:
        alone = path == "-" or not Path(path).is_dir()
        for member in members(path):
            if isinstance(member, Skipped):
                notes.append(f"{member.name}: not read, {member.reason}")
            elif alone or member.name.lower().endswith(_ENDINGS):
                objects += _guarded(member, path, notes, alone=alone)
    if not objects:
        raise InputError(
            f"{', '.join(paths)}: no API object in it", "; ".join(notes[:3]) or "Give manifests in YAML or JSON."
        )
    return Manifests(tuple(objects), tuple(notes))


def _guarded(member: Member, path: str, notes: list[str], *, alone: bool) -> list[Manifest]:
    file = "stdin" if path == "-" else path if alone else f"{path.rstrip('/')}/{member.name}"
    try:
        return list(_objects(bytes(to_utf8(read_all(member))), file, notes))
    except InputError as error:
        if alone:
            raise
        notes.append(f"not read: {error.title}")
        return []


def _objects(data: bytes, file: str, notes: list[str]) -> Iterator[Manifest]:
    for start, end, line in manifests_yaml.documents(data, 0, len(data), 1):
        part = data[start:end]
        value = _value(part, file, line)
        node = _node(part)
        skipped = len(part) - len(part.lstrip())
        first = line + part[:skipped].count(b"\n")
        yield from _of_value(value, FieldLines(node, line, first), file, notes, depth=0)


def _value(part: bytes, file: str, line: int) -> Any:
    if part.lstrip()[:1] == b"{":
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            return msgspec.json.decode(part)
    return manifests_yaml.load(part, file, line)


def _node(part: bytes) -> Any:
    """The document as written, with the place of each part; aliases are shared, so nothing grows. None where it has none."""
    if len(part) > _MAX_LINES:
        return None
    try:
        return yaml.compose(part, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def _of_value(value: Any, lines: FieldLines, file: str, notes: list[str], depth: int) -> Iterator[Manifest]:
    kind, version = text(value, "kind"), text(value, "apiVersion")
    where = f"{file}:{lines.start}"
    if value is None or (kind, version.rpartition("/")[0]) in _OTHERS:
        return
    items = value.get("items") if isinstance(value, dict) else None
    if kind.endswith("List") and isinstance(items, list) and depth < 3:
        for index, item in enumerate(items):
            yield from _of_value(item, _item_lines(lines, index), file, notes, depth + 1)
    elif not kind or not version:
        notes.append(f"{where}: no API object (it has no {'kind' if not kind else 'apiVersion'})")
    elif not (text(value, "metadata", "name") or text(value, "metadata", "generateName")):
        notes.append(f"{where}: {kind} without a name")
    else:
        yield _manifest(value, lines, file)


def _item_lines(lines: FieldLines, index: int) -> FieldLines:
    return lines.of_item("items", index) or lines


def _manifest(body: dict[str, Any], lines: FieldLines, file: str) -> Manifest:
    generated = not text(body, "metadata", "name")
    if generated:
        body["metadata"]["name"] = text(body, "metadata", "generateName") + "x"
    prune(body)
    place = f"{file}:{lines.start}"
    return Manifest(Resource(ref=ref_of(body), body=body, source=place), file, lines, generated)
