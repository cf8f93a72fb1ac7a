"""Reads one sentence that asks for a change. Anything else is refused with its reason and the nearest accepted form.

The forms are listed in `guardrails.sentence.forms`. `KIND NAME` does for `KIND/NAME`; `the` is passed over.
"""

from __future__ import annotations

import re

from guardrails.display import visible
from guardrails.errors import IntentError
from guardrails.operations import ChangeIntent
from guardrails.sentence.forms import FORMS, read_sentence
from guardrails.sentence.nearest import nearest_sentence
from guardrails.sentence.words import NAMESPACE, NotUnderstoodError

__all__ = ["is_namespace", "nearest_sentence", "parse_intent"]
MAX_WORDS = 1024  # characters: longer than any accepted sentence with two 253-character names is not
_ALLOWED = re.compile(r"[A-Za-z0-9./ =:@_,+%*?~-]*")


def parse_intent(words: str) -> ChangeIntent:
    """Read one sentence.

    Raises:
        IntentError: the words are not one accepted change; the hint is the nearest accepted form.
    """
    if len(words) > MAX_WORDS:
        raise IntentError(f"The request has {len(words)} characters; one change needs at most {MAX_WORDS}", _forms())
    if not _ALLOWED.fullmatch(words):
        odd = next(char for char in words if not _ALLOWED.fullmatch(char))
        raise IntentError(
            f"A change is not written with the character '{visible(odd)}'", f"Try: {nearest_sentence(words)}"
        )
    tokens = [token for token in words.split(" ") if token and token.lower() != "the"]
    try:
        return read_sentence(tokens)
    except NotUnderstoodError as refused:
        raise IntentError(
            f'Not understood as a change: "{visible(words)}": {refused}', f"Try: {nearest_sentence(words)}"
        ) from None


def is_namespace(name: str) -> bool:
    """Tell whether a text can be a namespace's name (RFC 1123 label)."""
    return bool(NAMESPACE.fullmatch(name))


def _forms() -> str:
    return f"Accepted: {'; '.join(form.written for form in FORMS)}"
