"""Keeps a graph and its mirror together as changes come in: what a change touched is written, nothing else."""

from __future__ import annotations

from copilot.model import Ref, Resource
from retrievers.graph.graph import ResourceGraph
from retrievers.graph.mirror.sync import Changed, Mirror


class Follower:
    """A graph whose mirror was just synced. Changes are gathered by `put` and `remove` and written by `flush`."""

    def __init__(self, graph: ResourceGraph, mirror: Mirror) -> None:
        self._graph = graph
        self._mirror = mirror
        self._touched: set[Ref] = set()
        graph.store.touched = self._touched

    @property
    def waiting(self) -> int:
        """How many objects a flush would look at."""
        return len(self._touched)

    def put(self, resource: Resource) -> None:
        """Take in a new or changed object."""
        self._graph.put(resource)
        self._touched.add(resource.ref)

    def remove(self, ref: Ref) -> None:
        """Forget an object."""
        self._graph.remove(ref)
        self._touched.add(ref)

    def flush(self) -> Changed:
        """Write what changed, in one transaction.

        Raises:
            CopilotError: nothing of it was written for sure; sync the mirror again.
        """
        changed = self._mirror.update(self._graph, self._touched)
        self._touched.clear()
        return changed
