"""Opens the knowledge base as the settings say, and finds out what the asker may be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from copilot.settings import Settings
    from retrievers.knowledge import Library


def open_knowledge(settings: Settings, *, dense: bool = True, read_only: bool = True) -> Library:
    """The library with the embeddings endpoint and the Chroma server of the settings, where they are set."""
    from retrievers.knowledge import Meaning, open_library

    chosen = settings.embeddings

    def key() -> str:
        if chosen.key_file is None:
            return ""
        from copilot.llm.endpoint import read_key_file

        return read_key_file(chosen.key_file).reveal()

    meaning = Meaning(chosen.url, chosen.model, key, chosen.seconds, chosen.chroma_url)
    return open_library(settings.data_dir, dense=dense, read_only=read_only, meaning=meaning)
