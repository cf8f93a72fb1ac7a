"""The live source against a real API server: the same objects as kubectl, refusals said, changes followed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from copilot.model import ReadState, Ref, Snapshot, UsageError
from copilot.model.errors import DeniedError
from retrievers.graph import ResourceGraph, build_graph
from tests.live.test_testbed import create, deployment, pod, roll_out
from tests.live.testbed.cluster import Cluster
from tools import access
from tools.access import AccessQuestion
from tools.change.identity import identify_cluster
from tools.cluster import live_lists
from tools.cluster import watch as watching
from tools.cluster.discovery import discover
from tools.cluster.discovery_known import ApiKind
from tools.cluster.live import LiveSource, open_live
from tools.cluster.live_lists import Lister, ListOutcome, ListRequest
from tools.cluster.source import LogRequest, Scope
from tools.cluster.watch import ChangeType, KindWatch
from tools.cluster.watch_all import ClusterWatch

CONFIG_MAPS = ApiKind("", "v1", "configmaps", "ConfigMap", True)
Opener = Callable[..., LiveSource]


@pytest.fixture
def live(live_cluster: Cluster) -> Iterator[Opener]:
    """Open the cluster as one of its users."""
    opened: list[LiveSource] = []

    def opener(user: str = "admin") -> LiveSource:
        opened.append(open_live(str(live_cluster.kubeconfig), user))
        return opened[-1]

    yield opener
    for source in opened:
        source.close()


def names(snapshot: Snapshot, kind: str, namespace: str) -> set[str]:
    return {one.ref.name for one in snapshot.resources if one.ref.kind == kind and one.ref.namespace == namespace}


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": "v"}}


def test_the_snapshot_holds_what_kubectl_lists(live_cluster: Cluster, namespace: str, live: Opener) -> None:
    create(live_cluster, namespace, deployment("web"), config_map("settings"))
    roll_out(live_cluster, namespace, "web")
    snapshot = live().snapshot(Scope())
    for kind, plural in (("Pod", "pods"), ("ReplicaSet", "replicasets.apps"), ("ConfigMap", "configmaps")):
        listed = {item["metadata"]["name"] for item in live_cluster.get(plural, "-n", namespace)["items"]}
        assert (kind, names(snapshot, kind, namespace)) == (kind, listed)
        assert snapshot.coverage.was_read(kind, namespace)
    assert names(snapshot, "Event", namespace)


def test_an_object_is_what_kubectl_gets_but_for_field_ownership(
    live_cluster: Cluster, namespace: str, live: Opener
) -> None:
    create(live_cluster, namespace, deployment("web", 1))
    roll_out(live_cluster, namespace, "web")
    snapshot = live().snapshot(Scope(namespaces=(namespace,)))
    wanted = live_cluster.get("deployment", "web", "-n", namespace, "--show-managed-fields")
    found = next(one.body for one in snapshot.resources if one.ref == Ref("Deployment", namespace, "web", "apps"))
    for body in (wanted, found):
        body["metadata"].pop("managedFields")
        body["metadata"]["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration", None)
    assert found == wanted


def test_now_is_the_servers_clock(live_cluster: Cluster, namespace: str, live: Opener) -> None:
    create(live_cluster, namespace, config_map("fresh"))
    snapshot = live().snapshot(Scope(namespaces=(namespace,)))
    made = next(one.created for one in snapshot.resources if one.ref == Ref("ConfigMap", namespace, "fresh"))
    assert made is not None
    assert timedelta(0) <= snapshot.observed_at - made < timedelta(minutes=2)


@pytest.fixture
def gadgets(live_cluster: Cluster, namespace: str) -> Iterator[ApiKind]:
    """A custom kind for one test."""
    kind = ApiKind(f"{namespace}.example.com", "v1alpha3", "gadgets", "Gadget", True)
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{kind.group}"},
        "spec": {"group": kind.group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    live_cluster.apply(definition)
    live_cluster.kubectl("wait", "--for=condition=Established", f"crd/gadgets.{kind.group}", "--timeout=60s")
    live_cluster.wait_for(lambda: live_cluster.kubectl("get", f"gadgets.{kind.group}", "-A") is not None)
    yield kind
    live_cluster.kubectl("delete", f"crd/gadgets.{kind.group}", "--wait=false")


def gadget(kind: ApiKind, name: str) -> dict[str, Any]:
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": name}}


def test_custom_resources_are_found_by_discovery(
    live_cluster: Cluster, namespace: str, live: Opener, gadgets: ApiKind
) -> None:
    source = live()
    live_cluster.wait_for(lambda: discover(source.transport).has("Gadget", gadgets.group), what="discovery of the kind")
    create(live_cluster, namespace, gadget(gadgets, "g"))
    found = [one.ref for one in source.snapshot(Scope()).resources if one.ref.kind == "Gadget"]
    assert found == [Ref("Gadget", namespace, "g", gadgets.group)]


def test_old_style_discovery_finds_the_same_kinds(live: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    source = live()
    aggregated = discover(source.transport)
    original = source.transport.get
    monkeypatch.setattr(source.transport, "get", lambda path, query=(), *, accept="": original(path, query))
    assert set(discover(source.transport).kinds) == set(aggregated.kinds)


def test_secrets_are_never_asked_for(live_cluster: Cluster, live: Opener) -> None:
    before = len(live_cluster.audit_log.read_text().splitlines())  # other tests share the log
    live("operator").snapshot(Scope())
    requests = [json.loads(line) for line in live_cluster.audit_log.read_text().splitlines()[before:]]
    mine = [one for one in requests if one.get("userAgent") == "kubectl-copilot"]
    assert mine
    assert not [one for one in mine if one.get("objectRef", {}).get("resource") == "secrets"]
    assert {one["verb"] for one in mine} <= {"get", "list", "watch"}


def test_who_may_do_nothing_gets_refusals_and_no_objects(live: Opener) -> None:
    snapshot = live("powerless").snapshot(Scope())
    assert snapshot.resources == ()
    refused = {one.kind: one.detail for one in snapshot.coverage.refused()}
    assert {"Pod", "Node", "Deployment"} <= set(refused)
    assert "powerless" in refused["Pod"]
    assert not snapshot.coverage.was_read("Pod", "default")


def test_who_may_read_one_namespace_reads_it(live_cluster: Cluster, namespace: str, live: Opener) -> None:
    live_cluster.kubectl(
        "create", "rolebinding", "looks", "--clusterrole=view", "--user=powerless", "-n", namespace
    )  # fmt: skip
    create(live_cluster, namespace, config_map("mine"))
    source = live("powerless")
    source.connection = msgspec.structs.replace(source.connection, namespace=namespace)
    snapshot = live_cluster.wait_for(
        lambda: found if (found := source.snapshot(Scope())).resources else None, what="the new role"
    )
    assert "mine" in names(snapshot, "ConfigMap", namespace)
    assert snapshot.coverage.was_read("Pod", namespace)
    states = {(one.kind, one.namespace): one.state for one in snapshot.coverage.readings}
    assert states["Pod", "*"] is ReadState.REFUSED


def test_a_wrong_token_is_not_accepted(live: Opener) -> None:
    source = live()
    source.connection.client.configuration.api_key["BearerToken"] = "Bearer nonsense"
    source.connection.client.configuration.refresh_api_key_hook = None
    with pytest.raises(DeniedError, match="does not accept the credentials"):
        source.snapshot(Scope())


def test_a_namespace_that_does_not_exist_is_an_error(live: Opener) -> None:
    with pytest.raises(UsageError, match="'kube-sistem' does not exist") as caught:
        live().snapshot(Scope(namespaces=("kube-sistem",)))
    assert "kube-system" in caught.value.hint


def test_pages_make_the_whole_list(
    live_cluster: Cluster, namespace: str, live: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(live_cluster, namespace, *(config_map(f"c-{number:02}") for number in range(25)))
    monkeypatch.setattr(live_lists, "PAGE", 4)
    outcome = Lister(live().transport).read(ListRequest(CONFIG_MAPS, namespace))
    assert [one.ref.name for one in outcome.resources][:25] == [f"c-{number:02}" for number in range(25)]
    assert outcome.state is ReadState.READ


def test_logs_and_previous_logs_are_read(live_cluster: Cluster, namespace: str, live: Opener) -> None:
    live_cluster.add_log(f"{namespace}-now", ["starting", "ready"])
    live_cluster.add_log(f"{namespace}-before", ["panic: no config"])
    marks = {"testbed/logs": f"{namespace}-now", "testbed/logs-previous": f"{namespace}-before"}
    create(live_cluster, namespace, pod("talks", marks))
    live_cluster.kubectl("wait", "--for=condition=Ready", "pod/talks", "-n", namespace, "--timeout=60s")
    live_cluster.wait_for(lambda: live_cluster.kubectl("logs", "talks", "-n", namespace), what="the log")
    wanted = [LogRequest(namespace, "talks", "app"), LogRequest(namespace, "talks", "app", previous=True)]
    read = live().read_logs(
        [*wanted, LogRequest(namespace, "absent", "app"), LogRequest(namespace, "talks", "no-such")]
    )
    assert [log.text for log in read.logs] == ["starting\nready\n", "panic: no config\n"]
    assert ["HTTP 404" in read.notes[0], "HTTP 400" in read.notes[1]] == [True, True]


def test_the_cluster_is_known_by_the_uid_of_its_system_namespace(live_cluster: Cluster, live: Opener) -> None:
    assert identify_cluster(live().transport).uid == live_cluster.get("namespace", "kube-system")["metadata"]["uid"]


def test_access_reviews_are_the_clusters_own_answer(namespace: str, live: Opener) -> None:
    question = AccessQuestion("patch", "deployments", "apps", namespace, "web", "scale")
    answers = {user: access.may(live(user).transport, question).allowed for user in ("operator", "reader", "powerless")}
    assert answers == {"operator": True, "reader": False, "powerless": False}
    rules = access.rules(live("reader").transport, namespace)
    assert any("pods" in rule.resources and "list" in rule.verbs for rule in rules.rules)
    assert not any("secrets" in rule.resources for rule in rules.rules)


def consume(watch: ClusterWatch, graph: ResourceGraph, done: Callable[[], bool]) -> None:
    """Keep the graph up with the cluster until it shows something; the test bed's patience is the limit."""
    for _ in range(600):
        if done():
            return
        change = watch.next(0.2)
        if change is not None and change.type is ChangeType.DELETED:
            graph.remove(change.resource.ref)
        elif change is not None:
            graph.put(change.resource)
    pytest.fail("the change did not arrive")


def ready_pods(graph: ResourceGraph, namespace: str) -> int:
    conditions = [one.status.get("conditions", []) for one in graph.of_kind("Pod", namespace)]
    return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in each) for each in conditions)


def test_a_graph_is_kept_up_with_a_rollout_and_its_end(live_cluster: Cluster, namespace: str, live: Opener) -> None:
    source = live()
    graph = build_graph(source.snapshot(Scope()))
    with source.watch() as watch:
        create(live_cluster, namespace, deployment("web", 3))
        consume(watch, graph, lambda: ready_pods(graph, namespace) == 3)
        live_cluster.kubectl("delete", "deployment", "web", "-n", namespace, "--wait=false")
        consume(watch, graph, lambda: not graph.of_kind("Pod", namespace))
    assert watch.ended() == ()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("watch ")]


def test_after_the_servers_410_the_difference_is_told(
    live_cluster: Cluster, namespace: str, live: Opener, gadgets: ApiKind
) -> None:
    source = live()
    create(live_cluster, namespace, gadget(gadgets, "early"))
    listed = Lister(source.transport).read(ListRequest(gadgets, namespace))
    create(live_cluster, namespace, gadget(gadgets, "late"))
    # The server's memory of this kind starts when the kind was made: version 1 is before that.
    watch = KindWatch(source.transport, ListOutcome(listed.request, listed.resources, resource_version="1"))
    change = next(watch.changes())
    watch.close()
    assert (change.type, change.resource.ref.name) == (ChangeType.ADDED, "late")
    assert watch.relists == 1


def test_bookmarks_move_a_quiet_watch_on(
    live_cluster: Cluster, namespace: str, live: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "WATCH_SECONDS", 5)  # the server sends a bookmark two seconds before the end
    source = live()
    listed = Lister(source.transport).read(ListRequest(CONFIG_MAPS, namespace))
    watch = KindWatch(source.transport, listed)
    thread = threading.Thread(target=lambda: list(watch.changes()))
    thread.start()
    try:
        with live_cluster.namespace() as elsewhere:
            create(live_cluster, elsewhere, config_map("unrelated"))
            live_cluster.wait_for(lambda: int(watch._version) > int(listed.resource_version), what="a bookmark")
    finally:
        watch.close()
        thread.join(10)
    assert not thread.is_alive()
    assert watch.relists == 0
