"""What vouches for a proposal: the person's own words up to it, and the objects that were looked at by then.

Promise: planned again from what was kept, a proposal is never vouched for by more than when it was made. Of the texts that
the model had read by then nothing is kept, so everything that the person did not say themselves counts as named by one.
"""

from __future__ import annotations

import msgspec

from copilot.redacting import plain
from guardrails.provenance import SessionProvenance
from guardrails.provenance.asks import Ask
from guardrails.provenance.labels import Chunk
from guardrails.provenance.session import Seen

MOST_OBJECTS = 2_000  # kept with a proposal, about 100 KiB: a conversation that looked at more is to ask anew


class Said(msgspec.Struct, frozen=True):
    """What the person said, message by message (id, words), the objects looked at, and where they worked. Redacted.

    `whole` is False where something of it could not be kept.
    """

    words: tuple[tuple[str, str], ...] = ()
    objects: tuple[Seen, ...] = ()
    namespace: str = ""
    whole: bool = True


def said_by_now(session: SessionProvenance) -> Said:
    """What vouches for a proposal that is made now."""
    objects = sorted(session.objects)
    whole = len(objects) <= MOST_OBJECTS
    words = tuple((message, _kept(words)) for message, words in session.messages)
    return Said(words, tuple(objects) if whole else (), session.namespace, whole)


def restored(said: Said) -> SessionProvenance:
    """A session that vouches for what was said, and trusts nothing else."""
    session = SessionProvenance(said.namespace)
    for message, words in said.words:
        session.said(words, message)
    session.objects = set(said.objects)
    session.more = True
    return session


class Then(msgspec.Struct, frozen=True, eq=False):
    """A session in memory as it was when a proposal was made. Words said from there on do not vouch for it.

    What the model is shown from there on does count, against it.
    """

    session: SessionProvenance
    messages: tuple[tuple[str, str], ...]
    asks: tuple[Ask, ...]
    objects: frozenset[Seen]
    trusted: tuple[Chunk, ...]
    namespace: str

    def provenance(self) -> SessionProvenance:
        """What to trace a plan to that is drawn up now."""
        now = SessionProvenance(self.namespace)
        now.messages, now.asks, now.objects = list(self.messages), self.asks, set(self.objects)
        now.trusted, now.untrusted, now.more = list(self.trusted), dict(self.session.untrusted), self.session.more
        return now


def as_of_now(session: SessionProvenance) -> Then:
    """The session for a proposal that is made now and planned later."""
    return Then(session, tuple(session.messages), session.asks, frozenset(session.objects), tuple(session.trusted), session.namespace)  # fmt: skip


def _kept(words: str) -> str:
    """Redacted line by line: which words stand on a line of their own decides what they ask for."""
    return "\n".join(plain(line) for line in words.split("\n"))
