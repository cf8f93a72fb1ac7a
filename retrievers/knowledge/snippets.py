"""Picks the lines of a section that answer a query best, for a reader who has no time for the whole."""

from __future__ import annotations

from retrievers.knowledge.words import query_words, split_identifiers

MAX_CHARACTERS = 240


def snippet(text: str, words: str) -> str:
    """One line of at most 240 characters: from the line with most of the query's words onward."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith(("```", "~~~"))]
    if not lines:
        return ""
    wanted = [
        word[:5] for word in query_words(words)
    ]  # five letters: `restarts` and `restarting` are the same to a reader
    scores = [_score(line, wanted) for line in lines]
    start = scores.index(max(scores))
    joined = " ".join(lines[start:])
    if len(joined) <= MAX_CHARACTERS:
        return joined
    cut = joined[: MAX_CHARACTERS - 2]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut[120:] else cut} …"


def _score(line: str, wanted: list[str]) -> int:
    """How many of the wanted beginnings of words occur."""
    lowered = split_identifiers(line).lower()
    return sum(beginning in lowered for beginning in wanted)
