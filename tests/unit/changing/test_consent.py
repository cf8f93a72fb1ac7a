"""The question itself, on a real pseudo-terminal."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import msgspec
import pytest

from guardrails.approval import plan_code, wanted_word
from guardrails.plan import Plan, Tier
from tests.unit.guardrails.plans import COMPUTED, make_plan
from tui.consent import ask, is_attended

_TYPED = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=Tier.TYPED_NAME))


def _answer(monkeypatch: pytest.MonkeyPatch, plan: Plan, typed: str, ahead: str = "") -> bool:
    """Ask on a terminal where `ahead` was typed before the question and `typed` after it."""
    person, terminal = os.openpty()
    with os.fdopen(os.dup(terminal), "w") as out, os.fdopen(os.dup(terminal)) as inp:
        monkeypatch.setattr("sys.stdin", inp)
        monkeypatch.setattr("sys.stdout", out)
        os.write(person, ahead.encode())

        def person_types() -> None:
            seen = b""
            while b"leave it: " not in seen:
                seen += os.read(person, 1024)
            os.write(person, typed.encode() + b"\n")

        thread = threading.Thread(target=person_types)
        thread.start()
        agreed = ask(plan) == wanted_word(plan)
        thread.join()
    monkeypatch.undo()
    os.close(person)
    os.close(terminal)
    return agreed


def test_the_exact_word_is_a_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _answer(monkeypatch, make_plan(), "yes")
    assert _answer(monkeypatch, _TYPED, "web")


@pytest.mark.parametrize("typed", ["no", "", "y", "YES", " yes", "yes ", "yes please", "web"])
def test_anything_else_is_a_no(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    assert not _answer(monkeypatch, make_plan(), typed)


@pytest.mark.parametrize("typed", ["yes", "Web", "shop/web", "deploy/web", ""])
def test_a_riskier_plan_wants_the_objects_name(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    assert not _answer(monkeypatch, _TYPED, typed)


def test_a_plan_for_two_wants_the_code_that_only_the_card_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = make_plan(computed=msgspec.structs.replace(COMPUTED, tier=Tier.TWO_PEOPLE))
    assert _answer(monkeypatch, shared, plan_code(shared))
    assert not _answer(monkeypatch, shared, "web")


def test_what_was_typed_before_the_question_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _answer(monkeypatch, make_plan(), "no", ahead="yes\nyes\n")


def test_without_a_terminal_the_answer_is_no_whatever_stands_on_the_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("yes\n")
    with (tmp_path / "in").open() as answers:
        monkeypatch.setattr("sys.stdin", answers)
        assert not is_attended()
        assert not ask(make_plan())
