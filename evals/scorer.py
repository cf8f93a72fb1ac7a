"""Judges one answer against the truth. An answer counts only when object and cause are both right, first, and firm."""

from __future__ import annotations

from enum import Enum

import msgspec

from copilot.model import Evidence, RootCause, Verdict
from evals.case import Case
from evals.solver import Answer
from evals.truth import Fault


class Outcome(Enum):
    """What came of a case, best first."""

    RIGHT = "right"  # every fault named with its cause, or silence where nothing is wrong
    OBJECT_ONLY = "object only"  # the right object, another cause
    PARTLY = "partly"  # of several faults not all
    ABSTAINED = "abstained"  # said that it does not know
    WRONG = "wrong"  # another object
    MISSED = "missed"  # called healthy what is not
    FALSE_ALARM = "false alarm"  # blamed something where nothing is wrong


class Score(msgspec.Struct, frozen=True):
    """The judgement of one case. `confidence` is that of the first answer, None where none was given.

    `together` is the set score, only where there are several faults: 0 when one of them is in no firm answer, else the share of
    firm answers that are right. Naming everything does not pay.
    """

    case: str
    outcome: Outcome
    expected: str
    answered: str
    healthy: bool = False
    object_right: bool = False
    confidence: float | None = None
    blamed_innocent: tuple[str, ...] = ()
    extra: int = 0
    faults: int = 0
    first_right: bool = False
    together: float | None = None
    evidence: tuple[str, ...] = ()
    error: str = ""
    read_ms: float = 0.0
    graph_ms: float = 0.0
    rules_ms: float = 0.0

    @property
    def right(self) -> bool:
        """Object and cause, or silence where nothing is wrong."""
        return self.outcome is Outcome.RIGHT


def score(case: Case, answer: Answer) -> Score:
    """Judge one answer.

    With n faults the first n firm answers must name them all, in any order. An object of `also_accept` or `same_chain`
    is as good as `object`; the cause is right when the answer's title or cause id holds one of the keywords.
    """
    diagnosis, faults = answer.diagnosis, case.truth.faults
    firm = diagnosis.root_causes if diagnosis.verdict is Verdict.FAULT else ()
    head = firm[: max(len(faults), 1)]
    found = [fault for fault in faults if any(_is_right(fault, one) for one in head)]
    placed = [fault for fault in faults if any(fault.names(one.object) for one in head)]
    return Score(
        case=case.name,
        outcome=_outcome(case, diagnosis.verdict, len(found), len(placed)),
        expected=_expected(case),
        answered=_answered(diagnosis.verdict, head),
        healthy=not faults,
        object_right=bool(faults) and len(placed) == len(faults),
        confidence=head[0].confidence if head else None,
        blamed_innocent=tuple(str(one.object) for one in firm if case.truth.innocent(one.object)),
        extra=max(len(firm) - len(faults), 0),
        faults=len(faults),
        first_right=bool(firm) and any(_is_right(fault, firm[0]) for fault in faults),
        together=_together(faults, firm) if len(faults) > 1 else None,
        evidence=_evidence(head, diagnosis.symptoms),
        error=answer.error,
        read_ms=answer.read_ms,
        graph_ms=answer.graph_ms,
        rules_ms=answer.rules_ms,
    )


def _together(faults: tuple[Fault, ...], firm: tuple[RootCause, ...]) -> float:
    """The set score: every fault must be among the answers, and each answer that fits none takes from it."""
    if not all(any(_is_right(fault, one) for one in firm) for fault in faults):
        return 0.0
    return len(faults) / (len(faults) + sum(not any(_is_right(fault, one) for fault in faults) for one in firm))


def _is_right(fault: Fault, answer: RootCause) -> bool:
    return fault.names(answer.object) and fault.says(f"{answer.title} {answer.cause}")


def _outcome(case: Case, verdict: Verdict, found: int, placed: int) -> Outcome:
    wanted = len(case.truth.faults)
    if verdict is Verdict.UNKNOWN:
        return Outcome.RIGHT if case.truth.verdict is Verdict.UNKNOWN else Outcome.ABSTAINED
    if wanted == 0:
        return Outcome.RIGHT if verdict is Verdict.HEALTHY else Outcome.FALSE_ALARM
    if verdict is Verdict.HEALTHY:
        return Outcome.MISSED
    if found == wanted:
        return Outcome.RIGHT
    if found:
        return Outcome.PARTLY
    return Outcome.OBJECT_ONLY if placed else Outcome.WRONG


def _expected(case: Case) -> str:
    if not case.truth.faults:
        return f"{case.truth.verdict.value}" + (f" ({case.truth.notes})" if case.truth.notes else "")
    return "; ".join(f"{fault.object}: {fault.cause}" for fault in case.truth.faults)


def _answered(verdict: Verdict, head: tuple[RootCause, ...]) -> str:
    if not head:
        return verdict.value
    return "; ".join(f"{one.object}: {one.title} [{one.cause}, {one.confidence:.2f}]" for one in head)


def _evidence(head: tuple[RootCause, ...], symptoms: tuple[Evidence, ...]) -> tuple[str, ...]:
    shown = [piece for one in head for piece in one.evidence[:2]] or list(symptoms[:3])
    return tuple(piece.text for piece in shown)
