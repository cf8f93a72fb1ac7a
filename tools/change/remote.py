"""Speaks to an executor that runs as a process of its own. It holds a socket's path and nothing that can write.

Promise: one request on one connection, no retry. A lost answer to `send` is an unknown outcome, like any other.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from copilot.model import CopilotError, UsageError
from copilot.model.errors import DeniedError
from guardrails.anchor import Anchor
from guardrails.errors import ApprovalError, ChangeRefused, JournalError, PlanChanged
from guardrails.journal import AlreadyClaimed, Entry, Journal, Kind, Verification
from guardrails.plan import Access, Plan, Requester, plan_of
from guardrails.steps import ApprovedStep, Outcome, RehearsalStep, SendState
from tools.change import frames
from tools.change.readback import Reading

CONNECT_SECONDS = 5.0  # a local socket answers at once, or its queue is full
ANSWER_SECONDS = 180.0  # the executor reads the surroundings again and rehearses, each up to 45 s
_ERRORS: dict[frames.RefusalKind, type[CopilotError]] = {
    frames.RefusalKind.DENIED: ChangeRefused,
    frames.RefusalKind.CHANGED: PlanChanged,
    frames.RefusalKind.APPROVAL: ApprovalError,
    frames.RefusalKind.CLAIMED: AlreadyClaimed,
    frames.RefusalKind.JOURNAL: JournalError,
    frames.RefusalKind.USAGE: UsageError,
    frames.RefusalKind.UNAVAILABLE: CopilotError,
}
T = TypeVar("T")


class ExecutorAway(CopilotError):  # noqa: N818 - it is a state, not a malfunction
    """There is no executor at the socket, or it did not answer."""


class RemoteExecutor:
    """The executor at the other end of a socket: it reviews, rehearses, keeps the journal and sends."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, request: frames.AnyAsk, answer: type[T]) -> T:
        """Ask one thing.

        Raises:
            ExecutorAway: there is nobody, or no whole answer came.
            CopilotError: what the executor refused, as the error that it is.
        """
        content = self._exchange(msgspec.json.encode(request))
        try:
            reply = msgspec.json.decode(content, type=frames.Reply)
            if reply.refusal is None:
                return msgspec.json.decode(reply.value, type=answer)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise ExecutorAway(
                f"What answers at {self.path} is not an executor of this version",
                "Run the same version on both sides: kubectl copilot --version.",
            ) from error
        raise _ERRORS[reply.refusal.kind](reply.refusal.title, reply.refusal.hint)

    def standing(self) -> frames.Standing:
        """Who the person is to the executor."""
        return self.ask(frames.Status(), frames.Standing)

    def review(self, wanted: tuple[Access, ...]) -> tuple[Access, ...]:
        """What the person may do there, under the identity that would be used."""
        return self.ask(frames.Review(wanted), tuple[Access, ...])

    def rehearse(self, rehearsal: RehearsalStep) -> Outcome:
        """Try a step with dryRun=All."""
        return self.ask(frames.Rehearse(rehearsal), Outcome)

    def send(self, approved: ApprovedStep) -> Outcome:
        """Have one approved step sent. Without an answer nobody knows whether it was: that is UNKNOWN."""
        try:
            return self.ask(frames.Send(approved), Outcome)
        except ExecutorAway as error:
            return Outcome(SendState.UNKNOWN, message=error.title)

    def approve(self, plan: Plan, typed: str) -> frames.Agreement:
        """Hand over a person's yes: what they typed."""
        return self.ask(frames.Approve(plan.id, plan.digest, typed), frames.Agreement)

    def progress(self, plan: Plan) -> frames.Agreement:
        """Who has agreed so far."""
        return self.ask(frames.Progress(plan.id), frames.Agreement)

    def waiting(self) -> tuple[frames.WaitingPlan, ...]:
        """The plans that wait for a yes."""
        return self.ask(frames.Waiting(), tuple[frames.WaitingPlan, ...])

    def consume(self, plan: Plan, approvals: tuple[Any, ...], session: Requester) -> tuple[ApprovedStep, ...]:
        """Have the approvals used up. The executor holds them and knows who asks, so neither is sent along."""
        del approvals, session
        return self.ask(frames.Consume(plan.id, plan.digest), tuple[ApprovedStep, ...])

    def _exchange(self, content: bytes) -> bytes:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
                end.settimeout(CONNECT_SECONDS)
                end.connect(str(self.path))
                end.settimeout(ANSWER_SECONDS)
                end.sendall(frames.framed(content))
                return frames.read_frame(end.recv)
        except PermissionError as error:
            raise DeniedError(
                f"You may not use the executor at {self.path}", "Whoever runs it lets others in with --group."
            ) from error
        except frames.FrameError as error:
            raise ExecutorAway(f"The executor at {self.path} did not answer: {error}", "Look at its output.") from error
        except OSError as error:
            raise ExecutorAway(
                f"There is no executor at {self.path}: {error.strerror or error}",
                "Start one with kubectl copilot executor, or unset COPILOT_EXECUTOR.",
            ) from error


class RemoteJournal(Journal):
    """The executor's journal, read page by page. What is noted goes through the executor, which decides what it writes."""

    def __init__(self, executor: RemoteExecutor) -> None:
        self.path = executor.path
        self._executor = executor

    def append(self, kind: Kind, plan: str, detail: dict[str, Any], *, step: int = -1, claim: str = "") -> Entry:
        """Have one entry written: those that the reading side may ask for.

        Raises:
            JournalError: it is no such entry, or it cannot be written.
        """
        del claim
        match kind:
            case Kind.PLANNED:
                return self._executor.ask(frames.Submit(plan_of(detail["plan"])), Entry)
            case Kind.DECLINED:
                return self._executor.ask(frames.Decline(plan), Entry)
            case Kind.VOIDED:
                return self._executor.ask(frames.Void(plan, str(detail.get("reason", ""))), Entry)
            case Kind.WATCHED:
                return self._executor.ask(
                    frames.Watched(plan, step, str(detail.get("end", "")), str(detail.get("text", ""))), Entry
                )
            case Kind.SETTLED:
                self._executor.ask(frames.Settle(plan, step), Reading)
                return self.entries(plan)[-1]
            case Kind.REVIEW_CLOSED:
                return self._executor.ask(frames.CloseReview(plan, str(detail.get("note", ""))), Entry)
            case Kind.LOOKED:
                return self._executor.ask(frames.Looked(str(detail.get("note", ""))), Entry)
            case _:
                raise JournalError(f"An entry {kind.value!r} is written by the executor alone", "")

    def entries(self, plan: str | None = None) -> list[Entry]:
        """All entries in order, or those of one plan."""
        found: list[Entry] = []
        more = True
        while more:
            page = self._executor.ask(frames.Entries(found[-1].seq if found else 0, plan or ""), frames.Page)
            found += page.entries
            more = page.more and bool(page.entries)
        return found

    def head(self) -> str:
        """The hash of the newest entry."""
        return self.verify().head

    def known_anchors(self) -> tuple[Anchor, ...]:
        """None here: they are checked where the journal lies."""
        return ()

    def verify(self, expected_head: str = "", anchors: Iterable[Anchor] = ()) -> Verification:
        """Have the executor walk the chain; anchors are checked where the journal lies."""
        del anchors
        return self._executor.ask(frames.Verify(expected_head), Verification)
