"""Which server a line means when the server's side has to be changed, and which client when the server complains of one. Pure.

A store is known by its port, image or variables. Where several could be meant, nothing is moved: the speaker stays the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from copilot.diagnosis.addresses import addresses_of, service_of, settings_of
from copilot.diagnosis.log_lines import bare, tail
from copilot.diagnosis.log_pattern import LogMatch
from copilot.diagnosis.log_patterns import match_line
from copilot.diagnosis.measured import owner_behind
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged
from copilot.model import Evidence, Finding, Ref, children, number, text, texts
from retrievers.graph import EdgeKind

_PORTS: Mapping[int, str] = {
    5432: "postgres", 6432: "postgres", 26257: "postgres", 3306: "mysql", 33060: "mysql", 27017: "mongo", 27018: "mongo", 6379: "redis", 6380: "redis",
    11211: "redis", 9092: "kafka", 9093: "kafka", 9094: "kafka", 29092: "kafka", 5672: "amqp", 5671: "amqp", 9200: "elastic", 9300: "elastic", 9042: "cassandra",
    6333: "vectors", 6334: "vectors", 19530: "vectors", 8123: "clickhouse", 9000: "objects", 2379: "etcd", 4222: "nats", 1433: "mssql", 1521: "oracle",
}  # fmt: skip
_WORDS: tuple[tuple[str, str], ...] = (
    ("postgres", "postgres"), ("pgbouncer", "postgres"), ("timescale", "postgres"), ("cockroach", "postgres"), ("mysql", "mysql"), ("mariadb", "mysql"),
    ("percona", "mysql"), ("mongo", "mongo"), ("redis", "redis"), ("valkey", "redis"), ("dragonfly", "redis"), ("memcached", "redis"), ("kafka", "kafka"),
    ("redpanda", "kafka"), ("rabbit", "amqp"), ("elastic", "elastic"), ("opensearch", "elastic"), ("qdrant", "vectors"), ("weaviate", "vectors"),
    ("milvus", "vectors"), ("cassandra", "cassandra"), ("clickhouse", "clickhouse"), ("minio", "objects"), ("nats", "nats"), ("etcd", "etcd"),
)  # fmt: skip
_AMBIGUOUS_PORTS = frozenset({9000, 2379, 9093})  # also used by ordinary programs
RIGHTS = "app.database.rights"
CREDENTIALS = "app.credentials.rejected"
MOVED = 0.8  # a client's word for a fault of its only server


def store_kind(pod: PodFact) -> str:
    """What kind of store a pod is, or nothing: by image first, then by the ports it declares."""
    for container in pod.containers:
        image = container.image.rpartition("@")[0] or container.image
        name = image.rpartition("/")[2].lower()
        for word, kind in _WORDS:
            if word in name and "exporter" not in name:
                return kind
    for container in pod.containers:
        for entry in children(container.spec, "ports"):
            port = number(entry, "containerPort")
            if port in _PORTS and port not in _AMBIGUOUS_PORTS:
                return _PORTS[port]
    return ""


def servers_of(view: View, pod: PodFact, container: ContainerFact, host: str = "", kind: str = "any") -> dict[Ref, Ref]:
    """The stores of a kind that a container is told to use: workload by its Service. A host narrows it to that one."""
    hosts = [host] if host else [address.host for address in addresses_of(view, pod, container)]
    found: dict[Ref, Ref] = {}
    for name in dict.fromkeys(hosts):
        service = service_of(view, name, pod.ref.namespace)
        owner = owner_behind(view, service.ref) if service is not None else None
        if service is None or owner is None or owner == pod.owner:
            continue
        known = next((store_kind(behind) for behind in view.pods_of(owner)[:1]), "")
        if known == kind or (kind == "any" and known):
            found[service.ref] = owner
    return found


def only_server(
    view: View, pod: PodFact, container: ContainerFact, host: str = "", kind: str = "any"
) -> tuple[Ref, Ref] | None:
    """The one store that can be meant, as (Service, workload)."""
    found = servers_of(view, pod, container, host, kind)
    return next(iter(found.items())) if len(set(found.values())) == 1 else None


def at_server(view: View, pod: PodFact, container: ContainerFact, base: Finding, match: LogMatch) -> Finding:
    """Move a client's finding to the server that has to be changed, where that is one and known."""
    kind = match.pattern.server
    sentence = base.title.split(": ", 2)[-1]
    if store_kind(pod) and kind in (
        "any",
        store_kind(pod),
    ):  # its own word: told as its clients tell it, so that both are one
        return msgspec.structs.replace(base, title=f"{pod.owner}: {sentence}")
    server = only_server(view, pod, container, match.groups.get("host", ""), kind)
    if server is None:
        return base
    service, owner = server
    return msgspec.structs.replace(
        base, object=owner, title=f"{owner}: {sentence}", weight=max(base.weight, MOVED),
        explains=tuple(dict.fromkeys([service, *(one.ref for one in view.pods_of(owner)), *base.explains, pod.owner])),
        steps=(describe(owner), *base.steps),
    )  # fmt: skip


def said_by(view: View, owner: Ref, cause: str) -> Evidence | None:
    """The newest line of a workload's logs that means a cause."""
    for pod in view.pods_of(owner)[:3]:
        for log in view.logs(pod.ref):
            for line in tail(log):
                match = match_line(line.said)
                if match is not None and match.pattern.cause == cause:
                    return logged(log, line.number, bare(line.raw)[:400])
    return None


def rejected(view: View, pod: PodFact, container: ContainerFact, base: Finding, match: LogMatch) -> Finding:
    """Rejected credentials: the server is to blame when its log does not know the user, the client when a store says it."""
    if store_kind(pod):
        return _of_a_client(view, pod, base, match.groups.get("name", ""))
    server = only_server(view, pod, container, match.groups.get("host", ""))
    proof = said_by(view, server[1], RIGHTS) if server is not None else None
    if server is None or proof is None:
        return base
    service, owner = server
    return msgspec.structs.replace(
        base, cause=RIGHTS, object=owner, title=f"{owner}: the database does not know the user that {pod.owner} logs in with, or it lacks its rights (authentication failed)",
        evidence=(proof, *base.evidence), explains=tuple(dict.fromkeys([service, *base.explains, pod.owner])), weight=MOVED,
        steps=(describe(owner), *base.steps),
    )  # fmt: skip


def _of_a_client(view: View, store: PodFact, base: Finding, user: str) -> Finding:
    """A store rejects a password: the client that logs in as that user, else its only client, has to be changed."""
    clients = list(clients_of(view, store.owner))
    naming = [client for client in clients if user and _names(view, client, user)]
    chosen = naming if len(naming) == 1 else clients
    if len(chosen) != 1:
        return msgspec.structs.replace(base, weight=min(base.weight, 0.5))
    client = chosen[0]
    return msgspec.structs.replace(
        base, object=client, title=f"{client}: {store.owner} rejects the password of its user {user or '(not named)'}: wrong credentials",
        explains=tuple(dict.fromkeys([*(pod.ref for pod in view.pods_of(client)), store.ref])), weight=0.75,
        steps=(change(f"Correct the credentials of {client}", client), *base.steps),
    )  # fmt: skip


def clients_of(view: View, owner: Ref) -> Iterator[Ref]:
    """The workloads whose settings name a Service of this one."""
    services = {edge.source for pod in view.pods_of(owner)[:1] for edge in view.graph.into(pod.ref, EdgeKind.SELECTS)}
    told: set[Ref] = set()
    for service in sorted(services):
        for edge in view.graph.into(service, EdgeKind.CONNECTS_TO):
            source = view.graph.get(edge.source)
            client = view.graph.top_owner(edge.source) if source is not None else None
            if client is not None and client != owner and client not in told:
                told.add(client)
                yield client


def _names(view: View, client: Ref, user: str) -> bool:
    if user.lower() in client.name.lower():
        return True
    for pod in view.pods_of(client)[:1]:
        for container in pod.containers:
            if any(user in setting.value for setting in settings_of(view, pod, container)):
                return True
            if any(
                user in text(entry, "valueFrom", "secretKeyRef", "name") for entry in children(container.spec, "env")
            ):
                return True
    return False


def clients_say(view: View, store: PodFact, cause: str) -> bool:
    """Whether a client of a store tells the same as the store: then the client's word stands, for it has the settings."""
    return bool(store_kind(store)) and any(
        said_by(view, client, cause) is not None for client in clients_of(view, store.owner)
    )


_PREPARES = re.compile(r"migrat|schema|init|seed|setup|bootstrap|flyway|liquibase|alembic", re.IGNORECASE)


def preparing_jobs(view: View, namespace: str) -> tuple[Ref, ...]:
    """The Jobs of a namespace that make schemas, by name or command, and did not complete."""
    found = []
    for job in view.graph.of_kind("Job", namespace, "batch"):
        words = " ".join(
            [
                job.ref.name,
                *(
                    w
                    for c in children(view.template(job.ref), "containers")
                    for k in ("command", "args")
                    for w in texts(c, k)
                ),
            ]
        )
        if _PREPARES.search(words[:2000]) and not number(job.status, "succeeded"):
            found.append(job.ref)
    return tuple(found)
