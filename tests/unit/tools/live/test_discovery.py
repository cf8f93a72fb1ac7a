"""Which kinds are read from servers old and new."""

from __future__ import annotations

from typing import Any

from tests.unit.tools.live.api_server import ApiServer, reply, status
from tools.cluster.discovery import discover
from tools.cluster.discovery_known import ApiKind
from tools.cluster.live import LiveSource


def resource(name: str, kind: str, *, namespaced: bool = True, verbs: tuple[str, ...] = ("list",)) -> dict[str, Any]:
    return {"name": name, "kind": kind, "namespaced": namespaced, "verbs": list(verbs)}


def old_server(
    server: ApiServer, groups: dict[str, dict[str, list[dict[str, Any]]]], core: list[dict[str, Any]]
) -> None:
    """Answer discovery the way servers before 1.26 do."""
    server.special["/api"] = lambda _: reply({"kind": "APIVersions", "versions": ["v1"]})
    listed = [
        {
            "name": name,
            "versions": [{"version": v} for v in versions],
            "preferredVersion": {"version": next(iter(versions))},
        }
        for name, versions in groups.items()
    ]
    server.special["/apis"] = lambda _: reply({"kind": "APIGroupList", "groups": listed})
    server.special["/api/v1"] = lambda _: reply({"kind": "APIResourceList", "resources": core})
    for name, versions in groups.items():
        for version, resources in versions.items():
            answer = reply({"kind": "APIResourceList", "resources": resources})
            server.special[f"/apis/{name}/{version}"] = lambda _, answer=answer: answer


def test_an_old_server_is_asked_group_by_group(live: LiveSource, server: ApiServer) -> None:
    core = [resource("pods", "Pod"), resource("pods/log", "Pod"), resource("bindings", "Binding", verbs=("create",))]
    old_server(server, {"apps": {"v1": [resource("deployments", "Deployment")]}}, core)
    assert discover(live.transport).kinds == (
        ApiKind("", "v1", "pods", "Pod", True),
        ApiKind("apps", "v1", "deployments", "Deployment", True),
    )


def test_the_preferred_version_is_read_and_others_only_for_kinds_it_lacks(live: LiveSource, server: ApiServer) -> None:
    versions = {"v2": [resource("a", "A")], "v1": [resource("a", "A"), resource("b", "B", namespaced=False)]}
    old_server(server, {"example.com": versions}, [resource("pods", "Pod")])
    found = {(kind.kind, kind.version, kind.namespaced) for kind in discover(live.transport).kinds}
    assert found == {("Pod", "v1", True), ("A", "v2", True), ("B", "v1", False)}


def test_a_kind_that_moved_to_another_group_is_read_once(live: LiveSource, server: ApiServer) -> None:
    groups = {
        "extensions": {"v1beta1": [resource("ingresses", "Ingress"), resource("deployments", "Deployment")]},
        "networking.k8s.io": {"v1": [resource("ingresses", "Ingress")]},
        "apps": {"v1": [resource("deployments", "Deployment")]},
    }
    old_server(server, groups, [resource("pods", "Pod")])
    assert [kind.group for kind in discover(live.transport).kinds if kind.kind == "Ingress"] == ["networking.k8s.io"]


def test_a_server_so_old_that_only_the_old_group_has_a_kind_is_read_there(live: LiveSource, server: ApiServer) -> None:
    old_server(server, {"extensions": {"v1beta1": [resource("ingresses", "Ingress")]}}, [resource("pods", "Pod")])
    assert [kind.group for kind in discover(live.transport).kinds if kind.kind == "Ingress"] == ["extensions"]


def test_endpoints_are_read_only_where_there_are_no_slices(live: LiveSource, server: ApiServer) -> None:
    core = [resource("endpoints", "Endpoints")]
    old_server(server, {"discovery.k8s.io": {"v1": [resource("endpointslices", "EndpointSlice")]}}, core)
    assert not discover(live.transport).has("Endpoints")
    old_server(server, {}, core)
    assert discover(live.transport).has("Endpoints")


def test_events_are_read_in_one_group_only(live: LiveSource, server: ApiServer) -> None:
    groups = {"events.k8s.io": {"v1": [resource("events", "Event")]}}
    old_server(server, groups, [resource("events", "Event")])
    assert [kind.group for kind in discover(live.transport).kinds if kind.kind == "Event"] == [""]


def test_a_group_that_fails_is_noted_and_the_others_are_read(live: LiveSource, server: ApiServer) -> None:
    old_server(server, {"broken.io": {"v1": []}}, [resource("pods", "Pod")])
    server.special["/apis/broken.io/v1"] = lambda _: status(503, "add-on down")
    found = discover(live.transport)
    assert found.has("Pod")
    assert found.notes == ("API broken.io/v1 could not be looked up: HTTP 503 add-on down",)


def test_a_stale_add_on_is_noted(live: LiveSource, server: ApiServer) -> None:
    version = {"version": "v1", "freshness": "Stale", "resources": []}
    items = [{"metadata": {"name": "metrics.k8s.io"}, "versions": [version]}]
    server.special["/apis"] = lambda _: reply({"kind": "APIGroupDiscoveryList", "items": items})
    assert "metrics.k8s.io/v1 is served by an add-on that does not answer" in discover(live.transport).notes[0]


def test_names_that_could_change_the_path_are_not_followed(live: LiveSource, server: ApiServer) -> None:
    hostile = [resource("../../secrets", "A"), resource("a?watch=1", "B"), resource("c d", "C"), resource("", "D")]
    old_server(server, {"x/../y": {"v1": [resource("e", "E")]}}, hostile)
    assert discover(live.transport).kinds == ()


def test_garbage_inside_discovery_is_skipped(live: LiveSource, server: ApiServer) -> None:
    items: list[Any] = [
        None,
        7,
        {"metadata": [], "versions": [None, {"version": 3, "resources": "x"}]},
        {"versions": {}},
    ]
    server.special["/apis"] = lambda _: reply({"kind": "APIGroupDiscoveryList", "items": items})
    assert discover(live.transport).has("Pod")
