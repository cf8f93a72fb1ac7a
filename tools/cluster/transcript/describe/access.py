"""Reads described ServiceAccounts, roles and role bindings."""

from __future__ import annotations

import re
from typing import Any

from tools.cluster.transcript.describe.lexer import Entry, table_of
from tools.cluster.transcript.values import without_nothing, words

_LIST = re.compile(r"\[([^\]]*)\]")


def service_account(root: Entry) -> dict[str, Any]:
    """A ServiceAccount: names that are said not to exist are kept, as the object still holds them."""
    return {
        "imagePullSecrets": _names(root.get("Image pull secrets")),
        "secrets": _names(root.get("Mountable secrets")),
    }


def _names(entry: Entry | None) -> list[dict[str, Any]]:
    lines = entry.lines() if entry is not None else ()
    return [{"name": line.partition(" (not found)")[0].strip()} for line in lines if line.strip()]


def role(root: Entry) -> dict[str, Any]:
    """A Role's or ClusterRole's rules, one a row."""
    entry = root.get("PolicyRule")
    rules = []
    for line in entry.raw[2:] if entry is not None else ():
        lists = [match.split() for match in _LIST.findall(line)]
        if len(lists) != 3:
            continue
        resources, groups = _resources(line.partition("[")[0].strip())
        urls, names, verbs = lists
        rules.append(
            {"apiGroups": groups, "verbs": verbs}
            | without_nothing({"resources": resources, "nonResourceURLs": urls, "resourceNames": names})
            if resources
            else {"nonResourceURLs": urls, "verbs": verbs}
        )
    return {"rules": rules}


def _resources(text: str) -> tuple[list[str], list[str]]:
    """`deployments.apps/scale` as resource and group; a subresource stands before the group or after it."""
    resources, groups = [], []
    for part in words(text):
        head, _, tail = part.partition(".")
        group, slash, sub = tail.partition("/")
        resources.append(f"{head}{slash}{sub}" if slash else head)
        groups.append(group)
    return resources, sorted(set(groups))


_RBAC_GROUP = "rbac.authorization.k8s.io"


def binding(root: Entry) -> dict[str, Any]:
    """A RoleBinding's or ClusterRoleBinding's role and subjects."""
    entry, subjects = root.get("Role"), root.get("Subjects")
    role_ref: dict[str, Any] = {}
    if entry is not None:
        role_ref = {"apiGroup": _RBAC_GROUP, "kind": entry.word("Kind"), "name": entry.word("Name")}
    found = []
    for row in table_of(subjects) if subjects is not None else ():
        kind = row.get("Kind", "")
        found.append(
            without_nothing(
                {
                    "kind": kind,
                    "name": row.get("Name", ""),
                    "namespace": row.get("Namespace", ""),
                    "apiGroup": _RBAC_GROUP if kind in ("User", "Group") else "",
                }
            )
        )
    return {"roleRef": role_ref, "subjects": found}
