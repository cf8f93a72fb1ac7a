"""Pods for which there is no node, for every ordinary reason. Written before a rule was read.

First run: 21 of 23 right, 5 of 5 healthy clusters quiet.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c1 import failure, gpu_node, healthy, not_ready, one, requests, silent, stuck, town
from tests.unit.diagnosis.cluster import owned
from tests.unit.diagnosis.unseen import Case, ago, base, condition, put

Body = dict[str, Any]
TAIL = "preemption: 0/{0} nodes are available: {0} Preemption is not helpful for scheduling."


def nope(total: int, reasons: str) -> str:
    return f"0/{total} nodes are available: {reasons}. {TAIL.format(total)}"


@failure("Deployment shop/importer", "memory")
def memory_request_larger_than_any_node() -> Case:
    made = town("n1", "n2", "n3")
    one(made, "Node", "n3")["spec"] |= {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}  # fmt: skip
    return stuck(made, "importer", nope(3, "1 node(s) were unschedulable, 2 Insufficient memory"), container={"resources": requests(memory="48Gi", cpu="500m")})  # fmt: skip


@failure("Deployment shop/solver|Node *", "cpu")
def cpu_is_in_crumbs() -> Case:
    made = town("n1", "n2", "n3", "n4")
    put(made, "worker", replicas=4, nodes=("n1", "n2", "n3", "n4"), containers={"main": {"resources": requests(cpu="2700m", memory="1Gi")}})  # fmt: skip
    return stuck(
        made, "solver", nope(4, "4 Insufficient cpu"), container={"resources": requests(cpu="2", memory="1Gi")}
    )


@failure("Deployment shop/hungry|Node *", "cpu")
def every_node_is_full_of_reserved_cpu() -> Case:
    made = town("n1", "n2")
    put(made, "reports", replicas=2, nodes=("n1", "n2"), containers={"main": {"resources": requests(cpu="3500m", memory="1Gi")}})  # fmt: skip
    return stuck(made, "hungry", nope(2, "2 Insufficient cpu"), want=2, container={"resources": requests(cpu="800m", memory="1Gi")})  # fmt: skip


@failure("Node *", "taint|maintenance")
def all_shared_nodes_were_tainted_by_mistake() -> Case:
    made = town("n1", "n2", "n3")
    for name in ("n1", "n2", "n3"):
        one(made, "Node", name)["spec"]["taints"] = [{"key": "maintenance", "value": "true", "effect": "NoSchedule", "timeAdded": ago(1900)}]  # fmt: skip
    made.control_plane("cp-1")
    for name, ns in (("search", "shop"), ("ledger", "finance"), ("mailer", "crm")):
        stuck(made, name, nope(4, "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 3 node(s) had untolerated taint {maintenance: true}"), ns=ns)  # fmt: skip
    return made


@failure("Node n2", "taint|noexecute|evict")
def a_no_execute_taint_drives_pods_away() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n1")["spec"] |= {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}  # fmt: skip
    one(made, "Node", "n2")["spec"]["taints"] = [{"key": "hardware", "value": "suspect", "effect": "NoExecute", "timeAdded": ago(1200)}]  # fmt: skip
    for name in ("ingest", "digest"):
        stuck(made, name, nope(2, "1 node(s) had untolerated taint {hardware: suspect}, 1 node(s) were unschedulable"), age=1190)  # fmt: skip
        made.event("Pod", f"{name}-7d9f-old", "shop", "TaintManagerEviction", f"Marking for deletion Pod shop/{name}-7d9f-old", type_="Normal", count=1, last=1199)  # fmt: skip
    return made


@failure("Node zb-1", "cordon|unschedulable")
def the_only_node_of_the_volumes_zone_is_cordoned() -> Case:
    made = base()
    made.node("za-1", labels={"topology.kubernetes.io/zone": "eu-1a"}).node("zb-1", labels={"topology.kubernetes.io/zone": "eu-1b"}, cordoned=True)  # fmt: skip
    affinity = {
        "required": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-1b"]}]}
            ]
        }
    }
    made.add("StorageClass", "gp3", api="storage.k8s.io/v1", provisioner="ebs.csi.aws.com", volumeBindingMode="WaitForFirstConsumer")  # fmt: skip
    made.add("PersistentVolume", "pvc-77aa", spec={"capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": "vol-0a"}, "nodeAffinity": affinity, "claimRef": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data-mongo-0", "uid": "uid-PersistentVolumeClaim-shop-data-mongo-0"}}, status={"phase": "Bound"})  # fmt: skip
    made.add("PersistentVolumeClaim", "data-mongo-0", "shop", spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "gp3", "volumeName": "pvc-77aa", "resources": {"requests": {"storage": "20Gi"}}}, status={"phase": "Bound"})  # fmt: skip
    return stuck(made, "mongo", nope(4, "1 node(s) were unschedulable, 3 node(s) had volume node affinity conflict"), kind="StatefulSet", spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-mongo-0"}}]})  # fmt: skip


@failure("PersistentVolume local-n9-ssd1|PersistentVolumeClaim shop/data-cassandra-0", "node|n9|affinity")
def a_local_volume_of_a_node_that_is_gone() -> Case:
    made = town("n1", "n2")
    affinity = {
        "required": {
            "nodeSelectorTerms": [
                {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n9"]}]}
            ]
        }
    }
    made.add("StorageClass", "local-ssd", api="storage.k8s.io/v1", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")  # fmt: skip
    made.add("PersistentVolume", "local-n9-ssd1", spec={"capacity": {"storage": "100Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local-ssd", "local": {"path": "/mnt/ssd1"}, "nodeAffinity": affinity, "claimRef": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "data-cassandra-0"}}, status={"phase": "Bound"})  # fmt: skip
    made.add("PersistentVolumeClaim", "data-cassandra-0", "shop", spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "local-ssd", "volumeName": "local-n9-ssd1", "resources": {"requests": {"storage": "100Gi"}}}, status={"phase": "Bound"})  # fmt: skip
    return stuck(made, "cassandra", nope(2, "2 node(s) had volume node affinity conflict"), kind="StatefulSet", spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-cassandra-0"}}]})  # fmt: skip


@failure("Deployment shop/api-edge", "spread|topology")
def spread_over_zones_has_no_room() -> Case:
    made = base("n1")
    made.node("a1", labels={"topology.kubernetes.io/zone": "a"}).node("b1", labels={"topology.kubernetes.io/zone": "b"}, cpu="1")  # fmt: skip
    put(made, "cruncher", nodes=("b1",), containers={"main": {"resources": requests(cpu="900m")}})
    spread = {
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "api-edge"}},
            }
        ]
    }
    stuck(made, "api-edge", nope(3, "1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label)"), want=2, spec=spread, container={"resources": requests(False, cpu="500m")})  # fmt: skip
    running = next(b for b, _ in made.bodies if b["kind"] == "Pod" and b["metadata"]["name"].startswith("api-edge"))
    running["spec"]["nodeName"] = "a1"
    running["status"] = {"phase": "Running", "conditions": [condition("PodScheduled", "True"), condition("Ready", "True")], "containerStatuses": [{"name": "api-edge", "image": "i", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": ago(1400)}}}]}  # fmt: skip
    return made


@failure("Deployment shop/api-edge", "spread|topology")
def spread_over_a_label_that_no_node_has() -> Case:
    spread = {
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/rack",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "api-edge"}},
            }
        ]
    }
    return stuck(town("n1", "n2", "n3"), "api-edge", nope(3, "3 node(s) didn't match pod topology spread constraints (missing required label)"), want=3, spec=spread)  # fmt: skip


@failure("Deployment metrics/exporter|Deployment legacy/old-exporter|Node *", "9100|host port|hostport|port")
def two_apps_want_one_host_port() -> Case:
    made = town("n1", "n2")
    made.add("Namespace", "legacy")
    port = {"ports": [{"containerPort": 9100, "hostPort": 9100, "protocol": "TCP"}]}
    put(made, "old-exporter", ns="legacy", replicas=2, nodes=("n1", "n2"), containers={"main": port})
    return stuck(made, "exporter", nope(2, "2 node(s) didn't have free ports for the requested pod ports"), ns="metrics", want=2, container=port)  # fmt: skip


@failure("Deployment shop/api-cache-user", "affinity")
def pod_affinity_to_an_app_of_another_name() -> Case:
    made = put(town("n1", "n2"), "redis-cache", kind="StatefulSet")
    terms = [{"labelSelector": {"matchLabels": {"app": "redis-cach"}}, "topologyKey": "kubernetes.io/hostname"}]
    return stuck(made, "api-cache-user", nope(2, "2 node(s) didn't match pod affinity rules"), spec={"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}})  # fmt: skip


@failure("Deployment shop/geo", "affinity|eu-west-1d|zone")
def node_affinity_to_a_zone_without_nodes() -> Case:
    made = base()
    for name, zone in (("w1", "eu-west-1a"), ("w2", "eu-west-1b"), ("w3", "eu-west-1c")):
        made.node(name, labels={"topology.kubernetes.io/zone": zone})
    terms = {
        "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [
                {
                    "matchExpressions": [
                        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1d"]},
                        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
                    ]
                }
            ]
        }
    }
    return stuck(made, "geo", nope(5, "5 node(s) didn't match Pod's node affinity/selector"), spec={"affinity": {"nodeAffinity": terms}})  # fmt: skip


@failure("Deployment shop/arm-build|Deployment shop/arm-builder", "arch|arm64|selector")
def selector_asks_an_architecture_nobody_has() -> Case:
    made = base()
    for node in ("n1", "n2"):
        one(made, "Node", node)["metadata"]["labels"]["kubernetes.io/arch"] = "amd64"
    return stuck(made, "arm-build", nope(2, "2 node(s) didn't match Pod's node affinity/selector"), spec={"nodeSelector": {"kubernetes.io/arch": "arm64"}})  # fmt: skip


@failure("Deployment shop/gated", "gate")
def a_scheduling_gate_is_never_lifted() -> Case:
    return stuck(town(), "gated", "Scheduling is blocked due to non-empty scheduling gates", want=2, age=5000, told=False, reason="SchedulingGated", spec={"schedulingGates": [{"name": "example.com/capacity-check"}]})  # fmt: skip


@failure("Deployment shop/batchy", "scheduler")
def a_scheduler_that_nobody_runs() -> Case:
    return stuck(town(), "batchy", "", want=2, age=4000, spec={"schedulerName": "batch-scheduler"})


@failure("Deployment shop/cheap|Deployment shop/urgent|PriorityClass urgent", "preempt|priority")
def low_priority_is_pushed_out_for_good() -> Case:
    made = base("n1", "n2")
    made.add("PriorityClass", "urgent", api="scheduling.k8s.io/v1", value=100000)
    put(made, "urgent", replicas=2, nodes=("n1", "n2"), spec={"priorityClassName": "urgent", "priority": 100000}, containers={"main": {"resources": requests(cpu="3", memory="1Gi")}})  # fmt: skip
    stuck(made, "cheap", "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.", want=2, age=700, container={"resources": requests(cpu="2", memory="1Gi")})  # fmt: skip
    for pod in ("cheap-7d9f-old1", "cheap-7d9f-old2"):
        made.event("Pod", pod, "shop", "Preempted", "Preempted by pod 0f0a-urgent-abc on node n1", type_="Normal", count=1, last=702, first=702)  # fmt: skip
    return made


@failure("Node *|Deployment shop/tiny", "pods|pod limit|too many")
def the_nodes_hold_no_more_pods() -> Case:
    made = base()
    made.bodies = [b for b in made.bodies if b[0]["kind"] != "Node"]
    made.node("s1", pods="4").node("s2", pods="4")
    put(made, "swarm", replicas=5, nodes=("s1", "s2"))
    put(made, "bees", replicas=4, nodes=("s2", "s1"))
    return stuck(made, "tiny", nope(2, "2 Too many pods"), want=3)


@failure("Deployment shop/scratch", "ephemeral")
def ephemeral_storage_request_is_too_large() -> Case:
    made = base()
    for node in ("n1", "n2"):
        for part in ("capacity", "allocatable"):
            one(made, "Node", node)["status"][part]["ephemeral-storage"] = "40Gi"
    return stuck(made, "scratch", nope(2, "2 Insufficient ephemeral-storage"), container={"resources": {"requests": {"ephemeral-storage": "200Gi"}}})  # fmt: skip


@failure("Pod kube-system/kube-scheduler-cp-1|Lease kube-system/kube-scheduler|Node cp-1", "scheduler")
def the_scheduler_itself_crashes() -> Case:
    made = town()
    made.control_plane("cp-1").lease("kube-scheduler", "kube-system", renewed=1300, duration=15)
    made.pod("kube-scheduler-cp-1", "kube-system", node="cp-1", owner=None, labels={"component": "kube-scheduler", "tier": "control-plane"}, waiting="CrashLoopBackOff",
             spec={"containers": [{"name": "kube-scheduler", "image": "registry.k8s.io/kube-scheduler:v1.33.1", "command": ["kube-scheduler", "--config=/etc/kubernetes/sched.yaml"]}]})  # fmt: skip
    for name in ("orders", "ledger"):
        stuck(made, name, "", age=1000)
    return made


@failure("Node g1", "kubelet|not ready|notready|heartbeat|unreachable|silent")
def the_only_matching_node_went_silent() -> Case:
    made = gpu_node(town(), "g1", 4)
    silent(made, "g1", 1800)
    return stuck(made, "trainer", nope(3, "1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 2 Insufficient nvidia.com/gpu"), container={"resources": requests(gpu="2")})  # fmt: skip


@failure("Node w9", "runtime|containerd")
def new_pods_wait_because_the_runtime_of_the_pool_is_down() -> Case:
    made = town()
    made.node("w9", labels={"pool": "batch"})
    not_ready(made, "w9", "[container runtime is down, PLEG is not healthy: pleg was last seen active 14m12s ago; threshold is 3m0s]")  # fmt: skip
    return stuck(made, "nightly", nope(3, "1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, 2 node(s) didn't match Pod's node affinity/selector"), kind="Job", spec={"restartPolicy": "Never", "nodeSelector": {"pool": "batch"}})  # fmt: skip


@failure("Deployment shop/pinned", "name|hostname|metadata.name|node|absent")
def daemon_like_pin_to_a_host_that_was_replaced() -> Case:
    made = town("n1", "n2")
    return stuck(made, "pinned", nope(2, "2 node(s) didn't match Pod's node affinity/selector"), spec={"nodeSelector": {"kubernetes.io/hostname": "ip-10-0-3-17"}})  # fmt: skip


@failure("DaemonSet logging/shipper|Node n2", "cpu|memory")
def a_daemon_set_pod_does_not_fit_on_its_node() -> Case:
    made = town("n1", "n2")
    put(made, "packed", nodes=("n2",), containers={"main": {"resources": requests(cpu="3700m", memory="1Gi")}})
    put(made, "shipper", ns="logging", kind="DaemonSet", nodes=("n1",), containers={"main": {"resources": requests(cpu="300m", memory="100Mi")}}, status={"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 1, "numberUnavailable": 1, "numberAvailable": 1})  # fmt: skip
    made.add("Namespace", "logging")
    message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    pin = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n2"]}]}]
            }
        }
    }
    made.add("Pod", "shipper-q2w4e", "logging", labels={"app": "shipper"}, metadata=owned("DaemonSet", "shipper", "logging"), age=1500,
             spec={"affinity": pin, "containers": [{"name": "main", "image": "registry.example/shipper:1", "resources": requests(cpu="300m", memory="100Mi")}]}, status={"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", message)]})  # fmt: skip
    made.event("Pod", "shipper-q2w4e", "logging", "FailedScheduling", message)
    return made


@healthy
def a_pod_waits_for_a_node_that_is_being_made() -> Case:
    made = stuck(town(), "surge", nope(2, "2 Insufficient cpu"), age=40, container={"resources": requests(cpu="3900m")})
    made.event("Pod", "surge-7d9f-b0z", "shop", "TriggeredScaleUp", "pod triggered scale-up: [{eks-workers 3->4 (max: 10)}]", type_="Normal", count=1, last=30, first=30)  # fmt: skip
    return made


@healthy
def a_cordoned_node_that_nobody_misses() -> Case:
    made = town("n1", "n2", "n3")
    one(made, "Node", "n3")["spec"] |= {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}  # fmt: skip
    return made


@healthy
def pods_that_were_preempted_run_again() -> Case:
    made = put(town(), "cheap", replicas=2)
    made.event("Pod", "cheap-abc-old", "shop", "Preempted", "Preempted by pod 8c1d on node n1", type_="Normal", count=1, last=1500, first=1500)  # fmt: skip
    made.event("Pod", "cheap-abc-x0", "shop", "FailedScheduling", nope(2, "2 Insufficient cpu"), count=2, last=1400, first=1500)  # fmt: skip
    return made


@healthy
def tainted_special_nodes_stand_idle() -> Case:
    made = gpu_node(town(), "g1", 8)
    one(made, "Node", "g1")["spec"]["taints"] = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    return put(made, "fluentbit", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"))


@healthy
def a_gate_that_is_a_few_seconds_old() -> Case:
    return stuck(town(), "gated", "Scheduling is blocked due to non-empty scheduling gates", age=8, told=False, reason="SchedulingGated", spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]})  # fmt: skip
