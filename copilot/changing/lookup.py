"""Finds the one object that the words mean, live or in a recording. Two candidates are a question, never a guess."""

from __future__ import annotations

from typing import Any, Protocol

from copilot.model import Detail, InputError
from copilot.model.likeness import alike
from guardrails.errors import IntentError
from guardrails.intent import ChangeIntent, is_namespace
from guardrails.kinds import GUESSED, WORKLOADS, Workload, workload
from retrievers.graph import ResourceGraph
from tools.change.objects import names_in, read_workload
from tools.cluster.transport import Transport


class Lookup(Protocol):
    """Where workloads are looked up."""

    def find(self, kind: Workload, namespace: str, name: str) -> dict[str, Any] | None:
        """The object's body, or None when there is none."""
        ...

    def names(self, kind: Workload, namespace: str) -> list[str]:
        """The names there are, for a hint."""
        ...


class LiveLookup:
    """Asks the API server."""

    def __init__(self, reader: Transport) -> None:
        self._reader = reader

    def find(self, kind: Workload, namespace: str, name: str) -> dict[str, Any] | None:
        """Read the object fresh."""
        return read_workload(self._reader, kind, namespace, name)

    def names(self, kind: Workload, namespace: str) -> list[str]:
        """List the kind."""
        return names_in(self._reader, kind, namespace)


class RecordedLookup:
    """Looks in the graph of a recording."""

    def __init__(self, graph: ResourceGraph) -> None:
        self._graph = graph

    def find(self, kind: Workload, namespace: str, name: str) -> dict[str, Any] | None:
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

    def names(self, kind: Workload, namespace: str) -> list[str]:
        """The recorded names."""
        return [resource.ref.name for resource in self._graph.of_kind(kind.kind, namespace, kind.group)]


def resolve(
    intent: ChangeIntent, lookup: Lookup, chosen: str | None, default: str
) -> tuple[Workload, str, dict[str, Any]]:
    """Find the object: its kind, namespace and body. `chosen` is the -n flag, `default` the context's namespace.

    Raises:
        IntentError: there is none, there are several, or flag and words name different namespaces.
    """
    if chosen is not None and intent.namespace is not None and chosen != intent.namespace:
        raise IntentError(
            f"The words say namespace {intent.namespace}, the flag says {chosen}", "Name the namespace once."
        )
    namespace = intent.namespace or chosen or default
    if not is_namespace(namespace):
        raise IntentError(f"{namespace!r} is not a namespace's name", "Name the namespace with -n.")
    kinds = [workload(intent.kind)] if intent.kind else [workload(kind) for kind in GUESSED]
    found = [(kind, body) for kind in kinds if (body := lookup.find(kind, namespace, intent.name)) is not None]
    if len(found) > 1:
        names = " or ".join(f"{kind.kind.lower()}/{intent.name}" for kind, _ in found)
        raise IntentError(f"{intent.name!r} could be {names} in namespace {namespace}", "Say which, as KIND/NAME.")
    if not found:
        raise IntentError(*_nothing(intent, kinds, namespace, lookup))
    kind, body = found[0]
    if intent.op not in kind.ops:
        able = ", ".join(item.kind for item in WORKLOADS if intent.op in item.ops)
        raise IntentError(
            f"Cannot {intent.op.value} a {kind.kind} ({namespace}/{intent.name})", f"It works for: {able}."
        )
    return kind, namespace, body


def _nothing(intent: ChangeIntent, kinds: list[Workload], namespace: str, lookup: Lookup) -> tuple[str, str]:
    what = " or ".join(kind.kind for kind in kinds)
    known = {f"{kind.kind.lower()}/{name}": name for kind in kinds for name in lookup.names(kind, namespace)}
    near = alike(intent.name, known.values())
    if near:
        hint = f"Did you mean {' or '.join(label for label, name in known.items() if name in near)}?"
    else:
        hint = f"There is: {', '.join(sorted(known)[:8])}." if known else "Check the namespace with -n and the context."
    return f"There is no {what} named {intent.name} in namespace {namespace}", hint
