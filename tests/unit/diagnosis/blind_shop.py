"""A shop of eighteen services as a real cluster shows it, for failures written before the rules were read.

`shop()` is healthy and noisy; a situation changes one thing of it. Every service has a Deployment, a ReplicaSet, pods
that spread over three nodes, a Service, addresses of its callees in its environment and ordinary log lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from copilot.model import Alert, Series, Usage
from tests.unit.diagnosis import unseen
from tests.unit.diagnosis.unseen import Case, Situation, ago, base, env, put, ref, svc

Body = dict[str, Any]
NS = "bazaar"
SITUATIONS: list[Situation] = []
QUIET: list[tuple[str, Callable[[], Case]]] = []
START = 1772362800.0  # 2026-03-01T11:00:00Z

# name: port, replicas, environment, log lines
_SERVICES: Mapping[str, tuple[int, int, Mapping[str, str], str]] = {
    "storefront": (8080, 2, {"CATALOG_ADDR": "catalog:3550", "BASKET_ADDR": "basket:7070", "CHECKOUT_ADDR": "checkout:5050",
                             "ADVICE_ADDR": "advice:8081", "FX_ADDR": "fx:7001", "BANNER_ADDR": "banner:9555"},
                   "> storefront@2.1.0 start\n> next start -p 8080\n\n   Next.js 14.2.3\n   - Local: http://localhost:8080\n Ready in 412ms\n(node:17) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.\n"),
    "catalog": (3550, 1, {"MONGO_URI": "mongodb://catalog-db:27017/catalog", "PORT": "3550"},
                '{"level":"info","ts":"2026-03-01T11:02:11.204Z","msg":"connected to mongodb"}\n{"level":"info","ts":"2026-03-01T11:02:11.310Z","msg":"gRPC server listening","addr":":3550"}\n'),
    "basket": (7070, 1, {"CACHE_ADDR": "basket-cache:6379", "ASPNETCORE_HTTP_PORTS": "7070"},
               "info: Microsoft.Hosting.Lifetime[14]\n      Now listening on: http://[::]:7070\ninfo: Microsoft.Hosting.Lifetime[0]\n      Application started. Press Ctrl+C to shut down.\n"),
    "checkout": (5050, 2, {"PAY_ADDR": "pay:50051", "PARCEL_ADDR": "parcel:50050", "BASKET_ADDR": "basket:7070", "CATALOG_ADDR": "catalog:3550",
                           "FX_ADDR": "fx:7001", "KAFKA_BROKERS": "broker:9092"},
                 '{"message":"service config: &{catalog:3550 basket:7070 fx:7001 parcel:50050 pay:50051}","severity":"info","timestamp":"2026-03-01T11:02:12Z"}\n{"message":"[PlaceOrder] user_id=\\"7f6b\\" user_currency=\\"EUR\\"","severity":"info","timestamp":"2026-03-01T11:58:02Z"}\n'),
    "pay": (50051, 1, {"PORT": "50051"}, '{"level":30,"time":1772366282000,"pid":1,"hostname":"pay","msg":"payment gRPC server started on port 50051"}\n{"level":30,"time":1772366282411,"pid":1,"hostname":"pay","msg":"Transaction processed: visa ending 0454"}\n'),
    "parcel": (50050, 1, {"QUOTE_ADDR": "http://quote:8090"}, "2026-03-01T11:02:14.552Z INFO parcel: listening on 0.0.0.0:50050\n2026-03-01T11:57:44.101Z INFO parcel::quote: received quote: $13.40\n"),
    "quote": (8090, 1, {}, '[2026-03-01T11:57:44.092411+00:00] quote.INFO: Calculated quote {"total":13.4} []\n'),
    "fx": (7001, 1, {}, "Currency service started, listening on 0.0.0.0:7001\nConvert conversion successful\n"),
    "advice": (8081, 1, {"CATALOG_ADDR": "catalog:3550"}, '2026-03-01 11:57:59,402 INFO [main] [advice.py:61] - Receive ListRecommendations for product ids:["OLJ","1YM"]\n'),
    "banner": (9555, 1, {"JAVA_TOOL_OPTIONS": "-Xmx200m"}, "2026-03-01 11:02:19 - bazaar.BannerService - Banner service started, listening on 9555 trace_id= span_id=\n"),
    "ledger": (8082, 1, {"KAFKA_BROKERS": "broker:9092", "DB_CONNECTION": "Host=orders-db;Port=5432;Username=ledger;Database=orders"},
               'info: Ledger.Consumer[0]\n      Connecting to Kafka: broker:9092\ninfo: Ledger.Consumer[0]\n      Order details: {"orderId":"0b1c"}\n'),
    "fraud": (8083, 1, {"KAFKA_BROKERS": "broker:9092"}, "2026-03-01 11:58:03 - fraud - Consumed record with orderId: 0b1c, and updated total count to: 812\n"),
    "notify": (8084, 1, {"SMTP_HOST": "smtp.example.com"}, "Order confirmation email sent to: ann@example.com\n"),
}  # fmt: skip
_STORES: Mapping[str, tuple[int, str, str]] = {
    "basket-cache": (6379, "StatefulSet", "1:M 01 Mar 2026 11:00:41.120 * Ready to accept connections tcp\n"),
    "catalog-db": (27017, "StatefulSet", '{"t":{"$date":"2026-03-01T11:00:52.771+00:00"},"s":"I","c":"NETWORK","id":23016,"ctx":"listener","msg":"Waiting for connections","attr":{"port":27017,"ssl":"off"}}\n'),
    "orders-db": (5432, "StatefulSet", "2026-03-01 11:00:47.310 UTC [1] LOG:  database system is ready to accept connections\n"),
    "broker": (9092, "StatefulSet", "[2026-03-01 11:01:02,114] INFO [KafkaRaftServer nodeId=1] Kafka Server started (kafka.server.KafkaRaftServer)\n"),
}  # fmt: skip


def situation(
    objects: str, words: str, family: str = "", twin: Callable[[], Case] | None = None
) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Declare a failure of this batch; as in `unseen`, alternatives are parted by `|`."""

    def declare(build: Callable[[], Case]) -> Callable[[], Case]:
        SITUATIONS.append(Situation(build.__name__, build, tuple(objects.split("|")), tuple(words.lower().split("|")), family, twin))  # fmt: skip
        return build

    return declare


def quiet(build: Callable[[], Case]) -> Callable[[], Case]:
    """Declare a cluster of this batch in which nothing may be blamed."""
    QUIET.append((build.__name__, build))
    return build


class Change:
    """What differs in one service of the shop."""

    def __init__(
        self, *, logs: str = "", states: str = "ok", variables: Mapping[str, str] | None = None, raw: Sequence[Body] = (),
        resources: Body | None = None, spec: Body | None = None, container: Body | None = None, node: str = "",
        previous: bool = False, replicas: int = 0, port: int = 0, labels: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.logs, self.states, self.variables, self.raw = logs, states, dict(variables or {}), list(raw)
        self.resources, self.spec, self.container, self.node = resources, dict(spec or {}), dict(container or {}), node
        self.previous, self.replicas, self.port, self.labels = previous, replicas, port, dict(labels or {})


def shop(ns: str = NS, **changes: Change) -> Case:
    """The shop with changes, by service (`basket_cache` for basket-cache)."""
    made = base("wk-1", "wk-2", "wk-3")
    made.add("Namespace", ns, age=86400)
    nodes = ("wk-1", "wk-2", "wk-3")
    for index, (name, (port, replicas, variables, log)) in enumerate(_SERVICES.items()):
        change = changes.get(name.replace("-", "_"), Change())
        served = change.port or port
        body: Body = {
            "env": [*env(**{**variables, **change.variables}), *change.raw],
            "ports": [{"containerPort": served, "name": "app"}],
            "resources": change.resources
            or {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
            **change.container,
        }
        put(made, name, ns=ns, replicas=change.replicas or replicas, containers={name: body}, states=change.states,
            logs=log + change.logs, previous=change.previous, spec=change.spec, labels=change.labels,
            nodes=(change.node or nodes[index % 3], change.node or nodes[(index + 1) % 3]))  # fmt: skip
        svc(made, name, port, "app" if served == port else port, ns=ns)
    for index, (name, (port, kind, log)) in enumerate(_STORES.items()):
        change = changes.get(name.replace("-", "_"), Change())
        body = {
            "ports": [{"containerPort": port, "name": "db"}],
            "env": [*env(**change.variables), *change.raw],
            "resources": change.resources or {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
            **change.container,
        }  # fmt: skip
        put(made, name, ns=ns, kind=kind, containers={name: body}, states=change.states, logs=log + change.logs,
            previous=change.previous, spec=change.spec, nodes=(change.node or nodes[(index + 2) % 3],), outer={"serviceName": name})  # fmt: skip
        svc(made, name, port, "db", ns=ns)
    return _around(made, ns, changes)


def _around(made: Case, ns: str, changes: Mapping[str, Change]) -> Case:
    """The traffic, the telemetry and the noise that any such cluster has."""
    load = changes.get("load", Change())
    put(made, "load", ns=ns, containers={"locust": {"env": env(**{"LOCUST_USERS": "10", "LOCUST_HOST": "http://storefront:8080", **load.variables})}},
        logs='[2026-03-01 11:02:30,114] load/INFO/locust.runners: All users spawned: {"WebsiteUser": 10} (10 total users)\n' + load.logs, nodes=("wk-2",))  # fmt: skip
    put(made, "otel-collector", ns=ns, kind="DaemonSet", nodes=("wk-1", "wk-2", "wk-3"),
        containers={"otelcol": {"ports": [{"containerPort": 4317}]}},
        logs='2026-03-01T11:01:22.881Z\tinfo\tservice@v0.98.0/service.go:169\tEverything is ready. Begin running and processing data.\n2026-03-01T11:31:20.004Z\twarn\tmemorylimiter/memorylimiter.go:171\tMemory usage is above soft limit. Refusing data.\t{"cur_mem_mib": 410}\n')  # fmt: skip
    svc(made, "otel-collector", 4317, ns=ns)
    put(made, "prometheus", ns="monitoring", containers={"prometheus": {}}, logs='ts=2026-03-01T11:01:00.100Z caller=main.go:1050 level=info msg="Server is ready to receive web requests."\n', nodes=("wk-3",))  # fmt: skip
    made.add("Namespace", "monitoring", age=86400)
    made.event("Pod", "advice-abc-x0", ns, "Unhealthy", "Readiness probe failed: dial tcp 10.244.1.20:8081: connect: connection refused", count=1, last=3500, first=3500)  # fmt: skip
    made.event("Pod", "fraud-abc-x0", ns, "Pulled", "Successfully pulled image in 3.1s", type_="Normal", count=1, last=3550)  # fmt: skip
    return made


def flags(made: Case, changed: float = 900, ns: str = NS, name: str = "flag-definitions", **on: str) -> Case:
    """A flag service with its definitions in a ConfigMap; `on` gives the variant of those not off."""
    import json  # only this needs it

    known = {
        "payFailure": "Fail payment charges", "payUnreachable": "Payment service is unavailable", "basketFailure": "Fail the basket service",
        "adviceCacheFailure": "Fail the advice service cache", "bannerHighCpu": "Burn CPU in the banner service", "bannerManualGc": "Trigger full manual garbage collections in the banner service",
        "catalogFailure": "Fail the catalog on a specific product", "brokerQueueProblems": "Overload the queue and delay its consumers",
        "storefrontFlood": "Flood the storefront with a large amount of requests", "imageSlowLoad": "Slow loading of images in the storefront",
    }  # fmt: skip
    words: Body = {
        key: {"description": text, "state": "ENABLED", "variants": {"on": True, "off": False, "10sec": 10000, "75%": 0.75}, "defaultVariant": on.get(key, "off")}
        for key, text in known.items()
    }  # fmt: skip
    put(made, "flagd", ns=ns, containers={"flagd": {"ports": [{"containerPort": 8013}]}}, nodes=("wk-1",),
        spec={"volumes": [{"name": "defs", "configMap": {"name": name}}]},
        logs='2026-03-01T11:01:40.300Z\tinfo\tflag_sync.go:54\tFlag IResolver listening at [::]:8013\t{"component": "server"}\n')  # fmt: skip
    svc(made, "flagd", 8013, ns=ns)
    managed = [
        {"manager": "helm", "operation": "Update", "apiVersion": "v1", "time": ago(86000), "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {}}},
        {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "time": ago(changed), "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:demo.flagd.json": {}}}},
    ]  # fmt: skip
    made.add("ConfigMap", name, ns, age=86400, metadata={"managedFields": managed if on else managed[:1]},
             data={"demo.flagd.json": json.dumps({"$schema": "https://flagd.dev/schema/v0/flags.json", "flags": words}, indent=2)})  # fmt: skip
    return made


def series(made: Case, metric: str, values: Sequence[float], **labels: str) -> Case:
    """One range result, a point a minute."""
    points = tuple((START + 60.0 * index, float(value)) for index, value in enumerate(values))
    made.series.append(Series(metric, dict(labels), points, f"{metric}.json"))
    return made


def alert(made: Case, name: str, severity: str = "warning", said: str = "", **labels: str) -> Case:
    made.alerts.append(Alert(name, {"alertname": name, "severity": severity, **labels}, {"description": said} if said else {}, source="alerts.json"))  # fmt: skip
    return made


def top_pod(made: Case, pod: str, cpu: float, mib: float, ns: str = NS, container: str = "") -> Case:
    made.usage.append(Usage(ref("Pod", f"{ns}/{pod}"), container, cpu=cpu, memory=mib * 2**20, source="top-pods.txt"))
    return made


def top_node(made: Case, node: str, cpu: float, gib: float) -> Case:
    made.usage.append(Usage(ref("Node", node), cpu=cpu, memory=gib * 2**30, source="top-nodes.txt"))
    return made


fits = unseen.fits
