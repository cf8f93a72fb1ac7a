"""The field diff and the requests."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.canonical import sha256_hex
from guardrails.diff import body_sha, field_changes, field_text
from guardrails.errors import ChangeRefused
from guardrails.plan import RESTARTED_AT, FieldChange, RestartArgs, ScaleArgs
from guardrails.requests import compile_request, fields_written
from tests.unit.guardrails.plans import REF

_POINTER = "/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt"


def test_a_new_annotation_is_one_changed_field_even_where_there_were_none() -> None:
    before: dict[str, Any] = {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}
    after = {"spec": {"template": {"metadata": {"labels": {"a": "b"}, "annotations": {RESTARTED_AT: "now"}}}}}
    args = RestartArgs("now")
    assert field_changes(before, after, fields_written(args)) == (FieldChange(_POINTER, "", '"now"', asked=True),)
    assert field_text(after, _POINTER) == '"now"'


def test_what_admission_changed_is_told_apart_from_what_was_asked() -> None:
    changes = field_changes({"spec": {"replicas": 1}}, {"spec": {"replicas": 2, "x": True}}, ["/spec/replicas"])
    assert [(change.path, change.asked) for change in changes] == [("/spec/replicas", True), ("/spec/x", False)]


def test_what_the_server_counts_up_by_itself_is_no_change() -> None:
    before = {"metadata": {"name": "a", "resourceVersion": "1", "generation": 1}, "status": {"x": 1}}
    after = {
        "metadata": {"name": "a", "resourceVersion": "2", "generation": 2, "managedFields": []},
        "status": {"x": 2},
    }
    assert field_changes(before, after) == ()
    assert body_sha(before) == body_sha(after)


@pytest.mark.parametrize(("one", "two"), [(1, True), (0, False), ([1], [1, 2]), ({"a": 1}, [1]), ("1", 1)])
def test_values_that_python_calls_equal_or_that_differ_in_shape_are_changes(one: Any, two: Any) -> None:
    assert len(field_changes({"f": one}, {"f": two})) >= 1


_BODY = st.dictionaries(
    st.text(max_size=4), st.integers() | st.text(max_size=3) | st.dictionaries(st.text(max_size=3), st.integers())
)


@given(_BODY, _BODY)
def test_a_diff_is_empty_exactly_when_the_normalised_hashes_agree(one: dict[str, Any], two: dict[str, Any]) -> None:
    emptied = [json.loads(json.dumps(body)) for body in (one, two)]
    if not field_changes(*emptied):
        # absent and empty are the same to a person, so only non-empty bodies must agree in bytes
        kept = [{key: value for key, value in body.items() if value != {} and key != "metadata"} for body in emptied]
        assert body_sha(kept[0]) == body_sha(kept[1])


def test_a_scale_is_a_conditional_patch_of_the_scale_subresource() -> None:
    request = compile_request(REF, ScaleArgs(2, 3))
    assert (request.method, request.path) == ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/web/scale")
    assert json.loads(request.body) == {"metadata": {"uid": "u-1", "resourceVersion": "100"}, "spec": {"replicas": 3}}
    assert dict(request.query) == {"fieldManager": "cluster-copilot", "fieldValidation": "Strict"}
    assert request.body_sha == sha256_hex(request.body.encode())


def test_a_restart_writes_the_annotation_that_kubectl_writes_and_nothing_else() -> None:
    request = compile_request(REF, RestartArgs("2026-03-01T12:00:00Z"))
    assert request.path == "/apis/apps/v1/namespaces/shop/deployments/web"
    body = json.loads(request.body)
    assert body["metadata"] == {"uid": "u-1", "resourceVersion": "100"}
    assert body["spec"] == {"template": {"metadata": {"annotations": {RESTARTED_AT: "2026-03-01T12:00:00Z"}}}}


@pytest.mark.parametrize("name", ["../x", "a/b", "a?dryRun=All", "A", "", "a\n", "a%2fb"])
def test_a_name_that_could_leave_its_place_in_the_path_compiles_to_nothing(name: str) -> None:
    with pytest.raises(ChangeRefused):
        compile_request(msgspec.structs.replace(REF, name=name), ScaleArgs(1, 2))
