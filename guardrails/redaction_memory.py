"""Remembers values that were redacted once, so that they are found again without any context. It holds no value, only keyed hashes.

A value is found again as it is, URL-, JSON- or HTML-escaped, and as the whole of a base64 text or inside one. What could be
an ordinary word is never remembered, so a password such as `postgres` takes no word out of the logs. Memory is bounded.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from guardrails.redaction_values import is_opaque

MOST_FORMS = 16_384  # about 6 MiB; a cluster of 10,000 pods has some hundred distinct secrets
_SHORTEST = 8  # characters of a value: shorter ones are words too often
_LONGEST = 4_096  # characters of one line of a value; what is longer is remembered by its lines
_SHORTEST_LINE = 24  # characters: the lines of a key, not its frame
_PIECE = re.compile(
    r"%[0-9A-Fa-f]{2}|\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrtbfv])|&(?:amp|lt|gt|quot|#\d{1,4}|#x[0-9A-Fa-f]{1,4});"
    r"|([A-Za-z0-9]{3,})"
)
_FRAME = re.compile(r"-----(?:BEGIN|END) [A-Z0-9 ]+-----")
_GO_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "'": "\\u0027", "=": "\\u003d", "+": "\\u002b"}
)


@dataclass(frozen=True)
class _Form:
    """One way a value is written: where its longest run of letters and digits stands in it, its length, its hash."""

    offset: int
    length: int
    digest: bytes


@dataclass
class Memory:
    """The known values of one redactor.

    Args:
        key: gives the key of the hashes; asked for when the first value comes.
        most: forms that are kept; the oldest go first.
    """

    key: Callable[[], bytes]
    most: int = MOST_FORMS
    generation: int = 0
    _forms: OrderedDict[int, dict[_Form, str]] = field(default_factory=OrderedDict)
    _count: int = 0

    def learn(self, value: str, placeholder: str, *, sure: bool) -> None:
        """Remember a value and what stands for it; `sure` where a typed field gave it away, and not the words around it."""
        for line in _lines(value):
            if _is_distinct(line, sure=sure):
                for form in _written(line):
                    self._learn(form, placeholder)

    def replaced(self, text: str) -> str:
        """The text with placeholders for every known value."""
        if not self._forms:
            return text
        spans = list(self._found(text))
        if not spans:
            return text
        parts, at = [], 0
        for start, end, placeholder in spans:
            if start >= at:
                parts += [text[at:start], placeholder]
                at = end
        return "".join(parts) + text[at:]

    def knows(self, text: str) -> str | None:
        """The placeholder of the first known value in a text."""
        return next((placeholder for _, _, placeholder in self._found(text)), None) if self._forms else None

    def _found(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Where known values stand, in order."""
        forms = self._forms
        for piece in _PIECE.finditer(text):
            run = piece.group(1)
            if run is None or (known := forms.get(hash(run))) is None:
                continue
            for form, placeholder in known.items():
                start = piece.start() - form.offset
                end = start + form.length
                if start >= 0 and end <= len(text) and hmac.compare_digest(self._digest(text[start:end]), form.digest):
                    yield start, end, placeholder
                    break

    def _learn(self, value: str, placeholder: str) -> None:
        anchor = max((piece for piece in _PIECE.finditer(value) if piece.group(1)), key=_length, default=None)
        if anchor is None:
            return
        known = self._forms.setdefault(hash(anchor.group(1)), {})
        form = _Form(anchor.start(), len(value), self._digest(value))
        if form in known:
            return
        known[form] = placeholder
        self._count += 1
        self.generation += 1
        while self._count > self.most:
            self._count -= len(self._forms.popitem(last=False)[1])

    def _digest(self, value: str) -> bytes:
        return hmac.digest(self.key(), value.encode("utf-8", "surrogatepass"), hashlib.sha256)[:16]


def _length(piece: re.Match[str]) -> int:
    return piece.end() - piece.start()


def _lines(value: str) -> list[str]:
    r"""A value of one line as it is; of several, each line that is long enough, whether they are real or written as `\n`."""
    if "\n" not in value and "\\n" not in value and len(value) <= _LONGEST:
        return [value]
    lines = (line.strip() for line in value.replace("\\n", "\n").split("\n"))
    return [line for line in lines if _SHORTEST_LINE <= len(line) <= _LONGEST and not _FRAME.fullmatch(line)]


def _is_distinct(value: str, *, sure: bool) -> bool:
    """Whether a value stands for itself wherever it is read. `AuthenticationFailed` after `password:` does not."""
    if len(value) < _SHORTEST:
        return False
    opaque = is_opaque(value) and not value.isalpha()
    return opaque or (len(value) >= 2 * _SHORTEST and _is_mixed(value)) or (sure and _has_two_cases(value))


def _has_two_cases(value: str) -> bool:
    """A capital letter after a small one, in one word."""
    bare = value.isalnum() and len(value) >= _SHORTEST + 2
    return bare and any(map(str.islower, value)) and any(map(str.isupper, value[1:]))


def _is_mixed(value: str) -> bool:
    """Small and capital letters and digits, without a blank: what `is_opaque` leaves out for its dots or equals signs."""
    return (
        not any(map(str.isspace, value))
        and any(map(str.islower, value))
        and any(map(str.isupper, value))
        and any(map(str.isdigit, value))
        and "/" not in value[:1]
    )


def _written(value: str) -> set[str]:
    """The ways in which programs write a value into text."""
    as_json = json.dumps(value)[1:-1]
    return {
        value,
        quote(value, safe=""),
        quote(value),
        quote_plus(value),
        quote(value, safe="!*'()"),
        as_json,
        json.dumps(as_json)[1:-1],
        as_json.translate(_GO_ESCAPES),
        value.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        html.escape(value),
        html.escape(value, quote=False),
    }
