"""Takes an intent apart into its arguments, each with what it is for. Nothing that a change could do is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, assert_never

import msgspec

from guardrails import operations as ops
from guardrails.operations.edits import value_of
from guardrails.operations.intents import Cascade
from guardrails.provenance.labels import Role

_URL = re.compile(r"://|^//|^www\.|@[a-z0-9-]+\.[a-z]{2,}", re.IGNORECASE)
_MOST = 2_000  # leaves of a document: more is refused as one value that nobody wrote
_IDENTITY = frozenset({"/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"})


class Argument(msgspec.Struct, frozen=True):
    """One argument. `about` is what it belongs to: the container of an image, the key of a value, a field's pointer."""

    role: Role
    value: str
    about: str = ""


def arguments_of(intent: ops.ChangeIntent) -> tuple[Argument, ...]:
    """Every argument but the operation and the object, which are traced on their own."""
    return tuple(dict.fromkeys(_arguments(intent)))


def _arguments(intent: ops.ChangeIntent) -> Iterator[Argument]:
    match intent:
        case ops.Scale(replicas=replicas):
            yield Argument(Role.NUMBER, str(replicas))
        case ops.Rollback(revision=revision):
            if revision:
                yield Argument(Role.NUMBER, str(revision))
        case ops.SetImage(images=images):
            for image in images:
                yield from _container(image.container)
                yield Argument(Role.IMAGE, image.image, image.container)
        case ops.SetResources(containers=containers, requests=requests, limits=limits):
            for each in containers:
                yield from _container(each)
            for amount in (*requests, *limits):
                yield Argument(Role.KEY, amount.resource)
                yield _or_removed(Role.NUMBER, amount.quantity or None, amount.resource)
        case ops.SetEnv(variables=variables, containers=containers):
            for each in containers:
                yield from _container(each)
            for variable in variables:
                yield Argument(Role.KEY, variable.name)
                yield _or_removed(Role.ENV_VALUE, variable.value, variable.name)
        case ops.PatchFields(fields=fields):
            for field in fields:
                yield Argument(Role.FIELD, field.pointer)
                yield from _patched(field.pointer, value_of(field.value))
        case ops.Label(marks=marks) | ops.Annotate(marks=marks):
            for mark in marks:
                yield Argument(Role.KEY, mark.key)
                yield _or_removed(_text_role(mark.value or ""), mark.value, mark.key)
        case ops.Taint(add=add, remove=remove):
            for new in add:
                yield Argument(Role.KEY, new.key)
                yield Argument(Role.OPTION, new.effect.value, new.key)
                if new.value:
                    yield Argument(_text_role(new.value), new.value, new.key)
            for old in remove:
                yield Argument(Role.KEY, old.key)
                yield Argument(Role.OPTION, "removed", old.key)
        case ops.Drain():
            yield from _grace(intent.grace_seconds)
            for option in ("delete_emptydir_data", "unmanaged"):
                if getattr(intent, option):
                    yield Argument(Role.OPTION, option)
        case ops.Evict(grace_seconds=grace):
            yield from _grace(grace)
        case ops.Delete(cascade=cascade, grace_seconds=grace):
            yield from _grace(grace)
            if cascade is not Cascade.BACKGROUND:
                yield Argument(Role.OPTION, cascade.value)
        case ops.CreateJob(job=job):
            yield Argument(Role.NEW_NAME, job)
        case ops.Apply(document=document):
            yield from _document(document)
        case (
            ops.Restart() | ops.Cordon() | ops.Uncordon() | ops.Pause() | ops.Resume() | ops.Suspend() | ops.Unsuspend()
        ):
            return
        case _:
            assert_never(intent)


def _container(name: str) -> Iterator[Argument]:
    if name:
        yield Argument(Role.CONTAINER, name)


def _grace(seconds: int | None) -> Iterator[Argument]:
    if seconds is not None:
        yield Argument(Role.NUMBER, str(seconds), "grace period")


def _or_removed(role: Role, value: str | None, about: str) -> Argument:
    return Argument(Role.OPTION, "removed", about) if value is None else Argument(role, value, about)


def _text_role(value: str) -> Role:
    return Role.URL if _URL.search(value) else Role.VALUE


def _patched(pointer: str, value: Any) -> Iterator[Argument]:
    if value is None:
        yield Argument(Role.OPTION, "removed", pointer)
    for at, leaf in _leaves(pointer, value):
        yield Argument(role_at(at, leaf), _written(leaf), at)


def role_at(pointer: str, value: Any) -> Role:
    """What the value of a field is for."""
    steps = pointer.split("/")[1:]
    last = next((step for step in reversed(steps) if not step.isdigit()), "")
    inside = set(steps)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Role.NUMBER
    if last == "image":
        return Role.IMAGE
    if inside & {"command", "args", "exec"}:
        return Role.COMMAND
    if last in ("host", "externalName", "url") or "hosts" in inside or _URL.search(_written(value)):
        return Role.URL
    # What a ConfigMap holds becomes files and environment of pods.
    if "env" in inside or steps[:1] in (["data"], ["binaryData"]):
        return Role.ENV_VALUE
    return Role.NAMESPACE if last == "namespace" else Role.VALUE


def _document(document: str) -> Iterator[Argument]:
    try:
        body = msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        body = None
    if not isinstance(body, dict):
        yield Argument(Role.COMMAND, document)
        return
    for count, (at, leaf) in enumerate(_leaves("", body)):
        if count >= _MOST:
            yield Argument(Role.COMMAND, f"a document of more than {_MOST} values")
            return
        if at not in _IDENTITY:
            yield Argument(Role.FIELD, at)
            yield Argument(role_at(at, leaf), _written(leaf), at)


def _leaves(at: str, value: Any) -> Iterator[tuple[str, Any]]:
    waiting = [(at, value)]
    while waiting:
        here, each = waiting.pop(0)
        if isinstance(each, dict) and each:
            waiting += [
                (f"{here}/{str(key).replace('~', '~0').replace('/', '~1')}", below) for key, below in each.items()
            ]
        elif isinstance(each, list) and each:
            waiting += [(f"{here}/{index}", below) for index, below in enumerate(each)]
        elif each is not None and each not in ("", {}, []):
            yield here, each


def _written(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
