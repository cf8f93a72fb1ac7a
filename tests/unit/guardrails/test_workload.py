"""How a workload's own fields are read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.workload import workload_state


def _rolling(replicas: Any, unavailable: Any = None, surge: Any = None) -> dict[str, Any]:
    return {
        "spec": {
            "replicas": replicas,
            "strategy": {"rollingUpdate": {"maxUnavailable": unavailable, "maxSurge": surge}},
        }
    }


@pytest.mark.parametrize(
    ("body", "at_once"),
    [
        (_rolling(4), 1),
        (_rolling(1), 0),  # 25% of one pod rounds down to none
        (_rolling(10, "30%"), 3),
        (_rolling(10, 2), 2),
        (_rolling(3, 0, 0), 1),  # the controller itself turns 0/0 into one
        (_rolling(3, "100%"), 3),
        (_rolling(3, 7), 3),
        (_rolling(4, "x%"), 1),
        ({"spec": {"replicas": 5, "strategy": {"type": "Recreate"}}}, 5),
        ({}, 0),
    ],
)
def test_a_deployment_restart_takes_away_what_the_controller_would(body: dict[str, Any], at_once: int) -> None:
    assert workload_state("Deployment", body).at_once == at_once


def test_a_stateful_set_goes_one_by_one_and_keeps_its_partition() -> None:
    state = workload_state(
        "StatefulSet", {"spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}}
    )
    assert (state.at_once, state.partition, state.one_at_a_time) == (1, 2, True)


@pytest.mark.parametrize(("rolling", "at_once"), [({}, 1), ({"maxUnavailable": "50%"}, 3), ({"maxSurge": 1}, 0)])
def test_a_daemon_set_counts_nodes(rolling: dict[str, Any], at_once: int) -> None:
    body = {"spec": {"updateStrategy": {"rollingUpdate": rolling}}, "status": {"desiredNumberScheduled": 5}}
    assert workload_state("DaemonSet", body).at_once == at_once


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "spec",
                    "status",
                    "replicas",
                    "strategy",
                    "rollingUpdate",
                    "maxUnavailable",
                    "maxSurge",
                    "updateStrategy",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(
    st.dictionaries(st.sampled_from(["spec", "status", "metadata"]), _JUNK),
    st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]),
)
def test_garbage_in_a_body_never_raises(body: dict[str, Any], kind: str) -> None:
    assert workload_state(kind, body).at_once >= 0 or body
