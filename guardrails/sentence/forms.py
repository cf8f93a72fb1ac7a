"""The accepted sentences, one form for each operation. A form reads all words or refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import msgspec

from guardrails.kinds import changeable_of_word
from guardrails.operations import (
    Amount,
    Annotate,
    ChangeIntent,
    ContainerImage,
    Cordon,
    CreateJob,
    Delete,
    Drain,
    EnvValue,
    Evict,
    FieldValue,
    Label,
    Mark,
    NewTaint,
    OldTaint,
    Op,
    PatchFields,
    Pause,
    Restart,
    Resume,
    Rollback,
    Scale,
    SetEnv,
    SetImage,
    SetResources,
    Suspend,
    Taint,
    TaintEffect,
    Uncordon,
    Unsuspend,
)
from guardrails.sentence.words import MOST, NAME, NotUnderstoodError, Words

_UNITS = (("replicas",), ("replica",), ("pods",), ("pod",))
_OVERWRITING = "overwriting"
_EFFECTS = {effect.value.lower(): effect for effect in TaintEffect}
_NUMBER = re.compile(r"-?[0-9]{1,18}")


class Form(msgspec.Struct, frozen=True):
    """One form: the words it starts with, how it reads the rest, and how it is written in a hint."""

    starts: tuple[tuple[str, ...], ...]
    read: Callable[[Words], ChangeIntent]
    written: str


def _scale(words: Words) -> ChangeIntent:
    target = words.take_target(Op.SCALE)
    if not words.skip(("to",)):
        raise NotUnderstoodError("to how many replicas?")
    replicas = words.take_count(f"'to' needs a number of replicas in digits, 0 to {MOST}")
    words.skip(*_UNITS)
    return Scale(target, replicas)


def _restart(words: Words) -> ChangeIntent:
    return Restart(words.take_target(Op.RESTART))


def _roll_back(words: Words) -> ChangeIntent:
    target = words.take_target(Op.ROLLBACK)
    if words.skip(("to", "revision")):
        return Rollback(target, words.take_count("'to revision' needs a number"))
    return Rollback(target)


def _set_image(words: Words) -> ChangeIntent:
    target = words.take_target(Op.SET_IMAGE)
    if words.skip(("to",)):
        return SetImage(target, (ContainerImage("", words.take("to which image?")),))
    pairs = [_pair(word, "CONTAINER=IMAGE") for word in words.take_rest()]
    if not pairs:
        raise NotUnderstoodError("which container gets which image?")
    return SetImage(target, tuple(ContainerImage(*pair) for pair in pairs))


def _set_resources(words: Words) -> ChangeIntent:
    containers = _containers(words)
    target = words.take_target(Op.SET_RESOURCES)
    sides: dict[str, tuple[Amount, ...]] = {"requests": (), "limits": ()}
    while words.peek() in sides:
        side = words.take("")
        rest = words.take_rest(lambda word: word in sides)
        sides[side.lower()] = tuple(
            _amount(each) for word in rest for each in word.removesuffix(",").split(",") if each != "and"
        )
    if not any(sides.values()):
        raise NotUnderstoodError("which requests or limits?")
    return SetResources(target, containers, sides["requests"], sides["limits"])


def _set_env(words: Words) -> ChangeIntent:
    containers = _containers(words)
    target = words.take_target(Op.SET_ENV)
    variables = tuple(EnvValue(*_pair_or_gone(word, "NAME=VALUE or NAME-")) for word in words.take_rest())
    if not variables:
        raise NotUnderstoodError("which variable gets which value?")
    return SetEnv(target, variables, containers)


def _patch(words: Words) -> ChangeIntent:
    target = words.take_target(Op.PATCH)
    fields = tuple(_field(word) for word in words.take_rest())
    if not fields:
        raise NotUnderstoodError("which field gets which value?")
    return PatchFields(target, fields)


def _label(words: Words) -> ChangeIntent:
    target = words.take_target(Op.LABEL)
    return Label(target, *_marks(words))


def _annotate(words: Words) -> ChangeIntent:
    target = words.take_target(Op.ANNOTATE)
    return Annotate(target, *_marks(words))


def _cordon(words: Words) -> ChangeIntent:
    return Cordon(words.take_target(Op.CORDON))


def _uncordon(words: Words) -> ChangeIntent:
    return Uncordon(words.take_target(Op.UNCORDON))


def _drain(words: Words) -> ChangeIntent:
    target = words.take_target(Op.DRAIN)
    leaves = {"ignoring daemonsets": False, "deleting emptydir data": False, "including unmanaged pods": False}
    while found := next((leave for leave in leaves if words.skip(tuple(leave.split()))), None):
        leaves[found] = True
        words.skip(("and",))
    daemons, scratch, unmanaged = leaves.values()
    return Drain(target, daemons, scratch, unmanaged)


def _evict(words: Words) -> ChangeIntent:
    return Evict(words.take_target(Op.EVICT))


def _taint(words: Words) -> ChangeIntent:
    target = words.take_target(Op.TAINT)
    overwrite, rest = _overwriting(words)
    if not rest:
        raise NotUnderstoodError("which taint?")
    add, remove = [], []
    for word in rest:
        key, _, effect = word.removesuffix("-").partition(":")
        if word.endswith("-"):
            remove.append(OldTaint(key, _effect(effect) if effect else None))
        else:
            name, _, value = key.partition("=")
            add.append(NewTaint(name, value, _effect(effect)))
    return Taint(target, tuple(add), tuple(remove), overwrite)


def _pause(words: Words) -> ChangeIntent:
    return Pause(words.take_target(Op.PAUSE))


def _resume(words: Words) -> ChangeIntent:
    """Rollouts are resumed; so is what was suspended, for a kind that can be."""
    head = words.peek().partition("/")[0]
    known = changeable_of_word(head)
    if known is not None and Op.UNSUSPEND in known.ops:
        return Unsuspend(words.take_target(Op.UNSUSPEND))
    return Resume(words.take_target(Op.RESUME))


def _suspend(words: Words) -> ChangeIntent:
    return Suspend(words.take_target(Op.SUSPEND))


def _unsuspend(words: Words) -> ChangeIntent:
    return Unsuspend(words.take_target(Op.UNSUSPEND))


def _delete(words: Words) -> ChangeIntent:
    head = words.peek().partition("/")[0]
    known = changeable_of_word(head)
    if known is not None and known.kind == "Pod":
        return Evict(words.take_target(Op.EVICT))
    target = words.take_target(Op.DELETE)
    if target.kind is None:
        raise NotUnderstoodError(f"which kind is '{target.name}'? Deleting needs KIND/NAME")
    return Delete(target)


def _create_job(words: Words) -> ChangeIntent:
    job = words.take("what is the job to be called?")
    if not NAME.fullmatch(job) or len(job) > 63:
        raise NotUnderstoodError(f"'{job}' is not a job's name")
    if not words.skip(("from",)):
        raise NotUnderstoodError("from which CronJob?")
    return CreateJob(words.take_target(Op.CREATE_JOB), job)


def _containers(words: Words) -> tuple[str, ...]:
    named = words.take_clause("container", "'container' needs one name after it")
    return (named,) if named else ()


def _marks(words: Words) -> tuple[tuple[Mark, ...], bool]:
    overwrite, rest = _overwriting(words)
    if not rest:
        raise NotUnderstoodError("which key gets which value?")
    return tuple(Mark(*_pair_or_gone(word, "KEY=VALUE or KEY-")) for word in rest), overwrite


def _overwriting(words: Words) -> tuple[bool, list[str]]:
    rest = words.take_rest(lambda word: word == _OVERWRITING)
    return words.skip((_OVERWRITING,)), rest


def _pair(word: str, wanted: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise NotUnderstoodError(f"'{word}' is not written as {wanted}")
    return key, value


def _pair_or_gone(word: str, wanted: str) -> tuple[str, str | None]:
    key, equals, value = word.partition("=")
    if equals and key:
        return key, value
    if not equals and word.endswith("-") and len(word) > 1:
        return word[:-1], None
    raise NotUnderstoodError(f"'{word}' is not written as {wanted}")


def _amount(word: str) -> Amount:
    return Amount(*_pair(word, "cpu=500m"))


def _field(word: str) -> FieldValue:
    pointer, equals, value = word.partition("=")
    if not pointer.startswith("/") or not (equals or word.endswith("-")):
        raise NotUnderstoodError(f"'{word}' is not written as /FIELD/PATH=VALUE or /FIELD/PATH-")
    if not equals:
        return FieldValue(pointer.removesuffix("-"), "")
    plain = bool(_NUMBER.fullmatch(value)) or value in ("true", "false")
    return FieldValue(pointer, value if plain else json.dumps(value))


def _effect(word: str) -> TaintEffect:
    if word.lower() not in _EFFECTS:
        raise NotUnderstoodError(f"'{word}' is not an effect: {', '.join(effect.value for effect in TaintEffect)}")
    return _EFFECTS[word.lower()]


FORMS: tuple[Form, ...] = (
    Form((("scale",),), _scale, "scale KIND/NAME [in NAMESPACE] to N"),
    Form((("restart",), ("rollout", "restart")), _restart, "restart KIND/NAME [in NAMESPACE]"),
    Form((("roll", "back"), ("rollback",), ("rollout", "undo")), _roll_back, "roll back KIND/NAME [in NAMESPACE] [to revision N]"),
    Form((("set", "image"),), _set_image, "set image KIND/NAME CONTAINER=IMAGE [in NAMESPACE]"),
    Form((("set", "resources"),), _set_resources,
         "set resources KIND/NAME [container NAME] [requests cpu=1] [limits memory=1Gi] [in NAMESPACE]"),
    Form((("set", "env"),), _set_env, "set env KIND/NAME [container NAME] NAME=VALUE [in NAMESPACE]"),
    Form((("patch",),), _patch, "patch KIND/NAME /FIELD/PATH=VALUE [in NAMESPACE]"),
    Form((("label",),), _label, "label KIND/NAME KEY=VALUE KEY- [in NAMESPACE] [overwriting]"),
    Form((("annotate",),), _annotate, "annotate KIND/NAME KEY=VALUE KEY- [in NAMESPACE] [overwriting]"),
    Form((("cordon",),), _cordon, "cordon NODE"),
    Form((("uncordon",),), _uncordon, "uncordon NODE"),
    Form((("drain",),), _drain, "drain NODE [ignoring daemonsets] [deleting emptydir data] [including unmanaged pods]"),
    Form((("evict",),), _evict, "evict POD [in NAMESPACE]"),
    Form((("taint",),), _taint, "taint NODE KEY=VALUE:EFFECT KEY:EFFECT- [overwriting]"),
    Form((("pause",), ("rollout", "pause")), _pause, "pause KIND/NAME [in NAMESPACE]"),
    Form((("resume",), ("rollout", "resume")), _resume, "resume KIND/NAME [in NAMESPACE]"),
    Form((("suspend",),), _suspend, "suspend KIND/NAME [in NAMESPACE]"),
    Form((("unsuspend",),), _unsuspend, "unsuspend KIND/NAME [in NAMESPACE]"),
    Form((("delete",),), _delete, "delete KIND/NAME [in NAMESPACE]"),
    Form((("create", "job"),), _create_job, "create job NAME from CRONJOB [in NAMESPACE]"),
)  # fmt: skip


def read_sentence(tokens: list[str]) -> ChangeIntent:
    """Read one sentence, word by word.

    Raises:
        NotUnderstoodError: it is not one of the forms.
    """
    if not tokens:
        raise NotUnderstoodError("it is empty")
    lowered = [token.lower() for token in tokens]
    for form in FORMS:
        for start in form.starts:
            if tuple(lowered[: len(start)]) == start:
                words = Words(tokens[len(start) :])
                words.take_namespace()
                intent = form.read(words)
                words.end()
                return intent
    verbs = ", ".join(" ".join(form.starts[0]) for form in FORMS)
    raise NotUnderstoodError(f"'{tokens[0]}' is not one of: {verbs}")
