"""The values that the API server fills in by itself in every object. In a diff they are noise, so a diff leaves them out.

Each is dropped only when it was absent before and holds exactly this value now (pkg/apis/*/v1/defaults.go).
"""

from __future__ import annotations

_DEFAULTS = {
    "terminationMessagePath": {'"/dev/termination-log"'},
    "terminationMessagePolicy": {'"File"'},
    "imagePullPolicy": {'"IfNotPresent"', '"Always"'},
    "dnsPolicy": {'"ClusterFirst"'},
    "restartPolicy": {'"Always"'},
    "schedulerName": {'"default-scheduler"'},
    "securityContext": {"{}"},
    "resources": {"{}"},
    "terminationGracePeriodSeconds": {"30"},
    "progressDeadlineSeconds": {"600"},
    "revisionHistoryLimit": {"10"},
    "replicas": {"1"},
    "type": {'"RollingUpdate"', '"ClusterIP"'},
    "maxSurge": {'"25%"', "0"},
    "maxUnavailable": {'"25%"', "1"},
    "partition": {"0"},
    "podManagementPolicy": {'"OrderedReady"'},
    "protocol": {'"TCP"'},
    "sessionAffinity": {'"None"'},
    "internalTrafficPolicy": {'"Cluster"'},
    "ipFamilyPolicy": {'"SingleStack"'},
    "concurrencyPolicy": {'"Allow"'},
    "successfulJobsHistoryLimit": {"3"},
    "failedJobsHistoryLimit": {"1"},
    "suspend": {"false"},
    "backoffLimit": {"6"},
    "completions": {"1"},
    "parallelism": {"1"},
    "completionMode": {'"NonIndexed"'},
    "manualSelector": {"false"},
    "podReplacementPolicy": {'"TerminatingOrFailed"'},
    "defaultMode": {"420"},
    "timeoutSeconds": {"1"},
    "periodSeconds": {"10"},
    "successThreshold": {"1"},
    "failureThreshold": {"3"},
    "scheme": {'"HTTP"'},
    "apiVersion": {'"v1"'},
    "volumeMode": {'"Filesystem"'},
    "whenDeleted": {'"Retain"'},
    "whenScaled": {'"Retain"'},
}


def is_default(pointer: str, after: str) -> bool:
    """Tell whether a field that was absent got the value that the server gives every such field."""
    return after in _DEFAULTS.get(pointer.rpartition("/")[2], ())
