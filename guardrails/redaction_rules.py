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
    not_a_flag,
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


@dataclass(frozen=True)
class Rule:
    """One shape of secret: its kind in the placeholder, literals that must be near, its pattern, which values count."""

    kind: str
    needs: tuple[str, ...]
    pattern: str
    counts: Callable[[str], bool] = never_harmless


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

_PREFIXES = (
    Rule("aws-key", ("akia", "asia", "abia", "acca", "aroa", "aida"), r"\b(?P<v>(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16})\b"),
    Rule("gcp-key", ("aiza", "ya29.", "gocspx-"), r"\b(?P<v>AIza[A-Za-z0-9_\-]{35}|ya29\.[A-Za-z0-9_\-]{20,}|GOCSPX-[A-Za-z0-9_\-]{20,})"),
    Rule("azure-key", ("8q~",), r"\b(?P<v>[A-Za-z0-9_~.\-]{3}8Q~[A-Za-z0-9_~.\-]{31,34})"),
    Rule("github-token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), r"\b(?P<v>gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    Rule("gitlab-token", ("glpat-", "glrt-", "gldt-", "glptt-", "glcbt-", "glft-", "glsoat-", "glimt-", "glagent-", "gr1348941"), r"\b(?P<v>gl(?:pat|rt|dt|ptt|cbt|ft|soat|imt|agent)-[A-Za-z0-9_\-]{18,}|GR1348941[\w\-]{20})"),
    Rule("slack-token", ("xox", "xapp-"), r"\b(?P<v>xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9\-]{10,}|xapp-[0-9]-[A-Za-z0-9\-]{10,})"),
    Rule("huggingface-token", ("hf_", "api_org_"), r"\b(?P<v>hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z]{30,})"),
    Rule("llm-key", ("sk-", "nvapi-", "gsk_", "r8_", "pplx-", "xai-"), r"\b(?P<v>sk-(?:ant-|proj-|or-|svcacct-|admin-)?[A-Za-z0-9_\-]{20,}|nvapi-[A-Za-z0-9_\-]{30,}|"
                    r"gsk_[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{30,}|pplx-[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,})"),
    Rule("stripe-key", ("sk_", "rk_", "pk_", "whsec_"), r"\b(?P<v>(?:sk|rk|pk)_(?:live|test|prod)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,})"),
    Rule("package-token", ("npm_", "pypi-", "dckr_", "rubygems_", "cio", "oy2"), r"\b(?P<v>npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_\-]{40,}|dckr_(?:pat|oat)_[A-Za-z0-9_\-]{20,}|"
                          r"rubygems_[0-9a-f]{40,}|cio[A-Za-z0-9]{32}|oy2[a-z0-9]{43})\b"),
    Rule("vault-token", ("hvs.", "hvb.", "hvr.", ".atlasv1."), r"\b(?P<v>hv[sbr]\.[A-Za-z0-9_\-]{20,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{50,})"),
    Rule("cloud-token", ("doo_v1_", "dop_v1_", "dor_v1_", "dapi", "tskey-", "hrku-", "dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "pul-", "fo1_", "flyv1", "ltai", "scw"), r"\b(?P<v>do[opr]_v1_[a-f0-9]{64}|dapi[a-f0-9]{32}(?:-\d)?|tskey-[a-z]+-[A-Za-z0-9\-]{16,}|"
                        r"HRKU-[A-Za-z0-9_\-]{30,}|dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9_\-.]{30,}|pul-[a-f0-9]{40}|"
                        r"fo1_[\w\-]{40,}|FlyV1 [A-Za-z0-9_+/=,\-]{40,}|LTAI[A-Za-z0-9]{12,24}|scw[A-Z0-9]{17})"),
    Rule("service-token", ("glsa_", "glc_", "nrak-", "sg.", "shpat_", "shpca_", "shppa_", "shpss_", "lin_", "sq0", "atatt3", "atctt3", "pmak-", "sntrys_", "secret_", "ntn_", "key-", "eaa", ":aa", "sk", "phc_", "sha256~", "k10"), r"\b(?P<v>gl(?:sa|c)_[A-Za-z0-9+/=_]{30,}|NRAK-[A-Z0-9]{27}|SG\.[\w\-]{16,}\.[\w\-]{30,}|"
                          r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|lin_(?:api|oauth)_[A-Za-z0-9]{32,}|sq0[a-z]{3}-[\w\-]{22,}|"
                          r"ATATT3[A-Za-z0-9_\-=]{40,}|ATCTT3[A-Za-z0-9_\-=]{40,}|PMAK-[a-f0-9\-]{50,}|sntrys_[\w+/=\-]{40,}|"
                          r"secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{40,}|key-[0-9a-f]{32}|EAA[A-Za-z0-9]{60,}|"
                          r"\d{8,10}:AA[A-Za-z0-9_\-]{33}|SK[0-9a-f]{32}|phc_[A-Za-z0-9]{40,}|sha256~[A-Za-z0-9_\-]{43}|"
                          r"K10[0-9a-f]{64}::[\w\-]+:[0-9a-f]{16,})"),
    Rule("age-key", ("age-secret-key",), r"\b(?P<v>AGE-SECRET-KEY-1[0-9A-Z]{50,})"),
)  # fmt: skip

_PAIRS = (
    Rule("env", ("value",), rf"(?i)\bname\\*[\"']?\s*[:=]\s*{_QUOTE}{_KUBE_ENV_NAME}{_QUOTE}\s*,?\s*{_QUOTE}value{_QUOTE}\s*[:=]\s*"
                rf"{_VALUE}"),
    Rule("env", ("value",), rf"(?i)\bvalue\\*[\"']?\s*[:=]\s*{_VALUE}\s*,\s*{_QUOTE}name{_QUOTE}\s*[:=]\s*{_QUOTE}{_KUBE_ENV_NAME}"
                r"\\*[\"']"),
    Rule("password", ("passw", "passphrase"), r"(?im)^[ \t]*(?:-[ \t]+)?(?:export[ \t]+|set[ \t]+)?[\"']?[\w.\-]*(?:passw(?:or)?d|passphrase)[\"']?"
                     r"(?:=|:[ \t]+)(?P<v>[^\s\"'|>][^\n\"']*)", not_a_word),
    Rule("password", _STRONG_NEEDS, rf"(?i)(?:checksum/)?[\w.\-]*(?:{_STRONG})\d*{_QUOTE}\]?{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("password", ("pass",), rf"(?i)\b{_SHORT_FORM}\d*{_QUOTE}{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("key", ("_key", "_pass", "_cred", "_dsn", "_salt"), rf"\b{_ENV_KEY}\d*{_QUOTE}{_SEPARATOR}{_VALUE}", not_a_word),
    Rule("token", _WEAK_NEEDS, rf"(?i)(?:(?P<digest>checksum/)|\b)[\w.\-]*(?:{_WEAK})\d*{_QUOTE}\]?{_SEPARATOR}{_VALUE}", not_a_name),
    Rule("password", _STRONG_NEEDS, rf"(?i)--?[\w\-]*(?:{_STRONG})[ \t]+{_VALUE}", not_a_flag),
    Rule("password", _WEAK_NEEDS, rf"(?i)--?[\w\-]*(?:{_WEAK})[ \t]+{_VALUE}", not_a_name),
    Rule("password", ("password", "passwd", "identified"), r"(?i)\b(?:password|passwd|identified\s+by|requirepass)\s+(?:\"(?P<v1>[^\"\n]+)\"|'(?P<v2>[^'\n]+)')"),
    Rule("password", ("requirepass",), r"(?i)\brequirepass\s+(?P<v>\S+)"),
    Rule("password", (*_STRONG_NEEDS, *_WEAK_NEEDS), r"(?i)<[\w.:\-]*(?:" + _STRONG + "|" + _WEAK + r")>(?P<v>[^<\n]+)</"),
    Rule("password", ("curl",), r"(?i)\bcurl\b[^\n|;]*\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:(?P<v>[^\s\"']+)"),
    Rule("password", ("mysql", "mariadb", "sshpass"), r"\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n|;]*\s-p(?P<v>[^\s\"']{3,})"),
    Rule("registry-auth", ("auth",), r"\\*[\"']_?auth\\*[\"']\s*:\s*\\*[\"'](?P<v>[A-Za-z0-9+/]{8,}={0,2})\\*[\"']"),
    Rule("base64-key", ("key", "pem", "jks", "p12", "pfx"), r"\b[\w\-]+\.(?:key|pem|jks|p12|pfx|keystore)\\*[\"']?\s*:\s*\\*[\"']?(?P<v>[A-Za-z0-9+/]{40,}=*)"),
)  # fmt: skip

RULES = _STRUCTURES + _PREFIXES + _PAIRS


def may_apply(text: str) -> list[Compiled]:
    """The rules that can match a text at all, in their order: each names literals of which one must be there."""
    if not _any_literal().search(text):
        return []
    folded = text.casefold()
    return [step for step in compiled() if any(literal in folded for literal in step.rule.needs)]


@cache
def _any_literal() -> Any:
    """One scan that settles most texts: the literals of all rules."""
    literals = sorted({literal for rule in RULES for literal in rule.needs})
    return re2.compile("(?i)" + "|".join(re2.escape(literal) for literal in literals), _options())


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
