"""Puts together where the journal's head is anchored, from the operator's settings."""

from __future__ import annotations

from copilot.model import UsageError
from copilot.settings import Settings
from guardrails.anchor import AnchorFile, Anchoring, Channel


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
