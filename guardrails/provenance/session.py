"""What one session has heard, read and looked at. It only remembers; what follows from it is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from copilot.model import text
from guardrails.provenance.asks import Ask, asks_of, own_words
from guardrails.provenance.fields import chunk_of, chunks_of
from guardrails.provenance.forms import holds
from guardrails.provenance.labels import Chunk, Source

MOST_CHARACTERS = 4_000_000  # of untrusted text kept for tracing; a session that reads more is told to have read more
Seen = tuple[str, str, str]  # kind, namespace, name


class SessionProvenance:
    """One session's sources.

    Args:
        namespace: the namespace that the operator chose for the session (-n, or their context's).
    """

    def __init__(self, namespace: str = "") -> None:
        self.namespace = namespace
        self.messages: list[tuple[str, str]] = []  # (id, own words)
        self.asks: tuple[Ask, ...] = ()
        self.trusted: list[Chunk] = []  # signed runbooks, policy
        self.untrusted: dict[str, Chunk] = {}
        self.objects: set[Seen] = set()
        self.more = False
        self._size = 0

    def said(self, message: str, message_id: str = "") -> None:
        """The operator said something. What they pasted is text of others."""
        words, pasted = own_words(message)
        self.messages.append((message_id or f"message/{len(self.messages) + 1}", words))
        self.asks = (*self.asks, *asks_of(message, self.asks))
        self.read(*(chunk_of(each, Source.EXTERNAL, "text that you pasted") for each in pasted))

    def read(self, *chunks: Chunk) -> None:
        """The model was shown text."""
        for chunk in chunks:
            if chunk.source in (Source.RUNBOOK, Source.POLICY):
                self.trusted.append(chunk)
            elif not chunk.source.trusted and chunk.text.strip():
                self._keep(chunk)

    def read_object(self, body: Mapping[str, Any], time: str = "") -> None:
        """The model was shown an object, or a part of it."""
        self.looked_at(text(body, "kind"), text(body, "metadata", "namespace"), text(body, "metadata", "name"))
        self.read(*chunks_of(body, time))

    def looked_at(self, kind: str, namespace: str, name: str) -> None:
        """The investigation looked at an object."""
        self.objects.add((kind, namespace, name))

    @property
    def words(self) -> str:
        """All that the operator wrote themselves."""
        return "\n".join(words for _, words in self.messages)

    @property
    def last_message(self) -> tuple[str, str]:
        """The id and the words of the newest message."""
        return self.messages[-1] if self.messages else ("", "")

    def untrusted_with(self, value: str) -> Chunk | None:
        """The first untrusted text that holds a value, in any of its forms."""
        return next((chunk for chunk in self.untrusted.values() if holds(chunk.text, value)), None)

    def trusted_with(self, value: str) -> Chunk | None:
        """The first signed runbook or policy that holds a value."""
        return next((chunk for chunk in self.trusted if holds(chunk.text, value)), None)

    def _keep(self, chunk: Chunk) -> None:
        key = chunk.sha or chunk.text
        if key in self.untrusted:
            return
        if self._size + len(chunk.text) > MOST_CHARACTERS:
            self.more = True
            return
        self._size += len(chunk.text)
        self.untrusted[key] = chunk
