"""A second batch of pods without a node, neighbours of the first, written before it was run.

First run: 14 of 16 right, 3 of 3 healthy clusters quiet. Who wrote it knew the rules by then.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c1 import crashing, failure, gpu_node, healthy, nope, one, requests, says, stuck, town
from tests.unit.diagnosis.blind_scheduling_queues import claim, queues, slice_of, with_claim, workload
from tests.unit.diagnosis.cluster import owned
from tests.unit.diagnosis.unseen import Case, ago, base, condition, put

Body = dict[str, Any]


@failure("Deployment shop/indexer", "disktype|sdd|label|selector")
def selector_value_is_misspelt() -> Case:
    made = town("n1", "n2")
    for name in ("n1", "n2"):
        one(made, "Node", name)["metadata"]["labels"]["disktype"] = "ssd"
    return stuck(made, "indexer", nope(2, "2 node(s) didn't match Pod's node affinity/selector"), spec={"nodeSelector": {"disktype": "sdd"}})  # fmt: skip


@failure("Deployment ml/vision", "taint|tolerat")
def toleration_has_another_value_than_the_taint() -> Case:
    made = gpu_node(gpu_node(town(), "g1"), "g2")
    for name in ("g1", "g2"):
        one(made, "Node", name)["spec"]["taints"] = [{"key": "accelerator", "value": "a100", "effect": "NoSchedule"}]
    put(made, "infer", ns="ml", nodes=("g1",), spec={"tolerations": [{"key": "accelerator", "operator": "Exists"}]}, containers={"main": {"resources": requests(gpu="1")}})  # fmt: skip
    return stuck(made, "vision", nope(4, "2 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint {accelerator: a100}"), ns="ml", container={"resources": requests(gpu="1")}, spec={"tolerations": [{"key": "accelerator", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}]})  # fmt: skip


@failure("StatefulSet shop/quorum", "affinity|zone")
def three_members_apart_by_zone_and_two_zones() -> Case:
    made = base()
    made.bodies = [b for b in made.bodies if b[0]["kind"] != "Node"]
    for name, zone in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        made.node(name, labels={"topology.kubernetes.io/zone": zone})
    terms = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "quorum"}}, "topologyKey": "topology.kubernetes.io/zone"}
            ]
        }
    }
    stuck(made, "quorum", nope(4, "4 node(s) didn't match pod anti-affinity rules"), kind="StatefulSet", want=3, spec={"affinity": terms})  # fmt: skip
    for index, node in ((0, "a1"), (1, "b1")):
        pod = one(made, "Pod", f"quorum-{index}")
        pod["spec"]["nodeName"] = node
        pod["status"] = {"phase": "Running", "conditions": [condition("PodScheduled", "True"), condition("Ready", "True")], "containerStatuses": [{"name": "quorum", "image": "i", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": ago(1400)}}}]}  # fmt: skip
    return made


@failure("Node *|StatefulSet shop/shard", "volume")
def nodes_hold_as_many_volumes_as_they_can() -> Case:
    made = town("n1", "n2")
    for name in ("n1", "n2"):
        made.add("CSINode", name, api="storage.k8s.io/v1", spec={"drivers": [{"name": "disk.csi.azure.com", "nodeID": name, "allocatable": {"count": 4}, "topologyKeys": []}]})  # fmt: skip
    made.add("PersistentVolumeClaim", "d-shard-0", "shop", spec={"accessModes": ["ReadWriteOnce"], "volumeName": "pv-9", "resources": {"requests": {"storage": "1Gi"}}}, status={"phase": "Bound"})  # fmt: skip
    made.add("PersistentVolume", "pv-9", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": "disk.csi.azure.com", "volumeHandle": "d9"}, "claimRef": {"kind": "PersistentVolumeClaim", "namespace": "shop", "name": "d-shard-0"}}, status={"phase": "Bound"})  # fmt: skip
    return stuck(made, "shard", nope(2, "2 node(s) exceed max volume count"), kind="StatefulSet", spec={"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "d-shard-0"}}]})  # fmt: skip


@failure("Deployment shop/near-cache", "affinity")
def pod_affinity_forgets_the_other_namespace() -> Case:
    made = town("n1", "n2")
    made.add("Namespace", "data")
    put(made, "redis", ns="data", kind="StatefulSet")
    terms = {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "redis"}}, "topologyKey": "kubernetes.io/hostname"}
            ]
        }
    }
    return stuck(made, "near-cache", nope(2, "2 node(s) didn't match pod affinity rules"), spec={"affinity": terms})


@failure("Deployment net/upf", "hugepages")
def huge_pages_that_no_node_has() -> Case:
    return stuck(town("n1", "n2"), "upf", nope(2, "2 Insufficient hugepages-1Gi"), ns="net", container={"resources": {"requests": {"hugepages-1Gi": "4Gi", "memory": "1Gi"}, "limits": {"hugepages-1Gi": "4Gi", "memory": "1Gi"}}})  # fmt: skip


@failure("ConfigMap kube-system/cluster-autoscaler-status|Deployment shop/burst", "time|register|autoscal")
def nodes_are_ordered_and_never_register() -> Case:
    made = town()
    put(made, "filler", replicas=2, nodes=("n1", "n2"), containers={"main": {"resources": requests(cpu="3500m")}})
    stuck(made, "burst", nope(2, "2 Insufficient cpu"), age=3000, container={"resources": requests(cpu="2")})
    made.add("ConfigMap", "cluster-autoscaler-status", "kube-system", data={"status": "Cluster-autoscaler status at 2026-03-01 11:58:00.1 +0000 UTC:\nCluster-wide:\n  Health:      Healthy\n  ScaleUp:     NoActivity\n\nNodeGroups:\n  Name:        workers-asg\n  Health:      Unhealthy (ready=2 unready=0 notStarted=0 longNotStarted=0 registered=2 longUnregistered=2 cloudProviderTarget=4)\n  ScaleUp:     Backoff\n"})  # fmt: skip
    made.event("ConfigMap", "cluster-autoscaler-status", "kube-system", "ScaleUpTimedOut", "Nodes added to group workers-asg failed to register within 15m3.2s", count=2)  # fmt: skip
    made.event("Pod", "burst-7d9f-b0z", "shop", "TriggeredScaleUp", "pod triggered scale-up: [{workers-asg 2->4 (max: 6)}]", type_="Normal", count=1, last=1900, first=1900)  # fmt: skip
    return made


@failure("NodeClaim general-tq8xz|NodePool general", "join|register")
def a_machine_runs_and_does_not_join() -> Case:
    made = town()
    made.add("NodePool", "general", api="karpenter.sh/v1", spec={"template": {"spec": {"nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}, "requirements": []}}}, status={"conditions": [condition("Ready", "True", "Ready")]})  # fmt: skip
    made.add("NodeClaim", "general-tq8xz", api="karpenter.sh/v1", age=1100, labels={"karpenter.sh/nodepool": "general"}, spec={"requirements": [], "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}}, status={"providerID": "aws:///eu-west-1a/i-0abc", "conditions": [condition("Launched", "True", "Launched", since=1080), condition("Registered", "Unknown", "NodeNotFound", "Node not registered with cluster", since=1080), condition("Initialized", "Unknown", "AwaitingReconciliation", since=1080), condition("Ready", "Unknown", "ReconcilingDependents", since=1080)]})  # fmt: skip
    return stuck(made, "burst", nope(2, "2 Insufficient cpu"), age=1150, container={"resources": requests(cpu="3950m")})


@failure("Pod kube-system/kube-scheduler-cp-1|Lease kube-system/kube-scheduler|Node cp-1", "scheduler")
def a_scheduler_that_runs_and_does_nothing() -> Case:
    made = town()
    made.control_plane("cp-1").lease("kube-scheduler", "kube-system", renewed=1700, duration=15)
    made.lease("kube-controller-manager", "kube-system", renewed=2, duration=15)
    put(made, "kube-scheduler-cp-1", ns="kube-system", kind="Pod", nodes=("cp-1",), labels={"component": "kube-scheduler", "tier": "control-plane"}, logs='E0301 11:31:40.000 leaderelection.go:436] error retrieving resource lock kube-system/kube-scheduler: Get "https://10.0.0.5:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler": dial tcp 10.0.0.5:6443: i/o timeout\n' * 4)  # fmt: skip
    stuck(made, "orders", "", age=1500)
    return stuck(made, "reports", "", age=900, want=2)


@failure("ResourceClaimTemplate ml/one-gpu|Deployment ml/vlm|ResourceClaim ml/*", "use|allocated|held")
def every_device_is_allocated_to_others() -> Case:
    made = town()
    made.node("g1").add("DeviceClass", "gpu.nvidia.com", api="resource.k8s.io/v1", spec={"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]})  # fmt: skip
    slice_of(made, "g1", "gpu.nvidia.com", [])
    for index in range(2):
        made.add("ResourceClaim", f"old-{index}", "ml", api="resource.k8s.io/v1", spec={"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "allocationMode": "ExactCount", "count": 1}}]}}, status={"allocation": {"devices": {"results": [{"request": "gpu", "driver": "gpu.nvidia.com", "pool": "g1", "device": f"gpu-{index}"}]}}, "reservedFor": [{"resource": "pods", "name": f"old-{index}", "uid": "u"}]})  # fmt: skip
    return with_claim(
        claim(made, "one-gpu", "gpu.nvidia.com"), "vlm", "one-gpu", nope(3, "3 cannot allocate all claims")
    )


@failure("Deployment ml/typo", "nvidia.com/gpus|gpus")
def resource_name_is_misspelt() -> Case:
    made = gpu_node(town(), "g1", 8)
    return stuck(made, "typo", nope(3, "3 Insufficient nvidia.com/gpus"), ns="ml", container={"resources": {"requests": {"nvidia.com/gpus": "1"}, "limits": {"nvidia.com/gpus": "1"}}})  # fmt: skip


@failure("LocalQueue ml/team|ClusterQueue resaerch|Job ml/train", "queue")
def local_queue_names_a_queue_that_does_not_exist() -> Case:
    made = queues(town(), "BestEffortFIFO", "8")
    queue = one(made, "LocalQueue", "team")
    queue["spec"]["clusterQueue"] = "resaerch"
    queue["status"] = {"conditions": [condition("Active", "False", "ClusterQueueDoesNotExist", "Can't submit new workloads to clusterQueue")]}  # fmt: skip
    return workload(made, "job-train-aa11", "team", "train", gpus="1", message="ClusterQueue resaerch doesn't exist")


@failure("PodGroup ml/allreduce|Queue small|Job ml/allreduce", "queue|capability|quota")
def volcano_queue_is_too_small_for_the_gang() -> Case:
    made = gpu_node(town(), "g1", 8)
    put(made, "volcano-scheduler", ns="volcano-system")
    made.add("Queue", "small", api="scheduling.volcano.sh/v1beta1", spec={"weight": 1, "capability": {"nvidia.com/gpu": "2"}}, status={"state": "Open", "pending": 1})  # fmt: skip
    stuck(made, "allreduce", "", ns="ml", kind="Job", want=4, spec={"schedulerName": "volcano", "restartPolicy": "Never"}, container={"resources": requests(gpu="1")})  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith("allreduce"):
            body["metadata"]["annotations"] = {"scheduling.k8s.io/group-name": "allreduce"}
    message = "queue resource quota insufficient: insufficient nvidia.com/gpu"
    made.event("PodGroup", "allreduce", "ml", "Unschedulable", message, count=30)
    return made.add("PodGroup", "allreduce", "ml", api="scheduling.volcano.sh/v1beta1", metadata=owned("Job", "allreduce", "ml"), spec={"minMember": 4, "queue": "small", "minResources": {"nvidia.com/gpu": "4"}}, status={"phase": "Pending", "conditions": [condition("Unschedulable", "True", "NotEnoughResources", message)]})  # type: ignore[return-value]  # fmt: skip


@failure("Node g1|DaemonSet gpu-operator/nvidia-mig-manager", "mig")
def the_split_of_a_gpu_failed() -> Case:
    made = town()
    made.node("g1", cpu="64", memory="500Gi", capacity={"nvidia.com/gpu": "0"}, labels={"nvidia.com/gpu.present": "true", "nvidia.com/mig.config": "all-1g.10gb", "nvidia.com/mig.config.state": "failed", "nvidia.com/mig.strategy": "mixed"})  # fmt: skip
    made.add("Namespace", "gpu-operator")
    put(made, "nvidia-mig-manager", ns="gpu-operator", kind="DaemonSet", nodes=("g1",), logs='time="2026-03-01T11:20:00Z" level=error msg="Error applying MIG configuration with hooks: error setting MIGConfig: error attempting multiple config orderings: all orderings failed"\ntime="2026-03-01T11:20:01Z" level=error msg="Setting node label: nvidia.com/mig.config.state=failed"\n')  # fmt: skip
    return stuck(made, "encoder", nope(3, "3 Insufficient nvidia.com/mig-1g.10gb"), ns="ml", container={"resources": {"requests": {"nvidia.com/mig-1g.10gb": "1"}, "limits": {"nvidia.com/mig-1g.10gb": "1"}}})  # fmt: skip


@failure("Node a1", "gpu|amd")
def an_amd_node_without_its_device_plugin() -> Case:
    made = town()
    made.node("a1", cpu="96", memory="900Gi", labels={"feature.node.kubernetes.io/pci-0380_1002.present": "true"})
    return stuck(made, "rocm-train", nope(3, "3 Insufficient amd.com/gpu"), ns="ml", container={"resources": {"requests": {"amd.com/gpu": "4"}, "limits": {"amd.com/gpu": "4"}}})  # fmt: skip


@failure("Node g1|Deployment ml/serve", "nvidia|driver|gpu")
def the_container_toolkit_meets_no_driver_on_one_node() -> Case:
    made = gpu_node(gpu_node(town(), "g1", 4), "g2", 4)
    put(
        made,
        "serve",
        ns="ml",
        replicas=3,
        nodes=("g2", "g1", "g1"),
        containers={"main": {"resources": requests(gpu="1")}},
    )
    message = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running hook #0: error running hook: exit status 1, stdout: , stderr: Auto-detected mode as 'legacy'\nnvidia-container-cli: initialization error: nvml error: driver not loaded: unknown"
    for pod in ("serve-abc-y1", "serve-abc-z2"):
        crashing(made, pod, 128, "StartError")
        state = one(made, "Pod", pod)["status"]["containerStatuses"][0]
        state["state"] = {"waiting": {"reason": "RunContainerError", "message": message}}
        state["lastState"]["terminated"]["message"] = message
        made.event("Pod", pod, "ml", "Failed", f"Error: {message}", count=8)
    return made


@healthy
def an_order_is_on_its_way_beside_a_group_in_backoff() -> Case:
    made = town()
    stuck(made, "burst", nope(2, "2 Insufficient cpu"), age=100, container={"resources": requests(cpu="3950m")})
    made.event("ConfigMap", "cluster-autoscaler-status", "kube-system", "FailedToScaleUpGroup", "Scale-up failed for group spot-a: OutOfResource. Source: GCE", count=1, last=95)  # fmt: skip
    made.event("Pod", "burst-7d9f-b0z", "shop", "TriggeredScaleUp", "pod triggered scale-up: [{on-demand 2->3 (max: 6)}]", type_="Normal", count=1, last=60, first=60)  # fmt: skip
    return made


@healthy
def a_dedicated_node_runs_only_who_tolerates_it() -> Case:
    made = town()
    made.node("d1", taints=[{"key": "dedicated", "value": "search", "effect": "NoSchedule"}], labels={"pool": "search"})
    return put(made, "search", nodes=("d1",), spec={"nodeSelector": {"pool": "search"}, "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "search", "effect": "NoSchedule"}]})  # fmt: skip


@healthy
def a_library_mentions_a_gpu_error_in_a_healthy_run() -> Case:
    made = gpu_node(town(), "g1")
    put(made, "train", ns="ml", nodes=("g1",), containers={"main": {"resources": requests(gpu="1")}})
    return says(made, "ml", "train-abc-x0", "WARN retrying step 1002 after CUDA error: out of memory (batch halved)\nstep 1003 loss 0.41\n")  # fmt: skip
