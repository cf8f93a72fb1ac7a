"""Small notations kubectl prints: ages, counts, label lists, booleans. Each reader answers None or nothing to what is not one."""

from __future__ import annotations

import re
from typing import Any

from copilot.model.moment import EPOCH, parse_age, parse_time, stamp
from tools.cluster.transcript.facts import Ago

_AGE = re.compile(r"(?:\d+[ydhms]){1,5}$")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "y": 31_536_000.0}
_REPEATED = re.compile(r"(\S+) \(x(\d+) over (\S+)\)$")
NOTHING = frozenset({"", "<none>", "<unset>", "<nil>", "<unknown>", "-", "n/a", "N/A"})


def ago(text: str) -> Ago | None:
    """`5m20s` as a time to be; None for `<unknown>`, `<invalid>` and anything else."""
    text = text.strip()
    if not _AGE.match(text) or len(text) > 40:
        return None
    seconds = parse_age(text)
    return None if seconds is None else Ago(seconds, _UNITS[text[-1]])


def when(text: str) -> str | Ago | None:
    """A time as `describe` prints it (RFC 1123), as the API does, or as an age."""
    text = text.strip()
    if len(text) > 60:
        return None
    moment = parse_time(text)
    if moment is None:
        return ago(text)
    return stamp(moment) if moment > EPOCH else None  # Go prints a missing time as the year 1


def repeated(text: str) -> tuple[Ago | None, Ago | None, int]:
    """`60s (x4 over 2m)` as last time, first time, count; a plain age is both times and one occurrence."""
    match = _REPEATED.match(text.strip())
    if match is None:
        only = ago(text)
        return only, only, 1
    return ago(match[1]), ago(match[3]), int(match[2][:9])


def count(text: str, default: int | None = None) -> int | None:
    """A whole number, or `default`."""
    text = text.strip()
    return int(text) if text.lstrip("-").isdigit() and len(text) < 19 else default


def ratio(text: str) -> tuple[int, int] | None:
    """`1/2` as two numbers."""
    left, slash, right = text.strip().partition("/")
    first, second = count(left), count(right)
    return (first, second) if slash and first is not None and second is not None else None


def truth(text: str) -> bool | None:
    """`true`, `False`, `yes` and `No` as booleans."""
    return {"true": True, "false": False, "yes": True, "no": False}.get(text.strip().lower())


def present(text: str) -> str:
    """The text, or "" where kubectl printed a word for nothing."""
    text = text.strip()
    return "" if text in NOTHING else text


def words(text: str, separator: str = ",") -> list[str]:
    """A comma list without blanks; nothing for `<none>`."""
    return [part.strip() for part in present(text).split(separator) if part.strip()]


def bracketed(text: str) -> list[str]:
    """Go's `[a b c]`, or a comma list, as strings."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return text[1:-1].replace(",", " ").split()
    return words(text)


def label_map(text: str) -> dict[str, str]:
    """`a=b,c=d` as a mapping. Commas inside values are not told apart: label values hold none."""
    found = {}
    for part in words(text):
        key, equals, value = part.partition("=")
        if equals and key:
            found[key] = value
    return found


_SET_BASED = re.compile(r"([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)")
_OPERATORS = {"in": "In", "notin": "NotIn"}


def selector(text: str) -> dict[str, Any]:
    """A label selector in kubectl's notation (`a=b,c in (d,e),!f`) as `matchLabels` and `matchExpressions`."""
    text = present(text)
    expressions: list[dict[str, Any]] = []
    for match in _SET_BASED.finditer(text):
        expressions.append({"key": match[1], "operator": _OPERATORS[match[2]], "values": words(match[3])})
    labels: dict[str, str] = {}
    for part in words(_SET_BASED.sub("", text)):
        key, equals, value = part.replace("==", "=").partition("=")
        if key.endswith("!"):
            expressions.append({"key": key[:-1], "operator": "NotIn", "values": [value]})
        elif equals:
            labels[key] = value
        else:
            operator = "DoesNotExist" if key.startswith("!") else "Exists"
            expressions.append({"key": key.lstrip("!"), "operator": operator})
    found: dict[str, Any] = {}
    if labels:
        found["matchLabels"] = labels
    if expressions:
        found["matchExpressions"] = expressions
    return found


_ACCESS = {
    "RWO": "ReadWriteOnce",
    "ROX": "ReadOnlyMany",
    "RWX": "ReadWriteMany",
    "RWOP": "ReadWriteOncePod",
}


def access_modes(text: str) -> list[str]:
    """`RWO,ROX` or `[ReadWriteOnce]` in the API's words."""
    return [_ACCESS.get(mode, mode) for mode in bracketed(text)]


def int_or_text(text: str) -> int | str:
    """A port or an int-or-string field: a number where it is one."""
    number = count(text)
    return text.strip() if number is None else number


def without_nothing(body: dict[str, Any]) -> dict[str, Any]:
    """The mapping without None, "" and empty collections: what the text did not show is absent, not empty."""
    return {key: value for key, value in body.items() if value not in (None, "", {}, [])}
