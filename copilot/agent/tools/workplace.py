"""Where tools look: one observation, the scope of the session, and the readers that a live cluster adds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.agent.asking import AccessAsker, Asking, Desk, LogFetcher
from copilot.agent.draft import Draft
from copilot.agent.events import Answer
from copilot.agent.tools.tool import Line
from copilot.model import Evidence, Ref, UsageError
from guardrails.provenance import Source
from retrievers.graph.resolve import resolve_object

_MARKS = re.compile(r"\s*((?:\[\d+\])+)$")
_FREE_PATHS = ("message", "annotation", "log", "env", "args", "command", "data", "event", "note")


class Workplace:
    """One desk, as tools see it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asking = Asking(desk)
        self.graph = desk.graph
        self.view = self.asking.view
        self.namespace = desk.namespace

    def find(self, words: str, namespace: str = "") -> Ref:
        """The object that a model names as `kind/name`, `kind name` or `namespace/name`.

        Raises:
            UsageError: there is none (the nearest is offered), or there are several.
        """
        parts = words.replace(":", "/").split()
        joined = "/".join(parts) if len(parts) == 2 else "".join(parts)
        pieces = joined.split("/")
        if len(pieces) == 3:  # kind/namespace/name, as a Ref prints itself
            return resolve_object(self.graph, f"{pieces[0]}/{pieces[2]}", pieces[1])
        if len(pieces) == 2 and pieces[0] in self.asking.names.namespaces and not self._is_kind(pieces[0]):
            return resolve_object(self.graph, pieces[1], pieces[0])
        for scope in dict.fromkeys((namespace or self.namespace, None)):
            try:
                return resolve_object(self.graph, joined, scope)
            except UsageError:
                if scope is None or namespace:
                    raise
        raise UsageError(f"No object {words!r} was read.")

    def _is_kind(self, word: str) -> bool:
        return any(word.lower() in (kind.lower(), f"{kind.lower()}s") for kind in self.graph.kinds())

    def scope(self, namespace: str) -> str | None:
        """The namespace that is meant: the one given, else the session's.

        Raises:
            UsageError: no object of such a namespace was read.
        """
        if namespace in ("", "*", "all"):
            return self.namespace if not namespace else None
        if namespace not in self.asking.names.namespaces:
            known = ", ".join(sorted(self.asking.names.namespaces)[:12])
            raise UsageError(f"Namespace {namespace!r} was not read.", f"Namespaces: {known}")
        return namespace


def origin_of(path: str, source: str) -> Source:
    """Who could have written what stands at a path."""
    if "log" in source.lower() or path.startswith("log"):
        return Source.LOG
    lowered = path.lower()
    if not path or source in ("graph", "list"):
        return Source.K8S_STRUCTURED if source in ("graph", "list") else Source.K8S_FREETEXT
    return Source.K8S_FREETEXT if any(part in lowered for part in _FREE_PATHS) else Source.K8S_STRUCTURED


def evidence_line(piece: Evidence, *, cause: bool = False) -> Line:
    """A fact of a diagnosis as a line."""
    origin = Source.LOG if "log" in piece.source.lower() or "log" in piece.path.lower() else Source.K8S_FREETEXT
    return Line(piece.text, piece.object, piece.path, piece.source, origin, cause)


def answer_lines(answer: Answer) -> Iterator[Line]:
    """The sentences of a deterministic answer as lines, each with the facts it stands on."""
    known = {citation.number: citation for citation in answer.citations}
    for sentence in answer.text.split("\n"):
        match = _MARKS.search(sentence)
        numbers = [int(one) for one in re.findall(r"\d+", match[1])] if match else []
        facts = [known[number] for number in numbers if number in known]
        words = sentence[: match.start()] if match else sentence
        if not words.strip():
            continue
        first = facts[0] if facts else None
        origins = {origin_of(fact.path, fact.source) for fact in facts} or {Source.K8S_STRUCTURED}
        worst = next((one for one in (Source.LOG, Source.K8S_FREETEXT) if one in origins), Source.K8S_STRUCTURED)
        yield Line(
            words,
            first.object if first else None,
            first.path if first else "",
            first.source if first else "reader",
            Source.EXTERNAL if first is not None and first.object is None else worst,
            beside=tuple(
                f"{fact.object} {fact.path}: {fact.text}" if fact.object else f"{fact.path}: {fact.text}"
                for fact in facts
            ),
            advice=not facts,
        )


def drafted(place: Workplace, text: str) -> Draft:
    """A draft to hand to one of the reader's answers."""
    return Draft(text, f"cluster {place.graph.snapshot.cluster or 'unnamed'}")


__all__ = [
    "AccessAsker",
    "LogFetcher",
    "Workplace",
    "answer_lines",
    "drafted",
    "evidence_line",
    "origin_of",
]
