"""Devices asked for by claims, and jobs that wait in queues. Written before a rule was read.

First run, with `blind_nodes_gpu`: 10 of 21 right, 1 of 3 healthy clusters quiet.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c1 import failure, healthy, one, stuck, town
from tests.unit.diagnosis.cluster import owned
from tests.unit.diagnosis.unseen import Case, ago, condition

Body = dict[str, Any]


def claim(made: Case, name: str, device_class: str, *, ns: str = "ml") -> Case:
    spec = {
        "devices": {
            "requests": [
                {
                    "name": "gpu",
                    "exactly": {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": 1},
                }
            ]
        }
    }
    made.add("ResourceClaimTemplate", name, ns, api="resource.k8s.io/v1", spec={"spec": spec})
    made.add("ResourceClaim", f"{name}-claim", ns, api="resource.k8s.io/v1", spec=spec, status={})
    return made


def slice_of(made: Case, node: str, driver: str, taints: list[Body]) -> Case:
    devices = [
        {
            "name": f"gpu-{i}",
            "attributes": {"productName": {"string": "H100"}},
            "capacity": {"memory": {"value": "80Gi"}},
            **({"taints": taints} if taints else {}),
        }
        for i in range(2)
    ]
    return made.add(
        "ResourceSlice",
        f"{node}-{driver}-a1",
        api="resource.k8s.io/v1",
        spec={
            "driver": driver,
            "nodeName": node,
            "pool": {"name": node, "generation": 1, "resourceSliceCount": 1},
            "devices": devices,
        },
    )  # type: ignore[return-value]


def with_claim(made: Case, name: str, template: str, message: str, ns: str = "ml") -> Case:
    return stuck(made, name, message, ns=ns, container={"resources": {"claims": [{"name": "gpu"}]}}, spec={"resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": template}]})  # fmt: skip


@failure("ResourceSlice g1-gpu.nvidia.com-a1|Node g1|DeviceTaintRule *", "taint")
def the_devices_of_a_claim_are_tainted() -> Case:
    made = town()
    made.node("g1", cpu="64", memory="500Gi").add("DeviceClass", "gpu.nvidia.com", api="resource.k8s.io/v1", spec={"selectors": [{"cel": {"expression": "device.driver == 'gpu.nvidia.com'"}}]})  # fmt: skip
    slice_of(made, "g1", "gpu.nvidia.com", [{"key": "gpu.nvidia.com/unhealthy", "value": "xid-79", "effect": "NoSchedule", "timeAdded": ago(3000)}])  # fmt: skip
    return with_claim(claim(made, "one-gpu", "gpu.nvidia.com"), "vlm", "one-gpu", "0/3 nodes are available: 3 cannot allocate all claims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")  # fmt: skip


@failure(
    "DeviceClass gpu.amd.com|ResourceClaimTemplate ml/amd-gpu|Deployment ml/vlm|ResourceClaim ml/*",
    "deviceclass|device class|gpu.amd.com",
)
def the_claims_device_class_does_not_exist() -> Case:
    made = town()
    made.node("g1").add("DeviceClass", "gpu.nvidia.com", api="resource.k8s.io/v1", spec={})
    slice_of(made, "g1", "gpu.nvidia.com", [])
    return with_claim(claim(made, "amd-gpu", "gpu.amd.com"), "vlm", "amd-gpu", "0/3 nodes are available: 3 request gpu: device class gpu.amd.com does not exist. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")  # fmt: skip


def workload(
    made: Case,
    name: str,
    queue: str,
    job: str,
    *,
    gpus: str,
    message: str,
    age: float = 4000,
    admitted: bool = False,
    priority: int = 0,
) -> Case:
    told = (
        condition("QuotaReserved", "True", "QuotaReserved", "Quota reserved in ClusterQueue research")
        if admitted
        else condition("QuotaReserved", "False", "Pending", message, since=age)
    )
    pods = [
        {
            "name": "main",
            "count": 1,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": "i", "resources": {"requests": {"nvidia.com/gpu": gpus}}}],
                }
            },
        }
    ]
    made.add("Job", job, "ml", api="batch/v1", age=age, labels={"kueue.x-k8s.io/queue-name": queue}, spec={"suspend": not admitted, "completions": 1, "parallelism": 1, "template": {"spec": pods[0]["template"]["spec"]}}, status={"conditions": [] if admitted else [condition("Suspended", "True", "JobSuspended", "Job suspended")], **({"active": 1} if admitted else {})})  # fmt: skip
    status: Body = {"conditions": [told, *([condition("Admitted", "True", "Admitted")] if admitted else [])]}
    if admitted:
        status["admission"] = {
            "clusterQueue": "research",
            "podSetAssignments": [
                {
                    "name": "main",
                    "count": 1,
                    "flavors": {"nvidia.com/gpu": "a100"},
                    "resourceUsage": {"nvidia.com/gpu": gpus},
                }
            ],
        }
    return made.add(
        "Workload",
        name,
        "ml",
        api="kueue.x-k8s.io/v1beta1",
        age=age,
        metadata=owned("Job", job, "ml"),
        spec={"queueName": queue, "priority": priority, "active": True, "podSets": pods},
        status=status,
    )  # type: ignore[return-value]


def queues(made: Case, strategy: str, quota: str) -> Case:
    flavors = [
        {
            "coveredResources": ["nvidia.com/gpu"],
            "flavors": [{"name": "a100", "resources": [{"name": "nvidia.com/gpu", "nominalQuota": quota}]}],
        }
    ]
    made.add("ResourceFlavor", "a100", api="kueue.x-k8s.io/v1beta1", spec={})
    made.add("ClusterQueue", "research", api="kueue.x-k8s.io/v1beta1", spec={"queueingStrategy": strategy, "namespaceSelector": {}, "resourceGroups": flavors}, status={"conditions": [condition("Active", "True", "Ready", "Can admit new workloads")], "pendingWorkloads": 2, "admittedWorkloads": 1})  # fmt: skip
    return made.add(
        "LocalQueue",
        "team",
        "ml",
        api="kueue.x-k8s.io/v1beta1",
        spec={"clusterQueue": "research"},
        status={"conditions": [condition("Active", "True", "Ready")]},
    )  # type: ignore[return-value]


@failure("Workload ml/job-giant-1a2b|ClusterQueue research|Job ml/giant", "strictfifo|strict|head|fifo")
def the_head_of_a_strict_queue_blocks_a_small_job() -> Case:
    made = queues(town(), "StrictFIFO", "8")
    workload(made, "job-runner-0f0f", "team", "runner", gpus="6", message="", admitted=True)
    workload(made, "job-giant-1a2b", "team", "giant", gpus="8", age=3900, message="couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, 6 more needed")  # fmt: skip
    return workload(made, "job-small-3c4d", "team", "small", gpus="1", age=3000, message="")


@failure(
    "ProvisioningRequest ml/job-giant-1a2b-prov-1|Workload ml/job-giant-1a2b|AdmissionCheck prov|Job ml/giant",
    "provision|out of|resources",
)
def the_cloud_cannot_give_the_nodes_kueue_asks_for() -> Case:
    made = queues(town(), "BestEffortFIFO", "64")
    made.add("AdmissionCheck", "prov", api="kueue.x-k8s.io/v1beta1", spec={"controllerName": "kueue.x-k8s.io/provisioning-request"}, status={"conditions": [condition("Active", "True", "Active")]})  # fmt: skip
    workload(made, "job-giant-1a2b", "team", "giant", gpus="16", message="")
    one(made, "Workload", "job-giant-1a2b")["status"] = {"conditions": [condition("QuotaReserved", "True", "QuotaReserved", "Quota reserved in ClusterQueue research")], "admissionChecks": [{"name": "prov", "state": "Pending", "message": "Retrying after failure: Requested 16 a3-highgpu nodes; the zone is out of resources", "lastTransitionTime": ago(700), "podSetUpdates": []}], "admission": {"clusterQueue": "research", "podSetAssignments": [{"name": "main", "count": 1, "flavors": {"nvidia.com/gpu": "a100"}, "resourceUsage": {"nvidia.com/gpu": "16"}}]}}  # fmt: skip
    return made.add("ProvisioningRequest", "job-giant-1a2b-prov-1", "ml", api="autoscaling.x-k8s.io/v1", metadata=owned("Workload", "job-giant-1a2b", "ml", api="kueue.x-k8s.io/v1beta1"), spec={"provisioningClassName": "queued-provisioning.gke.io", "podSets": [{"count": 16, "podTemplateRef": {"name": "ppt-job-giant"}}]}, status={"conditions": [condition("Accepted", "True", "Accepted"), condition("Provisioned", "False", "NotProvisioned"), condition("Failed", "True", "OutOfResources", "The zone does not have enough a3-highgpu capacity")]})  # type: ignore[return-value]  # fmt: skip


@failure("Pod ml/spark-exec-*|Workload ml/*", "group|fewer|total")
def a_pod_group_with_fewer_pods_than_it_announces() -> Case:
    made = queues(town(), "BestEffortFIFO", "8")
    for index in range(2):
        made.add("Pod", f"spark-exec-{index}", "ml", age=2500, labels={"kueue.x-k8s.io/queue-name": "team", "kueue.x-k8s.io/pod-group-name": "spark", "kueue.x-k8s.io/managed": "true"}, metadata={"annotations": {"kueue.x-k8s.io/pod-group-total-count": "3"}, "finalizers": ["kueue.x-k8s.io/managed"]},
                 spec={"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}], "containers": [{"name": "x", "image": "spark:4"}]}, status={"phase": "Pending", "conditions": [condition("PodScheduled", "False", "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")]})  # fmt: skip
        made.event("Pod", f"spark-exec-{index}", "ml", "ErrWorkloadCompose", "'spark' group has fewer runnable pods than expected", count=20)  # fmt: skip
    return made


@healthy
def a_workload_waits_its_turn_for_half_a_minute() -> Case:
    made = queues(town(), "BestEffortFIFO", "8")
    workload(made, "job-runner-0f0f", "team", "runner", gpus="8", message="", admitted=True)
    return workload(made, "job-next-9d9d", "team", "next", gpus="4", age=30, message="couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor a100, 4 more needed")  # fmt: skip
