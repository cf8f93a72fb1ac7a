"""From the words a person types (`deploy/web`, `web`, `kind.group/name`) to one object of the graph.

Nothing is guessed silently: several fits and no fit are errors that name the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence

from copilot.model import Ref, UsageError
from copilot.model.kinds import resolve_kind
from copilot.model.likeness import nearest
from retrievers.graph.edge import VIRTUAL_KINDS
from retrievers.graph.graph import ResourceGraph

# Which kind a bare name means when several objects share it: what people name in conversation comes first.
_PREFERENCE = (
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod", "Service", "Ingress", "Node", "Namespace",
    "PersistentVolumeClaim", "ConfigMap", "Secret",
)  # fmt: skip


def resolve_object(graph: ResourceGraph, words: str, namespace: str | None = None, *, named: bool = False) -> Ref:
    """Find the object that `words` mean, in `namespace` when given.

    With `named`, an object that only others name (missing, or not readable) is found too, when its kind is given.

    Raises:
        UsageError: no such object (the nearest is offered), or several (they are listed).
    """
    kind_word, slash, name = words.strip().partition("/")
    if not slash:
        return _choose(_named(graph, words.strip(), namespace), words, graph, namespace)
    kinds = _kinds(graph, kind_word)
    if not kinds:
        near = nearest(kind_word.lower(), (kind.lower() for kind in graph.kinds()))
        hint = f"Did you mean {near}/{name}?" if near else f"Kinds that were read: {', '.join(graph.kinds()[:12])}"
        raise UsageError(f"No kind {kind_word!r} was read from this cluster.", hint)
    found = [ref for kind in kinds for ref in _of_kind(graph, kind, name, namespace)]
    if named and not found:
        found = [ref for ref in graph.refs() if ref.kind in kinds and ref.name == name and _inside(ref, namespace)]
    return _choose(found, words, graph, namespace, kinds)


def _kinds(graph: ResourceGraph, word: str) -> list[str]:
    """The kinds a word may mean: built-in names and short names, else a kind of the graph, by any case or plural."""
    known = resolve_kind(word)
    if known is not None:
        return [known.kind]
    plain = word.partition(".")[0].lower()
    kinds = [*graph.kinds(), *sorted(VIRTUAL_KINDS)]
    return [kind for kind in kinds if plain in _forms(kind.lower())]


def _forms(kind: str) -> tuple[str, ...]:
    """A kind in lower case, and the plurals that custom resources are given."""
    return kind, f"{kind}s", f"{kind}es", f"{kind.removesuffix('y')}ies"


def _of_kind(graph: ResourceGraph, kind: str, name: str, namespace: str | None) -> list[Ref]:
    return [
        resource.ref
        for resource in graph.of_kind(kind)
        if resource.ref.name == name and _inside(resource.ref, namespace)
    ]


def _inside(ref: Ref, namespace: str | None) -> bool:
    return namespace is None or ref.namespace in ("", namespace)


def _named(graph: ResourceGraph, name: str, namespace: str | None) -> list[Ref]:
    for kind in _PREFERENCE:
        found = _of_kind(graph, kind, name, namespace)
        if found:
            return found
    return [
        resource.ref
        for resource in graph.resources()
        if resource.ref.name == name and resource.ref.kind != "Event" and _inside(resource.ref, namespace)
    ]


def _choose(
    found: list[Ref], words: str, graph: ResourceGraph, namespace: str | None, kinds: list[str] | None = None
) -> Ref:
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(ref) for ref in sorted(found)[:6])
        raise UsageError(
            f"{words!r} means several objects: {listed}.", "Name the namespace with -n, or the kind as KIND/NAME."
        )
    where = f" in namespace {namespace}" if namespace else ""
    near = nearest_object(graph, words.rpartition("/")[2], namespace, kinds)
    hint = f"Did you mean {near.argument}{near.flags}?" if near else "Name it as KIND/NAME, with -n for its namespace."
    unread = _refused(graph, kinds or _PREFERENCE, namespace)
    if unread:
        told = f": {', '.join(unread)} objects were refused, so it may be there"
        raise UsageError(f"No object {words!r} was read{where}{told}.", f"Ask for the right to list them. {hint}")
    raise UsageError(f"No object {words!r} was read{where}.", hint)


def _refused(graph: ResourceGraph, kinds: Sequence[str], namespace: str | None) -> tuple[str, ...]:
    """Those of the kinds that the server would not show there."""
    coverage = graph.snapshot.coverage
    return tuple(
        kind
        for kind in kinds
        if coverage.was_refused(kind, namespace) and not coverage.was_read(kind, namespace or "*")
    )


def nearest_object(
    graph: ResourceGraph, name: str, namespace: str | None = None, kinds: list[str] | None = None
) -> Ref | None:
    """The object with the most similar name, in the namespace first, or None when nothing is alike."""
    for scope in dict.fromkeys((namespace, None)):
        names: dict[str, Ref] = {}
        for kind in kinds or _PREFERENCE:
            for resource in graph.of_kind(kind):
                if _inside(resource.ref, scope):
                    names.setdefault(resource.ref.name, resource.ref)
        near = nearest(name, names)
        if near:
            return names[near]
    return None
