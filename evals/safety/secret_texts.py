"""Makes secrets of many types and puts them into the contexts in which secrets leak. Deterministic: the seed is the caller's."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator

_LETTERS = string.ascii_letters
_ALNUM = string.ascii_letters + string.digits
_UPPER = string.ascii_uppercase + "234567"
_HEX = "0123456789abcdef"

Maker = Callable[[random.Random], str]


def _run(alphabet: str, length: int) -> Maker:
    return lambda chance: "".join(chance.choice(alphabet) for _ in range(length))


def _jwt(chance: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return ".".join((part({"alg": "HS256", "typ": "JWT"}), part({"sub": chance.random()}), _run(_ALNUM, 43)(chance)))


def _pem(chance: random.Random) -> str:
    lines = "\n".join(_run(_ALNUM + "+/", 64)(chance) for _ in range(4))
    kind = chance.choice(("RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


# Types that a reader recognises anywhere, without context.
SELF_EVIDENT: dict[str, Maker] = {
    "aws key": lambda c: "AKIA" + _run(_UPPER, 16)(c),
    "gcp key": lambda c: "AIza" + _run(_ALNUM, 35)(c),
    "github": lambda c: "ghp_" + _run(_ALNUM, 36)(c),
    "github fine-grained": lambda c: "github_pat_" + _run(_ALNUM, 82)(c),
    "gitlab": lambda c: "glpat-" + _run(_ALNUM, 20)(c),
    "slack": lambda c: "xoxb-" + _run(string.digits, 12)(c) + "-" + _run(_ALNUM, 24)(c),
    "hugging face": lambda c: "hf_" + _run(_LETTERS, 34)(c),
    "openai": lambda c: "sk-proj-" + _run(_ALNUM, 48)(c),
    "anthropic": lambda c: "sk-ant-api03-" + _run(_ALNUM, 80)(c),
    "stripe": lambda c: "sk_live_" + _run(_ALNUM, 24)(c),
    "npm": lambda c: "npm_" + _run(_ALNUM, 36)(c),
    "vault": lambda c: "hvs." + _run(_ALNUM, 24)(c),
    "grafana": lambda c: "glsa_" + _run(_ALNUM, 32)(c) + "_" + _run(_HEX, 8)(c),
    "openshift": lambda c: "sha256~" + _run(_ALNUM, 43)(c),
    "sendgrid": lambda c: "SG." + _run(_ALNUM, 22)(c) + "." + _run(_ALNUM, 43)(c),
    "digitalocean": lambda c: "dop_v1_" + _run(_HEX, 64)(c),
    "atlassian": lambda c: "ATATT3" + _run(_ALNUM, 180)(c) + "=" + _run(_HEX, 8)(c).upper(),
    "jwt": _jwt,
    "private key": _pem,
}

# Types that only their context gives away.
CONTEXTUAL: dict[str, Maker] = {
    "word and digits": lambda c: c.choice(("hunter", "sommer", "Berlin")) + str(c.randrange(10, 9999)),
    "random 12": _run(_ALNUM, 12),
    "random with symbols": _run(_ALNUM + "!@#%^*_-+.", 18),
    "hex 40": _run(_HEX, 40),
    "base64 40": _run(_ALNUM + "+/", 40),
    "uuid": lambda c: "-".join(_run(_HEX, size)(c) for size in (8, 4, 4, 4, 12)),
}

Context = tuple[str, Callable[[str, str], str]]

CONTEXTS: tuple[Context, ...] = (
    ("env file", lambda n, s: f"export {n.upper()}={s}"),
    ("yaml", lambda n, s: f"  {n}: {s}"),
    ("quoted yaml", lambda n, s: f'{n}: "{s}"'),
    ("json", lambda n, s: json.dumps({"level": "info", n: s, "ok": True})),
    ("escaped json", lambda n, s: json.dumps({"log": json.dumps({n: s, "a": 1})})),
    ("python repr", lambda n, s: f"config = {{'{n}': '{s}', 'debug': False}}"),
    ("logfmt", lambda n, s: f'ts=2026-01-02T03:04:05Z level=error msg="connect failed" {n}={s} retry=3'),
    ("flag", lambda n, s: f"/bin/app --{n.replace('_', '-')}={s} --verbose"),
    ("flag with space", lambda n, s: f"/bin/app --{n.replace('_', '-')} {s} --verbose"),
    ("env entry", lambda n, s: f"        - name: {n.upper()}\n          value: {s}"),
    ("env entry json", lambda n, s: json.dumps({"env": [{"name": n.upper(), "value": s}]})),
    ("describe", lambda n, s: f"      {n.upper()}:   {s}"),
    ("url query", lambda n, s: f"GET https://api.example.com/v1/items?page=2&{n}={s}&sort=asc 401"),
    ("toml", lambda n, s: f'{n} = "{s}"'),
    ("go struct", lambda n, s: f"config: {{Host:db Port:5432 {n}:{s} Name:shop}}"),
)

FREE_CONTEXTS: tuple[Context, ...] = (
    ("bare", lambda _, s: s),
    ("sentence", lambda _, s: f"panic: unexpected value {s} while starting"),
    ("coloured", lambda _, s: f"\x1b[31merror\x1b[0m got \x1b[1m{s}\x1b[0m"),
)

NAMES = ("db_password", "api_key", "client_secret", "access_token", "auth_token", "secret_access_key")


def planted(seed: int, rounds: int) -> Iterator[tuple[str, str, str]]:
    """Yield (what, text, secret) for every type in every context that fits it."""
    chance = random.Random(seed)  # noqa: S311 - the same secrets in every run
    for _ in range(rounds):
        for kind, make in {**SELF_EVIDENT, **CONTEXTUAL}.items():
            contexts = CONTEXTS + FREE_CONTEXTS if kind in SELF_EVIDENT else CONTEXTS
            for where, put in contexts:
                secret = make(chance)
                if "\n" in secret and where not in {"bare", "sentence", "json", "escaped json"}:
                    continue
                yield f"{kind} in {where}", put(chance.choice(NAMES), secret), secret


def leaks(redacted: str, secret: str) -> bool:
    """Whether a recognisable part of the secret (8 characters in a row, or all of it) is still readable."""
    body = secret.split("\n")[1] if "\n" in secret else secret
    size = min(len(body), 10)
    return any(body[start : start + size] in redacted for start in range(len(body) - size + 1))
