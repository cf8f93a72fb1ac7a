"""The mirror on a real server: equal to the graph, kept apart, kept up, and whole again after a kill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import neo4j
import pytest

from benches.bench_graph import made_up_cluster
from copilot.model import Ref, Resource
from retrievers.graph import ResourceGraph, build_graph, dependants, dependencies
from retrievers.graph.mirror import (
    Changed,
    Follower,
    Link,
    Mirror,
    MirroredGraph,
    SupersededError,
    TamperedError,
    Totals,
    Written,
    clusters,
    forget,
    parse_address,
)
from retrievers.graph.mirror.errors import CredentialsError, UnreachableError
from retrievers.graph.mirror.queries import IncompleteError
from retrievers.graph.mirror.rows import edge_rows
from tests.live.neo4j_server.server import Neo4jServer
from tests.unit.graph.objects import graph_of, made, owner, pod, workload
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

HERE = Path(__file__).parent
RECORDINGS = HERE.parents[1] / "evals" / "recordings"
REPLAYED = ("config-map-missing", "app-host-name-wrong")
SAMPLE = 5  # objects of each graph that every question is asked about


@pytest.fixture
def link(neo4j_url: str) -> Iterator[Link]:
    with Link(parse_address(neo4j_url)) as link:
        yield link


def synced(link: Link, graph: ResourceGraph, cluster: str = "c", **more: bool) -> Mirror:
    mirror = Mirror(link, cluster)
    steps = list(mirror.sync(graph, **more))
    assert isinstance(steps[-1], Totals)
    return mirror


def same_rows(link: Link, mirror: Mirror, graph: ResourceGraph) -> None:
    """Row for row: every node and edge, and no other."""
    keys = mirror._keys
    assert set(keys.of) == set(graph.refs())
    nodes = link.rows(
        "MATCH (n:Resource {cluster: $c}) RETURN n.uid AS uid, n.state AS state, n.read AS read", c=mirror.cluster
    )
    wanted = {(keys.of[ref], graph.state(ref).value, graph.get(ref) is not None) for ref in graph.refs()}
    assert {(row["uid"], row["state"], row["read"]) for row in nodes} == wanted
    assert len(nodes) == len(wanted)
    edges = link.rows(
        "MATCH (a:Resource {cluster: $c})-[r]->(b) RETURN a.uid AS a, r.id AS id, b.uid AS b, type(r) AS t",
        c=mirror.cluster,
    )
    rows = [row for ref in graph.refs() for row in edge_rows(graph, ref, keys)]
    assert sorted((row["a"], row["id"], row["b"], row["t"]) for row in edges) == sorted(
        (row.source, row.id, row.target, row.kind.value) for row in rows
    )


def same_answers(link: Link, mirror: Mirror, graph: ResourceGraph, chance: random.Random) -> None:
    """Every question about some objects; ways may differ where several are shortest, their length may not."""
    mirrored = MirroredGraph(link, mirror.cluster)
    refs = sorted(graph.refs())
    for ref in chance.sample(refs, min(SAMPLE, len(refs))):
        assert mirrored.owners(ref) == graph.owners(ref)
        assert set(mirrored.out(ref)) == set(graph.out(ref))
        assert set(mirrored.into(ref)) == set(graph.into(ref))
        assert mirrored.state(ref) is graph.state(ref)
        for ours, theirs in ((dependencies, mirrored.dependencies), (dependants, mirrored.dependants)):
            found = theirs(ref)
            assert {(one.ref, one.distance) for one in found} == {(one.ref, one.distance) for one in ours(graph, ref)}
            for one in found:
                assert all(edge in graph.out(edge.source) for edge in one.path)
        end = chance.choice(refs)
        way, known = mirrored.path(ref, end), graph.path(ref, end)
        assert len(way) == len(known)
        assert all(edge in graph.out(edge.source) for edge in way)
    assert mirrored.dangling() == graph.dangling()


def random_objects(chance: random.Random, size: int = 40) -> list[Resource]:
    """Objects with owners, references, selectors, nodes and gaps, in two namespaces."""
    found = [made("Node", f"n{number}", "") for number in range(3)]
    for number in range(size):
        space = chance.choice(("shop", "bank"))
        name, other = f"x{number}", f"x{chance.randrange(size)}"
        choice = chance.randrange(7)
        if choice == 0:
            found.append(made("Service", name, space, spec={"selector": {"app": chance.choice("abc")}}))
        elif choice == 1:
            found.append(made("ConfigMap", name, space))
        elif choice == 2:
            found.append(workload("Deployment", name, template_labels={"app": chance.choice("abc")}))
        elif choice == 3:
            found.append(workload("ReplicaSet", name, owners=[owner("Deployment", other)]))
        else:
            volume = {"name": "v", chance.choice(("configMap", "secret")): {"name": other, "secretName": other}}
            names = [owner("ReplicaSet", other), owner("Job", f"x{chance.randrange(size)}", "batch/v1")]
            talk = {"name": "c", "env": [{"name": "URL", "value": f"http://{other}:80"}]}
            spec = {"nodeName": f"n{chance.randrange(5)}", "volumes": [volume], "containers": [talk]}
            labels = {"app": chance.choice("abc")}
            found.append(pod(name, space, labels=labels, spec=spec, owners=names[: chance.randrange(3)]))
    return [
        Resource(one.ref, one.body, f"uid-{one.ref}-{chance.randrange(2)}".replace(" ", "-").replace("/", "-"), "test")
        for one in found
    ]


READ = ("Node", "Service", "ConfigMap", "Pod", ("Deployment", "apps"), ("ReplicaSet", "apps"))


@pytest.mark.parametrize("seed", range(3))
def test_random_graphs_are_mirrored_exactly_and_answer_alike(seed: int, link: Link) -> None:
    chance = random.Random(seed)
    graph = graph_of(*random_objects(chance), read=READ)
    mirror = synced(link, graph)
    same_rows(link, mirror, graph)
    same_answers(link, mirror, graph, chance)


@pytest.mark.parametrize("name", REPLAYED)
def test_recordings_are_mirrored_exactly_and_answer_alike(name: str, link: Link) -> None:
    graph = build_graph(open_path(str(RECORDINGS / name)).snapshot(Scope(config_values=True)))
    mirror = synced(link, graph, name)
    same_rows(link, mirror, graph)
    same_answers(link, mirror, graph, random.Random(name))


@pytest.mark.parametrize("seed", range(3))
def test_small_changes_keep_the_mirror_equal_to_the_graph(seed: int, link: Link) -> None:
    chance = random.Random(100 + seed)
    graph = graph_of(*random_objects(chance), read=READ)
    mirror = synced(link, graph)
    follower = Follower(graph, mirror)
    for _ in range(6):
        for changed in chance.sample(random_objects(chance), chance.randrange(1, 12)):
            if chance.random() < 0.3:
                follower.remove(changed.ref)
            else:
                follower.put(changed)
        follower.flush()
        same_rows(link, mirror, graph)
    again = [step for step in Mirror(link, "c").sync(graph) if isinstance(step, Written)]
    assert again == []


def test_a_second_sync_writes_nothing_and_a_changed_graph_only_its_difference(link: Link) -> None:
    objects = [pod("a"), pod("b"), made("ConfigMap", "cfg")]
    synced(link, graph_of(*objects))
    assert [step for step in Mirror(link, "c").sync(graph_of(*objects)) if isinstance(step, Written)] == []
    fewer = graph_of(pod("a"), made("ConfigMap", "cfg"), made("ConfigMap", "new"))
    steps = [step for step in Mirror(link, "c").sync(fewer) if isinstance(step, Written)]
    assert sorted((step.part.value, step.count) for step in steps) == [("nodes", 1), ("removed", 1)]


def test_clusters_in_one_database_stay_apart_and_foreign_nodes_stay(link: Link) -> None:
    link.rows("CREATE (:Resource {name: 'foreign'}), (:Library {name: 'book'})")
    first, second = graph_of(pod("a"), pod("b")), graph_of(pod("a"))
    one, two = synced(link, first, "one"), synced(link, second, "two")
    same_rows(link, one, first)
    same_rows(link, two, second)
    assert [held.cluster for held in clusters(link)] == ["one", "two"]
    assert forget(link, "one") > 0
    same_rows(link, two, second)
    assert link.rows("MATCH (n) WHERE n.cluster IS NULL RETURN count(n) AS n") == [{"n": 2}]


def test_what_someone_else_removed_is_noticed_and_healed(link: Link) -> None:
    graph = graph_of(
        pod("a", spec={"volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}), made("ConfigMap", "cfg")
    )
    mirror = synced(link, graph)
    link.rows("MATCH (n:ConfigMap) DETACH DELETE n")
    link.rows("MATCH ()-[r:USES_SA]->() DELETE r")
    follower = Follower(graph, mirror)
    follower.remove(Ref("Pod", "shop", "a"))
    follower.flush()
    follower.put(pod("a", spec={"volumes": [{"name": "w", "configMap": {"name": "cfg"}}]}))
    with pytest.raises(TamperedError):
        follower.flush()
    same_rows(link, synced(link, graph), graph)


def test_the_later_of_two_syncs_wins_and_the_earlier_one_stops(link: Link) -> None:
    graph = graph_of(pod("a"), pod("b"))
    early = Mirror(link, "c").sync(graph)
    next(early)
    late = synced(link, graph)
    with pytest.raises(SupersededError):
        list(early)
    same_rows(link, late, graph)


def test_no_value_of_a_secret_reaches_the_database(link: Link) -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    event = made("Event", "e", reason="Failed", message=f"login with password={token}",
                 involvedObject={"kind": "Pod", "name": "a", "namespace": "shop"})  # fmt: skip
    secret = made("Secret", "s", data={"password": "aHVudGVyMi1odW50ZXIy"}, labels={"token": token})
    env = {"containers": [{"name": "c", "env": [{"name": "DB_PASSWORD", "value": "hunter2-hunter2"}]}]}
    synced(link, graph_of(pod("a", spec=env), secret, event))
    held = str(link.rows("MATCH (n) OPTIONAL MATCH (n)-[r]->() RETURN properties(n) AS n, properties(r) AS r"))
    assert "Failed" in held
    for value in (token, "hunter2", "aHVudGVyMi"):
        assert value not in held


def test_hostile_names_are_stored_harmlessly(link: Link) -> None:
    names = ["x`) DETACH DELETE n //", "\ud800", "a\x00b", "n" * 9_000, "\u202eevil", "' OR 1=1"]
    graph = graph_of(*(made(name, name, name, labels={name: name}) for name in names))
    same_rows(link, synced(link, graph), graph)


def test_a_mirror_that_was_never_finished_answers_nothing(link: Link) -> None:
    with pytest.raises(IncompleteError, match="not mirrored"):
        MirroredGraph(link, "c").dangling()
    next(iter(Mirror(link, "c").sync(graph_of(pod("a")))))
    with pytest.raises(IncompleteError, match="not complete"):
        MirroredGraph(link, "c").dangling()


SYNCING = """
import sys
from benches.bench_graph import made_up_cluster
from retrievers.graph import build_graph
from retrievers.graph.mirror import Link, Mirror, Written, parse_address
with Link(parse_address(sys.argv[1])) as link:
    for step in Mirror(link, "c").sync(build_graph(made_up_cluster(200))):
        print(f"{step.part} {step.count}" if isinstance(step, Written) else "done", flush=True)
"""


@pytest.mark.parametrize("after", [1, 9])
def test_a_sync_killed_in_the_middle_loses_nothing_acknowledged_and_the_next_one_heals(after: int, link: Link) -> None:
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    command = [sys.executable, "-W", "ignore", "-c", SYNCING, link.address.url]
    told = {"nodes": 0, "edges": 0}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for _ in range(after):
            part, _, count = process.stdout.readline().partition(" ")
            if part in told:
                told[part] += int(count)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    held = link.rows("MATCH (n:Resource {cluster: 'c'}) RETURN count(n) AS nodes, sum(COUNT { (n)-->() }) AS edges")[0]
    assert (held["nodes"], held["edges"]) >= (told["nodes"], told["edges"])
    assert held["edges"] >= told["edges"] > -1
    graph = build_graph(made_up_cluster(200))
    same_rows(link, synced(link, graph), graph)


def test_one_changed_pod_is_one_node_written(link: Link) -> None:
    graph = build_graph(made_up_cluster(40))
    follower = Follower(graph, synced(link, graph))
    changed = graph.of_kind("Pod")[0]
    follower.put(Resource(changed.ref, {**changed.body, "status": {"phase": "Failed"}}, changed.uid))
    assert follower.flush() == Changed(nodes=1)
    assert follower.flush() == Changed()


def test_a_wrong_password_no_password_and_no_server_are_told_apart(neo4j_open: tuple[str, Neo4jServer]) -> None:
    url = neo4j_open[0]
    with pytest.raises(CredentialsError, match="is wrong"), Link(parse_address(url, "neo4j", "wrong-horse")):
        pass
    with pytest.raises(CredentialsError, match="asks for a password"), Link(parse_address(url)):
        pass
    with pytest.raises(UnreachableError, match="does not answer"), Link(parse_address("bolt://127.0.0.1:1")):
        pass


def test_a_full_transaction_says_what_to_do(link: Link) -> None:
    with pytest.raises(Exception, match="memory") as failure, link.writing() as transaction:
        transaction.rows("UNWIND range(1, 3000000) AS i CREATE (:Big {text: 'x' + toString(i)})")
    assert not isinstance(failure.value, neo4j.exceptions.Neo4jError)
