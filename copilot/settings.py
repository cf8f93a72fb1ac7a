"""The program's settings, read once from the environment at the edge. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from copilot.model.errors import UsageError

ENV_DATA = "COPILOT_DATA_DIR"
ENV_ALLOW = "COPILOT_ALLOW_CHANGES"
ENV_POLICY = "COPILOT_POLICY"
ENV_EXECUTOR = "COPILOT_EXECUTOR"
ENV_PROMETHEUS = "COPILOT_PROMETHEUS_URL"
ENV_ANCHOR_FILE = "COPILOT_ANCHOR_FILE"
ENV_ANCHOR_URL = "COPILOT_ANCHOR_URL"
ENV_ANCHOR_EVERY = "COPILOT_ANCHOR_EVERY"
ENV_ANCHOR_REQUIRED = "COPILOT_ANCHOR_REQUIRED"
ENV_MODEL = "COPILOT_MODEL"
ENV_MODEL_URL = "COPILOT_MODEL_URL"
ENV_MODEL_KEY = "COPILOT_MODEL_KEY"
ENV_MODEL_KEY_FILE = "COPILOT_MODEL_KEY_FILE"
ENV_MODEL_MODE = "COPILOT_MODEL_MODE"
ENV_MODEL_CONTEXT = "COPILOT_MODEL_CONTEXT"
ENV_MODEL_PRICES = "COPILOT_MODEL_PRICES"
ENV_MODEL_SECONDS = "COPILOT_MODEL_SECONDS"
ENV_MCP_FILE = "COPILOT_MCP_FILE"
ENV_OTEL = "COPILOT_OTEL"
ENV_OTEL_CONTENT = "COPILOT_OTEL_CONTENT"
ENV_NEO4J_URL = "COPILOT_NEO4J_URL"
ENV_NEO4J_USER = "COPILOT_NEO4J_USER"
ENV_NEO4J_PASSWORD = "COPILOT_NEO4J_PASSWORD"  # noqa: S105 - the name of a variable
ENV_NEO4J_PASSWORD_FILE = "COPILOT_NEO4J_PASSWORD_FILE"  # noqa: S105 - the name of a variable
ENV_EMBEDDINGS_URL = "COPILOT_EMBEDDINGS_URL"
ENV_EMBEDDINGS_MODEL = "COPILOT_EMBEDDINGS_MODEL"
ENV_EMBEDDINGS_KEY_FILE = "COPILOT_EMBEDDINGS_KEY_FILE"
ENV_EMBEDDINGS_SECONDS = "COPILOT_EMBEDDINGS_SECONDS"
ENV_CHROMA_URL = "COPILOT_CHROMA_URL"
EMBEDDINGS_SECONDS = 20.0  # a search waits for one call
MODEL_SECONDS = 60.0  # a small model on a CPU writes an answer in about half of it
ANCHOR_EVERY = 50  # entries: about eight changes
_TRUE = frozenset({"1", "true", "yes", "on"})


class ModelSettings(msgspec.Struct, frozen=True):
    """Which language model is asked; none by default. The key is read apart (`model_key`): it stands in no settings."""

    name: str = ""
    """The model's name at its endpoint (`COPILOT_MODEL`, or `--model NAME`)."""

    url: str = ""
    """The OpenAI-compatible endpoint, up to `/v1` (`COPILOT_MODEL_URL`); empty: no model."""

    key_file: Path | None = None
    """A file of mode 0600 with the key (`COPILOT_MODEL_KEY_FILE`); `COPILOT_MODEL_KEY` holds the key itself."""

    mode: str = "auto"
    """How much is left to the model: auto, tools or guided (`COPILOT_MODEL_MODE`)."""

    context: int = 0
    """Tokens that the model can read (`COPILOT_MODEL_CONTEXT`); 0: as the endpoint says, else 8192."""

    price_in: float = 0.0
    """Price of a million tokens read (`COPILOT_MODEL_PRICES=0.15/0.60`)."""

    price_out: float = 0.0
    """Price of a million tokens written (the second of `COPILOT_MODEL_PRICES`)."""

    seconds: float = MODEL_SECONDS
    """How long one answer of the model may take (`COPILOT_MODEL_SECONDS`)."""


class Neo4jSettings(msgspec.Struct, frozen=True):
    """Where the graph is mirrored; nowhere by default. The password is read apart (`neo4j_password`)."""

    url: str = ""
    """The server's address (`COPILOT_NEO4J_URL`, or `--neo4j URL`); empty: no mirror."""

    user: str = "neo4j"
    """Who asks (`COPILOT_NEO4J_USER`)."""

    password_file: Path | None = None
    """A file of mode 0600 with the password (`COPILOT_NEO4J_PASSWORD_FILE`); `COPILOT_NEO4J_PASSWORD` holds it itself."""


class EmbeddingSettings(msgspec.Struct, frozen=True):
    """What `search` ranks by meaning with; the model of this installation by default, where there is one."""

    url: str = ""
    """An OpenAI-compatible endpoint, up to `/v1` (`COPILOT_EMBEDDINGS_URL`); empty: no text leaves this machine."""

    model: str = ""
    """The embedding model's name there (`COPILOT_EMBEDDINGS_MODEL`)."""

    key_file: Path | None = None
    """A file of mode 0600 with its key (`COPILOT_EMBEDDINGS_KEY_FILE`)."""

    seconds: float = EMBEDDINGS_SECONDS
    """How long one call may take (`COPILOT_EMBEDDINGS_SECONDS`)."""

    chroma_url: str = ""
    """A Chroma server that holds the vectors, where several processes write (`COPILOT_CHROMA_URL`); none by default."""


class Settings(msgspec.Struct, frozen=True):
    """What a user may set."""

    data_dir: Path
    """Folder of the index, the journal and the keys (`COPILOT_DATA_DIR`; the user's data folder by default)."""

    allow_changes: bool = False
    """Whether `do` may change the cluster without `--allow-changes` (`COPILOT_ALLOW_CHANGES=1`); off by default."""

    executor: Path | None = None
    """The socket of an executor that runs apart and through which changes go (`COPILOT_EXECUTOR`); none by default."""

    policy_file: Path | None = None
    """The site policy that every change is held against (`COPILOT_POLICY`); none by default."""

    prometheus_url: str = ""
    """Where a live cluster's Prometheus answers (`COPILOT_PROMETHEUS_URL`, or `why --prometheus URL`); none by default."""

    anchor_file: Path | None = None
    """A file in another folder that the journal's head is noted in (`COPILOT_ANCHOR_FILE`); none by default."""

    anchor_url: str = ""
    """A webhook that the journal's head and break-glass pages are posted to (`COPILOT_ANCHOR_URL`); none by default."""

    anchor_every: int = ANCHOR_EVERY
    """After how many entries, and after every change, the head is noted (`COPILOT_ANCHOR_EVERY`)."""

    anchor_required: bool = False
    """Whether nothing more is changed while a head could not be noted (`COPILOT_ANCHOR_REQUIRED=1`); off by default."""

    model: ModelSettings = ModelSettings()
    """Which language model is asked (`COPILOT_MODEL` and its relatives); none by default."""

    mcp_file: Path | None = None
    """The file that names the user's MCP servers, whose read tools a model may use (`COPILOT_MCP_FILE`); none by default."""

    otel: bool = False
    """Whether traces, metrics and logs of the agent go to the collector of `OTEL_EXPORTER_OTLP_ENDPOINT` (`COPILOT_OTEL=1`)."""

    neo4j: Neo4jSettings = Neo4jSettings()
    """Where the graph is mirrored (`COPILOT_NEO4J_URL` and its relatives); nowhere by default."""

    embeddings: EmbeddingSettings = EmbeddingSettings()
    """What `search` ranks by meaning with (`COPILOT_EMBEDDINGS_URL` and its relatives)."""

    otel_content: bool = False
    """Whether those traces hold questions, prompts and answers, redacted (`COPILOT_OTEL_CONTENT=1`); off by default."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's own when None)."""
    env = os.environ if environ is None else environ
    given = env.get(ENV_DATA)
    if given:
        folder = Path(given).expanduser()
    else:
        import platformdirs  # noqa: PLC0415 - only when the default is needed: --help must not pay for it

        folder = Path(platformdirs.user_data_dir("cluster-copilot", appauthor=False))
    policy = env.get(ENV_POLICY)
    return Settings(
        data_dir=folder,
        allow_changes=env.get(ENV_ALLOW, "").strip().lower() in _TRUE,
        executor=Path(executor).expanduser() if (executor := env.get(ENV_EXECUTOR, "").strip()) else None,
        policy_file=Path(policy).expanduser() if policy else None,
        prometheus_url=env.get(ENV_PROMETHEUS, "").strip(),
        anchor_file=Path(anchor).expanduser() if (anchor := env.get(ENV_ANCHOR_FILE, "").strip()) else None,
        anchor_url=env.get(ENV_ANCHOR_URL, "").strip(),
        anchor_every=_number(env.get(ENV_ANCHOR_EVERY, "")),
        anchor_required=env.get(ENV_ANCHOR_REQUIRED, "").strip().lower() in _TRUE,
        model=_model(env),
        mcp_file=Path(servers).expanduser() if (servers := env.get(ENV_MCP_FILE, "").strip()) else None,
        neo4j=_neo4j(env),
        embeddings=_embeddings(env),
        otel=env.get(ENV_OTEL, "").strip().lower() in _TRUE,
        otel_content=env.get(ENV_OTEL_CONTENT, "").strip().lower() in _TRUE,
    )


def model_key(environ: Mapping[str, str] | None = None) -> str:
    """The key of `COPILOT_MODEL_KEY`, for the one place that opens the endpoint."""
    return (os.environ if environ is None else environ).get(ENV_MODEL_KEY, "").strip()


def neo4j_password(environ: Mapping[str, str] | None = None) -> str:
    """The password of `COPILOT_NEO4J_PASSWORD`, for the one place that connects."""
    return (os.environ if environ is None else environ).get(ENV_NEO4J_PASSWORD, "")


def _neo4j(env: Mapping[str, str]) -> Neo4jSettings:
    file = env.get(ENV_NEO4J_PASSWORD_FILE, "").strip()
    return Neo4jSettings(
        url=env.get(ENV_NEO4J_URL, "").strip(),
        user=env.get(ENV_NEO4J_USER, "").strip() or "neo4j",
        password_file=Path(file).expanduser() if file else None,
    )


def _embeddings(env: Mapping[str, str]) -> EmbeddingSettings:
    file = env.get(ENV_EMBEDDINGS_KEY_FILE, "").strip()
    seconds = env.get(ENV_EMBEDDINGS_SECONDS, "").strip() or str(EMBEDDINGS_SECONDS)
    found = EmbeddingSettings(
        url=env.get(ENV_EMBEDDINGS_URL, "").strip(),
        model=env.get(ENV_EMBEDDINGS_MODEL, "").strip(),
        key_file=Path(file).expanduser() if file else None,
        seconds=_amount(env, ENV_EMBEDDINGS_SECONDS, seconds) or EMBEDDINGS_SECONDS,
        chroma_url=env.get(ENV_CHROMA_URL, "").strip(),
    )
    if found.url and not found.model:
        raise UsageError(f"{ENV_EMBEDDINGS_URL} is set without a model", f"Set {ENV_EMBEDDINGS_MODEL}.")
    if found.chroma_url and not found.chroma_url.startswith(("http://", "https://")):
        raise UsageError(f"{ENV_CHROMA_URL} is no http or https URL", "For example: http://127.0.0.1:8000")
    return found


def _model(env: Mapping[str, str]) -> ModelSettings:
    mode = env.get(ENV_MODEL_MODE, "").strip().lower() or "auto"
    if mode not in ("auto", "tools", "guided"):
        raise UsageError(f"{ENV_MODEL_MODE} is {mode!r}", "Give auto, tools or guided.")
    key_file = env.get(ENV_MODEL_KEY_FILE, "").strip()
    prices = env.get(ENV_MODEL_PRICES, "").strip()
    read, _, written = prices.partition("/")
    return ModelSettings(
        name=env.get(ENV_MODEL, "").strip(),
        url=env.get(ENV_MODEL_URL, "").strip(),
        key_file=Path(key_file).expanduser() if key_file else None,
        mode=mode,
        context=int(_amount(env, ENV_MODEL_CONTEXT, env.get(ENV_MODEL_CONTEXT, "").strip() or "0")),
        price_in=_amount(env, ENV_MODEL_PRICES, read or "0"),
        price_out=_amount(env, ENV_MODEL_PRICES, written or read or "0"),
        seconds=_amount(env, ENV_MODEL_SECONDS, env.get(ENV_MODEL_SECONDS, "").strip() or str(MODEL_SECONDS))
        or MODEL_SECONDS,
    )


def _amount(env: Mapping[str, str], name: str, given: str) -> float:
    """A number that is not negative.

    Raises:
        UsageError: it is none.
    """
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        hint = "Give two prices of a million tokens: 0.15/0.60" if name == ENV_MODEL_PRICES else "Give a number."
        raise UsageError(f"{name} is {env.get(name, '')!r}", hint)
    return value


def _number(given: str) -> int:
    """A number of entries.

    Raises:
        UsageError: it is none from 1 to a million.
    """
    if not given.strip():
        return ANCHOR_EVERY
    if not given.strip().isdecimal() or not 0 < int(given) <= 1_000_000:
        raise UsageError(f"{ENV_ANCHOR_EVERY} is {given!r}", "Give a number of entries from 1 to 1000000.")
    return int(given)
