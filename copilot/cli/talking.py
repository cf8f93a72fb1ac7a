"""What `ask` and `chat` share: one conversation with its model, its store and its notes. Not a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from copilot.model import CopilotError

if TYPE_CHECKING:
    from copilot.agent.conversation import Conversation
    from copilot.agent.conversation.langchain_writer import LangChainWriter
    from copilot.agent.events import StreamEvent
    from copilot.agent.foreign.toolset import ForeignTools
    from copilot.agent.session import Proposals, Session, Sessions
    from copilot.agent.telemetry import Telemetry
    from copilot.app import Copilot
    from copilot.settings import Settings


class Talk:
    """A conversation about one scope of one cluster, kept as it goes. `trouble` says why no model writes, or less of one."""

    def __init__(self, conversation: Conversation, copilot: Copilot, store: Sessions | None, session: Session | None, trouble: str) -> None:  # fmt: skip
        self.conversation = conversation
        self.copilot = copilot
        self.session = session
        self.trouble = trouble
        self._store = store

    @property
    def proposals(self) -> Proposals | None:
        """The changes that were proposed in this stored conversation; None where nothing of it is stored."""
        if self._store is None or self.session is None:
            return None
        return self._store.proposals(self.session.id)

    @property
    def scope(self) -> str:
        """The cluster and namespace, as every answer names them."""
        place = f"/{self.copilot.namespace}" if self.copilot.namespace else ""
        return f"{self.copilot.snapshot.cluster or 'unnamed'}{place}"

    def ask(self, words: str) -> Iterator[StreamEvent]:
        """Answer one question and keep the turn."""
        from copilot.agent.events import Answered, Refused

        before = self.conversation.spent
        for event in self.conversation.ask(words):
            if isinstance(event, (Answered, Refused)) and self._store is not None and self.session is not None:
                scope = event.answer.scope if isinstance(event, Answered) else f"cluster {self.scope}"
                self._store.add(self.session.id, scope, event, words, self.conversation.focus, self.conversation.spent.since(before))  # fmt: skip
            yield event


@contextmanager
def open_talk(copilot: Copilot, settings: Settings, *, model: str | None, resume: str | None, keep: bool, no_model: bool = False) -> Iterator[Talk]:  # fmt: skip
    """Open a conversation. A configured model whose parts are missing is told in `trouble`; one asked for by name is an error."""
    from copilot.agent.conversation import Conversation
    from copilot.agent.conversation.opening import endpoint_of
    from copilot.agent.events import Answered
    from copilot.agent.prompting.prompt import Earlier
    from copilot.agent.session import Sessions
    from copilot.agent.telemetry.opening import open_telemetry
    from copilot.llm.known import KnownModels, adapted, refusal
    from guardrails.provenance import Source, chunk_of

    known = KnownModels(settings.data_dir)
    endpoint, trouble = None if no_model else endpoint_of(settings, model=model), ""
    if endpoint is not None:
        endpoint, trouble = adapted(endpoint, known.find(endpoint))
    store = (
        Sessions.of_cluster(settings.data_dir, copilot.snapshot.cluster, copilot.identity) if keep or endpoint else None
    )
    telemetry = open_telemetry(settings)
    writer: LangChainWriter | None = None
    foreign: ForeignTools | None = None
    try:
        session = store.resume(resume) if store and resume else store.start() if store and keep else None
        if endpoint is not None:
            try:
                writer = _open(endpoint, store if keep else None, telemetry)
            except CopilotError as error:
                if model:
                    raise
                trouble = f"{error.title} {error.hint}"
        foreign = _foreign(settings) if writer is not None else None
        turns = session.turns if session is not None else ()
        earlier = [Earlier(one.question, one.said.answer.text) for one in turns if isinstance(one.said, Answered)]
        focus = next((one.focus for one in reversed(turns) if one.focus is not None), None)
        conversation = Conversation(
            copilot, writer, earlier=earlier, focus=focus, cache=store, telemetry=telemetry,
            session=session.id if session is not None else _once(), foreign=foreign,
        )  # fmt: skip
        for turn in earlier:  # the model is shown them again, and what is in them came from wherever it did
            conversation.provenance.read(chunk_of(turn.answer, Source.EXTERNAL, "an earlier answer"))
        try:
            yield Talk(conversation, copilot, store if keep else None, session, trouble)
        finally:
            if endpoint is not None and conversation.tools_refused:
                known.keep(endpoint, refusal(endpoint))
    finally:
        for one in (foreign, writer, store):
            if one is not None:
                one.close()
        undelivered = telemetry.close()
        if undelivered:
            click.echo(f"note: {undelivered}", err=True)


def _open(endpoint: object, store: Sessions | None, telemetry: Telemetry) -> LangChainWriter:
    from copilot.agent.conversation.opening import open_writer
    from copilot.llm import Endpoint
    from copilot.llm.openai_chat import require_installed

    assert isinstance(endpoint, Endpoint)
    require_installed(endpoint)
    return open_writer(endpoint, store.checkpointer() if store is not None else None, telemetry)


def _foreign(settings: Settings) -> ForeignTools | None:
    """The user's MCP servers, where the settings name any; none is started yet."""
    if settings.mcp_file is None:
        return None
    from copilot.agent.foreign.toolset import open_foreign

    return open_foreign(settings)


def _once() -> str:
    """The thread of a conversation that is not kept."""
    import secrets

    return f"once-{secrets.token_hex(4)}"
