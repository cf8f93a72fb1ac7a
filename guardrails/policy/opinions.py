"""What a site policy says about one change. Every word of it raises or refuses; there is none for less."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase

import msgspec

from guardrails.plan import Requester, Tier
from guardrails.policy.document import AtLeast, Environment, EnvironmentClass, Match, SimpleEffect, Validation
from guardrails.policy.expressions import BadExpression, Expression
from guardrails.policy.policy import Policy
from guardrails.policy.subject import Subject
from guardrails.policy.windows import is_open
from guardrails.rules.finding import Finding, Weight, at_least, one_more, refuse
from guardrails.tiers import agreement_refusals

_STRICTEST = tuple(EnvironmentClass)


class Opinion(msgspec.Struct, frozen=True):
    """One thing the policy says, and which part of it says so. `rule` is "" for what is no rule.

    `spares_tier_1`: a refusal that holds above tier 1 only. `passable`: a refusal that break-glass goes past.
    """

    source: str
    finding: Finding
    rule: str = ""
    spares_tier_1: bool = False
    passable: bool = False


class Ruling(msgspec.Struct, frozen=True):
    """The tier and the words of a change once the policy has spoken. `refusals` holds only new ones.

    `own` are the refusals of the policy itself, without what its tier asks for; `passed` those that break-glass goes past.
    """

    tier: Tier
    reasons: tuple[str, ...]
    refusals: tuple[str, ...]
    own: tuple[str, ...] = ()
    passed: tuple[str, ...] = ()


def opinions(policy: Policy, subject: Subject, operator: Requester, now: datetime) -> tuple[Opinion, ...]:
    """Everything the policy says about a change at a moment. A policy with a mistake in it refuses every change."""
    return (
        *_broken(policy),
        *_environment_opinions(policy, subject),
        *_protected(policy, subject),
        *_frozen(policy, subject, now),
        *_outside_windows(policy, subject, now),
        *_rules(policy, subject, operator, now),
    )


def foreseeable(policy: Policy, subject: Subject, now: datetime) -> tuple[Opinion, ...]:
    """What holds whatever the object and the cluster turn out to be."""
    document = policy.document
    document = msgspec.structs.replace(
        document, freeze_windows=tuple(each for each in document.freeze_windows if each.environments is None)
    )
    everywhere = msgspec.structs.replace(policy, document=document)
    # A change window for one environment is not foreseeable, and with it neither are those for all.
    foreseen = all(each.environments is None for each in document.change_windows)
    outside = _outside_windows(policy, subject, now) if foreseen else ()
    return (*_broken(policy), *_protected(policy, subject), *_frozen(everywhere, subject, now), *outside)


def ruling(tier: Tier, found: tuple[Opinion, ...], *, break_glass: bool = False, people: int = 1) -> Ruling:
    """Put the opinions on top of a tier. The result is never lower than the tier, and NEVER stays NEVER."""
    findings = [each.finding for each in found]
    raised = sum(finding.weight is Weight.RAISE for finding in findings)
    needed = max((finding.tier for finding in findings if finding.weight is Weight.AT_LEAST), default=Tier.ONE_YES)
    lifted = tier if tier is Tier.NEVER else Tier(min(Tier.TWO_PEOPLE, tier + raised))
    result = max(lifted, needed)
    holding = [
        each
        for each in found
        if each.finding.weight is Weight.REFUSE and not (each.spares_tier_1 and result is Tier.ONE_YES)
    ]
    passed = tuple(each.finding.reason for each in holding if break_glass and each.passable)
    own = tuple(each.finding.reason for each in holding if not (break_glass and each.passable))
    # Of the agreement, break-glass spares the second person; what is never carried out stays so.
    spared = break_glass and result is Tier.TWO_PEOPLE
    agreement = agreement_refusals(result, people) if result > tier and not spared else ()
    reasons = tuple(finding.reason for finding in findings if finding.weight is not Weight.REFUSE)
    return Ruling(result, reasons, (*own, *agreement), own, passed)


def environment_of(policy: Policy, subject: Subject) -> EnvironmentClass | None:
    """The strictest class of all that the change touches; None where nothing tells one."""
    entries = policy.document.environments or ()
    places = subject.namespaces or ("",)
    if any(not each.namespace and each.kind != "Namespace" for each in subject.touched):
        places = (*places, "")
    classes = [_class_at(entries, subject, place) for place in places]
    if None in classes:
        return EnvironmentClass.PROD if EnvironmentClass.PROD in classes else None
    return min((each for each in classes if each), key=_STRICTEST.index)


def _class_at(entries: tuple[Environment, ...], subject: Subject, namespace: str) -> EnvironmentClass | None:
    """The strictest class that entries give to one namespace, or to the cluster itself ("")."""
    cluster = (subject.cluster.context, subject.cluster.server, subject.cluster.uid)
    found = [
        entry.environment
        for entry in entries
        if (entry.clusters is None or any(name and _matches(name, entry.clusters) for name in cluster))
        and (entry.namespaces is None or (namespace and _matches(namespace, entry.namespaces)))
    ]
    return min(found, key=_STRICTEST.index, default=None)


def _broken(policy: Policy) -> Iterator[Opinion]:
    for each in policy.problems:
        yield Opinion("file", refuse(f"the site policy has a mistake in line {each.line}: {each.text}"))


def _environment_opinions(policy: Policy, subject: Subject) -> Iterator[Opinion]:
    if policy.document.environments is None:
        return
    match environment_of(policy, subject):
        case None:
            yield Opinion("environments", one_more("no entry of the site policy tells its environment: counts as prod"))
        case EnvironmentClass.PROD:
            yield Opinion("environments", one_more("its environment is prod"))
        case other:
            yield Opinion("environments", at_least(Tier.ONE_YES, f"its environment is {other.value}"))


def _protected(policy: Policy, subject: Subject) -> Iterator[Opinion]:
    for namespace in subject.namespaces:
        if _matches(namespace, policy.document.protected_namespaces):
            yield Opinion(
                "protectedNamespaces",
                at_least(Tier.NEVER, f"namespace {namespace} is protected by the site policy"),
            )


def _frozen(policy: Policy, subject: Subject, now: datetime) -> Iterator[Opinion]:
    environment = environment_of(policy, subject) or EnvironmentClass.PROD
    for window in policy.document.freeze_windows:
        if window.environments is not None and environment not in window.environments:
            continue
        try:
            frozen = is_open(window, now)
        except ValueError as error:
            yield Opinion(f"window {window.name}", refuse(f"freeze window {window.name}: {error}"))
            continue
        if frozen:
            until = f"{window.begin} to {window.end} {window.time_zone}"
            yield Opinion(
                f"window {window.name}",
                refuse(f"freeze window {window.name} ({until}) is open: {window.reason}"),
                passable=True,
            )


def _outside_windows(policy: Policy, subject: Subject, now: datetime) -> Iterator[Opinion]:
    """Where change windows are named for the environment and none is open, only tier 1 is left. A freeze beats them all."""
    environment = environment_of(policy, subject) or EnvironmentClass.PROD
    windows = [
        each for each in policy.document.change_windows if each.environments is None or environment in each.environments
    ]
    try:
        if not windows or any(is_open(each, now) for each in windows):
            return
    except ValueError as error:
        yield Opinion("changeWindows", refuse(f"change windows: {error}"))
        return
    names = ", ".join(f"{each.name} ({each.begin} to {each.end} {each.time_zone})" for each in windows)
    yield Opinion(
        "changeWindows",
        refuse(f"no change window is open, and outside of them only tier 1 is left: {names}"),
        spares_tier_1=True,
        passable=True,
    )


def _rules(policy: Policy, subject: Subject, operator: Requester, now: datetime) -> Iterator[Opinion]:
    environment = environment_of(policy, subject) or EnvironmentClass.PROD
    variables = variables_of(subject, operator, environment, now)
    for rule, expressions in zip(policy.document.rules, policy.expressions, strict=True):
        if not _is_about(rule.match, subject, environment):
            continue
        for validation, expression in zip(rule.validations, expressions, strict=True):
            if expression is None:
                continue  # told among the problems, which refuse already
            finding = _judged(rule.name, validation, expression, variables)
            if finding is not None:
                yield Opinion(f"rule {rule.name}", finding, rule.name)


def variables_of(
    subject: Subject, operator: Requester, environment: EnvironmentClass, now: datetime
) -> dict[str, object]:
    """What expressions can name: `plan`, `operator`, `environment` and `now`."""
    return {
        "plan": subject.variables,
        "operator": {"user": operator.sub, "issuer": operator.iss, "kubernetesUser": operator.k8s_user},
        "environment": environment.value,
        "now": now,
    }


def _judged(name: str, validation: Validation, expression: Expression, variables: dict[str, object]) -> Finding | None:
    try:
        if expression.holds(variables):
            return None
    except BadExpression as bad:
        return refuse(f"site policy, rule {name} cannot be evaluated: {bad.text}")
    reason = f"site policy, rule {name}: {validation.message}"
    match validation.effect:
        case SimpleEffect.DENY:
            return refuse(reason)
        case SimpleEffect.RAISE:
            return one_more(reason)
        case AtLeast(at_least=tier):
            return at_least(Tier(tier), reason)


def _is_about(match: Match, subject: Subject, environment: EnvironmentClass) -> bool:
    operations = {each.value for each in match.operations or ()}
    return (
        (match.operations is None or not operations.isdisjoint(subject.operations))
        and (match.kinds is None or not set(match.kinds).isdisjoint(subject.kinds))
        and (match.namespaces is None or any(_matches(each, match.namespaces) for each in subject.namespaces))
        and (match.environments is None or environment in match.environments)
    )


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
