"""Writes the API server refused: collected from events, conditions and custom resources, explained by who refused.

A refusal counts only while its victim still lacks what was refused; one culprit with many victims is one finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from copilot.diagnosis.cause import Rule
from copilot.diagnosis.rules.admission.limits import LIMIT_CAUSES, limit_range
from copilot.diagnosis.rules.admission.message import Denial
from copilot.diagnosis.rules.admission.policy import POLICY_CAUSES, explain_policy
from copilot.diagnosis.rules.admission.quota import QUOTA_CAUSES, quota_full, quota_silent, quota_unspecified
from copilot.diagnosis.rules.admission.record import Denied, current_denials
from copilot.diagnosis.rules.admission.webhook import WEBHOOK_CAUSES, explain_webhook
from copilot.diagnosis.view import View
from copilot.model import Finding


def find_refusals(view: View) -> Iterator[Finding]:
    """Explain every refusal that still holds."""
    groups: dict[tuple[object, ...], list[Denied]] = {}
    for denied in current_denials(view):
        groups.setdefault(_key(denied), []).append(denied)
    for group in groups.values():
        yield from _explain(view, group)
    known = {(denied.refusal.name, denied.namespace) for group in groups.values() for denied in group}
    yield from quota_silent(view, known)


def _key(denied: Denied) -> tuple[object, ...]:
    """What makes two refusals the same cause."""
    refusal = denied.refusal
    match refusal.denial:
        case Denial.QUOTA_EXCEEDED | Denial.QUOTA_UNKNOWN:
            return (refusal.denial, denied.namespace, refusal.name)
        case Denial.LIMIT_MAX | Denial.LIMIT_MIN | Denial.LIMIT_RATIO:
            return (refusal.denial, denied.namespace, refusal.resource, refusal.detail)
        case Denial.SERVICE_ACCOUNT:
            return (refusal.denial, denied.namespace, refusal.name)
        case Denial.QUOTA_UNSPECIFIED | Denial.POD_SECURITY | Denial.SCC | Denial.INVALID:
            return (refusal.denial, denied.owner)
        case _:
            return (refusal.denial, refusal.name)


def _explain(view: View, group: Sequence[Denied]) -> Iterable[Finding]:
    match group[0].refusal.denial:
        case Denial.QUOTA_EXCEEDED | Denial.QUOTA_UNKNOWN:
            return quota_full(view, group)
        case Denial.QUOTA_UNSPECIFIED:
            return quota_unspecified(view, group)
        case Denial.LIMIT_MAX | Denial.LIMIT_MIN | Denial.LIMIT_RATIO:
            return limit_range(view, group)
        case (
            Denial.WEBHOOK_DENIED
            | Denial.WEBHOOK_UNREACHABLE
            | Denial.WEBHOOK_NO_SERVICE
            | Denial.WEBHOOK_TIMEOUT
            | Denial.WEBHOOK_TLS
        ):
            return explain_webhook(view, group)
        case Denial.FORBIDDEN:
            return ()  # explained by the rules of access, which also read logs
        case _:
            return explain_policy(view, group)


RULES: tuple[Rule, ...] = (
    Rule(
        find=find_refusals, causes=(*QUOTA_CAUSES, *LIMIT_CAUSES, *WEBHOOK_CAUSES, *POLICY_CAUSES)
    ),  # a removed version is declared by api_versions
)
