"""Rendered state: what is stored, with which label, and that nobody is shown what the API server would not let them get."""

import itertools
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.model import Coverage, Ref, Resource, Snapshot
from guardrails.provenance.labels import Source
from guardrails.redaction import Redactor
from retrievers.graph import build_graph
from retrievers.knowledge import Library, Trust, Where
from retrievers.knowledge.objects import render_objects
from retrievers.knowledge.rights import MOST_QUESTIONS, Need, Rights, asked_rights, everything

REDACTOR = Redactor(b"k" * 32)
LIVE = "live/uid-1"
SECRET = "ghp_" + "a1B2" * 9


def resource(kind, namespace, name, group="", **body):
    metadata = {"name": name, "namespace": namespace, **body.pop("metadata", {})}
    return Resource(ref=Ref(kind, namespace, name, group), body={"metadata": metadata, **body})


def shop(namespace="shop", message="quota zirconium exceeded"):
    owner = {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}]}
    template = {"spec": {"containers": [{"name": "web", "image": "registry.local/web:1", "env": [{"name": "P", "value": "hunter2x"}]}]}}  # fmt: skip
    waiting = {"name": "web", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}}}
    return [
        resource("Deployment", namespace, "web", "apps", spec={"replicas": 2, "template": template}, status={"readyReplicas": 1}),
        resource("Pod", namespace, "web-a", metadata=owner, status={"phase": "Running", "containerStatuses": [waiting]}),
        resource("Pod", namespace, "web-b", metadata=owner, status={"phase": "Running", "containerStatuses": [{"name": "web", "ready": True}]}),
        resource("Secret", namespace, "keys", data={"vanadium": "aHVudGVyMg=="}),
        resource("Service", namespace, "front", spec={"type": "ClusterIP", "ports": [{"port": 80}]}),
    ]  # fmt: skip


def graph_of(*resources):
    return build_graph(Snapshot(cluster="c", observed_at=datetime(2026, 1, 1, tzinfo=UTC), resources=tuple(resources), coverage=Coverage()))  # fmt: skip


@pytest.fixture
def library(tmp_path, monkeypatch):
    monkeypatch.setattr("retrievers.knowledge.library.shipped", lambda: iter(()))
    with Library(tmp_path, REDACTOR) as opened:
        yield opened


def may_all(library):
    return Where(rights=everything(LIVE, library.store.needs(LIVE)))


def test_owners_and_their_trouble_are_rendered_and_no_document_is_about_a_pod_of_an_owner_or_a_secret():
    titles = [document.title for document in render_objects(graph_of(*shop()), LIVE, REDACTOR)]
    assert titles == ["Deployment shop/web", "Service shop/front"]


def test_typed_fields_and_free_text_stand_apart_with_their_labels(library):
    library.index_objects(graph_of(*shop()), LIVE)
    hit = library.search("zirconium", where=may_all(library))[0]
    assert (hit.document, hit.label, hit.trust) == ("Deployment shop/web", Source.K8S_FREETEXT, Trust.OBJECTS)
    assert library.search("registry.local", where=may_all(library))[0].label is Source.K8S_STRUCTURED


def test_equal_state_is_not_written_again_and_what_is_gone_is_forgotten(library):
    library.index_objects(graph_of(*shop()), LIVE)
    again = library.index_objects(graph_of(*shop()), LIVE)
    assert (again.added, again.changed, again.unchanged) == (0, 0, 2)
    less = library.index_objects(graph_of(*shop()[:1]), LIVE)
    assert (less.removed, less.changed) == (1, 1)


def test_secrets_in_messages_and_values_of_variables_are_not_stored(library, tmp_path):
    library.index_objects(graph_of(*shop(message=f"login with {SECRET} refused")), LIVE)
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in stored
    assert b"hunter2" not in stored
    assert b"vanadium" not in stored


def test_without_rights_nothing_of_a_cluster_is_found(library):
    library.index_objects(graph_of(*shop()), LIVE)
    assert library.search("zirconium web front") == []


def test_the_rights_of_one_cluster_show_nothing_of_another(library):
    library.index_objects(graph_of(*shop()), LIVE)
    forged = Rights("recorded/live/uid-1", frozenset(f"{need.resource}@*" for need in library.store.needs(LIVE)))
    assert library.search("zirconium web", where=Where(rights=forged)) == []


def test_words_of_pods_are_shown_to_nobody_who_can_get_the_deployment_alone(library):
    library.index_objects(graph_of(*shop()), LIVE)
    where = Where(rights=Rights(LIVE, frozenset({"deployments.apps@shop"})))
    assert library.search("zirconium CrashLoopBackOff", where=where) == []
    assert [hit.document for hit in library.search("registry web", where=where)] == ["Deployment shop/web"]


GRANTS = [f"{resource}@{place}" for resource, place in itertools.product(("deployments.apps", "pods", "services"), ("a", "b", "*"))]  # fmt: skip


@pytest.fixture(scope="module")
def two_namespaces(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrievers.knowledge.library.shipped", lambda: iter(()))
        with Library(tmp_path_factory.mktemp("two"), REDACTOR) as opened:
            opened.index_objects(graph_of(*shop("a"), *shop("b")), LIVE)
            yield opened


@settings(deadline=None)
@given(st.frozensets(st.sampled_from(GRANTS)))
def test_every_hit_is_about_what_the_asker_can_get(two_namespaces, granted):
    rights = Rights(LIVE, granted)
    rankings = two_namespaces.rankings("web zirconium front service deployment", Where(rights=rights))
    for found in rankings.values():
        for row in found:
            needs = two_namespaces.store.db.execute(
                "SELECT cluster, resource, namespace FROM needs WHERE chunk = ?", (row,)
            )
            assert all(rights.allow(Need(*need)) for need in needs)


def test_a_right_everywhere_is_asked_for_once_and_a_refused_one_for_each_namespace():
    needs = [Need(LIVE, "pods", "a"), Need(LIVE, "pods", "b"), Need(LIVE, "nodes", ""), Need("live/other", "pods", "x")]
    asked = []

    def may(resource, namespace):
        asked.append((resource, namespace))
        return (resource, namespace) in {("nodes", ""), ("pods", "b")}

    rights = asked_rights(LIVE, needs, may)
    assert rights.granted == {"nodes@*", "pods@b"}
    assert asked == [("nodes", ""), ("pods", ""), ("pods", "a"), ("pods", "b")]


def test_what_is_not_asked_about_counts_as_refused():
    needs = [Need(LIVE, "pods", f"n{number}") for number in range(MOST_QUESTIONS + 5)]
    rights = asked_rights(LIVE, needs, lambda _, namespace: bool(namespace))
    assert rights.unasked == 6
    assert len(rights.granted) == MOST_QUESTIONS - 1


@pytest.mark.parametrize("body", [{}, {"status": 3, "spec": []}, {"status": {"conditions": "x", "containerStatuses": [None, 4]}}, {"spec": {"template": "\x1b[2J", "ports": 9}}])  # fmt: skip
@pytest.mark.parametrize("kind", ["Deployment", "Service", "Pod", "CronJob", "PersistentVolumeClaim", "Odd"])
def test_objects_of_any_shape_are_rendered(kind, body):
    broken = Resource(ref=Ref(kind, "n\x1b[31m", "x" * 300), body=body)
    list(render_objects(graph_of(broken), LIVE, REDACTOR))
