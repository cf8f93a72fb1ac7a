"""The choke point before any face: every quoted text of a diagnosis loses its secrets and its control characters."""

from __future__ import annotations

import msgspec

from copilot.model import ChainLink, Diagnosis, Evidence, NextStep, RootCause
from guardrails.redaction import redact
from guardrails.redaction_text import clean_text


def plain(text: str) -> str:
    """Untrusted text as it may be shown: redacted, without control, bidi and zero-width characters."""
    return redact(clean_text(text))


def redact_diagnosis(diagnosis: Diagnosis) -> Diagnosis:
    """The same diagnosis, fit to be shown."""
    return msgspec.structs.replace(
        diagnosis,
        root_causes=tuple(_cause(cause) for cause in diagnosis.root_causes),
        symptoms=tuple(_evidence(piece) for piece in diagnosis.symptoms),
    )


def _cause(cause: RootCause) -> RootCause:
    return msgspec.structs.replace(
        cause,
        title=plain(cause.title),
        evidence=tuple(_evidence(piece) for piece in cause.evidence),
        chain=tuple(ChainLink(object=link.object, text=plain(link.text)) for link in cause.chain),
        next_steps=tuple(_step(step) for step in cause.next_steps),
        doubts=tuple(plain(doubt) for doubt in cause.doubts),
    )


def _evidence(piece: Evidence) -> Evidence:
    return msgspec.structs.replace(piece, text=plain(piece.text))


def _step(step: NextStep) -> NextStep:
    return msgspec.structs.replace(step, text=plain(step.text), command=plain(step.command))
