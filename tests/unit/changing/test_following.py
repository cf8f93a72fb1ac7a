"""What follows a step that is no rollout: pods that go, objects that are held, Jobs that start, fields that hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guardrails.operations import Cascade, Op
from guardrails.operations.args import CreateJobArgs, DeleteArgs, Edit, EditArgs, EvictArgs, StepArgs
from guardrails.plan import ObjectRef, Request, Step
from tests.small_api import SmallApi, deployment, serve
from tools.change import following
from tools.change.following import Eyes, watch_of
from tools.change.watch import End, RolloutWatch
from tools.cluster.kubeconfig import connect
from tools.cluster.transport import Transport

PODS = "/api/v1/namespaces/shop/pods"
POD = ObjectRef("", "v1", "pods", "Pod", "shop", "web-0", "uid-web-0", "7")
WEB = ObjectRef("apps", "v1", "deployments", "Deployment", "shop", "web", "uid-shop-web", "100")
SETTINGS = ObjectRef("", "v1", "configmaps", "ConfigMap", "shop", "settings", "uid-settings", "9")
CRON = ObjectRef("batch", "v1", "cronjobs", "CronJob", "shop", "nightly", "uid-nightly", "9")


class Scene:
    """A small cluster and eyes whose clock moves by their own waiting; each wait runs the next event."""

    def __init__(self, api: SmallApi, folder: Path) -> None:
        self.api = api
        self.now = 0.0
        self.events: list[Callable[[], Any]] = []
        self.said: list[str] = []
        reader = Transport(connect(str(api.kubeconfig(folder))))
        self.eyes = Eyes(reader, lambda: self.now, self.pause, self.said.append)

    def pause(self, seconds: float) -> None:
        self.now += seconds
        if self.events:
            self.events.pop(0)()

    def watch(self, ref: ObjectRef, args: StepArgs) -> following.Watch:
        return watch_of(Step(ref, args, Request("", "", (), "", "", "")), self.eyes)


def _pod(owner: str = "ReplicaSet", **spec: Any) -> dict[str, Any]:
    owners = [{"kind": owner, "name": "web-1", "uid": "rs", "controller": True}] if owner else []
    metadata = {
        "name": "web-0",
        "namespace": "shop",
        "uid": "uid-web-0",
        "resourceVersion": "7",
        "ownerReferences": owners,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _replica_set(ready: int = 2) -> dict[str, Any]:
    body = deployment("web-1")
    return body | {"kind": "ReplicaSet", "status": {**body["status"], "readyReplicas": ready}}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop", "uid": "uid-settings",
                "resourceVersion": "9"}, "data": {"level": "debug"}}  # fmt: skip
    with serve(_pod(), _replica_set(), deployment(), settings) as api:
        yield Scene(api, tmp_path)


def _go(scene: Scene) -> None:
    del scene.api.objects[f"{PODS}/web-0"]


def _ready(scene: Scene, count: int) -> None:
    scene.api.objects["/apis/apps/v1/namespaces/shop/replicasets/web-1"]["status"]["readyReplicas"] = count


def test_an_eviction_is_done_when_the_pod_is_gone_and_its_owner_whole_again(scene: Scene) -> None:
    watch = scene.watch(POD, EvictArgs())
    scene.events = [lambda: (_go(scene), _ready(scene, 1)), lambda: None, lambda: _ready(scene, 2)]
    ended = watch.follow()
    assert (ended.end, ended.text) == (End.DONE, "Pod shop/web-0 is gone, and ReplicaSet web-1 is whole again")


def test_an_owner_that_is_not_made_whole_leaves_the_eviction_stuck(scene: Scene) -> None:
    watch = scene.watch(POD, EvictArgs())
    scene.events = [lambda: (_go(scene), _ready(scene, 1))]
    ended = watch.follow()
    assert ended.end is End.STUCK
    assert "not whole again after 120 s" in ended.text


def test_an_owner_that_was_ill_before_is_not_waited_for(scene: Scene) -> None:
    _ready(scene, 1)
    watch = scene.watch(POD, EvictArgs())
    scene.events = [lambda: _go(scene)]
    assert watch.follow().text == "Pod shop/web-0 is gone"


@pytest.mark.parametrize(("grace", "seconds"), [(None, 90), (5, 65)])
def test_a_pod_that_does_not_go_is_stuck_after_its_grace_and_a_minute(
    scene: Scene, grace: int | None, seconds: int
) -> None:
    ended = scene.watch(POD, EvictArgs(grace)).follow()
    assert (ended.end, f"after {seconds} s" in ended.text) == (End.STUCK, True)


def test_a_deletion_that_finalizers_hold_names_them(scene: Scene) -> None:
    scene.api.objects["/apis/apps/v1/namespaces/shop/deployments/web"]["metadata"]["finalizers"] = ["example.com/hold"]
    ended = scene.watch(WEB, DeleteArgs(Cascade.BACKGROUND)).follow()
    assert ended.end is End.STUCK
    assert "held by example.com/hold" in ended.text


def _level(scene: Scene, value: str) -> None:
    scene.api.objects["/api/v1/namespaces/shop/configmaps/settings"]["data"]["level"] = value


_PATCH = EditArgs(Op.PATCH, (Edit("/data/level", '"info"', '"debug"'),))


def test_fields_must_hold_for_a_few_seconds(scene: Scene) -> None:
    assert scene.watch(SETTINGS, _PATCH).follow().end is End.DONE
    assert scene.now >= following.HOLD_SECONDS
    scene.events = [lambda: None, lambda: _level(scene, "info")]
    ended = scene.watch(SETTINGS, _PATCH).follow()
    assert (ended.end, "/data/level" in ended.text) == (End.REVERTED, True)


def test_an_object_made_anew_while_its_fields_are_watched_is_noticed(scene: Scene) -> None:
    scene.events = [
        lambda: scene.api.objects["/api/v1/namespaces/shop/configmaps/settings"]["metadata"].update(uid="x")
    ]
    assert scene.watch(SETTINGS, _PATCH).follow().end is End.REPLACED


def _job(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "now", "namespace": "shop", "uid": "j"},
        "status": status,
    }


@pytest.mark.parametrize(
    ("body", "end"),
    [
        (_job(active=1), End.DONE),
        (_job(succeeded=1), End.DONE),
        (_job(conditions=[{"type": "Failed", "status": "True", "message": "BackoffLimitExceeded"}]), End.FAILED),
        (_job(), End.STUCK),
        (None, End.REPLACED),
    ],
)
def test_a_job_has_started_when_it_has_a_pod(scene: Scene, body: dict[str, Any] | None, end: End) -> None:
    if body is not None:
        scene.api.put(body)
    assert scene.watch(CRON, CreateJobArgs("now", "{}")).follow().end is end


def test_a_server_that_is_away_for_a_moment_is_waited_for(scene: Scene) -> None:
    scene.api.deaf = False
    watch = scene.watch(POD, EvictArgs())
    scene.api.deaf = True
    scene.events = [lambda: setattr(scene.api, "deaf", False), lambda: _go(scene)]
    assert watch.follow().end is End.DONE


@pytest.mark.parametrize(
    ("operation", "spec", "rollout"),
    [(Op.SET_IMAGE, {}, True), (Op.SET_IMAGE, {"paused": True}, False), (Op.RESUME, {"paused": True}, True), (Op.PAUSE, {}, False),
     (Op.LABEL, {}, False), (Op.ROLLBACK, {}, True)],
)  # fmt: skip
def test_a_changed_template_is_followed_as_a_rollout_unless_it_waits(
    scene: Scene, operation: Op, spec: dict[str, Any], rollout: bool
) -> None:
    scene.api.touch(**spec)
    assert isinstance(scene.watch(WEB, EditArgs(operation, ())), RolloutWatch) is rollout
