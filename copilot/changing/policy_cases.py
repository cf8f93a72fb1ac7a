"""The fixtures of a site policy: changes written down by its author, each with what the policy must decide about it.

Promise: a fixture is judged by the very code that judges a plan, at the moment and in the cluster that it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from copilot.model import InputError
from guardrails.kubectl.verdict import Decision
from guardrails.operations.op import Op
from guardrails.plan import Requester, Tier
from guardrails.policy.document import EnvironmentClass, PolicyDocument
from guardrails.policy.expressions import BadExpression
from guardrails.policy.lines import Document, Problem, Unreadable
from guardrails.policy.opinions import opinions, ruling, variables_of
from guardrails.policy.policy import MAX_BYTES, Policy
from guardrails.policy.subject import Pods, Replicas, SeenChange, SeenCluster, SeenObject, Subject

_ENDINGS = frozenset({".yaml", ".yml", ".json"})
_NOON = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the policy must decide. `rules` are all rules that must speak, in any order; None: whichever."""

    decision: Decision
    tier: Annotated[int, msgspec.Meta(ge=1, le=4)] | None = None
    rules: tuple[str, ...] | None = None


class PolicyCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One fixture. `request` is the change as expressions see it; what it leaves out is empty."""

    request: Subject
    expect: Expected
    name: str = ""
    now: Annotated[datetime, msgspec.Meta(tz=True)] = _NOON
    operator: str = "operator"


class CaseResult(msgspec.Struct, frozen=True):
    """How one fixture went. `differences` empty means: as expected."""

    name: str
    differences: tuple[str, ...]


def read_cases(folder: Path) -> tuple[PolicyCase, ...]:
    """Read every fixture of a folder, one document in each file.

    Raises:
        InputError: there is none, or one cannot be read; the title names file and line.
    """
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}", "Name a folder with --fixtures.") from error
    if not files:
        raise InputError(f"There is no fixture in {folder}", "A fixture is a .yaml file: see docs/policy.md.")
    return tuple(map(_read_case, files))


def run_case(policy: Policy, case: PolicyCase) -> CaseResult:
    """Judge one fixture and compare."""
    found = opinions(policy, case.request, Requester("", case.operator, "", ""), case.now)
    spoken = ruling(Tier(case.request.tier), found)
    refusals = spoken.own
    refused = bool(refusals) or spoken.tier is Tier.NEVER
    decision = Decision.REFUSED if refused else Decision.APPROVAL
    because = f" ({'; '.join((*spoken.reasons, *refusals))})" if refused else ""
    rules = sorted({each.rule for each in found if each.rule})
    differences = []
    if decision is not case.expect.decision:
        differences.append(f"expected {case.expect.decision.value}, got {decision.value}{because}")
    if case.expect.tier is not None and case.expect.tier != spoken.tier:
        differences.append(f"expected tier {case.expect.tier}, got {int(spoken.tier)}")
    if case.expect.rules is not None and sorted(set(case.expect.rules)) != rules:
        differences.append(
            f"expected to hear {', '.join(sorted(set(case.expect.rules))) or 'no rule'}, heard {', '.join(rules) or 'none'}"
        )
    return CaseResult(case.name, tuple(differences))


def suspicious(content: bytes, policy: Policy) -> tuple[Problem, ...]:
    """Expressions that fail on every sample change: a misspelt name is no mistake in grammar, but denies all the same."""
    if policy.problems:
        return ()
    source = Document(content)
    return tuple(_failing(source, policy.document, policy))


def _failing(source: Document, document: PolicyDocument, policy: Policy) -> Iterator[Problem]:
    operator = Requester("os", "alice", "alice", "")
    samples = [variables_of(sample, operator, EnvironmentClass.PROD, _NOON) for sample in _samples()]
    for number, (rule, expressions) in enumerate(zip(document.rules, policy.expressions, strict=True)):
        for place, expression in enumerate(expressions):
            failures = []
            for sample in samples:
                try:
                    if expression is not None:
                        expression.holds(sample)
                except BadExpression as bad:
                    failures.append(bad.text)
            if len(failures) == len(samples):
                line = source.line("rules", number, "validations", place, "expression")
                yield Problem(line, f"rule {rule.name}: the expression fails on every change: {failures[0]}")


def _samples() -> tuple[Subject, ...]:
    """A full change and a bare one."""
    other = SeenObject(operation=Op.SCALE, kind="Ingress", name="web", group="networking.k8s.io", namespace="shop")
    full = Subject(
        operation=Op.SCALE,
        kind="Deployment",
        name="web",
        group="apps",
        namespace="shop",
        cluster=SeenCluster(context="main", server="https://main:6443", uid="1"),
        words="scale web to 3",
        replicas=Replicas(before=2, after=3),
        pods=Pods(now=2, ready=2),
        dependants=(other,),
        images=("registry.example/web:1",),
        changes=(SeenChange(path="/spec/replicas", before="2", after="3"),),
        managers=("Helm",),
        rehearsed=True,
    )
    return (full, Subject(operation=Op.CORDON, kind="Node", name="n1"))


def _read_case(path: Path) -> PolicyCase:
    try:
        with path.open("rb") as file:
            source = Document(file.read(MAX_BYTES))
        case = msgspec.convert(source.value, PolicyCase)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "A fixture is a .yaml file.") from error
    except Unreadable as unreadable:
        raise _unfit(path, unreadable.problem) from unreadable
    except msgspec.ValidationError as error:
        raise _unfit(path, source.problem(error)) from error
    except RecursionError as error:
        raise _unfit(path, Problem(1, "it is nested too deeply")) from error
    return case if case.name else msgspec.structs.replace(case, name=path.name)


def _unfit(path: Path, problem: Problem) -> InputError:
    return InputError(f"{path}:{problem.line}: {problem.text}", "See docs/policy.md for what a fixture holds.")
