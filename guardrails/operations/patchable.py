"""The fields that a patch may name, kind by kind. Everything that is not here has its own operation or is never changed.

A `*` stands for one key or position. Fields that widen what a pod may do (security contexts, volumes, host settings,
service accounts, commands), finalizers, owners and selectors of workloads are left out on purpose.
"""

from __future__ import annotations

from guardrails.operations.edits import steps_of

_PROBES = tuple(
    f"/spec/template/spec/containers/*/{probe}/{field}"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe")
    for field in ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold")
)
_TEMPLATE = (
    *_PROBES,
    "/spec/template/spec/containers/*/imagePullPolicy",
    "/spec/template/spec/terminationGracePeriodSeconds",
    "/spec/template/spec/nodeSelector/*",
    "/spec/minReadySeconds",
    "/spec/revisionHistoryLimit",
)
_ROLLING_UPDATE = "/spec/updateStrategy/rollingUpdate"
_PATCHABLE: dict[str, tuple[str, ...]] = {
    "Deployment": (
        *_TEMPLATE,
        "/spec/progressDeadlineSeconds",
        "/spec/strategy/rollingUpdate/maxSurge",
        "/spec/strategy/rollingUpdate/maxUnavailable",
    ),
    "StatefulSet": (*_TEMPLATE, f"{_ROLLING_UPDATE}/partition", f"{_ROLLING_UPDATE}/maxUnavailable"),
    "DaemonSet": (*_TEMPLATE, f"{_ROLLING_UPDATE}/maxSurge", f"{_ROLLING_UPDATE}/maxUnavailable"),
    "Job": ("/spec/parallelism", "/spec/backoffLimit", "/spec/activeDeadlineSeconds", "/spec/ttlSecondsAfterFinished"),
    "CronJob": (
        "/spec/schedule",
        "/spec/timeZone",
        "/spec/concurrencyPolicy",
        "/spec/startingDeadlineSeconds",
        "/spec/successfulJobsHistoryLimit",
        "/spec/failedJobsHistoryLimit",
        "/spec/jobTemplate/spec/backoffLimit",
        "/spec/jobTemplate/spec/activeDeadlineSeconds",
        "/spec/jobTemplate/spec/ttlSecondsAfterFinished",
    ),
    "HorizontalPodAutoscaler": (
        "/spec/minReplicas",
        "/spec/maxReplicas",
        "/spec/metrics/*/resource/target/averageUtilization",
        "/spec/metrics/*/resource/target/averageValue",
        "/spec/behavior/scaleDown/stabilizationWindowSeconds",
        "/spec/behavior/scaleUp/stabilizationWindowSeconds",
    ),
    "ConfigMap": ("/data/*",),
    "Service": ("/spec/selector/*", "/spec/ports/*/port", "/spec/ports/*/targetPort", "/spec/sessionAffinity"),
    "Ingress": (
        "/spec/rules/*/host",
        "/spec/rules/*/http/paths/*/path",
        "/spec/rules/*/http/paths/*/backend/service/name",
        "/spec/rules/*/http/paths/*/backend/service/port/number",
        "/spec/rules/*/http/paths/*/backend/service/port/name",
    ),
    "PodDisruptionBudget": ("/spec/minAvailable", "/spec/maxUnavailable"),
    "ResourceQuota": ("/spec/hard/*",),
    "PersistentVolumeClaim": ("/spec/resources/requests/storage",),
}

_TEXT = (
    "/data/*",
    "/spec/template/spec/nodeSelector/*",
    "/spec/selector/*",
    "/spec/hard/*",
    "/spec/schedule",
    "/spec/timeZone",
)


def patchable(kind: str) -> tuple[str, ...]:
    """The patterns of the fields that a patch of this kind may name."""
    return _PATCHABLE.get(kind, ())


def may_patch(kind: str, pointer: str) -> bool:
    """Tell whether a patch of this kind may name this field."""
    return any(covers(pattern, pointer) for pattern in patchable(kind))


def covers(pattern: str, pointer: str) -> bool:
    """Tell whether a pointer has the shape of a pattern."""
    wanted, given = steps_of(pattern), steps_of(pointer)
    return len(wanted) == len(given) and all(one in ("*", two) for one, two in zip(wanted, given, strict=True))


def holds_text(pointer: str) -> bool:
    """Tell whether a patchable field is text even where what was written looks like a number."""
    return any(covers(pattern, pointer) for pattern in _TEXT)
