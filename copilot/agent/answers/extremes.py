"""The most, the oldest, the smallest, and sums: objects ranked or added up by one measure, with the number of each."""

from __future__ import annotations

import re
from fractions import Fraction

from copilot.agent.answers.lists import choose, readable
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.measures import Measure, measure_in
from copilot.agent.question import Question
from copilot.model import Ref, Resource
from copilot.model.wording import plural

_LEAST = re.compile(r"\b(?:least|fewest|smallest|lowest|youngest|newest|shortest|latest)\b")
_ASKED_FOR = re.compile(r"\b(?:request|limit|reserv|ask|claim|need|use|storage|disk|replica)\w*")
_AGE = re.compile(r"\b(?:old|young|new|earl|long|lat)\w*\b")
_SHOWN = 3
_MAX_SHOWN = 10
_MANY = re.compile(r"\b(?:top|first|the) (\d{1,2})\b")


def answer_extreme(asking: Asking, question: Question, draft: Draft) -> None:
    """Name the object that has the most or the least of something, and the next ones for comparison."""
    measure = measure_in(question.lowered, question.kind or "Pod") or measure_in(question.lowered, question.kind)
    if measure is None or (measure.name == "age" and not _AGE.search(question.lowered)):
        _unmeasured(question, draft)
        return
    kind = question.kind or (measure.kinds[0] if measure.kinds and "Pod" not in measure.kinds else "Pod")
    chosen = choose(asking, _of_kind(question, kind))
    if not readable(asking, question, draft, kind, chosen.found):
        return
    ranked = _ranked(asking, measure, [one for one, _ in chosen.found], least=bool(_LEAST.search(question.lowered)))
    if not ranked:
        draft.known = False
        draft.say(f"I cannot tell: nothing that was read shows {measure.name} of a {kind}.")
        return
    most = _MANY.search(question.lowered)
    shown = ranked[: min(int(most[1]), _MAX_SHOWN) if most else 1]
    tied = [one for one in ranked[len(shown) :] if one[0] == shown[-1][0]]
    for amount, resource in shown:
        draft.say(
            f"{resource.ref} has {measure.name} {measure.show(amount)}.",
            draft.cite(resource, measure.field, f"{resource.ref}: {measure.name} {measure.show(amount)}"),
        )
    if tied:
        draft.say(f"{plural(len(tied), 'other')} {'has' if len(tied) == 1 else 'have'} the same, of {len(ranked)} {chosen.where}.")  # fmt: skip
    elif len(ranked) > len(shown):
        draft.say(f"It comes first of {len(ranked)} {chosen.where}.")
    _say_unknown(question, draft)


def _of_kind(question: Question, kind: str) -> Question:
    if question.kind == kind:
        return question
    return Question(
        text=question.text, intent=question.intent, kind=kind, refs=question.refs, namespace=question.namespace,
        state=question.state, conditions=question.conditions,
    )  # fmt: skip


def _ranked(asking: Asking, measure: Measure, found: list[Resource], *, least: bool) -> list[tuple[Fraction, Resource]]:
    counted = [(amount, one) for one in found if (amount := measure.amount(asking, one)) is not None]
    return sorted(counted, key=lambda pair: (pair[0] if least else -pair[0], pair[1].ref))


def _unmeasured(question: Question, draft: Draft) -> None:
    draft.known = False
    draft.say(
        f"I cannot rank {question.kind or 'objects'} by that. I can by restarts, age, CPU or memory requests and limits, "
        "accelerators, replicas, pods, size."
    )


def answer_total(asking: Asking, question: Question, draft: Draft) -> None:
    """Add a measure up over the objects in question."""
    kind = question.kind if question.kind not in ("", "Namespace") else "Pod"
    if not question.kind and not question.refs and not _ASKED_FOR.search(question.lowered):
        kind = "Node"  # of the cluster itself: what its nodes offer
    measure = measure_in(question.lowered, kind) or measure_in(question.lowered, "")
    if measure is not None and measure.kinds and kind not in measure.kinds:
        kind = measure.kinds[0]
    if measure is None:
        _unmeasured(question, draft)
        return
    about = _of_kind(question, kind)
    chosen = choose(asking, about)
    found = [one for one, _ in chosen.found]
    if question.refs and question.refs[0].kind == kind:
        found = [one for one in found if one.ref in question.refs]
    elif question.refs and kind == "Pod" and not chosen.where.startswith(("of ", "on ")):
        found = []
    if not readable(asking, question, draft, kind, found):
        return
    counted = [(amount, one) for one in found if (amount := measure.amount(asking, one)) is not None]
    total = sum((amount for amount, _ in counted), Fraction(0))
    fact = draft.cite_ref(
        Ref(kind, question.namespace or "", "*"),
        measure.field,
        f"{measure.name} of {plural(len(counted), kind)} {chosen.where}: {measure.show(total)}",
        "list",
    )
    draft.say(f"{plural(len(counted), kind)} {chosen.where}: {measure.name} {measure.show(total)} in all.", fact)
    largest = sorted((pair for pair in counted if pair[0]), key=lambda pair: (-pair[0], pair[1].ref))[:_SHOWN]
    for amount, resource in largest if len(counted) > 1 else ():
        draft.say(
            f"{resource.ref}: {measure.show(amount)}.",
            draft.cite(resource, measure.field, f"{resource.ref}: {measure.show(amount)}"),
        )
    _say_unknown(question, draft)


def _say_unknown(question: Question, draft: Draft) -> None:
    """Words of no known meaning may have been a condition."""
    if question.unknown:
        draft.known = False
        draft.say(f"I did not understand {', '.join(repr(word) for word in question.unknown[:4])} in the question.")
