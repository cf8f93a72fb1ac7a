"""The planning desk: from a person's words to a plan, on a live cluster or on a recording. It changes nothing.

Without a writer it sends GET requests only. With one, the cluster is also asked what the person may do, and
rehearses the change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

import msgspec

from copilot.changing.drafting.draft import draft
from copilot.changing.drafting.drafted import Drafted
from copilot.changing.history import Record, changed_lately, failed_lately
from copilot.changing.judged import Checked, Circumstances, Draft
from copilot.changing.lookup import Found, LiveLookup, Lookup, RecordedLookup, op_of, resolve
from copilot.changing.planner import assemble, compiled, to_rehearse
from copilot.changing.rehearsing import rehearsal_of
from copilot.changing.restoring import restore_of
from copilot.changing.surroundings import surroundings
from copilot.changing.undoing import undo_draft
from copilot.model import Ref, Snapshot, text
from copilot.model.errors import DeniedError
from guardrails.errors import ChangeRefused
from guardrails.facts import Surroundings
from guardrails.intent import parse_intent
from guardrails.journal import Journal
from guardrails.kinds import guessed
from guardrails.operations import ChangeIntent
from guardrails.plan import Access, BreakGlass, ClusterId, DryRun, ObjectRef, Plan, Requester, Step
from guardrails.policy.policy import NO_POLICY, Policy
from guardrails.provenance.labels import Taint
from guardrails.steps import ApprovedStep, Outcome, RehearsalStep
from retrievers.graph import ResourceGraph, build_graph
from tools.change.identity import identify_cluster, local_person
from tools.change.review import review_access, wanted_access, who_am_i
from tools.cluster.live import LiveSource
from tools.cluster.source import Scope


class Writer(Protocol):
    """What can rehearse and send. Only `tools.executor` is one."""

    def rehearse(self, rehearsal: RehearsalStep) -> Outcome:
        """Try a step with dryRun=All."""
        ...

    def send(self, approved: ApprovedStep) -> Outcome:
        """Send one approved step, once."""
        ...


class Traced(msgspec.Struct, frozen=True):
    """Where a change comes from that a model proposed, and the message of the operator that came before it."""

    taint: Taint
    message_id: str


Tracing = Callable[[Found, Lookup], Traced]
Reviewing = Callable[[tuple[Access, ...]], tuple[Access, ...]]


class Party(msgspec.Struct, frozen=True):
    """Who asks, and where to, when that is not simply the local person with their own kubeconfig.

    `cluster` is the cluster as the executor names it: the same one may have another address there. `people` is how many
    people can agree, and `review` asks what the person may do under the identity that will be used.
    """

    requester: Requester
    cluster: ClusterId
    people: int
    review: Reviewing | None = None


class Desk:
    """Makes plans for one live cluster.

    Args:
        source: the live cluster, for reading.
        clock: the time now, aware.
        writer: the executor; None in read-only mode.
        journal: what was changed before; None in read-only mode.
        policy: loads the site policy; called for every plan and again before it is carried out.
        party: whom an executor of its own serves; None for the local person.

    Raises:
        ChangeRefused: the executor leads to another cluster than the reader.
    """

    def __init__(
        self,
        source: LiveSource,
        clock: Callable[[], datetime],
        writer: Writer | None = None,
        journal: Journal | None = None,
        policy: Callable[[], Policy] = lambda: NO_POLICY,
        party: Party | None = None,
    ) -> None:
        self.source = source
        self.reader = source.transport
        self.clock = clock
        self.policy = policy
        self._writer = writer
        self._journal = journal
        self._party = party
        self.people = party.people if party else 1
        self.cluster: ClusterId = self.cluster_now()
        if party and self.cluster != party.cluster:
            raise ChangeRefused(
                f"The executor leads to {party.cluster.server}, and this reads another cluster: {self.cluster.server}",
                "Choose the same cluster with --context.",
            )
        person = local_person()
        own = who_am_i(self.reader, person) if writer and not party else person
        self.requester: Requester = party.requester if party else own

    def cluster_now(self) -> ClusterId:
        """Which cluster the reader leads to; as the executor names it, where that is the same one."""
        found = identify_cluster(self.reader)
        known = self._party.cluster if self._party else found
        return known if found.uid and found.uid == known.uid else found

    def session(self) -> Requester:
        """Who asks now. A party's requester was named by the executor, which looks again itself."""
        return self.requester if self._party else who_am_i(self.reader, self.requester)

    @property
    def lookup(self) -> Lookup:
        """Where objects are looked up, fresh."""
        return LiveLookup(self.reader)

    def plan(self, words: str, namespace: str | None = None, glass: BreakGlass | None = None) -> Plan:
        """Plan one change from a person's words, with break-glass leave where they have it.

        Raises:
            IntentError: the words are not one change to one object that is there.
            CopilotError: the cluster cannot be read.
        """
        return self.plan_intent(parse_intent(words), words, namespace, glass)

    def plan_intent(
        self,
        intent: ChangeIntent,
        words: str,
        namespace: str | None = None,
        glass: BreakGlass | None = None,
        tracing: Tracing | None = None,
    ) -> Plan:
        """Plan one change that was read already; `words` are what the person wrote.

        `tracing` is given where a model proposes it: it finds where the change comes from, once the object is known.
        """
        found = resolve(intent, self.lookup, namespace, self.source.connection.namespace)
        traced = tracing(found, self.lookup) if tracing else None
        return self.judged(compiled(draft(intent, found, self.lookup, self.clock())), words, glass=glass, traced=traced)

    def plan_undo(self, record: Record, glass: BreakGlass | None = None) -> Plan:
        """Plan the way back of an earlier change: a new plan, which goes through the same door.

        Raises:
            ChangeRefused: there is no way back, or nothing to undo.
        """
        undo = undo_draft(record, self.cluster, self.lookup)
        return self.judged(
            compiled(undo.drafted),
            f"undo {record.plan.id}",
            record,
            moved_on=undo.moved_on,
            own_creation=undo.own_creation,
            glass=glass,
        )

    def ask_server(
        self, plan_id: str, steps: tuple[Step, ...], rollback: tuple[Step, ...], bodies: list[Any]
    ) -> Checked:
        """Ask what the person may do and, if they may, rehearse the change and its way back. Empty without a writer.

        `bodies` are the objects of the steps as they are now.
        """
        if self._writer is None:
            return Checked()
        wanted = dict.fromkeys(each for step in steps for each in wanted_access(step.ref, step.args))
        review = self._party.review if self._party else None
        access = review(tuple(wanted)) if review else review_access(self.reader, tuple(wanted))
        if not all(each.allowed for each in access):
            return Checked(access)
        known = {step.ref: body for step, body in zip(steps, bodies, strict=True)}
        rehearsals: list[DryRun] = []
        restore: tuple[Step, ...] = ()
        waiting = to_rehearse(steps, rollback)
        while waiting:
            purpose, each = waiting.pop(0)
            outcome = self._writer.rehearse(RehearsalStep(plan_id, len(rehearsals) + 1, self.cluster, each))
            if not rollback and (back := restore_of(each, known[each.ref], outcome)):
                restore = (back,)
                waiting += to_rehearse((), restore)
            rehearsals.append(rehearsal_of(purpose, each, outcome, known[each.ref]))
        return Checked(access, tuple(rehearsals), restore)

    def judged(
        self,
        made: Draft,
        words: str,
        undone: Record | None = None,
        *,
        moved_on: str = "",
        own_creation: bool = False,
        glass: BreakGlass | None = None,
        traced: Traced | None = None,
    ) -> Plan:
        """The plan of a draft: what stands around it, what the server says, every rule, and the site policy."""
        bodies = [part.body for part in made.drafted.parts]
        scope, unseen = _scope(made.drafted, self.lookup)
        around = _surroundings(build_graph(self.source.snapshot(scope)), made.drafted)
        around = msgspec.structs.replace(around, unread=(*around.unread, *unseen))
        now = self.clock()
        lately = self._journal is not None and changed_lately(self._journal, made.steps[0].ref.uid, now)
        circumstances = Circumstances(
            cluster=self.cluster,
            requester=self.requester,
            words=words,
            now=now,
            around=around,
            changes_on=self._writer is not None,
            people=self.people,
            changed_lately=lately,
            undoes=undone.plan.id if undone else "",
            moved_on=moved_on,
            own_creation=own_creation,
            glass=glass,
            taint=traced.taint if traced else None,
            message_id=traced.message_id if traced else "",
            failed_lately=len(failed_lately(self._journal, self.requester, now)) if self._journal else 0,
        )
        checked = self.ask_server(made.plan_id, made.steps, made.rollback, bodies)
        if checked.restore:
            made = msgspec.structs.replace(made, rollback=checked.restore)
        return assemble(made, checked, circumstances, self.policy())


def plan_recorded(snapshot: Snapshot, words: str, namespace: str | None = None) -> Plan:
    """Plan a change on a recording: the card without anything that only a live server can say. It cannot be sent.

    Raises:
        IntentError: the words are not one change to one object of the recording.
    """
    return plan_recorded_intent(snapshot, parse_intent(words), words, namespace)


def plan_recorded_intent(
    snapshot: Snapshot,
    intent: ChangeIntent,
    words: str,
    namespace: str | None = None,
    policy: Policy = NO_POLICY,
    tracing: Tracing | None = None,
) -> Plan:
    """Plan one change that was read already, on a recording. `tracing` as for `Desk.plan_intent`."""
    graph = build_graph(snapshot)
    lookup = RecordedLookup(graph)
    found = resolve(intent, lookup, namespace, _only_namespace(snapshot, intent))
    traced = tracing(found, lookup) if tracing else None
    made = compiled(draft(intent, found, lookup, snapshot.observed_at))
    circumstances = Circumstances(
        cluster=ClusterId("", "", "", snapshot.cluster or "a recording"),
        requester=local_person(),
        words=words,
        now=snapshot.observed_at,
        around=_surroundings(graph, made.drafted),
        recorded=True,
        taint=traced.taint if traced else None,
        message_id=traced.message_id if traced else "",
    )
    return assemble(made, Checked(), circumstances, policy)


def _scope(drafted: Drafted, lookup: Lookup) -> tuple[Scope, tuple[str, ...]]:
    """The namespaces that a change reaches, and what of that may not be read. Cluster-scoped kinds are always read."""
    first = drafted.parts[0].ref
    names = {part.ref.namespace for part in drafted.parts}
    unseen: tuple[str, ...] = ()
    if first.kind == "Node":
        try:
            names |= {text(pod, "metadata", "namespace") for pod in lookup.pods_on(first.name)}
        except DeniedError:
            unseen = ("Pods of the node",)
    if first.kind == "Namespace":
        names.add(first.name)
    return Scope(namespaces=tuple(sorted(names - {""}))), unseen


def _surroundings(graph: ResourceGraph, drafted: Drafted) -> Surroundings:
    first = drafted.parts[0]
    evicted = tuple(_ref(part.ref) for part in drafted.parts if part.ref.kind == "Pod")
    return surroundings(graph, _ref(first.ref), first.body, evicted)


def _ref(ref: ObjectRef) -> Ref:
    return Ref(ref.kind, ref.namespace, ref.name, ref.group)


def _only_namespace(snapshot: Snapshot, intent: ChangeIntent) -> str:
    """The namespace where the name occurs, when it occurs in one only; else the API's default."""
    kinds = {intent.target.kind} if intent.target.kind else {kind.kind for kind in guessed(op_of(intent))}
    found = {
        resource.ref.namespace
        for resource in snapshot.resources
        if resource.ref.name == intent.target.name and resource.ref.kind in kinds and resource.ref.namespace
    }
    return found.pop() if len(found) == 1 else "default"
