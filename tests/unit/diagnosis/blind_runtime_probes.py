"""Probes that fail, written before the rules were read: port, path, protocol, scheme, timing, exec, gRPC, dependencies."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_storage_kit import busy, say
from tests.unit.diagnosis.unseen import Case, env, put, quiet, situation, svc

Body = dict[str, Any]


def probed(
    kind: str, probe: Body, message: str, *, log: str = "", port: int = 8080, state: str = "", errored: bool = False,
    kills: bool | None = None, made: Case | None = None, name: str = "catalog", **body: Any,
) -> Case:  # fmt: skip
    """A workload one probe of which fails."""
    kills = kind != "Readiness" if kills is None else kills
    main = {f"{kind.lower()}Probe": probe, "ports": [{"name": "http", "containerPort": port}], **body}
    made = put(made or busy(), name, containers={name: main}, states=state or ("crash:137" if kills else "unready"), logs=log, previous=kills)  # fmt: skip
    said = f"{kind} probe errored: {message}" if errored else f"{kind} probe failed: {message}"
    say(made, name, "Unhealthy", said, count=70)
    if kills:
        say(made, name, "Killing", f"Container {name} failed {kind.lower()} probe, will be restarted", type_="Normal", count=9)  # fmt: skip
    return svc(made, name, 80, port)


def http(path: str = "/healthz", port: Any = 8080, **more: Any) -> Body:
    return {
        "httpGet": {"path": path, "port": port, **({"scheme": more.pop("scheme")} if "scheme" in more else {})},
        **more,
    }


@situation("Deployment shop/catalog", "port", "pod.probe.liveness")
def liveness_on_the_management_port_that_is_not_opened() -> Case:
    return probed("Liveness", http("/actuator/health", 8081, periodSeconds=10), 'Get "http://10.244.1.20:8081/actuator/health": dial tcp 10.244.1.20:8081: connect: connection refused',
                  log="2026-03-01 11:57:01.0  INFO 1 --- [main] o.s.b.w.embedded.tomcat.TomcatWebServer  : Tomcat started on port 8080 (http) with context path '/'\n2026-03-01 11:57:01.1  INFO 1 --- [main] c.acme.Catalog : Started Catalog in 6.1 seconds (process running for 6.9)\n")  # fmt: skip


@situation("Deployment shop/catalog", "path|404", "pod.probe.readiness")
def readiness_path_has_lost_its_prefix() -> Case:
    return probed("Readiness", http("/ready"), "HTTP probe failed with statuscode: 404", log='[GIN] 2026/03/01 - 11:59:01 | 404 |       1.2µs |      10.244.1.1 | GET      "/ready"\n[GIN-debug] GET    /api/ready --> main.ready (3 handlers)\n')  # fmt: skip


@situation("Deployment shop/catalog", "scheme|https", "pod.probe.liveness")
def liveness_asks_plain_http_of_a_tls_port() -> Case:
    return probed("Liveness", http("/healthz", 8443), "HTTP probe failed with statuscode: 400", port=8443, log="2026/03/01 11:57:01 serving TLS on :8443\n2026/03/01 11:57:11 http: TLS handshake error from 10.244.1.1:51022: client sent an HTTP request to an HTTPS server\n")  # fmt: skip


@situation("Deployment shop/catalog", "protocol|grpc|http/2|http2|not http|malformed", "pod.probe.readiness")
def readiness_asks_http_of_a_grpc_port() -> Case:
    return probed("Readiness", http("/", 50051), 'Get "http://10.244.1.20:50051/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x00\\x00\\x06\\x04\\x00\\x00\\x00\\x00\\x00\\x00\\x05\\x00\\x00@\\x00"', port=50051, log="gRPC server listening on [::]:50051\n")  # fmt: skip


@situation("Deployment shop/catalog", "timeout|slow|timing|time", "pod.probe.liveness")
def liveness_gives_a_busy_program_one_second() -> Case:
    return probed("Liveness", http(timeoutSeconds=1, periodSeconds=5, failureThreshold=2), 'Get "http://10.244.1.20:8080/healthz": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', log="GET /healthz 200 3412ms\nGET /healthz 200 2904ms\nreceived SIGTERM, draining\n")  # fmt: skip


@situation("Deployment shop/catalog", "start|slow|timing|initial|time", "pod.probe.liveness")
def liveness_begins_before_a_slow_start_is_over() -> Case:
    return probed("Liveness", http(initialDelaySeconds=10, periodSeconds=10, failureThreshold=3), 'Get "http://10.244.1.20:8080/healthz": dial tcp 10.244.1.20:8080: connect: connection refused',
                  log="2026-03-01 11:57:01.0  INFO 1 --- [main] c.acme.Catalog : Starting Catalog using Java 21\n2026-03-01 11:57:19.1  INFO 1 --- [main] o.h.e.t.j.p.i.JtaPlatformInitiator : HHH000490: Using JtaPlatform\n2026-03-01 11:57:33.1  INFO 1 --- [main] liquibase.changelog : Reading from public.databasechangelog\n")  # fmt: skip


@situation("Deployment shop/catalog", "curl|executable|not found|command|exec", "pod.probe")
def exec_probe_calls_a_tool_the_image_does_not_have() -> Case:
    return probed("Readiness", {"exec": {"command": ["curl", "-f", "http://localhost:8080/ready"]}}, 'rpc error: code = Unknown desc = failed to exec in container: failed to start exec "a8c1": OCI runtime exec failed: exec failed: unable to start container process: exec: "curl": executable file not found in $PATH: unknown', errored=True, log="listening on 8080\n")  # fmt: skip


@situation("StatefulSet shop/pg|Deployment shop/catalog", "timed out|timeout|time", "pod.probe")
def exec_probe_takes_longer_than_its_second() -> Case:
    return probed("Liveness", {"exec": {"command": ["/bin/sh", "-c", "redis-cli ping"]}, "timeoutSeconds": 1}, 'command timed out: "/bin/sh -c redis-cli ping" timed out after 1s', log="1:M 01 Mar 2026 11:58:00.011 * Background saving started by pid 88\n")  # fmt: skip


@situation("Deployment shop/catalog", "grpc|health", "pod.probe")
def grpc_probe_of_a_server_without_the_health_service() -> Case:
    return probed("Liveness", {"grpc": {"port": 50051}}, "this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service grpc.health.v1.Health", errored=False, port=50051, log="gRPC server listening on [::]:50051\n")  # fmt: skip


@situation("Deployment shop/catalog", "401|auth|login|credential", "pod.probe")
def readiness_path_asks_for_a_login() -> Case:
    return probed("Readiness", http("/api/status"), "HTTP probe failed with statuscode: 401", log='10.244.1.1 - - [01/Mar/2026:11:59:01 +0000] "GET /api/status HTTP/1.1" 401 12 "-" "kube-probe/1.31"\n')  # fmt: skip


@situation("Deployment shop/redis-cache|Service shop/redis-cache", "zero|scaled|replicas|0", "")
def readiness_says_503_because_a_cache_was_scaled_to_zero() -> Case:
    made = busy()
    put(made, "redis-cache", replicas=0, containers={"redis": {"ports": [{"containerPort": 6379}]}})
    svc(made, "redis-cache", 6379)
    return probed("Readiness", http("/ready"), "HTTP probe failed with statuscode: 503", made=made, env=env(REDIS_URL="redis://redis-cache:6379/0"),
                  log='{"level":"warn","ts":"2026-03-01T11:58:59Z","msg":"readiness: dependency down","dep":"redis","err":"dial tcp 10.96.7.8:6379: connect: connection refused"}\n{"level":"warn","ts":"2026-03-01T11:59:09Z","msg":"readiness: dependency down","dep":"redis","err":"dial tcp 10.96.7.8:6379: connect: connection refused"}\n')  # fmt: skip


@situation("Deployment shop/catalog", "port", "pod.probe")
def readiness_names_a_port_the_container_does_not_have() -> Case:
    return probed("Readiness", http("/ready", "web"), 'strconv.Atoi: parsing "web": invalid syntax', errored=True, log="listening on 8080\n")  # fmt: skip


@situation("Deployment shop/catalog", "127.0.0.1|localhost|loopback", "")
def program_listens_on_loopback_only() -> Case:
    return probed("Readiness", http("/", 5000), 'Get "http://10.244.1.20:5000/": dial tcp 10.244.1.20:5000: connect: connection refused', port=5000, log=" * Serving Flask app 'catalog'\n * Debug mode: off\nWARNING: This is a development server. Do not use it in a production deployment.\n * Running on http://127.0.0.1:5000\nPress CTRL+C to quit\n")  # fmt: skip


@situation("Deployment shop/catalog", "port|9090", "pod.probe.readiness|configuration|pod.probe")
def tcp_readiness_asks_an_old_port() -> Case:
    return probed("Readiness", {"tcpSocket": {"port": 9090}}, "dial tcp 10.244.1.20:9090: connect: connection refused", log='time=2026-03-01T11:57:00Z level=INFO msg="HTTP server started" addr=0.0.0.0:8080\n')  # fmt: skip


@situation("Deployment shop/catalog", "startup", "pod.probe.startup")
def startup_probe_asks_a_wrong_path() -> Case:
    return probed("Startup", http("/healtz", periodSeconds=5, failureThreshold=12), "HTTP probe failed with statuscode: 404", log='INFO:     Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)\nINFO:     10.244.1.1:40212 - "GET /healtz HTTP/1.1" 404 Not Found\n')  # fmt: skip


@situation("Deployment shop/catalog", "500|error|liveness", "")
def liveness_answers_500_after_an_exception_in_the_handler() -> Case:
    return probed("Liveness", http(), "HTTP probe failed with statuscode: 500", log='ERROR:root:healthcheck failed\nTraceback (most recent call last):\n  File "/app/health.py", line 12, in check\n    return STATE["ready"]\nKeyError: \'ready\'\n')  # fmt: skip


@quiet
def a_probe_failed_twice_while_the_program_started() -> Case:
    made = put(busy(), "catalog", containers={"catalog": {"readinessProbe": http("/ready"), "ports": [{"containerPort": 8080}]}}, age=200)  # fmt: skip
    return say(made, "catalog", "Unhealthy", 'Readiness probe failed: Get "http://10.244.1.20:8080/ready": dial tcp 10.244.1.20:8080: connect: connection refused', count=2, first=195, last=185)  # fmt: skip


@quiet
def a_startup_probe_is_still_within_its_budget() -> Case:
    probe = http("/ready", periodSeconds=10, failureThreshold=60)
    made = put(busy(), "catalog", containers={"catalog": {"startupProbe": probe, "ports": [{"containerPort": 8080}]}}, states="unready", age=90, logs="loading model shard 3/8\n")  # fmt: skip
    made.bodies[-1][0]["status"]["containerStatuses"][0] |= {"started": False}
    return say(made, "catalog", "Unhealthy", 'Startup probe failed: Get "http://10.244.1.20:8080/ready": dial tcp 10.244.1.20:8080: connect: connection refused', count=8, first=85, last=5)  # fmt: skip
