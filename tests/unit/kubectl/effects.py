"""Whether the bodies that a real kubectl sent say what the typed change says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from copilot.model import children, dig, mapping
from guardrails.operations import (
    Annotate,
    Cascade,
    ChangeIntent,
    Cordon,
    CreateJob,
    Delete,
    Drain,
    Evict,
    Label,
    Pause,
    Restart,
    Resume,
    Scale,
    SetEnv,
    SetImage,
    SetResources,
    Taint,
    Uncordon,
)


def says_the_same(intent: ChangeIntent, path: str, sent: Any) -> bool:
    """Compare one body. What kubectl leaves out because it is so already is no difference."""
    match intent:
        case Scale(replicas=replicas):
            return bool(dig(sent, "spec", "replicas") == replicas)
        case Cordon():
            return bool(sent == {"spec": {"unschedulable": True}})
        case Uncordon():
            return not dig(sent, "spec", "unschedulable")
        case Drain(grace_seconds=grace):
            own = sent == {"spec": {"unschedulable": True}} if path.count("/") == 4 else sent["kind"] == "Eviction"
            return own and (
                grace is None or path.count("/") == 4 or dig(sent, "deleteOptions", "gracePeriodSeconds") == grace
            )
        case Pause():
            return bool(sent == {"spec": {"paused": True}})
        case Resume():
            return not dig(sent, "spec", "paused")
        case Restart():
            return set(_leaf_keys(sent)) == {"kubectl.kubernetes.io/restartedAt"}
        case Label(marks=marks):
            return mapping(sent, "metadata", "labels").items() <= {mark.key: mark.value for mark in marks}.items()
        case Annotate(marks=marks):
            return mapping(sent, "metadata", "annotations").items() <= {mark.key: mark.value for mark in marks}.items()
        case SetImage(images=images):
            wanted = {each.container: each.image for each in images}
            return all(wanted[entry["name"]] == entry["image"] for entry in _containers(sent))
        case SetEnv(variables=variables):
            wanted = {each.name: each.value for each in variables if each.value is not None}
            entries = [one for entry in _containers(sent) for one in entry.get("env") or [] if "$patch" not in one]
            return all(one["name"] in wanted and wanted[one["name"]] == one.get("value", "") for one in entries)
        case SetResources(requests=requests, limits=limits):
            return all(
                set(mapping(entry, "resources", part)) <= {each.resource for each in amounts}
                for entry in _containers(sent)
                for part, amounts in (("requests", requests), ("limits", limits))
            )
        case Taint(add=add, remove=remove):
            taints = {(one["key"], one.get("value", ""), one["effect"]) for one in children(sent, "spec", "taints")}
            gone = {each.key for each in remove} - {each.key for each in add}
            return {(each.key, each.value, each.effect.value) for each in add} <= taints and not gone & {
                key for key, _, _ in taints
            }
        case CreateJob(job=job, target=target):
            return bool(
                dig(sent, "metadata", "name") == job
                and dig(sent, "metadata", "ownerReferences", 0, "name") == target.name
            )
        case Delete(cascade=cascade, grace_seconds=grace):
            policy = sent.get("propagationPolicy", Cascade.BACKGROUND.value)
            return bool(policy == cascade.value and sent.get("gracePeriodSeconds") == grace)
        case Evict(grace_seconds=grace):
            return bool(sent.get("gracePeriodSeconds") == grace)
        case _:
            return True


def _containers(sent: Any) -> list[dict[str, Any]]:
    template = dig(sent, "spec", "template") or dig(sent, "spec", "jobTemplate", "spec", "template")
    return [dict(one) for one in children(template, "spec", "containers")]


def _leaf_keys(value: Any) -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaf_keys(inner)
        else:
            yield key
