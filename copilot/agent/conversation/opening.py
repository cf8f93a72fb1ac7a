"""From settings to a writer: which endpoint, with which key, in which mode. Reads the key at the last moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from copilot.agent.telemetry import Telemetry
from copilot.llm import Endpoint, Mode, Secret, check_endpoint, read_key_file
from copilot.model import UsageError
from copilot.settings import Settings, model_key

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from copilot.agent.conversation.langchain_writer import LangChainWriter
    from copilot.llm.openai_chat import Capture, Transport


def endpoint_of(settings: Settings, *, model: str | None = None, url: str | None = None) -> Endpoint | None:
    """The endpoint that is configured; None where none is.

    Raises:
        CopilotError: a model is named without an endpoint, the address or the key file is wrong.
    """
    asked = settings.model
    address = url or asked.url
    if not address:
        if model:
            raise UsageError(f"The model {model} has no endpoint.", "Set COPILOT_MODEL_URL, for example http://127.0.0.1:8000/v1")  # fmt: skip
        return None
    key = Secret(model_key()) if model_key() else read_key_file(asked.key_file) if asked.key_file else Secret("")
    return check_endpoint(
        Endpoint(
            url=address,
            model=model or asked.name,
            key=key,
            mode=Mode(asked.mode),
            context=asked.context,
            price_in=asked.price_in,
            price_out=asked.price_out,
            seconds=asked.seconds,
        )
    )


def open_writer(
    endpoint: Endpoint,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    telemetry: Telemetry | None = None,
    transport: Transport | None = None,
) -> LangChainWriter:
    """The writer of an endpoint.

    Raises:
        CopilotError: the extra is not installed, or no model is named.
    """
    from copilot.llm.openai_chat import http_client, require_installed  # noqa: PLC0415 - only where a model is asked

    require_installed(endpoint)
    if not endpoint.model:
        raise UsageError(f"No model of the endpoint {endpoint.host} is named.", "Give --model NAME or set COPILOT_MODEL; see: kubectl copilot models")  # fmt: skip
    from copilot.agent.conversation.langchain_writer import LangChainWriter  # noqa: PLC0415 - likewise

    return LangChainWriter(endpoint, http_client(endpoint, transport), checkpointer, telemetry)


def unsent(endpoint: Endpoint) -> tuple[LangChainWriter, Capture]:
    """A writer whose request is kept instead of sent, byte for byte as it would go."""
    from copilot.llm.openai_chat import Capture  # noqa: PLC0415 - of the extra `agent`

    capture = Capture()
    return open_writer(msgspec.structs.replace(endpoint, retries=0), transport=capture.transport()), capture
