"""What the API server said when it refused a write, parsed: which admission plugin, which object, which numbers.

The text may come from an event, a condition, a custom resource's status or a pasted command; anything else gives None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from fractions import Fraction

import msgspec

from copilot.model import parse_quantity

MAX_MESSAGE = 16384  # bytes; conditions may quote a whole validation error


class Denial(Enum):
    """Who refused, or what was wrong with the request."""

    QUOTA_EXCEEDED = "quota.exceeded"
    QUOTA_UNSPECIFIED = "quota.must_specify"
    QUOTA_UNKNOWN = "quota.unknown"
    QUOTA_SCOPE = "quota.scope"
    LIMIT_MAX = "limitrange.max"
    LIMIT_MIN = "limitrange.min"
    LIMIT_RATIO = "limitrange.ratio"
    POD_SECURITY = "psa.denied"
    SCC = "psa.scc.denied"
    POLICY = "vap.denied"
    POLICY_BROKEN = "vap.misconfigured"
    NODE_SELECTOR = "admission.node_selector"
    PLUGIN = "admission.refused"
    WEBHOOK_DENIED = "webhook.denied"
    WEBHOOK_UNREACHABLE = "webhook.no_endpoints"
    WEBHOOK_NO_SERVICE = "webhook.service_missing"
    WEBHOOK_TIMEOUT = "webhook.timeout"
    WEBHOOK_TLS = "webhook.tls"
    SERVICE_ACCOUNT = "sa.missing"
    PRIORITY_CLASS = "priorityclass.missing"
    RUNTIME_CLASS = "sandbox.runtimeclass.unknown"
    FORBIDDEN = "rbac.forbidden"
    TERMINATING = "namespace.terminating.create"
    CONVERSION = "crd.conversion"
    NO_KIND = "crd.missing"
    INVALID = "api.invalid"


class Refusal(msgspec.Struct, frozen=True):
    """One refusal, with the names and numbers its sentence holds.

    `name` is the quota, webhook, policy, account or class; `wanted`, `used`, `limits` are amounts by resource;
    `service` is a webhook's `namespace/name`, as its URL or text gives it; `detail` is the rest worth quoting.
    """

    denial: Denial
    name: str = ""
    wanted: Mapping[str, Fraction] = {}
    used: Mapping[str, Fraction] = {}
    limits: Mapping[str, Fraction] = {}
    service: str = ""
    detail: str = ""
    who: str = ""
    verb: str = ""
    resource: str = ""
    group: str = ""
    namespace: str = ""


def parse_refusal(message: str) -> Refusal | None:
    """Read the refusal inside a message; None when there is none."""
    said = " ".join(message[:MAX_MESSAGE].split())
    for pattern, build in _FORMS:
        if found := pattern.search(said):
            return build(found, said)
    return None


def _amounts(listing: str) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for part in listing.split(","):
        name, _, amount = part.strip().partition("=")
        quantity = parse_quantity(amount.strip())
        if name and quantity is not None:
            found[name] = quantity
    return found


def _exceeded(found: re.Match[str], _: str) -> Refusal:
    return Refusal(
        Denial.QUOTA_EXCEEDED, found[1], wanted=_amounts(found[2]), used=_amounts(found[3]), limits=_amounts(found[4])
    )


def _limit(denial: Denial) -> Callable[[re.Match[str], str], Refusal]:
    def build(found: re.Match[str], _: str) -> Refusal:
        limit, asked = parse_quantity(found[3]), parse_quantity(found[4])
        return Refusal(
            denial,
            resource=found[1],
            detail=found[2],
            limits={found[1]: limit} if limit is not None else {},
            wanted={found[1]: asked} if asked is not None else {},
        )

    return build


_SERVICE_URL = re.compile(r"https?://([a-z0-9\-]+)\.([a-z0-9\-]+)\.svc(?:[.:/?]|$)")
_SERVICE_NAME = re.compile(r"service \"([^\"]+)\"")
_TLS = re.compile(r"x509|certificate|tls:", re.IGNORECASE)
_NO_SERVICE = re.compile(r"service \"[^\"]+\" not found")
_TIMEOUT = re.compile(r"context deadline exceeded|i/o timeout|timeout exceeded|Timeout|no route to host")


def _webhook(found: re.Match[str], said: str) -> Refusal:
    rest = said[found.end() :].lstrip(": ")
    if _NO_SERVICE.search(rest):
        denial = Denial.WEBHOOK_NO_SERVICE
    elif _TLS.search(rest):
        denial = Denial.WEBHOOK_TLS
    elif "no endpoints available" in rest or "connection refused" in rest:
        denial = Denial.WEBHOOK_UNREACHABLE
    elif _TIMEOUT.search(rest):
        denial = Denial.WEBHOOK_TIMEOUT
    else:
        denial = Denial.WEBHOOK_UNREACHABLE
    url, name = _SERVICE_URL.search(rest), _SERVICE_NAME.search(rest)
    service = f"{url[2]}/{url[1]}" if url else (name[1] if name else "")
    return Refusal(denial, found[1], service=service, detail=rest[:300])


def _named(denial: Denial) -> Callable[[re.Match[str], str], Refusal]:
    def build(found: re.Match[str], said: str) -> Refusal:
        return Refusal(denial, found[1] if found.re.groups else "", detail=said[found.end() :].strip(" :")[:400])

    return build


_BROKEN = re.compile(
    r"failed to configure (?:binding|policy)|no params found|resulted in error|compilation error|"
    r"expression .{0,300} error:|variable .{0,200} (?:error|does not exist)"
)
_BINDING = re.compile(r"with binding '([^']+)'")


def _policy(found: re.Match[str], said: str) -> Refusal:
    """A policy that says no, or one that cannot be asked: its parameters are gone or its expression fails."""
    detail = said[found.end() :].strip(" :")[:400]
    binding = _BINDING.search(detail)
    denial = Denial.POLICY_BROKEN if _BROKEN.search(detail) else Denial.POLICY
    return Refusal(denial, found[1], detail=detail, resource=binding[1] if binding else "")


def _account(found: re.Match[str], _: str) -> Refusal:
    return Refusal(Denial.SERVICE_ACCOUNT, found[2], namespace=found[1])


def _forbidden(found: re.Match[str], _: str) -> Refusal:
    return Refusal(
        Denial.FORBIDDEN,
        who=found["who"],
        verb=found["verb"],
        resource=found["resource"],
        group=found["group"] or "",
        namespace=found["namespace"] or "",
    )


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], Refusal]], ...] = (
    (re.compile(r"failed calling webhook \"([^\"]+)\""), _webhook),
    (re.compile(r"admission webhook \"([^\"]+)\" denied the request"), _named(Denial.WEBHOOK_DENIED)),
    (re.compile(r"conversion webhook for ([^ ]+?,? ?Kind=\w+|[^ ]+) failed"), _named(Denial.CONVERSION)),
    (re.compile(r"exceeded quota: ([^,\s]+), requested: (.*?), used: (.*?), limited: (.*?)(?: \(|;|$)"), _exceeded),
    (re.compile(r"failed quota: ([^:\s]+): must specify"), _named(Denial.QUOTA_UNSPECIFIED)),
    (re.compile(r"status unknown for quota: ([^,\s]+)"), _named(Denial.QUOTA_UNKNOWN)),
    (
        re.compile(r"maximum (\S+) usage per (\w+) is ([^,\s]+), but (?:limit|request) is ([^,\s\]]+)"),
        _limit(Denial.LIMIT_MAX),
    ),
    (
        re.compile(r"minimum (\S+) usage per (\w+) is ([^,\s]+), but (?:limit|request) is ([^,\s\]]+)"),
        _limit(Denial.LIMIT_MIN),
    ),
    (
        re.compile(
            r"(?:maximum|minimum) (\S+) usage per (\w+) is ([^,\s.]+)(?:\.|,)\s+No (?:limit|request)( is specified)"
        ),
        _limit(Denial.LIMIT_MAX),
    ),
    (
        re.compile(r"(\S+) max limit to request ratio per (\w+) is ([^,\s]+), but provided ratio is ([^,\s\]]+)"),
        _limit(Denial.LIMIT_RATIO),
    ),
    (re.compile(r"violates PodSecurity \"([^\"]+)\""), _named(Denial.POD_SECURITY)),
    (re.compile(r"unable to validate against any security context constraint"), _named(Denial.SCC)),
    (re.compile(r"ValidatingAdmissionPolicy '([^']+)'"), _policy),
    (re.compile(r"insufficient quota to match these scopes: (\[.*?\])(?:\.|,|;|$)"), _named(Denial.QUOTA_SCOPE)),
    (re.compile(r"pod node label selector conflicts with its namespace"), _named(Denial.NODE_SELECTOR)),
    (re.compile(r"error looking up service account ([^/\s]+)/([^:\s]+)"), _account),
    (re.compile(r"no PriorityClass with name (\S+) was found"), _named(Denial.PRIORITY_CLASS)),
    (re.compile(r"RuntimeClass \"([^\"]+)\" not found"), _named(Denial.RUNTIME_CLASS)),
    (
        re.compile(r"unable to create new content in namespace (\S+) because it is being terminated"),
        _named(Denial.TERMINATING),
    ),
    (
        re.compile(
            r"User \"(?P<who>[^\"]+)\" cannot (?P<verb>\w+) (?:resource|path) \"(?P<resource>[^\"]+)\""
            r"(?: in API group \"(?P<group>[^\"]*)\")?(?: in the namespace \"(?P<namespace>[^\"]+)\")?"
        ),
        _forbidden,
    ),
    (re.compile(r"no matches for kind \"([^\"]+)\""), _named(Denial.NO_KIND)),
    (
        re.compile(r"(?:is invalid: )(?=[\w.\[\]]+: (?:Invalid|Required|Forbidden|Unsupported|Duplicate|Too ))"),
        _named(Denial.INVALID),
    ),
    (re.compile(r"\b(?:is|are) forbidden: (?=\S)"), _named(Denial.PLUGIN)),  # last: any plugin not known by its words
)
