"""The second batch about running: written after the first was mended, before any of it was run."""

from __future__ import annotations

from tests.unit.diagnosis.blind_runtime_probes import http, probed
from tests.unit.diagnosis.blind_storage_kit import busy, say
from tests.unit.diagnosis.unseen import Case, ago, condition, job_failed, put, quiet, situation

LIMITS = {"resources": {"requests": {"memory": "512Mi"}, "limits": {"memory": "512Mi"}}}


@situation("Deployment shop/orders", "liveness", "pod.probe.liveness")
def only_the_proxy_beside_the_app_fails_its_liveness() -> Case:
    parts = {"app": {"ports": [{"containerPort": 8080}]}, "envoy": {"image": "envoyproxy/envoy:v1.31", "livenessProbe": {"httpGet": {"path": "/healthz", "port": 9901}}, "ports": [{"containerPort": 9901}]}}  # fmt: skip
    made = put(busy(), "orders", containers=parts, states={"envoy": "crash:137"}, logs={"app": "order 8812 accepted\n", "envoy": "[info] admin address: 0.0.0.0:9901\n"})  # fmt: skip
    say(made, "orders", "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404", count=40)
    return say(made, "orders", "Killing", "Container envoy failed liveness probe, will be restarted", type_="Normal", count=9)  # fmt: skip


@situation("Deployment shop/catalog", "service|inventory", "pod.probe")
def grpc_probe_asks_for_an_unknown_service() -> Case:
    return probed("Readiness", {"grpc": {"port": 50051, "service": "inventory.v1"}}, "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service", port=50051, log="grpc: serving on :50051\n")  # fmt: skip


@situation("Deployment shop/catalog", "port", "pod.probe")
def grpc_probe_asks_the_http_port() -> Case:
    return probed("Liveness", {"grpc": {"port": 9000}}, 'timeout: failed to connect service "10.244.1.20:9000" within 1s: context deadline exceeded: connection error: desc = "transport: Error while dialing: dial tcp 10.244.1.20:9000: connect: connection refused"', port=50051, log="gRPC server listening at [::]:50051\n")  # fmt: skip


@situation("Deployment shop/catalog", "https|tls|scheme", "pod.probe")
def readiness_gets_end_of_file_from_a_tls_port() -> Case:
    return probed("Readiness", http("/readyz", 8443), 'Get "http://10.244.1.20:8443/readyz": EOF', port=8443, log="INFO starting HTTPS listener address=0.0.0.0:8443\n")  # fmt: skip


@situation("Deployment shop/catalog", "host", "pod.probe")
def django_does_not_allow_the_pods_address_as_host() -> Case:
    return probed("Readiness", http("/ready"), "HTTP probe failed with statuscode: 400", log="Invalid HTTP_HOST header: '10.244.1.20:8080'. You may need to add '10.244.1.20' to ALLOWED_HOSTS.\nBad Request: /ready\n")  # fmt: skip


@situation("Deployment shop/worker", "liveness", "pod.probe.liveness")
def heartbeat_file_of_a_worker_is_not_written() -> Case:
    return probed("Liveness", {"exec": {"command": ["cat", "/tmp/healthy"]}, "periodSeconds": 5}, "cat: can't open '/tmp/healthy': No such file or directory", name="worker", log="worker ready, waiting for tasks\n")  # fmt: skip


@situation("Deployment shop/web", "localhost|loopback|127.0.0.1", "")
def dev_server_binds_localhost() -> Case:
    return probed("Readiness", http("/", 5173), 'Get "http://10.244.1.20:5173/": dial tcp 10.244.1.20:5173: connect: connection refused', port=5173, name="web", log="\n  VITE v5.2.0  ready in 412 ms\n\n  ➜  Local:   http://localhost:5173/\n  ➜  Network: use --host to expose\n")  # fmt: skip


@situation("Deployment shop/tasks", "memory|oom", "")
def celery_workers_are_lost_to_signal_nine() -> Case:
    line = "[2026-03-01 11:5{0}:11,101: ERROR/MainProcess] Task handler raised error: WorkerLostError('Worker exited prematurely: signal 9 (SIGKILL) Job: {0}.')\n"
    return put(busy(), "tasks", containers={"tasks": LIMITS}, logs="".join(line.format(n) for n in range(3, 9)))


@situation("Deployment shop/blog", "memory|oom", "")
def php_children_are_killed() -> Case:
    return put(busy(), "blog", containers={"blog": LIMITS}, logs="".join(f"[01-Mar-2026 11:5{n}:01] WARNING: [pool www] child {n}1 exited on signal 9 (SIGKILL) after 92.113 seconds from start\n[01-Mar-2026 11:5{n}:01] NOTICE: [pool www] child {n}2 started\n" for n in range(5, 9)))  # fmt: skip


@situation("Deployment shop/pricing", "memory|oom", "")
def killed_for_memory_every_few_minutes_and_ready_between() -> Case:
    made = put(busy(), "pricing", containers={"pricing": LIMITS})
    made.bodies[-1][0]["status"]["containerStatuses"][0] |= {"restartCount": 14, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": ago(700), "finishedAt": ago(180)}}, "state": {"running": {"startedAt": ago(175)}}}  # fmt: skip
    return say(made, "pricing", "BackOff", "Back-off restarting failed container pricing in pod {pod}_shop(1)", count=30)  # fmt: skip


@situation("Node n2|Deployment shop/reports", "memory", "")
def memory_pressure_evicts_the_biggest_and_others() -> Case:
    made = busy("n1")
    made.node("n2", conditions=[condition("Ready", "True", "KubeletReady"), condition("MemoryPressure", "True", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")],
              taints=[{"key": "node.kubernetes.io/memory-pressure", "effect": "NoSchedule"}])  # fmt: skip
    for app, used in (("reports", "6200Mi"), ("cart", "110Mi")):
        said = f"The node was low on resource: memory. Threshold quantity: 100Mi, available: 61Mi. Container {app} was using {used}, request is 0, has larger consumption of memory. "
        put(made, app, containers={app: {}}, nodes=("n2",), phase="Failed", states="failed:137", pod_status={"reason": "Evicted", "message": said})  # fmt: skip
    return made.event("Node", "n2", "", "EvictionThresholdMet", "Attempting to reclaim memory", count=12)


@situation("Job shop/train", "memory|oom", "")
def job_gives_up_because_each_try_is_killed_for_memory() -> Case:
    made = put(busy(), "train", kind="Job", spec={"restartPolicy": "Never"}, containers={"train": LIMITS}, phase="Failed", states="failed:137", status=job_failed())  # fmt: skip
    made.bodies[-1][0]["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] = "OOMKilled"
    return made


@situation("Deployment shop/ledger", "memory", "")
def dotnet_runs_out_of_memory() -> Case:
    return put(busy(), "ledger", containers={"ledger": LIMITS}, states="crash:134", logs="Unhandled exception. System.OutOfMemoryException: Exception of type 'System.OutOfMemoryException' was thrown.\n   at System.GC.AllocateNewArray(IntPtr typeHandle, Int32 length, GC_ALLOC_FLAGS flags)\n", previous=True)  # fmt: skip


@situation("Deployment shop/pricing|Node n1", "memory", "")
def jvm_cannot_map_native_memory() -> Case:
    return put(busy(), "pricing", containers={"pricing": LIMITS}, states="crash:1", logs="#\n# There is insufficient memory for the Java Runtime Environment to continue.\n# Native memory allocation (mmap) failed to map 536870912 bytes for committing reserved memory.\n", previous=True)  # fmt: skip


@situation("Deployment shop/catalog", "timeout|slow|time", "pod.probe.readiness")
def readiness_answers_later_than_its_timeout() -> Case:
    return probed("Readiness", http("/ready", timeoutSeconds=1), 'Get "http://10.244.1.20:8080/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', log="time=2026-03-01T11:58:01Z level=INFO msg=request method=GET path=/ready status=200 took=2.31s\ntime=2026-03-01T11:58:11Z level=INFO msg=request method=GET path=/ready status=200 took=2.07s\n")  # fmt: skip


@quiet
def a_single_worker_was_killed_yesterday() -> Case:
    return put(busy(), "tasks", containers={"tasks": LIMITS}, logs="[2026-02-28 11:50:11 +0000] [1] [ERROR] Worker (pid:23) was sent SIGKILL! Perhaps out of memory?\n[2026-02-28 11:50:11 +0000] [41] [INFO] Booting worker with pid: 41\n")  # fmt: skip


@quiet
def a_killing_failed_once_because_the_container_was_gone() -> Case:
    made = put(busy(), "cart")
    return say(made, "cart", "FailedKillPod", 'error killing pod: failed to "KillContainer" for "main" with KillContainerError: "rpc error: code = NotFound desc = an error occurred when try to find container: not found"', count=1)  # fmt: skip


@quiet
def a_ready_program_says_it_listens_on_localhost() -> Case:
    return put(busy(), "web", containers={"web": {"readinessProbe": http("/", 3000), "ports": [{"containerPort": 3000}]}}, logs="Server listening on http://localhost:3000\n")  # fmt: skip
