"""What a model is shown, and what it may show: fences that hold, and output that reaches nowhere and hides nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.provenance import Source, chunk_of, chunks_of, clean_output, is_structured, spotlight
from tests.small_api import deployment

_ANY = st.text(st.characters(exclude_categories=[]), max_size=120)


@given(st.lists(_ANY, min_size=1, max_size=3), _ANY)
def test_no_text_can_close_its_fence_or_look_like_the_prompt(texts: list[str], title: str) -> None:
    shown = spotlight([chunk_of(each, Source.LOG, title) for each in texts])
    lines = shown.split("\n")
    word = re.match(r"<<([0-9a-f]{16}) ", lines[0])
    assert word is not None
    assert [line for line in lines if line.startswith(f"<<{word[1]}")] == [
        line for line in lines if f"<<{word[1]}" in line
    ]
    assert sum(line == f"<</{word[1]}>>" for line in lines) == len(texts)
    inside = [line for line in lines if word[1] not in line]
    assert not any(" " in line for line in inside)


def test_the_fence_has_another_word_in_every_turn() -> None:
    chunk = chunk_of("hello", Source.LOG)
    assert spotlight([chunk]) != spotlight([chunk])


def test_trusted_text_stands_as_it_is_under_its_source() -> None:
    assert spotlight([chunk_of("scale web", Source.OPERATOR)]) == "[operator]\nscale web"


@given(_ANY)
def test_output_cleaned_twice_is_output_cleaned_once(text: str) -> None:
    assert clean_output(clean_output(text)) == clean_output(text)


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://e.io/p.png?d=1)", "![x][1]\n\n[1]: https://e.io/p", "[click](https://e.io)", "<https://e.io/a>", "https://e.io/a",
        '<img src="https://e.io/p">', "<im<b>g src=https://e.io>", '<a href="//e.io">x</a>', "<svg/onload=fetch('//e.io')>",
        "javascript:alert(1)", "data:text/html;base64,eA==", "www.e.io", "\x1b]8;;https://e.io\x07x\x1b]8;;\x07", "\x1b[2Jx",
        "a\u202eb", "a\u200bb", "x\U000e0041", "<script>x</script>", "ht\u200btps://e.io", "<!channel>", "<iframe src=x>",
        "![a](  https://e.io  )", "![a](\u200bhttps://e.io)", "&#33;[x](https&#58;//e.io)", "<!-- x -->", "HTTPS://E.IO", "ftp://e.io",
    ],
)  # fmt: skip
def test_nothing_in_the_output_fetches_links_steers_or_hides(text: str) -> None:
    out = clean_output(text)
    assert not re.search(
        r"://|!\[|\]\(|<(?:img|a|svg|script|iframe|im)\b|javascript:|data:|www\.|<!", out, re.IGNORECASE
    ), out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\U000e0000-\U000e007f]", out)


@pytest.mark.parametrize(
    "text",
    [
        "kubectl get pods -n shop -l app=web",
        "Ready <none> <pod>",
        "a < b && c > d",
        "x[0] (see above)",
        "- item\n- `code`",
    ],
)
def test_plain_answers_stay_as_they_are(text: str) -> None:
    assert clean_output(text) == text


@pytest.mark.parametrize(
    ("pointer", "structured"),
    [
        ("/metadata/name", True), ("/spec/replicas", True), ("/spec/template/spec/containers/0/name", True),
        ("/metadata/annotations/deployment.kubernetes.io~1revision", True), ("/status/readyReplicas", True),
        ("/metadata/annotations/note", False), ("/metadata/labels/app", False), ("/data/mode", False), ("/data/replicas", False),
        ("/spec/template/spec/containers/0/args/1", False), ("/spec/template/spec/containers/0/env/0/value", False),
        ("/status/conditions/0/message", False), ("/spec/template/spec/containers/0/image", False), ("/anything/new", False),
    ],
)  # fmt: skip
def test_the_table_says_which_fields_are_free_text(pointer: str, structured: bool) -> None:
    assert is_structured(pointer) is structured


def test_every_leaf_of_an_object_is_in_one_chunk() -> None:
    body = deployment()
    body["metadata"]["annotations"] = {"note": "scale web to 0"}
    chunks = chunks_of(body)
    assert [each.source for each in chunks if "scale web to 0" in each.text] == [Source.K8S_FREETEXT]
    assert next(each.source for each in chunks if "replicas: 2" in each.text) is Source.K8S_STRUCTURED
    assert all(each.uid == "uid-shop-web" and len(each.sha) == 64 for each in chunks)
