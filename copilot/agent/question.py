"""A question read into a value: what is wanted, of which kind, which objects, in which namespace, under which conditions.

Names are matched against the graph, so a misspelt one still finds its object; what was assumed is kept and said, and so
is every word that was not understood.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.conditions import Narrowed, conditions_in
from copilot.agent.intents import INTENTS, Intent, asks_for_change
from copilot.agent.lexicon import FILLERS, KIND_WORDS, NOT_KINDS, STATE_WORDS, STOP_WORDS, WORKLOAD, State
from copilot.agent.names import PREFERRED, Names
from copilot.agent.patterns import compiled
from copilot.agent.spelling import respelt
from copilot.model import Ref
from copilot.model.kinds import resolve_kind
from retrievers.graph import ResourceGraph

MAX_LENGTH = 2000  # characters: a question, not a document
_TOKEN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/:@-]*[A-Za-z0-9])?")
_HOW = re.compile(r"\bhow (?:big|large|small|old|young|long|full)\b", re.IGNORECASE)
_WIDEST_KIND = 4  # words of the longest kind: "horizontal pod autoscaler", "resource claim template"
_INTENT_KINDS = {Intent.SCHEDULE: "CronJob", Intent.RIGHTS: "ServiceAccount"}  # what a bare name means there
_BY_STATE = frozenset({Intent.LIST, Intent.COUNT, Intent.HEALTH, Intent.WHERE})


class Question(msgspec.Struct, frozen=True):
    """One question. `assumed` maps a word to the object it was taken for; `unknown` are name-like words that fit nothing.

    `places` are the namespaces it names; `conditions` what narrows a list; `leftover` are words that nothing has read.
    """

    text: str
    intent: Intent
    kind: str = ""
    refs: tuple[Ref, ...] = ()
    namespace: str | None = None
    state: State | None = None
    negated: bool = False
    assumed: tuple[tuple[str, Ref], ...] = ()
    ambiguous: tuple[Ref, ...] = ()
    unknown: tuple[str, ...] = ()
    conditions: tuple[Narrowed, ...] = ()
    places: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    leftover: tuple[str, ...] = ()
    respelt: tuple[tuple[str, str], ...] = ()

    @property
    def lowered(self) -> str:
        """The words in lower case, without the marks at the end."""
        return self.text.lower().rstrip("?!. ")

    @property
    def ref(self) -> Ref | None:
        """The first object named, if any."""
        return self.refs[0] if self.refs else None


def read_question(text: str, asking: Asking, namespace: str | None) -> Question:
    """Read a question against a graph; `namespace` is the one the session is in, None for the whole cluster."""
    line, respellings = respelt(" ".join(text[:MAX_LENGTH].split()), asking)
    lowered = line.lower().rstrip("?!. ")
    intent = _intent(lowered)
    if intent is not Intent.OUTSIDE and asks_for_change(lowered):
        intent = Intent.CHANGE
    graph, index = asking.graph, asking.names
    kinds, _ = _kinds(joined(_TOKEN.findall(line), index), graph, index)
    narrowed = (
        tuple(conditions_in(asking, lowered, kinds[: 2 if kinds[1:2] == ("Node",) else 1]))
        if intent in _NARROWED or kinds
        else ()
    )
    plain = _blanked(line, [one.match.span() for one in narrowed])
    state, negated = _state(plain.lower())
    plain = _HOW.sub(" ", plain)
    place, tokens = _namespace(joined(_TOKEN.findall(plain), index), index)
    _, tokens = _kinds(tokens, graph, index)
    kind = kinds[0] if kinds else ""
    found = _objects(tokens, kind or _INTENT_KINDS.get(intent, ""), place or namespace, index, named=bool(kind))
    refs, places = _without_places(found.refs, kind, intent)
    scope = place or (places[0] if len(places) == 1 else None)
    return Question(
        text=line,
        intent=intent,
        kind=kind,
        refs=refs,
        namespace=scope or namespace,
        state=state,
        negated=negated,
        assumed=found.assumed,
        ambiguous=found.ambiguous,
        unknown=found.unknown,
        conditions=narrowed,
        places=tuple(dict.fromkeys((*((place,) if place else ()), *places))),
        kinds=kinds,
        respelt=respellings,
        leftover=(
            *(word for word in tokens if _is_unread(word, found)),
            *(_other_kinds(kinds, intent) if not narrowed and not refs else ()),
        ),
    )


def _other_kinds(kinds: tuple[str, ...], intent: Intent) -> tuple[str, ...]:
    """Kinds beside the one that is listed: they say something of it that nothing has read. A namespace is a place."""
    return tuple(kind for kind in kinds[1:] if kind != "Namespace") if intent in (Intent.LIST, Intent.COUNT) else ()


def _is_unread(word: str, found: _Found) -> bool:
    """Whether a word means something that no reading has taken up."""
    lowered = word.lower()
    if lowered in FILLERS or word.isdigit() or word in found.matched:
        return False
    return not any(pattern.search(lowered) for pattern, _ in STATE_WORDS)


_NARROWED = frozenset({Intent.LIST, Intent.COUNT, Intent.UNCLEAR, Intent.STATUS, Intent.DEPENDANTS, Intent.EXTREME})


def _intent(lowered: str) -> Intent:
    return next((wanted for words, wanted in INTENTS if compiled(words).search(lowered)), Intent.UNCLEAR)


_NOT = re.compile(r"\b(?:not|never|no longer|cannot|did not|without being)\s+(?:yet |fully |been |be |successfully )?$")


def _state(lowered: str) -> tuple[State | None, bool]:
    """The state that the words name, and whether they deny it."""
    for pattern, state in STATE_WORDS:
        match = pattern.search(lowered)
        if match is not None:
            return state, bool(_NOT.search(lowered[: match.start()]))
    return None, False


def _blanked(line: str, spans: Sequence[tuple[int, int]]) -> str:
    """The line without the words of conditions, so that they are not taken for names or states."""
    if len(line.lower()) != len(line):
        return line.lower()
    for start, end in spans:
        line = f"{line[:start]}{' ' * (end - start)}{line[end:]}"
    return line


def _without_places(refs: tuple[Ref, ...], kind: str, intent: Intent) -> tuple[tuple[Ref, ...], tuple[str, ...]]:
    """A namespace named beside nothing else is where the question looks, not what it is about."""
    spaces = [ref for ref in refs if ref.kind == "Namespace"]
    if not spaces or intent in (Intent.DEPENDANTS, Intent.WHAT_IF, Intent.OWNER):
        return refs, tuple(ref.name for ref in spaces)
    if kind == "Namespace" and intent not in (Intent.COMPARE, Intent.WHY, Intent.SUMMARY):
        return refs, tuple(ref.name for ref in spaces)
    return tuple(ref for ref in refs if ref.kind != "Namespace"), tuple(ref.name for ref in spaces)


class _Found(msgspec.Struct, frozen=True):
    refs: tuple[Ref, ...] = ()
    assumed: tuple[tuple[str, Ref], ...] = ()
    ambiguous: tuple[Ref, ...] = ()
    unknown: tuple[str, ...] = ()
    matched: frozenset[str] = frozenset()


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
                if word in ("in", "inside", "within") or not [ref for ref in named if ref.kind in PREFERRED[:8]]:
                    return following, [token for token in tokens if token.lower() != following]
    return None, tokens


def joined(tokens: list[str], index: Names) -> list[str]:
    """Words that together, with dashes, are the name of an object are one token: `metrics server`."""
    found: list[str] = []
    i = 0
    while i < len(tokens):
        pair = "-".join(tokens[i : i + 2])
        if i + 1 < len(tokens) and any(ref.kind in PREFERRED[:8] for ref in index.exact(pair)):
            found.append(pair)
            i += 2
        else:
            found.append(tokens[i])
            i += 1
    return found


def _kinds(tokens: list[str], graph: ResourceGraph, index: Names) -> tuple[tuple[str, ...], list[str]]:
    """The kinds the question speaks of, and the tokens without them; a name of several words ("config map") counts."""
    rest: list[str] = []
    kinds: dict[str, None] = {}
    own = {name.lower(): name for name in graph.kinds()}
    i = 0
    while i < len(tokens):
        for width in range(min(_WIDEST_KIND, len(tokens) - i), 0, -1):
            part = tokens[i : i + width]
            found = "" if any("/" in token for token in part) else _kind_of("".join(part).lower(), own)
            if found and not (width == 1 and _is_name(tokens[i], found, own, index)):
                kinds[found] = None
                i += width
                break
        else:
            rest.append(tokens[i])
            i += 1
    return tuple(kinds), rest


def _is_name(token: str, kind: str, own: dict[str, str], index: Names) -> bool:
    """Whether a word for a kind is meant as a name: a workload is called so, and no object of the kind was read."""
    return kind.lower() not in own and any(ref.kind in PREFERRED[:8] for ref in index.exact(token))


def _kind_of(word: str, own: dict[str, str]) -> str:
    if word in KIND_WORDS:
        found = KIND_WORDS[word]
        return found if found != WORKLOAD or "clusterqueue" not in own else own.get("workload", found)
    if len(word) > 1 and (known := resolve_kind(word)) is not None and word not in NOT_KINDS:
        return known.kind
    return own.get(word) or own.get(word.removesuffix("s")) or own.get(word.removesuffix("es")) or ""


def _objects(tokens: list[str], kind: str, namespace: str | None, index: Names, *, named: bool) -> _Found:
    refs: dict[Ref, None] = {}
    assumed: list[tuple[str, Ref]] = []
    ambiguous: list[Ref] = []
    unknown: list[str] = []
    matched: set[str] = set()
    for word, wanted in _name_words(tokens):
        fits = index.exact(word)
        if _is_plain_word(word):
            fits = [ref for ref in fits if ref.kind in (*PREFERRED[:8], "Namespace") or (named and ref.kind == kind)]
            if not fits:
                continue
        sure = bool(fits)
        if not fits and len(word) >= 3:
            fits = index.nearest(word, wanted or (kind if named else ""))
        chosen = _prefer(fits, wanted or kind, namespace)
        if chosen:
            matched.update((word, f"{wanted}/{word}"))
        if len(chosen) == 1:
            refs[chosen[0]] = None
            if not sure:
                assumed.append((word, chosen[0]))
        elif chosen:
            ambiguous.extend(chosen)
        elif _is_name_like(word):
            unknown.append(word)
    return _Found(tuple(refs), tuple(assumed), tuple(ambiguous), tuple(unknown), frozenset(matched))


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
    for preferred in (*PREFERRED, *sorted({ref.kind for ref in named})):
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
