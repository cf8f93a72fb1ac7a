"""What a scenario is: what stood there before, how it went wrong, what is true of it, what a person would paste.

Promise: only data; the truth is written here, before any answer of the program is seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

Object = dict[str, Any]
Thing = tuple[str, str, str]  # kind, namespace ("" for cluster-scoped), name


@dataclass(frozen=True)
class Apply:
    """Objects that someone creates or changes."""

    objects: tuple[Object, ...]


@dataclass(frozen=True)
class Kubectl:
    """A command that someone runs. `refused` is what its error must say where it has to fail.

    `{pod:NAMESPACE/APP}` stands for a pod with the label app=APP, one in trouble if there is any; `{node:NAMESPACE/APP}`
    for its node; `{now}` for the time.
    """

    command: str
    refused: str = ""
    stdin: str = ""
    until_refused: bool = False  # a policy takes a moment before it acts


@dataclass(frozen=True)
class Seen:
    """Wait until what kubectl prints matches a regular expression."""

    command: str
    pattern: str
    within: float = 90.0  # seconds


@dataclass(frozen=True)
class NodeFails:
    """A node breaks, as the test bed's node failures do."""

    name: str
    failure: str
    message: str = ""


@dataclass(frozen=True)
class TimePasses:
    """Let everything in the scenario's namespaces have happened that much earlier, events included."""

    by: timedelta


Step = Apply | Kubectl | Seen | NodeFails | TimePasses


@dataclass(frozen=True)
class Truth:
    """What is wrong: the object to change, those as good, words of which a right title holds one. No object: healthy."""

    object: Thing | None
    cause: str
    keywords: tuple[str, ...] = ()
    also_accept: tuple[Thing, ...] = ()
    must_not: tuple[Thing, ...] = ()
    notes: str = ""

    def document(self, innocents: tuple[Thing, ...]) -> dict[str, Any]:
        """The truth as the eval bench reads it (docs/evals.md)."""
        blameless = sorted({*innocents, *self.must_not} - {*self.also_accept, *([self.object] if self.object else [])})
        facts: dict[str, Any] = {"verdict": "fault" if self.object else "healthy", "cause": self.cause}
        if self.object:
            facts |= {"object": _named(self.object), "keywords": list(self.keywords)}
            facts["also_accept"] = [_named(thing) for thing in self.also_accept]
        facts |= {"must_not": [_named(thing) for thing in blameless]} | ({"notes": self.notes} if self.notes else {})
        return facts


def _named(thing: Thing) -> dict[str, str]:
    kind, namespace, name = thing
    return {"kind": kind, "namespace": namespace, "name": name}


@dataclass(frozen=True)
class Scenario:
    """One story. `before` runs well, and after the steps of `seed` it is `age` old when the first of `steps` is taken.

    `paste` are kubectl commands, run last, whose output is the transcript; `logs` are log files that pods name.
    """

    name: str
    truth: Truth
    before: tuple[Object, ...] = ()
    seed: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    paste: tuple[str, ...] = ()
    logs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    age: timedelta = timedelta(days=9, hours=4)
    lasts: timedelta = timedelta(minutes=8)  # how long a failure has been there when it is recorded
    needs_metrics: bool = False
    cluster: str = "test bed"  # what the recording calls its cluster
    clock: str = ""  # the time of day at which it was recorded, where the story has one

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that its objects live in, in the order of their appearance."""
        applied = [thing for step in (*self.seed, *self.steps) if isinstance(step, Apply) for thing in step.objects]
        found = [str(thing["metadata"].get("namespace", "")) for thing in (*self.before, *applied)]
        named = [str(thing["metadata"]["name"]) for thing in self.before if thing["kind"] == "Namespace"]
        return tuple(dict.fromkeys(name for name in (*named, *found) if name))

    @property
    def innocents(self) -> tuple[Thing, ...]:
        """Workloads that stand by: those of other namespaces than the fault's."""
        blamed = self.truth.object
        own = blamed[1] if blamed else None
        kinds = ("Deployment", "StatefulSet", "DaemonSet", "Job")
        return tuple(
            (thing["kind"], thing["metadata"]["namespace"], thing["metadata"]["name"])
            for thing in self.before
            if thing["kind"] in kinds and thing["metadata"]["namespace"] != own
        )
