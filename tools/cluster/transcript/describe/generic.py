"""Inverts kubectl's generic describer, which prints any object with capitalised words for field names."""

from __future__ import annotations

import re
from typing import Any

from tools.cluster.transcript.describe.lexer import Entry
from tools.cluster.transcript.wordlist import word_set

_ACRONYMS = frozenset({"API", "URL", "UID", "OSB", "GUID"})
_LETTERS = re.compile(r"[A-Za-z -]+$")
_PLURAL = re.compile(r"^[a-z]+[^s\WA-Z]s(?=[A-Z])|[^s]s$")  # `flavorsUsage`, `podSets`
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,15})$")
_SKIPPED = frozenset({"Name", "Namespace", "Labels", "Annotations", "Events"})

# Fields that hold a list wherever Kubernetes and its common extensions use them. One item prints like a mapping does.
_LISTS = word_set(
    """
    conditions containers initContainers ephemeralContainers containerStatuses ownerReferences finalizers ports
    rules env envFrom volumes volumeMounts tolerations items subjects webhooks versions addresses podSets
    resourceGroups drivers taints args command imagePullSecrets matchExpressions topologyKeys endpoints devices
    coveredResources flavors podSetAssignments admissionChecks parentRefs backendRefs hostnames listeners filters
    matches ingress managedFields operations apiGroups apiVersions resources verbs accessModes workerGroupSpecs
    replicatedJobs replicatedJobsStatus volumeClaimTemplates shortNames categories additionalPrinterColumns
    storedVersions requests allocationResults results volumeLifecycleModes tokenRequests paramRefs validations
    auditAnnotations dnsNames ipAddresses routes http triggers endpointsList policies targets dependsOn images
    resourceRules from to
    """
)
# Fields that are mappings although their name is in the plural or among the lists above in other objects.
_MAPPINGS = word_set(
    """
    limits requests labels annotations matchLabels nodeSelector capacity allocatable parameters data attributes
    resourceUsage nodeLabels status selector used hard
    """
)
_TEXT_FIELDS = frozenset(
    {"resourceVersion", "uid", "name", "namespace", "group", "kind", "apiVersion", "reason", "message"}
)
# Mappings whose values are quantities or label values: `8` is text there.
_TEXT_MAPPINGS = frozenset(
    [
        "limits",
        "requests",
        "capacity",
        "allocatable",
        "used",
        "hard",
        "resourceUsage",
        "labels",
        "annotations",
        "matchLabels",
        "nodeSelector",
        "parameters",
    ]
)


def field_name(label: str) -> str:
    """`Creation Timestamp` as `creationTimestamp`, `API Version` as `apiVersion`; a map key such as `nvidia.com/gpu` as it is."""
    if not _LETTERS.match(label):
        return label
    if " - " in label:
        return label.replace(" - ", "-").lower()
    words = label.split(" ")
    first = words[0]
    first = (
        first.lower()
        if first in _ACRONYMS
        else (first if first.isupper() and len(first) > 1 else first[:1].lower() + first[1:])
    )
    return first + "".join(words[1:])


def unstructured(root: Entry) -> dict[str, Any]:
    """The whole object below the common head."""
    body: dict[str, Any] = {}
    for entry in root.children:
        if entry.key and entry.key not in _SKIPPED:
            name = field_name(entry.key)
            body[name] = _value(entry, name)
    return body


def _value(entry: Entry, name: str) -> Any:
    if entry.children and not entry.value:
        return _children(entry, name)
    if entry.children:
        return "\n".join([entry.value, *(child.text for child in entry.descendants())])
    if not entry.value:
        if name == "apiGroups":
            return [""]  # the core group prints as an empty line
        if name in _TEXT_FIELDS:
            return ""
        return [] if name in _LISTS else ({} if entry.text.endswith(":") else "")
    return scalar(entry.value, name)


def scalar(text: str, name: str = "") -> Any:
    """Go's `%v` of a JSON scalar: numbers and booleans by their look, text for fields that are text everywhere."""
    if text == "<nil>":
        return None
    if name in _TEXT_FIELDS:
        return text
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _NUMBER.match(text) else text


def _children(entry: Entry, name: str) -> Any:
    keyed = [child for child in entry.children if child.key and (child.value == "" or _spaced(child))]
    if len(keyed) < len(entry.children):
        return [scalar(child.text) for child in entry.children]
    if name in _TEXT_MAPPINGS and not any(child.children for child in keyed):
        return {field_name(child.key): child.value for child in keyed}
    groups = _items(keyed)
    if len(groups) > 1 or _is_list(name, groups[0]):
        return groups
    return groups[0]


def _spaced(child: Entry) -> bool:
    """Kubectl puts two blanks at least between `key:` and its value; a plain string with a colon has one."""
    return child.text[len(child.key) + 1 : len(child.key) + 3] == "  "


def _items(entries: list[Entry]) -> list[dict[str, Any]]:
    """Keys are printed sorted, so a key that does not come after the one before it begins the next item of a list."""
    groups: list[dict[str, Any]] = []
    before = None
    for entry in entries:
        name = field_name(entry.key)
        if before is None or name <= before:
            groups.append({})
        groups[-1][name] = _value(entry, name)
        before = name
    return groups


def _is_list(name: str, only: dict[str, Any]) -> bool:
    if name in _MAPPINGS and not only.keys() & {"name", "kind"}:
        return False
    if any(not key.isalnum() for key in only):  # `nvidia.com/gpu` is a key of a map, never a field's name
        return False
    if name == "resources":
        return not only.keys() <= {"limits", "requests", "claims"}
    return name in _LISTS or ("name" in only and _PLURAL.search(name) is not None)
