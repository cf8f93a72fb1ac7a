"""Adds owner references that the text proves: an event that says who created whom, a template hash, a parent that was seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from copilot.model import Detail, children, text
from tools.cluster.transcript.facts import Owned, Seen
from tools.cluster.transcript.kinds import by_kind

_HASH = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{1,10}$")  # the alphabet of apimachinery's rand.SafeEncodeString
_SUFFIX = re.compile(r"[bcdfghjklmnpqrstvwxz2456789]{5}$")  # generateName's suffix


def with_owners(seen: Sequence[Seen], proofs: Sequence[Owned]) -> list[Seen]:
    """The sightings, with an owner reference where the object shows none and the text proves one."""
    proven = {(proof.kind, proof.namespace, proof.name): (proof.owner_kind, proof.owner) for proof in proofs}
    names = {
        (str(fact.body.get("kind")), text(fact.body, "metadata", "namespace"), text(fact.body, "metadata", "name"))
        for fact in seen
    }
    owned = [_with_owner(fact, proven, names) for fact in seen]
    return owned + list(_replica_sets_between(owned, proven, names))


def _replica_sets_between(
    seen: Sequence[Seen], proven: dict[tuple[str, str, str], tuple[str, str]], names: set[tuple[str, str, str]]
) -> Iterator[Seen]:
    """ReplicaSets that no output listed, but that own a pod shown and whose Deployment an event names: the link between."""
    added: set[tuple[str, str, str]] = set()
    for fact in seen:
        namespace = text(fact.body, "metadata", "namespace")
        for owner in children(fact.body, "metadata", "ownerReferences"):
            key = ("ReplicaSet", namespace, text(owner, "name"))
            if (
                fact.body.get("kind") == "Pod"
                and owner.get("kind") == "ReplicaSet"
                and key in proven
                and key not in names
                and key not in added
            ):
                added.add(key)
                metadata = {"name": key[2], "namespace": namespace, "ownerReferences": [_reference(proven[key])]}
                body = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata}
                yield Seen(body=body, line=fact.line, detail=Detail.ROW)


def _reference(owner: tuple[str, str]) -> dict[str, Any]:
    return {"apiVersion": by_kind(owner[0]).api_version, "kind": owner[0], "name": owner[1], "controller": True}


def _with_owner(
    fact: Seen, proven: dict[tuple[str, str, str], tuple[str, str]], names: set[tuple[str, str, str]]
) -> Seen:
    metadata = fact.body.get("metadata")
    if fact.detail is Detail.FULL or not isinstance(metadata, dict) or metadata.get("ownerReferences"):
        return fact
    kind, namespace, name = str(fact.body.get("kind")), text(metadata, "namespace"), text(metadata, "name")
    owner = proven.get((kind, namespace, name)) or _by_name(kind, namespace, name, _hash_of(fact.body), names)
    if owner is None:
        return fact
    body = {**fact.body, "metadata": {**metadata, "ownerReferences": [_reference(owner)]}}
    return Seen(body=body, line=fact.line, detail=fact.detail)


def _hash_of(body: dict[str, Any]) -> str:
    for path in (("metadata", "labels"), ("spec", "selector", "matchLabels")):
        found = text(body, *path, "pod-template-hash")
        if found:
            return found
    return ""


def _by_name(
    kind: str, namespace: str, name: str, template_hash: str, names: set[tuple[str, str, str]]
) -> tuple[str, str] | None:
    parent, _, suffix = name.rpartition("-")
    if not parent:
        return None
    if kind == "ReplicaSet" and _HASH.match(suffix):
        proven = template_hash == suffix or ("Deployment", namespace, parent) in names
        return ("Deployment", parent) if proven else None
    if kind == "Pod":
        if _SUFFIX.match(suffix):
            for owner in ("ReplicaSet", "DaemonSet", "Job"):
                if (owner, namespace, parent) in names:
                    return owner, parent
        if suffix.isdigit() and ("StatefulSet", namespace, parent) in names:
            return "StatefulSet", parent
    return None
