"""Stuck deletions: walked to the object that keeps a finalizer, or to the API that cannot be discovered."""

from copilot.diagnosis.rules.workloads import namespaces
from tests.unit.diagnosis.cluster import Cluster, ago, condition, ref

RULES = namespaces.RULES
LEFT = condition(
    "NamespaceContentRemaining",
    "True",
    "SomeResourcesRemain",
    "Some resources are remaining: backups.example.com has 1 resource instances",
)
HELD = condition(
    "NamespaceFinalizersRemaining",
    "True",
    "SomeFinalizersRemain",
    "Some content in the namespace has finalizers remaining: example.com/clean in 1 resource instances",
)


def dying(*conditions, since=900):
    metadata = {"deletionTimestamp": ago(since)}
    return Cluster().add(
        "Namespace",
        "old",
        metadata=metadata,
        spec={"finalizers": ["kubernetes"]},
        status={"phase": "Terminating", "conditions": list(conditions)},
    )


def backup(cluster, namespace="old", finalizer="example.com/clean", since=900):
    metadata = {"deletionTimestamp": ago(since), "finalizers": [finalizer]}
    return cluster.add("Backup", "weekly", namespace, api="example.com/v1", metadata=metadata)


def test_the_object_that_keeps_the_finalizer_is_named():
    found = backup(dying(LEFT, HELD)).only(RULES)
    assert found.cause == "namespace.terminating.finalizers"
    assert found.object == ref("Backup", "old/weekly", "example.com")
    assert "example.com/clean" in found.title
    assert ref("Namespace", "old") in found.explains


def test_a_dead_controller_of_the_finalizer_is_pointed_at():
    cluster = backup(dying(LEFT, HELD)).deployment("example-operator", "ops")
    assert ref("Deployment", "ops/example-operator") in cluster.only(RULES).points_to


def test_without_the_object_the_condition_is_quoted():
    found = dying(LEFT, HELD).only(RULES)
    assert found.object == ref("Namespace", "old")
    assert "backups.example.com (1)" in found.title


def test_an_api_that_cannot_be_discovered_blames_the_api_service():
    message = "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: stale GroupVersion discovery"
    cluster = dying(condition("NamespaceDeletionDiscoveryFailure", "True", "DiscoveryFailed", message))
    unavailable = {"conditions": [condition("Available", "False", "MissingEndpoints")]}
    cluster.add(
        "APIService",
        "v1beta1.metrics.k8s.io",
        api="apiregistration.k8s.io/v1",
        spec={"group": "metrics.k8s.io"},
        status=unavailable,
    )
    found = [finding for finding in cluster.find(RULES) if finding.cause == "namespace.terminating.discovery"]
    assert [finding.object for finding in found] == [ref("APIService", "v1beta1.metrics.k8s.io")]


def test_content_that_cannot_be_deleted_is_quoted():
    found = dying(condition("NamespaceDeletionContentFailure", "True", "ContentDeletionFailed", "webhook denied")).only(
        RULES
    )
    assert found.cause == "namespace.terminating.content"
    assert "webhook denied" in found.title


def test_a_namespace_that_has_just_been_deleted_is_given_a_moment():
    assert backup(dying(LEFT, HELD, since=20), since=20).find(RULES) == []


def test_a_live_namespace_is_healthy():
    assert Cluster().add("Namespace", "shop", status={"phase": "Active"}).find(RULES) == []


def test_an_object_deleted_long_ago_elsewhere_is_held_by_its_finalizer():
    found = backup(Cluster().add("Namespace", "shop", status={"phase": "Active"}), "shop").only(RULES)
    assert found.cause == "object.terminating.finalizer"


def test_an_unavailable_api_is_walked_to_its_backend():
    unavailable = {"conditions": [condition("Available", "False", "MissingEndpoints", "endpoints have no addresses")]}
    spec = {"group": "metrics.k8s.io", "service": {"name": "metrics", "namespace": "kube-system"}}
    cluster = Cluster().add(
        "APIService", "v1beta1.metrics.k8s.io", api="apiregistration.k8s.io/v1", spec=spec, status=unavailable
    )
    cluster.add("Service", "metrics", "kube-system", spec={"selector": {"app": "metrics"}}).deployment(
        "metrics", "kube-system"
    )
    found = cluster.only(RULES)
    assert (found.cause, found.object) == ("apiservice.unavailable", ref("Deployment", "kube-system/metrics"))


def test_an_available_api_is_healthy():
    cluster = Cluster().add(
        "APIService",
        "v1.apps",
        api="apiregistration.k8s.io/v1",
        spec={},
        status={"conditions": [condition("Available", "True")]},
    )
    assert cluster.find(RULES) == []
