"""A turn with a model, through the real client and a server on loopback: whatever the model does, the answer is proven or the reader's."""

from __future__ import annotations

import itertools
import json
import threading
import time

import pytest
from syrupy.assertion import SnapshotAssertion

from copilot.agent import Answer, Answered, Refused
from copilot.agent.conversation import Conversation
from copilot.agent.conversation.langchain_writer import LangChainWriter
from copilot.agent.conversation.opening import unsent
from copilot.agent.events import PlanProposed, StreamEvent, Token, ToolCalled
from copilot.agent.session import Sessions
from copilot.agent.tools import Limits
from copilot.cli.main import main
from copilot.llm import Endpoint, Mode, Secret
from copilot.llm.openai_chat import http_client
from copilot.llm.scripted import Player, endless, facts_in, faithful, obedient, play
from copilot.llm.transcript import Called, Fault, Turn, call
from evals.case import RECORDINGS
from tests.model_server import ModelServer
from tests.unit.agent.asked import Desk
from tests.unit.agent.test_grounding import graph_of

pytestmark = pytest.mark.proof

WHY = "why is checkout down?"


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(graph_of(RECORDINGS / "shop-down"))


def endpoint(url: str, **more) -> Endpoint:
    return Endpoint(
        **{"url": url, "model": "scripted", "context": 32_000, "retries": 1, "seconds": 5.0, "mode": Mode.TOOLS, **more}
    )


def talk(desk: Desk, player: Player, question: str = WHY, limits: Limits | None = None, key: str = "", **more):
    """The events of one question and the server that was asked."""
    with ModelServer(player, key=key) as server:
        told = endpoint(server.url, **more)
        writer = LangChainWriter(told, http_client(told))
        try:
            events = list(Conversation(desk, writer, limits=limits).ask(question))
        finally:
            writer.close()
    return events, server


def answer(events: list[StreamEvent]) -> Answer:
    assert isinstance(events[-1], Answered), events[-1]
    return events[-1].answer


def floor(desk: Desk, question: str = WHY) -> str:
    return answer(list(Conversation(desk).ask(question))).text


def test_a_careful_model_is_cited_and_its_tokens_are_the_answer(desk):
    events, server = talk(desk, faithful)
    said = answer(events)
    assert said.model == "scripted"
    assert said.citations
    assert "".join(event.text for event in events if isinstance(event, Token)).strip() == said.text
    assert all(f"[{one.number}]" in said.text for one in said.citations)
    assert "tools" in server.requests[0]


def test_a_liar_is_asked_once_to_correct_itself_and_then_left_out(desk):
    events, server = talk(
        desk, play([Turn("Deployment shop/payments is scaled to zero [1]. It was deleted by bob [1].")])
    )
    assert "bob" not in answer(events).text
    assert "scaled to zero" in answer(events).text
    assert len(server.requests) == 2
    assert any("1 of 2 statements" in note for note in answer(events).notes)


def test_a_liar_that_says_nothing_true_gives_way_to_the_reader(desk):
    events, _ = talk(desk, play([Turn("All is well."), Turn("1: Really, all is well.")]))
    assert answer(events).text == floor(desk)
    assert not [event for event in events if isinstance(event, Token)]


def test_a_corrected_sentence_takes_the_place_of_the_wrong_one(desk):
    events, _ = talk(
        desk,
        play(
            [Turn("payments has 9 replicas [1]."), Turn("1: Deployment shop/payments is scaled to zero replicas [1].")]
        ),
    )
    assert answer(events).text == "Deployment shop/payments is scaled to zero replicas. [1]"


def test_a_tool_loop_brings_facts_that_the_answer_cites(desk):
    def looks(request):
        if request["messages"][-1]["role"] == "user":
            return Turn(calls=(call("read_logs", object="deployment/checkout"),))
        number, words = next(fact for fact in facts_in(request) if "connection refused" in fact[1])
        return Turn(f"The log says `connection refused` [{number}].") if words else Turn("")

    events, _ = talk(desk, looks)
    assert [event.name for event in events if isinstance(event, ToolCalled)] == ["read_logs"]
    assert "connection refused" in answer(events).text


def test_garbage_tool_calls_are_answered_and_survived(desk):
    turns = [
        Turn(calls=(Called("diagnose", "{{{"), Called("no_such_tool", "{}"), call("get_object"), call("get_object", object=7), Called("", "[]"))),
        Turn(calls=(call("get_object", object="deployment/nowhere"), call("list_objects", kind="x" * 5000))),
    ]  # fmt: skip
    script = itertools.chain(turns, itertools.repeat(None))
    events, _ = talk(desk, lambda request: next(script) or faithful(request))
    troubles = [event.trouble for event in events if isinstance(event, ToolCalled)]
    assert len(troubles) == 7
    assert all(troubles)
    assert answer(events).model == "scripted"


def test_an_endless_loop_ends_at_the_budget_with_an_answer(desk):
    events, server = talk(desk, endless("diagnose"), limits=Limits(steps=4))
    assert len(server.requests) == 4
    assert "tools" not in server.requests[-1]
    assert any("stopped after 4 steps" in note for note in answer(events).notes)


def test_the_same_call_again_brings_nothing_new(desk):
    events, _ = talk(desk, endless("diagnose"), limits=Limits(steps=6))
    looks = [event for event in events if isinstance(event, ToolCalled)]
    assert [bool(look.found) for look in looks] == [True, True, False, False, False]


FAULTS = {
    "wrong key": Fault.WRONG_KEY,
    "no such model": Fault.NO_MODEL,
    "rate limit": Fault.RATE_LIMITED,
    "server error": Fault.ERROR,
    "too long": Fault.OVERFLOW,
    "nonsense": Fault.GARBAGE,
    "breaks off": Fault.DISCONNECT,
}


@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.GUIDED])
def test_each_failure_is_one_sentence_and_the_readers_answer(desk, mode, snapshot: SnapshotAssertion):
    told = {}
    for name, fault in FAULTS.items():
        events, server = talk(desk, play([Turn("word " * 40, fault=fault)]), retries=0, mode=mode)
        assert answer(events).text == floor(desk)
        host = server.url.removeprefix("http://").removesuffix("/v1")
        told[name] = [note.replace(host, "HOST") for note in answer(events).notes]
    assert told == snapshot


def test_a_silent_model_is_given_up(desk):
    events, _ = talk(desk, play([Turn("word " * 40, fault=Fault.SILENCE)]), retries=0, seconds=0.3)
    assert answer(events).text == floor(desk)
    assert "did not answer within 0.3 s" in answer(events).notes[0]


def test_a_dripping_model_is_cut_off_at_the_turns_deadline(desk):
    began, threads = time.monotonic(), threading.active_count()
    ticks = itertools.count()
    with ModelServer(play([Turn("word " * 400)])) as server:
        told = endpoint(server.url, retries=0)
        writer = LangChainWriter(told, http_client(told), clock=lambda: float(next(ticks)))
        said = answer(list(Conversation(desk, writer, limits=Limits(seconds=20.0)).ask(WHY)))
        writer.close()
    assert "did not answer within" in said.notes[0]
    assert time.monotonic() - began < 30
    assert threading.active_count() - threads < 10  # the turn leaves at most its own few behind, not one a drop


def test_a_rate_limit_that_passes_is_waited_for(desk):
    script = itertools.chain([Turn(fault=Fault.RATE_LIMITED)], itertools.repeat(None))
    events, server = talk(desk, lambda request: next(script) or faithful(request))
    assert answer(events).model == "scripted"
    assert len(server.requests) >= 2


def test_a_context_that_overflows_is_tried_once_more_shorter(desk):
    script = itertools.chain([None, Turn(fault=Fault.OVERFLOW)], itertools.repeat(None))

    def model(request):
        if request["messages"][-1]["role"] == "user" and len(request["messages"]) == 2:
            next(script)
            return Turn(calls=(call("get_object", object="deployment/checkout"),))
        return next(script) or faithful(request)

    events, _ = talk(desk, model, retries=0)
    assert answer(events).model == "scripted"


def test_the_guided_mode_needs_no_tools_and_lets_the_model_choose(desk):
    def small(request):
        return Turn("C, please") if "none" in request["messages"][0]["content"] else faithful(request)

    events, server = talk(desk, small, mode=Mode.GUIDED)
    assert [event.name for event in events if isinstance(event, ToolCalled)] == ["read_logs"]
    assert not any("tools" in request for request in server.requests)
    assert answer(events).model == "scripted"


def test_an_obedient_model_reaches_nothing_but_reading_tools(desk):
    def ordered(request):
        if request["messages"][-1]["role"] == "tool":
            return Turn(
                calls=(
                    call("propose_plan", kubectl="kubectl delete deployment/checkout -n shop"),
                    call("approve", id="x"),
                )
            )
        return Turn(calls=(call("read_logs", object="deployment/checkout"),))

    events, _ = talk(desk, ordered, limits=Limits(steps=4))
    for event in events:
        if isinstance(event, PlanProposed):
            assert event.warnings
    assert answer(events).text == floor(desk)
    assert obedient({"messages": []}).say


def test_a_change_that_was_asked_for_becomes_a_proposal_and_nothing_else(desk):
    order = "scale deployment payments in shop to 2"
    script = itertools.chain(
        [Turn(calls=(call("propose_plan", kubectl="kubectl scale deployment/payments --replicas=2 -n shop"),))],
        itertools.repeat(None),
    )
    events, _ = talk(desk, lambda request: next(script) or faithful(request), question=order)
    proposed = [event for event in events if isinstance(event, PlanProposed)]
    assert [event.command for event in proposed] == [
        "kubectl copilot do 'kubectl scale deployment/payments --replicas=2 -n shop'"
    ]
    assert isinstance(list(Conversation(desk).ask(order))[-1], Refused)


def test_what_the_reader_asks_back_or_refuses_reaches_no_model(desk):
    for question in ("what is the weather?", "delete everything", "who owns it?"):
        _, server = talk(desk, faithful, question=question)
        assert not server.requests, question


def test_the_shown_prompt_is_byte_for_byte_what_is_sent(desk, monkeypatch):
    monkeypatch.setattr("guardrails.provenance.spotlighting.secrets.token_hex", lambda _: "f" * 16)
    with ModelServer(faithful) as server:
        told = endpoint(server.url)
        hidden, capture = unsent(told)
        list(Conversation(desk, hidden).ask(WHY))
        hidden.close()
        assert not server.requests
        writer = LangChainWriter(told, http_client(told))
        list(Conversation(desk, writer).ask(WHY))
        writer.close()
    assert capture.body == server.raw[0]


def test_a_planted_secret_is_in_no_request_no_answer_and_no_file(desk, tmp_path):
    secret = "AKIAIOSFODNN7EXAMPLE"
    with ModelServer(faithful) as server, Sessions.of_cluster(tmp_path, "c", "c") as store:
        told = endpoint(server.url, key=Secret("sk-key-of-the-endpoint"))
        session = store.start()
        writer = LangChainWriter(told, http_client(told), store.checkpointer())
        conversation = Conversation(desk, writer, cache=store, session=session.id)
        for question in (WHY, f"why is checkout down? my key is aws_access_key_id={secret}"):
            for event in conversation.ask(question):
                if isinstance(event, Answered):
                    store.add(session.id, "c", event, question, conversation.focus, conversation.spent)
        writer.close()
        sent = json.dumps(server.requests)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"checkout" in kept
    assert b"checkpoints" in kept
    for place in (sent.encode(), kept):
        assert secret.encode() not in place
        assert b"sk-key-of-the-endpoint" not in place


def test_the_same_question_over_the_same_evidence_is_answered_from_the_cache(desk, tmp_path):
    with ModelServer(faithful) as server, Sessions.of_cluster(tmp_path, "c", "c") as store:
        told = endpoint(server.url)
        for _ in range(2):
            writer = LangChainWriter(told, http_client(told))
            last = answer(list(Conversation(desk, writer, cache=store).ask(WHY)))
            writer.close()
    assert len(server.requests) == 1
    assert last.notes[-1] == "Answered before from the same evidence."


def test_the_questions_are_scored_with_a_model_too_and_a_liar_states_no_wrong_fact(monkeypatch, tmp_path, capsys):
    lies = play(
        [Turn("Everything is fine [1]. Node moon-7 holds 512 GPUs [1]. Deployment shop/web has 40 replicas [2].")]
    )
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path))
    with ModelServer(lies) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        assert main(["eval", "questions", "--topic", "where", "--model", "scripted", "-o", "json"]) == 0
    said = capsys.readouterr().out
    assert server.requests
    assert "moon-7" not in said
    assert '"wrong": 0' in said


def test_an_order_that_the_model_does_not_take_up_is_refused_as_without_a_model(desk):
    order = "delete deployment shop/payments"
    events, _ = talk(desk, faithful, order)
    (without,) = [event for event in Conversation(desk).ask(order) if isinstance(event, Refused)]
    assert events[-1] == without
