"""Reads the column tables kubectl prints. A row that does not fit its header is told, not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

_CELL = re.compile(r"\S+(?: \S+)*")
_HEADER = re.compile(r"[A-Z][A-Z0-9_/().:%-]*(?:\((?:cores|bytes|core|%)\))?$")
_EMPTY = frozenset({"", "<none>", "<unset>", "<nil>"})
HEADER_LIMIT = 2000  # characters: a longer line is no header

# Words that start a header and cannot be told from each other once blanks were collapsed.
_TWO_WORDS = (
    "LAST SEEN", "FIRST SEEN", "ACCESS MODES", "RECLAIM POLICY", "NOMINATED NODE", "READINESS GATES", "NODE SELECTOR",
    "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "LAST SCHEDULE", "OS-IMAGE", "RESERVED IN", "POD ID",
)  # fmt: skip


class Row(msgspec.Struct, frozen=True):
    """One line of a table. `cells` maps header to text; a cell that kubectl printed as nothing is ""."""

    line: int
    cells: dict[str, str]

    def get(self, *names: str) -> str:
        """The first of the named cells that says something."""
        for name in names:
            value = self.cells.get(name, "")
            if value not in _EMPTY:
                return value
        return ""


class Table(msgspec.Struct, frozen=True):
    """A table, the line of its header, and the lines that did not fit it."""

    line: int
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    broken: tuple[int, ...] = ()


def header_cells(line: str) -> tuple[tuple[str, int], ...]:
    """The column names of a header line with their positions; empty when it is no header."""
    if not line or len(line) > HEADER_LIMIT or not line[0].isupper():
        return ()
    cells = tuple((match.group(), match.start()) for match in _CELL.finditer(line.rstrip()))
    if len(cells) == 1 and " " in cells[0][0]:
        cells = _single_spaced(line.rstrip())
    words = [word for name, _ in cells for word in name.split()]
    if not all(_HEADER.match(word) for word in words):
        return ()
    return cells if len(cells) > 1 or cells[0][0] in ("NAME", "NAMESPACE") else ()


def _single_spaced(line: str) -> tuple[tuple[str, int], ...]:
    held = line
    for pair in _TWO_WORDS:
        held = held.replace(pair, pair.replace(" ", "\0"))
    return tuple((match.group().replace("\0", " "), match.start()) for match in re.finditer(r"\S+", held))


def read_table(lines: Sequence[str], first: int, header: tuple[tuple[str, int], ...]) -> Table:
    """Read the rows under a header. `lines` starts with the header, which is line number `first`."""
    names = tuple(name for name, _ in header)
    starts = [start for _, start in header]
    rows: list[Row] = []
    broken: list[int] = []
    for offset, line in enumerate(lines[1:], 1):
        if not line.strip():
            continue
        cells = cut(line, starts) or _by_gaps(line, len(names))
        if cells is None:
            broken.append(first + offset)
        else:
            rows.append(Row(line=first + offset, cells=dict(zip(names, cells, strict=False))))
    return Table(line=first, headers=names, rows=tuple(rows), broken=tuple(broken))


def cut(line: str, starts: Sequence[int]) -> list[str] | None:
    """Cut a row at the header's positions; None when a cell stands across one."""
    if len(line) <= starts[-1] and not line[starts[0] :].strip():
        return None
    for start in starts[1:]:
        if start < len(line) and line[start - 1] != " ":
            return None
    ends = [*starts[1:], len(line)]
    cells = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return cells if cells[0] and _reaches(line, starts) else None


def _reaches(line: str, starts: Sequence[int]) -> bool:
    """A row cut off before its last columns is broken; trailing empty cells alone are not (two columns at most)."""
    missing = sum(1 for start in starts if start >= len(line.rstrip()))
    return missing <= max(1, len(starts) // 3)


def _by_gaps(line: str, count: int) -> list[str] | None:
    """Split by gaps of two blanks, or by single blanks, when either gives exactly `count` cells."""
    cells = [match.group() for match in _CELL.finditer(line)]
    if len(cells) == count:
        return cells
    words = line.split()
    return words if len(words) == count else None


def sections(lines: Sequence[str], first: int) -> Iterator[Table]:
    """Every table of an output, in order. Lines before the first header are left out."""
    start = -1
    header: tuple[tuple[str, int], ...] = ()
    for index, line in enumerate(lines):
        found = header_cells(line)
        if found:
            if start >= 0:
                yield read_table(lines[start:index], first + start, header)
            start, header = index, found
    if start >= 0:
        yield read_table(lines[start:], first + start, header)
