"""An OpenAI-compatible endpoint on loopback whose model follows a script: what a real server does on the wire, without a model.

Streams as servers do, calls tools, counts tokens, asks for a key, and can break off, stall, limit, fail or answer nonsense.
Run by hand: `python -m tests.model_server TRANSCRIPT.jsonl`, then `COPILOT_MODEL_URL=http://127.0.0.1:PORT/v1`.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self

from copilot.llm.scripted import Player, facts_in, play
from copilot.llm.transcript import Fault, Turn, read_transcript
from tests.loopback import LoopbackServer

_ERRORS = {
    Fault.WRONG_KEY: (401, "invalid_api_key", "Incorrect API key provided"),
    Fault.NO_MODEL: (404, "model_not_found", "The model does not exist"),
    Fault.RATE_LIMITED: (429, "rate_limit_exceeded", "Rate limit reached"),
    Fault.REFUSED: (400, "invalid_request_error", "Unsupported parameter"),
    Fault.ERROR: (500, "server_error", "The server had an error"),
    Fault.OVERFLOW: (400, "context_length_exceeded", "This model's maximum context length is 4096 tokens"),
}


class ModelServer:
    """A server for a `with` block. `requests` are the bodies it was sent, `keys` the keys."""

    def __init__(
        self, player: Player, *, key: str = "", tools: bool = True, json_schema: bool = True, context: int = 32768
    ) -> None:
        self.player = player
        self.key = key
        self.tools = tools
        self.json_schema = json_schema
        self.context = context
        self.requests: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.released = threading.Event()
        self._server = LoopbackServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """What COPILOT_MODEL_URL takes."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def turn(self, request: Mapping[str, Any]) -> Turn:
        """What the model answers; what the endpoint cannot do, it does not."""
        asked = request["messages"][-1].get("content") or ""
        if "17 + 25" in str(asked):
            return self._probe(request)
        if asked == "Answer with the one word: ready":
            return Turn(say="ready")
        return self.player(request)

    def _probe(self, request: Mapping[str, Any]) -> Turn:
        from copilot.llm.transcript import call

        if "tools" in request and self.tools:
            return Turn(calls=(call("add", a=17, b=25),))
        return Turn(say='{"sum": 42}' if "response_format" in request and self.json_schema else "42")


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    numbers = itertools.count(1)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self._refused():
                return
            listed = [{"id": "scripted", "object": "model", "max_model_len": server.context}]
            self._json(200, {"object": "list", "data": listed})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self._refused():
                return
            body = json.loads(raw)
            server.raw.append(raw)
            server.requests.append(body)
            turn = server.turn(body)
            if turn.fault in _ERRORS:
                status, code, message = _ERRORS[turn.fault]
                self._json(status, {"error": {"message": message, "type": "error", "code": code}})
            elif turn.fault is Fault.GARBAGE:
                self._json(200, {"hello": ["world"]})
            elif body.get("stream"):
                self._stream(body, turn)
            elif turn.fault is Fault.SILENCE:
                server.released.wait(30)
                self.close_connection = True
            else:
                self._json(200, _completion(next(numbers), body, turn))

        def _refused(self) -> bool:
            if not server.key or self.headers.get("Authorization") == f"Bearer {server.key}":
                return False
            status, code, message = _ERRORS[Fault.WRONG_KEY]
            self._json(status, {"error": {"message": message, "type": "error", "code": code}})
            return True

        def _json(self, status: int, value: Any) -> None:
            raw = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(raw)

        def _stream(self, body: Mapping[str, Any], turn: Turn) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            chunks = list(_chunks(next(numbers), body, turn))
            cut = len(chunks) // 2 if turn.fault in (Fault.DISCONNECT, Fault.SILENCE) else len(chunks)
            for chunk in chunks[:cut]:
                self._send(f"data: {json.dumps(chunk)}\n\n".encode())
            if turn.fault is Fault.DISCONNECT:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            if turn.fault is Fault.SILENCE:
                server.released.wait(30)
                self.close_connection = True
                return
            self._send(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _send(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

    return Handler


def _calls(number: int, turn: Turn) -> list[dict[str, Any]]:
    return [
        {"index": i, "id": f"call_{number}_{i}", "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
        for i, one in enumerate(turn.calls)
    ]  # fmt: skip


def _usage(body: Mapping[str, Any], turn: Turn) -> dict[str, int]:
    tokens_in = turn.tokens_in or len(json.dumps(body["messages"])) // 4
    tokens_out = turn.tokens_out or len(turn.say) // 4 + 8 * len(turn.calls)
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _completion(number: int, body: Mapping[str, Any], turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.say or None}
    if turn.calls:
        message["tool_calls"] = _calls(number, turn)
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if turn.calls else "stop"}
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1, "model": body.get("model", "")}
    return {**head, "choices": [choice], "usage": _usage(body, turn)}


def _chunks(number: int, body: Mapping[str, Any], turn: Turn) -> Iterator[dict[str, Any]]:
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": body.get("model", "")}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    for start in range(0, len(turn.say), 24):
        yield chunk({"content": turn.say[start : start + 24]})
    for one in _calls(number, turn):
        arguments = one["function"]["arguments"]
        half = len(arguments) // 2
        yield chunk({"tool_calls": [{**one, "function": {**one["function"], "arguments": arguments[:half]}}]})
        yield chunk({"tool_calls": [{"index": one["index"], "function": {"arguments": arguments[half:]}}]})
    yield chunk({}, "tool_calls" if turn.calls else "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(body, turn)}


def main() -> None:
    """Serve one transcript until interrupted."""
    transcript = read_transcript(Path(sys.argv[1]))
    with ModelServer(play(transcript.turns)) as server:
        print(f"COPILOT_MODEL_URL={server.url} COPILOT_MODEL=scripted")
        threading.Event().wait()


__all__ = ["ModelServer", "facts_in", "play"]

if __name__ == "__main__":
    main()
