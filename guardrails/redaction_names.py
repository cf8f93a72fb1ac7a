"""Tells from the name of a field, variable or flag whether its value is a secret. Pure functions over one name."""

from __future__ import annotations

import re
from functools import lru_cache

from guardrails.redaction_values import not_a_name

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
SECRET_FLAG = re.compile(
    r"^--?[\w\-]*(?:password|passwd|passphrase|token|secret|api-?key|access-?key|credentials?)$", re.IGNORECASE
)


@lru_cache(maxsize=1 << 14)  # a cluster has few distinct names, each thousands of times
def is_secret_name(name: str) -> bool:
    """Whether an environment variable of this name holds a secret: `DB_PASSWORD` does, `PASSWORD_FILE` does not."""
    words = _words(name)
    if not words or words[-1] in _ABOUT:
        return False
    return _is_joined(words[-1]) or bool(_SECRET_WORDS.intersection(words[-2:]))


def is_secret_field(name: str, value: str) -> bool:
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


def kind_of(name: str) -> str:
    """The kind shown in the placeholder: the word that gave it away."""
    lowered = name.lower()
    for word in ("password", "token", "credential", "secret", "key"):
        if word in lowered:
            return word
    return "password"
