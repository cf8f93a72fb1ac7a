"""Log text cut into lines worth quoting, newest first, with their number and what they say without their wrapping.

Lines are untrusted and bounded. A quote is always the line as it was printed; only matching looks at `said`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from copilot.model import ContainerLog

MAX_LINE = 2000  # characters: longer lines are data, not messages, and would slow every pattern down
MAX_RECORD = 20_000  # characters of a JSON record that is still taken apart: a stack trace in one field
TAIL = 120  # lines: a crash explains itself at its end

_STAMP = re.compile(
    r"^(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?\]?\s*){1,2}(?:UTC\s+)?(?:\[\d+\]\s*)?"
)
_CRI = re.compile(r"^\d{4}-\d\d-\d\dT\S{8,30} (?:stdout|stderr) [FP] ")
_KLOG = re.compile(r"^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d{1,6}\s+\d{1,9} [\w./-]{1,120}:\d{1,6}\] ")
_KLOG_WORD = {"I": "INFO", "W": "WARN", "E": "ERROR", "F": "FATAL"}
_ACCESS = re.compile(
    r'"(?:GET|POST|PUT|HEAD|PATCH|DELETE|OPTIONS) \S{1,500} HTTP/[\d.]{1,3}" [1-4]\d\d\b|INFO GET /\S* [1-4]\d\d\b'
)
_FRAME = re.compile(
    r"^\s+at [\w$.<]|^\s+File \"|^\s*\d{1,3}: 0x|^goroutine \d|^\s+\.\.\. \d+ |^\s+from /|^\t/\S+\.go:\d|^#\d+ 0x"
)
_LEVEL_KEYS = ("level", "severity", "log.level", "lvl", "levelname", "loglevel", "@level")
_TEXT_KEYS = ("msg", "message", "log", "event", "@message", "text", "error", "err", "error.message", "exception", "exc_info",
              "reason", "cause", "detail", "stack", "stack_trace", "stacktrace", "error.stack_trace")  # fmt: skip
_NUMBERED = {50: "ERROR", 60: "FATAL", 40: "WARN", 30: "INFO"}  # pino and bunyan


class LogLine(msgspec.Struct, frozen=True):
    """One line: its 1-based number, the text as printed, and what it says (unwrapped, without its time stamp)."""

    number: int
    raw: str
    said: str


def tail(log: ContainerLog, most: int = TAIL, *, access: bool = False) -> Iterator[LogLine]:
    """Yield the last lines, newest first; empty lines are left out, and access-log lines unless they are asked for."""
    lines = log.text.splitlines()
    for index in range(len(lines) - 1, max(-1, len(lines) - 1 - most), -1):
        line = lines[index].rstrip()
        if line.strip() and (access or not _ACCESS.search(line[:MAX_LINE])):
            yield LogLine(index + 1, line[:MAX_LINE], spoken(line))


def bare(line: str) -> str:
    """The line without its leading time stamp."""
    return _STAMP.sub("", line).strip()


def spoken(line: str) -> str:
    """What a line says: without the runtime's prefix and time stamp, JSON and escapes undone, its level in front."""
    line = _CRI.sub("", line[:MAX_RECORD])
    if line.lstrip().startswith("{"):
        record = _record(line)
        if record is not None:
            return record[:MAX_LINE]
    line = line[:MAX_LINE]
    klog = _KLOG.match(line)
    if klog:
        line = f"{_KLOG_WORD[klog[1]]} {line[klog.end() :]}"
    if '\\"' in line:
        line = line.replace('\\"', '"')
    return bare(line)


def _record(line: str) -> str | None:
    """The level and texts of a structured record, or None when it is not one."""
    try:
        record = msgspec.json.decode(line.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    texts = list(dict.fromkeys(_flat(record.get(key)) for key in _TEXT_KEYS))
    said = ": ".join(part for part in texts if part)
    if not said:
        return None
    level = next((record[key] for key in _LEVEL_KEYS if key in record), "")
    word = _NUMBERED.get(level, "") if isinstance(level, int) else str(level).upper()[:12]
    return f"{word} {bare(said)}".strip()


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return ": ".join(part for key in ("type", "name", "message", "msg", "stack") if (part := _flat(value.get(key))))
    return ""


_ENDS = re.compile(
    r"^(?:[\w$.:]{0,200}\.)?\w{0,80}(?:Error|Exception|Fault|Panic)(?:\s*\[\w{1,60}\])?: \S|^panic: |^Caused by: |^fatal error: |^Unhandled exception\. |\(\w{1,60}Error\)$"
)
_SEVERE = re.compile(
    r"\b(?:FATAL|PANIC|CRITICAL|EMERG|SEVERE)\b|^panic:|^fatal|Exception\b|\[(?:critical|emerg|alert)\]", re.IGNORECASE
)
_ERROR = re.compile(
    r"\b(?:ERROR|ERR|E\d{4})\b|\b[Ee]rror:|level=error|[Ff]ailed to |[Ff]ailed: |[Cc]annot |[Uu]nable to |[Cc]ould not |\[error\]|^Error\b"
)
_BOILERPLATE = re.compile(
    r"did not exit normally|exited with (?:code|status)|^Traceback \(|npm ERR|check the logs?|For further information|^Usage|"
    r"[Ss]hutting down|\bAborting\.?$|^exiting|context initialization|RUST_BACKTRACE|A complete log of this run|ELIFECYCLE|exit status \d+$",
)


def severity(line: str) -> int:
    """3 for the line that names an error and its reason, 2 for one that announces the end, 1 for an error, 0 otherwise."""
    if _FRAME.search(line) or _BOILERPLATE.search(line):
        return 0
    if _ENDS.search(line):
        return 3
    if _SEVERE.search(line):
        return 2
    return 1 if _ERROR.search(line) else 0


def most_telling(log: ContainerLog) -> tuple[int, str] | None:
    """The line a person would quote: the last that names its reason, else the last severe one, else an error, else any."""
    best: tuple[int, LogLine] | None = None
    for line in tail(log):
        weight = max(severity(line.said), severity(line.raw))
        frame = _FRAME.search(line.raw) or _BOILERPLATE.search(line.said)
        if best is None or weight > best[0]:
            best = (weight if not frame else -1, line)
        if weight == 3:
            break
    return (best[1].number, best[1].raw) if best else None
