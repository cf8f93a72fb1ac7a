"""The choke point before any face: every quoted text of a diagnosis loses its secrets and its control characters."""

from __future__ import annotations

import msgspec

from copilot.diagnosis.changes import Change
from copilot.diagnosis.onset import Onset
from copilot.diagnosis.reach import Group, Reachability
from copilot.diagnosis.timeline import Entry, Timeline
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
        gaps=tuple(msgspec.structs.replace(gap, text=plain(gap.text)) for gap in diagnosis.gaps),
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


def redact_change(change: Change) -> Change:
    """The same change, fit to be shown: values are redacted one by one, so that a secret's neighbour stays readable."""
    return msgspec.structs.replace(
        change, what=plain(change.what), before=plain(change.before), after=plain(change.after), by=plain(change.by)
    )


def redact_timeline(line: Timeline) -> Timeline:
    """The same timeline, fit to be shown. Its causes come redacted from the diagnosis."""
    start = line.onset
    shown = Onset(start.at, _evidence(start.sign)) if start else None
    return msgspec.structs.replace(line, onset=shown, entries=tuple(_entry(entry) for entry in line.entries))


def _entry(entry: Entry) -> Entry:
    change = redact_change(entry.change) if entry.change is not None else None
    words = change.text if change is not None else plain(entry.text)
    return msgspec.structs.replace(entry, text=words, change=change)


def redact_reach(found: Reachability) -> Reachability:
    """The same judgement of a connection, fit to be shown."""
    return msgspec.structs.replace(
        found,
        source=plain(found.source),
        target=plain(found.target),
        groups=tuple(_group(group) for group in found.groups),
        notes=_all_plain(found.notes),
        not_evaluated=_all_plain(found.not_evaluated),
    )


def _group(group: Group) -> Group:
    return msgspec.structs.replace(
        group,
        sources=_all_plain(group.sources),
        targets=_all_plain(group.targets),
        why=_all_plain(group.why),
        missing=_all_plain(group.missing),
        change=plain(group.change),
    )


def _all_plain(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(plain(line) for line in lines)
