"""One group of pending pods of one workload with everything a sentence about it needs. Pure reading, nothing decided."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.scheduling.choice import Choice
from copilot.diagnosis.rules.scheduling.fit import Nodes
from copilot.diagnosis.rules.scheduling.message import Filter, SchedulerMessage, parse_scheduler_message
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import plural
from copilot.model import Evidence, Finding, NextStep, Ref, instant, text

MOMENT = timedelta(seconds=10)  # a scheduler with work to do answers well within it
SCALING = timedelta(minutes=10)  # a cloud takes minutes to start a node; longer is a failure of its own
MAX_NODES = 4  # nodes quoted as evidence

_EVENTS = ("FailedScheduling", "Unschedulable", "PodUnschedulable")


class Case(msgspec.Struct, frozen=True, eq=False):
    """Pods of one workload that fail in the same way; `pod` stands for all."""

    view: View
    nodes: Nodes
    pods: tuple[PodFact, ...]
    message: SchedulerMessage | None = None
    proof: tuple[Evidence, ...] = ()
    choice: Choice | None = None

    @property
    def pod(self) -> PodFact:
        """The pod that stands for all."""
        return self.pods[0]

    @property
    def owner(self) -> Ref:
        """The object whose template a person would change."""
        return self.pod.owner

    @property
    def who(self) -> str:
        """`Deployment web`, as sentences name it."""
        return f"{self.owner.kind} {self.owner.name}"

    @property
    def explains(self) -> tuple[Ref, ...]:
        """The pods, and what lies between them and their owner."""
        return tuple(dict.fromkeys(ref for pod in self.pods for ref in (pod.ref, *self.view.graph.owners(pod.ref))))

    @property
    def since(self) -> datetime | None:
        """When the first of them began to wait."""
        return min((pod.resource.created for pod in self.pods if pod.resource.created is not None), default=None)

    def message_has(self, *kinds: Filter) -> bool:
        """Whether the scheduler named one of these filters."""
        return self.message is not None and any(self.message.has(kind) for kind in kinds)

    @property
    def weight(self) -> float:
        """How sure: recomputed and said by the scheduler, only recomputed, or only said."""
        if self.choice is None:
            return 0.7
        return 0.95 if self.message is not None else 0.85

    def finding(
        self,
        cause: Cause,
        title: str,
        *,
        ref: Ref | None = None,
        evidence: tuple[Evidence, ...] = (),
        steps: tuple[NextStep, ...] = (),
        weight: float | None = None,
        doubts: tuple[str, ...] = (),
        points_to: tuple[Ref, ...] = (),
    ) -> Finding:
        """A finding about the group; the object is the workload unless another is named."""
        pending = said(
            self.pod.resource, "status.phase", f"{plural(len(self.pods), 'pod')} of {self.who} Pending without a node"
        )
        return Finding(
            cause=cause.id,
            object=ref or self.owner,
            title=title,
            evidence=(*(self.proof or (pending,)), *evidence),
            explains=self.explains,
            weight=self.weight if weight is None else weight,
            since=self.since,
            steps=(describe(self.pod.ref), *steps),
            doubts=doubts,
            points_to=points_to,
        )


def scheduler_said(view: View, pod: PodFact) -> tuple[SchedulerMessage | None, tuple[Evidence, ...]]:
    """The newest sentence of a scheduler about the pod, parsed, with its evidence."""
    scheduled = pod.condition("PodScheduled")
    if text(scheduled, "status") == "False" and text(scheduled, "message"):
        message = text(scheduled, "message")
        parsed = parse_scheduler_message(message)
        proof = said(pod.resource, "status.conditions[PodScheduled].message", f"the scheduler says: {message[:500]}")
        if parsed is not None:
            return parsed, (proof,)
    for event in reversed(view.events(pod.ref, *_EVENTS)):
        parsed = parse_scheduler_message(event.message)
        if parsed is not None:
            return parsed, (told(event),)
    return None, ()


def is_waiting(view: View, pod: PodFact) -> bool:
    """Whether the pod has waited long enough to call it stuck: not just created, no node on its way."""
    created = pod.resource.created
    seen = len(view.events(pod.ref, *_EVENTS))
    if view.timed and created is not None and view.now - created < MOMENT and seen < 2:
        return False
    return not scaling_up(view, pod)


def scaling_up(view: View, pod: PodFact) -> bool:
    """Whether an autoscaler has just ordered a node for the pod."""
    ordered = [event.last for event in view.events(pod.ref, "TriggeredScaleUp", "Nominated") if event.last is not None]
    refused = [event.last for event in view.events(pod.ref, "NotTriggerScaleUp") if event.last is not None]
    if not ordered or (refused and max(refused) > max(ordered)):
        return False
    return view.now - max(ordered) < SCALING


def gates_of(pod: PodFact) -> list[str]:
    """`spec.schedulingGates[].name`."""
    gates = pod.resource.spec.get("schedulingGates")
    return [text(gate, "name") for gate in gates] if isinstance(gates, list) else []


def nominated(view: View, pod: PodFact) -> bool:
    """Whether preemption is clearing a node for the pod right now."""
    if not text(pod.resource.status, "nominatedNodeName"):
        return False
    since = instant(pod.condition("PodScheduled").get("lastTransitionTime")) or pod.resource.created
    return since is None or view.now - since < SCALING
