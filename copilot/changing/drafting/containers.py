"""Drafts what changes the containers of a pod template: images, resources, literal environment variables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from copilot.changing.drafting.drafted import Drafted, edited
from copilot.changing.lookup import Found
from copilot.model import children, dig, mapping, parse_quantity, text
from guardrails.errors import IntentError
from guardrails.operations import Amount, EnvValue, Op, SetEnv, SetImage, SetResources
from guardrails.operations.args import Edit
from guardrails.operations.edits import json_text, pointer_of

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,510}")  # the characters of distribution/reference, nothing more
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,252}")
_RESOURCE = re.compile(r"([a-z0-9][a-z0-9.-]*/)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def set_image(found: Found, intent: SetImage) -> Drafted:
    """Another image for each named container.

    Raises:
        IntentError: there is no such container, or the image is not one.
    """
    edits = []
    for wanted in intent.images:
        if not _IMAGE.fullmatch(wanted.image):
            raise IntentError(f"{wanted.image!r} is not an image", "Write it as REGISTRY/NAME:TAG.")
        field, index, container = _container(found, wanted.container, ("containers", "initContainers"))
        before = json_text(dig(container, "image"))
        edits.append(Edit(_at(found, field, index, "image"), before, json_text(wanted.image), text(container, "name")))
    if len({edit.pointer for edit in edits}) < len(edits):
        raise IntentError("A container is named twice", "Name each container once.")
    return edited(found, Op.SET_IMAGE, tuple(edits))


def set_resources(found: Found, intent: SetResources) -> Drafted:
    """Other requests and limits.

    Raises:
        IntentError: there is no such container, or a quantity is not one.
    """
    edits = []
    for field, index, container in _chosen(found, intent.containers):
        wanted: dict[str, Any] = dict(mapping(container, "resources"))
        for side, amounts in (("requests", intent.requests), ("limits", intent.limits)):
            wanted[side] = _amounts(dict(mapping(container, "resources", side)), amounts)
            if not wanted[side]:
                del wanted[side]
        before, after = json_text(dig(container, "resources")), json_text(wanted)
        if (before or "{}") != after:
            edits.append(Edit(_at(found, field, index, "resources"), before, after, text(container, "name")))
    return edited(found, Op.SET_RESOURCES, tuple(edits))


def set_env(found: Found, intent: SetEnv) -> Drafted:
    """Literal variables, added, changed and taken away.

    Raises:
        IntentError: there is no such container or variable, or a name is not one.
    """
    for variable in intent.variables:
        if not _VARIABLE.fullmatch(variable.name):
            raise IntentError(f"{variable.name!r} is not a variable's name", "Write it as NAME=VALUE.")
    if len({variable.name for variable in intent.variables}) < len(intent.variables):
        raise IntentError("A variable is named twice", "Name each variable once.")
    edits: list[Edit] = []
    for field, index, container in _chosen(found, intent.containers):
        edits += _env_edits(_at(found, field, index, "env"), container, intent.variables)
    return edited(found, Op.SET_ENV, tuple(edits))


def _env_edits(at: str, container: dict[str, Any], variables: Iterable[EnvValue]) -> list[Edit]:
    """Changes first, then additions at the end, then removals from the back: so no position moves before its turn."""
    name = text(container, "name")
    present = list(children(container, "env"))
    places = {text(entry, "name"): place for place, entry in enumerate(present)}
    changed, added, removed = [], [], []
    for variable in variables:
        place = places.get(variable.name)
        entry = None if variable.value is None else {"name": variable.name, "value": variable.value}
        if place is None and entry is not None:
            added.append(entry)
        elif place is not None and entry is None:
            removed.append(Edit(f"{at}/{place}", json_text(present[place]), "", name))
        elif place is not None and json_text(present[place]) != json_text(entry):
            changed.append(Edit(f"{at}/{place}", json_text(present[place]), json_text(entry), name))
    if not present:
        return [Edit(at, json_text(dig(container, "env")), json_text(added), name)] if added else []
    end = len(present)
    appended = [Edit(f"{at}/{end + more}", "", json_text(entry), name) for more, entry in enumerate(added)]
    return [*changed, *appended, *sorted(removed, key=lambda edit: -int(edit.pointer.rpartition("/")[2]))]


def _amounts(present: dict[str, Any], amounts: Iterable[Amount]) -> dict[str, Any]:
    for amount in amounts:
        if not _RESOURCE.fullmatch(amount.resource):
            raise IntentError(f"{amount.resource!r} is not a resource", "Write it as cpu=500m.")
        if not amount.quantity:
            present.pop(amount.resource, None)
            continue
        quantity = parse_quantity(amount.quantity)
        if quantity is None or quantity < 0:
            raise IntentError(f"{amount.quantity!r} is not a quantity", "Write it like 500m, 2 or 1Gi.")
        if parse_quantity(present.get(amount.resource)) != quantity:
            present[amount.resource] = amount.quantity
    return present


def _chosen(found: Found, names: tuple[str, ...]) -> list[tuple[str, int, dict[str, Any]]]:
    """The named containers, or all (without init containers) when none is named."""
    if names:
        return [_container(found, name, ("containers",)) for name in names]
    return [("containers", index, each) for index, each in enumerate(_list(found, "containers"))]


def _container(found: Found, name: str, fields: tuple[str, ...]) -> tuple[str, int, dict[str, Any]]:
    all_of = [(field, index, each) for field in fields for index, each in enumerate(_list(found, field))]
    chosen = [each for each in all_of if text(each[2], "name") == name or (not name and each[0] == "containers")]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(text(each[2], "name") for each in all_of)
    if not name:
        raise IntentError(f"{found.ref.title} has several containers", f"Name one: {names}.")
    raise IntentError(f"{found.ref.title} has no container {name!r}", f"It has: {names}.")


def _list(found: Found, field: str) -> list[dict[str, Any]]:
    return [dict(each) for each in children(found.body, *found.kind.template, "spec", field)]


def _at(found: Found, field: str, index: int, name: str) -> str:
    return pointer_of(*found.kind.template, "spec", field, index, name)
