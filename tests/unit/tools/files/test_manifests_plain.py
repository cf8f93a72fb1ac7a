"""The quick reader of plain YAML agrees with libyaml on everything it does not decline."""

from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from copilot.model import InputError
from tools.cluster import manifests_yaml
from tools.cluster.manifests_plain import NotPlain, load_plain
from tools.cluster.manifests_yaml import scalar

TEXT = st.text("ab1: -#\n'\"{}[]&*!|>%@`=?,.\\\u00e9", max_size=14)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.text("ab", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)
LINES = st.sampled_from(
    ["a: 1", "b:", "- c", "-", "- d: x", "-   e: y", "f: 'it''s'", 'g: "a\\nb"', "h: |", "i: |-", "more words", "k: {}", "l: []", "- - m",
    "n: 'open", "closed'", 'o: "open', 'closed"', "# p", "q: r # s", "t: u:", "", "\t", "'v': 1", "w : 1", "x: >", "---", "z: &a b", "? y", "a:b", "1: 2", "c: -", "...", "d: - e"]
)  # fmt: skip
TEXTS = st.lists(st.tuples(st.integers(0, 3), LINES), max_size=9).map(
    lambda lines: "".join(f"{' ' * (2 * indent)}{line}\n" for indent, line in lines)
)


def whole(text: str) -> Any:
    above, manifests_yaml.PLAIN_ABOVE = manifests_yaml.PLAIN_ABOVE, 10**9
    try:
        return manifests_yaml.load(text.encode(), "x")
    finally:
        manifests_yaml.PLAIN_ABOVE = above


def agree(text: str) -> bool:
    """The quick reader leaves the text alone, or reads what libyaml reads. It may not read what libyaml refuses."""
    try:
        quick = load_plain(text, scalar)
    except NotPlain:
        return True
    try:
        return quick == whole(text)
    except InputError:
        return False


@given(TEXTS)
@example("a: 1\n  b: 2\n")
@example("- a\n b\n")
def test_lines_in_any_order_are_read_alike(text: str) -> None:
    assert agree(text)


@given(VALUES, st.sampled_from([20, 80, 1000]))
def test_what_a_yaml_writer_writes_is_read_alike(value: object, width: int) -> None:
    assert agree(yaml.safe_dump({"top": value}, width=width, allow_unicode=True))


def test_what_kubectl_writes_is_read_without_help() -> None:
    text = (
        "- apiVersion: v1\n  kind: Event\n  message: 'Failed to pull image \"x:1\": rpc error: code =\n    NotFound desc = it''s not there'\n"
        '  metadata:\n    annotations:\n      note: |\n        {"a": 1}\n    labels: {}\n    uid: 0a1b\n  count: 3\n  args:\n  - --flag=1\n  - "8080"\n'
    )
    (found,) = load_plain(text, scalar)
    assert found["message"] == 'Failed to pull image "x:1": rpc error: code = NotFound desc = it\'s not there'
    assert found["metadata"] == {"annotations": {"note": '{"a": 1}\n'}, "labels": {}, "uid": "0a1b"}
    assert (found["count"], found["args"]) == (3, ["--flag=1", "8080"])
