"""The sentences that ask for a change, and what happens to all others."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.errors import IntentError
from guardrails.intent import nearest_sentence, parse_intent
from guardrails.operations import Restart, Scale, Target


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("scale web to 3", Scale(Target("web"), 3)),
        ("scale deploy/web to 3", Scale(Target("web", "Deployment"), 3)),
        ("Scale deployment web in shop to 3 replicas", Scale(Target("web", "Deployment", "shop"), 3)),
        ("scale the sts/db to 0 pods in namespace data", Scale(Target("db", "StatefulSet", "data"), 0)),
        ("scale rs/web-5d to 1 replica", Scale(Target("web-5d", "ReplicaSet"), 1)),
        ("scale deployment.apps/web.v2 to 12", Scale(Target("web.v2", "Deployment"), 12)),
        ("restart deploy/web", Restart(Target("web", "Deployment"))),
        ("RESTART   daemonset  agent in monitoring", Restart(Target("agent", "DaemonSet", "monitoring"))),
        ("rollout restart statefulset/db", Restart(Target("db", "StatefulSet"))),
        ("restart deploy", Restart(Target("deploy"))),
        ("scale ds to 2", Scale(Target("ds"), 2)),
    ],
)
def test_an_accepted_sentence_means_one_typed_change(words: str, meant: object) -> None:
    assert parse_intent(words) == meant


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("please bump web up to 5", "scale web to 5"),
        ("scale web", "scale web to N"),
        ("scale web to three", "scale web to N"),
        ("scael deploy/web to 3", "scale deploy/web to 3"),
        ("kubectl scale deploy/web --replicas=4 -n shop", "scale deploy/web in shop to 4"),
        ("reboot deployment web now", "restart deployment/web"),
        ("remove pod web-0", "delete pod/web-0"),
        ("", "restart KIND/NAME"),
        ("scale pod/web to 3", "scale KIND/web to 3"),
    ],
)
def test_a_refused_sentence_comes_with_the_nearest_accepted_form(words: str, offered: str) -> None:
    with pytest.raises(IntentError) as refused:
        parse_intent(words)
    assert refused.value.hint == f"Try: {offered}"


@pytest.mark.parametrize(
    "words",
    [
        "scale web to 3; rm -rf /",
        "scale web to 3\n",
        "scale web to 3 && restart db",
        "scale web to 3 and restart db",
        "scale $(id) to 3",
        "scale web to -1",
        "scale web to 3.5",
        "scale web to 99999999999",
        "scale wéb to 3",
        "scale web\u202e to 3",
        "scale ../web to 3",
        "scale web/../../x to 3",
        "scale Web to 3",
        "scale web to 3 in Shop",
        "scale web in a to 3 in b",
        "scale daemonset/agent to 3",
        "restart replicaset/web",
        "restart secret/web",
        "restart web db",
        "scale web to 3" + " " * 1200,
    ],
)
def test_anything_else_is_refused(words: str) -> None:
    with pytest.raises(IntentError):
        parse_intent(words)


@given(st.text(max_size=80))
def test_no_text_at_all_makes_the_reader_crash(words: str) -> None:
    with contextlib.suppress(IntentError):
        assert parse_intent(words).target.name.isascii()


@given(st.text(alphabet="abcdefgsrt-./ 0123456789", max_size=60))
def test_the_offered_form_is_itself_accepted_once_its_capitals_are_filled_in(words: str) -> None:
    offered = nearest_sentence(words).replace("KIND/", "deploy/").replace("NAME", "web").replace(" to N", " to 3")
    assert parse_intent(offered).target.name
