"""An answer being written: sentences, each with the facts that carry it. A fact cited twice keeps its number."""

from __future__ import annotations

from collections.abc import Iterable

from copilot.agent.events import Answer, Citation, Step
from copilot.model import Evidence, Ref, Resource
from copilot.model.wording import listed

MAX_SENTENCE = 1200  # characters: an annotation may hold a quarter of a megabyte
MAX_NAMES = 12  # names in a sentence: beyond that a count with the first few reads better


class Draft:
    """Collects sentences and citations for one question."""

    def __init__(self, question: str, scope: str) -> None:
        self.question = question
        self.scope = scope
        self.known = True
        self._lines: list[str] = []
        self._citations: dict[tuple[Ref | None, str, str], Citation] = {}
        self._steps: list[Step] = []

    def say(self, sentence: str, *facts: Citation) -> None:
        """Add a sentence with the marks of its facts."""
        marks = "".join(f"[{fact.number}]" for fact in dict.fromkeys(facts))
        self._lines.append(f"{shortened(sentence)} {marks}".rstrip())

    def cite(self, resource: Resource, path: str, text: str) -> Citation:
        """A fact from a field of an object."""
        return self._add(resource.ref, path, text, resource.source)

    def cite_ref(self, ref: Ref, path: str, text: str, source: str = "") -> Citation:
        """A fact about an object that may itself not have been read."""
        return self._add(ref, path, text, source)

    def cite_evidence(self, piece: Evidence) -> Citation:
        """A fact of a diagnosis."""
        return self._add(piece.object, piece.path, piece.text, piece.source)

    def cite_document(self, title: str, section: str, text: str, source: str) -> Citation:
        """A section of a runbook or document."""
        return self._add(None, f"{title} § {section}" if section else title, text, source)

    def offer(self, text: str, command: str) -> None:
        """Offer something the person can run next."""
        step = Step(text=text, command=command)
        if step not in self._steps:
            self._steps.append(step)

    def finish(self) -> Answer:
        """The answer as it stands."""
        return Answer(
            question=self.question,
            scope=self.scope,
            text="\n".join(self._lines),
            citations=tuple(self._citations.values()),
            steps=tuple(self._steps[:4]),
            known=self.known,
        )

    def _add(self, ref: Ref | None, path: str, text: str, source: str) -> Citation:
        text = shortened(text)
        key = (ref, path, text)
        known = self._citations.get(key)
        if known is None:
            known = Citation(number=len(self._citations) + 1, text=text, object=ref, path=path, source=source)
            self._citations[key] = known
        return known


def shortened(words: str) -> str:
    """Words from the cluster on one line and of a length that can be read: a value cannot pose as further sentences."""
    line = " ".join(words.split())
    return line if len(line) <= MAX_SENTENCE else f"{line[:MAX_SENTENCE]}… ({len(line)} characters)"


def names(refs: Iterable[Ref], *, kind: bool = True) -> str:
    """A list of objects in a sentence, counted when long."""
    return listed((str(ref) if kind else ref.path for ref in refs), MAX_NAMES)
