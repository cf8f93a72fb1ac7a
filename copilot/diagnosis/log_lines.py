"""Log text cut into lines worth quoting, newest first, with their number. Lines are untrusted and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.model import ContainerLog

MAX_LINE = 2000  # characters: longer lines are data, not messages, and would slow every pattern down
TAIL = 120  # lines: a crash explains itself at its end

_STAMP = re.compile(
    r"^(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\s+){1,2}(?:UTC\s+)?(?:\[\d+\]\s*)?"
)
_ACCESS = re.compile(r'"(?:GET|POST|PUT|HEAD|PATCH|DELETE|OPTIONS) \S{1,500} HTTP/|INFO GET /\S* [1-4]\d\d\b')


def tail(log: ContainerLog) -> Iterator[tuple[int, str]]:
    """Yield (1-based line number, text) of the last lines, newest first; access-log lines are left out."""
    lines = log.text.splitlines()
    first = max(0, len(lines) - TAIL)
    for index in range(len(lines) - 1, first - 1, -1):
        line = lines[index].rstrip()[:MAX_LINE]
        if line.strip() and not _ACCESS.search(line):
            yield index + 1, line


def bare(line: str) -> str:
    """The line without its leading time stamp."""
    return _STAMP.sub("", line).strip()


_SEVERE = re.compile(
    r"\b(?:FATAL|PANIC|CRITICAL|EMERG|SEVERE)\b|^panic:|^fatal|Traceback|Exception\b|\bpanic:", re.IGNORECASE
)
_ERROR = re.compile(
    r"\b(?:ERROR|ERR|E\d{4})\b|\berror:|level=error|\"level\":\s?\"(?:error|fatal)\"|[Ff]ailed to |[Cc]annot |[Uu]nable to "
)


def severity(line: str) -> int:
    """2 for a line that announces the end, 1 for an error, 0 for anything else."""
    if _SEVERE.search(line):
        return 2
    return 1 if _ERROR.search(line) else 0


def most_telling(log: ContainerLog) -> tuple[int, str] | None:
    """The line a person would quote: the last severe one, else the last error, else the last line."""
    best: tuple[int, int, str] | None = None
    for number, line in tail(log):
        weight = severity(line)
        if best is None or weight > best[0]:
            best = (weight, number, line)
        if weight == 2:
            break
    return (best[1], best[2]) if best else None
