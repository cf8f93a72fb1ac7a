"""Described failures of several workloads in a chain, odd statuses of containers, and clusters that only look ill."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.unseen import (
    Case,
    ago,
    base,
    condition,
    db,
    env,
    owned,
    put,
    quiet,
    situation,
    svc,
)

Body = dict[str, Any]


@situation("Deployment shop/worker|StatefulSet shop/rabbitmq", "rabbit|refus|amqp", "app.|pod.probe.readiness")
def celery_retries_a_broker_that_is_not_there_yet_ready() -> Case:
    made = base()
    svc(put(made, "rabbitmq", kind="StatefulSet", replicas=1, states="unready"), "rabbitmq", 5672)
    made.log(
        "rabbitmq-0",
        "waiting for the Mnesia tables for 30000 ms, 9 retries left\nError while waiting for Mnesia tables: {timeout_waiting_for_tables}\n"
        * 9,
        container="main",
    )
    log = (
        "[2026-03-01 11:59:01,101: ERROR/MainProcess] consumer: Cannot connect to amqp://guest:**@rabbitmq:5672//: [Errno 111] Connection refused.\nTrying again in 32.00 seconds... (16/100)\n"
        * 12
    )
    return put(
        made,
        "worker",
        states="unready",
        containers={"main": {"env": env(BROKER_URL="amqp://guest@rabbitmq:5672//")}},
        logs=log,
    )


@situation(
    "PersistentVolumeClaim shop/data-orders-db-0|StorageClass fast|StatefulSet shop/orders-db", "class|storage", "pvc."
)
def three_workloads_wait_for_a_volume() -> Case:
    made = base()
    made.add(
        "PersistentVolumeClaim",
        "data-orders-db-0",
        "shop",
        spec={
            "storageClassName": "fast",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "5Gi"}},
        },
        status={"phase": "Pending"},
    )
    made.add("StorageClass", "standard", api="storage.k8s.io/v1", provisioner="x")
    made.event(
        "PersistentVolumeClaim",
        "data-orders-db-0",
        "shop",
        "ProvisioningFailed",
        'storageclass.storage.k8s.io "fast" not found',
        count=50,
    )
    made.statefulset(
        "orders-db",
        have=1,
        spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-orders-db-0"}}]},
    )
    made.pod(
        "orders-db-0",
        owner=("StatefulSet", "orders-db"),
        phase="Pending",
        labels={"app": "orders-db"},
        age=900,
        spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-orders-db-0"}}]},
        status={
            "conditions": [
                condition(
                    "PodScheduled",
                    "False",
                    "Unschedulable",
                    "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
                )
            ]
        },
    )
    svc(made, "orders-db", 5432)
    svc(
        put(
            made,
            "api",
            containers={"main": {"env": env(DB_HOST="orders-db")}},
            states="crash:1",
            logs="dial tcp 10.96.7.7:5432: connect: connection refused\n",
        ),
        "api",
        80,
    )
    return put(
        made,
        "web",
        containers={"main": {"env": env(API_URL="http://api")}},
        states="crash:1",
        logs='Get "http://api/": dial tcp 10.96.7.8:80: connect: connection refused\n',
    )


@situation("Deployment shop/api", "REDIS_PASSWORD|KeyError", "app.config.missing")
def middle_of_a_chain_is_the_cause() -> Case:
    made = db(base())
    svc(
        put(
            made,
            "api",
            containers={"main": {"env": env(DB_HOST="orders-db")}},
            states="crash:1",
            logs="Traceback (most recent call last):\n  File \"/app/m.py\", line 2, in <module>\n    p = os.environ['REDIS_PASSWORD']\n  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'REDIS_PASSWORD'\n",
        ),
        "api",
        80,
    )
    put(
        made,
        "web",
        containers={"main": {"env": env(API_URL="http://api")}},
        states="unready",
        logs='level=error msg="api down" err="Get \\"http://api/\\": dial tcp 10.96.7.8:80: connect: connection refused"\n'
        * 20,
    )
    return made.event(
        "Pod",
        "web-abc-x0",
        "shop",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        count=90,
    )


@situation("Deployment shop/api", "137|kill|memory", "pod.")
def killed_137_without_a_reason() -> Case:
    return put(
        base(),
        "api",
        containers={"main": {"resources": {"limits": {"memory": "64Mi"}}}},
        states="crash:137",
        logs="loading index...\n",
    )


@situation("Deployment shop/web", "not ready|sidecar|proxy|config|istiod|discovery|15012", "app.|pod.")
def mesh_sidecar_never_ready() -> Case:
    log = (
        'warning envoy config external/envoy/source/common/config/grpc_stream.h:191 StreamAggregatedResources gRPC config stream to xds-grpc closed since 301s ago: 14, connection error: desc = "transport: Error while dialing: dial tcp: lookup istiod.istio-system.svc on 10.96.0.10:53: no such host"\n'
        * 9
    )
    made = put(
        base(),
        "web",
        containers={
            "app": {},
            "istio-proxy": {"readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}}},
        },
        states={"istio-proxy": "unready"},
        logs={"app": "ok\n", "istio-proxy": log},
    )
    return made.event(
        "Pod",
        "web-abc-x0",
        "shop",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        count=99,
    )


@situation("ReplicaSet shop/solo|Pod shop/solo*", "image", "pod.image")
def lone_replica_set_with_a_bad_image() -> Case:
    spec = {"containers": [{"name": "main", "image": "nginx:1.99"}]}
    made = base().add(
        "ReplicaSet",
        "solo",
        "shop",
        api="apps/v1",
        spec={"replicas": 1, "template": {"spec": spec}},
        status={"replicas": 1, "readyReplicas": 0},
    )
    return made.add("Pod", "solo-x", "shop", metadata=owned("ReplicaSet", "solo", "shop"), spec={**spec, "nodeName": "n1"},
                    status={"phase": "Pending", "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nginx:1.99": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:1.99": failed to resolve reference "docker.io/library/nginx:1.99": docker.io/library/nginx:1.99: not found'}}}]})  # fmt: skip


@situation("StatefulSet shop/es", "flood|watermark|disk|read-only|space", "app.")
def search_index_locked_by_full_disk() -> Case:
    log = (
        '{"@timestamp":"2026-03-01T11:59:01Z","log.level":"WARN","message":"flood stage disk watermark [95%] exceeded on [a1][es-0][/data] free: 1.1gb[3.8%], all indices on this node will be marked read-only"}\n'
        * 12
    )
    return put(base(), "es", kind="StatefulSet", states="unready", logs=log)


@situation("Service shop/web|Deployment shop/web", "selector|label", "svc.no_endpoints")
def selector_without_near_label_but_a_node_port() -> Case:
    made = put(base(), "web")
    return svc(made, "web", 80, 80, selector={"tier": "edge", "app": "web"}, type="NodePort")


@situation("Deployment shop/api", "connections|pool|exhaust", "app.dependency.exhausted")
def ready_service_out_of_pooled_connections_not_ready() -> Case:
    log = (
        "2026-03-01 11:59:01.101 ERROR 1 --- [nio-8080-exec-9] o.h.engine.jdbc.spi.SqlExceptionHelper : HikariPool-1 - Connection is not available, request timed out after 30001ms.\n"
        * 15
    )
    made = put(
        db(base()),
        "api",
        states="unready",
        containers={"main": {"readinessProbe": {"httpGet": {"path": "/actuator/health/readiness", "port": 8080}}}},
        logs=log,
    )
    return made.event(
        "Pod",
        "api-abc-x0",
        "shop",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
        count=99,
    )


@situation("Deployment shop/api", "exit code 143|143|sigterm|terminat", "pod.")
def restarted_by_sigterm_again_and_again() -> Case:
    return put(base(), "api", states="crash:143", logs="received SIGTERM, shutting down\n")


@situation("Deployment shop/api", "unknown|containerstatusunknown|evict|node", "pod.|node")
def container_status_unknown() -> Case:
    made = put(base(), "api")
    made.bodies[-1][0]["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 900Mi. Container main was using 12Gi, request is 0, has larger consumption of ephemeral-storage.",
                                    "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "The container could not be located when the pod was terminated"}}}]}  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] in ("Deployment", "ReplicaSet") and body["metadata"]["name"].startswith("api"):
            short = {"unavailableReplicas": 1} if body["kind"] == "Deployment" else {}
            body["status"] |= {"readyReplicas": 0, "availableReplicas": 0, **short}
    return made


@situation("Job shop/report", "deadline|image|pull", "pod.image|job.deadline")
def job_deadline_because_of_its_image() -> Case:
    return put(
        base(),
        "report",
        kind="Job",
        states='wait:ImagePullBackOff:Back-off pulling image "registry.example/report:1.4.2": ErrImagePull: not found',
        status={"active": 1},
        outer={"activeDeadlineSeconds": 6000},
    )


@situation("Deployment shop/web|ServiceAccount shop/web", "leader|lease|forbidden|rbac", "")
def leader_election_forbidden() -> Case:
    log = (
        'E0301 11:59:01.1 1 leaderelection.go:332] error retrieving resource lock shop/web-lock: leases.coordination.k8s.io "web-lock" is forbidden: User "system:serviceaccount:shop:web" cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "shop"\n'
        * 6
    )
    return put(base(), "web", states="unready", logs=log, spec={"serviceAccountName": "web"})


@quiet
def a_ready_program_with_a_few_timeouts() -> Case:
    log = "INFO request ok\n" * 50 + "WARN dial tcp 10.96.7.7:5432: i/o timeout, retrying\n" + "INFO request ok\n" * 20
    return put(db(base()), "api", logs=log)


@quiet
def an_external_host_in_the_settings() -> Case:
    return put(
        base(),
        "api",
        containers={
            "main": {
                "env": env(
                    STRIPE_URL="https://api.stripe.com",
                    SMTP_HOST="smtp.example.com",
                    SENTRY_DSN="https://k@o1.ingest.sentry.io/1",
                    HOSTNAME="x",
                    CACHE_HOST="localhost",
                )
            }
        },
    )


@quiet
def a_config_map_of_examples() -> Case:
    made = base().add(
        "ConfigMap",
        "conf",
        "shop",
        data={
            "nginx.conf": "# proxy_pass http://old-api.shop.svc:8080;\nserver { location / { root /usr/share/nginx/html; } }\n",
            "README": "see http://docs.shop.svc/ for proxy_pass\n",
        },
    )
    return put(
        made,
        "web",
        containers={"main": {"volumeMounts": [{"name": "c", "mountPath": "/etc/nginx"}]}},
        spec={"volumes": [{"name": "c", "configMap": {"name": "conf"}}]},
    )


@quiet
def an_init_container_that_has_just_begun() -> Case:
    made = put(
        base(),
        "web",
        init={"wait": {"command": ["sh", "-c", "until nc -z db 5432; do sleep 1; done"]}},
        states={"wait": "unready"},
        age=20,
    )
    made.bodies[-1][0]["status"]["initContainerStatuses"][0]["state"]["running"]["startedAt"] = ago(10)
    return made
