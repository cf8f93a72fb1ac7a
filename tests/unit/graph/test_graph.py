"""The graph answers what there is, what is tied to what, and what is missing."""

from __future__ import annotations

import msgspec
import pytest

from copilot.model import ContainerLog, Coverage, Detail, Reading, ReadState, Snapshot
from retrievers.graph import EdgeKind, NodeState, build_graph
from tests.unit.graph.objects import NOW, graph_of, made, owner, pod, ref, wrap

CONFIG_VOLUME = {"volumes": [{"name": "v", "configMap": {"name": "cfg"}}]}


def test_a_missing_target_dangles_only_where_its_kind_was_read():
    target = ref("ConfigMap shop/cfg")
    for readings, state in [
        ((Reading("ConfigMap"),), NodeState.DANGLING),
        ((Reading("ConfigMap", namespace="shop"),), NodeState.DANGLING),
        ((Reading("ConfigMap", namespace="other"),), NodeState.UNREADABLE),
        ((Reading("ConfigMap", state=ReadState.PARTIAL),), NodeState.UNREADABLE),
        ((Reading("ConfigMap", state=ReadState.REFUSED),), NodeState.UNREADABLE),
        ((), NodeState.UNREADABLE),
    ]:
        graph = build_graph(Snapshot("c", NOW, (pod(spec=CONFIG_VOLUME),), Coverage(readings)))
        assert graph.state(target) is state
        assert bool([edge for edge in graph.dangling() if edge.target == target]) is (state is NodeState.DANGLING)


def test_a_secret_is_unreadable_unless_secrets_were_listed():
    spec = {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}
    assert graph_of(pod(spec=spec)).state(ref("Secret shop/s")) is NodeState.UNREADABLE
    assert graph_of(pod(spec=spec), read=("Pod", "Secret")).state(ref("Secret shop/s")) is NodeState.DANGLING


def test_things_without_an_api_object_are_present_when_something_names_them():
    graph = graph_of(pod(spec={"schedulerName": "volcano"}))
    assert graph.state(ref("Scheduler volcano")) is NodeState.PRESENT
    assert graph.state(ref("Scheduler other")) is NodeState.UNREADABLE


def test_a_device_is_missing_when_no_slice_publishes_it():
    claim = made("ResourceClaim", "c", api="resource.k8s.io/v1", status={"allocation": {"devices": {"results": [
        {"driver": "x", "pool": "p", "device": "d"}]}}})  # fmt: skip
    slice_ = made("ResourceSlice", "s", "", api="resource.k8s.io/v1",
                  spec={"driver": "x", "pool": {"name": "p"}, "devices": [{"name": "d"}]})  # fmt: skip
    read = (("ResourceClaim", "resource.k8s.io"), ("ResourceSlice", "resource.k8s.io"))
    device = graph_of(claim).out(claim.ref, EdgeKind.ALLOCATED)[0].target
    assert graph_of(claim, read=read).state(device) is NodeState.DANGLING
    assert graph_of(claim, slice_).state(device) is NodeState.PRESENT


def test_the_same_name_in_two_groups_is_two_objects():
    graph = graph_of(made("Service", "web"), made("Service", "web", api="serving.knative.dev/v1"))
    assert len(graph.of_kind("Service")) == 2
    assert [found.ref.group for found in graph.of_kind("Service", group="serving.knative.dev")] == [
        "serving.knative.dev"
    ]
    assert graph.find("Service", "shop", "web").ref.group == ""
    assert graph.find("Service", "shop", "web", "serving.knative.dev").ref.group == "serving.knative.dev"
    assert graph.find("Service", "shop", "nothing") is None


def test_the_more_detailed_of_two_readings_stays_and_of_equals_the_later():
    full, row = pod(spec={"nodeName": "n1"}), wrap(pod().body, Detail.ROW)
    for order in ([full, row], [row, full]):
        assert graph_of(*order).get(full.ref).detail is Detail.FULL
    later = pod(spec={"nodeName": "n2"})
    assert graph_of(full, later).get(full.ref) is later
    assert len(graph_of(full, later).of_kind("Pod")) == 1


def test_a_cluster_scoped_custom_owner_is_found():
    graph = graph_of(made("Fleet", "f", "", api="x.io/v1"), pod(owners=[owner("Fleet", "f", "x.io/v1")]))
    assert graph.owners(ref("Pod shop/web-0")) == [ref("Fleet f", "x.io")]


def test_a_reference_without_a_group_finds_the_only_group_of_its_kind():
    widget = made("Widget", "w", api="x.io/v1", spec={"issuerRef": {"kind": "Issuer", "name": "i"}})
    graph = graph_of(widget, made("Issuer", "i", api="other.io/v1"))
    assert [edge.target.group for edge in graph.out(widget.ref)] == ["other.io"]


def test_an_inferred_kind_that_nobody_has_heard_of_is_no_edge():
    widget = made("Widget", "w", api="x.io/v1", spec={"flavourRef": {"name": "vanilla"}})
    assert graph_of(widget).out(widget.ref) == []


def test_events_come_oldest_first_from_both_generations_of_the_api():
    about = {"kind": "Pod", "name": "web-0", "namespace": "shop", "fieldPath": "spec.containers{web}"}
    graph = graph_of(
        pod(),
        made("Event", "b", involvedObject=about, reason="BackOff", type="Warning", message="back-off", count=7,
             firstTimestamp="2026-03-01T10:00:00Z", lastTimestamp="2026-03-01T11:00:00Z", source={"component": "kubelet"}),
        made("Event", "a", api="events.k8s.io/v1", regarding=about, reason="Scheduled", type="Normal", note="assigned",
             eventTime="2026-03-01T09:00:00.000000Z", reportingController="default-scheduler"),
        made("Event", "c", api="events.k8s.io/v1", regarding=about, reason="Late", deprecatedCount=2,
             eventTime="2026-03-01T09:00:00Z", series={"count": 5, "lastObservedTime": "2026-03-01T11:30:00Z"}),
        made("Event", "stray"),
        made("Event", "broken", involvedObject={"kind": 3, "name": []}),
    )  # fmt: skip
    facts = graph.events(ref("Pod shop/web-0"))
    assert [(fact.reason, fact.message, fact.count, fact.component) for fact in facts] == [
        ("Scheduled", "assigned", 1, "default-scheduler"), ("BackOff", "back-off", 7, "kubelet"), ("Late", "", 5, ""),
    ]  # fmt: skip
    assert facts[1].field == "spec.containers{web}"
    assert (facts[1].first.hour, facts[1].last.hour, facts[2].last.minute) == (10, 11, 30)


def test_logs_are_found_by_pod_and_container_current_first():
    logs = (
        ContainerLog("shop", "web-0", "web", "old", previous=True),
        ContainerLog("shop", "web-0", "web", "new"),
        ContainerLog("shop", "web-0", "proxy", "p"),
    )
    graph = build_graph(Snapshot("c", NOW, (pod(),), logs=logs))
    assert [log.text for log in graph.logs(ref("Pod shop/web-0"), "web")] == ["new", "old"]
    assert len(graph.logs(ref("Pod shop/web-0"))) == 3
    graph.add_logs((ContainerLog("shop", "web-0", "late", "l"),))
    assert len(graph.logs(ref("Pod shop/web-0"))) == 4


def test_namespace_membership_is_computed_when_asked_for():
    graph = graph_of(pod(), made("Namespace", "shop", ""), pod("x", "other"))
    assert [edge.source.name for edge in graph.into(ref("Namespace shop"), EdgeKind.IN_NAMESPACE)] == ["web-0"]
    assert graph.out(ref("Pod shop/web-0"), EdgeKind.IN_NAMESPACE)[0].target == ref("Namespace shop")
    assert graph.into(ref("Namespace shop")) == []


@pytest.mark.parametrize("wrong", [None, 7, "text", [], [[]], {"": None}, [{"a": 1}], True])
def test_no_field_of_a_wrong_type_makes_it_raise(wrong):
    bodies = []
    for kind, api in [("Pod", "v1"), ("Deployment", "apps/v1"), ("Service", "v1"), ("Ingress", "networking.k8s.io/v1"),
                      ("EndpointSlice", "discovery.k8s.io/v1"), ("Event", "v1"), ("PersistentVolume", "v1"),
                      ("ResourceSlice", "resource.k8s.io/v1"), ("HTTPRoute", "gateway.networking.k8s.io/v1"),
                      ("NetworkPolicy", "networking.k8s.io/v1"), ("Widget", "x/v1"), ("StatefulSet", "apps/v1")]:  # fmt: skip
        for fields in (
            {"spec": wrong, "status": wrong},
            {"metadata": wrong},
            {"endpoints": wrong, "involvedObject": wrong},
        ):
            bodies.append({"apiVersion": api, "kind": kind, "metadata": {"name": "x", "namespace": "n"}, **fields})
        bodies.append({"apiVersion": api, "kind": kind, "metadata": {
            "name": "x", "labels": wrong, "ownerReferences": wrong, "annotations": wrong}, "spec": {
            "containers": wrong, "volumes": wrong, "template": wrong, "rules": wrong, "selector": wrong, "devices": wrong,
            "parentRefs": wrong, "volumeClaimTemplates": wrong, "replicas": wrong, "podSelector": wrong}})  # fmt: skip
    graph = graph_of(*(wrap(body) for body in bodies))
    for found in list(graph.refs()):
        graph.events(found)
        graph.depends_on(found)
        graph.blast_radius(found)
    assert graph.dangling() is not None


def test_the_snapshot_it_was_built_from_is_kept():
    snapshot = Snapshot("c", NOW, (pod(),))
    graph = build_graph(snapshot)
    assert graph.snapshot is snapshot
    graph.add_logs(())
    assert msgspec.structs.replace(graph.snapshot, logs=()).observed_at == NOW
