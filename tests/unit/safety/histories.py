"""Histories of a workshop that hypothesis makes up: people, forgers, outside edits, bad weather and clocks that jump.

`Hand` plays with the gate and the executor alone, with plans of every tier; `DoorHistory` goes the whole way from words
to outcome. After every step the witness of the world must have nothing to object to.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from copilot.changing.history import PlanState, find_record
from copilot.model import CopilotError
from copilot.model.moment import stamp
from guardrails.approval import Approval
from guardrails.operations.args import EvictArgs, RestartArgs
from guardrails.plan import Plan, Requester, Step, Tier
from guardrails.requests import compile_request
from guardrails.steps import ApprovedStep
from tests.direct_api import Weather
from tests.unit.guardrails.plans import ALICE, COMPUTED, make_plan, scale_step
from tests.unit.safety.world import BOB, MEMORY, World, kubeconfig_folder
from tui.card import card_lines

ALICE_ELSEWHERE = msgspec.structs.replace(
    BOB, k8s_user=ALICE.k8s_user
)  # another login, the same person for the cluster
PEOPLE = (ALICE, BOB, ALICE_ELSEWHERE)
WORDS = ("scale web to 3", "scale web to 1", "restart web", "label deploy/web note=x", "cordon n1", "evict web-0",
         "drain n1", "set image deploy/web app=nginx:2", "scale db to 0", "delete deploy/db")  # fmt: skip
JUMPS = (-10, -1, 1, 4, 10, 16, 31)  # minutes
_WEATHER = st.sampled_from(list(Weather))
_PICK = st.integers(0, 99)


class _History(RuleBasedStateMachine):
    """What both kinds of histories share: the world, the weather, the clock, and the end."""

    played = 0
    effects = 0  # requests that really changed something: a run without any would prove nothing

    def __init__(self) -> None:
        super().__init__()
        type(self).played += 1
        self.folder = Path(tempfile.mkdtemp(prefix="history-", dir=MEMORY))
        self.world = World(self.folder, kubeconfig_folder())
        self.plans: list[Plan] = []
        self.approvals: list[Approval] = []
        self.steps: list[ApprovedStep] = []
        self.repeated = False

    @rule(minutes=st.sampled_from(JUMPS))
    def the_clock_jumps(self, minutes: int) -> None:
        self.world.clock.forward(minutes=minutes)

    @rule(replicas=st.integers(0, 5), name=st.sampled_from(["web", "db"]))
    def somebody_edits(self, replicas: int, name: str) -> None:
        with suppress(KeyError):
            self.world.api.touch(name, replicas=replicas)

    @rule(weather=_WEATHER, after=st.integers(1, 8), writes=st.booleans())
    def bad_weather_comes(self, weather: Weather, after: int, writes: bool) -> None:
        """One later request meets it, of those that read or of those that do not."""
        left = [after]
        self.repeated = self.repeated or weather is Weather.TWICE

        def sky(_number: int, method: str, path: str) -> Weather | None:
            if writes != (method != "GET") or "selfsubjectreviews" in path:
                return None
            left[0] -= 1
            return weather if left[0] == 0 else None

        self.world.pool.weather = sky

    @rule()
    def what_is_unknown_is_read_back(self) -> None:
        self.settle()

    def settle(self) -> None:
        with self.world.calm(), suppress(CopilotError):
            self.world.settle()

    def check(self) -> None:
        assert self.world.broken == []

    def teardown(self) -> None:
        try:
            self.settle()
            assert self.world.problems() == []
            if not self.repeated:  # of a request that came twice the server tells only the second answer
                assert self.world.untold() == []
        finally:
            type(self).effects += sum(self.world.effects.values())
            shutil.rmtree(self.folder)


class Hand(_History):
    """Plans of every tier made by hand, and everybody tries everything."""

    def _version(self, name: str) -> str:
        return str(self.world.object(name)["metadata"]["resourceVersion"])

    @initialize()
    def the_first_plan(self) -> None:
        self.a_plan_is_made(Tier.ONE_YES, refused=False, who=ALICE, what=3)

    @rule(
        tier=st.sampled_from(list(Tier)),
        refused=st.sampled_from((False, False, True)),
        who=st.sampled_from(PEOPLE[:2]),
        what=st.integers(0, 3),
    )
    def a_plan_is_made(self, tier: Tier, refused: bool, who: Requester, what: int) -> None:
        ref = msgspec.structs.replace(make_plan().target, uid="uid-shop-web", resource_version=self._version("web"))
        pod = msgspec.structs.replace(ref, group="", resource="pods", kind="Pod", name="web-0", uid="uid-web-0", resource_version="100")  # fmt: skip
        restart, evict = RestartArgs("2026-03-01T12:00:00Z"), EvictArgs(None)
        steps = (
            (scale_step(2, 3, ref),),
            (Step(ref, restart, compile_request(ref, restart)),),
            (Step(pod, evict, compile_request(pod, evict)),),
            (Step(pod, evict, compile_request(pod, evict)), scale_step(2, 4, ref)),
        )[what]
        computed = msgspec.structs.replace(COMPUTED, tier=tier, refusals=("no",) if refused else ())
        now = self.world.clock.now
        plan = make_plan(
            id=f"{len(self.plans):08x}aaaa", cluster=self.world.desk.cluster, requester=who, steps=steps, computed=computed,
            not_before=stamp(now), expires=stamp(now + timedelta(minutes=15)),
        )  # fmt: skip
        self.plans.append(plan)
        self.world.door.note_planned(plan)

    @precondition(lambda self: self.plans)
    @rule(which=_PICK, who=st.sampled_from(PEOPLE))
    def somebody_agrees(self, which: int, who: Requester) -> None:
        with suppress(CopilotError):
            self.approvals.append(self.world.yes(self.plans[which % len(self.plans)], who))

    @precondition(lambda self: self.approvals)
    @rule(which=_PICK, part=st.integers(0, 4))
    def somebody_forges_an_approval(self, which: int, part: int) -> None:
        changes: list[dict[str, Any]] = [{"expires": "2099-01-01T00:00:00Z"}, {"approver": BOB}, {"nonce": "0" * 32},
                                         {"tier": Tier.ONE_YES}, {"digest": self.plans[-1].digest}]  # fmt: skip
        self.approvals.append(msgspec.structs.replace(self.approvals[which % len(self.approvals)], **changes[part]))

    @precondition(lambda self: self.approvals)
    @rule(which=_PICK, those=st.lists(_PICK, max_size=3), who=st.sampled_from(PEOPLE), own=st.booleans())
    def somebody_uses_approvals(self, which: int, those: list[int], who: Requester, own: bool) -> None:
        plan = self.plans[which % len(self.plans)]
        fitting = [each for each in self.approvals if each.plan_id == plan.id] if own else self.approvals
        chosen = tuple(fitting[each % len(fitting)] for each in those) if fitting else ()
        with suppress(CopilotError):
            self.steps += self.world.gate.consume(plan, chosen, plan.requester if own else who)
        self.check()

    @precondition(lambda self: self.plans)
    @rule(which=_PICK, jump=st.sampled_from((0, 0, 0, *JUMPS)), sent=st.booleans())
    def the_right_people_agree(self, which: int, jump: int, sent: bool) -> None:
        plan = self.plans[which % len(self.plans)]
        with suppress(CopilotError):
            people = {plan.requester, BOB, ALICE} if plan.computed.tier is Tier.TWO_PEOPLE else {plan.requester}
            given = tuple(self.world.yes(plan, who) for who in people)
            self.world.clock.forward(minutes=jump)
            self.approvals += given
            handed = self.world.gate.consume(plan, given, plan.requester)
            self.steps += handed
            for step in handed if sent else ():
                self.world.executor.send(step)
        self.check()

    @precondition(lambda self: self.steps)
    @rule(which=_PICK)
    def a_step_is_sent(self, which: int) -> None:
        with self.world.calm(), suppress(CopilotError):
            self.world.executor.send(self.steps[which % len(self.steps)])
        self.check()

    @precondition(lambda self: self.steps and len(self.plans) > 1)
    @rule(which=_PICK, other=_PICK, part=st.integers(0, 4))
    def a_step_is_altered_and_sent(self, which: int, other: int, part: int) -> None:
        step = self.steps[which % len(self.steps)]
        foreign = self.plans[other % len(self.plans)].steps[0]
        request = msgspec.structs.replace(step.step.request, method="DELETE")
        changes: list[dict[str, Any]] = [
            {"step": msgspec.structs.replace(step.step, request=request)}, {"nonce": "0" * 32}, {"seal": ""},
            {"expires": "2099-01-01T00:00:00Z"}, {"step": foreign, "plan_id": self.plans[other % len(self.plans)].id},
        ]  # fmt: skip
        altered = msgspec.structs.replace(step, **changes[part])
        before = len(self.world.pool.writes())
        with suppress(CopilotError):
            self.world.executor.send(altered)
        assert altered == step or len(self.world.pool.writes()) == before


class DoorHistory(_History):
    """From words to outcome and back, with the server against it."""

    @initialize(words=st.sampled_from(WORDS), done=st.booleans())
    def the_first_plan(self, words: str, done: bool) -> None:
        self.a_change_is_asked_for(words)
        if done and self.plans:
            self.the_newest_plan_is_carried_out(
                ["self", "bob"] if self.plans[-1].computed.tier >= Tier.TWO_PEOPLE else ["self"], 0
            )

    def _attempt(self, words: str) -> Plan | None:
        """Plan, and take away only what is said of a second person: an executor that serves several people has one."""
        with suppress(CopilotError):
            plan = self.world.desk.plan(words)
            left = tuple(each for each in plan.computed.refusals if "two people" not in each)
            plan = msgspec.structs.replace(plan, computed=msgspec.structs.replace(plan.computed, refusals=left))
            self.world.door.note_planned(plan)
            return plan
        return None

    @rule(words=st.sampled_from(WORDS))
    def a_change_is_asked_for(self, words: str) -> None:
        with self.world.calm():
            plan = self._attempt(words)
        if plan is not None:
            self.plans.append(plan)
            assert card_lines(plan) == card_lines(msgspec.convert(msgspec.to_builtins(plan), Plan))  # I14

    @precondition(lambda self: self.plans)
    @rule(
        people=st.lists(st.sampled_from(["self", "bob"]), min_size=1, max_size=2),
        jump=st.sampled_from((0, 0, 0, *JUMPS)),
    )
    def the_newest_plan_is_carried_out(self, people: list[str], jump: int) -> None:
        plan = self.plans[-1]
        with self.world.calm(), suppress(CopilotError):
            given = [self.world.yes(plan, BOB if who == "bob" else None) for who in people]
            self.world.clock.forward(minutes=jump)
            self.world.carry_out(plan, *given)
        self.check()

    @precondition(lambda self: self.plans)
    @rule(which=_PICK)
    def a_change_is_undone(self, which: int) -> None:
        plan = self.plans[which % len(self.plans)]
        if self.world.state(plan) is not PlanState.APPLIED:
            return
        with self.world.calm(), suppress(CopilotError):
            back = self.world.desk.plan_undo(find_record(self.world.journal, plan.id))
            self.world.door.note_planned(back)
            self.world.carry_out(back, self.world.yes(back))
        self.check()

    @rule(denied=st.booleans())
    def rights_are_taken_or_given(self, denied: bool) -> None:
        self.world.api.denied = {("patch", "deployments"), ("patch", "deployments/scale")} if denied else set()

    @rule(denies=st.booleans())
    def a_webhook_denies_only_at_execute(self, denies: bool) -> None:
        self.world.api.fail_with = (403, "denied by webhook") if denies else None

    @rule(words=st.sampled_from(WORDS))
    def somebody_only_looks(self, words: str) -> None:
        """I12: without changes allowed nothing but GET leaves the house."""
        before = len(self.world.pool.arrived)
        with self.world.calm(), suppress(CopilotError):
            self.world.looking.plan(words)
        assert {one.method for one in self.world.pool.arrived[before:]} <= {"GET"}


def play(machine: type[_History], histories: int, length: int) -> int:
    """Play this many histories of at most this many steps; the number really played is returned."""
    before = machine.played
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=histories, stateful_step_count=length, deadline=None, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    return machine.played - before
