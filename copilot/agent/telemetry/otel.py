"""Spans, metrics and log records of the agent, by the gen_ai semantic conventions.

Names of the program's own, models, tokens, seconds and outcomes; questions, prompts and answers only with `content`, and then
redacted. A name that a model wrote is content too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span as TraceSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from copilot.agent.events import Answered, Refused, StreamEvent
from copilot.agent.telemetry.telemetry import Degraded, Span, Telemetry, TurnSpan
from copilot.llm import ModelError, Usage
from copilot.redacting import plain

SCOPE = "cluster-copilot"
PROVIDER = "openai"  # the API that is spoken, whoever serves it
MOST_CONTENT = 20_000  # characters of one attribute: backends cut beyond it
# The buckets that the conventions name.
TOKEN_BUCKETS = [4**power for power in range(14)]
SECOND_BUCKETS = [0.01 * 2**power for power in range(14)]
_WARN = SeverityNumber.WARN
_INFO = SeverityNumber.INFO
Value = str | int | bool


class _Log:
    """Writes events beside the span that is current."""

    def __init__(self, logger: Logger, common: Mapping[str, Value]) -> None:
        self._logger = logger
        self._common = common

    def tell(self, name: str, severity: SeverityNumber, attributes: Mapping[str, Value]) -> None:
        """One event; its body is its name, for backends that show nothing else."""
        self._logger.emit(
            timestamp=time.time_ns(), event_name=name, body=name, severity_number=severity, severity_text=severity.name,
            attributes={**self._common, **attributes},
        )  # fmt: skip


class _OtelSpan(Span):
    """Writes what a call came to into its span."""

    def __init__(self, told: OtelTelemetry, span: TraceSpan, common: dict[str, Value]) -> None:
        self._told = told
        self._span = span
        self._common = common

    def used(self, usage: Usage, written: str) -> None:
        """Tokens as counted."""
        self._span.set_attribute("gen_ai.usage.input_tokens", usage.tokens_in)
        self._span.set_attribute("gen_ai.usage.output_tokens", usage.tokens_out)
        for kind, count in (("input", usage.tokens_in), ("output", usage.tokens_out)):
            self._told.tokens.record(count, {**self._common, "gen_ai.token.type": kind})
        if self._told.content:
            self._span.set_attribute("gen_ai.output.messages", message("assistant", written))

    def failed(self, error: ModelError) -> None:
        """The span, the duration and a log record say why; never with words of the endpoint's."""
        kind = error.failure.value
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))
        self._common["error.type"] = kind
        log = _Log(self._told.logger, self._common)
        log.tell("gen_ai.client.operation.exception", _WARN, {"exception.type": type(error).__name__})

    def found(self, facts: int, trouble: str) -> None:
        """How many facts a look gave."""
        self._span.set_attribute("copilot.tool.facts", facts)
        if trouble:
            self._span.set_attribute("error.type", "tool_trouble")
            self._common["error.type"] = "tool_trouble"
            _Log(self._told.logger, self._common).tell("copilot.tool.trouble", _WARN, {})


class _OtelTurn(TurnSpan):
    """Tells what became of a turn: its span at the end, a log record at once."""

    def __init__(self, told: OtelTelemetry, span: TraceSpan, session: str) -> None:
        self._told = told
        self._span = span
        self._log = _Log(told.logger, {"gen_ai.conversation.id": session})
        self._from_cache = False

    def degraded(self, why: Degraded, error: ModelError | None = None) -> None:
        """Why, as a word of ours."""
        self._span.set_attribute("copilot.turn.degraded", why.value)
        failure = {"error.type": error.failure.value} if error is not None else {}
        self._log.tell("copilot.turn.degraded", _WARN, {"copilot.turn.degraded": why.value, **failure})

    def left_out(self, gone: int, of: int) -> None:
        """How many; what they said is no fact, and is told nowhere."""
        counts = {"copilot.statements.removed": gone, "copilot.statements.total": of}
        self._span.set_attributes(counts)
        self._log.tell("copilot.statements.removed", _WARN, counts)

    def cached(self) -> None:
        """No model was asked."""
        self._from_cache = True

    def ended(self, last: StreamEvent) -> None:
        """The outcome, who answered, and with how many citations."""
        match last:
            case Answered(answer):
                by = "cache" if self._from_cache else "model" if answer.model else "reader"
                outcome = "answered" if answer.known else "unknown"
                told: dict[str, Value] = {"copilot.turn.outcome": outcome, "copilot.answer.by": by, "copilot.answer.citations": len(answer.citations)}  # fmt: skip
                name, words = "copilot.turn.answered", answer.text
            case Refused(reason):
                told, name, words = {"copilot.turn.outcome": "refused"}, "copilot.turn.refused", reason
            case _:
                return
        self._span.set_attributes(told)
        if self._told.content:
            told["gen_ai.output.messages"] = message("assistant", words)
            self._span.set_attribute("gen_ai.output.messages", told["gen_ai.output.messages"])
        self._log.tell(name, _INFO, told)

    def broke(self, error: BaseException) -> None:
        """An error that no answer came of, by its class alone: its words may quote the cluster."""
        kind = error.failure.value if isinstance(error, ModelError) else type(error).__name__
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))
        self._log.tell("copilot.turn.failed", SeverityNumber.ERROR, {"error.type": kind})


class OtelTelemetry(Telemetry):
    """Tells a collector. `end` sends what is left and says what could not be."""

    def __init__(
        self,
        traces: TracerProvider,
        metrics: MeterProvider,
        logs: LoggerProvider,
        *,
        content: bool,
        end: Callable[[], str] = str,
    ) -> None:
        self.content = content
        self.logger = logs.get_logger(SCOPE)
        self._end = end
        self._tracer = traces.get_tracer(SCOPE)
        meter = metrics.get_meter(SCOPE)
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage", "{token}", explicit_bucket_boundaries_advisory=TOKEN_BUCKETS
        )
        self._seconds = meter.create_histogram(
            "gen_ai.client.operation.duration", "s", explicit_bucket_boundaries_advisory=SECOND_BUCKETS
        )

    @contextmanager
    def turn(self, session: str, question: str) -> Iterator[TurnSpan]:
        """`invoke_agent`."""
        common: dict[str, Value] = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": SCOPE}
        shown = {"gen_ai.input.messages": message("user", question)} if self.content else {}
        with self._spanned(f"invoke_agent {SCOPE}", common, {"gen_ai.conversation.id": session, **shown}) as span:
            told = _OtelTurn(self, span, session)
            try:
                yield told
            except GeneratorExit:  # whoever asked has what was wanted
                raise
            except BaseException as error:
                told.broke(error)
                raise

    @contextmanager
    def chat(self, model: str, host: str, prompt: str) -> Iterator[Span]:
        """`chat`."""
        address, _, port = host.rpartition(":") if host.rpartition(":")[2].isdigit() else (host, "", "")
        common: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": model,
            "server.address": address,
            **({"server.port": int(port)} if port else {}),
        }
        shown = {"gen_ai.input.messages": message("user", prompt)} if self.content else {}
        with self._spanned(f"chat {model}", common, shown, SpanKind.CLIENT) as span:
            told = _OtelSpan(self, span, common)
            try:
                yield told
            except ModelError as error:
                told.failed(error)
                raise

    @contextmanager
    def tool(self, name: str, arguments: str) -> Iterator[Span]:
        """`execute_tool`."""
        common: dict[str, Value] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}
        shown = {"gen_ai.tool.call.arguments": plain(arguments)[:MOST_CONTENT]} if self.content else {}
        with self._spanned(f"execute_tool {name}", common, {"gen_ai.tool.type": "function", **shown}) as span:
            yield _OtelSpan(self, span, common)

    @contextmanager
    def _spanned(
        self, name: str, common: dict[str, Value], more: Mapping[str, Value], kind: SpanKind = SpanKind.INTERNAL
    ) -> Iterator[TraceSpan]:
        """A span, and its seconds. `common` goes to both; what is added to it on the way goes to the seconds."""
        began = time.monotonic()
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes={**common, **more}, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            finally:
                self._seconds.record(time.monotonic() - began, common)

    def close(self) -> str:
        """Send what is left, for a few seconds at most."""
        return self._end()


def message(role: str, words: str) -> str:
    """One message as the conventions write them, redacted."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": plain(words)[:MOST_CONTENT]}]}])
