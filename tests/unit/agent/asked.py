"""Asks the reader in tests: a desk over a graph, and the last word of the stream."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.agent import Answer, Answered, answer_question
from copilot.agent.asking import Passage
from copilot.diagnosis import Scope, diagnose
from copilot.model import Diagnosis, Ref
from retrievers.graph import ResourceGraph, build_graph
from tests.unit.diagnosis.cluster import Cluster


class Desk:
    """A desk with a graph and no books."""

    def __init__(self, graph: ResourceGraph, namespace: str | None = None) -> None:
        self.graph = graph
        self.namespace = namespace

    def explain(self, ref: Ref | None, namespace: str | None) -> Diagnosis:
        return diagnose(self.graph, Scope(object=ref, namespaces=(namespace,) if namespace and ref is None else ()))

    def search(self, words: str, most: int) -> Sequence[Passage]:
        return []


def say(cluster: Cluster | ResourceGraph, question: str, namespace: str | None = None) -> Answer:
    """The answer to a question that must not be refused."""
    graph = cluster if isinstance(cluster, ResourceGraph) else build_graph(cluster.snapshot())
    *_, last = answer_question(Desk(graph, namespace), question)
    assert isinstance(last, Answered), last
    return last.answer
