"""What an endpoint can do, found out by asking it: models, tools, JSON by schema, the length of its context.

Sends nothing of a cluster. Every answer is bounded in bytes and seconds; a failure is a finding, not an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError
from urllib3.exceptions import TimeoutError as SlowError

from copilot.llm.endpoint import Endpoint, Mode
from copilot.llm.errors import ModelError, ModelFailure, failure_of_status, model_error
from copilot.model import children, dig, text, texts

MAX_BYTES = 4 * 2**20  # of one answer: the longest lists of models are some 500 KiB
MAX_MODELS = 200  # named at most: a hosted catalogue may hold thousands
SMALL_CONTEXT = 8192  # tokens: below it the evidence and three tool results do not fit together
# Fields in which servers state the context window of a model (vLLM, SGLang, LM Studio, OpenRouter, llama.cpp, Groq, TGI).
_CONTEXT_FIELDS = (("max_model_len",), ("max_context_length",), ("loaded_context_length",), ("context_length",), ("context_window",), ("meta", "n_ctx"), ("meta", "n_ctx_train"), ("max_input_tokens",))  # fmt: skip
_TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two whole numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}
_SCHEMA = {
    "type": "object",
    "properties": {"sum": {"type": "integer"}},
    "required": ["sum"],
    "additionalProperties": False,
}


class Capabilities(msgspec.Struct, frozen=True):
    """What was found. None: could not be found out. `models` are those the endpoint names."""

    endpoint: str
    model: str
    models: tuple[str, ...] = ()
    answers: bool = False
    tools: bool | None = None
    json_schema: bool | None = None
    context: int = 0
    trouble: str = ""
    hint: str = ""

    @property
    def mode(self) -> Mode:
        """How the copilot will use it."""
        return Mode.TOOLS if self.tools else Mode.GUIDED

    @property
    def degradations(self) -> tuple[str, ...]:
        """What the copilot will do without, in sentences."""
        found = []
        if self.answers and not self.tools:
            found.append("no tool calls: the program looks things up by itself and the model only chooses and writes")
        if self.answers and not self.json_schema:
            found.append("no JSON by schema: a choice is read from plain words instead")
        if self.answers and not self.context:
            found.append("the context length is not told: 8,192 tokens are assumed (COPILOT_MODEL_CONTEXT sets it)")
        elif self.answers and self.context < SMALL_CONTEXT:
            found.append(f"a context of {self.context:,} tokens is short: evidence is cut to fit")
        return tuple(found)


def probe(endpoint: Endpoint) -> Capabilities:
    """Ask an endpoint what it can do: at most four small requests."""
    asker = _Asker(endpoint)
    try:
        entries = asker.models()
        names = tuple(name for name in (text(entry, "id") for entry in entries) if name)[:MAX_MODELS]
        model = endpoint.model or (names[0] if len(names) == 1 else "")
        found = Capabilities(
            endpoint=endpoint.host,
            model=model,
            models=names,
            context=endpoint.context or _context(entries, model),
        )
        if not model:
            hint = "Name one: kubectl copilot models --model NAME, or set COPILOT_MODEL"
            return msgspec.structs.replace(found, trouble="No model was chosen.", hint=hint)
        asker.complete(model, {"messages": _user("Answer with the one word: ready"), "max_tokens": 16})
        found = msgspec.structs.replace(found, answers=True)
    except ModelError as error:
        return Capabilities(endpoint.host, endpoint.model, trouble=error.title, hint=error.hint)
    return msgspec.structs.replace(found, tools=_has_tools(asker, model), json_schema=_has_schema(asker, model))


def _user(words: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": words}]


def _has_tools(asker: _Asker, model: str) -> bool | None:
    """Whether a tool call comes back in its own field, with arguments that are JSON."""
    try:
        answer = asker.complete(
            model,
            {"messages": _user("What is 17 + 25? Call the tool add."), "tools": [_TOOL], "max_tokens": 256},
        )
    except ModelError as error:
        return False if error.failure in (ModelFailure.REFUSED, ModelFailure.FAILED) else None
    for choice in children(answer, "choices"):
        for call in children(choice, "message", "tool_calls"):
            if text(call, "function", "name") == "add" and isinstance(_json(text(call, "function", "arguments")), dict):
                return True
    return False


def _has_schema(asker: _Asker, model: str) -> bool | None:
    """Whether `response_format: json_schema` is obeyed."""
    form = {"type": "json_schema", "json_schema": {"name": "sum", "strict": True, "schema": _SCHEMA}}
    try:
        answer = asker.complete(
            model, {"messages": _user("What is 17 + 25?"), "response_format": form, "max_tokens": 256}
        )
    except ModelError as error:
        return False if error.failure in (ModelFailure.REFUSED, ModelFailure.FAILED) else None
    said = next((text(choice, "message", "content") for choice in children(answer, "choices")), "")
    found = _json(said)
    return isinstance(found, dict) and list(found) == ["sum"]


def _json(words: str) -> Any:
    try:
        return json.loads(words)
    except ValueError:
        return None


def _context(entries: list[Mapping[str, Any]], model: str) -> int:
    """The window that the list of models states for the model; 0 where none does."""
    for entry in entries:
        if text(entry, "id") != model:
            continue
        for path in _CONTEXT_FIELDS:
            value = dig(entry, *path)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**9:
                return value
    return 0


class _Asker:
    """Sends the requests of a probe."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        seconds = min(endpoint.seconds, 60.0)
        timeout = urllib3.Timeout(connect=min(5.0, seconds), read=seconds)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def models(self) -> list[Mapping[str, Any]]:
        """The entries of `/models`; none where the endpoint has no such list."""
        try:
            answer = self._ask("GET", "/models", None)
        except ModelError as error:
            if error.failure in (ModelFailure.NO_MODEL, ModelFailure.GARBLED, ModelFailure.REFUSED):
                return []
            raise
        return [*children(answer, "data")]

    def complete(self, model: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """One chat completion.

        Raises:
            ModelError: it failed, or what came back is no completion.
        """
        answer = self._ask("POST", "/chat/completions", {"model": model, "temperature": 0, **body})
        if not texts(answer, "choices") and not list(children(answer, "choices")):
            raise model_error(ModelFailure.GARBLED, self._endpoint)
        return answer

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._endpoint.key:
            headers["Authorization"] = f"Bearer {self._endpoint.key.reveal()}"
        try:
            reply = self._pool.request(
                method, self._endpoint.url + path, headers=headers, redirect=False, preload_content=False,
                body=json.dumps(body).encode() if body is not None else None,
            )  # fmt: skip
            raw = reply.read(MAX_BYTES, decode_content=True)
            reply.release_conn()
        except (NewConnectionError, MaxRetryError) as error:
            raise model_error(ModelFailure.UNREACHABLE, self._endpoint) from error
        except SlowError as error:
            raise model_error(ModelFailure.TOO_SLOW, self._endpoint) from error
        except (HTTPError, OSError) as error:
            raise model_error(ModelFailure.UNREACHABLE, self._endpoint) from error
        failure = failure_of_status(reply.status, raw[:4096].decode("utf-8", "replace"))
        if failure is not None:
            raise model_error(failure, self._endpoint)
        found = _json(raw.decode("utf-8", "replace"))
        if reply.status >= 300 or not isinstance(found, dict):
            raise model_error(ModelFailure.GARBLED, self._endpoint)
        return found
