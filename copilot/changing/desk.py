"""The planning desk: from a person's words to a plan, on a live cluster or on a recording. It changes nothing.

Without a writer it sends GET requests only. With one, the cluster is also asked what the person may do, and
rehearses the change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import msgspec

from copilot.changing.history import Record, changed_lately
from copilot.changing.lookup import LiveLookup, RecordedLookup, resolve
from copilot.changing.planner import Checked, Circumstances, Draft, assemble, draft, rehearsal_of
from copilot.changing.surroundings import surroundings
from copilot.changing.undoing import undo_intent, what_moved
from copilot.model import Ref, Snapshot
from guardrails.intent import ChangeIntent, parse_intent
from guardrails.journal import Journal
from guardrails.plan import ClusterId, Plan, Requester
from guardrails.steps import ApprovedStep, Outcome, RehearsalStep, SendState
from retrievers.graph import build_graph
from tools.change.identity import identify_cluster, local_person
from tools.change.review import review_access, wanted_access, who_am_i
from tools.cluster.live import LiveSource
from tools.cluster.prune import prune
from tools.cluster.source import Scope


class Writer(Protocol):
    """What can rehearse and send. Only `tools.executor` is one."""

    def rehearse(self, rehearsal: RehearsalStep) -> Outcome:
        """Try a step with dryRun=All."""
        ...

    def send(self, approved: ApprovedStep) -> Outcome:
        """Send one approved step, once."""
        ...


class Desk:
    """Makes plans for one live cluster.

    Args:
        source: the live cluster, for reading.
        clock: the time now, aware.
        writer: the executor; None in read-only mode.
        journal: what was changed before; None in read-only mode.
    """

    def __init__(
        self,
        source: LiveSource,
        clock: Callable[[], datetime],
        writer: Writer | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.source = source
        self.reader = source.transport
        self.clock = clock
        self._writer = writer
        self._journal = journal
        self.cluster: ClusterId = identify_cluster(self.reader)
        person = local_person()
        self.requester: Requester = who_am_i(self.reader, person) if writer else person

    def plan(self, words: str, namespace: str | None = None) -> Plan:
        """Plan one change from a person's words.

        Raises:
            IntentError: the words are not one change to one object that is there.
            CopilotError: the cluster cannot be read.
        """
        return self._plan(parse_intent(words), words, namespace)

    def plan_undo(self, record: Record) -> Plan:
        """Plan the way back of an earlier change: a new plan, which goes through the same door.

        Raises:
            ChangeRefused: there is no way back, or nothing to undo.
        """
        intent = undo_intent(record, self.cluster)
        return self._plan(intent, f"undo {record.plan.id}", None, record)

    def checks(self, plan: Plan) -> Checked:
        """Ask the server again everything that the plan rests on."""
        made = [("change", step) for step in plan.steps] + [("rollback", step) for step in plan.rollback]
        reviewed = review_access(self.reader, wanted_access(plan.target, plan.steps[0].args))
        if self._writer is None or not all(access.allowed for access in reviewed):
            return Checked(reviewed)
        body = LiveLookup(self.reader).find(*_address(plan)) or {}
        rehearsals = []
        for index, (purpose, step) in enumerate(made, start=1):
            outcome = self._writer.rehearse(RehearsalStep(plan.id, index, plan.cluster, step))
            rehearsals.append(rehearsal_of(purpose, step, _pruned(outcome), body))
        return Checked(reviewed, tuple(rehearsals))
