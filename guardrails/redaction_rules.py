"""What a secret looks like in text, as RE2 patterns. Matching time is linear in the text, whatever the text is.

A rule's named groups starting with `v` hold the secret; everything else in the match is context and stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from guardrails.redaction_tokens import HEADS, PATTERN, is_token, kind_of_token
from guardrails.redaction_values import (
    is_basic_credential,
    is_opaque,
    never_harmless,
    not_a_flag,
    not_a_name,
    not_a_word,
)

PLACEHOLDER = r"<secret:[a-z0-9-]+:[0-9a-f]{4}>"

# Words that say "secret" by themselves. A key must END in one, so `secretName` and `tokenTTL` are not meant.
_STRONG = (
    r"passw(?:or)?d|passwort|passphrase|passcode|[a-z]{3}pwd|(?:\b|[_.\-])(?:db|my|pg|sa)?pwd|requirepass|masterauth|"
    r"client[_.\-]?secret|secret[_.\-]?(?:access[_.\-]?)?key|webhook[_.\-]?secret|cookie[_.\-]?secret|"
    r"jwt[_.\-]?secret|signing[_.\-]?(?:key|secret)|shared[_.\-]?(?:access[_.\-]?)?(?:key|secret)|"
    r"api[_.\-]?key|apikey|access[_.\-]?key|private[_.\-]?key|encryption[_.\-]?key|account[_.\-]?key|"
    r"auth[_.\-]?(?:key|token)|master[_.\-]?key|storage[_.\-]?key|subscription[_.\-]?key|licen[sc]e[_.\-]?key|"
    r"ssh[_.\-]?key|hmac[_.\-]?key|client[_.\-]?key[_.\-]?data|access[_.\-]?token|refresh[_.\-]?token|id[_.\-]?token|"
    r"bearer[_.\-]?token|bot[_.\-]?token|session[_.\-]?token|csrf[_.\-]?token|api[_.\-]?token|"
    r"dockerconfigjson|dockercfg|connection[_.\-]?string"
)
_WEAK = r"token|secret|credentials?|creds"
_STRONG_NEEDS = ("pass", "pwd", "masterauth", "secret", "key", "token", "dockerc", "connection")
_WEAK_NEEDS = ("token", "secret", "cred")
_SHORT_FORM = r"(?:[\w.\-]*[_.\-]|(?-i:[\w.\-]*[a-z]))(?-i:pass|Pass|PASS)"
_ENV_KEY = r"(?-i:[A-Z0-9_]*_(?:KEY|PASS|CREDENTIAL|CREDENTIALS|CREDS|DSN|SALT))"
_QUOTE = r"\\*[\"']?"
_SEPARATOR = r"\s*(?::=|=>|[:=]|%3[AaDd])\s?[ \t]*"
_VALUE = (
    r"(?:\"(?P<v1>(?:[^\"\\\n]|\\[^\n])*)\"|'(?P<v2>(?:[^'\\\n]|\\[^\n])*)'|\\+[\"'](?P<v3>[^\"'\\\n]+)"
    r"|(?P<v4>[^\s\"',;&\\]+(?:\ bytes\b)?))"
)
_KUBE_ENV_NAME = r"(?:[\w.\-]*(?:password|passwd|pass|pwd|passphrase|token|secret|key|credentials?|creds|auth|salt)\d*)"


@dataclass(frozen=True, eq=False)
class Rule:
    """One shape of secret: its kind in the placeholder, literals that must be near, its pattern, which values count."""

    kind: str
    needs: tuple[str, ...]
    pattern: str
    counts: Callable[[str], bool] = never_harmless
    named: Callable[[str], str] | None = None

    def kind_for(self, value: str) -> str:
        """The kind in the placeholder of this value."""
        return self.named(value) if self.named else self.kind


@dataclass(frozen=True)
class Compiled:
    """A rule ready to run: the RE2 program, and the group numbers that may hold the secret."""

    rule: Rule
    program: Any
    groups: tuple[int, ...]


_STRUCTURES = (
    Rule("private-key", ("private key",), r"(?P<v>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.\-]|\\n)*?"
                        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z))"),
    Rule("private-key", ("private key",), r"(?P<v>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\]*)"),
    Rule("private-key", ("ls0tls1",), r"(?P<v>LS0tLS1CRUdJTi[A-Za-z0-9+/]*(?:UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW)"
                        r"[A-Za-z0-9+/=\s]*)"),
    Rule("last-applied", ("last-applied",), r"(?i:last-applied-configuration)\\*[\"']?\s*[:=]\s*(?:[|>][+\-]?\s*)?"
                         r"(?:\"(?P<v1>(?:[^\"\\\n]|\\[^\n])*)\"|(?P<v2>[^\s\"][^\n]*))"),
    Rule("helm-release", ("h4si", "sdrzsu"), r"(?P<v>(?:H4sI|SDRzSU)[A-Za-z0-9+/=]{64,})"),
    Rule("docker-config", ("eyjhdxrocyi",), r"(?P<v>eyJhdXRocyI[A-Za-z0-9+/=]{16,})"),
    Rule("jwt", ("eyj", "eyi"), r"(?P<v>\bey[JI][A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,3})"),
    Rule("authorization", ("authorization",), rf"(?i)\bauthorization{_QUOTE}\s*[:=]+>?\s*\[?{_QUOTE}(?:(?:digest|aws4-hmac-sha256|"
                          r"hmac|signature)\s+(?P<v1>[^\n\"']+)|(?:bearer|basic|token|negotiate|apikey|ntlm|splunk)\s+"
                          r"(?P<v2>[^\s\"'\\,;]+))"),
    Rule("authorization", ("authorization",), rf"(?i)\bauthorization{_QUOTE}\s*[:=]\s*{_QUOTE}(?P<v>[^\s\"'\\,;]+)", is_opaque),
    Rule("bearer", ("bearer",), r"(?i)\bbearer\s+(?P<v>[A-Za-z0-9._~+/\-]{8,}=*)", is_opaque),
    Rule("basic", ("basic",), r"(?i)\bbasic\s+(?P<v>[A-Za-z0-9+/]{6,}={0,2})", is_basic_credential),
    Rule("cookie", ("cookie",), r"(?i)\b(?:set-)?cookie2?\\*[\"']?\s*:\s*\[?\\*[\"']?(?P<v>[^\n\"'\\]*=[^\n\"'\\]*)"),
    Rule("url-password", ("://",), r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@\"'\\]*:(?P<v>[^\s/\"'\\]+)@"),
    Rule("url-password", ("://",), r"[A-Za-z][A-Za-z0-9+.\-]*://(?P<v>[^\s/:@\"'\\]{16,})@", is_opaque),
    Rule("url-password", ("@tcp(", "@unix("), r"[\w.\-]+:(?P<v>[^\s:/@\"']+)@(?:tcp|unix)\("),
    Rule("url-signature", ("sig=", "signature=", "security-token="), r"(?i)[?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature)="
                          r"(?P<v>[^\s&\"'\\<]+)"),
    Rule("webhook", ("hooks.slack.com", "discord", "webhook.office.com"), r"(?i)https?://hooks\.slack\.com/(?:services|workflows)/(?P<v1>[\w/\-]{20,})"
                    r"|https?://(?:[\w.]+\.)?discord(?:app)?\.com/api/webhooks/(?P<v2>[\w/\-]{20,})"
                    r"|https?://[\w.\-]+\.webhook\.office\.com/(?P<v3>[\w/@\-]{20,})"),
    Rule("password-hash", ("$2", "$apr", "$1$", "$5$", "$6$", "$y$", "$argon"), r"(?P<v>\$(?:2[abxy]\$\d\d|apr1|1|5|6|y|argon2id?)\$[./A-Za-z0-9=,$+\-]{20,})"),
)  # fmt: skip

_TOKENS = (Rule("token", (), PATTERN, is_token, kind_of_token),)

_PAIRS = (
    Rule("env", ("value",), rf"(?i)\bname\\*[\"']?\s*[:=]\s*{_QUOTE}{_KUBE_ENV_NAME}{_QUOTE}\s*,?\s*{_QUOTE}value{_QUOTE}\s*[:=]\s*"
                rf"{_VALUE}"),
    Rule("env", ("value",), rf"(?i)\bvalue\\*[\"']?\s*[:=]\s*{_VALUE}\s*,\s*{_QUOTE}name{_QUOTE}\s*[:=]\s*{_QUOTE}{_KUBE_ENV_NAME}"
                r"\\*[\"']"),
    Rule("password", ("passw", "passphrase"), r"(?im)^[ \t]*(?:-[ \t]+)?(?:export[ \t]+|set[ \t]+)?[\"']?[\w.\-]*(?:passw(?:or)?d|passphrase)[\"']?"
                     r"(?:=|:[ \t]+)(?P<v>[^\s\"'|>][^\n\"']*)", not_a_word),
    Rule("password", _STRONG_NEEDS, rf"(?i)(?:(?:checksum/)?[\w.\-]*(?:{_STRONG})\d*{_QUOTE}\]?{_SEPARATOR}`?)+{_VALUE}", not_a_word),
    Rule("password", ("pass",), rf"(?i)\b{_SHORT_FORM}\d*{_QUOTE}{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("key", ("_key", "_pass", "_cred", "_dsn", "_salt"), rf"\b{_ENV_KEY}\d*{_QUOTE}{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("token", _WEAK_NEEDS, rf"(?i)(?:(?P<digest>checksum/)|\b)[\w.\-]*(?:{_WEAK})\d*{_QUOTE}\]?{_SEPARATOR}{_VALUE}", not_a_name),
    Rule("password", _STRONG_NEEDS, rf"(?i)(?:^|[^\w\-])--?[\w\-]*(?:{_STRONG})[ \t]+{_VALUE}", not_a_flag),
    Rule("password", _WEAK_NEEDS, rf"(?i)(?:^|[^\w\-])--?[\w\-]*(?:{_WEAK})[ \t]+{_VALUE}", not_a_name),
    Rule("password", ("password", "passwd", "identified"), r"(?i)\b(?:password|passwd|identified\s+by|requirepass)\s+(?:\"(?P<v1>[^\"\n]+)\"|'(?P<v2>[^'\n]+)')"),
    Rule("password", ("requirepass",), r"(?i)\brequirepass\s+(?P<v>\S+)"),
    Rule("password", (*_STRONG_NEEDS, *_WEAK_NEEDS), r"(?i)<[\w.:\-]*(?:" + _STRONG + "|" + _WEAK + r")>(?P<v>[^<\n]+)</"),
    Rule("password", ("curl",), r"(?i)\bcurl\b[^\n|;]*\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:(?P<v>[^\s\"']+)"),
    Rule("password", ("mysql", "mariadb", "sshpass"), r"\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n|;]*\s-p(?P<v>[^\s\"']{3,})"),
    Rule("registry-auth", ("auth",), r"\\*[\"']_?auth\\*[\"']\s*:\s*\\*[\"'](?P<v>[A-Za-z0-9+/]{8,}={0,2})\\*[\"']"),
    Rule("base64-key", ("key", "pem", "jks", "p12", "pfx"), r"\b[\w\-]+\.(?:key|pem|jks|p12|pfx|keystore)\\*[\"']?\s*:\s*\\*[\"']?(?P<v>[A-Za-z0-9+/]{40,}=*)"),
)  # fmt: skip

RULES = _STRUCTURES + _TOKENS + _PAIRS


def may_apply(text: str) -> list[Compiled]:
    """The rules that can match a text at all, in their order: each names literals of which one must be there, if any."""
    if not _gate().search(text):
        return []
    folded = text.casefold()
    found = [_ready(rule) for rule in RULES if rule.needs and any(literal in folded for literal in rule.needs)]
    return [*map(_ready, _TOKENS), *found] if _heads().search(text) else found


@cache
def _gate() -> Any:
    """One scan that settles most texts: the literals of all rules, and how tokens begin."""
    literals = sorted({literal for rule in RULES for literal in rule.needs})
    return re2.compile("(?i:" + "|".join(map(re2.escape, literals)) + ")|" + HEADS, _options())


@cache
def _heads() -> Any:
    return re2.compile(HEADS, _options())


def compiled() -> tuple[Compiled, ...]:
    """All rules as RE2 programs. Existing placeholders are stepped over, which is what makes redaction idempotent."""
    return tuple(map(_ready, RULES))


@cache
def _ready(rule: Rule) -> Compiled:
    """One rule, compiled when the first text needs it."""
    return _compile(rule)


def _compile(rule: Rule) -> Compiled:
    """Compile one rule; a pattern RE2 cannot run in linear time is a programming error and raises here."""
    program = re2.compile(f"{PLACEHOLDER}|{_with_flags_in_front(rule.pattern)}", _options())
    groups = tuple(sorted(number for name, number in program.groupindex.items() if name.startswith("v")))
    return Compiled(rule, program, groups)


def _with_flags_in_front(pattern: str) -> str:
    """Keep a leading `(?i)` bound to its own alternative."""
    if pattern.startswith("(?") and pattern[2:].partition(")")[0].isalpha():
        flags, _, rest = pattern[2:].partition(")")
        return f"(?{flags}:{rest})"
    return f"(?:{pattern})"


def _options() -> Any:
    """Silent, and with room for the longest pattern."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20  # bytes: the DFA cache of the widest rule
    return options
