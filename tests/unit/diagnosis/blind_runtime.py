"""Failures of running pods, written before the rules were read: memory, exit codes, evictions, ends that do not come."""

from __future__ import annotations

from copilot.model import NodeService
from tests.unit.diagnosis.blind_storage_kit import busy, disk, mounted, say, vol
from tests.unit.diagnosis.unseen import Case, ago, condition, env, owned, put, quiet, situation, svc

LIMITS = {"resources": {"requests": {"memory": "256Mi", "cpu": "100m"}, "limits": {"memory": "256Mi", "cpu": "1"}}}


@situation("Deployment shop/pricing", "memory|oom", "")
def jvm_heap_is_larger_than_the_limit() -> Case:
    return put(busy(), "pricing", containers={"pricing": {**LIMITS, "env": env(JAVA_TOOL_OPTIONS="-Xmx512m")}}, states="crash:OOMKilled/137", logs="Picked up JAVA_TOOL_OPTIONS: -Xmx512m\n2026-03-01 11:57:01.022  INFO 1 --- [           main] c.acme.pricing.PricingApplication       : Starting PricingApplication v4.2\n", previous=True)  # fmt: skip


@situation("Deployment shop/pricing", "heap|memory", "")
def jvm_ends_itself_on_heap_exhaustion() -> Case:
    return put(busy(), "pricing", containers={"pricing": {**LIMITS, "env": env(JAVA_OPTS="-Xmx128m -XX:+ExitOnOutOfMemoryError")}}, states="crash:3", logs="2026-03-01 11:57:01.022  INFO 1 --- [main] c.a.p.Catalogue : loading 4.2M price rows\nTerminating due to java.lang.OutOfMemoryError: Java heap space\n", previous=True)  # fmt: skip


@situation("Deployment shop/pricing", "metaspace|memory", "")
def jvm_is_out_of_metaspace() -> Case:
    return put(busy(), "pricing", containers={"pricing": LIMITS}, states="crash:1", logs='Exception in thread "main" java.lang.OutOfMemoryError: Metaspace\n\tat java.base/java.lang.ClassLoader.defineClass1(Native Method)\n', previous=True)  # fmt: skip


@situation("Deployment shop/renderer", "heap|memory", "")
def v8_heap_limit() -> Case:
    return put(busy(), "renderer", containers={"renderer": LIMITS}, states="crash:134", logs="<--- Last few GCs --->\n\n[1:0x5581f0a0]    84211 ms: Mark-Compact 252.1 (257.9) -> 251.8 (258.6) MB, 301.2 / 0.0 ms  (average mu = 0.122) allocation failure; scavenge might not succeed\n\nFATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n", previous=True)  # fmt: skip


@situation("Deployment shop/scoring", "memory|oom", "")
def gunicorn_workers_are_killed_inside_a_living_container() -> Case:
    made = put(busy(), "scoring", containers={"scoring": LIMITS}, logs="[2026-03-01 11:55:01 +0000] [1] [INFO] Starting gunicorn 22.0.0\n[2026-03-01 11:56:11 +0000] [1] [ERROR] Worker (pid:23) was sent SIGKILL! Perhaps out of memory?\n[2026-03-01 11:56:11 +0000] [41] [INFO] Booting worker with pid: 41\n[2026-03-01 11:57:40 +0000] [1] [ERROR] Worker (pid:41) was sent SIGKILL! Perhaps out of memory?\n[2026-03-01 11:57:40 +0000] [55] [INFO] Booting worker with pid: 55\n[2026-03-01 11:59:10 +0000] [1] [ERROR] Worker (pid:55) was sent SIGKILL! Perhaps out of memory?\n")  # fmt: skip
    return svc(made, "scoring", 80, 8000)


@situation("Deployment shop/scoring", "memory", "")
def python_cannot_allocate_an_array() -> Case:
    return put(busy(), "scoring", containers={"scoring": LIMITS}, states="crash:1", logs='Traceback (most recent call last):\n  File "/app/train.py", line 88, in <module>\n    weights = np.zeros((60000, 60000))\nnumpy.core._exceptions._ArrayMemoryError: Unable to allocate 26.8 GiB for an array with shape (60000, 60000) and data type float64\n', previous=True)  # fmt: skip


@situation("Deployment shop/orders", "memory|oom", "")
def only_the_log_shipper_beside_the_app_is_killed() -> Case:
    parts = {"app": {}, "fluent-bit": {"image": "fluent/fluent-bit:3.1", "resources": {"limits": {"memory": "32Mi"}}}}
    return put(busy(), "orders", containers=parts, states={"fluent-bit": "crash:OOMKilled/137"}, logs={"app": "order 8812 accepted\n"})  # fmt: skip


@situation("Deployment shop/orders", "memory|oom", "")
def init_container_is_killed_for_memory() -> Case:
    return put(busy(), "orders", init={"warm-cache": {"resources": {"limits": {"memory": "64Mi"}}}}, states={"warm-cache": "crash:OOMKilled/137"})  # fmt: skip


@situation("Node n1|Deployment shop/reports", "memory|oom", "")
def a_pod_without_limits_eats_the_nodes_memory() -> Case:
    made = put(busy(), "reports", states="crash:137", logs="building yearly report: 41% (rss 7.1 GiB)\n", previous=True)  # fmt: skip
    made.services.append(NodeService(node="n1", unit="kernel", active="", text="Mar 01 11:58:31 n1 kernel: reports invoked oom-killer: gfp_mask=0x140cca, order=0, oom_score_adj=1000\nMar 01 11:58:31 n1 kernel: oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=cri-containerd-77.scope,mems_allowed=0,global_oom,task=reports,pid=51877,uid=0\nMar 01 11:58:31 n1 kernel: Out of memory: Killed process 51877 (reports) total-vm:9120212kB, anon-rss:7340032kB\n"))  # fmt: skip
    return made.event("Node", "n1", "", "SystemOOM", "System OOM encountered, victim process: reports, pid: 51877", count=6)  # fmt: skip


@situation("Deployment shop/codec", "139|segmentation|sigsegv", "")
def native_code_segfaults() -> Case:
    return put(busy(), "codec", states="crash:139", logs="codec 2.0 starting\nloading libavcodec\nSegmentation fault (core dumped)\n", previous=True)  # fmt: skip


@situation("Deployment shop/codec", "nil|panic|pointer|exit", "")
def go_program_panics() -> Case:
    return put(busy(), "codec", states="crash:2", logs="2026/03/01 11:58:01 serving on :8080\npanic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6d2f41]\n\ngoroutine 34 [running]:\nmain.(*Store).Get(0x0, {0xc00001c0a0, 0x7})\n\t/src/store.go:41 +0x21\n", previous=True)  # fmt: skip


@situation("Deployment shop/seed", "complet|exit 0|exits|finish|end", "")
def a_one_shot_program_runs_as_a_deployment() -> Case:
    return put(busy(), "seed", containers={"seed": {"command": ["python", "seed.py"]}}, states="crash:Completed/0", logs="seeded 120 products\ndone\n", previous=True)  # fmt: skip


@situation("Deployment shop/shell", "complet|exit 0|exits|finish|end", "")
def a_shell_without_a_terminal_ends_at_once() -> Case:
    return put(busy(), "shell", containers={"shell": {"image": "ubuntu:24.04", "command": ["bash"]}}, states="crash:Completed/0")  # fmt: skip


@situation("Deployment shop/reports", "ephemeral|limit", "")
def evicted_over_its_own_ephemeral_limit() -> Case:
    said = "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. "
    made = put(busy(), "reports", containers={"reports": {"resources": {"limits": {"ephemeral-storage": "1Gi"}}}}, phase="Failed", states="failed:137", pod_status={"reason": "Evicted", "message": said})  # fmt: skip
    return say(made, "reports", "Evicted", said, count=1)


@situation("Deployment shop/reports", "emptydir|scratch|500mi", "")
def empty_dir_outgrew_its_size_limit() -> Case:
    said = 'Usage of EmptyDir volume "scratch" exceeds the limit "500Mi". '
    made = put(busy(), "reports", containers={"reports": {"volumeMounts": [mounted("scratch", "/scratch")]}}, spec={"volumes": [vol("scratch", emptyDir={"sizeLimit": "500Mi"})]},
               phase="Failed", states="failed:137", pod_status={"reason": "Evicted", "message": said})  # fmt: skip
    return say(made, "reports", "Evicted", said, count=1)


@situation("Node n2|Deployment shop/reports", "disk|ephemeral", "")
def disk_pressure_evicts_several_apps_of_a_node() -> Case:
    made = busy("n1")
    made.node("n2", conditions=[condition("Ready", "True", "KubeletReady"), condition("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")],
              taints=[{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}])  # fmt: skip
    for app, used in (("reports", "41Gi"), ("cart", "12Mi"), ("coupon", "8Mi")):
        said = f"The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 2Gi. Container {app} was using {used}, request is 0, has larger consumption of ephemeral-storage. "
        put(made, app, containers={app: {}}, nodes=("n2",), phase="Failed", states="failed:137", pod_status={"reason": "Evicted", "message": said})  # fmt: skip
        say(made, app, "Evicted", said, count=1)
    return made.event("Node", "n2", "", "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage", count=30)


@situation("Deployment shop/forker|Node n1", "pid|process|thread|fork", "")
def shell_cannot_fork_any_more() -> Case:
    return put(busy(), "forker", states="crash:254", logs="/run.sh: fork: retry: Resource temporarily unavailable\n/run.sh: fork: retry: Resource temporarily unavailable\n/run.sh: fork: Resource temporarily unavailable\n", previous=True)  # fmt: skip


@situation("Deployment shop/pricing|Node n1", "thread|pid|process", "")
def jvm_cannot_start_another_thread() -> Case:
    return put(busy(), "pricing", states="crash:1", logs='[0.914s][warning][os,thread] Failed to start thread "Unknown thread" with pthread_create failed (EAGAIN) for attributes: stacksize: 1024k, guardsize: 0k, detached.\nException in thread "main" java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached\n', previous=True)  # fmt: skip


@situation("Node n1|Deployment shop/watcher", "inotify|open files|watch", "")
def inotify_instances_are_used_up() -> Case:
    return put(busy(), "watcher", states="crash:1", logs='level=fatal msg="failed to create fsnotify watcher: too many open files"\n', previous=True)  # fmt: skip


@situation("StatefulSet shop/queue|Pod shop/queue-0", "prestop|terminat|grace", "")
def pre_stop_hook_waits_for_peers_that_are_gone() -> Case:
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["/bin/sh", "-c", "while ! rabbitmq-queues check_if_node_is_quorum_critical; do sleep 5; done"]}}}}  # fmt: skip
    made = put(busy(), "queue", kind="StatefulSet", containers={"rabbit": hook}, spec={"terminationGracePeriodSeconds": 7200})  # fmt: skip
    made.bodies[-1][0]["metadata"] |= {"deletionTimestamp": ago(-4800), "deletionGracePeriodSeconds": 7200}
    return say(made, "queue", "Killing", "Stopping container rabbit", type_="Normal", count=1, first=2400, last=2400)


@situation("Pod shop/queue-0|StatefulSet shop/queue", "finalizer", "")
def pod_keeps_a_finalizer_of_a_removed_operator() -> Case:
    made = put(busy(), "queue", kind="StatefulSet", states="done")
    made.bodies[-1][0]["metadata"] |= {"deletionTimestamp": ago(3000), "deletionGracePeriodSeconds": 30, "finalizers": ["queue.acme.io/drain"]}  # fmt: skip
    return made


@situation("Node n2", "n2|kubelet|ready|node", "")
def pods_stay_terminating_on_a_dead_node() -> Case:
    made = busy("n1")
    made.node("n2", conditions=[condition("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.", 1800)],
              taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"}, {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}])  # fmt: skip
    made.lease("n2", renewed=1900)
    for app in ("queue", "cache"):
        put(made, app, kind="StatefulSet", nodes=("n2",))
        made.bodies[-1][0]["metadata"] |= {"deletionTimestamp": ago(1400), "deletionGracePeriodSeconds": 30}
        made.bodies[-1][0]["status"]["conditions"] = [condition("Ready", "False", "", "", 1800)]
        say(made, app, "NodeNotReady", "Node is not ready", count=1)
    return made


@situation("Node n1", "runtime|containerd|kill|stop", "")
def runtime_cannot_kill_containers() -> Case:
    made = busy()
    for app in ("queue", "cache", "cart"):
        put(made, app)
        made.bodies[-1][0]["metadata"] |= {"deletionTimestamp": ago(1400), "deletionGracePeriodSeconds": 30}
        say(made, app, "Killing", "Stopping container main", type_="Normal", count=14)
        say(made, app, "FailedKillPod", 'error killing pod: [failed to "KillContainer" for "main" with KillContainerError: "rpc error: code = DeadlineExceeded desc = context deadline exceeded", failed to "KillPodSandbox" for "77" with KillPodSandboxError: "rpc error: code = DeadlineExceeded desc = context deadline exceeded"]')  # fmt: skip
    return made


@situation("Job shop/backfill", "deadline", "")
def job_ran_longer_than_it_may() -> Case:
    made = put(busy(), "backfill", kind="Job", spec={"restartPolicy": "Never"}, outer={"activeDeadlineSeconds": 1800}, phase="Failed", states="failed:143", logs="row 1200000 of 9000000\n", status={"failed": 1, "conditions": [condition("Failed", "True", "DeadlineExceeded", "Job was active longer than specified deadline")]})  # fmt: skip
    return made.event("Job", "backfill", "shop", "DeadlineExceeded", "Job was active longer than specified deadline", count=1)  # fmt: skip


@situation("StatefulSet shop/pg|PersistentVolumeClaim shop/pg-data", "space|full", "")
def postgres_volume_is_full_and_its_clients_fail() -> Case:
    made = disk(busy(), "pg-data", size="10Gi")
    put(made, "pg", kind="StatefulSet", containers={"pg": {"ports": [{"containerPort": 5432}], "volumeMounts": [mounted("d", "/var/lib/postgresql/data")]}}, spec={"volumes": [vol("d", persistentVolumeClaim={"claimName": "pg-data"})]}, states="crash:1",
        logs='2026-03-01 11:58:01.100 UTC [28] LOG:  redo starts at 2/9A0000D8\n2026-03-01 11:58:02.100 UTC [28] FATAL:  could not write to file "pg_wal/xlogtemp.28": No space left on device\n2026-03-01 11:58:02.110 UTC [1] LOG:  startup process (PID 28) exited with exit code 1\n')  # fmt: skip
    svc(made, "pg", 5432)
    for app in ("orders", "invoices"):
        put(made, app, containers={app: {"env": env(DB_HOST="pg", DB_PORT="5432")}}, states="crash:1", logs='sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "pg" (10.96.7.8), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n')  # fmt: skip
    return made


@quiet
def pods_restarted_long_ago_and_are_well() -> Case:
    made = put(busy(), "cart", replicas=3, states="restarted:137")
    return say(made, "cart", "BackOff", "Back-off restarting failed container main in pod {pod}_shop(1)", count=3, first=300, last=200)  # fmt: skip


@quiet
def a_pod_terminates_within_its_grace() -> Case:
    made = put(busy(), "queue", kind="StatefulSet", spec={"terminationGracePeriodSeconds": 600})
    made.bodies[-1][0]["metadata"] |= {"deletionTimestamp": ago(-500), "deletionGracePeriodSeconds": 600}
    return say(made, "queue", "Killing", "Stopping container main", type_="Normal", count=1, first=100, last=100)


@quiet
def a_finished_job_and_a_pod_evicted_days_ago() -> Case:
    made = put(busy(), "report", kind="Job", spec={"restartPolicy": "Never"}, states="done", phase="Succeeded", status={"succeeded": 1, "conditions": [condition("Complete", "True")]})  # fmt: skip
    put(made, "cart")
    return made.add("Pod", "cart-old-9x", "shop", labels={"app": "cart"}, age=260000, metadata=owned("ReplicaSet", "cart-abc", "shop"), spec={"nodeName": "n2", "containers": [{"name": "main", "image": "registry.example/cart:1.4.1"}]},
                    status={"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory. Threshold quantity: 100Mi, available: 84Mi. ", "startTime": ago(260000)})  # fmt: skip
