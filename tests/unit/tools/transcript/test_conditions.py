"""A table tells a condition's reason that the description of the same pod leaves out: both are kept."""

from __future__ import annotations

from tools.cluster.transcript import parse_transcript

GATED = """$ kubectl get pods -n shop
NAME    READY   STATUS            RESTARTS   AGE
gated   0/1     SchedulingGated   0          83m

$ kubectl describe pod gated -n shop
Name:         gated
Namespace:    shop
Node:         <none>
Labels:       app=gated
Annotations:  <none>
Status:       Pending
IP:
Containers:
  main:
    Image:        registry.example/gated:1
Conditions:
  Type           Status
  PodScheduled   {status}
Volumes:         <none>
Events:          <none>
"""


def conditions(status: str) -> list[dict[str, str]]:
    (pod,) = (one for one in parse_transcript(GATED.format(status=status)).resources if one.ref.kind == "Pod")
    found: list[dict[str, str]] = pod.body["status"]["conditions"]
    return found


def test_the_reason_of_the_row_stands_in_the_described_condition() -> None:
    assert conditions("False") == [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]


def test_a_condition_that_changed_between_two_commands_keeps_no_old_reason() -> None:
    assert conditions("True") == [{"type": "PodScheduled", "status": "True"}]
