"""Gives a pod that only a table shows what its controller's described template says: labels, containers, settings.

Promise: only where the table's READY column counts as many containers as the template, else something was added to them;
and settings only where the revision is known: a pod of a StatefulSet or DaemonSet may be older than the template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from copilot.model import Detail, children, mapping, text
from tools.cluster.transcript.facts import Seen

_Key = tuple[str, str, str]  # kind, namespace, name
_MOTHERS = ("ReplicaSet", "StatefulSet", "DaemonSet")
_Body = Mapping[str, Any]


def with_templates(seen: Sequence[Seen]) -> list[Seen]:
    """The sightings; rows of pods carry what they were made from."""
    templates = {
        _key(fact): mapping(fact.body, "spec", "template")
        for fact in seen
        if fact.body.get("kind") in _MOTHERS and any(children(fact.body, "spec", "template", "spec", "containers"))
    }
    return [_made(fact, templates) for fact in seen]


def _key(fact: Seen) -> _Key:
    return str(fact.body.get("kind")), text(fact.body, "metadata", "namespace"), text(fact.body, "metadata", "name")


def _made(fact: Seen, templates: dict[_Key, _Body]) -> Seen:
    metadata = fact.body.get("metadata")
    if fact.body.get("kind") != "Pod" or fact.detail is not Detail.ROW or not isinstance(metadata, dict):
        return fact
    for owner in children(metadata, "ownerReferences"):
        template = templates.get((text(owner, "kind"), text(metadata, "namespace"), text(owner, "name")))
        if template is not None:
            body = _filled(fact.body, template, settings=text(owner, "kind") == "ReplicaSet")
            return Seen(body=body, line=fact.line, detail=fact.detail)
    return fact


def _filled(body: _Body, template: _Body, *, settings: bool) -> dict[str, Any]:
    """The row's pod with the template under it; what the row shows stays."""
    labels = mapping(template, "metadata", "labels")
    metadata = {"labels": dict(labels), **body["metadata"]} if labels else body["metadata"]
    spec, containers = mapping(template, "spec"), list(children(template, "spec", "containers"))
    statuses = list(children(body, "status", "containerStatuses"))
    if statuses and len(statuses) != len(containers):
        return {**body, "metadata": metadata}
    filled = {**body, "metadata": metadata}
    if settings:
        filled["spec"] = {**spec, **mapping(body, "spec")}
    if len(statuses) == 1:  # of several the row does not tell which is which
        named = {"name": text(containers[0], "name"), **statuses[0]}
        filled["status"] = {**mapping(body, "status"), "containerStatuses": [named]}
    return filled
