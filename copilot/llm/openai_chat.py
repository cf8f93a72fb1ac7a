"""The LangChain model over an OpenAI-compatible endpoint, and what its errors mean. The one place that imports the adapter.

Nothing but the endpoint is spoken to: no telemetry of LangChain's, no proxy tricks, no redirects, no address from the environment.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from copilot.llm.endpoint import Endpoint
from copilot.llm.errors import ModelError, ModelFailure, failure_of_status, model_error

if TYPE_CHECKING:
    import httpx
    from langchain_core.language_models import BaseChatModel

    Client = httpx.Client
    Transport = httpx.BaseTransport

CONNECT_SECONDS = 5.0
MAX_OUTPUT = 1024  # tokens of one answer: eight sentences are some 300


def is_installed() -> bool:
    """Whether the extra `agent` is there; imports nothing of it."""
    needed = ("langchain", "langchain_openai", "langgraph", "httpx")
    return all(importlib.util.find_spec(name) is not None for name in needed)


def require_installed(endpoint: Endpoint) -> None:
    """Raise a ModelError with the command that installs the extra, where it is missing."""
    if not is_installed():
        raise model_error(ModelFailure.NOT_INSTALLED, endpoint)


def http_client(endpoint: Endpoint, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """The HTTP client of an endpoint: bounded in time, without redirects, without proxies for this machine."""
    import httpx  # noqa: PLC0415 - of the extra `agent`

    timeout = httpx.Timeout(endpoint.seconds, connect=min(CONNECT_SECONDS, endpoint.seconds))
    return httpx.Client(timeout=timeout, follow_redirects=False, transport=transport)


def chat_model(endpoint: Endpoint, client: httpx.Client) -> BaseChatModel:
    """The LangChain chat model."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - seconds of import, only where a model is asked
    from pydantic import SecretStr  # noqa: PLC0415 - likewise

    return ChatOpenAI(
        model=endpoint.model,
        base_url=endpoint.url,
        api_key=SecretStr(endpoint.key.reveal() or "none"),
        organization="",
        http_client=client,
        timeout=endpoint.seconds,
        max_retries=endpoint.retries,
        temperature=0,
        streaming=True,
        stream_usage=True,
        use_responses_api=False,
        max_completion_tokens=None,
        extra_body={"max_tokens": MAX_OUTPUT},
    )


@contextmanager
def explained(endpoint: Endpoint) -> Iterator[None]:
    """Turn whatever the client raises inside into a ModelError; nothing of ours is caught."""
    import httpx  # noqa: PLC0415 - of the extra `agent`
    import openai  # noqa: PLC0415 - likewise
    from langsmith import tracing_context  # noqa: PLC0415 - likewise

    try:
        with tracing_context(enabled=False):  # an environment variable must not send prompts elsewhere
            yield
    except openai.APITimeoutError as error:
        raise model_error(ModelFailure.TOO_SLOW, endpoint) from error
    except openai.APIStatusError as error:
        failure = failure_of_status(error.status_code, str(error.body)) or ModelFailure.GARBLED
        raise model_error(failure, endpoint) from error
    except openai.APIConnectionError as error:
        raise model_error(_of_cause(error), endpoint) from error
    except openai.OpenAIError as error:
        raise model_error(ModelFailure.GARBLED, endpoint) from error
    except httpx.TimeoutException as error:
        raise model_error(ModelFailure.TOO_SLOW, endpoint) from error
    except httpx.ConnectError as error:
        raise model_error(ModelFailure.UNREACHABLE, endpoint) from error
    except httpx.HTTPError as error:
        raise model_error(ModelFailure.BROKE_OFF, endpoint) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if not _is_adapters(error):
            raise
        raise model_error(ModelFailure.GARBLED, endpoint) from error


def _of_cause(error: Exception) -> ModelFailure:
    import httpx  # noqa: PLC0415 - of the extra `agent`

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (httpx.RemoteProtocolError, httpx.ReadError)):
            return ModelFailure.BROKE_OFF
        cause = cause.__cause__ or cause.__context__
    return ModelFailure.UNREACHABLE


def _is_adapters(error: BaseException) -> bool:
    """Whether an error arose in the adapter's reading of a reply, and not in this program."""
    trace: Any = error.__traceback__
    last = ""
    while trace is not None:
        last = trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
    return last.startswith(
        ("langchain_openai.chat_models", "langchain_core.messages", "langchain_core.language_models", "openai.")
    )


class Capture:
    """Keeps the first request that would leave the machine, and sends none."""

    def __init__(self) -> None:
        self.body = b""
        self.address = ""

    def transport(self) -> httpx.BaseTransport:
        """The transport that keeps it."""
        import httpx  # noqa: PLC0415 - of the extra `agent`

        def answer(request: httpx.Request) -> httpx.Response:
            if not self.body:
                self.body = request.read()
                self.address = str(request.url)
            return httpx.Response(400, json={"error": {"message": "kept, not sent"}})

        return httpx.MockTransport(answer)


__all__ = ["Capture", "ModelError", "chat_model", "explained", "http_client", "is_installed", "require_installed"]
