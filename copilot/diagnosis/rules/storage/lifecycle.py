"""Claims after they are bound: resized in vain, or deleted and still held by a pod."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.diagnosis.cause import Rule, Severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.storage.claim import PROVISIONING, claim_cause, claim_finding, claim_of
from copilot.diagnosis.view import View, told
from copilot.diagnosis.words import listed
from copilot.model import Finding, mapping, text

RESIZE_FAILED = claim_cause(
    "pvc.resize.failed",
    "A volume cannot be resized",
    "event VolumeResizeFailed",
    severity=Severity.DEGRADED,
    citation="pkg/volume/util/resize_util.go",
)
RESIZE_PENDING = claim_cause(
    "pvc.resize.fs_pending",
    "A resized volume waits for its pod to restart",
    "status.conditions[FileSystemResizePending]",
    severity=Severity.NOTICE,
    citation="pkg/volume/util/resize_util.go",
)
TERMINATING = claim_cause(
    "pvc.terminating",
    "A deleted claim is still in use",
    "metadata.finalizers",
    severity=Severity.DEGRADED,
    citation="pkg/volume/util/finalizer.go",
)


def find_claim_conditions(view: View) -> Iterator[Finding]:
    """Claims that are bound but cannot grow, or are deleted and still held."""
    for resource in view.graph.of_kind("PersistentVolumeClaim", group=""):
        claim = claim_of(view, resource)
        failed = [*view.events(resource.ref, "VolumeResizeFailed", "FileSystemResizeFailed", "ExternalExpanding")]
        failed = [event for event in failed if event.type == "Warning"]
        error = condition(resource, "ControllerResizeError") or condition(resource, "NodeResizeError")
        if (failed or text(error, "status") == "True") and mapping(resource.status, "capacity").get(
            "storage"
        ) != mapping(resource.spec, "resources", "requests").get("storage"):
            why = text(error, "message") or (failed[-1].message if failed else "")
            yield claim_finding(
                RESIZE_FAILED,
                claim,
                f"{claim.name} cannot be resized: {why[:220]}",
                tuple(told(event) for event in failed[-1:]),
                ref=resource.ref,
                weight=0.85,
            )
        elif text(condition(resource, "FileSystemResizePending"), "status") == "True" and claim.pods:
            yield claim_finding(
                RESIZE_PENDING,
                claim,
                f"{claim.name} is resized, but its file system grows only when the pod restarts",
                (),
                ref=resource.ref,
                weight=0.5,
            )
        if resource.deleted is not None and claim.pods and view.now - resource.deleted > PROVISIONING:
            using = listed([f"pod {pod.name}" for pod in claim.pods])
            yield claim_finding(
                TERMINATING,
                claim,
                f"{claim.name} is deleted but cannot go: {using} still uses it (finalizer kubernetes.io/pvc-protection)",
                (),
                ref=resource.ref,
                weight=0.7,
            )


RULES: tuple[Rule, ...] = (Rule(find=find_claim_conditions, causes=(RESIZE_FAILED, RESIZE_PENDING, TERMINATING)),)
