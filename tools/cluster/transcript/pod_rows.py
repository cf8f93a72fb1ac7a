"""Reads a pod's line in `kubectl get pods` back into status fields, as kubectl made them (printers.go, printPod)."""

from __future__ import annotations

import re
from typing import Any

from tools.cluster.transcript.facts import Ago
from tools.cluster.transcript.tables import Row
from tools.cluster.transcript.values import ago, count, ratio, without_nothing
from tools.cluster.transcript.wordlist import word_set

_RESTARTS = re.compile(r"(\d{1,9})(?: \((\S+) ago\))?$")
_INIT = re.compile(r"Init:(?:(\d+)/(\d+)|(.+))$")
_CODE = re.compile(r"(ExitCode|Signal):(\d{1,5})$")

# Reasons of a waiting container that keep the pod Pending: no container has started yet.
_NEVER_STARTED = frozenset(
    [
        "ContainerCreating",
        "PodInitializing",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
        "RegistryUnavailable",
        "CreateContainerConfigError",
        "SignatureValidationFailed",
    ]
)
# Reasons of a waiting container that has run before, or whose start failed.
_WAITING = _NEVER_STARTED | {
    "CrashLoopBackOff",
    "CreateContainerError",
    "RunContainerError",
    "PreCreateHookError",
    "PostStartHookError",
}
_TERMINATED = frozenset(
    [
        "Error",
        "Completed",
        "OOMKilled",
        "ContainerCannotRun",
        "StartError",
        "ContainerStatusUnknown",
        "DeadlineExceeded",
    ]
)
_POD_REASONS = word_set(
    """
    Evicted NodeLost NodeAffinity NodeShutdown Terminated Shutdown Preempting UnexpectedAdmissionError OutOfcpu
    OutOfmemory OutOfpods OutOfephemeral-storage TopologyAffinityError AppArmor SysctlForbidden PodLevelError
    HostPortConflict
    """
)
_PHASES = frozenset({"Pending", "Running", "Succeeded", "Failed", "Unknown"})


def pod_status(row: Row) -> dict[str, Any]:
    """`status` of a pod as far as its row shows it. Container names are not in a row and stay out."""
    word = row.get("STATUS")
    ready, total = ratio(row.get("READY")) or (0, 0)
    restarts, last = _restarts(row.get("RESTARTS"))
    status: dict[str, Any] = {"podIP": row.get("IP"), "nominatedNodeName": row.get("NOMINATED NODE")}
    status |= _pod_level(word, ready, restarts)
    status |= _containers(word, ready, total, restarts, last)
    if total and word not in ("Completed", "Succeeded", "Pending", "SchedulingGated"):
        state = "True" if ready == total and word == "Running" else "False"
        status["conditions"] = [{"type": "Ready", "status": state}]
    if word == "SchedulingGated":
        status["conditions"] = [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]
    return without_nothing(status)


def pod_metadata(row: Row) -> dict[str, Any]:
    """Metadata that only the STATUS column tells: `Terminating` means a deletion time, which the row does not say."""
    return {"deletionTimestamp": Ago(0.0)} if row.get("STATUS") == "Terminating" else {}


def _restarts(text: str) -> tuple[int, Ago | None]:
    match = _RESTARTS.match(text)
    return (int(match[1]), ago(match[2] or "")) if match else (count(text.split(" ", maxsplit=1)[0], 0) or 0, None)


def _pod_level(word: str, ready: int, restarts: int) -> dict[str, Any]:
    if word in _PHASES:
        return {"phase": word}
    if word in ("Terminating", "NotReady"):
        return {"phase": "Running"} if ready or word == "NotReady" else {}
    if word in _NEVER_STARTED or word.startswith("Init:") or word == "SchedulingGated":
        return {"phase": "Running" if ready else "Pending"}
    if word == "CrashLoopBackOff" or (restarts and word in _WAITING):
        return {"phase": "Running"}
    if word in _WAITING:
        return {"phase": "Running" if ready else "Pending"}
    if word in _POD_REASONS:
        return {"phase": "Failed", "reason": word}
    if word == "DeadlineExceeded":
        return {"phase": "Failed", "reason": word}
    if word == "Completed":
        return {"phase": "Succeeded"} if not restarts and not ready else {"phase": "Running"}
    # Error, OOMKilled …: a pod that restarts its containers is Running, one that does not is Failed.
    return {"phase": "Running"} if restarts or ready else {}


def _containers(word: str, ready: int, total: int, restarts: int, last: Ago | None) -> dict[str, Any]:
    if not 0 < total <= 100:
        return {}
    init = _INIT.match(word)
    if init is not None:
        return {"initContainerStatuses": _init(init, restarts, last)}
    statuses: list[dict[str, Any]] = []
    for index in range(total):
        entry: dict[str, Any] = {"ready": index < ready, "restartCount": 0}
        if index < ready:
            entry["state"] = {"running": {}}
        statuses.append(entry)
    troubled = statuses[ready] if ready < total else statuses[-1]
    troubled["restartCount"] = restarts
    state = _state(word)
    if state and ready < total:
        for entry in statuses[ready:]:
            entry["state"] = dict(state)
    elif word == "Running" and ready < total:
        troubled["state"] = {"running": {}}
    if last is not None:
        troubled["lastState"] = {"terminated": {"finishedAt": last}}
    return {"containerStatuses": statuses} if state or word in ("Running", "NotReady", "Terminating") else {}


def _init(match: re.Match[str], restarts: int, last: Ago | None) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {"ready": False, "restartCount": restarts}
    if last is not None:
        entry["lastState"] = {"terminated": {"finishedAt": last}}
    if match[3]:
        entry["state"] = _state(match[3]) or {"waiting": {"reason": match[3]}}
        return [entry]
    done, total = int(match[1][:3]), min(int(match[2][:3]), 100)
    finished = [{"ready": True, "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}] * min(done, total)
    return [dict(item) for item in finished] + ([entry] if done < total else [])


def _state(word: str) -> dict[str, Any]:
    code = _CODE.match(word)
    if code:
        return {"terminated": {"exitCode" if code[1] == "ExitCode" else "signal": int(code[2])}}
    if word in _TERMINATED:
        found: dict[str, Any] = {"reason": word}
        if word == "Completed":
            found["exitCode"] = 0
        return {"terminated": found}
    if word in _WAITING or (
        word and word not in _PHASES | _POD_REASONS | {"Terminating", "NotReady", "SchedulingGated"}
    ):
        return {"waiting": {"reason": word}}
    return {}
