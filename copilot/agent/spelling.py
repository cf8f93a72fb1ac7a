"""Slips of the keyboard in the words of questions themselves: `wehre`, `wich`, `deploymnts`. Names of objects are left alone."""

from __future__ import annotations

import re

from copilot.agent.asking import Asking
from copilot.agent.intents import CHANGE_VERBS
from copilot.agent.lexicon import FILLERS, KIND_WORDS, STATE_WORDS, STOP_WORDS
from copilot.model.kinds import BUILT_IN, resolve_kind

_LONG = 8  # letters from which two slips still leave the word plain
_MOST = 12  # words of one question that are looked at
_WORD = re.compile(r"(?<![\w./:=-])[A-Za-z]{4,24}(?![\w./:=-])")
_ASKING = (
    "where", "which", "what", "when", "many", "much", "pending", "running", "crashing", "restarted", "restarts", "ready", "failed",
    "failing", "suspended", "depends", "compare", "quota", "capacity", "replicas", "image", "images", "version", "endpoints",
    "labels", "memory", "limits", "requests", "changed", "events", "summarise", "status", "healthy", "cordoned", "drain",
    "scheduled", "listen", "owns", "uses", "broken", "logs", "without", "describe", "explain", "happened", "oldest", "youngest",
)  # fmt: skip


_SHORT = (
    (re.compile(r"\bcan'?t\b", re.IGNORECASE), "can not"), (re.compile(r"\bwon'?t\b", re.IGNORECASE), "will not"),
    (re.compile(r"(?<=[a-z])n['’]t\b", re.IGNORECASE), " not"), (re.compile(r"\bgimme\b", re.IGNORECASE), "give me"),
    (re.compile(r"\bw/o\b", re.IGNORECASE), "without"), (re.compile(r"\bw/(?= )", re.IGNORECASE), "with"), (re.compile(r"\blst\b", re.IGNORECASE), "list"),
    (re.compile(r"\bwhats\b", re.IGNORECASE), "what is"), (re.compile(r"\bhows\b", re.IGNORECASE), "how is"), (re.compile(r"\bwheres\b", re.IGNORECASE), "where is"),
    (re.compile(r"\bwhos\b", re.IGNORECASE), "who is"), (re.compile(r"\bu\b"), "you"), (re.compile(r"\bmem\b", re.IGNORECASE), "memory"),
    (re.compile(r"\bdeploys\b", re.IGNORECASE), "deployments"), (re.compile(r"\bthx\b", re.IGNORECASE), "thanks"),
    (re.compile(r"\bwanna\b", re.IGNORECASE), "want to"), (re.compile(r"\bgonna\b", re.IGNORECASE), "going to"),
)  # fmt: skip


def respelt(line: str, asking: Asking) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The line with misspelt question words put right, and what was read as what; a word that may be a name stays."""
    for pattern, whole in _SHORT:
        line = pattern.sub(whole, line)
    read: list[tuple[str, str]] = []
    vocabulary: list[str] | None = None
    for match in list(_WORD.finditer(line))[:_MOST]:
        word = match.group().lower()
        if _is_known(word) or asking.names.exact(word):
            continue
        if vocabulary is None:
            vocabulary = [*_ASKING, *CHANGE_VERBS, *(name for kind in BUILT_IN for name in kind.names if len(name) > 3)]
        slips = [one for one in vocabulary if _is_slip(word, one)]
        near = min(slips, key=lambda one: _distance(word, one), default="")
        if near and not asking.names.nearest(word, ""):
            line = re.sub(rf"(?<![\w./:=-]){re.escape(match.group())}(?![\w./:=-])", near, line, count=1)
            read.append((match.group(), near))
    return line, tuple(read)


def _is_known(word: str) -> bool:
    return (
        word in STOP_WORDS
        or word in FILLERS
        or word in KIND_WORDS
        or word in _ASKING
        or word in CHANGE_VERBS
        or resolve_kind(word) is not None
        or any(pattern.search(word) for pattern, _ in STATE_WORDS)
    )


def _is_slip(word: str, meant: str) -> bool:
    """One slip (two in a long word) away, with the same first letter; another form of the same word is no slip."""
    if word[0] != meant[0] or word.startswith(meant) or meant.startswith(word) or abs(len(word) - len(meant)) > 2:
        return False
    return _distance(word, meant) <= (2 if len(meant) >= _LONG else 1)


def _distance(left: str, right: str) -> int:
    """Edits between two words, a swap of neighbours counted as one (Damerau 1964, optimal string alignment)."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(left, 1):
        row = [i]
        for j, b in enumerate(right, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
