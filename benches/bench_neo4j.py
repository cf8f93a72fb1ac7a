"""Times the mirror in Neo4j: cold, unchanged, one changed pod, and questions. Medians of one run; prints one table.

    python -m benches.bench_neo4j bolt://127.0.0.1:7687 [--pods 12500]

The server's data is not touched, except for a cluster called `bench`, which is written and removed. The password, where
there is one, comes from COPILOT_NEO4J_PASSWORD.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import msgspec

from benches.bench_graph import made_up_cluster, resource
from copilot.settings import neo4j_password
from retrievers.graph import ResourceGraph, build_graph
from retrievers.graph.mirror import Follower, Link, Mirror, MirroredGraph, Totals, forget, parse_address, query

CLUSTER = "bench"
CHANGES = 101  # pods changed one by one, after as many to warm the server up


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _sync(mirror: Mirror, graph: ResourceGraph) -> Totals:
    steps = list(mirror.sync(graph))
    assert isinstance(steps[-1], Totals)
    return steps[-1]


def _change_times(graph: ResourceGraph, follower: Follower, work: str) -> float:
    """Median milliseconds from a changed pod at hand to its acknowledged write."""
    taken = []
    for number, pod in enumerate(graph.of_kind("Pod")[: 2 * CHANGES]):
        body = msgspec.json.decode(msgspec.json.encode(pod.body))
        if work == "status":
            body["status"] = {"phase": "Failed", "reason": "Evicted"}
        else:
            body["metadata"] = {**body["metadata"], "name": f"{pod.ref.name}-new", "uid": f"{pod.uid}-new"}
        follower.put(resource(body))
        seconds = _seconds(follower.flush)
        if number >= CHANGES:
            taken.append(seconds)
    return statistics.median(taken) * 1000


def _question_times(graph: ResourceGraph, link: Link) -> list[tuple[str, float]]:
    mirrored = MirroredGraph(link, CLUSTER)
    pods, nodes = graph.of_kind("Pod")[::500], graph.of_kind("Node")[::25]
    text = "MATCH (p:Resource {name: $name})-[:RUNS_ON]->(n:Node) RETURN n.name"
    timed = {
        "owners of a pod": [_seconds(lambda pod=pod: mirrored.owners(pod.ref)) for pod in pods],
        "dependencies of a pod": [_seconds(lambda pod=pod: mirrored.dependencies(pod.ref)) for pod in pods],
        "blast radius of a node": [_seconds(lambda node=node: mirrored.dependants(node.ref)) for node in nodes],
        "Cypher, checked and run": [
            _seconds(lambda pod=pod: query(link, CLUSTER, text, {"name": pod.ref.name})) for pod in pods
        ],
    }
    return [(name, statistics.median(times) * 1000) for name, times in timed.items()]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--user", default="neo4j")
    parser.add_argument("--pods", type=int, default=12_500)
    arguments = parser.parse_args(argv)
    graph = build_graph(made_up_cluster(arguments.pods))
    with Link(parse_address(arguments.url, arguments.user, neo4j_password())) as link:
        forget(link, CLUSTER)
        mirror = Mirror(link, CLUSTER)
        cold = _seconds(lambda: _sync(mirror, graph))
        again = _seconds(lambda: _sync(mirror, graph))
        rows = [
            ("nodes", f"{len(graph.store.ids):,}"),
            ("edges", f"{len(graph.store):,}"),
            ("cold (s)", f"{cold:.1f}"),
            ("unchanged (s)", f"{again:.1f}"),
        ]
        follower = Follower(graph, mirror)
        rows += [(f"one pod, {work} (ms)", f"{_change_times(graph, follower, work):.1f}") for work in ("status", "new")]
        rows += [(f"{name} (ms)", f"{taken:.1f}") for name, taken in _question_times(graph, link)]
        forget(link, CLUSTER)
    for name, value in rows:
        sys.stdout.write(f"{name:32} {value:>10}\n")


if __name__ == "__main__":
    main()
