"""Finds the one object that the words mean, live or in a recording. Two candidates are a question, never a guess."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from copilot.model import Detail, InputError, text
from copilot.model.kinds import built_in
from copilot.model.likeness import alike
from guardrails.errors import IntentError
from guardrails.intent import is_namespace
from guardrails.kinds import Changeable, able_to, changeable, guessed
from guardrails.operations import Apply, ChangeIntent, Op
from guardrails.plan import ObjectRef
from retrievers.graph import ResourceGraph
from tools.change.objects import list_objects, names_in, read_object
from tools.cluster.transport import Transport


class Lookup(Protocol):
    """Where objects are looked up."""

    def find(self, kind: Changeable, namespace: str, name: str) -> dict[str, Any] | None:
        """The object's body, or None when there is none."""
        ...

    def names(self, kind: Changeable, namespace: str) -> list[str]:
        """The names there are, for a hint."""
        ...

    def listed(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """All objects of a built-in kind in a namespace."""
        ...

    def pods_on(self, node: str) -> list[dict[str, Any]]:
        """The pods of a node, in all namespaces."""
        ...


class LiveLookup:
    """Asks the API server."""

    def __init__(self, reader: Transport) -> None:
        self._reader = reader

    def find(self, kind: Changeable, namespace: str, name: str) -> dict[str, Any] | None:
        """Read the object fresh."""
        return read_object(self._reader, kind, namespace, name)

    def names(self, kind: Changeable, namespace: str) -> list[str]:
        """List the kind."""
        return names_in(self._reader, kind, namespace)

    def listed(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """List the kind, whole."""
        return list_objects(self._reader, kind, namespace)

    def pods_on(self, node: str) -> list[dict[str, Any]]:
        """List the pods of a node."""
        return list_objects(self._reader, "Pod", "", (("fieldSelector", f"spec.nodeName={node}"),))


class RecordedLookup:
    """Looks in the graph of a recording."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph

    def find(self, kind: Changeable, namespace: str, name: str) -> dict[str, Any] | None:
        """The recorded body.

        Raises:
            InputError: the recording shows only a line about the object.
        """
        found = self._graph.find(kind.kind, namespace, name, kind.group)
        if found is not None and found.detail is Detail.ROW:
            raise InputError(
                f"The recording shows only one line about {found.ref} ({found.source})",
                "A plan needs -o yaml or a dump.",
            )
        return None if found is None else found.body

    def names(self, kind: Changeable, namespace: str) -> list[str]:
        """The recorded names."""
        return [resource.ref.name for resource in self._graph.of_kind(kind.kind, namespace, kind.group)]

    def listed(self, kind: str, namespace: str) -> list[dict[str, Any]]:
        """The recorded objects."""
        known = built_in(kind)
        group = known.group if known else None
        return [resource.body for resource in self._graph.of_kind(kind, namespace or None, group)]

    def pods_on(self, node: str) -> list[dict[str, Any]]:
        """The recorded pods of a node."""
        return [body for body in self.listed("Pod", "") if text(body, "spec", "nodeName") == node]


class Found(msgspec.Struct, frozen=True):
    """The object that is meant. `body` is empty when it is yet to be made."""

    kind: Changeable
    namespace: str
    name: str
    body: dict[str, Any]

    @property
    def ref(self) -> ObjectRef:
        """Its reference, pinned to the version that was read."""
        return ref_of(self.kind, self.namespace, self.name, self.body)


def ref_of(kind: Changeable, namespace: str, name: str, body: dict[str, Any]) -> ObjectRef:
    """The reference of one object as it was read."""
    return ObjectRef(
        group=kind.group,
        version=kind.version,
        resource=kind.resource,
        kind=kind.kind,
        namespace=namespace if kind.namespaced else "",
        name=name,
        uid=text(body, "metadata", "uid"),
        resource_version=text(body, "metadata", "resourceVersion"),
    )


def op_of(intent: ChangeIntent) -> Op:
    """The operation of an intent."""
    return Op(type(intent).__struct_config__.tag)


def resolve(intent: ChangeIntent, lookup: Lookup, chosen: str | None, default: str) -> Found:
    """Find the object. `chosen` is the -n flag, `default` the context's namespace.

    Raises:
        IntentError: there is none, there are several, or flag and words name different namespaces.
    """
    target, op = intent.target, op_of(intent)
    if chosen is not None and target.namespace is not None and chosen != target.namespace:
        raise IntentError(
            f"The words say namespace {target.namespace}, the flag says {chosen}", "Name the namespace once."
        )
    namespace = target.namespace or chosen or default
    if not is_namespace(namespace):
        raise IntentError(f"{namespace!r} is not a namespace's name", "Name the namespace with -n.")
    kinds = (_known(target.kind),) if target.kind else guessed(op)
    found = [
        Found(kind, namespace if kind.namespaced else "", target.name, body)
        for kind in kinds
        if (body := lookup.find(kind, namespace if kind.namespaced else "", target.name)) is not None
    ]
    if len(found) > 1:
        names = " or ".join(f"{each.kind.kind.lower()}/{target.name}" for each in found)
        raise IntentError(f"{target.name!r} could be {names} in namespace {namespace}", "Say which, as KIND/NAME.")
    if not found and isinstance(intent, Apply):
        found = [Found(kinds[0], namespace if kinds[0].namespaced else "", target.name, {})]
    if not found:
        raise IntentError(*_nothing(target.name, kinds, namespace, lookup))
    if op not in found[0].kind.ops:
        raise IntentError(
            f"Cannot {op.value.replace('_', ' ')} a {found[0].kind.kind} ({found[0].ref.title.split(' ', 1)[1]})",
            f"It works for: {able_to(op)}.",
        )
    return found[0]


def _known(kind: str) -> Changeable:
    try:
        return changeable(kind)
    except KeyError:
        raise IntentError(f"A {kind} cannot be changed through here", "See docs/changes.md for the kinds.") from None


def _nothing(name: str, kinds: tuple[Changeable, ...], namespace: str, lookup: Lookup) -> tuple[str, str]:
    what = " or ".join(kind.kind for kind in kinds)
    inside = {kind.kind: namespace if kind.namespaced else "" for kind in kinds}
    known = {f"{kind.kind.lower()}/{each}": each for kind in kinds for each in lookup.names(kind, inside[kind.kind])}
    near = alike(name, known.values())
    if near:
        hint = f"Did you mean {' or '.join(label for label, each in known.items() if each in near)}?"
    else:
        hint = f"There is: {', '.join(sorted(known)[:8])}." if known else "Check the namespace with -n and the context."
    where = f" in namespace {namespace}" if any(inside.values()) else ""
    return f"There is no {what} named {name}{where}", hint
