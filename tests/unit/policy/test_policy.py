"""A site policy raises and refuses, says where it is wrong, and refuses everything when it cannot be read."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.operations.args import ApplyArgs, Edit, EditArgs
from guardrails.operations.op import Op
from guardrails.plan import Requester, Step, Tier
from guardrails.policy.applying import ENVIRONMENT_UNKNOWN, policy_difference, with_policy
from guardrails.policy.document import Day, FreezeWindow
from guardrails.policy.opinions import opinions, ruling
from guardrails.policy.policy import NO_POLICY, Policy, load_policy, policy_of
from guardrails.policy.subject import Replicas, SeenObject, Subject, subject_of
from guardrails.policy.windows import is_open
from guardrails.requests import compile_request
from guardrails.rules.finding import Weight
from tests.unit.guardrails.plans import ALICE, NOW, REF, make_plan

_SUBJECT = Subject(
    operation=Op.SCALE, kind="Deployment", name="web", namespace="shop", replicas=Replicas(before=2, after=3)
)


def _policy(**parts: Any) -> Policy:
    return policy_of(msgspec.json.encode({"version": 1, **parts}))


def _rule(expression: str, effect: Any = "deny", name: str = "r", **match: Any) -> dict[str, Any]:
    validation = {"expression": expression, "message": "told", "effect": effect}
    return {"name": name, "match": match, "validations": [validation]}


def _tier_and_refusals(policy: Policy, subject: Subject = _SUBJECT, now: datetime = NOW) -> tuple[int, int]:
    found = opinions(policy, subject, ALICE, now)
    refused = sum(each.finding.weight is Weight.REFUSE for each in found)
    return int(ruling(Tier(subject.tier), found).tier), refused


def test_without_a_policy_a_plan_keeps_its_judgement_and_says_that_environments_are_not_checked() -> None:
    plan = with_policy(make_plan(), NO_POLICY, NOW)
    assert (plan.computed.tier, plan.computed.refusals, plan.policy_sha) == (Tier.ONE_YES, (), "")
    assert plan.computed.not_checked == (ENVIRONMENT_UNKNOWN,)


@pytest.mark.parametrize(
    ("rule", "tier", "refusals"),
    [
        (_rule("plan.replicas.after <= 3"), 1, 0),
        (_rule("plan.replicas.after <= 2"), 1, 1),
        (_rule("plan.replicas.after <= 2", "raise"), 2, 0),
        (_rule("plan.replicas.after <= 2", {"atLeast": 3}), 3, 0),
        (_rule("plan.replicas.after <= 2", operations=["restart"]), 1, 0),
        (_rule("plan.replicas.after <= 2", kinds=["Deployment"], namespaces=["sh*"]), 1, 1),
        (_rule("plan.replicas.after <= 2", namespaces=["dev-*"]), 1, 0),
        (_rule("plan.replicas.after <= 2", environments=["prod"]), 1, 1),
        (_rule("plan.replicas.after <= 2", environments=["dev"]), 1, 0),
        (_rule("operator.user == 'alice' && environment == 'prod' && now < timestamp('2027-01-01T00:00:00Z')"), 1, 0),
    ],
)
def test_a_rule_speaks_for_the_changes_it_matches_with_its_own_effect(
    rule: dict[str, Any], tier: int, refusals: int
) -> None:
    assert _tier_and_refusals(_policy(rules=[rule])) == (tier, refusals)


@pytest.mark.parametrize(
    "expression",
    ["plan.nothing == 1", "nothing", "1 / 0 == 1", "plan.replicas.after", "'yes'", "plan.images[3] == 'x'", "null"],
)
def test_an_expression_that_fails_or_is_no_truth_refuses_whatever_its_effect(expression: str) -> None:
    tier, refusals = _tier_and_refusals(_policy(rules=[_rule(expression, "raise")]))
    assert (tier, refusals) == (1, 1)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("version: 1\nrules:\n  - name: a\n    validations:\n      - expression: 1 +\n        message: m\n", 5, "expression"),
        ("version: 1\nrules:\n  - name: a\n    validations:\n      - expression: |\n          true &&\n          (\n        message: m\n", 7, "expression"),
        ("version: 1\nrulez: []\n", 2, "rulez"),
        ("version: 2\n", 1, "version"),
        ("version: 1\nversion: 1\n", 2, "second time"),
        ("version: 1\nrules: [\n", 3, "expected"),
        ("version: 1\nfreezeWindows:\n  - name: w\n    days: [mon]\n    from: 16:00\n    to: '18:00'\n    timeZone: UTC\n    reason: r\n", 5, "from"),
        ("version: 1\nfreezeWindows:\n  - name: w\n    days: [mon]\n    from: '16:00'\n    to: '18:00'\n    timeZone: Mars/One\n    reason: r\n", 7, "time zone"),
        ("version: 1\nfreezeWindows:\n  - name: w\n    days: [mon]\n    from: '16:00'\n    to: '16:00'\n    timeZone: UTC\n    reason: r\n", 5, "no length"),
        ("version: 1\nrules:\n  - name: a\n    match:\n      kinds: [Deployments]\n    validations:\n      - {expression: 'true', message: m}\n", 5, "no kind"),
        ("version: 1\nrules:\n  - name: a\n    match:\n      operations: [scales]\n    validations:\n      - {expression: 'true', message: m}\n", 5, "scales"),
        ("version: 1\nenvironments:\n  - class: prod\n", 3, "names clusters"),
        ("version: 1\nprotectedNamespaces: &a [x]\nrules: *a\n", 3, "aliases"),
        ("", 1, "object"),
        ("\x00", 1, ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_refuses_every_change(text: str, line: int, said: str) -> None:
    policy = policy_of(text.encode())
    assert [problem.line for problem in policy.problems] == [line], policy.problems
    assert said in policy.problems[0].text
    assert _tier_and_refusals(policy)[1] >= 1


@given(st.binary(max_size=300))
def test_any_bytes_are_a_policy_or_a_mistake_and_never_a_crash(content: bytes) -> None:
    policy = policy_of(content)
    assert policy.problems or policy.document.version == 1


def test_a_file_that_cannot_be_read_refuses_every_change(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        plan = with_policy(make_plan(), load_policy(path), NOW)
        assert any("cannot be read" in each for each in plan.computed.refusals)


def test_rules_without_the_part_that_reads_them_refuse_every_change(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without_cel(name: str, package: str | None = None) -> Any:
        if name == "cel":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without_cel)
    policy = _policy(rules=[_rule("true")], protectedNamespaces=["vault"])
    assert "cluster-copilot[policy]" in policy.problems[0].text
    assert _tier_and_refusals(policy)[1] == 1
    assert _tier_and_refusals(_policy(protectedNamespaces=["vault"])) == (1, 0)


@pytest.mark.parametrize(
    ("context", "namespace", "tier"),
    [
        ("prod-eu", "shop", 2),
        ("prod-eu", "dev-a", 2),  # the strictest of all entries that match
        ("other", "dev-a", 1),
        ("other", "shop", 2),  # unknown counts as prod
        ("other", "", 2),
        ("prod-eu", "", 2),
    ],
)
def test_prod_and_unknown_environments_ask_for_one_tier_more(context: str, namespace: str, tier: int) -> None:
    policy = _policy(
        environments=[{"class": "dev", "namespaces": ["dev-*"]}, {"class": "prod", "clusters": ["prod-*"]}]
    )
    cluster = msgspec.structs.replace(_SUBJECT.cluster, context=context)
    assert (
        _tier_and_refusals(policy, msgspec.structs.replace(_SUBJECT, cluster=cluster, namespace=namespace))[0] == tier
    )


def test_a_change_of_several_places_has_the_strictest_environment() -> None:
    policy = _policy(environments=[{"class": "dev", "namespaces": ["dev-*"]}])
    pod = SeenObject(operation=Op.EVICT, kind="Pod", name="p", namespace="dev-a")
    node = Subject(operation=Op.DRAIN, kind="Node", name="n1", objects=(pod,))
    assert _tier_and_refusals(policy, node)[0] == 2


def test_a_namespace_that_the_policy_protects_is_never_changed() -> None:
    policy = _policy(protectedNamespaces=["shop-*", "shop"])
    plan = with_policy(make_plan(), policy, NOW)
    assert plan.computed.tier is Tier.NEVER
    assert "changes of this tier are never carried out" in plan.computed.refusals
    own = Subject(operation=Op.LABEL, kind="Namespace", name="shop")
    assert _tier_and_refusals(policy, own)[0] == 4


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        ("2026-01-09T14:59:00+00:00", False),  # Friday 15:59 in Berlin
        ("2026-01-09T15:00:00+00:00", True),
        ("2026-01-10T06:59:00+00:00", True),  # Saturday 07:59: Friday's night
        ("2026-01-10T07:00:00+00:00", False),
        ("2026-07-10T14:00:00+00:00", True),  # summer time
        ("2026-07-10T13:59:00+00:00", False),
    ],
)
def test_a_freeze_window_follows_the_wall_clock_of_its_zone_and_goes_over_midnight(moment: str, frozen: bool) -> None:
    window = FreezeWindow(
        name="w", days=(Day.FRI,), begin="16:00", end="08:00", time_zone="Europe/Berlin", reason="weekend"
    )
    assert is_open(window, datetime.fromisoformat(moment)) is frozen


def _frozen_at_noon(**more: Any) -> Policy:
    window = {"name": "w", "days": ["sun"], "from": "11:00", "to": "13:00", "timeZone": "UTC", "reason": "no hands"}
    return _policy(freezeWindows=[window | more])


def test_inside_a_freeze_window_a_change_is_refused_with_its_reason() -> None:
    plan = with_policy(make_plan(), _frozen_at_noon(), NOW)  # NOW is a Sunday
    assert plan.computed.refusals == ("freeze window w (11:00 to 13:00 UTC) is open: no hands",)
    assert _tier_and_refusals(_frozen_at_noon(environments=["dev"])) == (1, 0)
    assert _tier_and_refusals(_frozen_at_noon(environments=["prod"])) == (1, 1)


def test_the_digest_of_a_plan_covers_the_policy_file() -> None:
    one, other = (with_policy(make_plan(), _policy(protectedNamespaces=[name]), NOW) for name in ("a", "b"))
    assert one.computed == other.computed
    assert one.digest != other.digest


def test_a_plan_is_void_when_the_policy_changed_or_a_window_opened_since() -> None:
    policy = _frozen_at_noon()
    before = datetime(2026, 3, 1, 10, 59, tzinfo=UTC)
    plan = with_policy(make_plan(), policy, before)
    assert (plan.computed.refusals, policy_difference(plan, policy, before)) == ((), "")
    assert "freeze window w" in policy_difference(plan, policy, NOW)
    assert policy_difference(plan, NO_POLICY, before) == "the site policy has changed"


def test_a_rule_sees_the_images_that_a_change_writes() -> None:
    args = EditArgs(Op.SET_IMAGE, (Edit("/spec/template/spec/containers/0/image", '"a:1"', '"evil.example/a:2"'),))
    plan = make_plan(steps=(Step(REF, args, compile_request(REF, args)),))
    assert subject_of(plan).images == ("evil.example/a:2",)
    policy = _policy(rules=[_rule("plan.images.all(i, i.startsWith('good.example/'))", operations=["set_image"])])
    assert with_policy(plan, policy, NOW).computed.refusals


@pytest.mark.parametrize(
    "args",
    [
        EditArgs(Op.RESTORE, (Edit("/spec/replicas", "2", "50"),)),
        ApplyArgs(
            '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":50}}', exists=True
        ),
    ],
)
def test_a_rule_on_replicas_sees_them_however_they_are_set(args: EditArgs | ApplyArgs) -> None:
    step = Step(REF, args, make_plan().steps[0].request)
    assert subject_of(make_plan(steps=(step,))).replicas == Replicas(before=2, after=50)


_RULES = st.builds(
    _rule,
    st.sampled_from(["true", "false", "plan.replicas.after <= 2", "missing", "plan.tier < 2", "1 +", "7"]),
    st.sampled_from(["deny", "raise", {"atLeast": 2}, {"atLeast": 3}]),
    st.sampled_from(["a", "b", "c"]),
    namespaces=st.sampled_from([["shop"], ["dev-*"]]),
)


@settings(deadline=None)
@given(
    rules=st.lists(_RULES, max_size=3, unique_by=lambda rule: rule["name"]),
    more=_RULES,
    tier=st.sampled_from([1, 2, 3, 4]),
)
def test_one_more_rule_never_lowers_a_tier_and_never_takes_a_refusal_away(
    rules: list[dict[str, Any]], more: dict[str, Any], tier: int
) -> None:
    subject = msgspec.structs.replace(_SUBJECT, tier=tier)
    few, many = (
        opinions(_policy(rules=each), subject, Requester("", "", "", ""), NOW)
        for each in (rules, [*rules, more | {"name": "one-more"}])
    )
    before, after = ruling(Tier(tier), few), ruling(Tier(tier), many)
    assert tier <= before.tier <= after.tier
    assert {each.finding.reason for each in few} <= {each.finding.reason for each in many}
    assert tier < 4 or after.tier is Tier.NEVER
