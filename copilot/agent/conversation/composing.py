"""From what a model wrote to an answer: sentences judged, citations numbered in the order in which they appear."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.agent.events import Answer, Citation
from copilot.agent.grounding import Evidence, Judged, judge, sentences
from copilot.agent.grounding.evidence import citation
from copilot.agent.prompting import REPAIR, fact_line
from guardrails.provenance import clean_output

MOST_SENTENCES = 24


def judged(written: str, evidence: Evidence) -> list[Judged]:
    """Every sentence of an answer with its judgement."""
    return [judge(one, evidence) for one in sentences(clean_output(written))[:MOST_SENTENCES]]


def repair_text(found: Sequence[Judged], evidence: Evidence) -> str:
    """What the model is told of its sentences that do not stand, with the facts they cite."""
    lines = []
    facts: dict[int, None] = {}
    for place, one in enumerate(found, 1):
        if not one.stands:
            lines.append(f"{place}: {one.text} — {one.why}")
            facts.update(dict.fromkeys(one.cited))
    known = [fact for fact in (evidence.get(number) for number in facts) if fact is not None]
    told = "\n".join(fact_line(fact) for fact in known)
    return REPAIR.format(failed="\n".join(lines)) + (f"\nTheir facts:\n{told}" if told else "")


def repaired(found: list[Judged], written: str, evidence: Evidence) -> list[Judged]:
    """The sentences with those replaced that the model has corrected so that they stand now."""
    result = list(found)
    for line in clean_output(written).splitlines():
        number, colon, rest = line.strip().lstrip("-* ").partition(":")
        if not (colon and number.strip().isdigit() and 1 <= int(number) <= len(found)):
            continue
        place = int(number) - 1
        again = [judge(one, evidence) for one in sentences(rest)]
        if not result[place].stands and again and all(one.stands for one in again):
            text = " ".join(one.text for one in again)
            cited = tuple(dict.fromkeys(number for one in again for number in one.cited))
            result[place] = Judged(text, cited)
    return result


class Composer:
    """Builds the text and its citations."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._numbers: dict[int, int] = {}
        self._lines: list[str] = []
        self.citations: list[Citation] = []
        self.stated = 0

    def add(self, one: Judged) -> str:
        """Take a sentence that stands; what a face may show of it."""
        marks = []
        for number in one.cited:
            fact = self._evidence.get(number)
            if fact is None:
                continue
            if number not in self._numbers:
                self._numbers[number] = len(self._numbers) + 1
                self.citations.append(citation(self._numbers[number], fact))
            marks.append(f"[{self._numbers[number]}]")
        self.stated += bool(marks)
        line = f"{one.text} {''.join(marks)}".rstrip()
        self._lines.append(line)
        return line

    def answer(self, floor: Answer, notes: Sequence[str], model: str) -> Answer:
        """The whole answer; its steps are the program's own, never the model's."""
        return Answer(
            question=floor.question,
            scope=floor.scope,
            text="\n".join(self._lines),
            citations=tuple(self.citations),
            steps=floor.steps,
            known=floor.known or self.stated > 0,
            notes=tuple(notes),
            model=model,
        )
