"""What a live snapshot holds, and what it says about the rest."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from copilot.model import ReadState, Ref, Snapshot, UsageError
from copilot.model.errors import DeniedError
from tests.unit.tools.live.api_server import ApiServer, Reply, pod, reply, status
from tools.change.identity import identify_cluster
from tools.cluster import live_lists, transport
from tools.cluster.live import LiveSource
from tools.cluster.source import Scope
from tools.cluster.transport_errors import ConnectionLostError, NotAnApiError


def states(snapshot: Snapshot, kind: str) -> dict[str, ReadState]:
    return {reading.namespace: reading.state for reading in snapshot.coverage.readings if reading.kind == kind}


def names(snapshot: Snapshot, kind: str) -> list[str]:
    return [one.ref.path for one in snapshot.resources if one.ref.kind == kind]


def test_every_listable_kind_is_read_custom_resources_included(live: LiveSource) -> None:
    snapshot = live.snapshot(Scope())
    assert names(snapshot, "Pod") == ["shop/web-0", "bank/ledger", "kube-system/coredns"]
    assert {one.ref for one in snapshot.resources if one.ref.kind == "Widget"} == {
        Ref("Widget", "shop", "w", "example.com")
    }
    assert snapshot.coverage.was_read("Widget", "shop", "example.com")


def test_objects_carry_their_kind_and_version_though_list_items_do_not(live: LiveSource) -> None:
    bodies = [(one.body["kind"], one.body["apiVersion"]) for one in live.snapshot(Scope()).resources]
    assert ("Widget", "example.com/v1beta1") in bodies
    assert ("Pod", "v1") in bodies


def test_secrets_are_never_asked_for(live: LiveSource, server: ApiServer) -> None:
    snapshot = live.snapshot(Scope())
    assert not [path for path in server.paths() if "secrets" in path]
    assert states(snapshot, "Secret") == {"*": ReadState.PARTIAL}
    assert not snapshot.coverage.was_read("Secret", "shop")


def test_config_values_are_dropped_and_their_keys_kept(live: LiveSource) -> None:
    body = next(one.body for one in live.snapshot(Scope()).resources if one.ref.kind == "ConfigMap")
    assert "data" not in body
    assert body["dataKeys"] == ["a"]


def test_config_values_are_kept_when_asked_for(live: LiveSource) -> None:
    body = next(one.body for one in live.snapshot(Scope(config_values=True)).resources if one.ref.kind == "ConfigMap")
    assert body["data"] == {"a": "1"}


def test_now_is_the_servers_clock(live: LiveSource) -> None:
    assert live.snapshot(Scope()).observed_at == datetime(2026, 3, 3, 10, 15, tzinfo=UTC)


def test_where_a_proxy_drops_the_clock_the_newest_time_of_the_objects_is_now(
    live: LiveSource, server: ApiServer
) -> None:
    server.date = "gone"
    server.objects["/api/v1/pods"][0]["metadata"]["creationTimestamp"] = "2026-03-01T08:00:00Z"
    assert live.snapshot(Scope()).observed_at == datetime(2026, 3, 1, 8, tzinfo=UTC)


def test_kinds_the_server_lacks_are_said_to_be_missing(live: LiveSource) -> None:
    assert states(live.snapshot(Scope()), "HorizontalPodAutoscaler") == {"*": ReadState.MISSING}


def test_a_long_list_is_read_page_by_page(live: LiveSource, server: ApiServer) -> None:
    server.objects["/api/v1/pods"] = [pod(f"web-{i}") for i in range(1201)]
    snapshot = live.snapshot(Scope())
    assert len(names(snapshot, "Pod")) == 1201
    asked = [request.query for request in server.seen if request.path == "/api/v1/pods"]
    assert asked == [{"limit": "500"}, {"limit": "500", "continue": "500"}, {"limit": "500", "continue": "1000"}]


def test_a_list_whose_continuation_expired_goes_on_where_the_server_says(live: LiveSource, server: ApiServer) -> None:
    server.objects["/api/v1/pods"] = [pod(f"web-{i}") for i in range(600)]

    def expired_once(request: object) -> Reply | None:
        token = getattr(request, "query", {}).get("continue")
        return status(410, "expired", **{"continue": "0500"}) if token == "500" else None

    server.special["/api/v1/pods"] = expired_once
    snapshot = live.snapshot(Scope())
    assert len(names(snapshot, "Pod")) == 600
    reading = next(r for r in snapshot.coverage.readings if r.kind == "Pod")
    assert (reading.state, "newer" in reading.detail) == (ReadState.READ, True)


def test_a_list_the_server_lost_is_partial(live: LiveSource, server: ApiServer) -> None:
    server.objects["/api/v1/pods"] = [pod(f"web-{i}") for i in range(600)]
    server.special["/api/v1/pods"] = lambda r: status(410, "expired") if "continue" in r.query else None
    snapshot = live.snapshot(Scope())
    assert states(snapshot, "Pod") == {"*": ReadState.PARTIAL}
    assert len(names(snapshot, "Pod")) == 500


def test_a_server_that_pages_for_ever_is_given_up(
    live: LiveSource, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_lists, "MAX_CUSTOM", 1000)
    server.special["/apis/example.com/v1beta1/widgets"] = lambda _: reply({"metadata": {"continue": "x"}, "items": []})
    assert states(live.snapshot(Scope()), "Widget") == {"*": ReadState.PARTIAL}


def test_a_custom_kind_with_very_many_objects_is_cut(
    live: LiveSource, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_lists, "MAX_CUSTOM", 1000)
    path = "/apis/example.com/v1beta1/widgets"
    server.objects[path] = [{"metadata": {"name": f"w{i}", "namespace": "shop"}} for i in range(3000)]
    snapshot = live.snapshot(Scope())
    assert (len(names(snapshot, "Widget")), states(snapshot, "Widget")) == (1000, {"*": ReadState.PARTIAL})


def test_a_namespace_is_read_with_its_own_lists_and_the_system_one(live: LiveSource, server: ApiServer) -> None:
    snapshot = live.snapshot(Scope(namespaces=("shop",)))
    assert names(snapshot, "Pod") == ["shop/web-0", "kube-system/coredns"]
    assert "/api/v1/pods" not in server.paths()
    assert snapshot.coverage.was_read("Pod", "shop")
    assert not snapshot.coverage.was_read("Pod", "bank")
    assert names(snapshot, "Node") == ["node-1"]


def test_the_namespaces_of_webhooks_are_read_too(live: LiveSource, server: ApiServer) -> None:
    webhook = {"clientConfig": {"service": {"namespace": "bank", "name": "hook"}}}
    configuration = {"metadata": {"name": "policy"}, "webhooks": [webhook]}
    server.serve(
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        [configuration],
        namespaced=False,
    )
    assert live.snapshot(Scope(namespaces=("shop",))).coverage.was_read("Pod", "bank")


def test_a_namespace_that_does_not_exist_is_an_error_that_offers_the_nearest(live: LiveSource) -> None:
    with pytest.raises(UsageError, match="'shpo' does not exist") as caught:
        live.snapshot(Scope(namespaces=("shpo",)))
    assert "shop" in caught.value.hint


def test_a_missing_namespace_is_noticed_even_where_namespaces_may_not_be_listed(
    live: LiveSource, server: ApiServer
) -> None:
    server.refuse("/api/v1/namespaces")
    with pytest.raises(UsageError):
        live.snapshot(Scope(namespaces=("shpo",)))


def test_a_refused_list_is_in_the_coverage_and_the_rest_is_read(live: LiveSource, server: ApiServer) -> None:
    server.refuse("/api/v1/nodes")
    snapshot = live.snapshot(Scope())
    refused = snapshot.coverage.refused()
    assert [(one.kind, one.namespace) for one in refused] == [("Node", "*")]
    assert refused[0].detail.startswith("You may not list nodes: ")
    assert len(names(snapshot, "Pod")) == 3


def test_where_the_cluster_may_not_be_listed_each_namespace_is(live: LiveSource, server: ApiServer) -> None:
    server.refuse("/api/v1/pods")
    server.refuse("/api/v1/namespaces/bank/pods")
    snapshot = live.snapshot(Scope())
    assert states(snapshot, "Pod") == {
        "*": ReadState.REFUSED,
        "bank": ReadState.REFUSED,
        "kube-system": ReadState.READ,
        "shop": ReadState.READ,
    }
    assert sorted(names(snapshot, "Pod")) == ["kube-system/coredns", "shop/web-0"]
    assert "were read in namespace" in snapshot.coverage.notes[0]


def test_who_may_only_read_one_namespace_gets_the_contexts_own(live: LiveSource, server: ApiServer) -> None:
    for path in server.kinds:
        server.refuse(path)
    snapshot = live.snapshot(Scope())
    assert {one.namespace for one in snapshot.coverage.readings if one.state is ReadState.READ} == {
        "default", "kube-node-lease", "kube-system",
    }  # fmt: skip


def test_a_system_namespace_that_may_not_be_read_costs_one_refusal(live: LiveSource, server: ApiServer) -> None:
    server.refuse("/api/v1/namespaces/kube-system/pods")
    snapshot = live.snapshot(Scope(namespaces=("shop",)))
    assert [(one.kind, one.namespace) for one in snapshot.coverage.refused()] == [("Pod", "kube-system")]


@pytest.mark.parametrize(
    "garbage",
    [
        Reply(body=b'{"kind":"PodList","metadata":{},"items":[{"metadata":'),
        Reply(body=b"<html>504 Gateway</html>", content_type="text/html"),
        Reply(body=b'{"items":[1,2]}'),
        Reply(body=b'{"metadata":{},"items":"no"}'),
        Reply(body=b"[" * 100_000),
        Reply(body=b"\xff\xfe\x00"),
        Reply(500, b"boom\x1b[2J"),
        Reply(302, b"", headers={"Location": "/login"}),
        Reply(body=b'{"kind":"PodList","metadata":{},"items":[]}', claimed_length=5000),
    ],
)
def test_one_list_that_answers_garbage_is_partial_and_the_others_are_read(
    live: LiveSource, server: ApiServer, garbage: Reply
) -> None:
    server.special["/api/v1/pods"] = lambda _: garbage
    server.compress = garbage.claimed_length is None
    snapshot = live.snapshot(Scope())
    assert states(snapshot, "Pod") == {"*": ReadState.PARTIAL}
    assert names(snapshot, "Node") == ["node-1"]
    assert not [one for one in snapshot.coverage.readings if not one.detail.isprintable()]


def test_an_answer_larger_than_the_limit_is_partial(live: LiveSource, server: ApiServer) -> None:
    server.objects["/api/v1/pods"] = [pod("big", spec={"note": "x" * 300_000})]
    live.transport.max_answer = 100_000
    reading = next(r for r in live.snapshot(Scope()).coverage.readings if r.kind == "Pod")
    assert (reading.state, "larger than" in reading.detail) == (ReadState.PARTIAL, True)


def test_metadata_of_unusual_types_is_read_tolerantly(live: LiveSource, server: ApiServer) -> None:
    items = [
        {"metadata": {"name": "odd", "namespace": "shop", "labels": {"n": 7}, "managedFields": "none"}},
        {"metadata": "nothing"},
        {"spec": {}},
    ]
    server.special["/apis/example.com/v1beta1/widgets"] = lambda _: reply({"metadata": {}, "items": items})
    snapshot = live.snapshot(Scope())
    assert "shop/odd" in names(snapshot, "Widget")


def test_a_null_list_is_an_empty_one(live: LiveSource, server: ApiServer) -> None:
    server.special["/api/v1/pods"] = lambda _: reply({"metadata": {"resourceVersion": "1"}, "items": None})
    assert live.snapshot(Scope()).coverage.was_read("Pod", "shop")


def test_field_ownership_is_reduced_to_who_and_when(live: LiveSource, server: ApiServer) -> None:
    one = pod("web-0")
    one["metadata"]["managedFields"] = [
        {"manager": "kubectl", "operation": "Update", "time": "2026-03-03T10:00:00Z", "fieldsV1": {"f:spec": {}}}
    ]
    one["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    server.objects["/api/v1/pods"] = [one]
    body = next(r.body for r in live.snapshot(Scope()).resources if r.ref.kind == "Pod")
    assert body["metadata"]["managedFields"] == [
        {"manager": "kubectl", "operation": "Update", "time": "2026-03-03T10:00:00Z"}
    ]
    assert body["metadata"]["annotations"] == {"a": "b"}


def test_credentials_that_are_not_accepted_end_the_reading(live: LiveSource, server: ApiServer) -> None:
    server.special["/api"] = lambda _: status(401, "Unauthorized")
    with pytest.raises(DeniedError, match="does not accept the credentials"):
        live.snapshot(Scope())


def test_a_login_page_is_no_api_server(live: LiveSource, server: ApiServer) -> None:
    server.special["/api"] = lambda _: Reply(200, b"<html>Log in</html>", "text/html")
    with pytest.raises(NotAnApiError, match="text/html"):
        live.snapshot(Scope())


def test_where_discovery_is_refused_the_usual_kinds_are_tried(live: LiveSource, server: ApiServer) -> None:
    server.refuse("/api")
    snapshot = live.snapshot(Scope())
    assert len(names(snapshot, "Pod")) == 3
    assert "only the usual kinds" in snapshot.coverage.notes[0]


def test_a_server_that_stops_answering_is_not_asked_sixty_times(
    live: LiveSource, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_TRIES", 1)
    server.kinds.clear()
    for number in range(60):
        path = f"/apis/example.com/v1/kind{number}s"
        server.serve(path, f"Kind{number}")
        server.special[path] = lambda _: Reply(body=b"{}", claimed_length=10**6)
    server.compress = False
    with pytest.raises(ConnectionLostError):
        live.snapshot(Scope())
    assert len(server.seen) < 20


def test_a_busy_server_is_asked_again_when_it_says_so(live: LiveSource, server: ApiServer) -> None:
    busy = status(429, "too many requests")
    busy.headers["Retry-After"] = "0"
    server.script("/api/v1/pods", busy, busy)
    assert live.snapshot(Scope()).coverage.was_read("Pod", "shop")


def test_usage_is_read_where_metrics_are_served(live: LiveSource, server: ApiServer) -> None:
    containers = [
        {"name": "web", "usage": {"cpu": "250m", "memory": "64Mi"}},
        {"name": "odd", "usage": {"cpu": "lots"}},
    ]
    pod_metrics = {"metadata": {"name": "web-0", "namespace": "shop"}, "containers": containers}
    node_metrics = {"metadata": {"name": "node-1"}, "usage": {"cpu": "2", "memory": "1Gi"}}
    server.serve("/apis/metrics.k8s.io/v1beta1/pods", "PodMetrics", [pod_metrics])
    server.serve("/apis/metrics.k8s.io/v1beta1/nodes", "NodeMetrics", [node_metrics], namespaced=False)
    usage = {(use.ref.name, use.container): (use.cpu, use.memory) for use in live.snapshot(Scope()).usage}
    assert usage == {
        ("node-1", ""): (2.0, 2.0**30),
        ("web-0", "web"): (0.25, 64 * 2.0**20),
        ("web-0", "odd"): (None, None),
    }


def test_metrics_that_do_not_answer_are_said_and_do_not_stop_the_reading(live: LiveSource, server: ApiServer) -> None:
    server.serve("/apis/metrics.k8s.io/v1beta1/pods", "PodMetrics")
    server.special["/apis/metrics.k8s.io/v1beta1/pods"] = lambda _: status(503, "the server is unable to handle it")
    snapshot = live.snapshot(Scope())
    assert states(snapshot, "PodMetrics") == {"*": ReadState.PARTIAL}
    assert len(names(snapshot, "Pod")) == 3


def test_the_cluster_is_named_by_context_and_server_and_known_by_uid(
    live: LiveSource, url: str, server: ApiServer
) -> None:
    server.special["/api/v1/namespaces/kube-system"] = lambda _: reply({"metadata": {"uid": "u-1"}})
    identity = identify_cluster(live.transport)
    assert (identity.context, identity.server, identity.uid, identity.key) == ("fake", url, "u-1", "u-1")
    assert live.snapshot(Scope()).cluster == f"fake ({url})"


def test_to_who_may_not_read_its_uid_a_cluster_is_its_address_and_its_certificates(
    live: LiveSource, server: ApiServer
) -> None:
    server.special["/api/v1/namespaces/kube-system"] = lambda _: status(403, "forbidden")
    found = identify_cluster(live.transport)
    other = msgspec.structs.replace(found, server_ca_sha256="another")
    assert len({found.key, other.key, msgspec.structs.replace(found, server="https://elsewhere").key}) == 3
    assert found.key == msgspec.structs.replace(found, context="renamed").key
