"""Puts together where the journal's head is anchored, from the operator's settings."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.model import UsageError, text, texts
from copilot.settings import Settings
from guardrails.anchor import AnchorFile, Anchoring, Channel
from guardrails.journal import BREAK_GLASS, Journal, Kind
from guardrails.plan import Plan


def anchoring_of(settings: Settings) -> Anchoring | None:
    """The places that the settings name; None where they name none.

    Raises:
        UsageError: the file lies where the journal lies, or the address is none.
    """
    channels: list[Channel] = []
    file = settings.anchor_file
    if file is not None:
        if file.absolute().parent.resolve() == settings.data_dir.absolute().resolve():
            raise UsageError(
                f"The anchors in {file} would lie beside the journal",
                "Name a file in another folder: COPILOT_ANCHOR_FILE.",
            )
        channels.append(AnchorFile(file))
    if settings.anchor_url:
        from tools.anchoring import WebhookChannel  # noqa: PLC0415 - it needs an HTTP library, which a file does not

        channels.append(WebhookChannel(settings.anchor_url))
    if not channels:
        if settings.anchor_required:
            raise UsageError(
                "Anchors are required and no place for them is named", "Set COPILOT_ANCHOR_FILE or COPILOT_ANCHOR_URL."
            )
        return None
    known = AnchorFile(file).read if file is not None else tuple
    return Anchoring(tuple(channels), settings.anchor_every, settings.anchor_required, known)


def told_of(journal: Journal, plan: Plan) -> Iterator[str]:
    """What a person is told after a change: an anchor that failed, who was paged, and which review is open."""
    last = journal.last_anchor()
    if last is not None and last.kind is Kind.UNANCHORED:
        yield f"NOT ANCHORED: {'; '.join(texts(last.detail, 'why'))}"
    if plan.break_glass is None:
        return
    noted = [entry for entry in journal.entries(plan.id) if text(entry.detail, "event") == BREAK_GLASS]
    places = [place for entry in noted if entry.kind is Kind.ANCHORED for place in texts(entry.detail, "where")]
    told = f"told to {', '.join(places)}" if places else "told to nobody but the journal (see COPILOT_ANCHOR_URL)"
    yield f"Break-glass was used: {told}."
    yield f"Another person reviews it: kubectl copilot audit close {plan.id} --note TEXT"
