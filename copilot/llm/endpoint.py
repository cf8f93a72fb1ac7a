"""Where a model answers and under which terms. The key never appears in a repr, a log or an error."""

from __future__ import annotations

import stat
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from copilot.model import InputError, UsageError
from copilot.model.hosts import is_near

MAX_KEY = 4096  # bytes: the longest keys in use are signed tokens of about 2 KiB


class Mode(StrEnum):
    """How much is left to the model."""

    AUTO = "auto"  # tools where the endpoint serves them, else guided
    TOOLS = "tools"  # the model calls the tools
    GUIDED = "guided"  # the program runs the tools; the model chooses from a menu and writes


class Secret:
    """A key that can be used but not printed."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key itself, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(set)" if self._value else "Secret(none)"

    __str__ = __repr__


class Endpoint(msgspec.Struct, frozen=True):
    """An OpenAI-compatible endpoint. `url` ends before `/chat/completions`; prices are in currency units per million tokens.

    `context` is the window in tokens, 0 when not known; `seconds` bounds one answer of the model, `connect` its first byte.
    """

    url: str
    model: str
    key: Secret = Secret("")
    mode: Mode = Mode.AUTO
    context: int = 0
    price_in: float = 0.0
    price_out: float = 0.0
    seconds: float = 60.0
    retries: int = 2

    @property
    def host(self) -> str:
        """The address as a person would name it, without path, user or password."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or '?'}{port}"


def check_endpoint(endpoint: Endpoint) -> Endpoint:
    """The endpoint with its address in one form.

    Raises:
        UsageError: the address is none, or a key would travel unencrypted to another machine.
    """
    try:
        parts = urlsplit(endpoint.url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    if not port_is_valid or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "The model's address is no http or https URL.",
            "Set COPILOT_MODEL_URL, for example http://127.0.0.1:8000/v1",
        )
    if parts.username or parts.password:
        raise UsageError(
            "The model's address holds a user or a password.", "Put the key into COPILOT_MODEL_KEY or a key file."
        )
    if endpoint.key and parts.scheme == "http" and not is_near(parts.hostname):
        raise UsageError(
            f"The model's key would travel unencrypted to {parts.hostname}.", "Use an https address, or no key."
        )
    url = endpoint.url.strip().rstrip("/").removesuffix("/chat/completions")
    return msgspec.structs.replace(endpoint, url=url)


def read_key_file(path: Path) -> Secret:
    """The key in a file that only its owner may read.

    Raises:
        InputError: the file is missing, readable by others, empty or far too long.
    """
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"The key file {path} can be read by others.", f"Run: chmod 600 {path}")
        with path.open("rb") as file:
            raw = file.read(MAX_KEY + 1)
        value = raw.decode("ascii").strip()
    except OSError as error:
        raise InputError(
            f"The key file {path} cannot be read: {error.strerror}.", "Check COPILOT_MODEL_KEY_FILE."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"The key file {path} holds more than a key.", "It is one line of ASCII text.") from error
    if not value or len(raw) > MAX_KEY or not value.isprintable() or " " in value:
        raise InputError(f"The key file {path} does not hold one key.", "It is one line of ASCII text.")
    return Secret(value)
