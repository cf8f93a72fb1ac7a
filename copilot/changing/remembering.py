"""Remembers what became of a plan: the trouble that stood at its object before, what was done, and whether it was gone after.

It never stands in a change's way: what cannot be read or written is a sentence, not an error.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from copilot.changing.desk import Desk
from copilot.changing.door import Carried
from copilot.diagnosis import Scope as DiagnosisScope
from copilot.diagnosis import diagnose
from copilot.model import CopilotError, Diagnosis, Ref, RootCause, Verdict
from copilot.redacting import redact_diagnosis
from guardrails.plan import Plan
from guardrails.steps import SendState
from retrievers.graph import build_graph
from retrievers.history import History
from tools.cluster.source import Scope

SURE = 0.5  # confidence: what is less likely than not is no trouble to remember a fix by


class Trouble(msgspec.Struct, frozen=True):
    """What was wrong with a plan's object before the plan: the leading cause, and the object that was asked about."""

    about: Ref
    cause: RootCause


def trouble_before(desk: Desk, plan: Plan) -> Trouble | None:
    """The root cause that explains the plan's object now; None where it is well or cannot be read."""
    target = plan.target
    about = Ref(target.kind, target.namespace, target.name, target.group)
    try:
        found = _explained(desk, about)
    except CopilotError:
        return None
    sure = [cause for cause in found.root_causes if cause.confidence >= SURE]
    return Trouble(about, sure[0]) if sure else None


def remember_outcome(desk: Desk, plan: Plan, trouble: Trouble | None, carried: Carried, history: History, now: datetime) -> str:  # fmt: skip
    """Note whether the trouble is gone; a sentence to show, empty where there was nothing to remember."""
    if trouble is None or carried.state is not SendState.APPLIED or carried.watched is None:
        return ""
    try:
        found = _explained(desk, trouble.about)
        if found.verdict is Verdict.UNKNOWN:
            return "Not remembered: what was read afterwards is not enough to tell."
        left = {(cause.cause, cause.object) for cause in found.root_causes}
        worked = (trouble.cause.cause, trouble.cause.object) not in left
        history.count(history.key_of(plan.cluster), trouble.cause, fix_of(plan), plan.id, now, worked=worked)
    except CopilotError as error:
        return f"Not remembered: {error.title}"
    gone = "is gone" if worked else "is still there"
    return f"Remembered: {trouble.cause.cause} {gone} after this. kubectl copilot remember list shows it."


def fix_of(plan: Plan) -> str:
    """What was done, in words of the program: the same change of another object of the kind is the same fix."""
    changed = sorted({change.path for change in plan.computed.changes if change.asked})
    done = ", ".join(dict.fromkeys(f"{step.op.value} the {step.ref.kind}" for step in plan.steps))
    return f"{done} ({', '.join(changed)})" if changed else done


def _explained(desk: Desk, about: Ref) -> Diagnosis:
    """The diagnosis of an object, read afresh: from its namespace, or, where it has none, from all that may suffer by it.

    Raises:
        CopilotError: it cannot be read.
    """
    graph = build_graph(desk.source.snapshot(Scope(namespaces=(about.namespace,) if about.namespace else None)))
    return redact_diagnosis(diagnose(graph, DiagnosisScope(object=about)))
