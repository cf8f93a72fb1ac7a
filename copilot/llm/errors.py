"""Why a model did not answer: one sentence a person can act on. Never the endpoint's own text, which may be anything."""

from __future__ import annotations

from enum import StrEnum

from copilot.llm.endpoint import Endpoint
from copilot.model import CopilotError


class ModelFailure(StrEnum):
    """What went wrong between this program and the model."""

    NOT_INSTALLED = "not-installed"
    UNREACHABLE = "unreachable"
    WRONG_KEY = "wrong-key"
    NO_MODEL = "no-model"
    RATE_LIMITED = "rate-limited"
    TOO_SLOW = "too-slow"
    BROKE_OFF = "broke-off"
    TOO_LONG = "too-long"
    REFUSED = "refused"
    FAILED = "failed"
    GARBLED = "garbled"


class ModelError(CopilotError):
    """The model could not be used; the deterministic answer stands."""

    def __init__(self, failure: ModelFailure, title: str, hint: str) -> None:
        super().__init__(title, hint)
        self.failure = failure


_WORDS: dict[ModelFailure, tuple[str, str]] = {
    ModelFailure.NOT_INSTALLED: (
        "A model is configured, but the parts that speak to it are not installed.",
        "Install them: pip install 'cluster-copilot[agent]'",
    ),
    ModelFailure.UNREACHABLE: (
        "The model's endpoint {host} cannot be reached.",
        "Check that it runs and COPILOT_MODEL_URL; then: kubectl copilot models",
    ),
    ModelFailure.WRONG_KEY: (
        "The model's endpoint {host} refused the key.",
        "Check COPILOT_MODEL_KEY or the file in COPILOT_MODEL_KEY_FILE.",
    ),
    ModelFailure.NO_MODEL: (
        "The endpoint {host} does not serve the model {model}.",
        "See which it serves: kubectl copilot models",
    ),
    ModelFailure.RATE_LIMITED: (
        "The model's endpoint {host} allows no more requests now.",
        "Wait a minute, or use another endpoint.",
    ),
    ModelFailure.TOO_SLOW: (
        "The model at {host} did not answer within {seconds:g} s.",
        "Use a smaller model, or raise COPILOT_MODEL_SECONDS.",
    ),
    ModelFailure.BROKE_OFF: ("The model at {host} broke off in the middle of its answer.", "Ask again."),
    ModelFailure.TOO_LONG: (
        "The question with its evidence is longer than the model at {host} can read.",
        "Narrow it with -n NAMESPACE or name one object, or set COPILOT_MODEL_CONTEXT.",
    ),
    ModelFailure.REFUSED: (
        "The model's endpoint {host} refused the request as malformed.",
        "See what it can do: kubectl copilot models",
    ),
    ModelFailure.FAILED: ("The model's endpoint {host} failed with an error of its own.", "Ask again, or look at its log."),
    ModelFailure.GARBLED: (
        "What {host} answered is not what an OpenAI-compatible endpoint answers.",
        "Check COPILOT_MODEL_URL: it often ends in /v1",
    ),
}  # fmt: skip


def model_error(failure: ModelFailure, endpoint: Endpoint) -> ModelError:
    """The sentence for a failure at an endpoint."""
    title, hint = _WORDS[failure]
    return ModelError(
        failure, title.format(host=endpoint.host, model=endpoint.model or "?", seconds=endpoint.seconds), hint
    )


def failure_of_status(status: int, said: str) -> ModelFailure | None:
    """What an HTTP status of the endpoint means, with what its error body said; None where it is no error."""
    lowered = said.lower()
    if status < 400:
        return None
    if status in (400, 413, 422) and any(word in lowered for word in _TOO_LONG):
        return ModelFailure.TOO_LONG
    if status in (401, 403):
        return ModelFailure.WRONG_KEY
    if status == 404:
        return ModelFailure.NO_MODEL if "model" in lowered else ModelFailure.GARBLED
    if status == 429:
        return ModelFailure.RATE_LIMITED
    if status in (408, 504):
        return ModelFailure.TOO_SLOW
    return ModelFailure.FAILED if status >= 500 else ModelFailure.REFUSED


# OpenAI's code, and the words of vLLM, llama.cpp, TGI and Ollama for the same.
_TOO_LONG = ("context_length_exceeded", "context length", "context size", "maximum context", "too many tokens", "too long", "exceed_context_size", "max_total_tokens")  # fmt: skip
