"""The model behind LangChain's `create_agent`: our tools, our budgets, our checkpoints; every request fitted to its context.

LangChain is imported inside functions only: without a model this module is never loaded.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from copilot.agent.conversation.writer import Clock, Looked, Piece, Spent, Stopped, Wrote
from copilot.agent.grounding import Evidence
from copilot.agent.prompting import result_text
from copilot.agent.prompting.rules import ENOUGH
from copilot.agent.telemetry import Telemetry
from copilot.agent.tools import Limits, Toolbox
from copilot.llm import Endpoint, Mode, ModelError, ModelFailure
from copilot.llm.errors import model_error
from copilot.llm.openai_chat import MAX_OUTPUT, chat_model, explained
from copilot.llm.usage import counted, estimate
from copilot.redacting import plain
from guardrails.redaction_text import clean_text

if TYPE_CHECKING:
    from langchain.agents.middleware import AgentMiddleware
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AnyMessage
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from copilot.llm.openai_chat import Client

ASSUMED_CONTEXT = 8192  # tokens, where neither the endpoint nor the user says
RESERVE_SECONDS = 15.0  # of a turn, kept for writing the answer
UNKNOWN_TOOL = "unknown"  # a name that the model made up may hold anything
_RAW = "_unreadable_arguments"
_MAX_NAME = 64  # characters of a tool's name: what endpoints take


class LangChainWriter:
    """Writes through one endpoint. Owns the HTTP client until `close`."""

    def __init__(
        self,
        endpoint: Endpoint,
        client: Client,
        checkpointer: BaseCheckpointSaver[Any] | None = None,
        telemetry: Telemetry | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self.name = endpoint.model
        self.mode = endpoint.mode
        self.context = endpoint.context or ASSUMED_CONTEXT
        if self.mode is Mode.AUTO and endpoint.context and endpoint.context < ASSUMED_CONTEXT:
            self.mode = Mode.GUIDED
        self._client = client
        self._checkpointer = checkpointer
        self._telemetry = telemetry or Telemetry()
        self._clock = clock
        with explained(endpoint):
            self._model: BaseChatModel = chat_model(endpoint, client)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def complete(self, system: str, user: str, limits: Limits) -> Iterator[Piece]:
        """Write once, without tools (`Writer`)."""
        from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage  # noqa: PLC0415

        messages: list[AnyMessage] = [SystemMessage(system), HumanMessage(user)]
        until = self._clock() + min(limits.seconds, self.endpoint.seconds)
        whole: AIMessageChunk | None = None
        with self._telemetry.chat(self.name, self.endpoint.host, user) as span, explained(self.endpoint):
            for chunk in self._model.stream(messages):
                assert isinstance(chunk, AIMessageChunk)
                whole = chunk if whole is None else whole + chunk
                self._check(until)
            message = AIMessage(_text(whole) if whole else "", usage_metadata=whole.usage_metadata if whole else None)
            spent = self._spent(message, messages)
            span.used(spent.usage, _text(message))
        yield spent
        yield Wrote(_text(message))

    def work(self, system: str, user: str, toolbox: Toolbox, evidence: Evidence, thread: str) -> Iterator[Piece]:
        """Look further with tools, then write (`Writer`)."""
        from langchain.agents import create_agent  # noqa: PLC0415 - seconds of import
        from langchain_core.messages import HumanMessage  # noqa: PLC0415 - likewise

        run = _Run(self, toolbox, evidence, self._clock() + toolbox.limits.seconds)
        config: Any = {"configurable": {"thread_id": thread}, "recursion_limit": 4 * toolbox.limits.steps + 8}
        with explained(self.endpoint):
            agent: Any = create_agent(
                self._model,
                [_declared(toolbox, name) for name in toolbox.tools],
                system_prompt=system,
                middleware=[_middleware(run)],
                checkpointer=self._checkpointer,
            )
            stream = agent.stream({"messages": [HumanMessage(user)]}, config, stream_mode=["messages", "updates"])
            for mode, _ in stream:
                self._check(run.until)
                if mode == "updates":
                    yield from run.drained()
        yield from run.drained()
        yield Wrote(run.text)

    def _check(self, until: float) -> None:
        """End a turn that takes too long, and the request that is under way with it."""
        if self._clock() > until:
            self._client.close()
            raise model_error(ModelFailure.TOO_SLOW, self.endpoint)

    def _spent(self, message: AIMessage, messages: Sequence[AnyMessage]) -> Spent:
        told = message.usage_metadata
        if told and told["input_tokens"]:
            return Spent(counted(self.endpoint, told["input_tokens"], told["output_tokens"]))
        read = sum(estimate(_text(one)) for one in messages)
        return Spent(counted(self.endpoint, read, estimate(_text(message)), estimated=True))


class _Run:
    """One piece of work under way: its budgets and what it has produced so far."""

    def __init__(self, writer: LangChainWriter, toolbox: Toolbox, evidence: Evidence, until: float) -> None:
        self.writer = writer
        self.toolbox = toolbox
        self.evidence = evidence
        self.until = until
        self.text = ""
        self._steps = 0
        self._tokens = 0
        self._pieces: list[Piece] = []
        self._stopped = False
        self._lock = threading.Lock()

    def drained(self) -> list[Piece]:
        """What has happened since the last time."""
        with self._lock:
            pieces, self._pieces = self._pieces, []
        return pieces

    def over(self) -> str:
        """Why no further looks are allowed, or nothing."""
        limits = self.toolbox.limits
        if self._steps >= limits.steps - 1:
            return f"after {limits.steps} steps"
        if self._tokens >= limits.tokens:
            return f"after {limits.tokens:,} tokens"
        if self.toolbox.calls >= limits.calls:
            return f"after {limits.calls} looks"
        if self.until - self.writer._clock() < min(RESERVE_SECONDS, limits.seconds / 4):  # noqa: SLF001 - one module
            return f"after {limits.seconds:g} seconds"
        return ""

    def answered(self, message: AIMessage, messages: Sequence[AnyMessage], *, last: str) -> AIMessage:
        """Count a reply; what it cannot mean is taken away: unreadable calls become calls that say so."""
        from langchain_core.messages import AIMessage as Message  # noqa: PLC0415 - of the extra `agent`

        spent = self.writer._spent(message, messages)  # noqa: SLF001 - one module
        calls = list(message.tool_calls)
        calls += [
            {"name": one.get("name") or "?", "args": {_RAW: one.get("args") or ""}, "id": one.get("id") or f"call_{place}", "type": "tool_call"}
            for place, one in enumerate(message.invalid_tool_calls)
        ]  # fmt: skip
        calls = [{**one, "name": clean_text(one["name"])[:_MAX_NAME], "args": _cleaned(one["args"])} for one in calls]
        with self._lock:
            self._steps += 1
            self._tokens += spent.usage.tokens
            self._pieces.append(spent)
            if last and not self._stopped:
                self._stopped = True
                self._pieces.append(Stopped(last))
        kept = [] if last else calls
        text = plain(_text(message))
        if not kept:
            self.text = text
        return Message(content=text, tool_calls=kept, id=message.id, usage_metadata=message.usage_metadata)

    def look(self, name: str, arguments: dict[str, Any]) -> str:
        """Run a tool and number what it found."""
        given: Any = arguments[_RAW] if set(arguments) == {_RAW} else arguments
        known = name if name in self.toolbox.tools else UNKNOWN_TOOL
        with self._lock, self.writer._telemetry.tool(known, json.dumps(given, default=str)) as span:  # noqa: SLF001 - one module
            result = self.toolbox.call(name, given)
            facts = [self.evidence.add(line) for line in result.lines]
            span.found(len(facts), result.trouble)
            self._pieces.append(Looked(name, result))
        return result_text(result, facts)


def _middleware(run: _Run) -> AgentMiddleware[Any, Any]:
    """Our budgets and our tools, put around every call of LangChain's agent."""
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse  # noqa: PLC0415
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: PLC0415 - of the extra `agent`

    class Bounds(AgentMiddleware[Any, Any]):
        """Fits requests, counts replies, ends the looking."""

        def wrap_model_call(
            self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
        ) -> ModelResponse[Any]:
            """Send one request that fits; once more, shorter, where the endpoint finds it too long."""
            writer = run.writer
            last = run.over()
            tools = [] if last else request.tools
            messages = [*request.messages, HumanMessage(ENOUGH)] if last else list(request.messages)
            room = writer.context - MAX_OUTPUT - sum(estimate(str(tool)) for tool in tools) // 2
            for attempt in (1, 2):
                fitted = _fitted(messages, room // attempt)
                with writer._telemetry.chat(writer.name, writer.endpoint.host, _all_text(fitted)) as span:  # noqa: SLF001 - one module
                    try:
                        with explained(writer.endpoint):
                            response = handler(request.override(messages=fitted, tools=tools))
                    except ModelError as error:
                        if error.failure is ModelFailure.TOO_LONG and attempt == 1:
                            span.failed(error)
                            continue
                        raise
                    message = response.result[0]
                    assert isinstance(message, AIMessage)
                    kept = run.answered(message, fitted, last=last)
                    span.used(writer._spent(message, fitted).usage, _text(message))  # noqa: SLF001 - one module
                    return ModelResponse(result=[kept])
            raise AssertionError("the second attempt returns or raises")

        def wrap_tool_call(self, request: Any, handler: Any) -> ToolMessage:
            """Run our tool; the declared one is never called."""
            del handler
            call = request.tool_call
            words = run.look(str(call["name"]), dict(call["args"] or {}))
            return ToolMessage(words, tool_call_id=call["id"] or "call", name=str(call["name"])[:_MAX_NAME])

    return Bounds()


def _declared(toolbox: Toolbox, name: str) -> Any:
    """A tool as LangChain declares it to the model."""
    from langchain_core.tools import StructuredTool  # noqa: PLC0415 - of the extra `agent`

    tool = toolbox.tools[name]

    def never(**_: Any) -> str:
        raise AssertionError("tools run in the middleware")

    return StructuredTool(name=name, description=tool.summary, args_schema=tool.schema(), func=never)


def _fitted(messages: list[AnyMessage], room: int) -> list[AnyMessage]:
    """The messages within `room` tokens: the oldest results of tools shrink first, and say so."""
    from langchain_core.messages import ToolMessage  # noqa: PLC0415 - of the extra `agent`

    fitted = list(messages)
    for share in (3, 10, 0):
        for place, message in enumerate(fitted):
            if sum(estimate(_text(one)) for one in fitted) <= room:
                return fitted
            if isinstance(message, ToolMessage):
                text = _text(message)
                cut = text[: len(text) * share // 20] + "\n(cut: this result was shortened to fit)"
                fitted[place] = message.model_copy(update={"content": cut if share else "(cut: this result no longer fits)"})  # fmt: skip
    return fitted


def _cleaned(value: Any) -> Any:
    """Arguments as a model wrote them, with nothing in them that a person would not see: they are sent again with every request."""
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {clean_text(str(key)): _cleaned(one) for key, one in value.items()}
        case list():
            return [_cleaned(one) for one in value]
        case _:
            return value


def _all_text(messages: Sequence[AnyMessage]) -> str:
    return "\n".join(_text(one) for one in messages)


def _text(message: AnyMessage) -> str:
    """The text of a message, whatever blocks it is made of."""
    content = message.content
    if isinstance(content, str):
        return content
    return "".join(block if isinstance(block, str) else str(block.get("text", "")) for block in content)
