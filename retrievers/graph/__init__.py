"""The resource graph: what there is, what is tied to what, who suffers with whom. Pure memory; it never asks the cluster."""

from retrievers.graph.edge import Edge, EdgeKind, Health, NodeState
from retrievers.graph.events import EventFact, event_fact
from retrievers.graph.graph import ResourceGraph, build_graph
from retrievers.graph.queries import Reached, dependants, dependencies

__all__ = [
    "Edge",
    "EdgeKind",
    "EventFact",
    "Health",
    "NodeState",
    "Reached",
    "ResourceGraph",
    "build_graph",
    "dependants",
    "dependencies",
    "event_fact",
]
