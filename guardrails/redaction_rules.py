"""What a secret looks like in text, as RE2 patterns. Matching time is linear in the text, whatever the text is.

A rule's named groups starting with `v` hold the secret; everything else in the match is context and stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from guardrails.redaction_values import (
    is_basic_credential,
    is_opaque,
    never_harmless,
    not_a_name,
    not_a_word,
)

PLACEHOLDER = r"<secret:[a-z0-9-]+:[0-9a-f]{4}>"

# Words that say "secret" by themselves. A key must END in one, so `secretName` and `tokenTTL` are not meant.
_STRONG = (
    r"passw(?:or)?d|passwort|passphrase|passcode|pwd|requirepass|masterauth|"
    r"client[_.\-]?secret|secret[_.\-]?(?:access[_.\-]?)?key|webhook[_.\-]?secret|cookie[_.\-]?secret|"
    r"jwt[_.\-]?secret|signing[_.\-]?(?:key|secret)|shared[_.\-]?(?:access[_.\-]?)?(?:key|secret)|"
    r"api[_.\-]?key|apikey|access[_.\-]?key|private[_.\-]?key|encryption[_.\-]?key|account[_.\-]?key|"
    r"auth[_.\-]?(?:key|token)|master[_.\-]?key|storage[_.\-]?key|subscription[_.\-]?key|licen[sc]e[_.\-]?key|"
    r"ssh[_.\-]?key|hmac[_.\-]?key|client[_.\-]?key[_.\-]?data|access[_.\-]?token|refresh[_.\-]?token|id[_.\-]?token|"
    r"bearer[_.\-]?token|bot[_.\-]?token|session[_.\-]?token|csrf[_.\-]?token|api[_.\-]?token|"
    r"dockerconfigjson|dockercfg|connection[_.\-]?string"
)
_WEAK = r"token|secret|credentials?|creds"
_SHORT_FORM = r"(?:[\w.\-]*[_.\-]|(?-i:[\w.\-]*[a-z]))(?-i:pass|Pass|PASS)"
_ENV_KEY = r"(?-i:[A-Z0-9_]*_(?:KEY|PASS|CREDENTIAL|CREDENTIALS|CREDS|DSN|SALT))"
_QUOTE = r"\\*[\"']?"
_SEPARATOR = r"\s*(?::=|=>|[:=]|%3[AaDd])\s?[ \t]*"
_VALUE = (
    r"(?:\"(?P<v1>(?:[^\"\\\n]|\\[^\n])*)\"|'(?P<v2>(?:[^'\\\n]|\\[^\n])*)'|\\+[\"'](?P<v3>[^\"'\\\n]+)"
    r"|(?P<v4>[^\s\"',;&\\]+))"
)
_KUBE_ENV_NAME = r"(?:[\w.\-]*(?:password|passwd|pass|pwd|passphrase|token|secret|key|credentials?|creds|auth|salt)\d*)"


@dataclass(frozen=True)
class Rule:
    """One shape of secret: its kind in the placeholder, its pattern, and which matched values count."""

    kind: str
    pattern: str
    counts: Callable[[str], bool] = never_harmless


@dataclass(frozen=True)
class Compiled:
    """A rule ready to run: the RE2 program, and the group numbers that may hold the secret."""

    rule: Rule
    program: Any
    groups: tuple[int, ...]


_STRUCTURES = (
    Rule("private-key", r"(?P<v>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s\\:,.\-]|\\n)*?"
                        r"(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z))"),
    Rule("private-key", r"(?P<v>-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/=\s\\]*)"),
    Rule("private-key", r"(?P<v>LS0tLS1CRUdJTi[A-Za-z0-9+/]*(?:UFJJVkFURSBLRV|BSSVZBVEUgS0VZ|QUklWQVRFIEtFW)"
                        r"[A-Za-z0-9+/=\s]*)"),
    Rule("last-applied", r"(?i:last-applied-configuration)\\*[\"']?\s*[:=]\s*(?:[|>][+\-]?\s*)?"
                         r"(?:\"(?P<v1>(?:[^\"\\\n]|\\[^\n])*)\"|(?P<v2>[^\s\"][^\n]*))"),
    Rule("helm-release", r"(?P<v>(?:H4sI|SDRzSU)[A-Za-z0-9+/=]{64,})"),
    Rule("docker-config", r"(?P<v>eyJhdXRocyI[A-Za-z0-9+/=]{16,})"),
    Rule("jwt", r"(?P<v>\bey[JI][A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*){0,3})"),
    Rule("authorization", rf"(?i)\bauthorization{_QUOTE}\s*[:=]+>?\s*\[?{_QUOTE}(?:(?:digest|aws4-hmac-sha256|"
                          r"hmac|signature)\s+(?P<v1>[^\n\"']+)|(?:bearer|basic|token|negotiate|apikey|ntlm|splunk)\s+"
                          r"(?P<v2>[^\s\"'\\,;]+))"),
    Rule("authorization", rf"(?i)\bauthorization{_QUOTE}\s*[:=]\s*{_QUOTE}(?P<v>[^\s\"'\\,;]+)", is_opaque),
    Rule("bearer", r"(?i)\bbearer\s+(?P<v>[A-Za-z0-9._~+/\-]{8,}=*)", is_opaque),
    Rule("basic", r"(?i)\bbasic\s+(?P<v>[A-Za-z0-9+/]{6,}={0,2})", is_basic_credential),
    Rule("cookie", r"(?i)\b(?:set-)?cookie2?\\*[\"']?\s*:\s*\[?\\*[\"']?(?P<v>[^\n\"'\\]*=[^\n\"'\\]*)"),
    Rule("url-password", r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/:@\"'\\]*:(?P<v>[^\s/\"'\\]+)@"),
    Rule("url-password", r"[A-Za-z][A-Za-z0-9+.\-]*://(?P<v>[^\s/:@\"'\\]{16,})@", is_opaque),
    Rule("url-password", r"[\w.\-]+:(?P<v>[^\s:/@\"']+)@(?:tcp|unix)\("),
    Rule("url-signature", r"(?i)[?&](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature)="
                          r"(?P<v>[^\s&\"'\\<]+)"),
    Rule("webhook", r"(?i)https?://hooks\.slack\.com/(?:services|workflows)/(?P<v1>[\w/\-]{20,})"
                    r"|https?://(?:[\w.]+\.)?discord(?:app)?\.com/api/webhooks/(?P<v2>[\w/\-]{20,})"
                    r"|https?://[\w.\-]+\.webhook\.office\.com/(?P<v3>[\w/@\-]{20,})"),
    Rule("password-hash", r"(?P<v>\$(?:2[abxy]\$\d\d|apr1|1|5|6|y|argon2id?)\$[./A-Za-z0-9=,$+\-]{20,})"),
)  # fmt: skip

_PREFIXES = (
    Rule("aws-key", r"\b(?P<v>(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16})\b"),
    Rule("gcp-key", r"\b(?P<v>AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,}|GOCSPX-[A-Za-z0-9_\-]{20,})"),
    Rule("azure-key", r"\b(?P<v>[A-Za-z0-9_~.\-]{3}8Q~[A-Za-z0-9_~.\-]{31,34})"),
    Rule("github-token", r"\b(?P<v>gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    Rule("gitlab-token", r"\b(?P<v>gl(?:pat|rt|dt|ptt|cbt|ft|soat|imt|agent)-[A-Za-z0-9_\-]{18,}|GR1348941[\w\-]{20})"),
    Rule("slack-token", r"\b(?P<v>xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9\-]{10,}|xapp-[0-9]-[A-Za-z0-9\-]{10,})"),
    Rule("huggingface-token", r"\b(?P<v>hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z]{30,})"),
    Rule("llm-key", r"\b(?P<v>sk-(?:ant-|proj-|or-|svcacct-|admin-)?[A-Za-z0-9_\-]{20,}|nvapi-[A-Za-z0-9_\-]{30,}|"
                    r"gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{30,}|pplx-[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,})"),
    Rule("stripe-key", r"\b(?P<v>(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,})"),
    Rule("package-token", r"\b(?P<v>npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_\-]{40,}|dckr_(?:pat|oat)_[A-Za-z0-9_\-]{20,}|"
                          r"rubygems_[0-9a-f]{40,}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43})\b"),
    Rule("vault-token", r"\b(?P<v>hv[sbr]\.[A-Za-z0-9_\-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{50,})"),
    Rule("cloud-token", r"\b(?P<v>do[opr]_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}(?:-\d)?|tskey-[a-z]+-[A-Za-z0-9\-]{16,}|"
                        r"HRKU-[A-Za-z0-9_\-]{30,}|dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9_\-.]{30,}|pul-[a-f0-9]{40}|"
                        r"fo1_[\w\-]{40,}|FlyV1 [A-Za-z0-9_+/=,\-]{40,}|LTAI[A-Za-z0-9]{12,24}|scw[A-Z0-9]{17})"),
    Rule("service-token", r"\b(?P<v>gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}|NRAK-[A-Z0-9]{27}|SG\.[\w\-]{16,}\.[\w\-]{30,}|"
                          r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_(?:api|oauth)_[A-Za-z0-9]{32,}|sq0[a-z]{3}-[\w\-]{22,}|"
                          r"ATATT3[A-Za-z0-9_\-=]{40,}|ATCTT3[A-Za-z0-9_\-=]{40,}|PMAK-[a-f0-9\-]{50,}|sntrys_[\w+/=\-]{40,}|"
                          r"secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,}|key-[0-9a-f]{32}|EAA[A-Za-z0-9]{60,}|"
                          r"\d{8,10}:AA[A-Za-z0-9_\-]{33}|SK[0-9a-f]{32}|phc_[A-Za-z0-9]{40,}|sha256~[A-Za-z0-9_\-]{43}|"
                          r"K10[0-9a-f]{64}::[\w\-]+:[0-9a-f]{16,})"),
    Rule("age-key", r"\b(?P<v>AGE-SECRET-KEY-1[0-9A-Z]{50,})"),
)  # fmt: skip

_PAIRS = (
    Rule("env", rf"(?i)\bname\\*[\"']?\s*[:=]\s*{_QUOTE}{_KUBE_ENV_NAME}{_QUOTE}\s*,?\s*{_QUOTE}value{_QUOTE}\s*[:=]\s*"
                rf"{_VALUE}"),
    Rule("env", rf"(?i)\bvalue\\*[\"']?\s*[:=]\s*{_VALUE}\s*,\s*{_QUOTE}name{_QUOTE}\s*[:=]\s*{_QUOTE}{_KUBE_ENV_NAME}"
                r"\\*[\"']"),
    Rule("password", r"(?im)^[ \t]*(?:-[ \t]+)?(?:export[ \t]+|set[ \t]+)?[\"']?[\w.\-]*(?:passw(?:or)?d|passphrase)[\"']?"
                     r"(?:=|:[ \t]+)(?P<v>[^\s\"'|>][^\n\"']*)", not_a_word),
    Rule("password", rf"(?i)(?:checksum/)?[\w.\-]*(?:{_STRONG})\d*{_QUOTE}\]?{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("password", rf"(?i)\b{_SHORT_FORM}\d*{_QUOTE}{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("key", rf"\b{_ENV_KEY}\d*{_QUOTE}{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("token", rf"(?i)(?:(?P<digest>checksum/)|\b)[\w.\-]*(?:{_WEAK})\d*{_QUOTE}\]?{_SEPARATOR}{_VALUE}", not_a_name),
    Rule("password", rf"(?i)--?[\w\-]*(?:{_STRONG}|{_WEAK})[ \t]+{_VALUE}", not_a_name),
    Rule("password", r"(?i)\b(?:password|passwd|identified\s+by|requirepass)\s+(?:\"(?P<v1>[^\"\n]+)\"|'(?P<v2>[^'\n]+)')"),
    Rule("password", r"(?i)\brequirepass\s+(?P<v>\S+)"),
    Rule("password", r"(?i)<[\w.:\-]*(?:" + _STRONG + "|" + _WEAK + r")>(?P<v>[^<\n]+)</"),
    Rule("password", r"(?i)\bcurl\b[^\n|;]*\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:(?P<v>[^\s\"']+)"),
    Rule("password", r"\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n|;]*\s-p(?P<v>[^\s\"']{3,})"),
    Rule("registry-auth", r"\\*[\"']_?auth\\*[\"']\s*:\s*\\*[\"'](?P<v>[A-Za-z0-9+/]{8,}={0,2})\\*[\"']"),
    Rule("base64-key", r"\b[\w\-]+\.(?:key|pem|jks|p12|pfx|keystore)\\*[\"']?\s*:\s*\\*[\"']?(?P<v>[A-Za-z0-9+/]{40,}=*)"),
)  # fmt: skip

RULES = _STRUCTURES + _PREFIXES + _PAIRS

# One cheap scan says that a text holds nothing of interest: every rule needs one of these.
_HINT = (
    r"(?i)pass|pwd|passwort|secret|token|key|cred|auth|bearer|basic |cookie|://|@tcp\(|@unix\(|sig=|signature|_dsn|_salt|identified|"
    r"begin |ls0tls1|last-applied|h4si|sdrzsu|ey[ji]|\$(?:2|apr|1|5|6|y|argon)|akia|asia|abia|acca|aroa|aida|aiza|ya29|gocspx|8q~|gh[pousr]_|"
    r"gl(?:pat|rt|dt|ptt|cbt|ft|soat|imt|agent|sa|c)[-_]|gr1348941|xox|xapp-|hf_|api_org|sk-|nvapi|gsk_|r8_|pplx-|xai-|[srp]k_(?:live|test|prod)|"
    r"whsec|npm_|pypi-|dckr_|rubygems|cio|oy2|hv[sbr]\.|atlasv1|do[opr]_v1|dapi|tskey|hrku|dp\.(?:pt|st|ct|sa)|pul-|fo1_|flyv1|ltai|scw|"
    r"nrak|sg\.|shp|lin_|sq0|at[ac]tt3|pmak|sntrys|ntn_|eaa|:aa|sk[0-9a-f]{8}|phc_|sha256~|k10|curl|mysql|mariadb|"
    r"\.(?:pem|jks|p12|pfx)|jdbc|dockerc|connection"
)


@cache
def hint() -> Any:
    """The program that finds whether any rule could match."""
    return re2.compile(_HINT, _options())


@cache
def compiled() -> tuple[Compiled, ...]:
    """All rules as RE2 programs. Existing placeholders are stepped over, which is what makes redaction idempotent."""
    return tuple(_compile(rule) for rule in RULES)


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
