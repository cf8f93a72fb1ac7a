"""The typed fields that may vouch for an argument: those of the object itself, and of what it was before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from copilot.model import children, dig, mapping, number, text
from guardrails.errors import IntentError
from guardrails.kinds import Changeable
from guardrails.operations.edits import value_at

_CONTAINERS = ("containers", "initContainers")
_REVISION = "deployment.kubernetes.io/revision"


class TypedFields(msgspec.Struct, frozen=True):
    """One object's typed fields. `images` are those of its pod template now and in kept revisions, by the whole."""

    kind: str
    namespace: str
    name: str
    body: dict[str, Any] = {}
    containers: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    revisions: frozenset[int] = frozenset()
    replicas: int | None = None

    def at(self, pointer: str) -> str | None:
        """The text of a field that the object has now; None where it has none."""
        try:
            value = value_at(self.body, pointer)
        except IntentError:
            return None
        if value is None or isinstance(value, dict | list):
            return None
        return str(value).lower() if isinstance(value, bool) else str(value)

    def has(self, pointer: str) -> bool:
        """Tell whether the object has a field, or the parent of one that would be added to a map of fixed fields."""
        try:
            return value_at(self.body, pointer) is not None
        except IntentError:
            return False


def typed_fields(
    kind: Changeable, namespace: str, name: str, body: Mapping[str, Any], former: Iterable[Mapping[str, Any]] = ()
) -> TypedFields:
    """Read them. `former` are the ReplicaSets or ControllerRevisions that the object owns."""
    uid = text(body, "metadata", "uid")
    kept = [
        each
        for each in former
        if uid and any(text(o, "uid") == uid for o in children(each, "metadata", "ownerReferences"))
    ]
    specs = [mapping(body, *kind.template, "spec")] if kind.template else []
    specs += [
        mapping(each, *path)
        for each in kept
        for path in (("spec", "template", "spec"), ("data", "spec", "template", "spec"))
    ]
    listed = [each for spec in specs for field in _CONTAINERS for each in children(spec, field)]
    now = [each for spec in specs[:1] for field in _CONTAINERS for each in children(spec, field)]
    keys = {str(key) for place in ("labels", "annotations") for key in mapping(body, "metadata", place)}
    keys |= {text(variable, "name") for each in now for variable in children(each, "env")}
    keys |= {str(key) for each in now for side in ("requests", "limits") for key in mapping(each, "resources", side)}
    keys |= {text(taint, "key") for taint in children(body, "spec", "taints")}
    replicas = dig(body, "spec", "replicas")
    revisions = {number(each, "metadata", "annotations", _REVISION) or number(each, "revision") for each in kept}
    return TypedFields(
        kind=kind.kind,
        namespace=namespace if kind.namespaced else "",
        name=name,
        body=dict(body),
        containers=frozenset(text(each, "name") for each in now),
        images=frozenset(text(each, "image") for each in listed) - {""},
        keys=frozenset(keys) - {""},
        revisions=frozenset(revisions) - {0},
        replicas=replicas if isinstance(replicas, int) else None,
    )
