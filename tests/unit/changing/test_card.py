"""The card: complete, the same for the same plan, and safe to look at."""

from __future__ import annotations

import io
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from guardrails.plan import (
    Access,
    Banner,
    Blast,
    Computed,
    Dependant,
    DryRun,
    DryRunState,
    FieldChange,
    Intent,
    Plan,
    RestartArgs,
    Step,
    Tier,
)
from guardrails.requests import compile_request
from tests.unit.guardrails.plans import COMPUTED, REF, make_plan
from tests.unit.guardrails.test_requests import STEPS
from tui.card import card_lines, print_card

_RESTART = RestartArgs("2026-03-01T12:00:00Z")
_FULL = Computed(
    tier=Tier.TYPED_NAME,
    reasons=("it replaces every pod, a few at a time", "no PodDisruptionBudget covers its pods, and 2 may be away at once"),
    refusals=(),
    banners=(Banner("Helm release shop/web", "Helm release shop/web overwrites it the next time it runs", "the values, then helm upgrade"),),
    blast=Blast(8, 7, 8, (Dependant("Service", "shop", "web", "selects"), Dependant("Ingress", "shop", "front", "routes to over selects"))),
    changes=(
        FieldChange("/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt", "", '"2026-03-01T12:00:00Z"', asked=True),
        FieldChange("/spec/template/spec/containers/0/image", '"a"', '"b"', asked=False),
    ),
    dry_run=(DryRun("change", DryRunState.DONE, (), "sha", ""),),
    ssar=(Access("patch", "apps", "deployments", "", "shop", "web", True, ""),),
    irreversible=("8 pods end: what they hold in memory or in emptyDir volumes is lost",),
    not_checked=("callers in other namespaces",),
)  # fmt: skip
RESTART = make_plan(
    steps=(Step(REF, _RESTART, compile_request(REF, _RESTART)),), rollback=(), computed=_FULL,
    intent=Intent("cli/1", "restart deploy/web in shop"),
)  # fmt: skip
REFUSED = make_plan(
    computed=msgspec.structs.replace(
        COMPUTED, tier=Tier.TWO_PEOPLE, refusals=("it needs the agreement of two people, and this command knows only one",),
        ssar=(Access("patch", "apps", "deployments", "scale", "shop", "web", False, "no binding"),),
    ),
    undoes="aaaabbbbcccc",
)  # fmt: skip


def card_text(plan: Plan) -> str:
    """The card as plain text."""
    return "\n".join(line.text for line in card_lines(plan)) + "\n"


@pytest.mark.parametrize("plan", [make_plan(), RESTART, REFUSED], ids=["scale", "restart", "refused-undo"])
def test_what_a_person_reads(plan: Plan, snapshot: SnapshotAssertion) -> None:
    assert card_text(plan) == snapshot


@pytest.mark.parametrize("name", STEPS)
def test_the_card_of_every_operation(name: str, snapshot: SnapshotAssertion) -> None:
    ref, args = STEPS[name]
    step = Step(ref, args, compile_request(ref, args))
    computed = msgspec.structs.replace(COMPUTED, changes=(), blast=Blast(0, 0, 0, ()))
    said = card_text(make_plan(steps=(step,), rollback=(), computed=computed))
    # What is particular to the operation: its effect, its object, and its request.
    kept = [line for line in said.splitlines() if "digest" not in line and "because" not in line]
    assert "\n".join(kept) == snapshot
    assert step.request.body in said.replace("\\\\", "\\")
    assert step.request.path in said


def test_a_list_of_steps_is_shown_whole() -> None:
    ref, args = STEPS["evict"]
    pods = [msgspec.structs.replace(ref, name=f"web-{number}", namespace="shop") for number in range(120)]
    steps = tuple(Step(pod, args, compile_request(pod, args)) for pod in pods)
    said = card_text(make_plan(steps=steps, rollback=()))
    assert [f"Evict Pod shop/web-{number}\n" in said for number in range(120)] == [True] * 120
    assert all(step.request.path in said for step in steps)


def test_the_card_is_a_function_of_the_plan_alone() -> None:
    again = msgspec.json.decode(msgspec.json.encode(RESTART), type=Plan)
    assert card_text(again) == card_text(RESTART)


@pytest.mark.parametrize("width", [20, 80, 400])
def test_nothing_is_cut_however_narrow_the_terminal(width: int) -> None:
    name = "a" * 253
    plan = make_plan(
        steps=(msgspec.structs.replace(make_plan().steps[0], ref=msgspec.structs.replace(REF, name=name)),)
    )
    out = io.StringIO()
    print_card(plan, Console(file=out, width=width, highlight=False, markup=False, emoji=False))
    assert out.getvalue().rstrip("\n") == card_text(plan).rstrip("\n")
    assert out.getvalue().count(name) >= 2


def test_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    plan = make_plan(intent=Intent("cli/1", "[bold red]hello[/] :smile: [link=http://x]y[/link]"))
    out = io.StringIO()
    print_card(plan, Console(file=out, width=200, force_terminal=True))
    assert "[bold red]hello[/] :smile: [link=http://x]y[/link]" in out.getvalue()


@given(st.text(st.characters(exclude_categories=[]), max_size=40))
def test_hostile_text_in_any_field_cannot_add_a_line_or_hide_one(text: str) -> None:
    computed = msgspec.structs.replace(
        _FULL, reasons=(text,), refusals=(text,), irreversible=(text,), not_checked=(text,),
        banners=(Banner(text, text, text),), blast=Blast(1, 1, 1, (Dependant(text, text, text, text),)),
        changes=(FieldChange(text, text, text, asked=False),), dry_run=(DryRun(text, DryRunState.REFUSED, (), "", text),),
        ssar=(Access(text, text, text, text, text, text, False, text),),
    )  # fmt: skip
    hostile = make_plan(computed=computed, intent=Intent("cli/1", text))
    calm = make_plan(computed=msgspec.structs.replace(
        computed, reasons=("x",), refusals=("x",), irreversible=("x",), not_checked=("x",), banners=(Banner("x", "x", "x"),),
        blast=Blast(1, 1, 1, (Dependant("x", "x", "x", "x"),)), changes=(FieldChange("x", "x", "x", asked=False),),
    ))  # fmt: skip
    assert len(card_text(hostile).splitlines()) == len(card_text(calm).splitlines())
    assert not [
        c
        for line in card_lines(hostile)
        for c in line.text
        if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
