"""More described failures: other languages and frameworks, chains of several workloads, odd statuses of containers."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.unseen import Case, ago, base, condition, env, job_failed, owned, put, quiet, situation, svc

Body = dict[str, Any]


def db(made: Case, name: str = "orders-db", port: int = 5432, **more: Any) -> Case:
    return svc(put(made, name, kind="StatefulSet", containers={"db": {"ports": [{"containerPort": port}]}}, **more), name, port)


@situation("Deployment shop/web", "dbb|resolve|host", "app.dependency.unknown_host")
def php_host_misspelt() -> Case:
    log = "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] php_network_getaddresses: getaddrinfo for orders-dbb failed: Name or service not known in /app/db.php:12\nStack trace:\n#0 /app/db.php(12): PDO->__construct()\n#1 {main}\n  thrown in /app/db.php on line 12\n"
    return put(db(base()), "web", states="crash:255", logs=log)


@situation("Deployment shop/web", "password|credential|access denied", "app.credentials")
def php_access_denied() -> Case:
    log = "[2026-03-01 11:59:01] production.ERROR: SQLSTATE[HY000] [1045] Access denied for user 'web'@'10.244.1.20' (using password: YES) (Connection: mysql, SQL: select * from `migrations`) {\"exception\":\"[object] (Illuminate\\\\Database\\\\QueryException(code: 1045)\"}\n"
    return put(db(base(), "mysql", 3306), "web", states="crash:1", logs=log)


@situation("Deployment shop/api", "5433|port", "app.dependency.wrong_address")
def prisma_wrong_port() -> Case:
    log = "PrismaClientInitializationError: Can't reach database server at `orders-db:5433`\n\nPlease make sure your database server is running at `orders-db:5433`.\n    at t (/app/node_modules/@prisma/client/runtime/library.js:112:2488) {\n  clientVersion: '5.9.1',\n  errorCode: 'P1001'\n}\n"
    return put(db(base()), "api", containers={"main": {"env": env(DATABASE_URL="postgresql://api@orders-db:5433/api")}}, states="crash:1", logs=log)


@situation("ConfigMap shop/api-env|Deployment shop/api", "orders-pg|resolve|host", "app.dependency.unknown_host")
def host_comes_from_a_config_map() -> Case:
    made = db(base()).add("ConfigMap", "api-env", "shop", data={"DB_HOST": "orders-pg", "DB_PORT": "5432"})
    log = "thread 'main' panicked at src/main.rs:22:10:\ncannot connect: Io(Custom { kind: Uncategorized, error: \"failed to lookup address information: Name or service not known\" })\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
    return put(made, "api", containers={"main": {"envFrom": [{"configMapRef": {"name": "api-env"}}]}}, states="crash:101", logs=log)


@situation("Deployment shop/api", "DATABASE_URL", "app.config.missing")
def elixir_variable_missing() -> Case:
    log = "** (RuntimeError) environment variable DATABASE_URL is missing.\nFor example: ecto://USER:PASS@HOST/DATABASE\n\n    (stdlib 5.2) erl_eval.erl:750: :erl_eval.do_apply/7\n"
    return put(base(), "api", states="crash:1", logs=log)


@situation("Deployment shop/api", "connectionstring|null", "pod.|app.config")
def dotnet_connection_string_null() -> Case:
    log = "Unhandled exception. System.ArgumentNullException: Value cannot be null. (Parameter 'connectionString')\n   at Npgsql.NpgsqlDataSourceBuilder..ctor(String connectionString)\n   at Program.<Main>$(String[] args) in /src/Program.cs:line 9\n"
    return put(base(), "api", states="crash:134", logs=log)


@situation("Deployment shop/api", "flask_cors|module", "app.module")
def gunicorn_worker_fails_to_boot() -> Case:
    log = """[2026-03-01 11:59:01 +0000] [1] [INFO] Starting gunicorn 21.2.0
[2026-03-01 11:59:02 +0000] [7] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 609, in spawn_worker
    worker.init_process()
  File "/app/app.py", line 3, in <module>
    from flask_cors import CORS
ModuleNotFoundError: No module named 'flask_cors'
[2026-03-01 11:59:02 +0000] [7] [INFO] Worker exiting (pid: 7)
[2026-03-01 11:59:03 +0000] [1] [ERROR] Worker (pid:7) exited with code 3
[2026-03-01 11:59:03 +0000] [1] [ERROR] Shutting down: Master
[2026-03-01 11:59:03 +0000] [1] [ERROR] Reason: Worker failed to boot.
"""
    return put(base(), "api", states="crash:3", logs=log)


@situation("Deployment shop/api", "entrypoint|not found|no such file", "pod.crashloop.exit127|app.config")
def entrypoint_without_interpreter() -> Case:
    return put(base(), "api", states="crash:255", logs="exec /entrypoint.sh: no such file or directory\n")


@situation("Deployment shop/api", "arch|exec format", "pod.exec.format")
def image_of_another_architecture() -> Case:
    return put(base(), "api", states="error:255", logs="exec /app/server: exec format error\n")


@situation("ConfigMap shop/start|Deployment shop/api", "syntax", "app.|pod.exit2")
def script_in_config_map_is_broken() -> Case:
    made = base().add("ConfigMap", "start", "shop", data={"run.py": "def main(:\n  pass\n"})
    log = '  File "/scripts/run.py", line 1\n    def main(:\n             ^\nSyntaxError: invalid syntax\n'
    main = {"command": ["python", "/scripts/run.py"], "volumeMounts": [{"name": "s", "mountPath": "/scripts"}]}
    return put(made, "api", containers={"main": main}, states="crash:1", logs=log, spec={"volumes": [{"name": "s", "configMap": {"name": "start"}}]})


@situation("Deployment shop/worker|StatefulSet shop/rabbitmq", "rabbit|refus|amqp", "app.|pod.probe.readiness")
def celery_retries_a_broker_that_is_not_there_yet_ready() -> Case:
    made = base()
    svc(put(made, "rabbitmq", kind="StatefulSet", replicas=1, states="unready"), "rabbitmq", 5672)
    made.log("rabbitmq-0", "waiting for the Mnesia tables for 30000 ms, 9 retries left\nError while waiting for Mnesia tables: {timeout_waiting_for_tables}\n" * 9, container="main")
    log = "[2026-03-01 11:59:01,101: ERROR/MainProcess] consumer: Cannot connect to amqp://guest:**@rabbitmq:5672//: [Errno 111] Connection refused.\nTrying again in 32.00 seconds... (16/100)\n" * 12
    return put(made, "worker", states="unready", containers={"main": {"env": env(BROKER_URL="amqp://guest@rabbitmq:5672//")}}, logs=log)


@situation("PersistentVolumeClaim shop/data-orders-db-0|StorageClass fast|StatefulSet shop/orders-db", "class|storage", "pvc.")
def three_workloads_wait_for_a_volume() -> Case:
    made = base()
    made.add("PersistentVolumeClaim", "data-orders-db-0", "shop", spec={"storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}, status={"phase": "Pending"})
    made.add("StorageClass", "standard", api="storage.k8s.io/v1", provisioner="x")
    made.event("PersistentVolumeClaim", "data-orders-db-0", "shop", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found', count=50)
    made.statefulset("orders-db", have=1, spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-orders-db-0"}}]})
    made.pod("orders-db-0", owner=("StatefulSet", "orders-db"), phase="Pending", labels={"app": "orders-db"}, age=900, spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-orders-db-0"}}]},
             status={"conditions": [condition("PodScheduled", "False", "Unschedulable", "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.")]})
    svc(made, "orders-db", 5432)
    svc(put(made, "api", containers={"main": {"env": env(DB_HOST="orders-db")}}, states="crash:1", logs="dial tcp 10.96.7.7:5432: connect: connection refused\n"), "api", 80)
    return put(made, "web", containers={"main": {"env": env(API_URL="http://api")}}, states="crash:1", logs='Get "http://api/": dial tcp 10.96.7.8:80: connect: connection refused\n')


@situation("Deployment shop/api", "REDIS_PASSWORD|KeyError", "app.config.missing")
def middle_of_a_chain_is_the_cause() -> Case:
    made = db(base())
    svc(put(made, "api", containers={"main": {"env": env(DB_HOST="orders-db")}}, states="crash:1", logs="Traceback (most recent call last):\n  File \"/app/m.py\", line 2, in <module>\n    p = os.environ['REDIS_PASSWORD']\n  File \"<frozen os>\", line 679, in __getitem__\nKeyError: 'REDIS_PASSWORD'\n"), "api", 80)
    put(made, "web", containers={"main": {"env": env(API_URL="http://api")}}, states="unready", logs='level=error msg="api down" err="Get \\"http://api/\\": dial tcp 10.96.7.8:80: connect: connection refused"\n' * 20)
    return made.event("Pod", "web-abc-x0", "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=90)


@situation("Deployment shop/api", "137|kill|memory", "pod.")
def killed_137_without_a_reason() -> Case:
    return put(base(), "api", containers={"main": {"resources": {"limits": {"memory": "64Mi"}}}}, states="crash:137", logs="loading index...\n")


@situation("Pod shop/tool", "module|express|cannot find", "app.module")
def bare_pod_crashes() -> Case:
    return put(base(), "tool", kind="Pod", states="crash:1", logs="Error: Cannot find module 'express'\nRequire stack:\n- /app/index.js\n")


@situation("Deployment shop/api|Secret shop/api-tls", "expired|certificate", "cert.|app.certificate")
def callers_meet_an_expired_certificate_of_a_service() -> Case:
    made = base().add("Secret", "auth-tls", "shop", type="kubernetes.io/tls", dataKeys=["tls.crt", "tls.key"])
    svc(put(made, "auth"), "auth", 443)
    log = "Error: certificate has expired\n    at TLSSocket.onConnectSecure (node:_tls_wrap:1674:34) {\n  code: 'CERT_HAS_EXPIRED'\n}\n"
    return put(made, "api", containers={"main": {"env": env(AUTH_URL="https://auth")}}, states="crash:1", logs=log)


@situation("Deployment shop/api", "certificate|authority|trust", "app.certificate")
def java_does_not_trust_the_ca() -> Case:
    log = "Caused by: javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target\n\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)\n"
    return put(base(), "api", states="crash:1", logs=log)


@situation("Deployment shop/api", "read-only|readonly", "app.")
def redis_replica_is_read_only() -> Case:
    log = "redis.exceptions.ReadOnlyError: You can't write against a read only replica.\nredis.exceptions.ResponseError: READONLY You can't write against a read only replica.\n"
    return put(db(base(), "redis", 6379), "api", states="crash:1", logs=log)


@situation("Deployment shop/api", "50051|pricing|port|refus", "app.dependency")
def grpc_callee_on_another_port() -> Case:
    made = svc(put(base(), "pricing"), "pricing", 9090)
    log = '{"severity":"ERROR","message":"could not get quote: rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial tcp 10.96.7.7:50051: connect: connection refused\\""}\n' * 12
    return put(made, "api", containers={"main": {"env": env(PRICING_ADDR="pricing:50051")}}, states="unready", logs=log)


@situation("Deployment shop/api", "config.json|file|exist", "app.config.missing")
def file_is_not_mounted() -> Case:
    log = 'panic: open /etc/api/config.json: no such file or directory\n\ngoroutine 1 [running]:\nmain.main()\n'
    return put(base(), "api", states="crash:2", logs=log)


@situation("Deployment shop/api", "data|permission|denied", "app.permission")
def volume_not_writable_by_the_user() -> Case:
    log = "mkdir: cannot create directory '/data/uploads': Permission denied\n"
    return put(base(), "api", containers={"main": {"securityContext": {"runAsUser": 1000}}}, states="crash:1", logs=log)


@situation("Deployment shop/web", "not ready|sidecar|proxy|config|istiod|discovery|15012", "app.|pod.")
def mesh_sidecar_never_ready() -> Case:
    log = 'warning envoy config external/envoy/source/common/config/grpc_stream.h:191 StreamAggregatedResources gRPC config stream to xds-grpc closed since 301s ago: 14, connection error: desc = "transport: Error while dialing: dial tcp: lookup istiod.istio-system.svc on 10.96.0.10:53: no such host"\n' * 9
    made = put(base(), "web", containers={"app": {}, "istio-proxy": {"readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}}}}, states={"istio-proxy": "unready"}, logs={"app": "ok\n", "istio-proxy": log})
    return made.event("Pod", "web-abc-x0", "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=99)


@situation("Deployment shop/web", "liveness|exec|timeout|command", "pod.probe.liveness")
def liveness_command_times_out() -> Case:
    probe = {"exec": {"command": ["/bin/check", "--deep"]}, "timeoutSeconds": 1}
    made = put(base(), "web", containers={"main": {"livenessProbe": probe}}, states="crash:137")
    made.event("Pod", "web-abc-x0", "shop", "Unhealthy", "Liveness probe failed: command timed out: \"/bin/check --deep\" timed out after 1s", count=30)
    return made.event("Pod", "web-abc-x0", "shop", "Killing", "Container main failed liveness probe, will be restarted", type_="Normal", count=9)


@situation("ReplicaSet shop/solo|Pod shop/solo*", "image", "pod.image")
def lone_replica_set_with_a_bad_image() -> Case:
    spec = {"containers": [{"name": "main", "image": "nginx:1.99"}]}
    made = base().add("ReplicaSet", "solo", "shop", api="apps/v1", spec={"replicas": 1, "template": {"spec": spec}}, status={"replicas": 1, "readyReplicas": 0})
    return made.add("Pod", "solo-x", "shop", metadata=owned("ReplicaSet", "solo", "shop"), spec={**spec, "nodeName": "n1"},
                    status={"phase": "Pending", "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nginx:1.99": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:1.99": failed to resolve reference "docker.io/library/nginx:1.99": docker.io/library/nginx:1.99: not found'}}}]})  # fmt: skip


@situation("Deployment ai/embed", "egress|policy|resolve|huggingface|deny", "netpol.|app.dependency")
def model_download_cannot_resolve_the_hub() -> Case:
    log = "requests.exceptions.ConnectionError: (MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /sentence-transformers/all-MiniLM-L6-v2/resolve/main/config.json (Caused by NameResolutionError(\\\"<urllib3.connection.HTTPSConnection object at 0x7f>: Failed to resolve 'huggingface.co' ([Errno -3] Temporary failure in name resolution)\\\"))\"), '(Request ID: 1)')\n"
    return put(base(), "embed", ns="ai", states="crash:1", logs=log)


@situation("ConfigMap ai/litellm|Deployment ai/gateway", "8001|port", "configuration.|app.dependency")
def llm_gateway_routes_to_a_wrong_port() -> Case:
    made = svc(put(base(), "vllm", ns="ai"), "vllm", 8000, ns="ai")
    made.add("ConfigMap", "litellm", "ai", data={"config.yaml": "model_list:\n  - model_name: llama\n    litellm_params:\n      model: openai/llama\n      api_base: http://vllm.ai.svc.cluster.local:8001/v1\n"})
    log = "litellm.InternalServerError: Connection error. Received Model Group=llama\nhttpx.ConnectError: [Errno 111] Connection refused\n" * 10
    main = {"volumeMounts": [{"name": "c", "mountPath": "/etc/litellm"}], "args": ["--config", "/etc/litellm/config.yaml"]}
    return put(made, "gateway", ns="ai", containers={"main": main}, logs=log, spec={"volumes": [{"name": "c", "configMap": {"name": "litellm"}}]})


@situation("Deployment ai/predictor", "s3|model|storage|found|denied", "app.|kserve")
def storage_initializer_finds_no_model() -> Case:
    log = "INFO:root:Copying contents of s3://models/iris to local\nTraceback (most recent call last):\n  File \"/storage-initializer/scripts/initializer-entrypoint\", line 16, in <module>\n    Storage.download(src_uri, dest_path)\nRuntimeError: Failed to fetch model. No model found in s3://models/iris.\n"
    return put(base(), "predictor", ns="ai", init={"storage-initializer": {}}, states={"storage-initializer": "crash:1"}, logs={"storage-initializer": log})


@situation("Deployment ai/head|Pod ai/ray-worker", "gcs|6379|head|ray", "")
def ray_worker_waits_for_a_crashing_head() -> Case:
    made = base()
    svc(put(made, "head", ns="ai", states="crash:1", logs="ValueError: Ray component dashboard_agent is trying to use port 8265 which is used by other components.\n"), "head-svc", 6379, ns="ai", selector={"app": "head"})
    return put(made, "ray-worker", ns="ai", kind="Pod", init={"wait-gcs-ready": {"command": ["sh", "-c", "until ray health-check --address head-svc:6379; do sleep 5; done"]}}, states={"wait-gcs-ready": "unready"}, logs={"wait-gcs-ready": "5 seconds elapsed: Waiting for GCS to be ready.\n" * 20})


@situation("Job ai/train", "nccl|timeout|collective|rank", "nccl.")
def collective_times_out() -> Case:
    log = "[rank1]:[E301 11:59:01.101 ProcessGroupNCCL.cpp:616] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1131, OpType=ALLREDUCE, NumelIn=4096, Timeout(ms)=600000) ran for 600031 milliseconds before timing out.\ntorch.distributed.elastic.multiprocessing.errors.ChildFailedError: train.py FAILED\n"
    return put(base(), "train", ns="ai", kind="Job", states="failed:1", logs=log, status=job_failed())


@situation("Job ai/train", "checkpoint|corrupt|model|load|key", "app.model")
def checkpoint_is_damaged() -> Case:
    log = "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory\n"
    return put(base(), "train", ns="ai", kind="Job", states="failed:1", logs=log, status=job_failed())


@situation("Deployment ai/llm", "tensor|gpu|world size", "cuda.init|app.config")
def more_shards_than_gpus() -> Case:
    log = "ValueError: The number of required GPUs exceeds the total number of available GPUs in the placement group. tensor_parallel_size (4) is larger than the number of available GPUs (1).\n"
    return put(base(), "llm", ns="ai", states="crash:1", logs=log)


@situation("StatefulSet shop/es", "flood|watermark|disk|read-only|space", "app.")
def search_index_locked_by_full_disk() -> Case:
    log = '{"@timestamp":"2026-03-01T11:59:01Z","log.level":"WARN","message":"flood stage disk watermark [95%] exceeded on [a1][es-0][/data] free: 1.1gb[3.8%], all indices on this node will be marked read-only"}\n' * 12
    return put(base(), "es", kind="StatefulSet", states="unready", logs=log)


@situation("StatefulSet shop/vault", "seal", "pod.probe|app.|pod.")
def vault_is_sealed() -> Case:
    made = put(base(), "vault", kind="StatefulSet", containers={"vault": {"readinessProbe": {"exec": {"command": ["/bin/sh", "-ec", "vault status -tls-skip-verify"]}}}}, states="unready", logs="==> Vault server started! Log data will stream in below:\n[INFO] core: security barrier not initialized\n[INFO] core: seal configuration missing, not initialized\n")
    return made.event("Pod", "vault-0", "shop", "Unhealthy", "Readiness probe failed: Key                Value\n---                -----\nSeal Type          shamir\nInitialized        false\nSealed             true\n", count=300)


@situation("Deployment shop/web", "hook|poststart", "pod.hook.poststart")
def post_start_hook_fails() -> Case:
    made = put(base(), "web", containers={"main": {"lifecycle": {"postStart": {"exec": {"command": ["/bin/register"]}}}}}, states="crash:137")
    return made.event("Pod", "web-abc-x0", "shop", "FailedPostStartHook", "PostStartHook failed", count=9)


@situation("Service shop/web|Deployment shop/web", "selector|label", "svc.no_endpoints")
def selector_without_near_label_but_a_node_port() -> Case:
    made = put(base(), "web")
    return svc(made, "web", 80, 80, selector={"tier": "edge", "app": "web"}, type="NodePort")


@situation("Deployment shop/api", "connections|pool|exhaust", "app.dependency.exhausted")
def ready_service_out_of_pooled_connections_not_ready() -> Case:
    log = "2026-03-01 11:59:01.101 ERROR 1 --- [nio-8080-exec-9] o.h.engine.jdbc.spi.SqlExceptionHelper : HikariPool-1 - Connection is not available, request timed out after 30001ms.\n" * 15
    made = put(db(base()), "api", states="unready", containers={"main": {"readinessProbe": {"httpGet": {"path": "/actuator/health/readiness", "port": 8080}}}}, logs=log)
    return made.event("Pod", "api-abc-x0", "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=99)


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
            body["status"] |= {"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1}
    return made


@situation("Deployment shop/api", "8443|https|scheme|liveness", "pod.probe.liveness")
def liveness_http_to_a_tls_port() -> Case:
    made = put(base(), "api", containers={"main": {"livenessProbe": {"httpGet": {"path": "/", "port": 8443}}, "ports": [{"containerPort": 8443}]}}, states="crash:137")
    made.event("Pod", "api-abc-x0", "shop", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 400", count=30)
    made.event("Pod", "api-abc-x0", "shop", "Killing", "Container main failed liveness probe, will be restarted", type_="Normal", count=9)
    made.log("api-abc-x0", "2026/03/01 11:59:01 http: TLS handshake error from 10.244.1.1:40122: tls: first record does not look like a TLS handshake\n" * 5)
    return made


@situation("Deployment shop/api|ConfigMap shop/logging", "logback|log|config|xml|appender|element", "app.config")
def java_logging_configuration_broken() -> Case:
    made = base().add("ConfigMap", "logging", "shop", data={"logback.xml": "<configuration><apender/></configuration>"})
    log = "Exception in thread \"main\" java.lang.IllegalStateException: Logback configuration error detected: \nERROR in ch.qos.logback.core.joran.spi.Interpreter@1:30 - no applicable action for [apender], current ElementPath is [[configuration][apender]]\n"
    return put(made, "api", containers={"main": {"volumeMounts": [{"name": "l", "mountPath": "/config"}]}}, states="crash:1", logs=log, spec={"volumes": [{"name": "l", "configMap": {"name": "logging"}}]})


@situation("Job shop/report", "deadline|image|pull", "pod.image|job.deadline")
def job_deadline_because_of_its_image() -> Case:
    return put(base(), "report", kind="Job", states='wait:ImagePullBackOff:Back-off pulling image "registry.example/report:1.4.2": ErrImagePull: not found', status={"active": 1}, outer={"activeDeadlineSeconds": 6000})


@situation("Deployment shop/web", "aws|credentials|credential", "app.credentials")
def no_cloud_credentials() -> Case:
    log = "panic: operation error S3: ListObjectsV2, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded\n"
    return put(base(), "web", states="crash:2", logs=log)


@situation("Deployment shop/web|ServiceAccount shop/web", "leader|lease|forbidden|rbac", "")
def leader_election_forbidden() -> Case:
    log = 'E0301 11:59:01.1 1 leaderelection.go:332] error retrieving resource lock shop/web-lock: leases.coordination.k8s.io "web-lock" is forbidden: User "system:serviceaccount:shop:web" cannot get resource "leases" in API group "coordination.k8s.io" in the namespace "shop"\n' * 6
    return put(base(), "web", states="unready", logs=log, spec={"serviceAccountName": "web"})


@quiet
def a_ready_program_with_a_few_timeouts() -> Case:
    log = "INFO request ok\n" * 50 + "WARN dial tcp 10.96.7.7:5432: i/o timeout, retrying\n" + "INFO request ok\n" * 20
    return put(db(base()), "api", logs=log)


@quiet
def an_external_host_in_the_settings() -> Case:
    return put(base(), "api", containers={"main": {"env": env(STRIPE_URL="https://api.stripe.com", SMTP_HOST="smtp.example.com", SENTRY_DSN="https://k@o1.ingest.sentry.io/1", HOSTNAME="x", CACHE_HOST="localhost")}})


@quiet
def a_config_map_of_examples() -> Case:
    made = base().add("ConfigMap", "conf", "shop", data={"nginx.conf": "# proxy_pass http://old-api.shop.svc:8080;\nserver { location / { root /usr/share/nginx/html; } }\n", "README": "see http://docs.shop.svc/ for proxy_pass\n"})
    return put(made, "web", containers={"main": {"volumeMounts": [{"name": "c", "mountPath": "/etc/nginx"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "conf"}}]})


@quiet
def an_init_container_that_has_just_begun() -> Case:
    made = put(base(), "web", init={"wait": {"command": ["sh", "-c", "until nc -z db 5432; do sleep 1; done"]}}, states={"wait": "unready"}, age=20)
    made.bodies[-1][0]["status"]["initContainerStatuses"][0]["state"]["running"]["startedAt"] = ago(10)
    return made
