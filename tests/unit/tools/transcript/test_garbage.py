"""No text makes the reader crash, hang or invent; only what is no text at all is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from copilot.model import InputError, Snapshot
from tools.cluster.transcript import looks_like_transcript, parse_transcript

GOLDEN = Path(__file__).parent / "golden"
DESCRIBED = (GOLDEN / "describe-1.37.txt").read_text()
TABLES = (GOLDEN / "tables-1.37.txt").read_text()
SESSION = DESCRIBED[:30_000] + TABLES[:8_000]

LINES = st.sampled_from(sorted(set(SESSION.split("\n"))))


def test_a_binary_file_is_refused_with_its_line() -> None:
    with pytest.raises(InputError, match=r"^dump\.bin:2 "):
        parse_transcript("one\ntwo\0three", "dump.bin")
    assert not looks_like_transcript("one\0two")


def test_colours_and_carriage_returns_do_not_matter() -> None:
    plain = "$ kubectl get pods -n shop\nNAME    READY   STATUS    RESTARTS   AGE\nweb-0   0/1     Error     3          5m\n"
    coloured = plain.replace("Error", "\x1b[31;1mError\x1b[0m").replace("\n", "\r\n")
    assert [item.body for item in parse_transcript(coloured).resources] == [
        item.body for item in parse_transcript(plain).resources
    ]


def test_a_markdown_fence_is_no_part_of_the_text() -> None:
    text = (
        "I ran this:\n\n```console\n$ kubectl get ns\nNAME   STATUS   AGE\nshop   Active   3d\n```\nand then gave up.\n"
    )
    assert [item.ref.name for item in parse_transcript(text).resources] == ["shop"]


@pytest.mark.parametrize("prompt", ["kind: Pod\na: ", "$ kubectl get cm -o yaml\nkind: List\nitems: "])
def test_nesting_beyond_reason_is_left_out(prompt: str) -> None:
    for nest in ("[" * 200_000, "- " * 100_000, "{a: " * 100_000):
        assert parse_transcript(prompt + nest).resources == ()


def test_an_alias_is_not_followed() -> None:
    text = "$ kubectl get cm -o yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, namespace: b}\ndata: *m\n"
    snapshot = parse_transcript(text)
    assert snapshot.resources == ()
    assert "aliases" in snapshot.coverage.notes[0]


def test_a_list_cut_in_the_middle_keeps_its_whole_items() -> None:
    item = "- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: {name}\n    namespace: shop\n"
    text = (
        "$ kubectl get cm -n shop -o yaml\napiVersion: v1\nitems:\n"
        + item.format(name="a")
        + item.format(name="b")
        + '- apiV: "'
    )
    snapshot = parse_transcript(text)
    assert [found.ref.name for found in snapshot.resources] == ["a", "b"]
    assert not snapshot.coverage.was_read("ConfigMap", "shop")


def all_named(snapshot: Snapshot) -> bool:
    """Whatever was read as an object has at least a kind and a name."""
    return all(one.ref.kind and one.ref.name for one in snapshot.resources)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_characters="\0"), max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert all_named(parse_transcript(text))
    assert looks_like_transcript(text) in (True, False)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(LINES, st.text(st.characters(exclude_characters="\0\n"), max_size=40)), max_size=60))
def test_lines_of_real_sessions_in_any_order_are_read_without_an_error(lines: list[str]) -> None:
    assert all_named(parse_transcript("\n".join(lines)))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(SESSION)), st.integers(0, 4_000))
def test_a_session_cut_anywhere_is_read_without_an_error(start: int, length: int) -> None:
    assert all_named(parse_transcript(SESSION[start : start + length]))


HOSTILE = {
    "long line": lambda size: "x" * size,
    "key": lambda size: "a: " * (size // 3),
    "header": lambda size: "NAME   " * (size // 7),
    "indentation": lambda size: "Name:   x\n" + "\n".join(" " * (index % 2000) + "a:" for index in range(size // 1000)),
    "stray lines": lambda size: "$ kubectl describe pod x\nName:     x\nMessage:  a\n" + "foo bar\n" * (size // 8),
    "messages": lambda size: (
        "$ kubectl describe pod x\nName:   x\nContainers:\n  a:\n" + "      Message:  y\n" * (size // 18)
    ),
    "one event": lambda size: (
        "$ kubectl get events\nLAST SEEN   TYPE     REASON   OBJECT      MESSAGE\n"
        + "5m          Normal   Pulled   pod/web-1   hello\n" * (size // 48)
    ),
    "blanks": lambda size: ("a" + " " * 999 + "b: \n") * (size // 1003),
    "here-documents": lambda size: "$ cat <<EOF\nfoo\n" * (size // 16),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_times_the_text_takes_no_more_than_about_ten_times_as_long(name: str) -> None:
    def seconds(size: int) -> float:
        text = HOSTILE[name](size)
        start = time.process_time()
        parse_transcript(text)
        return time.process_time() - start

    seconds(20_000)
    assert seconds(400_000) < 30 * max(seconds(40_000), 0.01)
