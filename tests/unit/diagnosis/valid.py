"""Gives a described object the form that the API server demands of its kind: fields left out, times in its precision.

Promise: what was described keeps its meaning, and what is added says nothing of any failure.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from typing import Any

Body = dict[str, Any]
_CONTAINER: Body = {"name": "main", "image": "registry.example/app:1"}
_LEASE_TIMES = ("renewTime", "acquireTime")
_REGISTRY_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_BEFORE = {"Failed": "FailureTarget", "Complete": "SuccessCriteriaMet"}  # what a Job's end is announced by


def completed(body: Body) -> Body:
    """The object with the fields that its kind needs."""
    body = copy.deepcopy(body)
    match body.get("kind"):
        case "Job":
            _batch(body["spec"])
            _ended(body)
        case "CronJob":
            _batch(body["spec"].setdefault("jobTemplate", {}).setdefault("spec", {}))
        case "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet":
            _controller(body)
            _extended(body["spec"]["template"]["spec"])
        case "Pod":
            _extended(body.get("spec", {}))
            body.get("status", {}).pop("qosClass", None)  # the server tells it
        case "Secret" if body.get("type") in _REGISTRY_KEYS and body.keys() & {"dataKeys"}:
            del body["dataKeys"]
            body["stringData"] = {_REGISTRY_KEYS[body["type"]]: "{}"}
        case "Lease":
            for name in _LEASE_TIMES:
                if re.fullmatch(r"[^.]*\dZ", str(body["spec"].get(name))):
                    body["spec"][name] = body["spec"][name].replace("Z", ".000000Z")
        case "Ingress":
            for rule in body.get("spec", {}).get("rules", []):
                for path in rule.get("http", {}).get("paths", []):
                    path.setdefault("pathType", "Prefix")
                    path.setdefault("path", "/")
        case "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration":
            for hook in body.get("webhooks", []):
                hook.setdefault("sideEffects", "None")
                hook.setdefault("admissionReviewVersions", ["v1"])
    return body


def _batch(spec: Body) -> None:
    pod = spec.setdefault("template", {}).setdefault("spec", {})
    pod.setdefault("containers", [dict(_CONTAINER)])
    pod.setdefault("restartPolicy", "Never")
    _extended(pod)


def _extended(pod: Body) -> None:
    """Devices cannot be promised twice: who asks for them has them as a limit too."""
    for container in [*pod.get("containers", []), *pod.get("initContainers", [])]:
        asked = container.get("resources", {}).get("requests", {})
        for name, amount in asked.items():
            if "/" in name:
                container["resources"].setdefault("limits", {}).setdefault(name, amount)


def named_fully(bodies: Sequence[Body]) -> list[Body]:
    """The objects with every webhook's name in three parts, wherever it is cited."""
    text = json.dumps(list(bodies), ensure_ascii=False)
    hooks = [hook["name"] for body in bodies if body["kind"] in _WEBHOOKS for hook in body.get("webhooks", [])]
    for name in dict.fromkeys(name for name in hooks if name.count(".") < 2):
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", f"{name}.webhook.io", text)
    found: list[Body] = json.loads(text)
    return found


def _ended(job: Body) -> None:
    """A Job that is over has a beginning, and the announcement of its end."""
    status = job.get("status", {})
    born = job["metadata"].get("creationTimestamp")
    for condition in list(status.get("conditions", [])):
        before = _BEFORE.get(condition.get("type", ""))
        if before is None or condition.get("status") != "True":
            continue
        status.setdefault("startTime", born)
        if before == "SuccessCriteriaMet":
            status.setdefault("completionTime", condition.get("lastTransitionTime", born))
        if not any(one.get("type") == before for one in status["conditions"]):
            status["conditions"].insert(0, {**condition, "type": before})


def _controller(body: Body) -> None:
    if body["kind"] != "Deployment":
        body.get("status", {}).pop("unavailableReplicas", None)  # only a Deployment counts them
    spec = body.setdefault("spec", {})
    template = spec.setdefault("template", {})
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    selector = spec.setdefault("selector", {})
    if not selector:
        selector["matchLabels"] = dict(labels) or {"app": body["metadata"]["name"]}
    for key, value in selector.get("matchLabels", {}).items():
        labels.setdefault(key, value)
    template.setdefault("spec", {}).setdefault("containers", [dict(_CONTAINER)])
