"""Reads a workload's body as the rules need it. Whatever is missing or of a wrong type reads as the API's default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from copilot.model import children, dig, mapping, number, text


class WorkloadState(msgspec.Struct, frozen=True):
    """What the object says about its own pods.

    `at_once` is how many pods a restart may take away at the same time.
    """

    replicas: int
    ready: int
    at_once: int
    one_at_a_time: bool
    paused: bool = False
    on_delete: bool = False
    recreate: bool = False
    partition: int = 0
    deleting: bool = False
    deletes_claims: bool = False


_REPLICATED = frozenset({"Deployment", "StatefulSet", "ReplicaSet"})


def workload_state(kind: str, body: Mapping[str, Any]) -> WorkloadState:
    """Read one object. A DaemonSet's replicas are the nodes that it wants a pod on, a Job's those that run now.

    A pod is its own single replica. What has no pods of its own has none here.
    """
    spec, status = mapping(body, "spec"), mapping(body, "status")
    deleting = bool(text(body, "metadata", "deletionTimestamp"))
    if kind not in _REPLICATED and kind != "DaemonSet":
        pods = 1 if kind == "Pod" else number(status, "active") if kind == "Job" else 0
        ready = int(is_ready(body)) if kind == "Pod" else number(status, "ready") if kind == "Job" else 0
        return WorkloadState(pods, ready, pods, one_at_a_time=False, deleting=deleting)
    if kind == "DaemonSet":
        wanted = number(status, "desiredNumberScheduled")
        ready = number(status, "numberAvailable")
        at_once = _daemon_at_once(spec, wanted)
        on_delete = text(spec, "updateStrategy", "type") == "OnDelete"
        return WorkloadState(wanted, ready, at_once, at_once <= 1, on_delete=on_delete, deleting=deleting)
    replicas = number(spec, "replicas", default=1)
    ready = number(status, "readyReplicas") if kind == "StatefulSet" else number(status, "availableReplicas")
    if kind == "StatefulSet":
        rolling = mapping(spec, "updateStrategy", "rollingUpdate")
        most = max(1, _amount(dig(rolling, "maxUnavailable"), replicas, default=1, round_up=True))
        return WorkloadState(
            replicas=replicas,
            ready=ready,
            at_once=min(replicas, most),
            one_at_a_time=most == 1,
            on_delete=text(spec, "updateStrategy", "type") == "OnDelete",
            partition=number(rolling, "partition"),
            deleting=deleting,
            deletes_claims=text(spec, "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete",
        )
    recreate = text(spec, "strategy", "type") == "Recreate"
    at_once = replicas if recreate else _rolling_at_once(spec, replicas)
    paused = dig(spec, "paused") is True
    return WorkloadState(replicas, ready, at_once, False, paused=paused, recreate=recreate, deleting=deleting)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod takes traffic."""
    return not text(pod, "metadata", "deletionTimestamp") and any(
        text(condition, "type") == "Ready" and text(condition, "status") == "True"
        for condition in children(pod, "status", "conditions")
    )


def _rolling_at_once(spec: Mapping[str, Any], replicas: int) -> int:
    """Resolve maxUnavailable as the deployment controller does (deployment/util.ResolveFenceposts)."""
    rolling = mapping(spec, "strategy", "rollingUpdate")
    unavailable = _amount(dig(rolling, "maxUnavailable"), replicas, default="25%", round_up=False)
    surge = _amount(dig(rolling, "maxSurge"), replicas, default="25%", round_up=True)
    if unavailable == 0 and surge == 0:
        unavailable = 1
    return min(replicas, unavailable)


def _daemon_at_once(spec: Mapping[str, Any], wanted: int) -> int:
    rolling = mapping(spec, "updateStrategy", "rollingUpdate")
    surge = _amount(dig(rolling, "maxSurge"), wanted, default=0, round_up=True)
    most = _amount(dig(rolling, "maxUnavailable"), wanted, default=0 if surge else 1, round_up=True)
    return min(wanted, most if surge else max(1, most))


def _amount(value: Any, of: int, *, default: int | str, round_up: bool) -> int:
    """An IntOrString: a count, or a share in percent."""
    given = default if not isinstance(value, (int, str)) or isinstance(value, bool) else value
    if isinstance(given, str):
        digits = given.removesuffix("%")
        if not (given.endswith("%") and digits.isascii() and digits.isdigit() and len(digits) <= 4):
            return _amount(None, of, default=default, round_up=round_up) if given != default else 0
        share = int(digits) * of
        return -(-share // 100) if round_up else share // 100
    return max(0, given)
