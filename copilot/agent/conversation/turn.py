"""One conversation over one observation. The reader answers first; the model may say it better, never otherwise.

Whatever the model does, the stream ends with an answer or a refusal, and no sentence in it lacks a fact.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from copilot.agent.asking import Desk, Renewed
from copilot.agent.conversation.composing import Composer, judged, repair_text, repaired
from copilot.agent.conversation.evidence_first import Footing, Path, asked_for_change, footing, gather
from copilot.agent.conversation.guided import guided
from copilot.agent.conversation.writer import Looked, Piece, Spent, Stopped, Writer, Wrote
from copilot.agent.events import Answer, Answered, EvidenceFound, Refused, StreamEvent, Token, ToolCalled
from copilot.agent.grounding import Evidence, Judged
from copilot.agent.prompting import TOOLS, WRITING, Earlier, user_text
from copilot.agent.redaction import redact_event
from copilot.agent.telemetry import Degraded, Telemetry, TurnSpan
from copilot.agent.tools import Limits, Line, Tool, Toolbox
from copilot.agent.tools.planning import Proposer
from copilot.agent.tools.workplace import Workplace
from copilot.llm import Mode, ModelError, ModelFailure, Usage
from copilot.llm.openai_chat import MAX_OUTPUT
from copilot.model import Ref
from guardrails.provenance import SessionProvenance
from guardrails.provenance.fields import chunk_of
from retrievers.graph import ResourceGraph


class AnswerCache(Protocol):
    """Answers by the evidence they stand on."""

    def find(self, key: str) -> Answer | None:
        """The answer of a key, if there is one."""
        ...

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer."""
        ...


class ForeignTools(Protocol):
    """Read tools of others, opened when a model is first asked."""

    notes: tuple[str, ...]

    def tools(self, session: SessionProvenance) -> tuple[Tool[Any], ...]:
        """Those of this turn; `notes` says what is missing."""
        ...


class Conversation:
    """Asks one after another. `writer` None: the reader alone answers."""

    def __init__(
        self,
        desk: Desk,
        writer: Writer | None = None,
        *,
        limits: Limits | None = None,
        earlier: Sequence[Earlier] = (),
        focus: Ref | None = None,
        cache: AnswerCache | None = None,
        telemetry: Telemetry | None = None,
        session: str = "once",
        foreign: ForeignTools | None = None,
    ) -> None:
        self._desk = desk
        self._writer = writer
        self._limits = limits or Limits()
        self._cache = cache if foreign is None else None  # what others answer is no part of what names an answer
        self._foreign = foreign
        self._telemetry = telemetry or Telemetry()
        self._session = session
        self._digest = ""
        self._provenance = SessionProvenance(desk.namespace or "")
        self.proposed: list[str] = []  # by a model, as it wrote them, one for each `PlanProposed`
        self.earlier = list(earlier)
        self.focus = focus
        self.spent = Usage()
        self.tools_refused = False  # whether the endpoint was found to take no tools, and answered without them

    @property
    def provenance(self) -> SessionProvenance:
        """What the person said and the model was shown: a proposal's arguments are traced to it."""
        return self._provenance

    def ask(self, text: str) -> Iterator[StreamEvent]:
        """Answer a question: a stream of redacted events, the last one `Answered` or `Refused`."""
        if isinstance(self._desk, Renewed):
            self._desk.next_question()
        with self._telemetry.turn(self._session, text) as told:
            for event in self._events(text, told):
                shown = redact_event(event)
                if isinstance(shown, Answered | Refused):
                    told.ended(shown)
                yield shown
                if isinstance(shown, Answered):
                    self.earlier.append(Earlier(shown.answer.question, _unmarked(shown.answer.text)))

    def _events(self, text: str, told: TurnSpan) -> Iterator[StreamEvent]:
        self._provenance.said(text)
        stand = footing(self._desk, text, self.focus)
        self.focus = stand.about[0] if stand.about else self.focus
        if self._writer is not None and stand.path is Path.CHANGE and self._writer.mode is not Mode.GUIDED:
            stand = asked_for_change(self._desk, stand)
        if self._writer is None or stand.path is not Path.MODEL or stand.answer is None:
            yield from _with_assumption(stand)
            return
        evidence = Evidence(self._desk.graph)
        gather(self._desk, stand, evidence)
        key = self._key(stand, evidence)
        kept = self._cache.find(key) if self._cache is not None else None
        if kept is not None:
            told.cached()
            yield from (EvidenceFound(one) for one in kept.citations)
            yield Answered(
                msgspec.structs.replace(kept, notes=(*kept.notes, "Answered before from the same evidence."))
            )
            return
        yield from self._written(stand, evidence, key, told)

    def _written(self, stand: Footing, evidence: Evidence, key: str, told: TurnSpan) -> Iterator[StreamEvent]:
        assert self._writer is not None
        assert stand.answer is not None
        proposer = Proposer(self._provenance)
        used = self._foreign if self._writer.mode is not Mode.GUIDED else None  # its menu is the program's own
        foreign = used.tools(self._provenance) if used is not None else ()
        toolbox = Toolbox(Workplace(self._desk), self._limits, (proposer.tool(), *foreign), self._read)
        for fact in evidence.facts:
            self._read(fact.line)
        turn = _Turn(self._writer, evidence, toolbox, self.earlier, f"{self._session}/{len(self.earlier)}", self._telemetry, told)  # fmt: skip
        turn.notes += used.notes if used is not None else ()
        try:
            yield from turn.run(stand)
        except ModelError as error:
            told.degraded(Degraded.FAILED, error)
            yield from _floor(stand, [error.title, error.hint, "This is the program's own answer."])
            return
        finally:
            toolbox.close()
            self.spent = self.spent.plus(turn.spent)
        if turn.tools_refused:  # asked again, it would refuse again
            self.tools_refused = True
            self._writer.mode = Mode.GUIDED
        self.proposed += proposer.texts
        yield from proposer.proposed
        if stand.refusal is not None and not proposer.proposed:
            yield stand.refusal
            return
        if not turn.composer.stated:
            told.degraded(Degraded.UNGROUNDED)
            why = "The model said nothing that the facts carry; this is the program's own answer."
            yield from _floor(stand, [*turn.notes, why])
            return
        notes = [stand.assumed, *turn.notes, f"{self._writer.name}: {turn.spent}."]
        answer = turn.composer.answer(stand.answer, [note for note in notes if note], self._writer.name)
        yield from (EvidenceFound(one) for one in answer.citations)
        if self._cache is not None and not proposer.proposed:  # before the last word: who has that may ask no further
            shown = redact_event(Answered(answer))
            assert isinstance(shown, Answered)
            self._cache.keep(key, shown.answer)
        yield Answered(answer)

    def _read(self, line: Line) -> None:
        """Remember what the model is shown, and what was looked at: a plan's arguments are traced to it."""
        if line.object is not None and line.source != "plan":
            self._provenance.looked_at(line.object.kind, line.object.namespace, line.object.name)
        if not line.origin.trusted:
            self._provenance.read(chunk_of(line.text, line.origin, str(line.object or "")))

    def _key(self, stand: Footing, evidence: Evidence) -> str:
        """Names the evidence: the same question over the same observation by the same model has the same answer."""
        assert self._writer is not None
        self._digest = self._digest or observation_digest(self._desk.graph)
        parts = [self._writer.name, self._writer.mode.value, stand.text, str(self._desk.namespace), self._digest]
        parts += [f"{fact.line.text}|{fact.object}|{fact.line.path}" for fact in evidence.facts]
        parts += [turn.answer for turn in self.earlier]
        return hashlib.sha256("\x00".join(parts).encode()).hexdigest()


class _Turn:
    """The model's part of a turn."""

    def __init__(self, writer: Writer, evidence: Evidence, toolbox: Toolbox, earlier: Sequence[Earlier], thread: str, telemetry: Telemetry, told: TurnSpan) -> None:  # fmt: skip
        self._writer = writer
        self._evidence = evidence
        self._toolbox = toolbox
        self._earlier = earlier
        self._thread = thread
        self._telemetry = telemetry
        self._told = told
        self.composer = Composer(evidence)
        self.spent = Usage()
        self.notes: list[str] = []
        self.tools_refused = False
        self._text = ""

    def run(self, stand: Footing) -> Iterator[StreamEvent]:
        """Let the model look and write, judge it, have it corrected once."""
        yield from self._draft(stand)
        found = judged(self._text, self._evidence)
        ahead = next((place for place, one in enumerate(found) if not one.stands), len(found))
        yield from self._tokens(found[:ahead])
        if ahead < len(found):
            yield from self._events(
                self._writer.complete(WRITING, repair_text(found, self._evidence), self._toolbox.limits)
            )
            found = repaired(found, self._text, self._evidence)
            yield from self._tokens([one for one in found[ahead:] if one.stands])
            gone = sum(not one.stands for one in found)
            if gone:
                self._told.left_out(gone, len(found))
                self.notes.append(
                    f"{gone} of {len(found)} statements of the model were left out: no fact carries them."
                )

    def _draft(self, stand: Footing) -> Iterator[StreamEvent]:
        assert stand.answer is not None
        room = self._writer.context - MAX_OUTPUT - 600  # the rules
        tools = self._writer.mode is not Mode.GUIDED
        try:
            user, left_out = user_text(stand.text, stand.answer.scope, self._evidence.facts, self._earlier, room - (2400 if tools else 0))  # fmt: skip
        except ValueError as error:
            raise _too_long(self._writer) from error
        if left_out:
            self._told.degraded(Degraded.SHORTENED)
            self.notes.append(f"{left_out} facts were left out to fit the model's context.")
        if tools:
            try:
                yield from self._events(
                    self._writer.work(WRITING + TOOLS, user, self._toolbox, self._evidence, self._thread)
                )
            except ModelError as error:
                if error.failure is not ModelFailure.REFUSED or self._writer.mode is Mode.TOOLS:
                    raise
                self.tools_refused = True
                self._told.degraded(Degraded.GUIDED, error)
                self.notes.append("The endpoint takes no tools; the program looked things up by itself.")
            else:
                return
        yield from self._events(guided(self._writer, stand, user, self._toolbox, self._evidence, room, self._telemetry))

    def _events(self, pieces: Iterator[Piece]) -> Iterator[StreamEvent]:
        for piece in pieces:
            match piece:
                case Wrote(text):
                    self._text = text
                case Spent(usage):
                    self.spent = self.spent.plus(usage)
                case Stopped(why):
                    self._told.degraded(Degraded.STOPPED)
                    self.notes.append(f"The model was stopped {why} and wrote from what it had.")
                case Looked(name, result):
                    yield ToolCalled(name, result.asked, result.searched, len(result.lines), result.cut, result.trouble)

    def _tokens(self, found: Sequence[Judged]) -> Iterator[StreamEvent]:
        for one in found:
            yield Token(self.composer.add(one) + "\n")


def _too_long(writer: Writer) -> ModelError:
    return ModelError(
        ModelFailure.TOO_LONG,
        f"The question is longer than {writer.name} can read.",
        "Ask in fewer words, or set COPILOT_MODEL_CONTEXT.",
    )


def _with_assumption(stand: Footing) -> Iterator[StreamEvent]:
    for event in stand.floor:
        if isinstance(event, Answered) and stand.assumed:
            yield Answered(msgspec.structs.replace(event.answer, notes=(stand.assumed,)))
        else:
            yield event


def _floor(stand: Footing, notes: Sequence[str]) -> Iterator[StreamEvent]:
    for event in stand.floor:
        if isinstance(event, Answered):
            yield Answered(msgspec.structs.replace(event.answer, notes=tuple(note for note in (stand.assumed, *notes) if note)))  # fmt: skip
        else:
            yield event


def _unmarked(text: str) -> str:
    """An answer without its citation marks: they mean nothing in the next turn."""
    return re.sub(r"\s*(?:\[\d+\])+", "", text)


def observation_digest(graph: ResourceGraph) -> str:
    """A hash of everything that was read: objects by uid and version (by content where they have none), and logs."""
    digest = hashlib.sha256()
    for resource in sorted(graph.resources(), key=lambda one: one.ref):
        meta = resource.metadata
        version = f"{meta.get('uid')}/{meta.get('resourceVersion')}"
        if meta.get("resourceVersion") is None:
            version = hashlib.sha256(repr(resource.body).encode()).hexdigest()
        digest.update(f"{resource.ref}\x00{version}\x01".encode())
        if resource.ref.kind == "Pod":
            for log in graph.logs(resource.ref):
                digest.update(log.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
