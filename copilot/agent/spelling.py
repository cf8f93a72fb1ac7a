"""Slips of the keyboard in the words of questions themselves: `wehre`, `wich`, `deploymnts`. Names of objects are left alone."""

from __future__ import annotations

import re

from copilot.agent.asking import Asking
from copilot.agent.intents import CHANGE_VERBS
from copilot.agent.lexicon import KIND_WORDS, STATE_WORDS, STOP_WORDS
from copilot.model.kinds import BUILT_IN, resolve_kind
from copilot.model.likeness import nearest

_CUTOFF = 0.79  # "wehre" is 0.8 like "where"; below it other words begin
_SHORTEST = 4  # letters: shorter words have too many neighbours
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


def respelt(line: str, asking: Asking) -> str:
    """The line with misspelt question words put right; a word that may be a name stays as it is."""
    for pattern, whole in _SHORT:
        line = pattern.sub(whole, line)
    vocabulary: list[str] | None = None
    for match in list(_WORD.finditer(line))[:_MOST]:
        word = match.group().lower()
        if _is_known(word) or asking.names.exact(word):
            continue
        if vocabulary is None:
            vocabulary = [*_ASKING, *CHANGE_VERBS, *(name for kind in BUILT_IN for name in kind.names if len(name) > 3)]
        near = _swapped(word, vocabulary) or nearest(word, vocabulary, _CUTOFF)
        inflected = near.startswith(word) or word.startswith((near, near.removesuffix("e") + "i"))
        if near and not inflected and not asking.names.nearest(word, ""):
            line = re.sub(rf"(?<![\w./:=-]){re.escape(match.group())}(?![\w./:=-])", near, line, count=1)
    return line


def _is_known(word: str) -> bool:
    return (
        word in STOP_WORDS
        or word in KIND_WORDS
        or word in _ASKING
        or word in CHANGE_VERBS
        or resolve_kind(word) is not None
        or any(pattern.fullmatch(word) for pattern, _ in STATE_WORDS)
    )


def _swapped(word: str, vocabulary: list[str]) -> str:
    return next(
        (one for one in vocabulary if len(one) == len(word) and one != word and sorted(one) == sorted(word)), ""
    )
