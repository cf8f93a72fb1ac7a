"""What every described object shares: name, labels, annotations, owner, conditions, tolerations."""

from __future__ import annotations

import re
from typing import Any

from tools.cluster.transcript.describe.lexer import Entry, table_of
from tools.cluster.transcript.kinds import KindInfo, by_kind
from tools.cluster.transcript.values import count, label_map, present, when, without_nothing, words

_INDENT_KEY = re.compile(r"([^\s:][^\s]*?):(?: (.*))?$")
_TERMINATING = re.compile(r"Terminating \(lasts (\S+)\)")


def labels_of(entry: Entry | None) -> dict[str, str]:
    """`Labels:` with one `key=value` a line."""
    found: dict[str, str] = {}
    for line in entry.lines() if entry is not None else ():
        key, equals, value = line.partition("=")
        if equals and key and " " not in key:
            found[key] = value
    return found


def annotations_of(entry: Entry | None) -> dict[str, str]:
    """`Annotations:` with one `key: value` a line; a long or many-line value stands deeper, cut to 138 characters."""
    if entry is None or entry.value in ("", "<none>"):
        return {}
    column = entry.indent + entry.text.index(entry.value, len(entry.key) + 1)
    found: dict[str, str] = {}
    key = ""
    for indent, line in [(column, entry.value), *((child.indent, child.text) for child in entry.descendants())]:
        match = _INDENT_KEY.match(line) if indent <= column else None
        if match:
            key = match[1]
            found[key] = match[2] or ""
        elif key:
            found[key] = f"{found[key]}\n{line}" if found[key] else line
        elif "=" in line:
            found |= label_map(line)
    return found


def metadata_of(root: Entry, kind: KindInfo, namespace: str) -> dict[str, Any]:
    """`metadata` as far as the common head of `describe` shows it."""
    metadata: dict[str, Any] = {
        "name": root.word("Name"),
        "namespace": (root.word("Namespace") or namespace) if kind.namespaced else "",
        "labels": labels_of(root.get("Labels")),
        "annotations": annotations_of(root.get("Annotations")),
        "creationTimestamp": when(root.word("CreationTimestamp", "Created on")),
        "finalizers": words(root.word("Finalizers").strip("[]"), " "),
    }
    owner = owner_of(root.word("Controlled By"))
    if owner:
        metadata["ownerReferences"] = [owner]
    match = _TERMINATING.match(root.word("Status"))
    if match:
        metadata["deletionTimestamp"] = when(match[1]) or ""
    return without_nothing(metadata)


def owner_of(text: str) -> dict[str, Any]:
    """`ReplicaSet/web-7d9` as the controlling owner reference."""
    kind, slash, name = present(text).partition("/")
    if not slash or not name:
        return {}
    return {"apiVersion": by_kind(kind).api_version, "kind": kind, "name": name, "controller": True}


_CONDITION_FIELDS = {
    "Type": "type",
    "Status": "status",
    "Reason": "reason",
    "Message": "message",
    "LastHeartbeatTime": "lastHeartbeatTime",
    "LastTransitionTime": "lastTransitionTime",
    "LastProbeTime": "lastProbeTime",
}


def conditions_of(entry: Entry | None) -> list[dict[str, Any]]:
    """A `Conditions:` table as `status.conditions`."""
    if entry is None:
        return []
    found = []
    for row in table_of(entry):
        condition: dict[str, Any] = {}
        for header, field in _CONDITION_FIELDS.items():
            value = row.get(header, "")
            condition[field] = when(value) if field.startswith("last") else value
        condition = without_nothing(condition)
        if condition.get("type") and condition.get("status"):
            found.append(condition)
    return found


_TOLERATION = re.compile(
    r"(?P<key>[^=:\s]*)(?:=(?P<value>[^:\s]*))?(?::(?P<effect>\w+))?(?:\s*op=(?P<op>\w+))?(?: for (?P<for>-?\d+)s)?$"
)


def tolerations_of(entry: Entry | None) -> list[dict[str, Any]]:
    """`Tolerations:` with one a line, `key=value:Effect op=Exists for 300s`."""
    found = []
    for line in entry.lines() if entry is not None else ():
        match = _TOLERATION.match(line)
        if match is None:
            continue
        operator = match["op"] or ("Equal" if match["value"] else "")
        found.append(
            without_nothing(
                {
                    "key": match["key"],
                    "operator": operator,
                    "value": match["value"],
                    "effect": match["effect"],
                    "tolerationSeconds": count(match["for"] or ""),
                }
            )
        )
    return found


def taints_of(entry: Entry | None) -> list[dict[str, Any]]:
    """`Taints:` with one a line, `key=value:Effect`."""
    found = []
    for line in entry.lines() if entry is not None else ():
        key_value, colon, effect = line.rpartition(":")
        key, _, value = key_value.partition("=")
        if colon and effect.isalpha():
            found.append(without_nothing({"key": key, "value": value, "effect": effect}))
    return found


def quantities_of(entry: Entry | None) -> dict[str, str]:
    """The `name:  quantity` lines under an entry."""
    return (
        {child.key: child.value for child in entry.children if child.key and child.value} if entry is not None else {}
    )
