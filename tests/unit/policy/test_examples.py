"""Every policy and fixture that the docs show is one that works, in both engines for CEL that there are."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from copilot.changing.policy_cases import PolicyCase, run_case, suspicious
from guardrails.operations.op import Op
from guardrails.plan import Tier
from guardrails.policy.document import EnvironmentClass
from guardrails.policy.expressions import BadExpression, Expression
from guardrails.policy.opinions import opinions, ruling, variables_of
from guardrails.policy.policy import Policy, policy_of
from guardrails.policy.subject import Replicas, SeenCluster, Subject
from tests.unit.guardrails.plans import ALICE, NOW

_DOCS = Path(__file__).resolve().parents[3] / "docs"
_BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def _blocks() -> list[tuple[str, str]]:
    return [
        (page.name, block)
        for page in sorted(_DOCS.glob("*.md"))
        for block in _BLOCK.findall(page.read_text())
        if page.name in ("policy.md", "break-glass.md")
    ]


def _policies() -> list[tuple[str, str]]:
    return [(page, block) for page, block in _blocks() if block.startswith("version:")]


def _cases() -> list[PolicyCase]:
    found = [yaml.safe_load(block) for _, block in _blocks() if "expect:" in block]
    return [msgspec.convert(each, PolicyCase) for each in found]


def _main_policy() -> Policy:
    return policy_of(next(block for page, block in _policies() if page == "policy.md").encode())


def test_the_docs_show_policies_and_fixtures() -> None:
    assert {page for page, _ in _policies()} == {"policy.md", "break-glass.md"}
    assert _cases()


@pytest.mark.parametrize("block", [block for _, block in _policies()])
def test_a_policy_of_the_docs_has_no_mistake(block: str) -> None:
    policy = policy_of(block.encode())
    assert policy.problems == ()
    assert suspicious(block.encode(), policy) == ()


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case.name)
def test_a_fixture_of_the_docs_is_as_it_says(case: PolicyCase) -> None:
    assert run_case(_main_policy(), case).differences == ()


def _subject(**more: Any) -> Subject:
    given: dict[str, Any] = {"operation": Op.SCALE, "kind": "Deployment", "name": "web", "namespace": "shop"} | more
    return Subject(**given)


@pytest.mark.parametrize(
    ("subject", "tier", "refused"),
    [
        (_subject(cluster=SeenCluster(context="prod-eu"), replicas=Replicas(before=3, after=30), tier=2), 3, False),
        (_subject(cluster=SeenCluster(context="prod-eu"), replicas=Replicas(before=3, after=4)), 2, False),
        (_subject(cluster=SeenCluster(uid="6f1c2d3e-1"), namespace="dev-a"), 1, False),
        (_subject(namespace="vault-eu"), 4, True),
        (_subject(operation=Op.SET_IMAGE, images=("evil.example/a:1",)), 2, True),
        (_subject(operation=Op.SET_IMAGE, images=("registry.example/a:1",)), 2, False),
    ],
)
def test_the_policy_of_the_docs_decides_as_its_words_say(subject: Subject, tier: int, refused: bool) -> None:
    ruled = ruling(Tier(subject.tier), opinions(_main_policy(), subject, ALICE, NOW))
    assert (int(ruled.tier), bool(ruled.own) or ruled.tier is Tier.NEVER) == (tier, refused)


# A second engine

_MORE = (
    "plan.nothing == 1",
    "1 / 0 == 1",
    "'yes'",
    "true || plan.nothing == 1",
    "plan.kind in ['Deployment', 'StatefulSet'] && size(plan.namespaces) == 1",
    "plan.changes.exists(c, c.path == '/spec/replicas') ? plan.tier >= 1 : false",
    "now < timestamp('2027-01-01T00:00:00Z')",
    "operator.user == 'alice' && environment == 'prod'",
)


def _expressions() -> list[str]:
    shown = [policy_of(block.encode()).document for _, block in _policies()]
    own = [one.expression for each in shown for rule in each.rules for one in rule.validations]
    return [*own, *_MORE]


@pytest.mark.parametrize("expression", _expressions())
def test_a_second_engine_comes_to_the_same_answer(expression: str) -> None:
    """Both say true, or both do not: an error and a false alike refuse."""
    celpy = importlib.import_module("celpy")
    for subject in (_subject(), _subject(images=("a/b",), replicas=Replicas(before=1, after=50), tier=3)):
        variables = variables_of(subject, ALICE, EnvironmentClass.PROD, NOW)
        try:
            ours = Expression(expression).holds(variables)
        except BadExpression:
            ours = False
        assert ours is _by_celpy(celpy, expression, variables), expression


def _by_celpy(celpy: Any, expression: str, variables: dict[str, Any]) -> bool:
    engine = celpy.Environment()
    program = engine.program(engine.compile(expression))
    moment = celpy.celtypes.TimestampType(variables["now"])
    try:
        result = program.evaluate(
            {**{key: celpy.json_to_cel(value) for key, value in variables.items() if key != "now"}, "now": moment}
        )
    except celpy.CELEvalError:
        return False
    return isinstance(result, celpy.celtypes.BoolType) and bool(result)
