"""Reads the few sentences that ask for a change. Anything else is refused with its reason and the nearest accepted form.

    scale [KIND/]NAME [in NAMESPACE] to N [replicas]
    restart [KIND/]NAME [in NAMESPACE]

`KIND NAME` does for `KIND/NAME`; `rollout restart` does for `restart`; `the` is passed over.
"""

from __future__ import annotations

import re

import msgspec

from copilot.model.likeness import nearest
from guardrails.display import visible
from guardrails.errors import IntentError
from guardrails.kinds import WORKLOADS, Workload, workload_of_word
from guardrails.plan import Op

MAX_WORDS = 512  # characters: longer than any accepted sentence with two 253-character names is not
MAX_REPLICAS = 2**31 - 1  # the API's int32
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_ALLOWED = re.compile(r"[A-Za-z0-9./ -]*")
_COUNT = re.compile(r"[0-9]{1,10}")
_UNITS = frozenset({"replica", "replicas", "pod", "pods"})


class ScaleIntent(msgspec.Struct, frozen=True):
    """`scale NAME to N`. `kind` is None when the words name no kind, `namespace` when they name none."""

    name: str
    replicas: int
    kind: str | None = None
    namespace: str | None = None
    op: Op = Op.SCALE


class RestartIntent(msgspec.Struct, frozen=True):
    """`restart NAME`."""

    name: str
    kind: str | None = None
    namespace: str | None = None
    op: Op = Op.RESTART


ChangeIntent = ScaleIntent | RestartIntent


def parse_intent(words: str) -> ChangeIntent:
    """Read one sentence.

    Raises:
        IntentError: the words are not one accepted change; the hint is the nearest accepted form.
    """
    if len(words) > MAX_WORDS:
        raise IntentError(f"The request has {len(words)} characters; one change needs at most {MAX_WORDS}", _forms())
    if not _ALLOWED.fullmatch(words):
        odd = next(char for char in words if not _ALLOWED.fullmatch(char))
        raise IntentError(
            f"A change is not written with the character '{visible(odd)}'", f"Try: {nearest_sentence(words)}"
        )
    tokens = [token for token in words.split(" ") if token and token.lower() != "the"]
    try:
        return _sentence(tokens)
    except _RefusedError as refused:
        raise IntentError(
            f'Not understood as a change: "{visible(words)}": {refused}', f"Try: {nearest_sentence(words)}"
        ) from None


def is_namespace(name: str) -> bool:
    """Tell whether a text can be a namespace's name (RFC 1123 label)."""
    return bool(_NAMESPACE.fullmatch(name))


class _RefusedError(Exception):
    """Why a sentence was not accepted."""


def _sentence(tokens: list[str]) -> ChangeIntent:
    lowered = [token.lower() for token in tokens]
    if lowered[:2] == ["rollout", "restart"]:
        tokens, lowered = tokens[1:], lowered[1:]
    if not tokens:
        raise _RefusedError("it is empty")
    match lowered[0]:
        case "restart":
            kind, name, rest = _object(tokens[1:], Op.RESTART)
            namespace, rest = _namespace(rest)
            _nothing_left(rest)
            return RestartIntent(name=name, kind=kind, namespace=namespace)
        case "scale":
            kind, name, rest = _object(tokens[1:], Op.SCALE)
            namespace, rest = _namespace(rest)
            replicas, rest = _replicas(rest)
            if namespace is None:
                namespace, rest = _namespace(rest)
            _nothing_left(rest)
            return ScaleIntent(name=name, replicas=replicas, kind=kind, namespace=namespace)
        case _:
            raise _RefusedError(f"'{tokens[0]}' is not one of: scale, restart")


def _object(tokens: list[str], op: Op) -> tuple[str | None, str, list[str]]:
    if not tokens:
        raise _RefusedError(f"{op.value} what?")
    head, rest = tokens[0], tokens[1:]
    if "/" in head:
        word, _, name = head.partition("/")
        return _kind(word, op).kind, _name(name), rest
    known = workload_of_word(head)
    # `restart deployment web` names a kind first; `restart deploy` alone names an object called deploy.
    if known is not None and rest and rest[0].lower() not in ("to", "in"):
        return _kind(head, op).kind, _name(rest[0]), rest[1:]
    return None, _name(head), rest


def _kind(word: str, op: Op) -> Workload:
    known = workload_of_word(word)
    if known is None or op not in known.ops:
        able = ", ".join(sorted(item.kind for item in WORKLOADS if op in item.ops))
        raise _RefusedError(f"cannot {op.value} a '{word}'; can {op.value}: {able}")
    return known


def _name(word: str) -> str:
    if not _NAME.fullmatch(word):
        raise _RefusedError(f"'{word}' is not an object's name")
    return word


def _namespace(tokens: list[str]) -> tuple[str | None, list[str]]:
    if not tokens or tokens[0].lower() != "in":
        return None, tokens
    rest = tokens[1:]
    if rest and rest[0].lower() == "namespace":
        rest = rest[1:]
    if not rest or not _NAMESPACE.fullmatch(rest[0]):
        raise _RefusedError("'in' needs a namespace's name after it")
    return rest[0], rest[1:]


def _replicas(tokens: list[str]) -> tuple[int, list[str]]:
    if not tokens or tokens[0].lower() != "to":
        raise _RefusedError("to how many replicas?")
    if len(tokens) < 2 or not _COUNT.fullmatch(tokens[1]) or int(tokens[1]) > MAX_REPLICAS:
        raise _RefusedError(f"'to' needs a number of replicas in digits, 0 to {MAX_REPLICAS}")
    rest = tokens[2:]
    return int(tokens[1]), rest[1:] if rest and rest[0].lower() in _UNITS else rest


def _nothing_left(tokens: list[str]) -> None:
    if tokens:
        raise _RefusedError(f"'{' '.join(tokens)}' is left over; one request is one change")


def _forms() -> str:
    return "Accepted: scale KIND/NAME [in NAMESPACE] to N, restart KIND/NAME [in NAMESPACE]"


def nearest_sentence(words: str) -> str:
    """The accepted sentence that is nearest to some words; what they do not say stands in capitals."""
    tokens = re.findall(r"[A-Za-z0-9./-]+", words[:MAX_WORDS])
    lowered = [token.lower() for token in tokens]
    verb = _nearest_verb(lowered)
    target, namespace = _nearest_object(tokens), _nearest_namespace(lowered)
    if verb is Op.RESTART:
        return f"restart {target}{namespace}"
    count = next(
        (found[1] for word in reversed(lowered) if (found := re.match(r"(?:-+replicas)?([0-9]{1,6})$", word))), "N"
    )
    return f"scale {target}{namespace} to {count}"


_VERBS = {
    "scale": Op.SCALE, "resize": Op.SCALE, "set": Op.SCALE, "replicas": Op.SCALE, "increase": Op.SCALE,
    "decrease": Op.SCALE, "grow": Op.SCALE, "bump": Op.SCALE, "raise": Op.SCALE, "lower": Op.SCALE, "reduce": Op.SCALE, "shrink": Op.SCALE, "stop": Op.SCALE, "start": Op.SCALE,
    "restart": Op.RESTART, "reboot": Op.RESTART, "bounce": Op.RESTART, "roll": Op.RESTART, "rollout": Op.RESTART,
    "reload": Op.RESTART, "kill": Op.RESTART, "recreate": Op.RESTART,
}  # fmt: skip
_FILLER = frozenset({"please", "can", "you", "could", "i", "want", "would", "like", "up", "down", "to", "by", "in", "of", "my",
    "kubectl", "namespace", "from", "a", "an", "and", "now", "all", "pod", "pods", "replica", "with", "for", "me",
    "it", "this", "that", "delete", "the"})  # fmt: skip


def _nearest_verb(lowered: list[str]) -> Op:
    for word in lowered:
        if found := word if word in _VERBS else nearest(word, _VERBS, 0.75):
            return _VERBS[found]
    return Op.SCALE if any(word.isdigit() for word in lowered) else Op.RESTART


def _nearest_object(tokens: list[str]) -> str:
    for index, token in enumerate(tokens):
        word, slash, name = token.partition("/")
        if slash and workload_of_word(word) and _NAME.fullmatch(name.lower()):
            return f"{word.lower()}/{name.lower()}"
        if slash and _NAME.fullmatch(name.lower()):
            return f"KIND/{name.lower()}"
        if workload_of_word(token) and index + 1 < len(tokens) and _plausible(tokens[index + 1]):
            return f"{token.lower()}/{tokens[index + 1].lower()}"
    return next((token.lower() for token in tokens if _plausible(token)), "KIND/NAME")


def _plausible(token: str) -> bool:
    word = token.lower()
    known = word in _VERBS or word in _FILLER or bool(nearest(word, _VERBS, 0.8))
    return bool(_NAME.fullmatch(word)) and not word.isdigit() and not known and workload_of_word(word) is None


def _nearest_namespace(lowered: list[str]) -> str:
    for index, word in enumerate(lowered[:-1]):
        following = lowered[index + 1]
        if (
            word in ("in", "-n", "namespace", "--namespace")
            and _NAMESPACE.fullmatch(following)
            and following != "namespace"
        ):
            return f" in {following}"
    return ""
