"""Every raiser of the design's tier table is a rule, and more of what raises never asks for less agreement (I8)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.changing.surroundings import surroundings
from copilot.model import Coverage, Snapshot
from copilot.model.resource import ref_of
from guardrails.facts import Case, Eviction, Surroundings
from guardrails.operations.args import EvictArgs
from guardrails.plan import ScaleArgs, Tier
from guardrails.provenance import ArgOrigin, Label, Origin, Role, Taint
from guardrails.provenance.labels import NEVER_TAINTED
from guardrails.tiers import judge
from guardrails.workload import WorkloadState
from retrievers.graph import build_graph
from tests.small_api import deployment
from tests.unit.guardrails.plans import REF
from tools.cluster.resources import resource

_STATE = WorkloadState(4, 4, at_once=1, one_at_a_time=False)
_ORIGINS = st.builds(
    ArgOrigin, st.sampled_from(list(Role)), st.text(max_size=8), st.sampled_from(list(Origin)), st.just("x")
)
_TAINTS = st.builds(
    Taint, st.lists(st.sampled_from(list(Label)), unique=True).map(tuple), st.lists(_ORIGINS, max_size=4).map(tuple)
)
_COUNTS = st.integers(0, 300)
_AROUND = st.builds(
    Surroundings,
    age_seconds=st.integers(0, 60),
    unread=st.lists(st.just("Pods"), max_size=1).map(tuple),
    troubled=st.lists(st.just("Node n1 is not ready"), max_size=2).map(tuple),
)


def _case(before: int, after: int, **more: Any) -> Case:
    return Case(REF, ScaleArgs(before, after), _STATE, more.pop("around", Surroundings()), **more)


@given(_COUNTS, _COUNTS, _AROUND, _TAINTS, _TAINTS)
def test_more_taint_never_asks_for_less_agreement(
    before: int, after: int, around: Surroundings, one: Taint, two: Taint
) -> None:
    both = Taint(tuple(dict.fromkeys((*one.labels, *two.labels))), (*one.origins, *two.origins))
    less, more, none = (judge(_case(before, after, around=around, taint=each)) for each in (one, both, None))
    assert none.tier <= less.tier <= more.tier
    assert len(none.refusals) <= len(less.refusals) <= len(more.refusals)


@given(_COUNTS, _COUNTS, _AROUND, _AROUND)
def test_a_worse_picture_and_more_trouble_never_ask_for_less(
    before: int, after: int, one: Surroundings, two: Surroundings
) -> None:
    worse = Surroundings(
        age_seconds=max(one.age_seconds, two.age_seconds),
        unread=tuple(dict.fromkeys((*one.unread, *two.unread))),
        troubled=(*one.troubled, *two.troubled),
    )
    assert judge(_case(before, after, around=one)).tier <= judge(_case(before, after, around=worse)).tier


@given(st.integers(1, 40), st.integers(0, 40))
def test_ending_more_pods_never_asks_for_less(count: int, more: int) -> None:
    pod = Eviction("shop", "web-0", ready=True, owner="ReplicaSet web-1", scratch=False)
    few, many = (
        Case(msgspec.structs.replace(REF, kind="Pod"), EvictArgs(), WorkloadState(n, n, 1, one_at_a_time=False), Surroundings(), evictions=(pod,) * n)
        for n in (count, count + more)
    )  # fmt: skip
    assert judge(few).tier <= judge(many).tier


@given(st.integers(2, 99), st.integers(1, 99), st.integers(0, 99))
def test_adding_more_replicas_never_asks_for_less(before: int, more: int, still_more: int) -> None:
    assert judge(_case(before, before + more)).tier <= judge(_case(before, before + more + still_more)).tier


@pytest.mark.parametrize("role", sorted(NEVER_TAINTED, key=lambda role: role.value))
@pytest.mark.parametrize("origin", [Origin.TAINTED, Origin.UNEXPLAINED])
def test_what_must_never_be_tainted_is_refused(role: Role, origin: Origin) -> None:
    assert judge(_case(2, 3, taint=Taint((), (ArgOrigin(role, "x", origin),)))).refusals


@pytest.mark.parametrize(
    ("taint", "tier"),
    [
        (Taint(), Tier.ONE_YES),
        (Taint((Label.UNTRUSTED_READ,)), Tier.ONE_YES),
        (Taint((Label.UNSOLICITED,)), Tier.TYPED_NAME),
        (Taint((Label.NEVER_SEEN,)), Tier.TYPED_NAME),
        (Taint((), (ArgOrigin(Role.NUMBER, "3", Origin.TAINTED),)), Tier.TYPED_NAME),
        (Taint((Label.UNSOLICITED, Label.NEVER_SEEN)), Tier.TWO_PEOPLE),
    ],
)
def test_a_proposal_is_raised_as_the_design_says(taint: Taint, tier: Tier) -> None:
    assert judge(_case(2, 3, taint=taint)).tier is tier


def _around(*others: dict[str, Any]) -> Surroundings:
    web = deployment()
    web["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}]
    graph = build_graph(
        Snapshot(resources=tuple(resource(body, "test") for body in (web, *others)), coverage=Coverage(()))
    )
    return surroundings(graph, ref_of(web), web)


def _claim(phase: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk", "namespace": "shop", "uid": "c"},
        "spec": {"accessModes": ["ReadWriteMany"]}, "status": {"phase": phase},
    }  # fmt: skip


def test_an_ill_dependency_raises_the_change_by_one_and_is_named() -> None:
    assert _around(_claim("Bound")).troubled == ()
    around = _around(_claim("Lost"))
    assert around.troubled == ("PersistentVolumeClaim shop/disk is Lost",)
    judged = judge(_case(2, 3, around=Surroundings(troubled=around.troubled)))
    assert judged.tier is Tier.TYPED_NAME
    assert any("PersistentVolumeClaim shop/disk is Lost" in reason for reason in judged.reasons)
