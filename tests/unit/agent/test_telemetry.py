"""What is told of a turn: spans, metrics and log records by the gen_ai conventions, of a conversation over HTTP, and no word of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from copilot.agent.conversation import Conversation
from copilot.agent.conversation.langchain_writer import UNKNOWN_TOOL, LangChainWriter
from copilot.agent.telemetry.otel import OtelTelemetry
from copilot.agent.tools import Limits
from copilot.llm import Endpoint, Mode
from copilot.llm.openai_chat import http_client
from copilot.llm.scripted import Player, faithful, play
from copilot.llm.transcript import Called, Fault, Turn, call
from copilot.model import CopilotError
from evals.case import RECORDINGS
from tests.model_server import ModelServer
from tests.unit.agent.asked import Desk
from tests.unit.agent.test_grounding import graph_of

pytestmark = pytest.mark.proof

WHY = "why is checkout down?"
TOKEN = "ghp_" + "a1B2" * 9


class Collector:
    """The three signals, kept in memory."""

    def __init__(self, *, content: bool = False) -> None:
        self._spans, self._records = InMemorySpanExporter(), InMemoryLogRecordExporter()
        self._reader = InMemoryMetricReader()
        traces, logs = TracerProvider(shutdown_on_exit=False), LoggerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self._spans))
        logs.add_log_record_processor(SimpleLogRecordProcessor(self._records))
        metrics = MeterProvider([self._reader], shutdown_on_exit=False)
        self.telemetry = OtelTelemetry(traces, metrics, logs, content=content)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._spans.get_finished_spans()

    @property
    def records(self) -> tuple[ReadableLogRecord, ...]:
        return self._records.get_finished_logs()

    def named(self, name: str) -> list[dict[str, Any]]:
        return [dict(span.attributes or {}) for span in self.spans if span.name.split(" ")[0] == name]

    def told(self, name: str) -> list[dict[str, Any]]:
        return [dict(one.log_record.attributes or {}) for one in self.records if one.log_record.event_name == name]

    def points(self, name: str) -> list[Any]:
        data = self._reader.get_metrics_data()
        metrics = [m for r in (data.resource_metrics if data else []) for s in r.scope_metrics for m in s.metrics]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]

    def everything(self) -> str:
        """All that would leave the machine, as text."""
        data = self._reader.get_metrics_data()
        parts = [*(one.to_json() for one in self.spans), *(one.to_json() for one in self.records)]
        return "\n".join([*parts, data.to_json() if data else ""])


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(graph_of(RECORDINGS / "shop-down"))


@pytest.fixture
def collector() -> Iterator[Collector]:
    return Collector()


def talk(desk: Desk, player: Player, told: Collector, *questions: str, mode: Mode = Mode.TOOLS, **more):
    """The last events of questions in one conversation, with the server that was asked."""
    with ModelServer(player) as server:
        given = Endpoint(url=server.url, model="scripted", context=32_000, retries=0, seconds=5.0, mode=mode)
        writer = LangChainWriter(given, http_client(given), None, told.telemetry)
        try:
            conversation = Conversation(desk, writer, telemetry=told.telemetry, session="s-1", **more)
            return [list(conversation.ask(question)) for question in questions or (WHY,)], server
        finally:
            writer.close()


def looks(request) -> Turn:
    if request["messages"][-1]["role"] == "user":
        return Turn(calls=(call("read_logs", object="deployment/checkout"),), tokens_in=900, tokens_out=30)
    return faithful(request)


def test_a_turn_is_one_trace_of_the_agent_its_requests_and_its_looks(desk, collector):
    talk(desk, looks, collector)
    names = [span.name for span in collector.spans]
    assert names == ["chat scripted", "execute_tool read_logs", "chat scripted", "invoke_agent cluster-copilot"]
    whole = collector.spans[-1]
    assert {span.parent.span_id for span in collector.spans[:-1] if span.parent} == {whole.context.span_id}
    assert {span.context.trace_id for span in collector.spans} == {whole.context.trace_id}
    assert [span.kind for span in collector.spans] == [SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.INTERNAL]  # fmt: skip


def test_a_request_to_the_model_carries_the_names_and_counts_of_the_conventions(desk, collector):
    _, server = talk(desk, looks, collector)
    first, second = collector.named("chat")
    port = int(server.url.split(":")[2].split("/")[0])
    assert first == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "scripted",
        "server.address": "127.0.0.1",
        "server.port": port,
        "gen_ai.usage.input_tokens": 900,
        "gen_ai.usage.output_tokens": 30,
    }
    assert second["gen_ai.usage.input_tokens"] > 0
    (tool,) = collector.named("execute_tool")
    assert tool["gen_ai.operation.name"] == "execute_tool"
    assert (tool["gen_ai.tool.name"], tool["gen_ai.tool.type"]) == ("read_logs", "function")
    assert tool["copilot.tool.facts"] > 0
    (turn,) = collector.named("invoke_agent")
    assert (turn["gen_ai.operation.name"], turn["gen_ai.agent.name"]) == ("invoke_agent", "cluster-copilot")
    assert (turn["gen_ai.conversation.id"], turn["copilot.turn.outcome"], turn["copilot.answer.by"]) == ("s-1", "answered", "model")  # fmt: skip


def test_tokens_and_seconds_are_counted_as_histograms_with_the_buckets_of_the_conventions(desk, collector):
    talk(desk, play([Turn("Deployment shop/payments is scaled to zero [1].", tokens_in=1200, tokens_out=40)]), collector)  # fmt: skip
    tokens = {point.attributes["gen_ai.token.type"]: point for point in collector.points("gen_ai.client.token.usage")}
    assert {kind: point.sum for kind, point in tokens.items()} == {"input": 1200, "output": 40}
    assert tokens["input"].attributes["gen_ai.request.model"] == "scripted"
    assert tokens["input"].explicit_bounds[:3] == (1, 4, 16)
    seconds = collector.points("gen_ai.client.operation.duration")
    assert {point.attributes["gen_ai.operation.name"] for point in seconds} == {"chat", "invoke_agent"}
    assert all(point.count == 1 for point in seconds)
    assert seconds[0].explicit_bounds[:2] == (0.01, 0.02)


def test_each_turn_ends_with_a_log_record_of_its_outcome_inside_its_trace(desk, collector):
    talk(desk, faithful, collector, WHY, "delete the namespace shop", "what is the weather?")
    (answered, unknown), (refused,) = collector.told("copilot.turn.answered"), collector.told("copilot.turn.refused")
    assert (answered["copilot.turn.outcome"], answered["copilot.answer.by"]) == ("answered", "model")
    assert answered["copilot.answer.citations"] > 0
    assert (unknown["copilot.turn.outcome"], unknown["copilot.answer.by"]) == ("unknown", "reader")
    assert refused == {"gen_ai.conversation.id": "s-1", "copilot.turn.outcome": "refused"}
    traces = {span.context.trace_id for span in collector.spans if span.name.startswith("invoke_agent")}
    assert {one.log_record.trace_id for one in collector.records} <= traces
    assert {one.log_record.severity_text for one in collector.records} == {"INFO"}


def test_statements_that_were_left_out_are_counted_and_not_repeated(desk, collector):
    talk(desk, play([Turn("Deployment shop/payments is scaled to zero [1]. It was deleted by zirconia [1].")]), collector)  # fmt: skip
    (removed,) = collector.told("copilot.statements.removed")
    assert (removed["copilot.statements.removed"], removed["copilot.statements.total"]) == (1, 2)
    assert collector.named("invoke_agent")[0]["copilot.statements.removed"] == 1
    assert "zirconia" not in collector.everything()


def test_a_model_that_says_nothing_true_is_told_as_a_degraded_turn(desk, collector):
    talk(desk, play([Turn("All is well."), Turn("1: Really, all is well.")]), collector)
    assert [one["copilot.turn.degraded"] for one in collector.told("copilot.turn.degraded")] == ["ungrounded"]
    assert collector.named("invoke_agent")[0]["copilot.answer.by"] == "reader"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Fault.WRONG_KEY, "wrong-key"), (Fault.RATE_LIMITED, "rate-limited"), (Fault.ERROR, "failed"), (Fault.DISCONNECT, "broke-off")],
)  # fmt: skip
def test_a_failure_of_the_model_is_told_in_all_three_signals(desk, collector, fault, kind):
    talk(desk, play([Turn("a" * 60, fault=fault)]), collector)
    (degraded,) = collector.told("copilot.turn.degraded")
    assert (degraded["copilot.turn.degraded"], degraded["error.type"]) == ("failed", kind)
    (exception,) = collector.told("gen_ai.client.operation.exception")
    assert (exception["error.type"], exception["gen_ai.request.model"]) == (kind, "scripted")
    assert collector.named("chat")[0]["error.type"] == kind
    assert [point.attributes.get("error.type") for point in collector.points("gen_ai.client.operation.duration") if point.attributes["gen_ai.operation.name"] == "chat"] == [kind]  # fmt: skip
    assert {one.log_record.severity_text for one in collector.records} == {"WARN", "INFO"}


def test_an_endpoint_without_tools_is_told_as_guided_and_its_looks_are_spans_too(desk, collector):
    talk(desk, play([Turn("A"), Turn("Deployment shop/payments is scaled to zero [1].")]), collector, mode=Mode.GUIDED)
    assert [one["gen_ai.tool.name"] for one in collector.named("execute_tool")] == ["timeline"]
    assert len(collector.named("chat")) == 2


def test_an_exhausted_budget_is_told(desk, collector):
    def endless(request):
        return Turn(calls=(call("diagnose"),)) if "tools" in request else faithful(request)

    talk(desk, endless, collector, limits=Limits(steps=3))
    assert "stopped" in {one["copilot.turn.degraded"] for one in collector.told("copilot.turn.degraded")}


def test_an_error_that_ends_a_turn_is_told_by_its_class_alone(collector):
    class Broken(Desk):
        def explain(self, ref, namespace):
            raise CopilotError("zirconia cannot be read", "")

    with pytest.raises(CopilotError):
        talk(Broken(graph_of(RECORDINGS / "shop-down")), faithful, collector)
    (failed,) = collector.told("copilot.turn.failed")
    assert failed["error.type"] == "CopilotError"
    assert "zirconia" not in collector.everything()


def test_a_conversation_without_a_model_is_told_as_well(desk, collector):
    list(Conversation(desk, telemetry=collector.telemetry, session="s-2").ask(WHY))
    assert [one["copilot.answer.by"] for one in collector.told("copilot.turn.answered")] == ["reader"]
    assert [span.name for span in collector.spans] == ["invoke_agent cluster-copilot"]


def hostile(request) -> Turn:
    """A model that puts words of the prompt wherever a word of its own could end up."""
    if request["messages"][-1]["role"] == "user":
        return Turn(say="zirconia thought", calls=(Called("zirconia_tool", '{"a": "zirconia"}'), call("get_object", object=f"zirconia/{TOKEN}"), Called("diagnose", "zirconia{{")))  # fmt: skip
    return Turn("zirconia is down [1]. Deployment shop/payments is scaled to zero [1].")


def test_no_word_of_question_prompt_answer_or_tool_call_is_told_unless_asked_for(desk, collector):
    question = f"why is checkout down? zirconia {TOKEN}"
    ((*_, last),), server = talk(desk, hostile, collector, question)
    told = collector.everything()
    sent = json.dumps(server.requests)
    assert "zirconia" in sent  # else nothing is shown by its absence
    assert {one["gen_ai.tool.name"] for one in collector.named("execute_tool")} == {UNKNOWN_TOOL, "get_object", "diagnose"}  # fmt: skip
    for words in ("zirconia", TOKEN, "checkout", "payments", "shop", last.answer.text, *(one.text for one in last.answer.citations)):  # fmt: skip
        assert words not in told


def test_content_is_told_where_it_is_asked_for_and_without_secrets(desk):
    collector = Collector(content=True)
    talk(desk, hostile, collector, f"why is checkout down? token: {TOKEN}")
    told = collector.everything()
    assert TOKEN not in told
    (turn,) = collector.named("invoke_agent")
    (said,) = json.loads(turn["gen_ai.input.messages"])
    assert said["role"] == "user"
    assert said["parts"][0]["content"].startswith("why is checkout down?")
    assert "scaled to zero" in json.loads(turn["gen_ai.output.messages"])[0]["parts"][0]["content"]
    assert "scaled to zero" in collector.told("copilot.turn.answered")[0]["gen_ai.output.messages"]
    assert all("gen_ai.input.messages" in one and "gen_ai.output.messages" in one for one in collector.named("chat"))
    assert all("gen_ai.tool.call.arguments" in one for one in collector.named("execute_tool"))
