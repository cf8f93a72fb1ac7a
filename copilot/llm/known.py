"""What was found out about a model at an endpoint, kept from one command to the next, and what follows from it.

One small file of the data folder. It holds no key and no answer; a damaged or unwritable one costs a finding, never an answer.
"""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from copilot.llm.endpoint import Endpoint, Mode
from copilot.llm.probe import SMALL_CONTEXT, Capabilities

FILE = "models.json"
KEPT = timedelta(days=7)  # a server is upgraded, a model is loaded with another window
MOST = 200  # models
LEAST_CONTEXT = 2200  # tokens: the rules, the longest answer and the first few facts; below it nothing can be proven


class Known(msgspec.Struct, frozen=True):
    """What was found. None: could not be found out; a context of 0 is not told."""

    at: datetime
    tools: bool | None = None
    json_schema: bool | None = None
    context: int = 0


class KnownModels:
    """The findings of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def find(self, endpoint: Endpoint, now: datetime | None = None) -> Known | None:
        """What is known of the endpoint's model; None where that is nothing, or too long ago."""
        known = self._read().get(_key(endpoint))
        age = (now or datetime.now(UTC)) - known.at if known is not None else KEPT
        return known if timedelta() <= age < KEPT else None

    def keep(self, endpoint: Endpoint, known: Known) -> None:
        """Keep a finding in place of an earlier one."""
        found = {**self._read(), _key(endpoint): known}
        newest = sorted(found.items(), key=lambda item: item[1].at)[-MOST:]
        written = self._path.with_name(f"{FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(msgspec.json.encode(dict(newest)))
            written.chmod(0o600)
            written.replace(self._path)
        except OSError:
            return  # it is found out again

    def _read(self) -> dict[str, Known]:
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Known])
        except (OSError, ValueError, RecursionError):
            return {}
        return {key: known for key, known in found.items() if known.at.tzinfo is not None}


def finding(found: Capabilities) -> Known:
    """A probe's result as it is kept."""
    return Known(datetime.now(UTC), found.tools, found.json_schema, found.context)


def refusal(endpoint: Endpoint) -> Known:
    """What a conversation found out by being refused."""
    return Known(datetime.now(UTC), tools=False, context=endpoint.context)


def adapted(endpoint: Endpoint, known: Known | None) -> tuple[Endpoint | None, str]:
    """The endpoint in the mode that works, None where none does, and in one sentence what that costs.

    A mode or a context that the user set stands.
    """
    context = endpoint.context or (known.context if known is not None else 0)
    told = msgspec.structs.replace(endpoint, context=context)
    if endpoint.mode is Mode.TOOLS:
        return told, ""
    if 0 < context < LEAST_CONTEXT:
        return None, f"{endpoint.model} reads only {context:,} tokens, too few for evidence: the program answers by itself."  # fmt: skip
    if endpoint.mode is not Mode.AUTO:
        return told, ""
    guided = msgspec.structs.replace(told, mode=Mode.GUIDED)
    does = "the program looks things up, and the model chooses and writes."
    if known is not None and known.tools is False:
        return guided, f"{endpoint.model} takes no tool calls at {endpoint.host}: {does}"
    if 0 < context < SMALL_CONTEXT:
        return guided, f"{endpoint.model} reads only {context:,} tokens: {does}"
    return told, ""


def _key(endpoint: Endpoint) -> str:
    return hashlib.sha256(f"{endpoint.url}\0{endpoint.model}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
