"""Takes secrets out of text and API objects before anything is stored, shown or sent. Idempotent, linear time.

A secret becomes `<secret:kind:7f3a>`: the four digits are a keyed hash of the value, so equal secrets can be seen
to be equal while neither the value nor its hash can be looked up without the installation's key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from guardrails.redaction_rules import PLACEHOLDER, Compiled, may_apply
from guardrails.redaction_text import clean_text, without_invisible
from guardrails.redaction_values import never_harmless, not_a_name, not_a_word

__all__ = ["Redactor", "clean_text", "install_key", "redact", "redact_body"]

_PASSES = 16  # a replacement may complete the context of another rule; real text needs two passes
_DEPTH = 100  # levels: the deepest real schema is below 60, and Python's own limit must not be met
_CACHED = 512  # characters: longer strings repeat too rarely to be worth keeping
_SHORTEST = 6  # characters: nothing shorter matches any rule
_LAST_APPLIED = "last-applied-configuration"
_DONE = re.compile(f"(?:{PLACEHOLDER})+")
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_SECRET_WORDS = frozenset(
    """password passwd passphrase pass pwd passwort token secret key apikey credential credentials creds
    dockerconfigjson dockercfg salt""".split()  # noqa: SIM905 -- a word list reads best as words
)
_PASSWORD_WORDS = frozenset({"password", "passwd", "passphrase", "pwd", "passwort", "dockerconfigjson", "dockercfg"})
_SECRET_PAIRS = frozenset(
    [
        (word, "key")
        for word in (
            "api",
            "access",
            "secret",
            "private",
            "encryption",
            "signing",
            "account",
            "auth",
            "master",
            "ssh",
            "hmac",
            "shared",
            "storage",
            "license",
        )
    ]
    + [(word, "secret") for word in ("client", "webhook", "cookie", "jwt", "signing", "shared")]
    + [(word, "token") for word in ("access", "refresh", "bearer", "bot", "session", "api", "auth", "id")]
)
# A name that ends in one of these speaks about a secret, it does not hold one.
_ABOUT = frozenset(
    """name names ref refs file files path dir id ids type kind ttl seconds expiry expiration length size policy
    namespace url uri host port mount enabled algorithm alg class provider version count limit max min prefix label
    selector usage usages pair rotation issuer audience audiences hash checksum backend store header""".split()  # noqa: SIM905 -- likewise
)
_FLAG = re.compile(
    r"^--?[\w\-]*(?:password|passwd|passphrase|token|secret|api-?key|access-?key|credentials?)$", re.IGNORECASE
)


class Redactor:
    """Replaces secrets by placeholders keyed with this installation's key.

    Args:
        key: 16 bytes or more that stay on this machine; the same key gives the same placeholders.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._short = lru_cache(maxsize=1 << 16)(self._redact)

    def text(self, text: str) -> str:
        """Return the text, made safe to print, with every recognised secret replaced."""
        if len(text) < _SHORTEST:
            return clean_text(text)
        return self._short(text) if len(text) <= _CACHED else self._redact(text)

    def body(self, body: Any) -> Any:
        """Return a copy of a decoded API object (or any JSON value) without its secrets.

        Secret `data` values become placeholders, last-applied annotations and Helm payloads go, environment values
        whose name speaks of a secret are replaced, and every other string is treated as text.
        """
        return self._value(body, "", 0)

    def placeholder(self, kind: str, value: str) -> str:
        """The stand-in for one secret."""
        digest = hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
        return f"<secret:{kind}:{digest[:4]}>"

    def _redact(self, text: str) -> str:
        """Clean, then run the rules; what hides behind invisible characters counts as well."""
        cleaned, bare = clean_text(text), without_invisible(text)
        redacted = self._apply(bare)
        return self._apply(cleaned) if redacted == bare and bare != cleaned else redacted

    def _apply(self, text: str) -> str:
        """Run all rules until nothing changes."""
        for _ in range(_PASSES):
            before = text
            for step in may_apply(text):
                text = self._run(step, text)
            if text == before:
                return text
        return text

    def _run(self, step: Compiled, text: str) -> str:
        """Run one rule over the text."""
        done = [found.span() for found in _DONE.finditer(text)] if "<secret:" in text else []

        def replace(match: Any) -> str:
            """Put the placeholder in the place of the value, and keep its context."""
            whole: str = match.group()
            if "digest" in step.program.groupindex and match.group("digest"):
                return whole
            for group in step.groups:
                value = match.group(group)
                if value is not None:
                    if _cuts(done, match.span(group)) or not step.rule.counts(value):
                        return whole
                    start = match.start(group) - match.start()
                    return whole[:start] + self.placeholder(step.rule.kind, value) + whole[start + len(value) :]
            return whole

        result: str = step.program.sub(replace, text)
        return result

    def _value(self, value: Any, name: str, depth: int) -> Any:
        """Redact one JSON value that stands under the key `name`."""
        if isinstance(value, str):
            return self._secret(value, name) if name and _is_secret_field(name, value) else self.text(value)
        if depth >= _DEPTH:
            return "<too deep>" if isinstance(value, (dict, list, tuple)) else value
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple)):
            return self._list(list(value), depth)
        return value

    def _secret(self, value: str, name: str) -> str:
        """The placeholder of a value that its name gives away; templates and empty values stay."""
        return self.placeholder(_kind_of(name), value) if not_a_word(value) and not _DONE.fullmatch(value) else value

    def _mapping(self, body: Mapping[Any, Any], depth: int) -> dict[Any, Any]:
        """Redact an object; Secrets, environment entries and annotations have their own rules."""
        is_secret = body.get("kind") == "Secret" or str(body.get("type", "")).startswith("helm.sh/release")
        env_name = body.get("name") if isinstance(body.get("name"), str) and "value" in body else None
        redacted: dict[Any, Any] = {}
        for key, value in body.items():
            name = key if isinstance(key, str) else ""
            if name.endswith(_LAST_APPLIED):
                continue
            if is_secret and name in {"data", "stringData"}:
                redacted[key] = self._secret_data(value, encoded=name == "data")
            elif env_name and name == "value" and isinstance(value, str) and is_secret_name(env_name):
                redacted[key] = self._secret(value, env_name)
            elif isinstance(value, str) and name in {"key", "name", "kind"}:
                redacted[key] = self.text(value)
            else:
                redacted[key] = self._value(value, name, depth + 1)
        return redacted

    def _list(self, items: list[Any], depth: int) -> list[Any]:
        """Redact a list; in a command line, the word after `--password` is one."""
        redacted, after_flag = [], False
        for item in items:
            if after_flag and isinstance(item, str) and not item.startswith("-") and not _DONE.fullmatch(item):
                redacted.append(self.placeholder("password", item) if never_harmless(item) else item)
            else:
                redacted.append(self._value(item, "", depth + 1))
            after_flag = isinstance(item, str) and _FLAG.match(item) is not None
        return redacted

    def _secret_data(self, data: Any, *, encoded: bool) -> Any:
        """Keep the keys of a Secret; its values go, whatever they look like."""
        if not isinstance(data, Mapping):
            return None
        kept: dict[Any, Any] = {}
        for key, value in data.items():
            if not isinstance(value, str) or not value or _DONE.fullmatch(value):
                kept[key] = value if isinstance(value, str) or value is None else "<dropped>"
            else:
                kept[key] = self.placeholder("data", _decoded(value) if encoded else value)
        return kept


def _cuts(done: list[tuple[int, int]], span: tuple[int, int]) -> bool:
    """Whether a value is a placeholder already, or begins or ends inside one."""
    start, end = span
    return any((first <= start and end <= last) or first < start < last or first < end < last for first, last in done)


def is_secret_name(name: str) -> bool:
    """Whether an environment variable of this name holds a secret: `DB_PASSWORD` does, `PASSWORD_FILE` does not."""
    words = _words(name)
    if not words or words[-1] in _ABOUT:
        return False
    return _is_joined(words[-1]) or bool(_SECRET_WORDS.intersection(words[-2:]))


def _is_secret_field(name: str, value: str) -> bool:
    """Whether a field holds a secret. `tlsSecret: web` and `topologyKey: zone` are names, `clientSecret: 8fK2…` is not."""
    if name.startswith("checksum/"):
        return False
    if name.isupper():
        return is_secret_name(name)
    words = _words(name)
    if not words or words[-1] in _ABOUT:
        return False
    if _is_joined(words[-1]) or words[-1] in _PASSWORD_WORDS or tuple(words[-2:]) in _SECRET_PAIRS:
        return True
    return len(words) > 1 and words[-1] in _SECRET_WORDS - {"key"} and not_a_name(value)


def _words(name: str) -> list[str]:
    """`dbPassword2` → db, password."""
    words = (word.lower().rstrip("0123456789") for word in _SPLIT.split(name.rpartition("/")[2]))
    return [word for word in words if word]


def _is_joined(word: str) -> bool:
    """Names written without any separator: `PGPASSWORD`, `authtoken`."""
    return word.endswith(("password", "passwd", "apikey", "accesskey", "secretkey", "authtoken", "accesstoken"))


def _kind_of(name: str) -> str:
    """The kind shown in the placeholder: the word that gave it away."""
    lowered = name.lower()
    for word in ("password", "token", "credential", "secret", "key"):
        if word in lowered:
            return word
    return "password"


def _decoded(value: str) -> str:
    """The text behind base64, so that a Secret's value and its plain copy get the same placeholder."""
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return value


def install_key(folder: Path) -> bytes:
    """Read this installation's redaction key from a data folder, making it on first use (mode 0600).

    Raises:
        OSError: the folder cannot be written or the key cannot be read.
    """
    path = folder / "redaction.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".redaction.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(secrets.token_bytes(32))
    try:
        os.link(fresh, path)  # whoever links first has made the key; the others read it
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_bytes()


@cache
def _of_this_process() -> Redactor:
    """The redactor behind the plain functions: its placeholders are stable within one process."""
    return Redactor(secrets.token_bytes(32))


def redact(text: str) -> str:
    """Redact text with a key of this process. Use `Redactor(install_key(folder))` where results are kept."""
    return _of_this_process().text(text)


def redact_body(body: Any) -> Any:
    """Redact an API object with a key of this process."""
    return _of_this_process().body(body)
