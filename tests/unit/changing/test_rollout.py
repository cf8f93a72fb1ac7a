"""When a rollout is done, failed or stuck, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.plan import ObjectRef
from tests.small_api import SmallApi, deployment, serve
from tools.change.objects import selector_text
from tools.change.rollout import Phase, deadline_seconds, progress, troubles
from tools.change.watch import AWAY_PATIENCE, TROUBLE_PATIENCE, End, RolloutWatch
from tools.cluster.kubeconfig import connect
from tools.cluster.transport import Transport
from tools.cluster.transport_errors import ConnectionLostError


def _body(kind: str, spec: dict[str, Any], status: dict[str, Any], generation: int = 1) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"generation": generation},
        "spec": spec,
        "status": {"observedGeneration": 1, **status},
    }


_ALL = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}
_GAVE_UP = {"conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "phase", "said"),
    [
        ("Deployment", {"replicas": 3}, _ALL, Phase.DONE, "3 of 3 replicas available"),
        ("Deployment", {"replicas": 3}, {**_ALL, "updatedReplicas": 1}, Phase.RUNNING, "1 of 3 replicas updated"),
        ("Deployment", {"replicas": 3}, {**_ALL, "replicas": 4}, Phase.RUNNING, "1 old replicas still terminating"),
        ("Deployment", {"replicas": 2}, _ALL, Phase.RUNNING, "1 replicas still terminating"),
        ("Deployment", {"replicas": 3}, {**_ALL, "availableReplicas": 2}, Phase.RUNNING, "2 of 3 replicas available"),
        ("Deployment", {"replicas": 3}, {**_ALL, **_GAVE_UP}, Phase.FAILED, "the controller gave up: timed out"),
        ("StatefulSet", {"replicas": 3}, _ALL, Phase.DONE, "3 of 3 replicas ready"),
        ("StatefulSet", {"replicas": 3}, {**_ALL, "updateRevision": "b", "currentRevision": "a", "updatedReplicas": 2}, Phase.RUNNING, "2 of 3 replicas updated"),
        ("StatefulSet", {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
         {**_ALL, "updateRevision": "b", "currentRevision": "a", "updatedReplicas": 1}, Phase.DONE, "3 of 3 replicas ready"),
        ("DaemonSet", {}, {"desiredNumberScheduled": 4, "updatedNumberScheduled": 3, "numberAvailable": 4}, Phase.RUNNING, "3 of 4 pods updated"),
        ("DaemonSet", {}, {"desiredNumberScheduled": 4, "updatedNumberScheduled": 4, "numberAvailable": 4}, Phase.DONE, "4 of 4 replicas available"),
        ("ReplicaSet", {"replicas": 1}, {"replicas": 1, "readyReplicas": 0}, Phase.RUNNING, "0 of 1 replicas ready"),
        ("Deployment", {"replicas": 0}, {}, Phase.DONE, "0 of 0 replicas available"),
    ],
)  # fmt: skip
def test_a_rollout_stands_where_kubectl_says_it_stands(
    kind: str, spec: dict[str, Any], status: dict[str, Any], phase: Phase, said: str
) -> None:
    look = progress(kind, _body(kind, spec, status))
    assert (look.phase, look.text) == (phase, said)


def test_a_controller_that_has_not_looked_yet_is_waited_for() -> None:
    assert progress("Deployment", _body("Deployment", {"replicas": 3}, _ALL, generation=2)).phase is Phase.RUNNING


@given(
    st.dictionaries(
        st.sampled_from(["spec", "status", "metadata"]), st.none() | st.integers() | st.text() | st.lists(st.none())
    )
)
def test_garbage_never_breaks_the_watcher(body: dict[str, Any]) -> None:
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        progress(kind, body)
    assert troubles(body, [body]) == frozenset()
    assert deadline_seconds(body) == 600
    assert selector_text(body) == ""


def test_a_selector_is_written_in_the_query_language_of_the_api() -> None:
    expressions = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "x", "operator": "NotIn", "values": ["c"]},
        {"key": "y", "operator": "Exists"}, {"key": "z", "operator": "DoesNotExist"}, {"key": "w", "operator": "Odd"},
    ]  # fmt: skip
    body = {"spec": {"selector": {"matchLabels": {"app": "web"}, "matchExpressions": expressions}}}
    assert selector_text(body) == "app=web,tier in (a,b),x notin (c),y,!z"


def _pod(name: str, reason: str) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "app", "state": {"waiting": {"reason": reason, "message": "why"}}}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": name},
        "status": status,
    }


class _Watched:
    """A watcher whose clock moves by its own waiting."""

    def __init__(self, api: SmallApi, folder: Path) -> None:
        self.api = api
        self.now = 0.0
        self.haste = 1
        self.said: list[str] = []
        self.steps: list[Any] = []
        reader = Transport(connect(str(api.kubeconfig(folder))))
        ref = ObjectRef("apps", "v1", "deployments", "Deployment", "shop", "web", "uid-shop-web", "100")
        self.parts = (reader, ref, lambda: self.now, self.pause, self.said.append)
        self.watch = RolloutWatch(*self.parts)

    def pause(self, seconds: float) -> None:
        self.now += seconds * self.haste
        if self.steps:
            self.steps.pop(0)()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[_Watched]:
    with serve(deployment(), _pod("old", "CrashLoopBackOff")) as api:
        yield _Watched(api, tmp_path)


def _status(watched: _Watched, **status: Any) -> None:
    next(body for path, body in watched.api.objects.items() if path.endswith("/web"))["status"].update(status)


def test_a_rollout_is_followed_to_its_end_and_every_new_state_is_said_once(watched: _Watched) -> None:
    _status(watched, availableReplicas=1)
    watched.steps = [lambda: None, lambda: _status(watched, availableReplicas=2)]
    assert watched.watch.follow().end is End.DONE
    assert watched.said == ["1 of 2 replicas available", "2 of 2 replicas available"]


def test_a_new_pod_that_cannot_start_is_reported_at_once_and_ends_the_watch_when_it_lasts(watched: _Watched) -> None:
    _status(watched, availableReplicas=1)
    watched.api.put(_pod("new", "ImagePullBackOff"))
    result = watched.watch.follow()
    assert (result.end, [trouble.pod for trouble in result.troubles]) == (End.FAILED, ["new"])
    assert watched.said.count("trouble: pod new, container app: ImagePullBackOff (why)") == 1
    assert TROUBLE_PATIENCE <= watched.now < TROUBLE_PATIENCE + 3


def test_a_trouble_that_passes_does_not_fail_the_rollout(watched: _Watched) -> None:
    watched.api.put(_pod("new", "ErrImagePull"))
    watched.steps = [lambda: watched.api.objects.pop("/api/v1/namespaces/shop/pods/new")]
    assert watched.watch.follow().end is End.DONE


def test_no_progress_until_the_deadline_is_stuck(watched: _Watched) -> None:
    watched.api.touch(progressDeadlineSeconds=20)
    _status(watched, availableReplicas=0)
    result = watched.watch.follow()
    assert result.end is End.STUCK
    assert "no progress for 20 s" in result.text


def test_a_finished_rollout_must_stay_well_for_a_while_before_it_is_done(watched: _Watched) -> None:
    watch = RolloutWatch(*watched.parts, soak=40.0)
    assert watch.follow().end is End.DONE
    assert 40 <= watched.now < 43
    assert any("stays well" in line for line in watched.said)


def test_a_rollout_that_took_long_is_watched_for_twice_that_time_but_never_beyond_its_deadline(
    watched: _Watched,
) -> None:
    watched.api.touch(progressDeadlineSeconds=100)
    _status(watched, availableReplicas=1)
    watched.steps = [*[lambda: None] * 29, lambda: _status(watched, availableReplicas=2)]
    assert RolloutWatch(*watched.parts, soak=10.0).follow().end is End.DONE
    assert 90 <= watched.now < 94  # 30 s until it was done, then twice that
    watched.api.touch(progressDeadlineSeconds=5)
    start = watched.now
    assert RolloutWatch(*watched.parts, soak=40.0).follow().end is End.DONE
    assert 5 <= watched.now - start < 8


def test_a_pod_that_breaks_while_it_should_stay_well_fails_the_rollout(watched: _Watched) -> None:
    watch = RolloutWatch(*watched.parts, soak=60.0)
    watched.steps = [lambda: None, lambda: watched.api.put(_pod("new", "CrashLoopBackOff"))]
    result = watch.follow()
    assert (result.end, [trouble.pod for trouble in result.troubles]) == (End.FAILED, ["new"])


def test_an_object_deleted_while_watched_ends_the_watch(watched: _Watched) -> None:
    _status(watched, availableReplicas=1)
    watched.steps = [lambda: watched.api.objects.pop("/apis/apps/v1/namespaces/shop/deployments/web")]
    assert watched.watch.follow().end is End.REPLACED


def test_a_server_that_is_away_for_a_moment_is_asked_again_and_for_long_is_an_error(watched: _Watched) -> None:
    _status(watched, availableReplicas=1)
    watched.steps = [
        lambda: setattr(watched.api, "deaf", True),
        lambda: None,
        lambda: setattr(watched.api, "deaf", False),
        lambda: _status(watched, availableReplicas=2),
    ]
    assert watched.watch.follow().end is End.DONE
    assert watched.said.count("the server does not answer; still watching") == 1
    watched.api.deaf, watched.haste = True, 60
    with pytest.raises(ConnectionLostError):
        watched.watch.follow()
    assert watched.now > AWAY_PATIENCE


def test_pods_that_may_not_be_listed_are_said_once_and_the_rollout_is_still_followed(watched: _Watched) -> None:
    watched.api.hidden.add("pods")
    _status(watched, availableReplicas=1)
    watched.steps = [lambda: None, lambda: _status(watched, availableReplicas=2)]
    assert watched.watch.follow().end is End.DONE
    assert [line for line in watched.said if "cannot be watched" in line] == [
        "its pods cannot be watched: You may not read pods of namespace shop: not for you"
    ]


def test_pods_that_the_controller_may_not_make_are_a_trouble() -> None:
    body = {
        "status": {
            "conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}]
        }
    }
    assert [trouble.line for trouble in troubles(body, [])] == ["the controller: FailedCreate (quota)"]
