"""A cause that follows a change of the same kind of field says so and gains a little weight; no other change does."""

from __future__ import annotations

from datetime import timedelta

from copilot.diagnosis import diagnose
from copilot.diagnosis.changes import Aspect, Change
from copilot.diagnosis.changes.preceding import preceded_by
from copilot.model import Evidence, Finding, RootCause
from retrievers.graph import build_graph
from tests.unit.changes.revised import container, rolled, wrote
from tests.unit.diagnosis.cluster import NOW, Cluster, ago, condition, ref

WEB = ref("Deployment", "shop/web")


def finding(cause: str, since: float | None = 300, text: str = "web:2 cannot be pulled") -> Finding:
    began = NOW - timedelta(seconds=since) if since is not None else None
    return Finding(cause=cause, object=WEB, title=text, evidence=(Evidence(WEB, "x", text),), since=began)


def change(aspect: Aspect, age: float, after: str = "") -> Change:
    return Change(NOW - timedelta(seconds=age), WEB, aspect, aspect.value, after=after)


def test_a_change_of_the_same_field_family_just_before_counts() -> None:
    image = change(Aspect.IMAGE, 310, "web:2")
    assert preceded_by([image], finding("pod.image.tag_missing"), NOW) == image


def test_a_change_of_another_family_does_not_count() -> None:
    assert preceded_by([change(Aspect.SCALE, 310)], finding("pod.image.tag_missing"), NOW) is None


def test_a_change_after_the_onset_or_long_before_does_not_count() -> None:
    changes = [change(Aspect.ENVIRONMENT, 100), change(Aspect.ENVIRONMENT, 9000)]
    assert preceded_by(changes, finding("app.config.missing"), NOW) is None


def test_another_containers_image_does_not_explain_an_image_that_cannot_be_pulled() -> None:
    assert preceded_by([change(Aspect.IMAGE, 310, "proxy:9")], finding("pod.image.tag_missing"), NOW) is None


def test_of_several_the_newest_before_the_onset_counts() -> None:
    newest = change(Aspect.SCALE, 400)
    assert preceded_by([change(Aspect.SCALE, 900), newest], finding("deploy.scaled_to_zero"), NOW) == newest


def test_a_cause_without_a_date_looks_back_from_the_observation() -> None:
    scaled = change(Aspect.SCALE, 3000)
    assert preceded_by([scaled], finding("deploy.scaled_to_zero", since=None), NOW) == scaled


def memory(limit: str) -> dict[str, object]:
    return {"containers": [container("web:1", resources={"limits": {"memory": limit}})]}


def killed(*, revised: bool) -> RootCause:
    """A container beyond its memory limit, with or without a rollout that lowered it just before."""
    history = [(3600.0, memory("512Mi")), (300.0, memory("64Mi"))] if revised else [(3600.0, memory("64Mi"))]
    cluster = rolled(Cluster().node(), "web", history, [wrote("helm", 301)])
    ended = {"name": "web", "ready": False, "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(200)}}}  # fmt: skip
    owner = f"web-h{len(history)}"
    cluster.pod(f"{owner}-a", "shop", owner=("ReplicaSet", owner), node="n1", spec=memory("64Mi"), age=299,
                status={"containerStatuses": [ended], "conditions": [condition("Ready", "False")]})  # fmt: skip
    return diagnose(build_graph(cluster.snapshot())).root_causes[0]


def test_the_answer_tells_the_change_and_is_a_little_surer() -> None:
    without, with_ = killed(revised=False), killed(revised=True)
    assert without.cause == with_.cause == "pod.oomkilled.limit"
    assert not any(piece.text.startswith("changed") for piece in without.evidence)
    assert any("memory limit of container web: 512Mi → 64Mi by helm" in piece.text for piece in with_.evidence)
    assert without.confidence < with_.confidence <= 0.98
