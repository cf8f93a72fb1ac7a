"""Scheduler, controllers and their leases: silence counts only beside others that speak."""

from copilot.diagnosis.rules.nodes import control_plane
from tests.unit.diagnosis.cluster import Cluster, ref

RULES = control_plane.RULES


def silent(cluster=None, **spec):
    """A pod no scheduler has said a word about."""
    cluster = (cluster or Cluster()).deployment("web", have=1, spec=spec or None)
    return cluster.pod("web-abc-x", owner=("ReplicaSet", "web-abc"), phase="Pending", spec=spec or None, age=600)


def test_a_lapsed_scheduler_lease_explains_pods_without_events():
    cluster = silent(Cluster().node().lease("n1").lease("kube-scheduler", "kube-system", renewed=900, duration=15))
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("controlplane.scheduler", ref("Lease", "kube-system/kube-scheduler"))
    assert ref("Pod", "shop/web-abc-x") in found.explains


def test_the_crashing_scheduler_pod_is_the_object_and_its_last_words_are_quoted():
    cluster = silent(Cluster().node("cp").lease("n1").lease("kube-scheduler", "kube-system", renewed=900, duration=15))
    cluster.pod(
        "kube-scheduler-cp",
        "kube-system",
        node="cp",
        waiting="CrashLoopBackOff",
        labels={"component": "kube-scheduler"},
    )
    cluster.log(
        "kube-scheduler-cp", "Generated self-signed cert\nstat /etc/scheduler.conf: permission denied\n", "kube-system"
    )
    found = cluster.only(RULES)
    assert found.object == ref("Pod", "kube-system/kube-scheduler-cp")
    assert "permission denied" in found.title
    assert found.weight > 0.9


def test_a_renewed_lease_is_healthy():
    cluster = Cluster().node().lease("n1").lease("kube-scheduler", "kube-system", duration=15)
    assert cluster.pod("kube-scheduler-cp", "kube-system", node="n1").find(RULES) == []


def test_leases_of_an_old_dump_prove_nothing():
    assert Cluster().node().lease("kube-scheduler", "kube-system", renewed=9000, duration=15).find(RULES) == []


def test_a_lost_controller_manager_is_named():
    cluster = Cluster().node().lease("n1").lease("kube-controller-manager", "kube-system", renewed=900, duration=15)
    assert cluster.only(RULES).cause == "controlplane.controller_manager"


def test_silence_alone_is_a_weaker_proof_of_a_missing_scheduler():
    found = silent(Cluster().node().lease("n1")).only(RULES)
    assert found.cause == "controlplane.scheduler"
    assert found.weight < 0.8


def test_a_younger_pod_that_was_placed_shows_a_scheduler_at_work():
    cluster = silent(Cluster().node().lease("n1")).pod("other", node="n1", age=60)
    assert cluster.find(RULES) == []


def test_a_scheduler_that_nobody_runs_blames_the_workload():
    found = silent(
        Cluster().node().pod("p", node="n1", age=60), schedulerName="volcanoo", containers=[{"name": "m"}]
    ).only(RULES)
    assert (found.cause, found.object) == ("sched.no_scheduler", ref("Deployment", "shop/web"))
    assert "volcanoo" in found.title


def test_a_second_scheduler_that_runs_is_not_called_missing():
    cluster = silent(Cluster().node().lease("n1"), schedulerName="volcano", containers=[{"name": "m"}])
    assert cluster.lease("volcano", "volcano-system").find(RULES) == []


def test_a_pod_of_a_few_seconds_is_not_unattended():
    cluster = Cluster().node().lease("n1").deployment("web", have=1)
    assert cluster.pod("web-abc-x", owner=("ReplicaSet", "web-abc"), phase="Pending", age=5).find(RULES) == []


def test_an_ill_etcd_is_a_component_failure():
    cluster = Cluster().node("cp").pod("etcd-cp", "kube-system", node="cp", waiting="CrashLoopBackOff")
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("controlplane.component", ref("Pod", "kube-system/etcd-cp"))
