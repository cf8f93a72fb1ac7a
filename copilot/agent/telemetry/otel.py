"""Spans and metrics of the agent, by the gen_ai semantic conventions, over OTLP to where OTEL_EXPORTER_OTLP_ENDPOINT says.

Names, models, tokens, seconds and outcomes; questions, prompts and answers only with `content`, and then redacted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from copilot.agent.telemetry.telemetry import Span, Telemetry
from copilot.llm import ModelError, Usage
from copilot.redacting import plain

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as TraceSpan
    from opentelemetry.trace import Tracer

SYSTEM = "openai"  # the API that is spoken, whoever serves it
MOST_CONTENT = 20_000  # characters of one attribute: backends cut beyond it
FLUSH_SECONDS = 5


class _OtelSpan(Span):
    """Writes what a call came to into its span."""

    def __init__(self, span: TraceSpan, tokens: Histogram, common: Mapping[str, str], *, content: bool) -> None:
        self._span = span
        self._tokens = tokens
        self._common = common
        self._content = content

    def used(self, usage: Usage, written: str) -> None:
        """Tokens as counted."""
        self._span.set_attribute("gen_ai.usage.input_tokens", usage.tokens_in)
        self._span.set_attribute("gen_ai.usage.output_tokens", usage.tokens_out)
        for kind, count in (("input", usage.tokens_in), ("output", usage.tokens_out)):
            self._tokens.record(count, {**self._common, "gen_ai.token.type": kind})
        if self._content:
            self._span.set_attribute("gen_ai.output.messages", plain(written)[:MOST_CONTENT])

    def found(self, facts: int, trouble: str) -> None:
        """How many facts a look gave."""
        self._span.set_attribute("copilot.tool.facts", facts)
        if trouble:
            self._span.set_attribute("error.type", "tool_trouble")


class OtelTelemetry(Telemetry):
    """Tells a collector."""

    def __init__(self, traces: TracerProvider, metrics: MeterProvider, *, content: bool) -> None:
        self._traces = traces
        self._metrics = metrics
        self._content = content
        self._tracer: Tracer = traces.get_tracer("cluster-copilot")
        meter: Meter = metrics.get_meter("cluster-copilot")
        self._tokens = meter.create_histogram("gen_ai.client.token.usage", unit="{token}")
        self._seconds = meter.create_histogram("gen_ai.client.operation.duration", unit="s")

    @contextmanager
    def turn(self, session: str, question: str) -> Iterator[Span]:
        """`invoke_agent`."""
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "cluster-copilot",
            "gen_ai.conversation.id": session,
        }
        if self._content:
            attributes["gen_ai.input.messages"] = plain(question)[:MOST_CONTENT]
        with self._spanned("invoke_agent cluster-copilot", attributes) as span:
            yield span

    @contextmanager
    def chat(self, model: str, host: str, prompt: str) -> Iterator[Span]:
        """`chat`."""
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": SYSTEM,
            "gen_ai.request.model": model,
            "server.address": host,
        }
        content = {"gen_ai.input.messages": plain(prompt)[:MOST_CONTENT]} if self._content else {}
        with self._spanned(f"chat {model}", attributes, content) as span:
            yield span

    @contextmanager
    def tool(self, name: str, arguments: str) -> Iterator[Span]:
        """`execute_tool`."""
        attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
        content = {"gen_ai.tool.call.arguments": plain(arguments)[:MOST_CONTENT]} if self._content else {}
        with self._spanned(f"execute_tool {name}", attributes, content) as span:
            yield span

    @contextmanager
    def _spanned(
        self, name: str, attributes: Mapping[str, str], content: Mapping[str, str] | None = None
    ) -> Iterator[Span]:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - of the extra `otel`

        began = time.monotonic()
        common = {key: value for key, value in attributes.items() if key.startswith(("gen_ai.op", "gen_ai.req", "gen_ai.prov", "server"))}  # fmt: skip
        with self._tracer.start_as_current_span(
            name, attributes={**attributes, **(content or {})}, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _OtelSpan(span, self._tokens, common, content=self._content)
            except ModelError as error:
                span.set_attribute("error.type", error.failure.value)
                span.set_status(Status(StatusCode.ERROR))
                common["error.type"] = error.failure.value
                raise
            finally:
                self._seconds.record(time.monotonic() - began, common)

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        self._traces.force_flush(FLUSH_SECONDS * 1000)
        self._traces.shutdown()
        self._metrics.force_flush(FLUSH_SECONDS * 1000)
        self._metrics.shutdown(FLUSH_SECONDS * 1000)


def open_otel(*, content: bool) -> OtelTelemetry:
    """Telemetry over OTLP/HTTP, to the collector of the usual environment variables."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - likewise
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - likewise

    about = Resource.create({"service.name": "cluster-copilot"})
    traces = TracerProvider(resource=about)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    return OtelTelemetry(traces, MeterProvider([reader], resource=about), content=content)
