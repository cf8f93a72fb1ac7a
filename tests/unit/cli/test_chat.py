"""A conversation at the command line, with nothing set up: without a model, with a dead one, with a wrong key, without a cluster."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from evals.case import RECORDINGS
from tests.small_api import serve

SHOP = str(RECORDINGS / "shop-down")
DEAD = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    for name in ("", "_URL", "_KEY", "_KEY_FILE", "_MODE", "_CONTEXT", "_PRICES", "_SECONDS"):
        monkeypatch.delenv(f"COPILOT_MODEL{name}", raising=False)


def test_a_piped_conversation_remembers_what_it_is_about(run):
    ran = run("chat", "--from", SHOP, stdin=b"why is checkout down?\nand its logs?\n/ns shop\n/nonsense\n/ns nowhere\n")
    assert ran.code == 0
    assert "Deployment shop/payments is scaled to zero replicas" in ran.out
    assert "I take this to be about Deployment shop/checkout." in ran.out
    assert "/nonsense is no command" in ran.err
    assert "was not found" in ran.err


def test_a_stored_conversation_is_listed_exported_resumed_and_deleted(run, tmp_path):
    run("chat", "--from", SHOP, stdin=b"why is checkout down?\n")
    listed = json.loads(run("sessions", "list", "-o", "json").out)["sessions"]
    assert [one["first_question"] for one in listed] == ["why is checkout down?"]
    session = listed[0]["id"]
    assert "## 1. why is checkout down?" in run("sessions", "export", session).out
    assert (
        run("chat", "--from", SHOP, "--resume", "last", stdin=b"what changed?\n").out.count("I take this to be about")
        == 1
    )
    exported = json.loads(run("sessions", "export", "last", "-o", "json").out)
    assert [turn["number"] for turn in exported["turns"]] == [1, 2]
    for file in Path(tmp_path, "data", "sessions").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert run("sessions", "delete", session).code == 0
    assert run("sessions", "export", session).code == 64


def test_what_is_to_be_forgotten_is_not_stored(run):
    run("chat", "--from", SHOP, "--forget", stdin=b"why is checkout down?\n")
    assert "No conversation is stored" in run("sessions", "list").out


def test_what_a_user_sees_where_something_is_missing(run, monkeypatch, tmp_path, snapshot: SnapshotAssertion):
    seen = {"models, none configured": _seen(run("models"))}
    seen["ask, model without endpoint"] = _seen(run("ask", "--model", "m", "why is checkout down?", "--from", SHOP))
    seen["show-prompt, none configured"] = _seen(run("ask", "--show-prompt", "why is checkout down?", "--from", SHOP))
    seen["chat, no cluster"] = [
        line.replace(str(tmp_path), "HOME") for line in _seen(run("chat", stdin=b"how many pods?\n"))
    ]
    monkeypatch.setenv("COPILOT_MODEL_URL", DEAD)
    seen["models, dead endpoint"] = _seen(run("models", "--model", "m"))
    seen["models, address is none"] = _seen(run("models", "--url", "nonsense"))
    seen["ask, no model named"] = _seen(run("ask", "--model", "", "why is checkout down?", "--from", SHOP))[-2:]
    monkeypatch.setenv("COPILOT_MODEL", "m")
    monkeypatch.setattr("copilot.llm.openai_chat.is_installed", lambda: False)
    seen["chat, extra missing"] = run("chat", "--from", SHOP, stdin=b"").err.splitlines()
    seen["ask by name, extra missing"] = _seen(run("ask", "--model", "m", "why is checkout down?", "--from", SHOP))
    assert seen == snapshot


def _seen(ran) -> list[str]:
    return [f"exit {ran.code}", *ran.out.splitlines(), *ran.err.splitlines()]


def test_a_context_that_cannot_be_opened_leaves_the_conversation_where_it_is(run, tmp_path):
    with serve() as api:
        config = str(api.kubeconfig(tmp_path))
        lines = b"how many namespaces are there?\n/context nosuch\nhow many namespaces are there?\n"
        ran = run("chat", "--kubeconfig", config, stdin=lines)
    assert ran.code == 0
    assert ran.out.count("There are 2 Namespaces") == 2
    assert ran.err.splitlines()[:1] == ["error: The kubeconfig has no context 'nosuch'."]
    (session,) = json.loads(run("sessions", "list", "-o", "json").out)["sessions"]
    assert session["turns"] == 2


def test_a_conversation_of_one_cluster_is_not_resumed_on_another(run, tmp_path):
    run("chat", "--from", SHOP, stdin=b"why is checkout down?\n")
    (session,) = json.loads(run("sessions", "list", "-o", "json").out)["sessions"]
    with serve() as api:
        config = str(api.kubeconfig(tmp_path))
        about = f"small ({api.url})"
        last = run("chat", "--kubeconfig", config, "--resume", "last")
        named = run("chat", "--kubeconfig", config, "--resume", session["id"])
    assert (last.code, last.err.splitlines()[0]) == (64, f"error: No conversation about cluster {about} is stored.")
    assert named.err.splitlines()[0] == f"error: No conversation about cluster {about} begins with {session['id']!r}."


def test_it_means_what_the_conversation_is_about(run):
    ran = run("chat", "--from", SHOP, stdin=b"why is checkout down?\nwhich pods does it have?\n")
    answer = ran.out.partition("Next: ")[2]
    assert "shop/checkout-6787989d8d-lzn5r" in answer
    assert "data/warehouse" not in answer
