"""Records a live model: an endpoint on loopback that hands each request on, notes the turn, and gives it back as it came.

Run by hand: `python -m tests.model_recorder https://HOST/v1 OUT.jsonl`, then COPILOT_MODEL_URL as it prints. The key of the live one
is COPILOT_MODEL_KEY, and is never written. `python -m tests.model_server OUT.jsonl` replays it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from copilot.llm.transcript import Called, Fault, Turn, transcript_text
from copilot.model import children, dig, text
from tests.model_server import ModelServer

_FAULTS = {400: Fault.REFUSED, 401: Fault.WRONG_KEY, 403: Fault.WRONG_KEY, 404: Fault.NO_MODEL, 429: Fault.RATE_LIMITED}
_SECONDS = 600.0


class Recorder:
    """A player whose turns another endpoint decides. The file is whole after every turn."""

    def __init__(self, upstream: str, path: Path, key: str = "") -> None:
        self.turns: list[Turn] = []
        self._path = path
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=upstream.rstrip("/"), headers=headers, timeout=_SECONDS, trust_env=False)
        self._one = threading.Lock()

    def __call__(self, request: Mapping[str, Any]) -> Turn:
        """Ask upstream, note, and answer."""
        whole = {name: value for name, value in request.items() if name not in ("stream", "stream_options")}
        try:
            turn = turn_of(self._client.post("/chat/completions", json=whole))
        except httpx.HTTPError:
            turn = Turn(fault=Fault.DISCONNECT)
        with self._one:
            self.turns.append(turn)
            self._path.write_text(transcript_text(text(request, "model"), self.turns))
        return turn

    def close(self) -> None:
        """End the connections."""
        self._client.close()


def turn_of(response: httpx.Response) -> Turn:
    """What a response to a request that was not streamed says, or how it failed."""
    if response.status_code >= 400:
        if "context_length_exceeded" in response.text:
            return Turn(fault=Fault.OVERFLOW)
        return Turn(fault=_FAULTS.get(response.status_code, Fault.ERROR))
    try:
        body = response.json()
    except ValueError:
        return Turn(fault=Fault.GARBAGE)
    message = dig(next(iter(children(body, "choices")), {}), "message")
    if not isinstance(message, dict):
        return Turn(fault=Fault.GARBAGE)
    functions = [dig(one, "function") for one in children(message, "tool_calls")]
    calls = tuple(Called(text(one, "name"), text(one, "arguments")) for one in functions)
    usage = dig(body, "usage")
    spent = [int(dig(usage, name) or 0) for name in ("prompt_tokens", "completion_tokens")]
    return Turn(text(message, "content"), calls, tokens_in=spent[0], tokens_out=spent[1])


def main() -> None:
    """Record until interrupted."""
    recorder = Recorder(sys.argv[1], Path(sys.argv[2]), os.environ.get("COPILOT_MODEL_KEY", ""))
    with ModelServer(recorder) as server:
        print(f"COPILOT_MODEL_URL={server.url}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            recorder.close()


if __name__ == "__main__":
    main()
