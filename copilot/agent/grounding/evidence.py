"""The numbered facts of one turn. What a model may say is what stands here; a citation is one of these numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from copilot.agent.events import Citation
from copilot.agent.grounding.words import NUMBER_WORDS
from copilot.agent.tools.tool import Line
from copilot.model import Ref
from guardrails.provenance import Source
from retrievers.graph import ResourceGraph

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@%+-]*[A-Za-z0-9%]|[A-Za-z0-9]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?z?|(?<![\d:.])\d{1,2}:\d\d:\d\d(?!\d)")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")


class Fact:
    """One numbered line, with everything that may be said of it in lower case."""

    def __init__(self, number: int, line: Line, names: Iterable[str] = ()) -> None:
        self.number = number
        self.line = line
        self._names = tuple(names)

    @property
    def object(self) -> Ref | None:
        """What it is about."""
        return self.line.object

    @cached_property
    def body(self) -> str:
        """Every word that supports a claim: the text, what it stands on, its address."""
        return " ".join((self.line.text, *self.line.beside, str(self.object or ""), self.line.path, *self._names))

    @cached_property
    def lowered(self) -> str:
        """The words in lower case, with single spaces."""
        return " ".join(self.body.lower().split())

    @cached_property
    def said(self) -> str:
        """What it says, in lower case, without its address: the part that has a sense."""
        return " ".join(" ".join((self.line.text, *self.line.beside)).lower().split())

    @cached_property
    def tokens(self) -> frozenset[str]:
        """Its tokens, and the parts of those that name an object or a field."""
        found: set[str] = set()
        for word in _TOKEN.findall(self.lowered):
            found.add(word)
            found.update(part for part in re.split(r"[/:@=,]", word) if part)
        return frozenset(found)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Its numbers in one form, also those written as words; the parts of a date are none."""
        words = _DATE.sub(" ", f"{self.said} {self.object or ''}".lower())
        spelt = (NUMBER_WORDS.get(word, "1" if word == "one" else "") for word in re.findall(r"[a-z]+", words))
        return frozenset(plain_number(one) for one in _NUMBER.findall(words)) | (frozenset(spelt) - {""})


def plain_number(word: str) -> str:
    """`1,200` and `1200`, `3.0` and `3` are one number."""
    bare = word.replace(",", "").rstrip(".")
    return bare.rstrip("0").rstrip(".") if "." in bare else bare.lstrip("0") or "0"


class Evidence:
    """The facts of a turn, numbered in the order in which they were found; a fact found twice keeps its number."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph
        self.facts: list[Fact] = []
        self._known: dict[tuple[str, Ref | None, str], Fact] = {}

    def add(self, line: Line) -> Fact:
        """Number a line."""
        key = (line.text, line.object, line.path)
        fact = self._known.get(key)
        if fact is None:
            fact = Fact(len(self.facts) + 1, line, self._owners(line.object))
            self._known[key] = fact
            self.facts.append(fact)
        return fact

    def _owners(self, ref: Ref | None) -> list[str]:
        """The names of what owns it: a pod's trouble may be told of its Deployment."""
        return [str(owner) for owner in self._graph.owners(ref)] if ref is not None else []

    def get(self, number: int) -> Fact | None:
        """The fact of a number, if there is one."""
        return self.facts[number - 1] if 1 <= number <= len(self.facts) else None

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all objects in lower case: such a word in an answer is a claim about an object."""
        return frozenset(
            resource.ref.name.lower() for resource in self._graph.resources() if resource.ref.kind != "Event"
        )

    def untrusted(self) -> bool:
        """Whether anything was read that somebody could have written to mislead."""
        return any(fact.line.origin in (Source.K8S_FREETEXT, Source.LOG, Source.EXTERNAL) for fact in self.facts)


def citation(number: int, fact: Fact) -> Citation:
    """The fact as an answer cites it."""
    line = fact.line
    return Citation(number=number, text=line.text, object=line.object, path=line.path, source=line.source)
