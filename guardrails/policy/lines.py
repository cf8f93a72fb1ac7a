"""Reads one YAML document and remembers where each part stands, so that a mistake is told with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_AT = re.compile(r"(?P<text>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")


class Problem(msgspec.Struct, frozen=True):
    """One mistake and its line, counted from 1."""

    line: int
    text: str


class Unreadable(Exception):  # noqa: N818 - it carries the problem to the one who asked for the document
    """The text is no single, plain YAML document."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


class Document:
    """One YAML document: its plain value, and the line of each part.

    Raises:
        Unreadable: it is no YAML, has a key twice, or refers to other parts of itself.
    """

    def __init__(self, content: bytes) -> None:
        try:
            text = content.decode("utf-8")
            for event in yaml.parse(text, Loader=yaml.SafeLoader):
                if isinstance(event, yaml.AliasEvent):
                    mark = event.start_mark
                    raise Unreadable(Problem(mark.line + 1 if mark else 1, "aliases (*name) are not read here"))
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            self.value: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or "it is no YAML"
            raise Unreadable(Problem(mark.line + 1 if mark else 1, str(said))) from error
        except (ValueError, RecursionError) as error:
            raise Unreadable(Problem(1, f"it cannot be read: {type(error).__name__}")) from error
        for node in self._nodes():
            _refuse_repeated(node)

    def line(self, *path: str | int, offset: int = 0) -> int:
        """The line of a part, or of the nearest part above it; `offset` lines into a text of several lines."""
        node = self._root
        for step in path:
            below = _below(node, step)
            if below is None:
                break
            node = below
        if node is None:
            return 1
        block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        return int(node.start_mark.line) + 1 + offset + block

    def problem(self, error: msgspec.ValidationError) -> Problem:
        """A misfit in shape, with its line."""
        found = _AT.fullmatch(str(error))
        text, at = (found["text"], found["path"] or "") if found else (str(error), "")
        path: list[str | int] = [int(index) if index else name for name, index in _STEP.findall(at)]
        unknown = _UNKNOWN.search(text)
        if unknown:
            path.append(unknown[1])
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        return Problem(self._key_line(path), f"{where}: {text}" if where else text)

    def _key_line(self, path: list[str | int]) -> int:
        """The line of the key where the last step is one: a value may begin further down."""
        node = self._root
        for step in path[:-1]:
            node = _below(node, step)
        if path and isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if key.value == path[-1]:
                    return int(key.start_mark.line) + 1
        return self.line(*path)

    def _nodes(self) -> Iterator[yaml.Node]:
        waiting = [self._root] if self._root is not None else []
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, yaml.MappingNode):
                waiting.extend(each for pair in node.value for each in pair)
            elif isinstance(node, yaml.SequenceNode):
                waiting.extend(node.value)


def _below(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None


def _refuse_repeated(node: yaml.Node) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name in seen:
            raise Unreadable(Problem(key.start_mark.line + 1, f"the key {name!r} stands here a second time"))
        seen.add(name)
