"""Reads the one object that `do --file` applies, from one local file. It follows no address and reads no second object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from copilot.model import InputError, text
from guardrails.errors import IntentError
from guardrails.kinds import able_to, changeable
from guardrails.operations import Apply, Op, Target
from guardrails.sentence.words import NAME, NAMESPACE
from tools.cluster.manifests_yaml import documents, load

MAX_BYTES = 2**20  # the API server takes 1.5 MiB at most; an object that size is not read on a card


def read_document(path: str) -> Apply:
    """Read the file as an intent.

    Raises:
        InputError: there is no such file, or it is not one object in JSON or YAML.
        IntentError: it is an object that cannot be applied.
    """
    if path == "-" or "://" in path:
        raise InputError(f"{path!r} is not a local file", "Save the object to a file and name that.")
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "Name one local file.") from error
    if len(content) > MAX_BYTES:
        raise InputError(f"{path} is larger than 1 MiB", "Apply a smaller object.")
    return intent_of(_one_object(content, path))


def intent_of(body: dict[str, Any]) -> Apply:
    """The intent to apply one object.

    Raises:
        IntentError: it has no name, or its kind cannot be applied.
    """
    kind, name = text(body, "kind"), text(body, "metadata", "name")
    namespace = text(body, "metadata", "namespace")
    try:
        known = changeable(kind)
    except KeyError:
        known = None
    if known is None or Op.APPLY not in known.ops:
        raise IntentError(
            f"A {kind or 'thing without a kind'} cannot be applied", f"Can be applied: {able_to(Op.APPLY)}."
        )
    if not NAME.fullmatch(name) or (namespace and not NAMESPACE.fullmatch(namespace)):
        raise IntentError(f"The {kind} has no usable name", "Give it metadata.name.")
    return Apply(Target(name, kind, namespace or None), json.dumps(body, sort_keys=True))


def _one_object(content: bytes, path: str) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError):
        spans = list(documents(content, 0, len(content), 1))
        if len(spans) != 1:
            raise InputError(f"{path} holds {len(spans)} objects", "One change is one object.") from None
        start, end, line = spans[0]
        body = load(content[start:end], path, line)
    if not isinstance(body, dict) or text(body, "kind").endswith("List"):
        raise InputError(f"{path} is not one object", "One change is one object, with apiVersion, kind and metadata.")
    return body
