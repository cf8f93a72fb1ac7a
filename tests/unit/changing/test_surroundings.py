"""What the graph shows around a workload."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from copilot.changing.surroundings import surroundings
from copilot.model import Coverage, Reading, Snapshot
from copilot.model.resource import ref_of
from guardrails.facts import Autoscaler, Budget, QuotaRoom, ServiceReach, Surroundings
from retrievers.graph import build_graph
from tests.small_api import deployment
from tools.cluster.resources import resource

_RELEVANT = ("Pod", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler", "ResourceQuota")


def _object(
    api: str, kind: str, name: str, owner: str = "", labels: dict[str, str] | None = None, **body: Any
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "shop", "uid": f"uid-{kind}-{name}", "labels": labels or {}}
    if owner:
        kind_of, _, name_of = owner.partition("/")
        api_of = "keda.sh/v1alpha1" if kind_of == "ScaledObject" else "apps/v1"
        metadata["ownerReferences"] = [
            {"apiVersion": api_of, "kind": kind_of, "name": name_of, "uid": f"uid-{owner}", "controller": True}
        ]
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def _pod(name: str, ready: bool) -> dict[str, Any]:
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    return _object("v1", "Pod", name, "ReplicaSet/web-1", {"app": "web"}, status=status, spec={})


def _around(*bodies: dict[str, Any], unread: tuple[str, ...] = ()) -> Surroundings:
    web = deployment()
    web["spec"]["template"]["spec"] = {
        "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "200m"}, "limits": {"memory": "1Gi"}}},
            {"name": "b"},
        ],
        "initContainers": [{"name": "i", "resources": {"requests": {"cpu": "500m"}}}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}],
    }
    replica_set = _object("apps/v1", "ReplicaSet", "web-1", "Deployment/web", {"app": "web"})
    readings = tuple(Reading(kind, namespace="shop") for kind in _RELEVANT if kind not in unread)
    found = tuple(resource(body, "test") for body in (web, replica_set, *bodies))
    graph = build_graph(Snapshot(resources=found, coverage=Coverage(readings)))
    return surroundings(graph, ref_of(web), web)


def test_services_count_their_ready_pods_and_how_many_are_ours() -> None:
    service = _object("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    stranger = {**_pod("other", ready=True)}
    stranger["metadata"]["ownerReferences"] = []
    around = _around(service, _pod("web-1-a", ready=True), _pod("web-1-b", ready=False), stranger)
    assert around.services == (ServiceReach("web", 2, 1),)
    assert [(each.kind, each.name) for each in around.dependants] == [("Service", "web")]


def test_budgets_and_autoscalers_are_found_with_the_place_of_their_bounds() -> None:
    budget = _object("policy/v1", "PodDisruptionBudget", "b", spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
                     status={"currentHealthy": 2, "desiredHealthy": 1})  # fmt: skip
    scaler = _object("autoscaling/v2", "HorizontalPodAutoscaler", "h", "ScaledObject/so",
                     spec={"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "maxReplicas": 9})  # fmt: skip
    around = _around(budget, scaler, _pod("web-1-a", ready=True))
    assert around.budgets == (Budget("b", 2, 1, absolute=True),)
    assert around.autoscalers == (Autoscaler("h", 1, 9, "ScaledObject shop/so"),)


def test_a_quota_has_room_for_so_many_more_pods() -> None:
    status = {"hard": {"pods": "10", "requests.cpu": "2", "limits.memory": "4Gi", "secrets": "5"},
              "used": {"pods": "7", "requests.cpu": "600m", "limits.memory": "3.5Gi"}}  # fmt: skip
    scoped = _object("v1", "ResourceQuota", "some", spec={"scopes": ["BestEffort"]}, status=status)
    around = _around(_object("v1", "ResourceQuota", "q", spec={}, status=status), scoped)
    assert around.quotas == (
        QuotaRoom("q", "limits.memory", 0),
        QuotaRoom("q", "pods", 3),
        QuotaRoom("q", "requests.cpu", 2),
    )
    assert around.unjudged == ("ResourceQuota some (it counts only some pods)",)


def test_a_volume_that_one_node_writes_is_noticed() -> None:
    claim = _object("v1", "PersistentVolumeClaim", "disk", spec={"accessModes": ["ReadWriteOnce"]})
    shared = _object("v1", "PersistentVolumeClaim", "disk", spec={"accessModes": ["ReadWriteMany"]})
    assert _around(claim).single_writer_volume
    assert not _around(shared).single_writer_volume
    assert not _around().single_writer_volume


def test_kinds_that_could_not_be_read_are_named() -> None:
    assert _around(unread=("Service", "ResourceQuota")).unread == ("Services", "ResourceQuotas")


_JUNK = (
    st.none()
    | st.integers()
    | st.text(max_size=4)
    | st.lists(st.none() | st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=2)
)


@given(st.sampled_from(["Service", "ResourceQuota", "Pod"]), _JUNK, _JUNK)
def test_garbage_around_the_object_never_raises(kind: str, spec: Any, status: Any) -> None:
    around = _around(_object("v1", kind, "x", labels={"app": "web"}, spec=spec, status=status))
    assert isinstance(around, Surroundings)
