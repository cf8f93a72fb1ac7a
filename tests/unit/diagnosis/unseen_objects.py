"""Described failures whose difficulty is the object to blame: not the victim, not the messenger."""

from __future__ import annotations

from typing import Any

from copilot.model import Alert, Series, Usage
from tests.unit.diagnosis.unseen import Case, ago, base, condition, db, env, job_failed, put, quiet, ref, situation, svc
from tests.unit.diagnosis.unseen_network import policy

Body = dict[str, Any]


def _nodes_pods(
    made: Case, name: str, kind: str, replicas: int, bad: str, reason: str, message: str, event: str = ""
) -> Case:
    """A workload on several nodes whose pods on one node do not start."""
    nodes = ("n1", "n2", "n3")
    put(made, name, kind=kind, replicas=replicas, nodes=nodes)
    for body, _ in made.bodies:
        if (
            body["kind"] == "Pod"
            and body["metadata"]["name"].startswith(f"{name}-")
            and body["spec"].get("nodeName") == bad
        ):
            body["status"] |= {"phase": "Pending", "conditions": [condition("Ready", "False")],
                               "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": message}}}]}  # fmt: skip
            if event:
                made.event("Pod", body["metadata"]["name"], "shop", *event.split("|", 1), count=30)
    return made


@situation("Node n3", "n3|registry|node|reach", "")
def only_one_node_cannot_reach_the_registry() -> Case:
    made = base("n1", "n2", "n3")
    message = 'failed to do request: Head "https://registry.example/v2/x": dial tcp: lookup registry.example on 10.0.0.2:53: read udp 10.0.0.13:4242->10.0.0.2:53: i/o timeout'
    for name in ("web", "api", "cart"):
        _nodes_pods(
            made,
            name,
            "Deployment",
            3,
            "n3",
            "ImagePullBackOff",
            message,
            f'Failed|Failed to pull image "registry.example/{name}:1.4.2": {message}',
        )
    return made


@situation("NetworkPolicy data/db", "policy|port|named|block", "netpol.")
def policy_names_a_port_by_an_old_name() -> Case:
    made = base().add("Namespace", "data", labels={"team": "data"})
    svc(
        put(
            made,
            "db",
            ns="data",
            kind="StatefulSet",
            containers={"db": {"ports": [{"name": "postgres", "containerPort": 5432}]}},
        ),
        "db",
        5432,
        ns="data",
    )
    put(made, "api", containers={"main": {"env": env(DATABASE_URL="postgres://u@db.data:5432/x")}}, states="crash:1",
        logs="pq: dial tcp 10.96.7.7:5432: i/o timeout\n")  # fmt: skip
    return policy(
        made,
        "db",
        "data",
        podSelector={"matchLabels": {"app": "db"}},
        ingress=[{"from": [{"namespaceSelector": {}}], "ports": [{"port": "pg"}]}],
    )


@situation("NetworkPolicy data/db", "policy|namespace|team", "netpol.")
def policy_selects_a_namespace_label_that_the_caller_lacks() -> Case:
    made = base().add("Namespace", "data", labels={"team": "data"}).add("Namespace", "web", labels={"team": "web"})
    svc(
        put(made, "db", ns="data", kind="StatefulSet", containers={"db": {"ports": [{"containerPort": 5432}]}}),
        "db",
        5432,
        ns="data",
    )
    put(made, "api", ns="web", containers={"main": {"env": env(DB_HOST="db.data.svc.cluster.local", DB_PORT="5432"), "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}}, states="unready",
        logs='connection to server at "db.data.svc.cluster.local" (10.96.7.7), port 5432 failed: Connection timed out\n\tIs the server running on that host and accepting TCP/IP connections?\n' * 6)  # fmt: skip
    made.event(
        "Pod",
        "api-abc-x0",
        "web",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 500",
        count=50,
    )
    policy(made, "deny", "data", podSelector={}, policyTypes=["Ingress"])
    return policy(
        made,
        "db",
        "data",
        podSelector={"matchLabels": {"app": "db"}},
        ingress=[
            {
                "from": [
                    {
                        "namespaceSelector": {
                            "matchExpressions": [{"key": "team", "operator": "In", "values": ["front", "data"]}]
                        }
                    }
                ],
                "ports": [{"port": 5432}],
            }
        ],
    )


@situation("Deployment shop/db", "image", "pod.image")
def ingress_service_and_client_suffer_from_a_database_image() -> Case:
    made = base()
    put(
        made,
        "db",
        states='wait:ErrImagePull:failed to pull and unpack image "postgres:116": docker.io/library/postgres:116: not found',
        containers={"main": {"image": "postgres:116"}},
    )
    svc(made, "db", 5432)
    put(
        made,
        "web",
        init={"wait": {"command": ["sh", "-c", "until nc -z db 5432; do sleep 1; done"]}},
        states={"wait": "unready"},
    )
    svc(made, "web", 80)
    return made.add(
        "Ingress",
        "web",
        "shop",
        api="networking.k8s.io/v1",
        spec={
            "rules": [
                {"http": {"paths": [{"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}
            ]
        },
    )


@situation("ConfigMap shop/app-env|Deployment shop/api", "6380|port", "configuration.|app.dependency")
def port_in_a_config_map_and_no_log() -> Case:
    made = db(base(), "cache", 6379).add(
        "ConfigMap", "app-env", "shop", data={"REDIS_HOST": "cache", "REDIS_PORT": "6380"}
    )
    return put(made, "api", containers={"main": {"envFrom": [{"configMapRef": {"name": "app-env"}}]}}, states="crash:1")


@situation("Service shop/api", "selector|label", "svc.no_endpoints")
def selector_changed_and_two_callers_fail() -> Case:
    made = svc(put(base(), "api", labels={"version": "v2"}), "api", 80, 8080, selector={"app": "api", "version": "v1"})
    for name in ("web", "mobile"):
        put(
            made,
            name,
            containers={"main": {"env": env(API_URL="http://api")}},
            states="crash:1",
            logs="dial tcp 10.96.7.7:80: connect: connection refused\n",
        )
    return made


@situation("Deployment shop/api|ServiceAccount shop/api", "forbidden|rbac|secrets", "rbac.")
def program_may_not_read_secrets() -> Case:
    made = base().add("ServiceAccount", "api", "shop")
    log = 'kubernetes.client.exceptions.ApiException: (403)\nReason: Forbidden\nHTTP response body: {"kind":"Status","apiVersion":"v1","status":"Failure","message":"secrets is forbidden: User \\"system:serviceaccount:shop:api\\" cannot list resource \\"secrets\\" in API group \\"\\" in the namespace \\"shop\\"","reason":"Forbidden","code":403}\n'
    return put(made, "api", states="crash:1", logs=log, spec={"serviceAccountName": "api"})


@situation("Deployment shop/pricing", "slow|pricing", "performance.slow_callee")
def only_latency_by_histogram_quantiles_and_edges() -> Case:
    made = svc(put(base(), "pricing"), "pricing", 80)
    svc(put(made, "web", containers={"main": {"env": env(PRICING_URL="http://pricing")}}), "web", 80)
    for name, before, after in (("pricing", 0.1, 4.2), ("web", 0.2, 4.6)):
        points = tuple((60.0 * i, before if i < 15 else after) for i in range(30))
        made.series.append(
            Series("job:request_latency_seconds:p99", {"namespace": "shop", "service": name}, points, "p.json")
        )
    return made


@situation("Deployment shop/hog", "cpu|hog", "performance.node_cpu")
def one_pod_burns_the_node() -> Case:
    made = put(base(), "hog", nodes=("n2",))
    made.usage += [
        Usage(ref("Node", "n2"), cpu=3.95, source="top:2"),
        Usage(ref("Pod", "shop/hog-abc-x0"), "main", cpu=3.4, source="top:9"),
    ]
    return made


@situation("Job shop/load", "relation|exist|init|migrat", "app.schema")
def init_container_of_a_job_fails_in_sql() -> Case:
    return put(db(base()), "load", kind="Job", init={"prepare": {}}, states={"prepare": "failed:3"}, phase="Failed",
               logs={"prepare": 'psql:/sql/001.sql:3: ERROR:  relation "customers" does not exist\nLINE 1: INSERT INTO customers\n'}, status=job_failed())  # fmt: skip


@situation("DaemonSet shop/agent", "permission|denied|hostpath|var", "app.permission")
def daemonset_may_not_read_the_host() -> Case:
    return put(
        base("n1", "n2"),
        "agent",
        kind="DaemonSet",
        nodes=("n1", "n2"),
        states="crash:1",
        logs="Error: open /var/log/pods: permission denied\n",
    )


@situation("Deployment shop/web", "sidecar|exit|agent|token", "")
def sidecar_crashes_while_the_app_is_well() -> Case:
    return put(
        base(),
        "web",
        containers={"app": {}, "agent": {}},
        states={"agent": "crash:1"},
        logs={"app": "listening\n", "agent": "fatal: agent token is not set (AGENT_TOKEN)\n"},
    )


@situation("Deployment shop/web", "sidecar|restart|init|token|agent", "")
def restartable_init_container_keeps_ending() -> Case:
    return put(
        base(),
        "web",
        init={"agent": {"restartPolicy": "Always"}},
        states={"agent": "crash:1"},
        logs={"agent": "Error: environment variable AGENT_TOKEN is not set\n"},
    )


@situation("Deployment shop/api", "mysql|refus|3306|localhost", "app.dependency")
def localhost_instead_of_the_service() -> Case:
    log = (
        "mysql.connector.errors.DatabaseError: 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3306' (111)\n"
    )
    return put(
        db(base(), "mysql", 3306),
        "api",
        containers={"main": {"env": env(DB_HOST="127.0.0.1")}},
        states="crash:1",
        logs=log,
    )


@quiet
def a_sidecar_of_a_job_still_runs() -> Case:
    return put(base(), "batch", kind="Job", states="ok", status={"active": 1})


@quiet
def alerts_about_nothing_that_hurts() -> Case:
    made = put(base(), "api")
    made.alerts += [Alert("CPUThrottlingHigh", {"alertname": "CPUThrottlingHigh", "namespace": "shop", "pod": "api-abc-x0", "container": "main", "severity": "info"}, {}, source="a"),
                    Alert("KubeVersionMismatch", {"alertname": "KubeVersionMismatch", "severity": "warning"}, {}, source="a")]  # fmt: skip
    return made


@quiet
def usage_high_but_not_full() -> Case:
    made = put(base(), "api", containers={"main": {"resources": {"limits": {"memory": "256Mi", "cpu": "500m"}}}})
    made.usage += [
        Usage(ref("Pod", "shop/api-abc-x0"), "main", cpu=0.3, memory=230 * 2**20, source="top"),
        Usage(ref("Node", "n1"), cpu=3.2, memory=2**32, source="top"),
    ]
    return made


@quiet
def a_slow_start_of_an_hour_ago() -> Case:
    made = put(base(), "api", containers={"main": {"livenessProbe": {"httpGet": {"path": "/", "port": 8080}}}})
    made.bodies[-1][0]["status"]["containerStatuses"][0] |= {
        "restartCount": 2,
        "lastState": {"terminated": {"exitCode": 137, "reason": "Error", "finishedAt": ago(3000)}},
    }
    made.event(
        "Pod",
        "api-abc-x0",
        "shop",
        "Unhealthy",
        "Liveness probe failed: connect: connection refused",
        count=6,
        last=3010,
    )
    return made.event(
        "Pod",
        "api-abc-x0",
        "shop",
        "Killing",
        "Container main failed liveness probe, will be restarted",
        type_="Normal",
        count=2,
        last=3005,
    )
