"""A question read into a value: what is wanted, of which kind, which objects, in which namespace, in which state.

Names are matched against the graph, so a misspelt one still finds its object; what was assumed is kept and said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from copilot.agent.lexicon import INTENTS, KIND_WORDS, STATE_WORDS, STOP_WORDS, Intent, State
from copilot.model import Ref
from copilot.model.kinds import resolve_kind
from copilot.model.likeness import nearest
from retrievers.graph import ResourceGraph

MAX_LENGTH = 2000  # characters: a question, not a document
_TOKEN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/:@-]*[A-Za-z0-9])?")
_NEAR = 0.78  # below it a "nearest" name is another name
_PREFERRED = (
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "Ingress", "Node", "PersistentVolumeClaim",
    "ConfigMap", "Secret", "HorizontalPodAutoscaler", "Pod",
)  # fmt: skip


class Question(msgspec.Struct, frozen=True):
    """One question. `assumed` maps a word to the object it was taken for; `unknown` are name-like words that fit nothing."""

    text: str
    intent: Intent
    kind: str = ""
    refs: tuple[Ref, ...] = ()
    namespace: str | None = None
    state: State | None = None
    assumed: tuple[tuple[str, Ref], ...] = ()
    ambiguous: tuple[Ref, ...] = ()
    unknown: tuple[str, ...] = ()


def read_question(text: str, graph: ResourceGraph, namespace: str | None) -> Question:
    """Read a question against a graph; `namespace` is the one the session is in, None for the whole cluster."""
    line = " ".join(text[:MAX_LENGTH].split())
    lowered = line.lower().rstrip("?!. ")
    intent = next((wanted for pattern, wanted in INTENTS if pattern.search(lowered)), Intent.UNCLEAR)
    state = next((state for pattern, state in STATE_WORDS if pattern.search(lowered)), None)
    tokens = [match.group() for match in _TOKEN.finditer(line)]
    index = Names(graph)
    place, rest = _namespace(tokens, index)
    kind, rest = _kind(rest, graph)
    found = _objects(rest, kind, place or namespace, index)
    return Question(
        text=line,
        intent=intent,
        kind=kind,
        refs=found.refs,
        namespace=place or namespace,
        state=state,
        assumed=found.assumed,
        ambiguous=found.ambiguous,
        unknown=found.unknown,
    )


class Names:
    """The names of the graph's objects, for exact and for nearest match."""

    def __init__(self, graph: ResourceGraph) -> None:
        self.by_name: dict[str, list[Ref]] = {}
        for resource in graph.resources():
            if resource.ref.kind not in ("Event", "Lease", "EndpointSlice", "Endpoints", "ReplicaSet"):
                self.by_name.setdefault(resource.ref.name.lower(), []).append(resource.ref)
        for resource in graph.of_kind("ReplicaSet"):
            self.by_name.setdefault(resource.ref.name.lower(), []).append(resource.ref)
        self.namespaces = {ref.name for ref in (r.ref for r in graph.of_kind("Namespace"))}
        self.namespaces |= {refs.namespace for listed in self.by_name.values() for refs in listed} - {""}

    def exact(self, word: str) -> list[Ref]:
        """The objects of that name."""
        return self.by_name.get(word.lower(), [])

    def nearest(self, word: str, kind: str) -> list[Ref]:
        """The objects of the most similar name, of the kind when one is given."""
        pool = [name for name, refs in self.by_name.items() if not kind or any(ref.kind == kind for ref in refs)]
        workloads = [name for name in pool if any(ref.kind in _PREFERRED[:8] for ref in self.by_name[name])]
        for candidates in (workloads, pool):
            near = nearest(word.lower(), candidates, _NEAR)
            if near:
                return self.by_name[near]
        starts = sorted(
            name for name in workloads if name.startswith(word.lower() + "-") or name.endswith("-" + word.lower())
        )
        return self.by_name[starts[0]] if len(starts) == 1 else []


class _Found(msgspec.Struct, frozen=True):
    refs: tuple[Ref, ...] = ()
    assumed: tuple[tuple[str, Ref], ...] = ()
    ambiguous: tuple[Ref, ...] = ()
    unknown: tuple[str, ...] = ()


def _namespace(tokens: list[str], index: Names) -> tuple[str | None, list[str]]:
    """Take out `in namespace shop`, `in the shop namespace`, `in shop`, `-n shop`, `of shop` where shop is a namespace."""
    lowered = [token.lower() for token in tokens]
    for i, word in enumerate(lowered):
        if word in ("namespace", "ns", "project", "n"):
            for j in (i + 1, i - 1):
                if 0 <= j < len(tokens) and lowered[j] in index.namespaces:
                    return lowered[j], [token for k, token in enumerate(tokens) if k not in (i, j)]
        if word in ("in", "of", "inside", "within", "from", "for") and i + 1 < len(tokens):
            following = lowered[i + 1] if lowered[i + 1] != "the" or i + 2 >= len(tokens) else lowered[i + 2]
            if following in index.namespaces:
                named = index.exact(following)
                if word in ("in", "inside", "within") or not [ref for ref in named if ref.kind != "Namespace"]:
                    return following, [token for token in tokens if token.lower() != following]
    return None, tokens


def _kind(tokens: list[str], graph: ResourceGraph) -> tuple[str, list[str]]:
    """The kind the question speaks of, and the tokens without it; a two-word name ("config map") counts."""
    rest: list[str] = []
    kind = ""
    skip = False
    own = {name.lower(): name for name in graph.kinds()}
    for i, token in enumerate(tokens):
        if skip:
            skip = False
            continue
        lowered = token.lower()
        pair = lowered + tokens[i + 1].lower() if i + 1 < len(tokens) else ""
        found = _kind_of(pair, own) if pair and "/" not in pair else ""
        if found:
            skip = True
        elif "/" not in token:
            found = _kind_of(lowered, own)
        if found and not kind:
            kind = found
        elif not found:
            rest.append(token)
    return kind, rest


def _kind_of(word: str, own: dict[str, str]) -> str:
    if word in KIND_WORDS:
        return KIND_WORDS[word]
    if len(word) > 1 and (known := resolve_kind(word)) is not None and word not in ("no", "ns", "ep"):
        return known.kind
    return own.get(word) or own.get(word.removesuffix("s")) or own.get(word.removesuffix("es")) or ""


def _objects(tokens: list[str], kind: str, namespace: str | None, index: Names) -> _Found:
    refs: dict[Ref, None] = {}
    assumed: list[tuple[str, Ref]] = []
    ambiguous: list[Ref] = []
    unknown: list[str] = []
    for word, wanted in _name_words(tokens):
        named = index.exact(word)
        if not named and _is_plain_word(word):
            continue
        sure = bool(named)
        if not named and len(word) >= 3:
            named = index.nearest(word, wanted or kind)
        chosen = _prefer(named, wanted or kind, namespace)
        if len(chosen) == 1:
            refs[chosen[0]] = None
            if not sure:
                assumed.append((word, chosen[0]))
        elif chosen:
            ambiguous.extend(chosen)
        elif _is_name_like(word):
            unknown.append(word)
    return _Found(tuple(refs), tuple(assumed), tuple(ambiguous), tuple(unknown))


def _name_words(tokens: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, kind the token itself names): `deploy/web` names both."""
    for token in tokens:
        head, slash, tail = token.partition("/")
        known = resolve_kind(head) if slash else None
        if known is not None and tail:
            yield tail, known.kind
        elif slash and tail:
            yield tail, ""
        else:
            yield token, ""


def _prefer(named: list[Ref], kind: str, namespace: str | None) -> list[Ref]:
    """Narrow objects of one name: by the kind, by the namespace, else the kind people mean first."""
    for keep in (
        [ref for ref in named if ref.kind == kind] if kind else [],
        [ref for ref in named if namespace and ref.namespace == namespace],
    ):
        named = keep or named
    if not named:
        return []
    for preferred in (*_PREFERRED, *sorted({ref.kind for ref in named})):
        chosen = [ref for ref in named if ref.kind == preferred]
        if chosen:
            return chosen
    return named


def _is_plain_word(word: str) -> bool:
    """Whether a word belongs to the language of questions: a stop word, or the word of a state."""
    lowered = word.lower()
    return lowered in STOP_WORDS or any(pattern.fullmatch(lowered) for pattern, _ in STATE_WORDS)


def _is_name_like(word: str) -> bool:
    return len(word) >= 3 and not _is_plain_word(word) and not word.isdigit()
