"""JSON and YAML are read as the API server reads them, item by item, and no text makes them explode."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from copilot.model import InputError
from tools.cluster import manifests_yaml
from tools.cluster.manifests import Document, Parts, json_documents, yaml_documents
from tools.cluster.manifests_yaml import load, scalar
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("22:22", "22:22"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("0644", 420),
        ("0o644", 420),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("1.20", 1.2),
        ("1.2.3", "1.2.3"),
        ("-5", -5),
        ("yes", True),
        ("Off", False),
        ("null", None),
        ("~", None),
        ("nullable", "nullable"),
        ("64Mi", "64Mi"),
        ("1234567890123456789012", "1234567890123456789012"),
        ("-", "-"),
        (".inf", ".inf"),
        ("=", "="),
    ],
)
def test_a_plain_scalar_has_the_type_the_api_server_gives_it(text: str, value: object) -> None:
    found = scalar(text)
    assert (found, type(found)) == (value, type(value))
    assert load(f"a: '{text}'".encode(), "x") == {"a": text}


def test_anchors_and_merge_keys_are_followed() -> None:
    assert load(b"base: &b {a: 1, b: 2}\nmade:\n  <<: *b\n  b: 3\n", "x")["made"] == {"a": 1, "b": 3}


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
        "a: &a [*a]\n",
        "a: " + "[" * 500 + "]" * 500,
    ],
    ids=["laughs", "self", "deep"],
)
def test_a_yaml_that_explodes_is_refused_by_name_and_line(text: str) -> None:
    with pytest.raises(InputError, match=r"x\.yaml:\d+: "):
        load(text.encode(), "x.yaml")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("ab: -#\n'\"{}[]&*!|>%@`\u00e9", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc-.", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(["spec", "status", "data"]), VALUES, max_size=3), max_size=5))
def test_a_list_cut_into_items_reads_as_in_one_piece(items: list[dict[str, Any]]) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": [{"kind": "X", **item} for item in items], "metadata": {}}
    text = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True).encode()
    cut = manifests_yaml.split_list(text, 0, len(text)) if len(text) > manifests_yaml.SPLIT_ABOVE else None
    assert cut is None
    above, manifests_yaml.SPLIT_ABOVE = manifests_yaml.SPLIT_ABOVE, 0
    try:
        (document,) = [found for found in yaml_documents(text, "x", Parts()) if isinstance(found, Document)]
    finally:
        manifests_yaml.SPLIT_ABOVE = above
    assert list(document.items or ()) == whole["items"]
    assert document.body["kind"] == "List"


@given(VALUES, st.integers(0, 4))
def test_kept_once_or_not_the_values_are_the_same(value: object, indent: int) -> None:
    text = json.dumps([value, value, {"a": value}], indent=indent or None).encode()
    (document,) = [found for found in json_documents(text, "x", Parts(share_above=0)) if isinstance(found, Document)]
    assert list(document.items or ()) == [value, value, {"a": value}]


def test_equal_parts_of_a_large_input_are_kept_once() -> None:
    part = {"limits": {"memory": "256Mi"}}
    text = json.dumps([{"pad": "x" * 300, "r": part}, {"pad": "y" * 300, "r": part}]).encode()
    (document,) = [found for found in json_documents(text, "x", Parts(share_above=0)) if isinstance(found, Document)]
    first, second = list(document.items or ())
    assert first["r"] is second["r"]


def test_objects_that_share_parts_are_pruned_each_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.cluster.files_gather.Parts", lambda: Parts(share_above=0))
    small = {"metadata": {"name": "a", "namespace": "x"}}
    for kind in ("Role", "RoleBinding"):
        (tmp_path / f"{kind}.json").write_text(
            json.dumps({"kind": f"{kind}List", "apiVersion": "rbac.authorization.k8s.io/v1", "items": [small]})
        )
    found = open_path(str(tmp_path)).snapshot(Scope()).resources
    assert sorted(resource.body["kind"] for resource in found) == ["Role", "RoleBinding"]
