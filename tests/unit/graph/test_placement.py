"""The scheduler's predicates are recomputed as the scheduler computes them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from retrievers.graph.placement import (
    fits_selector,
    free_on,
    requests_of,
    shortfalls,
    untolerated_taints,
)
from tests.unit.graph.objects import graph_of, made, pod, ref

MI = 2**20


def node(name="n1", *, taints=(), labels=None, **spec):
    return made("Node", name, "", labels=labels or {"zone": "a", "cores": "8"}, spec={"taints": list(taints), **spec},
                status={"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "3"}})  # fmt: skip


def affinity(*terms):
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"affinity": {"nodeAffinity": required}}


def labelled(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(("spec", "fits"), [
    ({}, True),
    ({"nodeSelector": {"zone": "a"}}, True),
    ({"nodeSelector": {"zone": "a", "disk": "ssd"}}, False),
    (affinity(labelled("zone", "In", "b", "a")), True),
    (affinity(labelled("zone", "NotIn", "a")), False),
    (affinity(labelled("zone", "In", "b"), labelled("cores", "Gt", "4")), True),
    (affinity(labelled("cores", "Lt", "8")), False),
    (affinity(labelled("zone", "Gt", "1")), False),
    (affinity(labelled("cores", "Gt", "1", "2")), False),
    (affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}), True),
    (affinity({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}), False),
    (affinity({"matchFields": [{"key": "spec.x", "operator": "In", "values": ["n1"]}]}), False),
    (affinity({}), False),
    (affinity(), False),
    ({"nodeSelector": {"zone": "a"}, **affinity(labelled("zone", "In", "b"))}, False),
    ({"affinity": "broken", "nodeSelector": []}, True),
])  # fmt: skip
def test_a_node_is_chosen_by_selector_and_required_affinity(spec, fits):
    assert fits_selector(spec, node()) is fits


GPU = {"key": "gpu", "value": "a100", "effect": "NoSchedule"}


@pytest.mark.parametrize(("toleration", "tolerated"), [
    ({"key": "gpu", "operator": "Equal", "value": "a100", "effect": "NoSchedule"}, True),
    ({"key": "gpu", "value": "a100"}, True),
    ({"key": "gpu", "value": "h100"}, False),
    ({"key": "gpu", "operator": "Exists"}, True),
    ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
    ({"operator": "Exists"}, True),
    ({"value": "a100"}, False),
    ({"key": "gpu", "operator": "Sometimes", "value": "a100"}, False),
])  # fmt: skip
def test_a_toleration_matches_key_operator_value_and_effect(toleration, tolerated):
    left = untolerated_taints({"tolerations": [toleration]}, node(taints=[GPU]))
    assert [str(taint) for taint in left] == ([] if tolerated else ["gpu=a100:NoSchedule"])


@pytest.mark.parametrize(("operator", "value", "tolerated"), [("Gt", "900", True), ("Gt", "950", False), ("Lt", "990", True),
                                                              ("Lt", "abc", False)])  # fmt: skip
def test_a_numeric_toleration_compares_the_taint_with_its_own_number(operator, value, tolerated):
    taint = {"key": "sla", "value": "950", "effect": "NoExecute"}
    spec = {"tolerations": [{"key": "sla", "operator": operator, "value": value}]}
    assert (untolerated_taints(spec, node(taints=[taint])) == []) is tolerated


def test_a_preferred_taint_keeps_nobody_away():
    assert untolerated_taints({}, node(taints=[{"key": "x", "effect": "PreferNoSchedule"}])) == []


def test_a_cordoned_node_keeps_pods_away_before_its_taint_is_written():
    assert [str(taint) for taint in untolerated_taints({}, node(unschedulable=True))] == [
        "node.kubernetes.io/unschedulable:NoSchedule"
    ]


def asks(name="c", cpu=None, memory=None, limits=None, **more):
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    return {"name": name, "resources": {"requests": requests, **({"limits": limits} if limits else {})}, **more}


def test_requests_are_the_larger_of_running_and_starting():
    spec = {
        "initContainers": [asks(cpu="2"), asks(cpu="100m", restartPolicy="Always"), asks(cpu="1950m", memory="64Mi")],
        "containers": [asks(cpu="500m", memory="32Mi"), asks(cpu="250m")],
        "overhead": {"cpu": "50m"},
    }
    assert requests_of(spec) == {"cpu": Fraction("2.1"), "memory": 64 * MI}


def test_a_limit_without_a_request_is_the_request():
    assert requests_of({"containers": [asks(limits={"cpu": "1", "nvidia.com/gpu": 2})]}) == {
        "cpu": 1, "nvidia.com/gpu": 2,
    }  # fmt: skip


def test_pod_level_requests_replace_those_of_the_containers():
    spec = {"resources": {"requests": {"cpu": "3", "nvidia.com/gpu": "9"}}, "containers": [asks(cpu="1", memory="1Mi")]}
    assert requests_of(spec) == {"cpu": 3, "memory": MI}


def test_broken_quantities_count_as_nothing():
    assert requests_of({"containers": [asks(cpu="a lot"), "broken", {"resources": []}]}) == {}


def test_free_room_is_allocatable_less_the_unfinished_pods():
    placed = {"nodeName": "n1", "containers": [asks(cpu="1", memory="1Gi")]}
    graph = graph_of(
        node(), pod("a", spec=placed), pod("b", spec=placed, status={"phase": "Running"}),
        pod("done", spec=placed, status={"phase": "Succeeded"}), pod("elsewhere", spec={**placed, "nodeName": "n2"}),
    )  # fmt: skip
    assert free_on(graph, ref("Node n1")) == {"cpu": 2, "memory": 6 * 1024 * MI, "pods": 1}
    assert free_on(graph, ref("Node n2")) == {}


def test_shortfalls_name_what_does_not_fit():
    free = {"cpu": Fraction(1), "memory": Fraction(10), "pods": Fraction(0)}
    assert shortfalls({"cpu": Fraction(3), "memory": Fraction(10), "gpu": Fraction(1)}, free) == {
        "cpu": 2, "gpu": 1, "pods": 1,
    }  # fmt: skip
