"""Asks the diagnosis about a described cluster and judges its first answer; shared by the tests of every batch."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache

from copilot.diagnosis import diagnose
from copilot.model import Diagnosis
from retrievers.graph import build_graph
from tests.deep import DEEP
from tests.unit.diagnosis.unseen import Case, Situation, fits

FIRM = 0.5


def ask(cluster: Case) -> Diagnosis:
    """The diagnosis of a described cluster."""
    return diagnose(build_graph(cluster.snapshot()))


@cache
def answer_to(situation: Situation) -> Diagnosis:
    """The diagnosis of a situation as it was described, made once for all tests of a run."""
    return ask(situation.build())


def first_answer_is_right(answer: Diagnosis, situation: Situation) -> str:
    """Empty when right, else what is wrong."""
    if not answer.root_causes:
        return f"no answer; symptoms: {[symptom.text for symptom in answer.symptoms]}"
    first = answer.root_causes[0]
    said = f"{first.title} {first.cause}".lower()
    told = f"{first.confidence} {first.cause} on {first.object}: {first.title}"
    if not fits(first.object, situation.objects):
        return f"wrong object: {told}"
    if not any(word in said for word in situation.words):
        return f"wrong cause: {told}"
    if not any(first.cause.startswith(family) for family in situation.family.split("|")):
        return f"wrong family: {told}"
    return "" if first.confidence >= FIRM else f"not sure enough: {told}"


def one_of(count: int, situations: Sequence[Situation], what: str) -> list[Situation]:
    """One of so many situations, another part for each `what`; all of them under COPILOT_DEEP=1."""
    return [one for one in situations if DEEP or zlib.crc32(f"{what} {one.name}".encode()) % count == 0]
