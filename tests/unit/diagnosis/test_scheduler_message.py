"""The scheduler's sentences of several versions and schedulers, parsed; nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.diagnosis.rules.scheduling.message import Filter, SchedulerMessage, parse_scheduler_message

AFFINITY = "node(s) didn't match Pod's node affinity/selector"


def parsed(message):
    found = parse_scheduler_message(message)
    assert found is not None
    return found


def test_counts_and_reasons_of_a_current_message_are_read():
    found = parsed(
        "0/5 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu, 2 node(s) didn't match Pod's node "
        "affinity/selector. preemption: 0/5 nodes are available: 3 Preemption is not helpful for scheduling, 2 No preemption "
        "victims found for incoming pod."
    )
    assert (found.available, found.total) == (0, 5)
    assert [(r.filter, r.count, r.detail) for r in found.reasons] == [
        (Filter.TAINT, 1, ""),
        (Filter.RESOURCE, 2, "cpu"),
        (Filter.NODE_AFFINITY, 2, ""),
    ]
    assert [r.count for r in found.preemption] == [3, 2]


@pytest.mark.parametrize(
    ("text", "kind", "detail"),
    [
        ("1 node(s) had untolerated taint {dedicated: gpu}", Filter.TAINT, "dedicated=gpu"),
        (
            "1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }",
            Filter.TAINT,
            "node.kubernetes.io/not-ready",
        ),
        ("3 node(s) had taint {key: value}, that the pod didn't tolerate", Filter.TAINT, "key=value"),
        ("2 node(s) were unschedulable", Filter.CORDON, ""),
        ("2 Too many pods", Filter.PODS, ""),
        ("4 Insufficient nvidia.com/gpu", Filter.RESOURCE, "nvidia.com/gpu"),
        ("4 Insufficient ephemeral-storage", Filter.RESOURCE, "ephemeral-storage"),
        ("2 node(s) didn't match pod anti-affinity rules", Filter.ANTI_AFFINITY, ""),
        ("2 node(s) didn't satisfy existing pods anti-affinity rules", Filter.ANTI_AFFINITY, ""),
        ("2 node(s) didn't match pod affinity rules", Filter.POD_AFFINITY, ""),
        ("2 node(s) didn't match node selector", Filter.NODE_AFFINITY, ""),
        (
            "1 node(s) didn't match pod topology spread constraints (missing required label)",
            Filter.SPREAD,
            "missing required label",
        ),
        ("1 node(s) didn't have free ports for the requested pod ports", Filter.HOST_PORT, ""),
        ("1 node(s) had volume node affinity conflict", Filter.VOLUME_NODE, ""),
        ("1 node(s) didn't match PersistentVolume's node affinity", Filter.VOLUME_NODE, ""),
        ("1 node(s) had no available volume zone", Filter.VOLUME_ZONE, ""),
        ("1 node(s) exceed max volume count", Filter.VOLUME_LIMIT, ""),
        ("1 node(s) didn't find available persistent volumes to bind", Filter.VOLUME_NONE, ""),
        ("3 cannot allocate all claims", Filter.DEVICE_CLAIM, ""),
        ("pod has unbound immediate PersistentVolumeClaims. not found", Filter.VOLUME_UNBOUND, ""),
        ('persistentvolumeclaim "data" not found', Filter.VOLUME_MISSING, "data"),
    ],
)
def test_every_wording_of_a_filter_is_recognised(text, kind, detail):
    reason = parsed(f"0/4 nodes are available: {text}.").reasons[0]
    assert (reason.filter, reason.detail) == (kind, detail)


def test_the_autoscaler_and_gang_schedulers_are_read_with_the_same_grammar():
    refused = parsed(
        "pod didn't trigger scale-up: 1 max node group size reached, 2 node(s) had untolerated taint {a: b}"
    )
    assert [(r.filter, r.count) for r in refused.reasons] == [(Filter.NODE_GROUP, 1), (Filter.TAINT, 2)]
    assert parsed("all nodes are unavailable: 3 Insufficient memory.").reasons[0].detail == "memory"


def test_a_sentence_without_counts_is_read_and_other_text_is_not():
    assert parsed('persistentvolumeclaim "x" not found').has(Filter.VOLUME_MISSING)
    assert parse_scheduler_message("Successfully assigned shop/web to n1") is None
    assert parse_scheduler_message("") is None


@given(st.text(max_size=400))
def test_no_text_makes_the_parser_raise(text):
    assert isinstance(parse_scheduler_message(text), SchedulerMessage | None)
    assert isinstance(parse_scheduler_message(f"0/3 nodes are available: {text}"), SchedulerMessage | None)
