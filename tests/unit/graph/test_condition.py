"""A tree shows how each object stands, in words that cannot act on the terminal."""

from __future__ import annotations

import pytest

from retrievers.graph.condition import Mark, condition_of, one_line
from tests.unit.graph.objects import made, pod, workload


def status(**fields):
    return pod(status=fields)


def container(**state):
    return [{"name": "web", **state}]


@pytest.mark.parametrize(("resource", "mark", "words"), [
    (status(phase="Running", containerStatuses=container(ready=True)), Mark.WELL, "1/1 ready"),
    (status(phase="Running", containerStatuses=container(ready=False)), Mark.ILL, "0/1 ready"),
    (status(phase="Running", containerStatuses=container(state={"waiting": {"reason": "CrashLoopBackOff"}})),
     Mark.ILL, "CrashLoopBackOff"),
    (status(phase="Pending", initContainerStatuses=container(state={"waiting": {"reason": "ImagePullBackOff"}})),
     Mark.ILL, "ImagePullBackOff"),
    (status(phase="Pending", containerStatuses=container(state={"waiting": {"reason": "ContainerCreating"}})),
     Mark.ILL, "Pending"),
    (status(phase="Succeeded"), Mark.WELL, "completed"),
    (status(phase="Failed", reason="Evicted"), Mark.ILL, "Evicted"),
    (status(), Mark.UNKNOWN, ""),
    (workload("Deployment", "d", more={"replicas": 3}, status={"readyReplicas": 2}), Mark.ILL, "2/3 ready"),
    (workload("Deployment", "d", more={"replicas": 0}), Mark.UNKNOWN, "no replicas wanted"),
    (workload("DaemonSet", "d", status={"desiredNumberScheduled": 2, "numberReady": 2}), Mark.WELL, "2/2 ready"),
    (workload("Job", "j", status={"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}),
     Mark.ILL, "failed: BackoffLimitExceeded"),
    (workload("Job", "j", status={"conditions": [{"type": "Complete", "status": "True"}]}), Mark.WELL, "complete"),
    (made("Node", "n", "", status={"conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}]}),
     Mark.ILL, "not ready: KubeletNotReady"),
    (made("Node", "n", "", spec={"unschedulable": True}, status={"conditions": [{"type": "Ready", "status": "True"}]}),
     Mark.WELL, "ready, cordoned"),
    (made("PersistentVolumeClaim", "c", status={"phase": "Pending"}), Mark.ILL, "Pending"),
    (made("PersistentVolumeClaim", "c", status={"phase": "Bound"}), Mark.WELL, "Bound"),
    (made("Widget", "w", api="x/v1", status={"conditions": [{"type": "Ready", "status": "Unknown"}]}), Mark.ILL, "not ready"),
    (made("ConfigMap", "c"), Mark.UNKNOWN, ""),
])  # fmt: skip
def test_an_object_stands_as_its_status_says(resource, mark, words):
    assert (condition_of(resource).mark, condition_of(resource).words) == (mark, words)


def test_an_object_that_is_being_deleted_is_ill_whatever_its_phase():
    going = made("Namespace", "n", "", status={"phase": "Terminating"})
    going.body["metadata"]["deletionTimestamp"] = "2026-03-01T10:00:00Z"
    assert condition_of(going).words == "is being deleted"


def test_a_reason_cannot_clear_the_screen_or_break_the_line():
    shown = one_line("a\x1b[2Jb\nc\u202ed" + "x" * 500)
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "\u202e" not in shown
    assert len(shown) <= 60
