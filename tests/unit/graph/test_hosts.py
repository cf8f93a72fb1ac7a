"""Service names are read from literal values, by the forms cluster DNS answers to, and nothing is made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.graph import EdgeKind, NodeState
from retrievers.graph.hosts import hosts_in
from tests.unit.graph.objects import graph_of, made, pod, ref, workload


def with_env(name, value):
    return pod(spec={"containers": [{"name": "web", "env": [{"name": name, "value": value}]}]})


def connections(*resources, start="Pod shop/web-0"):
    graph = graph_of(*resources, made("Namespace", "shop", ""), made("Namespace", "data", ""))
    return {(str(edge.target), edge.certain) for edge in graph.out(ref(start), EdgeKind.CONNECTS_TO)}


SERVICES = (
    made("Service", "db"),
    made("Service", "db", "data"),
    made("Service", "kafka"),
    made("Service", "queue", "data"),
)


@pytest.mark.parametrize(("name", "value", "service"), [
    ("DB_HOST", "db", "shop/db"),
    ("dbHost", "db", "shop/db"),
    ("spring.datasource.url", "jdbc:postgresql://db:5432/x", "shop/db"),
    ("X", "postgres://user:p%40ss@db:5432/x?sslmode=off", "shop/db"),
    ("X", "db:5432", "shop/db"),
    ("X", "http://queue.data/v1", "data/queue"),
    ("X", "queue.data:80", "data/queue"),
    ("X", "http://queue.data.svc/v1", "data/queue"),
    ("X", "queue.data.svc.cluster.local", "data/queue"),
    ("X", "queue.data.svc.cluster.local.:5672", "data/queue"),
    ("BOOTSTRAP_SERVERS", "kafka-0.kafka:9092,kafka-1.kafka:9092", "shop/kafka"),
    ("X", "kafka-0.kafka.shop.svc.cluster.local:9092", "shop/kafka"),
    ("X", "mongodb://u:p@mongo-0.none,kafka:27017/db", "shop/kafka"),
    ("DSN", "root:secret@tcp(db:3306)/shop", "shop/db"),
    ("REDIS_HOSTS", "kafka, db", "shop/db"),
    ("X", "DB:5432", "shop/db"),
])  # fmt: skip
def test_a_value_that_names_a_service_connects_to_it(name, value, service):
    assert (f"Service {service}", True) in connections(with_env(name, value), *SERVICES)


@pytest.mark.parametrize(("name", "value"), [
    ("MODE", "db"), ("LEVEL", "info"), ("X", "localhost:8080"), ("HOST", "0.0.0.0"), ("HOST", "127.0.0.1"), ("X", "12:30"),
    ("X", "https://example.com/db"), ("API_URL", "https://api.example.com"), ("X", "image:5000"), ("HOST", "$(POD_IP)"),
    ("X", "http://$(DB)/"), ("URL", "/relative"), ("X", "a b c: d"), ("X", "::1"), ("HOST", ""), ("X", "[::1]:80"),
])  # fmt: skip
def test_a_value_that_names_no_service_connects_to_nothing(name, value):
    assert connections(with_env(name, value), *SERVICES) == set()


@pytest.mark.parametrize(("name", "value", "target", "certain"), [
    ("DB_HOST", "dbb", "Service shop/dbb", False),
    ("DB_URL", "postgres://dbb:5432", "Service shop/dbb", False),
    ("X", "http://dbb.data.svc", "Service data/dbb", True),
    ("X", "http://dbb.data", "Service data/dbb", False),
])  # fmt: skip
def test_a_host_that_no_service_answers_to_is_a_dangling_reference(name, value, target, certain):
    graph = graph_of(with_env(name, value), *SERVICES, made("Namespace", "data", ""))
    (edge,) = [edge for edge in graph.dangling() if edge.kind is EdgeKind.CONNECTS_TO]
    assert (str(edge.target), edge.certain, graph.state(edge.target)) == (target, certain, NodeState.DANGLING)
    assert edge.field == f"spec.containers[web].env[{name}].value"


def test_an_inferred_host_that_does_not_exist_makes_nobody_ill():
    graph = graph_of(with_env("DB_HOST", "dbb"), *SERVICES)
    assert ref("Service shop/dbb") not in graph.depends_on(ref("Pod shop/web-0"))
    assert graph.blast_radius(ref("Service shop/dbb")) == []


@pytest.mark.parametrize(("arguments", "field"), [
    ({"args": ["--upstream=http://db:80"]}, "args[0]"),
    ({"args": ["--db-host", "db"]}, "args[1]"),
    ({"command": ["sh", "-c", "until nc -z db 5432; do wget -qO- http://db.shop.svc:80/x; done"]}, "command[2]"),
])  # fmt: skip
def test_arguments_and_commands_are_read_too(arguments, field):
    graph = graph_of(workload("Deployment", "web", {"containers": [{"name": "web", **arguments}]}), *SERVICES)
    (edge,) = graph.out(ref("Deployment shop/web", "apps"), EdgeKind.CONNECTS_TO)
    assert (edge.target.path, edge.field) == ("shop/db", f"spec.template.spec.containers[web].{field}")


def test_a_name_with_a_dot_prefers_the_service_of_the_other_namespace_to_a_pod_of_ones_own():
    services = (made("Service", "data"), made("Service", "db", "data"))
    assert connections(with_env("X", "http://db.data:80"), *services) == {("Service data/db", True)}


@given(st.text(max_size=40), st.text(max_size=300))
def test_no_text_makes_it_raise(name, value):
    assert all(host and strength for host, strength in hosts_in(name, value))


@pytest.mark.parametrize("value", ["a." * 2000, "http://" * 700, "a:1" * 1300, "@" * 4000, "-" * 4000, "tcp(" * 1000])
def test_a_hostile_value_is_read_in_no_time(value):
    assert len(hosts_in("URL", value[:4096])) < 5000
