"""Traces every argument of a change to its source. What only untrusted text holds is tainted; what nothing holds is too.

The operator's words vouch where they ask for this operation; numbers only there. Typed fields vouch for what names the
object and its parts, and where untrusted text names the same, that is told. A model's own idea is no source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from guardrails import operations as ops
from guardrails.operations.op import Op
from guardrails.provenance.arguments import Argument, arguments_of
from guardrails.provenance.asks import Ask
from guardrails.provenance.forms import holds, plain
from guardrails.provenance.labels import ArgOrigin, Label, Origin, Role, Taint
from guardrails.provenance.session import SessionProvenance
from guardrails.provenance.typed import TypedFields

_ALL = re.compile(r"\b(?:all|every|everything|each|both|them)\b")
_PART = 3  # characters: the shortest part of a name that may stand for it
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([a-zA-Z]*)")
_REMOVE = re.compile(r"\b(?:remove|delete|unset|drop|clear|take away|take off|without|untaint|get rid of)\b")
_OPTION_WORDS = {
    "delete_emptydir_data": r"empty-?dir|local data",
    "unmanaged": r"--force|\bforce\b|unmanaged|bare pods",
    "Orphan": r"\borphan|keep (?:its|the) pods",
    "Foreground": r"\bforeground\b",
    "removed": _REMOVE.pattern,
}
# What the target's own typed fields say is enough for these, whatever else names them: the target was chosen elsewhere.
_PARTS = frozenset({Role.CONTAINER, Role.FIELD, Role.KEY})


class Tracing(msgspec.Struct, frozen=True):
    """What one tracing looks at. `asks` are those for this operation on this object."""

    typed: TypedFields
    session: SessionProvenance
    asks: tuple[Ask, ...]

    @property
    def asked(self) -> str:
        """The operator's words that ask for it."""
        return "\n".join(ask.words for ask in self.asks)


def taint(intent: ops.ChangeIntent, typed: TypedFields, session: SessionProvenance) -> Taint:
    """The labels of a change that a model proposes, and the origin of each of its arguments."""
    op = Op(str(type(intent).__struct_config__.tag))
    asks = tuple(ask for ask in session.asks if _asks_for(ask, op, typed, session))
    tracing = Tracing(typed, session, asks)
    origins = [_operation(op, tracing), *_object(tracing)]
    origins += [_trace(argument, op, tracing) for argument in arguments_of(intent)]
    return Taint(tuple(_labels(tracing, origins)), tuple(origins))


def _labels(tracing: Tracing, origins: Iterable[ArgOrigin]) -> list[Label]:
    session, typed = tracing.session, tracing.typed
    found = {each.origin for each in origins if each.role is not Role.OPERATION}
    held = {
        Label.UNSOLICITED: not session.asks,
        Label.NOT_ASKED: bool(session.asks) and not tracing.asks,
        Label.TAINTED: Origin.TAINTED in found,
        Label.UNEXPLAINED: Origin.UNEXPLAINED in found,
        Label.NEVER_SEEN: (typed.kind, typed.namespace, typed.name) not in session.objects,
        Label.UNTRUSTED_READ: bool(session.untrusted) or session.more,
    }
    return [label for label, holds_here in held.items() if holds_here]


def _asks_for(ask: Ask, op: Op, typed: TypedFields, session: SessionProvenance) -> bool:
    """Tell whether a request is for this operation on this object."""
    if op not in ask.ops:
        return False
    words = plain(ask.words)
    if _names(words, typed.name):
        return True
    known = {name for _, _, name in session.objects if name != typed.name}
    if any(_names(words, name) for name in known):
        return False
    if _ALL.search(words):
        return True
    if _partly(words, typed.name, known):
        return True
    # It names nothing that is known ("restart it"): then some message must have named the object.
    return not _has_name(words) and _names(plain(session.words), typed.name)


# Words of a request that name no object.
_NO_NAME = frozenset(
    """a an the it its this that these those them please now then ok okay yes and so just again back to by of for me us in on at
    with from up down go ahead do can could would will you we i want need lets let like previous last earlier former version
    revision release state one deployment deployments workload service pod pods node app application statefulset daemonset job
    cronjob configmap namespace replica replicas instance instances copies image tag restart rolling rollout roll rollback
    revert undo scale resize bounce recycle reboot set update upgrade change increase decrease raise lower reduce bump give
    make put use switch move add adjust edit patch delete remove evict kill cordon uncordon drain taint pause resume suspend
    unsuspend stop start run trigger create apply label annotate double triple halve fix first thing right away immediately
    quickly instead too also out over off on along once more so that as soon possible if when because""".split()  # noqa: SIM905 -- a word list reads best as words
)


_AFTER_VERB = re.compile(
    r"\b(?:restart|scale|resize|bounce|recycle|reboot|rollback|roll back|revert|undo|delete|remove|evict|kill|cordon|uncordon|drain|taint"
    r"|pause|resume|suspend|unsuspend|stop|trigger|label|annotate|upgrade|update|patch|apply)\s+((?:[a-z0-9./-]+\s*){1,4})"
)


def _has_name(words: str) -> bool:
    """Tell whether a request may name its object right after its verb, rather than pointing at one named before."""
    for match in _AFTER_VERB.finditer(words):
        for word in match[1].split():
            if word.strip("./-") not in _NO_NAME and not word[0].isdigit():
                return True
            if word in ("to", "with", "by", "for"):
                break
    return False


def _names(words: str, name: str) -> bool:
    return (
        bool(name) and re.search(rf"(?<![a-z0-9.-]){re.escape(plain(name))}(?![a-z0-9-]|\.[a-z0-9])", words) is not None
    )


def _partly(words: str, name: str, known: Iterable[str]) -> bool:
    """A part of the name stands for it: `web` for `web-7d4b9c`, where no other object has that part too."""
    others = {part for each in known for part in plain(each).split("-")}
    parts = {part for part in plain(name).split("-") if len(part) >= _PART and not part.isdecimal()} - others
    return any(_names(words, part) for part in parts)


def _operation(op: Op, tracing: Tracing) -> ArgOrigin:
    origin = Origin.OPERATOR if tracing.asks else Origin.UNEXPLAINED
    return ArgOrigin(Role.OPERATION, op.value, origin)


def _object(tracing: Tracing) -> list[ArgOrigin]:
    """The object's name and namespace: it exists, so typed fields vouch for it unless only text points there."""
    typed, session = tracing.typed, tracing.session
    words = plain(session.words)
    named = bool(tracing.asks) or _names(words, typed.name)
    found = [_known(Role.NAME, typed.name, tracing, named=named, exists=True)]
    if typed.namespace:
        same = {place for kind, place, name in session.objects if (kind, name) == (typed.kind, typed.name)}
        sure = (
            typed.namespace == session.namespace
            or _names(words, typed.namespace)
            or (named and same == {typed.namespace})
        )
        exists = typed.namespace in {place for _, place, _ in session.objects}
        found.append(_known(Role.NAMESPACE, typed.namespace, tracing, named=sure, exists=exists))
    return found


def _known(role: Role, value: str, tracing: Tracing, *, named: bool, exists: bool) -> ArgOrigin:
    if named:
        return ArgOrigin(role, value, Origin.OPERATOR)
    return _judged(role, value, tracing, Origin.TYPED if exists else None)


def _judged(role: Role, value: str, tracing: Tracing, trusted: Origin | None) -> ArgOrigin:
    """The origin of what the operator did not say: `trusted` is the other source that holds it."""
    session = tracing.session
    if trusted is Origin.TYPED and role in _PARTS:
        return ArgOrigin(role, value, trusted)
    page = session.trusted_with(value) if trusted is None else None
    chunk = session.untrusted_with(value)
    if trusted or page:
        origin = Origin.SUGGESTED if chunk or session.more else trusted or Origin.RUNBOOK
        return ArgOrigin(role, value, origin, chunk.title if chunk else page.title if page else "")
    return ArgOrigin(role, value, Origin.TAINTED if chunk else Origin.UNEXPLAINED, chunk.title if chunk else "")


def _trace(argument: Argument, op: Op, tracing: Tracing) -> ArgOrigin:
    if _said(argument, tracing):
        return ArgOrigin(argument.role, argument.value, Origin.OPERATOR)
    return _judged(
        argument.role, argument.value, tracing, Origin.TYPED if _typed(argument, op, tracing.typed) else None
    )


def _typed(argument: Argument, op: Op, typed: TypedFields) -> bool:
    """Tell whether the object's own typed fields hold an argument, in the same role."""
    value = argument.value
    match argument.role:
        case Role.CONTAINER:
            return value in typed.containers
        case Role.IMAGE:
            return value in typed.images
        case Role.KEY:
            return value in typed.keys
        case Role.FIELD:
            return typed.has(value)
        case Role.NEW_NAME:
            return value.startswith(f"{typed.name}-")
        case Role.NUMBER if op is Op.ROLLBACK:
            return value in {str(each) for each in typed.revisions}
        case _:
            # A document repeats what the object already has: that changes nothing.
            return op is Op.APPLY and bool(argument.about) and typed.at(argument.about) == value


def _said(argument: Argument, tracing: Tracing) -> bool:
    """Tell whether the operator's words hold an argument."""
    value, asked, words = argument.value, plain(tracing.asked), plain(tracing.session.words)
    match argument.role:
        case Role.NUMBER:
            return _number_said(value, asked, tracing.typed.replicas)
        case Role.OPTION:
            if value == "removed" and re.search(rf"{re.escape(plain(argument.about))}-(?:\s|$)", asked):
                return True
            return re.search(_OPTION_WORDS.get(value, re.escape(plain(value))), asked) is not None
        case Role.FIELD:
            return _field_said(value, asked)
        case Role.IMAGE:
            return _stands(words, value, Role.IMAGE) or _tag_said(value, words, tracing.typed)
        case Role.KEY:
            return _stands(words, value)
        case _:
            return _stands(asked, value) or (len(value) > _PART and not value.isdecimal() and _stands(words, value))


def _stands(words: str, value: str, role: Role = Role.VALUE) -> bool:
    """Tell whether a value stands in the words as a whole, not as a piece of a longer one."""
    wanted = re.escape(plain(value).strip())
    after = r"(?![\w/:@-]|\.\w)" if role is Role.IMAGE else r"(?![\w/@-]|\.\w)"
    return bool(wanted) and re.search(rf"(?:(?<![\w./:@-])|(?<==)){wanted}{after}", words) is not None


def _number_said(value: str, asked: str, now: int | None) -> bool:
    match = _QUANTITY.fullmatch(value)
    if match is None:
        return _stands(asked, value)
    amount, unit = match[1], match[2].lower()
    if unit:
        return re.search(rf"(?<![\w.]){re.escape(amount)}\s*{unit[0]}", asked) is not None
    if re.search(rf"(?<![\w.-]){re.escape(amount)}(?![\w]|\.\d)", asked):
        return True
    if not amount.isdecimal():
        return False
    wanted = int(amount)
    if wanted < len(_NUMBERS) and re.search(rf"\b{_NUMBERS[wanted]}\b", asked):
        return True
    return now is not None and wanted in _relative(asked, now)


def _relative(asked: str, now: int) -> set[int]:
    """The numbers that words like `double` and `by two` mean."""
    found = {times * now for word, times in (("double", 2), ("twice", 2), ("triple", 3)) if word in asked}
    found |= {now // 2} if re.search(r"\b(?:halve|half)\b", asked) else set()
    numbers = {**{word: number for number, word in enumerate(_NUMBERS)}, **{str(each): each for each in range(1000)}}
    for match in re.finditer(
        r"\bby (\w+)\b|\b(\w+) (?:more|additional|extra|fewer|less)\b|\b(?:add|remove) (\w+)\b", asked
    ):
        step = numbers.get(match[1] or match[2] or match[3])
        found |= {now + step, now - step} if step is not None else set()
    return found


def _field_said(pointer: str, asked: str) -> bool:
    last = next((step for step in reversed(pointer.split("/")) if step and not step.isdigit()), "")
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", last.replace("~1", "/"))
    return bool(parts) and (plain(last) in asked or all(holds(asked, part) for part in parts))


def _tag_said(image: str, words: str, typed: TypedFields) -> bool:
    """`update web to 1.27`: the present repository with a tag that the operator named."""
    repository, colon, tag = image.rpartition(":")
    same = {each.rpartition(":")[0] if ":" in each.rpartition("/")[2] else each for each in typed.images}
    return bool(colon) and "/" not in tag and repository in same and _stands(words, tag)
