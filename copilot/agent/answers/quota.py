"""Quotas and limit ranges of a namespace: used of hard, what is left, and who holds it."""

from __future__ import annotations

import re
from fractions import Fraction

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.diagnosis.rules.admission.quota import holders
from copilot.model import Ref, Resource, children, mapping, parse_quantity
from copilot.model.quantity import format_amount

_HOLDERS = re.compile(r"\bwho\b|\bhold\w*\b|\buse[sd]?\b|\bconsum\w+\b|\btak\w+\b|\beat\w*\b")
_TOLD_HOLDERS = 5


def answer_quota(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the quotas or limit ranges of the namespace asked about, or of all."""
    limits = "LimitRange" in question.kinds or "limit range" in question.lowered
    kind = "LimitRange" if limits else "ResourceQuota"
    found = [one for ref in question.refs if (one := asking.graph.get(ref)) is not None and ref.kind == kind]
    found = found or asking.members(kind, question.namespace)
    if not found:
        if not asking.was_read(kind, question.namespace):
            say_unread_kind(asking, question.namespace, draft, kind)
            return
        where = f"in namespace {question.namespace}" if question.namespace else "in the cluster"
        draft.say(
            f"There is no {kind} {where}.", draft.cite_ref(Ref(kind, question.namespace or "", "*"), "list", f"no {kind} {where}", "list")
        )  # fmt: skip
        return
    for one in found[:6]:
        if limits:
            _limits(one, draft)
        else:
            _quota(asking, question, one, draft)


def _limits(limits: Resource, draft: Draft) -> None:
    for entry in children(limits.spec, "limits"):
        words = [
            f"{section} {', '.join(f'{name} {amount}' for name, amount in sorted(mapping(entry, section).items()))}"
            for section in ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
            if mapping(entry, section)
        ]
        said = f"for each {entry.get('type', 'object')}: {'; '.join(words) or 'nothing set'}"
        draft.say(f"{limits.ref}, {said}.", draft.cite(limits, "spec.limits", said))


def _quota(asking: Asking, question: Question, quota: Resource, draft: Draft) -> None:
    hard = mapping(quota.status, "hard") or mapping(quota.spec, "hard")
    used = mapping(quota.status, "used")
    named = [name for name in sorted(hard) if _is_named(name, question.lowered)] or sorted(hard)
    scopes = quota.spec.get("scopes")
    note = f" (only pods of scope {', '.join(str(one) for one in scopes)})" if isinstance(scopes, list) else ""
    for name in named:
        limit = parse_quantity(hard[name]) or Fraction(0)
        taken = parse_quantity(used.get(name)) or Fraction(0)
        words = f"{format_amount(name, taken)} of {format_amount(name, limit)} {name} used, {format_amount(name, limit - taken)} left"
        draft.say(f"{quota.ref}{note}: {words}.", draft.cite(quota, f"status.used[{name}]", words))
        if _HOLDERS.search(question.lowered):
            _holders(asking, quota, name, draft)


def _holders(asking: Asking, quota: Resource, name: str, draft: Draft) -> None:
    held = holders(asking.view, quota.ref.namespace, name)
    for owner, amount in held[:_TOLD_HOLDERS]:
        words = f"{owner} holds {format_amount(name, amount)} {name}"
        draft.say(f"{words}.", draft.cite_ref(owner, "spec.containers[].resources", words, "list"))
    if len(held) > _TOLD_HOLDERS:
        draft.say(f"and {len(held) - _TOLD_HOLDERS} more hold the rest.")


def _is_named(name: str, lowered: str) -> bool:
    """Whether the question names the resource: `cpu`, `memory`, `pods`, `requests.cpu`."""
    parts = [name, name.rpartition(".")[2], name.rpartition("/")[2]]
    return any(re.search(rf"(?<![\w.]){re.escape(part)}(?![\w.])", lowered) for part in parts)
