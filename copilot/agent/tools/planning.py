"""The one tool about changes: it draws up an inert plan for a person to read, or says why there is none. It can do nothing."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.events import PlanProposed
from copilot.agent.proposing import PlanningDesk, RecordedDesk, propose_plan
from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.workplace import Workplace
from copilot.model import Ref
from guardrails.plan import Plan
from guardrails.provenance import SessionProvenance, Source

MOST_PROPOSALS = 5  # of a conversation's turn: as many cards as one person can weigh


class PlanArguments(msgspec.Struct, frozen=True):
    """Arguments of propose_plan."""

    kubectl: Annotated[str, Meta(description='One change as kubectl text, for example "kubectl scale deployment/web --replicas=3 -n shop"', max_length=4000)]  # fmt: skip


class Proposer:
    """Draws up plans in one conversation, tracing every argument to its source."""

    def __init__(self, session: SessionProvenance, desk: PlanningDesk | None = None) -> None:
        self.session = session
        self.proposed: list[PlanProposed] = []
        self.texts: list[str] = []  # of each of them, the change as it was written: what `proposed` shows is redacted
        self._desk = desk

    def tool(self) -> Tool[Any]:
        """The tool for a toolbox."""
        summary = "Draw up a change for the operator to read. Only when they asked for one. Nothing is done."
        return Tool("propose_plan", summary, PlanArguments, self._propose)

    def _propose(self, place: Workplace, given: PlanArguments) -> Result:
        asked = f"a plan for: {given.kubectl}"
        if len(self.proposed) >= MOST_PROPOSALS:
            return Result(asked, "nothing", trouble="Too many plans were proposed already.")
        found = propose_plan(given.kubectl, self.session, self._desk or RecordedDesk(place.graph.snapshot))
        if found.plan is None:
            return Result(asked, "the guardrails", trouble=f"{found.refusal} {found.hint}".strip())
        words = " ".join(given.kubectl.split())
        told = proposal_of(found.plan, words)
        warnings = told.warnings
        self.proposed.append(told)
        self.texts.append(given.kubectl)
        target = found.plan.target
        ref = Ref(target.kind, target.namespace, target.name, target.group)
        texts = [
            f"proposed, not done: {told.summary}",
            *(f"{change.path}: {change.before or 'absent'} to {change.after or 'absent'}" for change in found.plan.computed.changes[:20]),
            *(f"warning: {warning}" for warning in warnings),
            *(f"refused: {refusal}" for refusal in found.plan.computed.refusals),
        ]  # fmt: skip
        lines = (Line(text, ref, "plan", "plan", Source.K8S_STRUCTURED, advice=not warnings) for text in texts)
        return Result(asked, "the guardrails", tuple(lines))


def proposal_of(plan: Plan, words: str) -> PlanProposed:
    """What is told of a plan that was drawn up of these words: what it does, the command that plans it, what to beware of."""
    return PlanProposed(_summary(plan), f"kubectl copilot do {shlex.quote(words)}", _warnings(plan))


def _summary(plan: Plan) -> str:
    ops = ", ".join(f"{step.op.value} {step.ref.title}" for step in plan.steps)
    return f"{ops} (tier {plan.computed.tier.value})"


def _warnings(plan: Plan) -> tuple[str, ...]:
    """What a person must know before they even open the card."""
    labels = plan.taint.labels if plan.taint is not None and plan.taint.banner else ()
    return (*(label.value for label in labels), *plan.computed.irreversible)
