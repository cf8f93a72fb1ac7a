"""The tiers: what raises a change, what refuses it, and that nothing lowers it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.control import control_keys
from guardrails.facts import Autoscaler, Budget, Case, Eviction, QuotaRoom, ServiceReach, Surroundings
from guardrails.managers import managers_of
from guardrails.operations import Cascade, Op
from guardrails.operations.args import ApplyArgs, CreateJobArgs, DeleteArgs, Edit, EditArgs, EvictArgs, StepArgs
from guardrails.plan import Access, DryRunState, RestartArgs, ScaleArgs, Tier
from guardrails.privilege import TemplateChange
from guardrails.tiers import RULES, Finding, Judgement, Weight, judge, pods_disrupted
from guardrails.workload import WorkloadState
from tests.unit.guardrails.plans import REF

_RESTART = RestartArgs("2026-03-01T12:00:00Z")


def _case(args: StepArgs, **changes: Any) -> Case:
    replicas = args.before if isinstance(args, ScaleArgs) else 4
    state = changes.pop("state", WorkloadState(replicas, replicas, at_once=1, one_at_a_time=False))
    around = changes.pop("around", Surroundings())
    ref = msgspec.structs.replace(REF, **changes.pop("ref", {}))
    return Case(ref, args, state, around, **changes)


def _state(replicas: int, at_once: int, **more: Any) -> WorkloadState:
    return WorkloadState(replicas, replicas, at_once, one_at_a_time=False, **more)


@pytest.mark.parametrize(
    ("case", "tier"),
    [
        (_case(ScaleArgs(2, 3)), Tier.ONE_YES),
        (_case(ScaleArgs(2, 4)), Tier.ONE_YES),
        (_case(ScaleArgs(2, 5)), Tier.TYPED_NAME),
        (_case(ScaleArgs(0, 1)), Tier.TYPED_NAME),
        (_case(ScaleArgs(3, 2)), Tier.TYPED_NAME),
        (_case(ScaleArgs(200, 320)), Tier.TWO_PEOPLE),
        (_case(ScaleArgs(3, 0)), Tier.TWO_PEOPLE),
        (_case(ScaleArgs(20, 5)), Tier.TWO_PEOPLE),
        (_case(_RESTART), Tier.ONE_YES),
        (_case(_RESTART, ref={"kind": "StatefulSet"}), Tier.TYPED_NAME),
        (_case(_RESTART, state=_state(3, 3, recreate=True)), Tier.TWO_PEOPLE),
        (_case(_RESTART, state=_state(1, 0)), Tier.TYPED_NAME),
        (_case(_RESTART, state=_state(8, 2)), Tier.TYPED_NAME),
        (_case(_RESTART, state=_state(8, 2), around=Surroundings(budgets=(Budget("b", 8, 6, absolute=True),))), Tier.ONE_YES),
        (_case(_RESTART, around=Surroundings(single_writer_volume=True)), Tier.TYPED_NAME),
        (_case(ScaleArgs(2, 3), around=Surroundings(unread=("Services",))), Tier.TYPED_NAME),
        (_case(ScaleArgs(2, 3), around=Surroundings(age_seconds=31)), Tier.TYPED_NAME),
        (_case(ScaleArgs(2, 3), changed_lately=True), Tier.TYPED_NAME),
        (_case(ScaleArgs(3, 2), changed_lately=True, is_undo=True), Tier.TYPED_NAME),
        (_case(ScaleArgs(2, 3), is_undo=True, moved_on="someone has set 2 since"), Tier.TYPED_NAME),
        (_case(ScaleArgs(2, 3), rehearsed=DryRunState.NOT_DONE), Tier.TYPED_NAME),
        (_case(ScaleArgs(2, 3), rehearsed=DryRunState.DONE, way_back=DryRunState.REFUSED), Tier.TYPED_NAME),
        (_case(ScaleArgs(3, 2), around=Surroundings(services=(ServiceReach("web", 1, 1),)), state=_state(3, 1)), Tier.TWO_PEOPLE),
        (_case(ScaleArgs(3, 2), state=_state(3, 1, deletes_claims=True)), Tier.TWO_PEOPLE),
        (_case(ScaleArgs(2, 3), ref={"namespace": "kube-system"}), Tier.NEVER),
        (_case(_RESTART, ref={"namespace": "kube-node-lease"}), Tier.NEVER),
    ],
)  # fmt: skip
def test_a_change_has_the_tier_that_the_design_gives_it(case: Case, tier: Tier) -> None:
    judged = judge(case)
    assert judged.tier is tier, judged
    assert bool(judged.refusals) is (tier >= Tier.TWO_PEOPLE)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (_case(ScaleArgs(3, 3)), "already wants 3 replicas"),
        (_case(ScaleArgs(2, 3), state=_state(2, 1, deleting=True)), "being deleted"),
        (_case(_RESTART, state=_state(2, 1, paused=True)), "paused"),
        (_case(_RESTART, state=_state(2, 1, on_delete=True)), "OnDelete"),
        (_case(_RESTART, state=_state(0, 0)), "no pods"),
        (_case(_RESTART, state=_state(3, 1, partition=3)), "partition"),
        (_case(ScaleArgs(2, 3), around=Surroundings(autoscalers=(Autoscaler("h", 2, 9, "ScaledObject shop/so"),))),
         "change the bounds in ScaledObject shop/so"),
        (_case(ScaleArgs(3, 1), around=Surroundings(budgets=(Budget("b", 3, 2, absolute=True),))), "PodDisruptionBudget b wants 2"),
        (_case(_RESTART, around=Surroundings(budgets=(Budget("b", 4, 4, absolute=False),))), "PodDisruptionBudget b"),
        (_case(ScaleArgs(2, 5), around=Surroundings(quotas=(QuotaRoom("q", "pods", 2),))), "room for 2 more"),
        (_case(ScaleArgs(2, 3), access=(Access("patch", "apps", "deployments", "scale", "shop", "web", False, "no binding"),)),
         "does not let you patch deployments/scale in namespace shop (no binding)"),
        (_case(ScaleArgs(2, 3), rehearsed=DryRunState.REFUSED, rehearsal_detail="policy x"), "policy x"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_right_is_refused_with_its_reason(case: Case, reason: str) -> None:
    assert any(reason in refusal for refusal in judge(case).refusals)


@pytest.mark.parametrize(
    "case",
    [
        # a share of the pods moves with their number, so it cannot be broken by scaling
        _case(ScaleArgs(4, 2), around=Surroundings(budgets=(Budget("b", 4, 3, absolute=False),))),
        # pods that are ill already are not lost by a restart
        _case(_RESTART, state=WorkloadState(4, 0, 1, one_at_a_time=False), around=Surroundings(budgets=(Budget("b", 0, 3, absolute=True),))),
        _case(ScaleArgs(2, 4), around=Surroundings(quotas=(QuotaRoom("q", "pods", 2),))),
        _case(_RESTART, around=Surroundings(autoscalers=(Autoscaler("h", 2, 9, "h"),))),
        _case(ScaleArgs(4, 3), around=Surroundings(services=(ServiceReach("web", 4, 4),))),
    ],
)  # fmt: skip
def test_a_change_that_breaks_no_limit_is_not_refused(case: Case) -> None:
    assert judge(case).refusals == ()


def _managed(args: ScaleArgs | RestartArgs, kind: str = "Deployment", **metadata: Any) -> Judgement:
    managers = managers_of({"metadata": {"namespace": "shop", **metadata}})
    return judge(_case(args, ref={"kind": kind}, managers=managers))


def test_scaling_beside_a_manager_that_puts_it_back_needs_two_people_and_names_the_place() -> None:
    judged = _managed(ScaleArgs(2, 3), annotations={"argocd.argoproj.io/tracking-id": "shop:x"})
    assert judged.tier is Tier.TWO_PEOPLE
    assert any("change the Git source of Argo CD application shop instead" in reason for reason in judged.reasons)


def test_scaling_a_replica_set_of_a_deployment_is_refused_for_the_deployment() -> None:
    judged = _managed(
        ScaleArgs(2, 3), "ReplicaSet", ownerReferences=[{"kind": "Deployment", "name": "web", "controller": True}]
    )
    assert any("scale Deployment shop/web instead" in refusal for refusal in judged.refusals)


def test_scaling_what_helm_installed_needs_a_typed_name() -> None:
    assert _managed(ScaleArgs(2, 3), annotations={"meta.helm.sh/release-name": "shop"}).tier is Tier.TYPED_NAME


def test_a_restart_does_not_conflict_with_git_but_may_with_an_operator() -> None:
    assert _managed(_RESTART, annotations={"argocd.argoproj.io/tracking-id": "shop:x"}).tier is Tier.ONE_YES
    assert (
        _managed(_RESTART, ownerReferences=[{"kind": "Kafka", "name": "k", "controller": True}]).tier is Tier.TYPED_NAME
    )


def _edits(op: Op, *edits: Edit, **changes: Any) -> Case:
    return _case(EditArgs(op, edits or (Edit("/spec/x", "1", "2"),)), **changes)


_POD = Eviction("shop", "web-0", ready=True, owner="ReplicaSet web-1", scratch=False)
_NODE = {"kind": "Node", "namespace": "", "resource": "nodes", "group": ""}
_ROLLS = {"rolls_out": True}


@pytest.mark.parametrize(
    ("case", "tier"),
    [
        (_edits(Op.LABEL), Tier.ONE_YES),
        (_edits(Op.LABEL, steering=("env",)), Tier.TWO_PEOPLE),
        (_edits(Op.ANNOTATE), Tier.ONE_YES),
        (_edits(Op.LABEL, ref={"kind": "Namespace", "namespace": "", "name": "prod"}), Tier.TWO_PEOPLE),
        (_edits(Op.LABEL, ref={"kind": "Namespace", "namespace": "", "name": "kube-system"}), Tier.NEVER),
        (_edits(Op.CORDON, ref=_NODE), Tier.ONE_YES),
        (_edits(Op.UNCORDON, ref=_NODE), Tier.ONE_YES),
        (_edits(Op.CORDON, ref=_NODE, evictions=(_POD,)), Tier.TWO_PEOPLE),
        (_edits(Op.TAINT, Edit("/spec/taints", "", '[{"key":"a","effect":"NoSchedule"}]'), ref=_NODE), Tier.TYPED_NAME),
        (_edits(Op.TAINT, Edit("/spec/taints", "", '[{"key":"a","effect":"NoExecute"}]'), ref=_NODE), Tier.TWO_PEOPLE),
        (_edits(Op.TAINT, Edit("/spec/taints", '[{"key":"a","effect":"NoExecute"}]', ""), ref=_NODE), Tier.TYPED_NAME),
        (_edits(Op.PAUSE), Tier.ONE_YES),
        (_edits(Op.RESUME, state=_state(4, 1)), Tier.ONE_YES),
        (_edits(Op.SUSPEND, ref={"kind": "CronJob"}, state=_state(0, 0)), Tier.ONE_YES),
        (_edits(Op.SUSPEND, ref={"kind": "Job"}, state=_state(2, 2)), Tier.TYPED_NAME),
        (_edits(Op.UNSUSPEND, ref={"kind": "CronJob"}, state=_state(0, 0)), Tier.ONE_YES),
        (_edits(Op.SET_IMAGE, **_ROLLS), Tier.TYPED_NAME),
        (_edits(Op.SET_RESOURCES, **_ROLLS), Tier.TYPED_NAME),
        (_edits(Op.SET_ENV, **_ROLLS), Tier.TYPED_NAME),
        (_edits(Op.SET_IMAGE, ref={"kind": "StatefulSet"}, **_ROLLS), Tier.TWO_PEOPLE),
        (_edits(Op.SET_IMAGE, ref={"kind": "DaemonSet"}, **_ROLLS), Tier.TWO_PEOPLE),
        (_edits(Op.SET_IMAGE, template=TemplateChange(registries=("new.io",)), **_ROLLS), Tier.TWO_PEOPLE),
        (_edits(Op.SET_IMAGE, template=TemplateChange(registries=("known.io",)), around=Surroundings(registries=("known.io",)), **_ROLLS),
         Tier.TYPED_NAME),
        (_edits(Op.ROLLBACK, template=TemplateChange(powers=("it shares the node's PID",)), **_ROLLS), Tier.NEVER),
        (_edits(Op.ROLLBACK, template=TemplateChange(secrets=("keys",)), **_ROLLS), Tier.TWO_PEOPLE),
        (_edits(Op.ROLLBACK, **_ROLLS), Tier.ONE_YES),
        (_edits(Op.ROLLBACK, state=_state(3, 3, recreate=True), **_ROLLS), Tier.TWO_PEOPLE),
        (_edits(Op.SET_IMAGE, state=_state(1, 0), **_ROLLS), Tier.TWO_PEOPLE),
        (_edits(Op.PATCH), Tier.TYPED_NAME),
        (_edits(Op.PATCH, ref={"kind": "Service"}, noted=True), Tier.TWO_PEOPLE),
        (_edits(Op.LABEL, ref={"kind": "Service"}, noted=True), Tier.ONE_YES),
        (_case(EvictArgs(), state=_state(1, 1), evictions=(_POD,), ref={"kind": "Pod"}), Tier.TYPED_NAME),
        (_case(EvictArgs(), state=_state(1, 1), evictions=(msgspec.structs.replace(_POD, owner=""),)), Tier.TWO_PEOPLE),
        (_case(EvictArgs(), state=_state(1, 1), evictions=(_POD,), around=Surroundings(services=(ServiceReach("web", 1, 1),))),
         Tier.TWO_PEOPLE),
        (_case(DeleteArgs(Cascade.BACKGROUND)), Tier.TWO_PEOPLE),
        (_case(DeleteArgs(Cascade.ORPHAN)), Tier.TWO_PEOPLE),
        (_case(DeleteArgs(Cascade.BACKGROUND), own_creation=True, is_undo=True, state=_state(0, 0)), Tier.TYPED_NAME),
        (_case(DeleteArgs(Cascade.BACKGROUND), own_creation=True, moved_on="changed", state=_state(0, 0)), Tier.TWO_PEOPLE),
        (_case(CreateJobArgs("now", "{}"), state=_state(0, 0), ref={"kind": "CronJob"}), Tier.TYPED_NAME),
        (_case(ApplyArgs("{}", exists=True), state=_state(0, 0), ref={"kind": "ConfigMap"}), Tier.TYPED_NAME),
        (_case(ApplyArgs("{}", exists=True), noted=True, ref={"kind": "NetworkPolicy"}), Tier.TWO_PEOPLE),
        (_edits(Op.LABEL, namespaces=("a", "b")), Tier.TWO_PEOPLE),
    ],
)  # fmt: skip
def test_an_operation_has_the_tier_that_the_design_gives_it(case: Case, tier: Tier) -> None:
    judged = judge(case)
    assert judged.tier is tier, judged
    assert bool(judged.refusals) is (tier >= Tier.TWO_PEOPLE), judged


@pytest.mark.parametrize(
    "op", [op for op in Op if op not in (Op.SCALE, Op.RESTART, Op.EVICT, Op.DELETE, Op.CREATE_JOB, Op.APPLY)]
)
def test_a_change_of_fields_that_changes_nothing_is_refused(op: Op) -> None:
    edits = () if op is Op.TAINT else (Edit("/x", "1", "1"),)
    assert any("nothing to change" in refusal for refusal in judge(_case(EditArgs(op, edits))).refusals)


def test_a_budget_that_lets_nobody_go_refuses_an_eviction() -> None:
    around = Surroundings(budgets=(Budget("b", 3, 3, absolute=True, allowed=0),))
    judged = judge(_case(EvictArgs(), state=_state(1, 1), evictions=(_POD,), around=around))
    assert any("PodDisruptionBudget b lets no pod go now" in refusal for refusal in judged.refusals)


def test_a_field_that_git_keeps_needs_two_people_and_the_card_names_the_place() -> None:
    managers = managers_of({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "shop:x"}}})
    judged = judge(_edits(Op.SET_IMAGE, managers=managers, **_ROLLS))
    assert judged.tier is Tier.TWO_PEOPLE
    assert any("change the Git source of Argo CD application shop instead" in reason for reason in judged.reasons)


@given(st.sampled_from(list(Op)), st.booleans(), st.booleans())
def test_an_added_power_is_never_approved_whatever_else_is_true(op: Op, rolls: bool, undo: bool) -> None:
    case = _case(
        EditArgs(op, (Edit("/spec/taints", "1", "[]"),)),
        template=TemplateChange(powers=("x",)),
        rolls_out=rolls,
        is_undo=undo,
    )
    assert judge(case).tier is Tier.NEVER


_COUNTS = st.integers(0, 400)
_SERVICES = st.lists(st.builds(ServiceReach, st.just("s"), st.integers(0, 30), st.integers(0, 30)), max_size=2).map(
    tuple
)
_AROUND = st.builds(
    Surroundings,
    services=_SERVICES,
    budgets=st.lists(st.builds(Budget, st.just("b"), _COUNTS, _COUNTS, st.booleans()), max_size=2).map(tuple),
    quotas=st.lists(st.builds(QuotaRoom, st.just("q"), st.just("pods"), _COUNTS), max_size=2).map(tuple),
    unread=st.lists(st.just("Pods"), max_size=1).map(tuple),
    single_writer_volume=st.booleans(),
    age_seconds=st.integers(0, 90),
)
_STATES = st.builds(
    WorkloadState, _COUNTS, _COUNTS, _COUNTS, st.booleans(), st.booleans(), st.booleans(), deleting=st.booleans()
)
_CASES = st.builds(
    Case,
    ref=st.sampled_from(
        [REF, msgspec.structs.replace(REF, namespace="kube-system"), msgspec.structs.replace(REF, kind="StatefulSet")]
    ),
    args=st.builds(ScaleArgs, _COUNTS, _COUNTS) | st.just(_RESTART),
    state=_STATES,
    around=_AROUND,
    rehearsed=st.sampled_from([None, *DryRunState]),
    changed_lately=st.booleans(),
)


@given(_CASES, st.sets(st.sampled_from(range(len(RULES)))))
def test_taking_rules_away_never_raises_a_tier_or_adds_a_refusal(case: Case, kept: set[int]) -> None:
    fewer, every = judge(case, [RULES[index] for index in sorted(kept)]), judge(case)
    assert fewer.tier <= every.tier
    assert len(fewer.refusals) <= len(every.refusals)


@given(_CASES, st.sampled_from(list(Weight)), st.sampled_from(list(Tier)))
def test_a_new_rule_can_only_raise_or_refuse(case: Case, weight: Weight, tier: Tier) -> None:
    before = judge(case)
    after = judge(case, [*RULES, lambda _: [Finding(weight, "new", tier)]])
    assert after.tier >= before.tier
    assert bool(after.refusals) >= bool(before.refusals)


@given(st.integers(1, 300), st.integers(1, 300), _AROUND)
def test_taking_more_pods_away_never_needs_less_agreement(before: int, fewer: int, around: Surroundings) -> None:
    after = max(0, before - fewer)
    milder = min(before - 1, after + 1)
    if milder > after:
        harsh, mild = (judge(_case(ScaleArgs(before, n), around=around)) for n in (after, milder))
        assert harsh.tier >= mild.tier


@given(_CASES)
def test_nothing_in_a_protected_namespace_is_ever_approved(case: Case) -> None:
    inside = msgspec.structs.replace(case, ref=msgspec.structs.replace(case.ref, namespace="kube-public"))
    assert judge(inside).tier is Tier.NEVER
    assert judge(inside).refusals


def test_a_restart_disrupts_only_pods_above_its_partition() -> None:
    assert pods_disrupted(_case(_RESTART, state=_state(5, 1, partition=3))) == 2


def test_the_copy_that_kubectl_compares_with_is_no_mere_note() -> None:
    key = "kubectl.kubernetes.io/last-applied-configuration"
    assert control_keys((key, "kubectl.kubernetes.io/restartedAt"), ()) == (key,)
