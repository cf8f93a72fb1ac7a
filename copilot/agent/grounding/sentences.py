"""What a model wrote, cut into sentences with their citation marks. Markdown falls away; a mark after the full stop belongs before it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from copilot.redacting import plain

MAX_TEXT = 12_000  # characters of an answer: a person reads a page, not a book
_JOINT = "\u02c6"  # joins the words of untrusted text in a prompt; a model may repeat it
_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)
_LEAD = re.compile(r"^\s*(?:#{1,6}\s+|[-*•]\s+|\d{1,2}[.)]\s+|>\s*)+")
_MARK = re.compile(
    r"\s*[\[【(](?:facts?\s*)?(\d{1,4}(?:\s*(?:,|;|and|-|–)\s*(?:facts?\s*)?\d{1,4})*)[\]】)](?!\()", re.IGNORECASE
)
_END = re.compile(
    r"(?<=[.!?])((?:\s*[\[【]\d[\d,;\s]*[\]】])*)\s+(?=[A-Z0-9`\"“*]|\[(?!\d))|(?<=[.!?])((?:\s*[\[【]\d[\d,;\s]*[\]】])+)\s*$"
)
_EMPHASIS = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


class Sentence(msgspec.Struct, frozen=True):
    """One sentence without its marks, the numbers it cites, and whether it is a heading.

    `ahead` are the numbers that the next marked sentence of its line cites: a message of several sentences is marked at its end.
    """

    text: str
    cited: tuple[int, ...] = ()
    heading: bool = False
    ahead: tuple[int, ...] = ()


def sentences(written: str) -> list[Sentence]:
    """Cut an answer."""
    text = _FENCE.sub("", _THINKING.sub("", written[:MAX_TEXT])).replace(_JOINT, " ")
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", text))
    found = []
    for line in text.splitlines():
        bare = _LEAD.sub("", line).strip()
        cut = [_sentence(piece, heading=bare.endswith(":")) for piece in _pieces(bare)]
        found += _looking_ahead([one for one in cut if one is not None])
    return found


def _looking_ahead(line: Sequence[Sentence]) -> list[Sentence]:
    """The sentences of a line, those without a mark knowing the mark that comes next."""
    found: list[Sentence] = []
    ahead: tuple[int, ...] = ()
    for one in reversed(line):
        found.append(one if one.cited else msgspec.structs.replace(one, ahead=ahead))
        ahead = one.cited or ahead
    return found[::-1]


def _pieces(line: str) -> Iterator[str]:
    start = 0
    for match in _END.finditer(line):
        marks = match[1] or match[2] or ""
        yield line[start : match.start()] + marks
        start = match.end()
    yield line[start:]


def _sentence(piece: str, *, heading: bool) -> Sentence | None:
    numbers: dict[int, None] = {}

    def take(match: re.Match[str]) -> str:
        if match[0].lstrip()[0] == "(" and "fact" not in match[0].lower():
            return match[0]  # a number in parentheses is a number
        numbers.update((number, None) for number in _numbers(match[1]))
        return ""

    text = " ".join(plain(_MARK.sub(take, piece)).split()).strip()
    if not re.search(r"\w", text):
        return None
    return Sentence(text, tuple(numbers), heading)


def _numbers(inside: str) -> Iterator[int]:
    """`1, 3`, `1-3`, `fact 2`."""
    for part in re.split(r"\s*(?:,|;|and)\s*", re.sub(r"facts?\s*", "", inside, flags=re.IGNORECASE)):
        ends = [int(one) for one in re.findall(r"\d+", part)]
        if len(ends) == 2 and ends[0] < ends[1] <= ends[0] + 20:
            yield from range(ends[0], ends[1] + 1)
        else:
            yield from ends
