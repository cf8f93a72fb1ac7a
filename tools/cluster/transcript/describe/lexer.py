"""Reads `kubectl describe` text as a tree of entries by indentation. Text that a value carried over lines is joined back first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tools.cluster.transcript.tables import cut

DEPTH_LIMIT = 100  # levels of indentation; kubectl prints no deeper object, garbage may
_KEY = re.compile(r"((?:[^\s:]|:(?=[^\s:]))(?:[^\s:]| (?! )|:(?=[^\s:]))*):(?:\s+(.*))?$", re.DOTALL)
KEY_LIMIT = 300  # characters of a line searched for `key:`
_CELLS = re.compile(r"\S+(?: \S+)*")


class Line(msgspec.Struct, frozen=True):
    """A line of the output and its 1-based number in the whole text."""

    text: str
    number: int


class Entry(msgspec.Struct, eq=False):
    """`key:  value` with what stands deeper under it. `text` is the whole line without its indentation."""

    key: str
    value: str
    text: str
    indent: int
    number: int
    children: list[Entry] = []
    raw: list[str] = []

    def get(self, *keys: str) -> Entry | None:
        """The first child with one of these keys."""
        for key in keys:
            for child in self.children:
                if child.key == key:
                    return child
        return None

    def word(self, *keys: str) -> str:
        """The value of the first child with one of these keys, "" where there is none or it says `<none>`."""
        found = self.get(*keys)
        return "" if found is None or found.value in ("<none>", "<unset>", "<nil>") else found.value

    def lines(self) -> list[str]:
        """The value and everything under it, as separate lines without indentation, nothing for `<none>`."""
        found = [self.value] if self.value and self.value != "<none>" else []
        return found + [child.text for child in self.descendants()]

    def descendants(self) -> Iterator[Entry]:
        """Everything under this entry, in order."""
        stack = list(reversed(self.children))
        while stack:
            entry = stack.pop()
            yield entry
            stack.extend(reversed(entry.children))

    def block(self, dedent: int) -> list[str]:
        """The raw lines under this entry, `dedent` blanks taken off each."""
        return [line[dedent:] if not line[:dedent].strip() else line.lstrip() for line in self.raw]


def entry_of(line: Line) -> Entry:
    """One line as an entry without children."""
    stripped = line.text.strip()
    indent = len(line.text) - len(line.text.lstrip())
    match = _KEY.match(stripped) if ":" in stripped[:KEY_LIMIT] else None
    if match is None or match.end(1) > KEY_LIMIT:
        return Entry(key="", value=stripped, text=stripped, indent=indent, number=line.number, children=[], raw=[])
    value = (match[2] or "").strip()
    return Entry(key=match[1], value=value, text=stripped, indent=indent, number=line.number, children=[], raw=[])


def tree(lines: Sequence[Line]) -> Entry:
    """The entries of one described object under a root without a key."""
    root = Entry(key="", value="", text="", indent=-1, number=lines[0].number if lines else 0, children=[], raw=[])
    open_entries = [root]
    blanks = 0
    for line in lines:
        if not line.text.strip():
            blanks += 1
            continue
        entry = entry_of(line)
        while open_entries[-1].indent >= entry.indent and len(open_entries) > 1:
            open_entries.pop()
        if len(open_entries) > DEPTH_LIMIT:
            open_entries.pop()
        for parent in open_entries[1:]:
            parent.raw.extend([""] * min(blanks, 3))
            parent.raw.append(line.text)
        blanks = 0
        open_entries[-1].children.append(entry)
        open_entries.append(entry)
    return root


def table_of(entry: Entry) -> list[dict[str, str]]:
    """The table under an entry (its first line is the header, the second may be dashes) as mappings."""
    if not entry.raw:
        return []
    header = [(match.group(), match.start()) for match in _CELLS.finditer(entry.raw[0])]
    return rows_under(header, entry.raw[1:])


def rows_under(header: Sequence[tuple[str, int]], lines: Sequence[str]) -> list[dict[str, str]]:
    """Rows cut at the header's columns; lines of dashes are left out."""
    names = [name for name, _ in header]
    starts = [start for _, start in header]
    if not starts:
        return []
    found = []
    for line in lines:
        if not line.strip(" -"):
            continue
        cells = cut(line, starts)
        if cells is None:
            parts = [match.group() for match in _CELLS.finditer(line)]
            cells = [*parts[: len(names) - 1], " ".join(parts[len(names) - 1 :])] if len(parts) >= len(names) else parts
        found.append(dict(zip(names, cells, strict=False)))
    return found


# -- joining values that hold line breaks ------------------------------------------------------------------------------

_STATE_KEYS = re.compile(r" {4,7}(?:Exit Code|Signal|Started|Finished):\s")
_CONTAINER_KEYS = re.compile(
    r" {4}(?:Ready|Last State|State|Restart Count|Limits|Requests|Environment|Mounts):(?:\s|$)"
)
_EVENT_ROW = re.compile(r"  (?:Normal|Warning) {2,}\S")
_VALUE_LIMIT = 65536  # characters: a longer value is garbage, and joining it line by line would take for ever
_JOIN_LIMIT = 400  # lines: a termination message is at most 4096 bytes, an event message 1024


def joined(lines: Sequence[Line], is_top: Callable[[str], bool]) -> list[Line]:
    """Join the lines of a value that holds line breaks.

    kubectl indents only the first line of a value. A line at column 0 that is no key of `describe` continues the value
    before it; so does everything between a container's `Message:` and its `Exit Code:`.
    """
    found: list[Line] = []
    state = index = 0
    while index < len(lines):
        line = lines[index]
        end = index + 1
        if found and line.text.startswith("      Message:"):
            state = _next_state(lines, max(state, index + 1))
            end = state if state - index <= _JOIN_LIMIT and state < len(lines) else end
            found.append(_one(lines[index:end]))
        elif found and line.text[:1].strip() and not is_top(line.text):
            end = _stray_end(lines, index, is_top)
            if len(found[-1].text) < _VALUE_LIMIT:
                found[-1] = _one([found[-1], *lines[index:end]])
        else:
            found.append(line)
        index = end
    return found


def _one(lines: Sequence[Line]) -> Line:
    return Line("\n".join(line.text for line in lines), lines[0].number)


def _next_state(lines: Sequence[Line], index: int) -> int:
    """The first line from `index` on that follows a message in a container's state."""
    while index < len(lines) and not _STATE_KEYS.match(lines[index].text):
        index += 1
    return index


def _stray_end(lines: Sequence[Line], start: int, is_top: Callable[[str], bool]) -> int:
    for index in range(start + 1, min(start + _JOIN_LIMIT, len(lines))):
        text = lines[index].text
        if text[:1].strip() and is_top(text):
            return index
        if _STATE_KEYS.match(text) or _CONTAINER_KEYS.match(text) or _EVENT_ROW.match(text):
            return index
    return min(start + _JOIN_LIMIT, len(lines))
