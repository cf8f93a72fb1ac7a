"""Turns what operators write into words an index can match: identifiers are split, questions lose their filler."""

from __future__ import annotations

import re

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9]*[A-Z][A-Za-z0-9]*")
_WORD = re.compile(r"[^\W_]+")
_FILLER = frozenset(
    """a an and are as at be been but by can cannot could did do does doing for from get gets getting got had has have
    how i if in into is it its me my no not of on or our out so some still that the their them then there these they
    this to up us was we were what when where which who why will with would you your keep keeps since after all any
    about just only than too very""".split()  # noqa: SIM905 -- a word list reads best as words
)
MAX_QUERY_WORDS = 48  # words: a pasted log line is shortened, not refused


def split_identifiers(text: str) -> str:
    """Return the text with the parts of camelCase identifiers added behind each: `ImagePullBackOff image pull back off`."""

    def widen(match: re.Match[str]) -> str:
        """One identifier and its parts."""
        identifier = match.group()
        parts = _CAMEL.sub(" ", identifier)
        return identifier if parts == identifier else f"{identifier} {parts}"

    return _IDENTIFIER.sub(widen, text)


def query_words(words: str) -> list[str]:
    """The distinct lower-case words of a query, identifiers split, filler removed where anything else remains."""
    found = [word.lower() for word in _WORD.findall(split_identifiers(words))]
    kept = [word for word in found if word not in _FILLER and (len(word) > 1 or word.isdigit())]
    return list(dict.fromkeys(kept or found))[:MAX_QUERY_WORDS]


def gram_text(text: str) -> str:
    """Text as the character index sees it: words in lower case, each between two spaces."""
    return "  ".join(["", *(word.lower() for word in _WORD.findall(split_identifiers(text))), ""])


def grams(words: list[str]) -> list[str]:
    """The distinct three-character pieces of the words, with a space standing for each end of a word."""
    pieces: dict[str, None] = {}
    for word in words:
        padded = f" {word} "
        for start in range(len(padded) - 2):
            pieces[padded[start : start + 3]] = None
    return list(pieces)
