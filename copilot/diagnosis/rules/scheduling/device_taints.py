"""Taints of devices: those a driver publishes with them, and those that a person puts on them by rule. Pure reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from copilot.diagnosis.rules.scheduling.cel import Device
from copilot.diagnosis.view import View
from copilot.model import Ref, children, mapping, text

GROUP = "resource.k8s.io"
_KEEPS_OFF = ("NoSchedule", "NoExecute")


def taints_on(view: View, device: Device) -> Iterator[tuple[Mapping[str, Any], Ref | None]]:
    """The taints that keep claims off a device: the driver's own, and those of taint rules with the rule."""
    body = mapping(device.body, "basic") or device.body
    for taint in children(body, "taints"):
        if text(taint, "effect") in _KEEPS_OFF:
            yield taint, None
    for rule in view.graph.of_kind("DeviceTaintRule", group=GROUP):
        chosen, taint = mapping(rule.spec, "deviceSelector"), mapping(rule.spec, "taint")
        asked = ((text(chosen, key), value) for key, value in (("driver", device.driver), ("pool", device.pool), ("device", device.name)))  # fmt: skip
        if all(not wanted or wanted == value for wanted, value in asked) and text(taint, "effect") in _KEEPS_OFF:
            yield taint, rule.ref


def tolerates(tolerations: Sequence[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    """Whether one of the request's tolerations covers the taint."""
    for entry in tolerations:
        key, effect = text(entry, "key"), text(entry, "effect")
        same = text(entry, "operator") == "Exists" or text(entry, "value") == text(taint, "value")
        if (not key or key == text(taint, "key")) and (not effect or effect == text(taint, "effect")) and same:
            return True
    return False
