"""Custom resources of any kind, and Kueue: the conditions speak, transitions and rest are not faults."""

import pytest

from copilot.diagnosis.rules.custom import conditions as custom
from copilot.diagnosis.rules.custom import kueue as custom_kueue
from copilot.diagnosis.rules.custom import kueue_jobs as custom_kueue_jobs
from tests.unit.diagnosis.cluster import Cluster, ago, condition, owned, ref

RULES = custom.RULES
API = "example.com/v1"
KUEUE = "kueue.x-k8s.io/v1beta1"


def engine(*conditions, spec=None, metadata=None, **status):
    return Cluster().add(
        "Engine",
        "e",
        "shop",
        api=API,
        spec=spec or {},
        metadata=metadata,
        status={"conditions": list(conditions), **status},
    )


@pytest.mark.parametrize(
    ("kind", "status", "cause"),
    [
        ("Ready", "False", "custom.not_ready"),
        ("PredictorReady", "False", "custom.not_ready"),
        ("Available", "False", "custom.not_ready"),
        ("Accepted", "False", "custom.not_ready"),
        ("Programmed", "False", "custom.not_ready"),
        ("ResolvedRefs", "False", "custom.not_ready"),
        ("Degraded", "True", "custom.not_ready"),
        ("Stalled", "True", "custom.not_ready"),
        ("Failed", "True", "custom.failed"),
    ],
)
def test_any_condition_of_ill_health_is_reported_with_its_reason(kind, status, cause):
    found = engine(condition(kind, status, "BadThing", "the thing is bad")).only(RULES)
    assert (found.cause, found.object) == (cause, ref("Engine", "shop/e", "example.com"))
    assert "BadThing" in found.title
    assert "the thing is bad" in found.title


@pytest.mark.parametrize(
    ("kind", "status"),
    [("Ready", "True"), ("Degraded", "False"), ("Failed", "False"), ("Active", "False"), ("Progressing", "True")],
)
def test_good_and_neutral_conditions_are_healthy(kind, status):
    assert engine(condition(kind, status, "Fine", "ok")).find(RULES) == []


@pytest.mark.parametrize("field", ["phase", "state", "jobStatus"])
def test_a_phase_of_failure_is_reported(field):
    found = engine(**{field: "FAILED", "message": "out of tokens"}).only(RULES)
    assert "out of tokens" in found.title
    assert engine(**{field: "Running"}).find(RULES) == []


def test_a_resource_at_work_suspended_or_finished_is_healthy():
    assert engine(condition("Ready", "False", "Reconciling", "working", since=120)).find(RULES) == []
    assert engine(condition("Ready", "False", "X", since=10)).find(RULES) == []
    assert engine(condition("Ready", "False", "X"), spec={"suspend": True}).find(RULES) == []
    assert engine(condition("Ready", "False", "X"), condition("Complete", "True")).find(RULES) == []


def test_what_it_owns_and_names_is_pointed_at():
    cluster = engine(condition("Ready", "False", "BackendMissing", "deployment engine-main is not available"))
    cluster.deployment("engine-main").add(
        "Service", "e-svc", "shop", metadata=owned("Engine", "e", "shop", API), spec={}
    )
    points = cluster.only(RULES).points_to
    assert ref("Deployment", "shop/engine-main") in points
    assert ref("Service", "shop/e-svc") in points


def test_a_failed_parent_is_walked_to_the_child_job_that_failed_first():
    cluster = engine(condition("Failed", "True", "FailedJobs", "first failed job: e-workers-0"))
    late = {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", since=10)]}
    first = {"conditions": [condition("Failed", "True", "BackoffLimitExceeded", since=100)]}
    cluster.add(
        "Job", "e-workers-1", "shop", api="batch/v1", metadata=owned("Engine", "e", "shop", API), spec={}, status=late
    )
    cluster.add(
        "Job", "e-workers-0", "shop", api="batch/v1", metadata=owned("Engine", "e", "shop", API), spec={}, status=first
    )
    ended = {"name": "main", "ready": False, "restartCount": 0, "state": {"terminated": {"exitCode": 3}}}
    cluster.pod("e-workers-0-x", owner=("Job", "e-workers-0"), phase="Failed", status={"containerStatuses": [ended]})
    found = cluster.only(RULES)
    assert found.object == ref("Job", "shop/e-workers-0")
    assert "exit code 3" in found.title


def test_a_change_that_the_controller_has_not_seen_is_reported_after_a_while():
    changed = {"generation": 5, "managedFields": [{"manager": "kubectl", "time": ago(900)}]}
    found = engine(observedGeneration=4, metadata=changed).only(RULES)
    assert found.cause == "custom.not_observed"
    recent = {"generation": 5, "managedFields": [{"manager": "kubectl", "time": ago(20)}]}
    assert engine(observedGeneration=4, metadata=recent).find(RULES) == []


def test_a_definition_that_is_not_served_is_reported():
    status = {"conditions": [condition("NamesAccepted", "False", "ListKindConflict", "taken")]}
    cluster = Cluster().add("CustomResourceDefinition", "x.example.com", api="apiextensions.k8s.io/v1", status=status)
    assert cluster.only(RULES).cause == "crd.not_established"


def test_kinds_of_kubernetes_itself_are_left_to_their_own_rules():
    cluster = Cluster().node(conditions=[condition("Ready", "False")]).deployment("web")
    assert cluster.find(RULES) == []


def test_hostile_conditions_are_read_without_harm():
    cluster = Cluster().add(
        "Engine", "e", "shop", api=API, status={"conditions": "x", "phase": ["Failed"], "observedGeneration": "?"}
    )
    cluster.add("Engine", "f", "shop", api=API, status=[1, 2], metadata={"generation": "many"})
    assert cluster.find(RULES) == []


def queue(cluster=None, *, active="True", reason="Ready", stop="None"):
    cluster = (cluster or Cluster()).add(
        "ClusterQueue",
        "cq",
        api=KUEUE,
        spec={"stopPolicy": stop},
        status={"conditions": [condition("Active", active, reason, "see reason")]},
    )
    return cluster.add("LocalQueue", "lq", "ml", api=KUEUE, spec={"clusterQueue": "cq"})


def workload(cluster, name, *conditions, age=900, priority=0, queue_name="lq", active=True, **status):
    cluster.add("Job", name, "ml", api="batch/v1", spec={"suspend": True}, status={})
    body = {"queueName": queue_name, "priority": priority, "active": active}
    return cluster.add(
        "Workload",
        f"job-{name}",
        "ml",
        api=KUEUE,
        age=age,
        metadata=owned("Job", name, "ml"),
        spec=body,
        status={"conditions": list(conditions), **status},
    )


def held(message, reason="Pending"):
    return condition("QuotaReserved", "False", reason, message)


def test_a_preempted_workload_blames_the_job_that_took_its_quota():
    by = "Preempted to accommodate a workload (UID: uid-Workload-ml-job-urgent, JobUID: x) due to prioritization in the ClusterQueue"
    cluster = workload(
        queue(),
        "slow",
        held("no quota"),
        condition("Evicted", "True", "Preempted", by),
        condition("Preempted", "True", "InClusterQueue", by),
    )
    workload(cluster, "urgent", condition("QuotaReserved", "True"), condition("Admitted", "True"), priority=1000)
    found = cluster.only(custom_kueue.RULES)
    assert (found.cause, found.object) == ("kueue.preempted", ref("Job", "ml/urgent"))
    assert "priority 1000 over 0" in found.title
    assert ref("Job", "ml/slow") in found.explains


@pytest.mark.parametrize(
    ("message", "cause", "kind"),
    [
        (
            "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, 8 more needed",
            "kueue.quota.waiting",
            "ClusterQueue",
        ),
        (
            "insufficient quota for cpu in flavor f, previously considered podsets requests (0) + current podset request (99) > maximum capacity (10)",
            "kueue.quota.exceeds_max",
            "Job",
        ),
        (
            "couldn't assign flavors to pod set main: untolerated taint {k v} in flavor f",
            "kueue.quota.no_flavor",
            "Job",
        ),
        ("resource nvidia.com/mig unavailable in ClusterQueue", "kueue.quota.resource_absent", "ClusterQueue"),
        ("Workload namespace doesn't match ClusterQueue selector", "kueue.namespace_mismatch", "ClusterQueue"),
        ('topology "rack" doesn\'t allow to fit any of 8 pod(s)', "kueue.tas.nofit", "Job"),
    ],
)
def test_each_obstacle_of_a_waiting_workload_has_its_cause(message, cause, kind):
    found = workload(queue(), "j", held(message)).only(custom_kueue.RULES)
    assert (found.cause, found.object.kind) == (cause, kind)


def test_a_queue_that_admits_nothing_is_the_object():
    found = workload(queue(active="False", reason="FlavorNotFound"), "j", held("inactive")).only(custom_kueue.RULES)
    assert (found.cause, found.object.kind) == ("kueue.clusterqueue.flavor_missing", "ClusterQueue")
    assert (
        workload(queue(active="False", reason="Stopped", stop="Hold"), "j", held("x")).only(custom_kueue.RULES).cause
        == "kueue.clusterqueue.stopped"
    )
    assert (
        workload(queue(active="False", reason="AdmissionCheckInactive"), "j", held("x")).only(custom_kueue.RULES).cause
        == "kueue.clusterqueue.inactive"
    )


def test_a_queue_that_does_not_exist_offers_the_nearest():
    found = workload(queue(), "j", held("LocalQueue lqq doesn't exist"), queue_name="lqq").only(custom_kueue.RULES)
    assert found.cause == "kueue.localqueue.missing"
    assert "there is lq" in found.title


def test_a_suspended_job_for_a_queue_that_does_not_exist_is_found_without_a_workload():
    cluster = queue().add(
        "Job", "j", "ml", api="batch/v1", labels={"kueue.x-k8s.io/queue-name": "none"}, spec={"suspend": True}
    )
    assert cluster.only((*custom_kueue.RULES, *custom_kueue_jobs.RULES)).object == ref("Job", "ml/j")
    cluster = queue().add(
        "Job", "j", "ml", api="batch/v1", labels={"kueue.x-k8s.io/queue-name": "lq"}, spec={"suspend": True}
    )
    assert cluster.find((*custom_kueue.RULES, *custom_kueue_jobs.RULES)) == []


def test_other_ends_of_a_workload_have_their_causes():
    assert (
        workload(queue(), "j", condition("Evicted", "True", "Deactivated", "limit"), active=False)
        .only(custom_kueue.RULES)
        .cause
        == "kueue.deactivated"
    )
    assert (
        workload(queue(), "j", condition("Evicted", "True", "PodsReadyTimeout", "late")).only(custom_kueue.RULES).cause
        == "kueue.evicted.podsready"
    )
    checks = [{"name": "prov", "state": "Retry", "message": "no nodes", "lastTransitionTime": ago(900)}]
    assert (
        workload(queue(), "j", condition("QuotaReserved", "True"), admissionChecks=checks)
        .only(custom_kueue.RULES)
        .cause
        == "kueue.check.pending"
    )


def test_a_moment_in_the_queue_and_an_admitted_workload_are_healthy():
    short = condition(
        "QuotaReserved", "False", "Pending", "insufficient unused quota for cpu in flavor f, 1 more needed", since=20
    )
    assert workload(queue(), "j", short).find(custom_kueue.RULES) == []
    assert (
        workload(queue(), "j", condition("QuotaReserved", "True"), condition("Admitted", "True")).find(
            custom_kueue.RULES
        )
        == []
    )
