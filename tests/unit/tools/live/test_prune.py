"""What leaves an object before anything else sees it."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copilot.model import Detail, Ref
from tools.cluster.prune import prune
from tools.cluster.resources import is_object, items_of, resource

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def secret(**more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pw", "namespace": "shop"}, **more}


def test_a_secrets_values_go_and_its_keys_stay() -> None:
    body = prune(secret(data={"b": "aHVudGVyMg==", "a": ""}, stringData={"c": "hunter2"}))
    assert body["dataKeys"] == ["a", "b", "c"]
    assert "hunter2" not in str(body)
    assert "aHVudGVyMg" not in str(body)


def test_a_secrets_values_go_even_when_config_values_are_wanted() -> None:
    assert "data" not in prune(secret(data={"a": "x"}), config_values=True)


def test_a_copy_of_the_object_in_an_annotation_goes() -> None:
    for name in (
        "kubectl.kubernetes.io/last-applied-configuration",
        "banzaicloud.com/last-applied",
        "x.io/last-applied",
    ):
        body = secret(metadata={"name": "pw", "annotations": {name: "hunter2", "keep": "me"}})
        assert prune(body)["metadata"]["annotations"] == {"keep": "me"}


def test_ownership_keeps_who_wrote_when() -> None:
    entry = {"manager": "kubectl", "operation": "Apply", "time": "t", "fieldsType": "FieldsV1", "fieldsV1": {"f:a": {}}}
    body = {"metadata": {"managedFields": [entry, 7, {"manager": 3}]}}
    assert prune(body)["metadata"]["managedFields"] == [{"manager": "kubectl", "operation": "Apply", "time": "t"}, {}]


@given(JSON, JSON, JSON, st.sampled_from(["Secret", "ConfigMap", "Pod", None]))
def test_pruning_never_fails_and_twice_is_once(data: Any, annotations: Any, managed: Any, kind: str | None) -> None:
    body = {"kind": kind, "data": data, "metadata": {"annotations": annotations, "managedFields": managed}}
    once = copy.deepcopy(prune(copy.deepcopy(body)))
    assert prune(copy.deepcopy(once)) == once


def test_a_resource_knows_its_address_and_where_it_was_read() -> None:
    found = resource(secret(), "pods.json", Detail.DESCRIBED)
    assert (found.ref, found.source, found.detail) == (Ref("Secret", "shop", "pw"), "pods.json", Detail.DESCRIBED)


def test_the_items_of_a_typed_list_take_its_kind() -> None:
    listed = {"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": {"name": "a"}}, 7, {"metadata": {}}]}
    assert [(one["kind"], one["apiVersion"]) for one in items_of(listed)] == [("Pod", "v1")]


def test_lists_within_lists_are_opened() -> None:
    inner = {"kind": "List", "apiVersion": "v1", "items": [secret()]}
    assert [one["metadata"]["name"] for one in items_of({"kind": "List", "apiVersion": "v1", "items": [inner]})] == [
        "pw"
    ]


@given(JSON)
def test_nothing_that_is_no_object_is_taken_for_one(body: Any) -> None:
    for found in items_of(body):
        assert is_object(found)
