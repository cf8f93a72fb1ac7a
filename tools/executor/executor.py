"""Sends approved steps and rehearsals. Before a byte goes out, the step is vouched for, recompiled, compared and journaled."""

from __future__ import annotations

import msgspec

from copilot.model import mapping, text
from guardrails.canonical import sha256_hex
from guardrails.errors import ChangeRefused
from guardrails.gate import Gate
from guardrails.journal import Journal, Kind
from guardrails.plan import ClusterId, Request, Step
from guardrails.redaction import redact
from guardrails.requests import APPLY_PATCH, JSON_PATCH, compile_request
from guardrails.steps import ApprovedStep, Outcome, RehearsalStep, SendState
from tools.executor.wire import WireAnswer, WireLike, WireLost, WireNeverSent

_STRICT = "strict decoding error"
_UNTYPED = "failed to create typed patch object"
_NOTHING_SENT = "Nothing was sent. Ask for the change again to get a new plan."


class Executor:
    """The hand that writes.

    Args:
        wire: the writing transport to one cluster.
        gate: who vouches for approved steps.
        journal: where the intent stands before the request goes out.
        agent: program and version, for the User-Agent that joins the server's audit log to the journal.
    """

    def __init__(self, wire: WireLike, gate: Gate, journal: Journal, agent: str) -> None:
        self._wire = wire
        self._gate = gate
        self._journal = journal
        self._agent = agent

    def rehearse(self, rehearsal: RehearsalStep) -> Outcome:
        """Try a step with dryRun=All: the server runs admission and validation and stores nothing.

        Raises:
            ChangeRefused: the request is not the one that its typed step compiles to, or is for another cluster.
        """
        self._compare(rehearsal.cluster, rehearsal.step)
        dry = compile_request(rehearsal.step.ref, rehearsal.step.args, rehearsal=True)
        agent = self._user_agent(rehearsal.plan_id, rehearsal.index, self._journal.head())
        return self._exchange(dry, f"{agent} dry-run")

    def send(self, approved: ApprovedStep) -> Outcome:
        """Send one approved step, once in its life.

        Raises:
            ApprovalError: the step did not come through the gate, expired, or was sent before.
            ChangeRefused: its request is not the one that the typed step compiles to, or is for another cluster.
            JournalError: the intent cannot be written (nothing was sent), or the result cannot (it will be read back).
        """
        self._gate.vouch(approved)
        self._compare(approved.cluster, approved.step)
        request = approved.step.request
        intent = {
            "digest": approved.digest,
            "method": request.method,
            "path": request.path,
            "body_sha": request.body_sha,
        }
        claim = f"step/{approved.nonce}/{approved.index}"
        entry = self._journal.append(Kind.INTENT, approved.plan_id, intent, step=approved.index, claim=claim)
        outcome = self._exchange(request, self._user_agent(approved.plan_id, approved.index, entry.hash))
        result = {"state": outcome.state.value, "status": outcome.status, "message": outcome.message}
        if uid := text(outcome.body, "metadata", "uid"):
            result["uid"] = uid  # of an object that the step made: its undo is for that one only
        self._journal.append(Kind.RESULT, approved.plan_id, result, step=approved.index)
        return outcome

    def require_compiled(self, cluster: ClusterId, step: Step) -> None:
        """Check that a step is for this cluster, and that its request is the one that it compiles to.

        Raises:
            ChangeRefused: it is not.
        """
        self._compare(cluster, step)

    def _compare(self, cluster: ClusterId, step: Step) -> None:
        """The typed step is the truth; the request beside it must be exactly what that compiles to."""
        if (cluster.server, cluster.server_ca_sha256) != (self._wire.server, self._wire.ca_sha256):
            raise ChangeRefused(
                f"The plan is for {cluster.server}, this connection leads to {self._wire.server}", _NOTHING_SENT
            )
        meant, given = compile_request(step.ref, step.args), step.request
        for part in ("method", "path", "query", "content_type"):
            if getattr(given, part) != getattr(meant, part):
                raise ChangeRefused(
                    f"The {part.replace('_', ' ')} of the request is not the approved one", _NOTHING_SENT
                )
        if not sha256_hex(given.body.encode("utf-8", "replace")) == given.body_sha == meant.body_sha:
            raise ChangeRefused("The body of the request is not the approved one", _NOTHING_SENT)

    def _user_agent(self, plan_id: str, index: int, head: str) -> str:
        """What the server's audit log notes: it joins the log to the journal, and anchors the journal's head there."""
        return f"{self._agent} plan/{plan_id[:8]} step/{index}" + (f" journal/{head[:12]}" if head else "")

    def _exchange(self, request: Request, user_agent: str) -> Outcome:
        try:
            answer = self._wire.send(request, user_agent)
        except WireNeverSent as error:
            return Outcome(SendState.NOT_SENT, message=_one_line(str(error)))
        except WireLost as error:
            return Outcome(SendState.UNKNOWN, message=_one_line(str(error)))
        return _outcome(answer, request.content_type)


def _outcome(answer: WireAnswer, content_type: str) -> Outcome:
    """What an answer means. Of a server error nobody knows whether the change was stored."""
    try:
        decoded = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        decoded = None
    body = decoded if isinstance(decoded, dict) else {}
    if 200 <= answer.status < 300:
        return Outcome(SendState.APPLIED, answer.status, body=body)
    said = text(body, "message")
    # Before it, the server repeats the whole object, values included.
    said = said[max(0, said.find(_STRICT)) :] if _STRICT in said else said
    message = _one_line(said or f"HTTP {answer.status}")
    # A JSON Patch whose tests fail, or whose places are gone, is answered so and without a cause.
    failed_test = answer.status == 422 and content_type == JSON_PATCH and not mapping(body, "details").get("causes")
    if answer.status == 409 or failed_test:
        return Outcome(SendState.CONFLICT, answer.status, message, body)
    # Server-side apply answers 500 to a field that is not in the schema, before it looks at what is stored.
    malformed = content_type == APPLY_PATCH and said.startswith(_UNTYPED)
    lost = (answer.status >= 500 or answer.status == 408) and not malformed
    state = SendState.UNKNOWN if lost else SendState.REFUSED
    return Outcome(state, answer.status, message, body)


def _one_line(said: str) -> str:
    """The server's words for the journal and the screen: on one line, without secrets, cut to a length a person reads."""
    return redact(" ".join("".join(char if char.isprintable() else " " for char in said).split()))[:500]
