"""GPUs, queues and node autoscalers: accelerators that are short, sick or named wrongly. Written before a rule was read.

First run, with `blind_scheduling_queues`: 10 of 21 right, 1 of 3 healthy clusters quiet.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c1 import (
    broken,
    crashing,
    failure,
    gpu_node,
    healthy,
    nope,
    one,
    requests,
    says,
    stuck,
    town,
)
from tests.unit.diagnosis.cluster import owned
from tests.unit.diagnosis.unseen import Case, condition, put

Body = dict[str, Any]


@failure("Deployment ml/encoder", "mig-1g.10gb|mig")
def mig_profile_that_no_node_offers() -> Case:
    made = town()
    made.node("g1", cpu="96", memory="900Gi", capacity={"nvidia.com/mig-1g.5gb": "7"}, labels={"nvidia.com/gpu.present": "true", "nvidia.com/mig.strategy": "mixed", "nvidia.com/mig.config": "all-1g.5gb", "nvidia.com/mig.config.state": "success"})  # fmt: skip
    return stuck(made, "encoder", nope(3, "3 Insufficient nvidia.com/mig-1g.10gb"), ns="ml", container={"resources": {"limits": {"nvidia.com/mig-1g.10gb": "1"}, "requests": {"nvidia.com/mig-1g.10gb": "1"}}})  # fmt: skip


@failure("Deployment ml/decoder", "mig|nvidia.com/gpu")
def whole_gpu_asked_of_a_split_node() -> Case:
    made = town()
    made.node("g1", cpu="96", memory="900Gi", capacity={"nvidia.com/mig-2g.20gb": "3", "nvidia.com/gpu": "0"}, labels={"nvidia.com/gpu.present": "true", "nvidia.com/mig.strategy": "mixed"})  # fmt: skip
    return stuck(made, "decoder", nope(3, "3 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="1")})  # fmt: skip


@failure("Job ml/pretrain|Node *|Deployment ml/infer-*", "gpu")
def eight_gpus_free_but_on_two_nodes() -> Case:
    made = gpu_node(gpu_node(town(), "g1"), "g2")
    made.add("Namespace", "ml")
    put(made, "infer-a", ns="ml", nodes=("g1",), containers={"main": {"resources": requests(gpu="4")}})
    put(made, "infer-b", ns="ml", nodes=("g2",), containers={"main": {"resources": requests(gpu="4")}})
    return stuck(made, "pretrain", nope(4, "4 Insufficient nvidia.com/gpu"), ns="ml", kind="Job", spec={"restartPolicy": "Never"}, container={"resources": requests(gpu="8")})  # fmt: skip


@failure("DaemonSet gpu-operator/nvidia-device-plugin-daemonset", "device plugin|plugin|nvml|libnvidia|toolkit|runtime")
def device_plugin_crashes_on_every_gpu_node() -> Case:
    made = town()
    for name in ("g1", "g2"):
        made.node(name, cpu="64", memory="500Gi", capacity={"nvidia.com/gpu": "0"}, labels={"nvidia.com/gpu.present": "true", "nvidia.com/gpu.count": "4"})  # fmt: skip
    made.add("Namespace", "gpu-operator")
    put(made, "nvidia-device-plugin-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=("g1", "g2"))
    for pod in ("nvidia-device-plugin-daemonset-k0", "nvidia-device-plugin-daemonset-l1"):
        crashing(made, pod)
        says(made, "gpu-operator", pod, 'I0301 11:50:11.000 main.go:235] "Starting NVIDIA Device Plugin"\nE0301 11:50:11.200 factory.go:112] Incompatible strategy detected auto\nE0301 11:50:11.200 factory.go:113] If this is a GPU node, did you configure the NVIDIA Container Toolkit?\nE0301 11:50:11.201 main.go:173] error starting plugins: error creating plugin manager: unable to create plugin manager: invalid device discovery strategy\n', previous=True)  # fmt: skip
    return stuck(made, "serve-llm", nope(4, "4 Insufficient nvidia.com/gpu"), ns="ml", want=2, container={"resources": requests(gpu="1")})  # fmt: skip


@failure(
    "DaemonSet gpu-operator/nvidia-device-plugin-daemonset|Node g1",
    "device plugin|daemonset|selector|no nvidia.com/gpu|gpu.deploy",
)
def device_plugin_is_not_sent_to_the_new_gpu_node() -> Case:
    made = town()
    made.node("g1", cpu="64", memory="500Gi", labels={"nvidia.com/gpu.present": "true", "node.kubernetes.io/instance-type": "p4d.24xlarge", "nvidia.com/gpu.deploy.device-plugin": "false"})  # fmt: skip
    made.add("Namespace", "gpu-operator")
    put(made, "nvidia-device-plugin-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=(), spec={"nodeSelector": {"nvidia.com/gpu.deploy.device-plugin": "true"}})  # fmt: skip
    return stuck(made, "serve-llm", nope(3, "3 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="1")})  # fmt: skip


@failure("Node g2", "xid|gpu|bus")
def a_gpu_fell_off_the_bus_says_the_detector() -> Case:
    made = gpu_node(gpu_node(town(), "g1"), "g2", 8, 7)
    made.add("Namespace", "ml")
    one(made, "Node", "g2")["status"]["conditions"].append(condition("GpuXidError", "True", "XID79", "NVRM: Xid (PCI:0000:3b:00): 79, pid=41233, name=python, GPU has fallen off the bus."))  # fmt: skip
    made.event("Node", "g2", "", "XID79", "NVRM: Xid (PCI:0000:3b:00): 79, pid=41233, name=python, GPU has fallen off the bus.", count=2)  # fmt: skip
    put(
        made,
        "finetune",
        ns="ml",
        kind="StatefulSet",
        nodes=("g2",),
        containers={"main": {"resources": requests(gpu="1")}},
    )
    crashing(made, "finetune-0")
    return says(made, "ml", "finetune-0", "RuntimeError: CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported at some other API call\n", previous=True)  # fmt: skip


@failure("Node g2", "ecc|xid|memory error|gpu")
def uncorrectable_memory_errors_on_one_node_only() -> Case:
    made = gpu_node(gpu_node(town(), "g1"), "g2")
    made.add("Namespace", "ml")
    put(
        made,
        "ranker",
        ns="ml",
        replicas=3,
        nodes=("g1", "g2", "g2"),
        containers={"main": {"resources": requests(gpu="1")}},
    )
    for pod in ("ranker-abc-y1", "ranker-abc-z2"):
        crashing(made, pod)
        says(made, "ml", pod, "Traceback (most recent call last):\n  File \"/app/serve.py\", line 41, in <module>\n    model.to('cuda')\nRuntimeError: CUDA error: uncorrectable ECC error encountered\n", previous=True)  # fmt: skip
    return made


@failure("Node g1", "xid|gpu|unhealthy")
def the_plugin_marked_a_gpu_unhealthy() -> Case:
    made = gpu_node(town(), "g1", 8, 6)
    made.add("Namespace", "gpu-operator")
    put(made, "nvidia-device-plugin-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=("g1",), logs="I0301 11:10:01.133 health.go:150] Skipping error &{Xid:43}\nI0301 11:12:44.902 health.go:159] Processing event XidCriticalError: Xid=48 on Device=GPU-6f1e; marking device as unhealthy.\nI0301 11:12:44.903 server.go:262] 'nvidia.com/gpu' device marked unhealthy: GPU-6f1e\n")  # fmt: skip
    return stuck(made, "pretrain", nope(3, "3 Insufficient nvidia.com/gpu"), ns="ml", kind="Job", spec={"restartPolicy": "Never"}, container={"resources": requests(gpu="8")})  # fmt: skip


@failure("Node g1", "nvml|driver|mismatch")
def driver_and_library_disagree_on_one_node() -> Case:
    made = gpu_node(gpu_node(town(), "g1", 4, 0), "g2", 4)
    made.add("Namespace", "gpu-operator")
    put(made, "nvidia-device-plugin-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=("g1", "g2"))
    crashing(made, "nvidia-device-plugin-daemonset-k0")
    says(made, "gpu-operator", "nvidia-device-plugin-daemonset-k0", "E0301 11:40:00.100 factory.go:77] Failed to initialize NVML: Driver/library version mismatch.\nE0301 11:40:00.101 main.go:123] error starting plugins: failed to initialize NVML: Driver/library version mismatch\n", previous=True)  # fmt: skip
    put(made, "busy", ns="ml", nodes=("g2",), containers={"main": {"resources": requests(gpu="4")}})
    return stuck(made, "serve", nope(4, "4 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="2")})  # fmt: skip


@failure("Deployment shop/burst|ConfigMap kube-system/cluster-autoscaler-status|Node *", "max|cpu|autoscal")
def autoscaler_is_at_its_maximum() -> Case:
    made = town()
    put(made, "filler", replicas=2, nodes=("n1", "n2"), containers={"main": {"resources": requests(cpu="3500m")}})
    stuck(made, "burst", nope(2, "2 Insufficient cpu"), container={"resources": requests(cpu="2")})
    made.event("Pod", "burst-7d9f-b0z", "shop", "NotTriggerScaleUp", "pod didn't trigger scale-up: 1 max node group size reached", type_="Normal", count=30)  # fmt: skip
    return made


@failure(
    "ConfigMap kube-system/cluster-autoscaler-status|Deployment ml/serve|Node *", "quota|scale-up|scale up|autoscal"
)
def cloud_quota_stops_the_gpu_pool() -> Case:
    made = gpu_node(town(), "g1", 1)
    put(made, "busy", ns="ml", nodes=("g1",), containers={"main": {"resources": requests(gpu="1")}})
    stuck(made, "serve", nope(3, "3 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="1")})
    status = "autoscalerStatus: Running\nclusterWide:\n  health:\n    status: Healthy\n  scaleUp:\n    status: InProgress\nnodeGroups:\n- name: a100-pool\n  health:\n    status: Healthy\n  scaleUp:\n    status: Backoff\n    backoffInfo:\n      errorCode: QUOTA_EXCEEDED\n      errorMessage: Quota 'NVIDIA_A100_GPUS' exceeded. Limit 1.0 in region europe-west4.\n"
    made.add("ConfigMap", "cluster-autoscaler-status", "kube-system", data={"status": status})
    made.event("ConfigMap", "cluster-autoscaler-status", "kube-system", "FailedToScaleUpGroup", "Scale-up failed for group a100-pool: googleapi: Error 403: Quota 'NVIDIA_A100_GPUS' exceeded. Limit: 1.0 in region europe-west4., quotaExceeded", count=8)  # fmt: skip
    return made


def pool(made: Case, name: str, limits: Body, used: Body, conditions: list[Body], node_class: str = "default") -> Case:
    spec = {
        "limits": limits,
        "template": {
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": node_class},
                "requirements": [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}],
            }
        },
    }
    return made.add(
        "NodePool", name, api="karpenter.sh/v1", spec=spec, status={"resources": used, "conditions": conditions}
    )  # type: ignore[return-value]


@failure("NodePool general", "limit")
def node_pool_has_reached_its_limit() -> Case:
    made = pool(town(), "general", {"cpu": "8"}, {"cpu": "8", "nodes": "2"}, [condition("Ready", "True", "Ready"), condition("NodeClassReady", "True", "NodeClassReady")])  # fmt: skip
    put(made, "filler", replicas=2, nodes=("n1", "n2"), containers={"main": {"resources": requests(cpu="3500m")}})
    stuck(made, "burst", nope(2, "2 Insufficient cpu"), container={"resources": requests(cpu="2")})
    made.event("Pod", "burst-7d9f-b0z", "shop", "FailedScheduling", 'Failed to schedule pod, all available instance types exceed limits for nodepool: "general"', count=9)  # fmt: skip
    return made


@failure("NodeClaim spot-x7k2p|NodePool spot", "capacity|insufficient")
def the_cloud_has_no_such_instances() -> Case:
    made = pool(town(), "spot", {}, {"nodes": "0"}, [condition("Ready", "True", "Ready")])
    made.add("NodeClaim", "spot-x7k2p", api="karpenter.sh/v1", age=700, labels={"karpenter.sh/nodepool": "spot"}, metadata={"ownerReferences": [{"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "name": "spot", "uid": "uid-NodePool--spot", "controller": True}]},
             spec={"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []}, status={"conditions": [condition("Launched", "Unknown", "LaunchFailed", "insufficient capacity, with fleet error(s), InsufficientInstanceCapacity: We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested"), condition("Ready", "Unknown", "ReconcilingDependents")]})  # fmt: skip
    made.event("NodeClaim", "spot-x7k2p", "", "InsufficientCapacityError", "NodeClaim spot-x7k2p event: creating instance, insufficient capacity, with fleet error(s), InsufficientInstanceCapacity", count=6)  # fmt: skip
    return stuck(made, "trainer", nope(2, "2 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="8")})  # fmt: skip


@failure("EC2NodeClass gpu-class", "subnet")
def node_class_finds_no_subnet() -> Case:
    made = pool(town(), "gpu", {}, {"nodes": "0"}, [condition("NodeClassReady", "False", "NodeClassNotReady", "NodeClass in not ready"), condition("Ready", "False", "UnhealthyDependents", "NodeClassReady=False")], "gpu-class")  # fmt: skip
    made.add("EC2NodeClass", "gpu-class", api="karpenter.k8s.aws/v1", spec={"role": "KarpenterNode", "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": "prod-old"}}]}, status={"conditions": [condition("SubnetsReady", "False", "SubnetsNotFound", "SubnetSelector did not match any Subnets"), condition("Ready", "False", "UnhealthyDependents", "SubnetsReady=False")]})  # fmt: skip
    stuck(
        made, "trainer", nope(2, "2 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="8")}
    )
    made.event(
        "Pod", "trainer-7d9f-b0z", "ml", "FailedScheduling", "Failed to schedule pod, no nodepools found", count=5
    )
    return made


@failure("PodGroup ml/nccl-test|Job ml/nccl-test", "gang|minmember|min|gpu|member")
def a_gang_gets_six_of_eight() -> Case:
    made = gpu_node(town(), "g1", 6)
    spec = {"schedulerName": "volcano", "restartPolicy": "Never"}
    stuck(made, "nccl-test", "6/8 tasks in gang unschedulable: pod group is not ready, 8 Pending, 8 minAvailable; Pending: 2 Unschedulable, 6 Schedulable", ns="ml", kind="Job", want=8, spec=spec, container={"resources": requests(gpu="1")})  # fmt: skip
    put(made, "volcano-scheduler", ns="volcano-system")
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith("nccl-test"):
            body["metadata"]["annotations"] = {"scheduling.k8s.io/group-name": "nccl-test"}
    return made.add("PodGroup", "nccl-test", "ml", api="scheduling.volcano.sh/v1beta1", metadata=owned("Job", "nccl-test", "ml"), spec={"minMember": 8, "queue": "default", "minResources": {"nvidia.com/gpu": "8"}}, status={"phase": "Pending", "conditions": [condition("Unschedulable", "True", "NotEnoughResources", "8/8 tasks in gang unschedulable: pod group is not ready, 8 Pending, 8 minAvailable; Pending: 2 Unschedulable, 6 Schedulable. Origin reason is nccl-test-6: 0/3 nodes are unavailable: 3 Insufficient nvidia.com/gpu.")]})  # type: ignore[return-value]  # fmt: skip


@failure("Node g1|DaemonSet gpu-operator/nvidia-driver-daemonset", "driver|install|kernel|compil")
def the_driver_does_not_compile_for_the_nodes_kernel() -> Case:
    made = gpu_node(town(), "g1", 0)
    made.add("Namespace", "gpu-operator")
    put(made, "nvidia-driver-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=("g1",))
    crashing(made, "nvidia-driver-daemonset-k0")
    says(made, "gpu-operator", "nvidia-driver-daemonset-k0", "========== NVIDIA Software Installer ==========\nStarting installation of NVIDIA driver branch 550 for Linux kernel version 6.14.0-1009-aws\nResolving Linux kernel version...\nCould not resolve Linux kernel version\nERROR: Unable to find the kernel source tree for the currently running kernel.\n", previous=True)  # fmt: skip
    put(made, "nvidia-operator-validator", ns="gpu-operator", kind="DaemonSet", nodes=("g1",))
    broken(made, "nvidia-operator-validator-k0", "PodInitializing")
    return stuck(made, "serve", nope(3, "3 Insufficient nvidia.com/gpu"), ns="ml", container={"resources": requests(gpu="1")})  # fmt: skip


@healthy
def a_node_claim_is_on_its_way() -> Case:
    made = pool(town(), "spot", {}, {"nodes": "1"}, [condition("Ready", "True", "Ready")])
    made.add("NodeClaim", "spot-b8r4z", api="karpenter.sh/v1", age=35, labels={"karpenter.sh/nodepool": "spot"}, spec={"requirements": [], "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}}, status={"conditions": [condition("Launched", "True", "Launched", since=20), condition("Registered", "Unknown", "NodeNotFound", "Node not registered with cluster", since=20), condition("Ready", "Unknown", "ReconcilingDependents", since=20)]})  # fmt: skip
    stuck(made, "burst", nope(2, "2 Insufficient cpu"), age=38, container={"resources": requests(cpu="3900m")})
    made.event("Pod", "burst-7d9f-b0z", "shop", "Nominated", "Pod should schedule on: nodeclaim/spot-b8r4z", type_="Normal", count=1, last=33, first=33)  # fmt: skip
    return made


@healthy
def an_application_error_xid_that_harms_nobody() -> Case:
    made = gpu_node(town(), "g1", 8)
    made.add("Namespace", "gpu-operator").add("Namespace", "ml")
    put(made, "nvidia-device-plugin-daemonset", ns="gpu-operator", kind="DaemonSet", nodes=("g1",), logs="I0301 11:10:01.133 health.go:150] Skipping error &{Xid:13}\n")  # fmt: skip
    return put(made, "serve", ns="ml", nodes=("g1",), containers={"main": {"resources": requests(gpu="1")}})
