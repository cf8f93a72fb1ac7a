"""The walks and look-ups that are written for speed say what the plain ones say."""

from __future__ import annotations

import pytest

from copilot.diagnosis.view import View
from retrievers.graph import build_graph, dependencies
from tests.unit.diagnosis import test_unseen
from tests.unit.diagnosis.cluster import Cluster
from tests.unit.diagnosis.unseen import SITUATIONS

_ = test_unseen  # importing it declares the situations


@pytest.mark.parametrize("number", range(0, len(SITUATIONS), 12))
def test_what_an_object_depends_on_is_the_same_with_and_without_the_ways(number: int) -> None:
    graph = build_graph(SITUATIONS[number].build().snapshot())
    for resource in list(graph.resources()):
        assert graph.depends_on(resource.ref) == [reached.ref for reached in dependencies(graph, resource.ref)]


@pytest.mark.parametrize("number", range(0, len(SITUATIONS), 40))
def test_the_objects_of_a_namespace_are_those_of_the_whole_list(number: int) -> None:
    graph = build_graph(SITUATIONS[number].build().snapshot())
    for kind in graph.kinds():
        for namespace in {resource.ref.namespace for resource in graph.of_kind(kind)} | {"nowhere"}:
            wanted = [resource for resource in graph.of_kind(kind) if resource.ref.namespace == namespace]
            assert graph.of_kind(kind, namespace) == wanted


def running(images: list[str]) -> View:
    cluster = Cluster().node("n1")
    for i, image in enumerate(images):
        cluster.pod(f"p{i}", node="n1", spec={"containers": [{"name": "main", "image": image}]})
    return View(build_graph(cluster.snapshot()))


@pytest.mark.parametrize(
    ("wanted", "near"),
    [
        ("registry.example/shop/web:1.4.3", "registry.example/shop/web:1.4.2"),
        ("registry.exmaple/shop/web:1.4.2", "registry.example/shop/web:1.4.2"),
        ("registry.example/shp/web:1.4.2", "registry.example/shop/web:1.4.2"),
    ],
)
def test_the_nearest_running_image_is_found_among_hundreds(wanted: str, near: str) -> None:
    others = [f"registry.example/team-{i}/app-{i * 7}:2.{i}.0" for i in range(300)]
    assert running([*others, near]).images_like(wanted)[0] == near
