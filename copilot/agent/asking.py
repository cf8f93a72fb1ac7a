"""What an answer may use: the graph, a diagnosis on request, a search on request. Given by the composition root."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import Protocol, runtime_checkable

import msgspec

from copilot.agent.lexicon import WORKLOAD
from copilot.agent.names import Names
from copilot.diagnosis.rules.scheduling.fit import Nodes
from copilot.diagnosis.view import View
from copilot.model import Diagnosis, Ref, Resource
from guardrails.provenance import Source
from retrievers.graph import ResourceGraph


class Passage(msgspec.Struct, frozen=True):
    """A section of a runbook or document that a search found; `trusted` where it ships with the program or is signed."""

    title: str
    section: str
    text: str
    source: str
    trusted: bool = False


class Shelf(StrEnum):
    """Where what was stored of a cluster stands."""

    STATE = "state"  # objects as they were when somebody indexed them
    INCIDENTS = "incidents"  # what people wrote about past trouble


class Stored(msgspec.Struct, frozen=True):
    """A section of what was stored of the cluster. `origin` is who could have written it, `read_at` when it was read, if known."""

    shelf: Shelf
    title: str
    text: str
    source: str
    origin: Source
    read_at: str = ""


class Finds(msgspec.Struct, frozen=True):
    """What a search of the stored cluster gave to this person, and in sentences what it had to leave out."""

    found: tuple[Stored, ...] = ()
    notes: tuple[str, ...] = ()


class Desk(Protocol):
    """What lies on the desk of whoever answers."""

    @property
    def graph(self) -> ResourceGraph:
        """The cluster as observed."""
        ...

    @property
    def namespace(self) -> str | None:
        """The namespace the session is in; None for the whole cluster."""
        ...

    def explain(self, ref: Ref | None, namespace: str | None) -> Diagnosis:
        """The diagnosis of an object, a namespace, or of everything when both are None."""
        ...

    def search(self, words: str, most: int) -> Sequence[Passage]:
        """Passages of runbooks and documents, best first."""
        ...


@runtime_checkable
class ClusterSearcher(Protocol):
    """A desk that can search what was stored of the cluster earlier."""

    def search_cluster(self, words: str, shelves: Sequence[Shelf], most: int) -> Finds:
        """At most `most` of each shelf, of what the API server lets this person get and nothing else."""
        ...


@runtime_checkable
class LogFetcher(Protocol):
    """A desk that can read further logs of a live cluster."""

    def fetch_logs(self, pods: Sequence[Ref]) -> Sequence[str]:
        """Read the logs of these pods that were not read yet into the graph; sentences for those that could not be."""
        ...


@runtime_checkable
class AccessAsker(Protocol):
    """A desk that can ask the API server what the person may do."""

    def may_i(self, verb: str, resource: str, namespace: str, name: str) -> str:
        """The answer in a sentence that begins with yes or no; empty where there is no live cluster."""
        ...


@runtime_checkable
class Renewed(Protocol):
    """A desk that keeps answers of the API server for the length of one question."""

    def next_question(self) -> None:
        """What the person may get is asked again from here on: a right may have been taken away."""
        ...


class Asking:
    """One question being answered: the desk and a view of its graph."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.graph = desk.graph
        self.view = View(desk.graph)
        self.now = self.graph.snapshot.observed_at

    @cached_property
    def names(self) -> Names:
        """The names of all objects, made at the first use."""
        return Names(self.graph)

    @cached_property
    def nodes(self) -> Nodes:
        """The nodes with their room."""
        return Nodes(self.view)

    def members(self, kind: str, namespace: str | None) -> list[Resource]:
        """The objects of a kind, in a namespace when one is given (cluster-scoped kinds have none)."""
        listed = [one for each in spread(kind) for one in self.graph.of_kind(each)]
        return [one for one in listed if namespace is None or one.ref.namespace in ("", namespace)]

    def was_read(self, kind: str, namespace: str | None) -> bool:
        """Whether the whole list of the kind was seen there."""
        return any(self.graph.snapshot.coverage.was_read(each, namespace or "") for each in spread(kind))

    def unread(self, kinds: Sequence[str], namespace: str | None) -> list[str]:
        """Those of the kinds whose whole list was not seen; of `A|B` one is enough."""
        return [one for one in kinds if not any(self.was_read(each, namespace) for each in one.split("|"))]


def spread(kind: str) -> tuple[str, ...]:
    """The kinds that a word stands for: `workload` is several."""
    return ("Deployment", "StatefulSet", "DaemonSet") if kind == WORKLOAD else (kind,)
