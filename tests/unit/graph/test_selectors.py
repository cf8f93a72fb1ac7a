"""Label selectors mean what the API says, empty ones included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.graph import EdgeKind
from retrievers.graph.selectors import parse_label_selector, parse_map_selector
from tests.unit.graph.objects import graph_of, made, pod, ref, workload

LABELS = {"app": "web", "tier": "front", "gen": "7"}


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(("selector", "matches"), [
    ({}, True),
    ({"matchLabels": {"app": "web"}}, True),
    ({"matchLabels": {"app": "web", "tier": "back"}}, False),
    ({"matchLabels": {"absent": ""}}, False),
    (expression("app", "In", "web", "api"), True),
    (expression("app", "In", "api"), False),
    (expression("absent", "In", "x"), False),
    (expression("app", "NotIn", "api"), True),
    (expression("app", "NotIn", "web"), False),
    (expression("absent", "NotIn", "x"), True),
    (expression("app", "Exists"), True),
    (expression("absent", "Exists"), False),
    (expression("absent", "DoesNotExist"), True),
    (expression("app", "DoesNotExist"), False),
    ({"matchLabels": {"app": "web"}, **expression("tier", "In", "back")}, False),
])  # fmt: skip
def test_a_label_selector_matches_as_the_api_does(selector, matches):
    compiled = parse_label_selector(selector)
    assert compiled is not None
    assert compiled.matches(LABELS) is matches


@pytest.mark.parametrize("selector", [
    None, [], "app=web", {"matchLabels": []}, {"matchLabels": {"app": 1}}, {"matchExpressions": {}},
    {"matchExpressions": ["app"]}, expression("app", "In"), expression("app", "Exists", "x"), expression("", "Exists"),
    expression("app", "Like", "x"), expression("gen", "Gt", "6"),
])  # fmt: skip
def test_a_selector_the_api_would_refuse_selects_nothing(selector):
    assert parse_label_selector(selector) is None


@pytest.mark.parametrize("selector", [None, {}, [], {"app": None}])
def test_a_service_without_a_valid_selector_selects_nothing(selector):
    assert parse_map_selector(selector) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from(["matchLabels", "matchExpressions", "key", "operator", "values"]), inner)))  # fmt: skip
def test_no_selector_makes_it_raise(selector):
    compiled = parse_label_selector(selector)
    assert compiled is None or compiled.matches(LABELS) in (True, False)


def selected(graph, words, kind, group=""):
    return sorted(edge.target.name for edge in graph.out(ref(words, group), kind))


def test_selectors_reach_pods_of_their_own_namespace_only():
    graph = graph_of(
        made("Service", "web", spec={"selector": {"app": "web"}}),
        pod("a", labels={"app": "web"}), pod("b", labels={"app": "api"}), pod("c", "other", labels={"app": "web"}),
    )  # fmt: skip
    assert selected(graph, "Service shop/web", EdgeKind.SELECTS) == ["a"]


def test_an_empty_pod_selector_selects_every_pod_of_the_namespace_for_policies_and_budgets():
    graph = graph_of(
        made("NetworkPolicy", "deny", api="networking.k8s.io/v1", spec={"podSelector": {}}),
        made("PodDisruptionBudget", "all", api="policy/v1", spec={"selector": {}}),
        made("PodDisruptionBudget", "none", api="policy/v1", spec={}),
        made("Service", "none", spec={"selector": {}}),
        pod("a", labels={"app": "web"}), pod("b"),
    )  # fmt: skip
    assert selected(graph, "NetworkPolicy shop/deny", EdgeKind.ISOLATES, "networking.k8s.io") == ["a", "b"]
    assert selected(graph, "PodDisruptionBudget shop/all", EdgeKind.PROTECTS, "policy") == ["a", "b"]
    assert graph.out(ref("PodDisruptionBudget shop/none", "policy")) == []
    assert graph.out(ref("Service shop/none")) == []


def test_a_selector_of_expressions_alone_is_found_without_a_label_to_file_it_under():
    graph = graph_of(
        made("NetworkPolicy", "p", api="networking.k8s.io/v1", spec={"podSelector": expression("app", "NotIn", "web")}),
        pod("a", labels={"app": "web"}), pod("b"),
    )  # fmt: skip
    assert selected(graph, "NetworkPolicy shop/p", EdgeKind.ISOLATES, "networking.k8s.io") == ["b"]


def test_a_service_selects_the_template_of_a_workload_without_pods():
    graph = graph_of(
        made("Service", "web", spec={"selector": {"app": "web"}}),
        workload("Deployment", "web"),
        workload("ReplicaSet", "web-1", template_labels={"app": "web"}, owners=[{"kind": "Deployment", "name": "web"}]),
    )
    assert selected(graph, "Service shop/web", EdgeKind.SELECTS_TEMPLATE) == ["web"]
