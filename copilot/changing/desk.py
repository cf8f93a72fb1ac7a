"""The planning desk: from a person's words to a plan, on a live cluster or on a recording. It changes nothing.

Without a writer it sends GET requests only. With one, the cluster is also asked what the person may do, and
rehearses the change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from copilot.changing.history import Record, changed_lately
from copilot.changing.lookup import LiveLookup, RecordedLookup, resolve
from copilot.changing.planner import Checked, Circumstances, assemble, draft, rehearsal_of
from copilot.changing.surroundings import surroundings
from copilot.changing.undoing import undo_intent, what_moved
from copilot.model import Ref, Snapshot
from guardrails.intent import ChangeIntent, parse_intent
from guardrails.journal import Journal
from guardrails.kinds import WORKLOADS
from guardrails.plan import ClusterId, Plan, Requester, Step
from guardrails.steps import ApprovedStep, Outcome, RehearsalStep
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

    def ask_server(self, plan_id: str, step: Step, rollback: Step | None, body: dict[str, Any]) -> Checked:
        """Ask what the person may do and, if they may, rehearse the change and its way back. Empty without a writer."""
        if self._writer is None:
            return Checked()
        access = review_access(self.reader, wanted_access(step.ref, step.args))
        if not all(each.allowed for each in access):
            return Checked(access)
        steps = [("change", step)] + ([("rollback", rollback)] if rollback else [])
        rehearsals = []
        for index, (purpose, each) in enumerate(steps, start=1):
            outcome = self._writer.rehearse(RehearsalStep(plan_id, index, self.cluster, each))
            pruned = msgspec.structs.replace(outcome, body=prune(dict(outcome.body)))
            rehearsals.append(rehearsal_of(purpose, each, pruned, body))
        return Checked(access, tuple(rehearsals))

    def _plan(self, intent: ChangeIntent, words: str, namespace: str | None, undone: Record | None = None) -> Plan:
        lookup, default = LiveLookup(self.reader), self.source.connection.namespace
        kind, where, body = resolve(intent, lookup, namespace, default)
        made = draft(intent, kind, where, body, self.clock())
        snapshot = self.source.snapshot(Scope(namespaces=(where,)))
        around = surroundings(build_graph(snapshot), Ref(kind.kind, where, intent.name, kind.group), body)
        lately = self._journal is not None and changed_lately(self._journal, made.step.ref.uid, self.clock())
        circumstances = Circumstances(
            cluster=self.cluster,
            requester=self.requester,
            words=words,
            now=self.clock(),
            around=around,
            changes_on=self._writer is not None,
            changed_lately=lately,
            undoes=undone.plan.id if undone else "",
            moved_on=what_moved(undone, body) if undone else "",
        )
        return assemble(made, self.ask_server(made.plan_id, made.step, made.rollback, body), circumstances)


def plan_recorded(snapshot: Snapshot, words: str, namespace: str | None = None) -> Plan:
    """Plan a change on a recording: the card without anything that only a live server can say. It cannot be sent.

    Raises:
        IntentError: the words are not one change to one object of the recording.
    """
    graph, intent = build_graph(snapshot), parse_intent(words)
    kind, where, body = resolve(intent, RecordedLookup(graph), namespace, _only_namespace(snapshot, intent))
    made = draft(intent, kind, where, body, snapshot.observed_at)
    circumstances = Circumstances(
        cluster=ClusterId("", "", "", snapshot.cluster or "a recording"),
        requester=local_person(),
        words=words,
        now=snapshot.observed_at,
        around=surroundings(graph, Ref(kind.kind, where, intent.name, kind.group), body),
        recorded=True,
    )
    return assemble(made, Checked(), circumstances)


def _only_namespace(snapshot: Snapshot, intent: ChangeIntent) -> str:
    """The namespace where the name occurs, when it occurs in one only; else the API's default."""
    kinds = {kind.kind for kind in WORKLOADS}
    found = {
        resource.ref.namespace
        for resource in snapshot.resources
        if resource.ref.name == intent.name and resource.ref.kind in kinds
    }
    return found.pop() if len(found) == 1 else "default"
