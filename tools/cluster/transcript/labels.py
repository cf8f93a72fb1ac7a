"""Gives a pod that only a table shows the labels of the template it was made from, where that was described."""

from __future__ import annotations

from collections.abc import Sequence

from copilot.model import Detail, children, mapping, text
from tools.cluster.transcript.facts import Seen

_Key = tuple[str, str, str]  # kind, namespace, name
_MOTHERS = ("ReplicaSet", "StatefulSet", "DaemonSet")


def with_labels(seen: Sequence[Seen]) -> list[Seen]:
    """The sightings; rows of pods carry the labels of their controller's template."""
    templates = {_key(fact): mapping(fact.body, "spec", "template", "metadata", "labels") for fact in seen if fact.body.get("kind") in _MOTHERS}  # fmt: skip
    return [_labelled(fact, templates) for fact in seen]


def _key(fact: Seen) -> _Key:
    return str(fact.body.get("kind")), text(fact.body, "metadata", "namespace"), text(fact.body, "metadata", "name")


def _labelled(fact: Seen, templates: dict[_Key, dict[str, object]]) -> Seen:
    metadata = fact.body.get("metadata")
    if fact.body.get("kind") != "Pod" or fact.detail is not Detail.ROW or not isinstance(metadata, dict):
        return fact
    if "labels" in metadata:
        return fact
    for owner in children(metadata, "ownerReferences"):
        labels = templates.get((text(owner, "kind"), text(metadata, "namespace"), text(owner, "name")))
        if labels:
            body = {**fact.body, "metadata": {**metadata, "labels": dict(labels)}}
            return Seen(body=body, line=fact.line, detail=fact.detail)
    return fact
