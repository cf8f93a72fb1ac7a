"""The graph is drawn as a tree, as a document, as DOT and as Mermaid; hostile names stay names."""

from __future__ import annotations

import io

import msgspec
from rich.console import Console

from retrievers.graph import EdgeKind, dependants, dependencies
from retrievers.graph.drawing import document, dot, edges_of_walks, mermaid, tree
from retrievers.graph.phrases import phrase
from tests.unit.graph.objects import graph_of, made, owner, pod, ref, workload
from tui.graph import render_dangling, render_tree, render_way

SPEC = {"volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}


def web(pods=2):
    return graph_of(
        workload("Deployment", "web", more={"replicas": pods}, status={"readyReplicas": pods - 1}),
        workload("ReplicaSet", "web-1", owners=[owner("Deployment", "web")], more={"replicas": pods}),
        *(
            pod(f"web-1-{i}", labels={"app": "web"}, spec=SPEC, owners=[owner("ReplicaSet", "web-1")])
            for i in range(pods)
        ),
        made("Service", "web", spec={"selector": {"app": "web"}}),
        read=("Pod", "ConfigMap", "Service"),
    )


def drawn(render):
    out = io.StringIO()
    render(Console(file=out, width=120, highlight=False, markup=False))
    return out.getvalue().splitlines()


def test_a_tree_shows_ties_in_words_and_marks_what_is_missing():
    graph, root = web(), ref("Deployment shop/web", "apps")
    top = tree(graph, root, dependencies(graph, root), depth=4, width=8)
    lines = drawn(lambda console: render_tree(top, "depends on", console))
    assert lines[0] == "depends on"
    assert any("owns ReplicaSet shop/web-1" in line for line in lines)
    assert any("reads ConfigMap shop/cfg  ✗ does not exist  (spec.volumes[v].configMap.name)" in line for line in lines)


def test_a_tree_counts_what_it_leaves_out():
    graph, root = web(30), ref("Deployment shop/web", "apps")
    walk = dependencies(graph, root)
    top = tree(graph, root, walk, depth=2, width=3)
    lines = drawn(lambda console: render_tree(top, "depends on", console))
    shown = sum(" Pod " in line for line in lines)
    assert shown == 3
    hidden = sum(int(line.split("… and ")[1].split()[0]) for line in lines if "… and " in line)
    listed = sum("─ " in line for line in lines) - sum("… and" in line for line in lines)
    assert listed + hidden == len(walk)


def test_a_tree_of_nothing_says_so():
    graph, root = graph_of(made("ConfigMap", "c")), ref("ConfigMap shop/c")
    assert (
        "nothing"
        in drawn(lambda console: render_tree(tree(graph, root, [], depth=4, width=8), "needed by", console))[1]
    )


def test_a_way_reads_from_the_start_to_the_end():
    graph = web()
    start, end = ref("Service shop/web"), ref("ConfigMap shop/cfg")
    lines = drawn(lambda console: render_way(graph, start, graph.path(start, end), console))
    assert lines[0] == "Service shop/web"
    assert "sends traffic to Pod shop/web-1-0" in lines[1]
    assert "reads ConfigMap shop/cfg  ✗ does not exist" in lines[2]


def test_dangling_references_are_grouped_by_what_is_missing():
    graph = web()
    lines = drawn(lambda console: render_dangling(graph, graph.dangling(), console))
    assert lines[0] == "ConfigMap shop/cfg  ✗ does not exist"
    assert lines[1] == "  is read by Pod shop/web-1-0  (spec.volumes[v].configMap.name)"
    assert drawn(lambda console: render_dangling(graph, [], console))[0].startswith("Every reference")


def test_the_document_names_every_object_of_its_edges():
    graph, root = web(), ref("ConfigMap shop/cfg")
    edges = edges_of_walks(dependencies(graph, root), dependants(graph, root))
    made_document = msgspec.json.decode(msgspec.json.encode(document(graph, root, edges, extra=1)))
    assert made_document["schema"] == "cluster-copilot/graph/v1"
    assert made_document["extra"] == 1
    keys = {(node["kind"], node["namespace"], node["name"]) for node in made_document["nodes"]}
    ends = {tuple(edge[end][part] for part in ("kind", "namespace", "name"))
            for edge in made_document["edges"] for end in ("source", "target")}  # fmt: skip
    assert ends <= keys
    assert {node["state"] for node in made_document["nodes"] if node["name"] == "cfg"} == {"dangling"}


def test_dot_and_mermaid_keep_hostile_names_inside_their_quotes():
    evil = 'x"];\n evil -> n0 [label="\x1b[31m'
    graph = graph_of(pod("p", spec={"volumes": [{"name": "v", "configMap": {"name": evil}}]}), read=("ConfigMap",))
    edges = graph.out(ref("Pod shop/p"), EdgeKind.REFERENCES)
    for text in (dot(graph, None, edges), mermaid(graph, None, edges)):
        assert "\x1b" not in text
        assert not any(line.strip().startswith("evil") for line in text.splitlines())
    assert '\\"' in dot(graph, None, edges)
    assert '"x#34;' not in mermaid(graph, None, edges).replace("shop/x#34;", "")


def test_every_edge_kind_has_words_from_both_ends():
    assert all(phrase(kind, from_source=end) for kind in EdgeKind for end in (True, False))
