"""Sick nodes and a sick control plane, seen from their victims. Written before a rule was read.

First run: 15 of 24 right, 3 of 5 healthy clusters quiet.
"""

from __future__ import annotations

from typing import Any

from copilot.model import Command
from tests.unit.diagnosis.blind_c1 import (
    broken,
    crashing,
    failure,
    healthy,
    not_ready,
    one,
    pods_of,
    pressed,
    says,
    silent,
    stuck,
    town,
    unit,
)
from tests.unit.diagnosis.cluster import owned
from tests.unit.diagnosis.unseen import Case, ago, condition, put, svc

Body = dict[str, Any]


def evicted(made: Case, app: str, ns: str, node: str, message: str, count: int = 1) -> Case:
    """Pods that a kubelet threw out; their owner has made others."""
    for index in range(count):
        pod = f"{app}-abc-ev{index}"
        made.add("Pod", pod, ns, age=1500, labels={"app": app}, metadata=owned("ReplicaSet", f"{app}-abc", ns), spec={"nodeName": node, "containers": [{"name": "main", "image": "registry.example/x:1"}]},
                 status={"phase": "Failed", "reason": "Evicted", "message": message, "conditions": [condition("DisruptionTarget", "True", "TerminationByKubelet", message)]})  # fmt: skip
        made.event("Pod", pod, ns, "Evicted", message, count=1)
    return made


@failure("Node n2", "kubelet|heartbeat|not ready|notready|posting|silent|unreachable")
def a_silent_node_with_victims_in_three_namespaces() -> Case:
    made = town("n1", "n2")
    for ns in ("finance", "crm"):
        made.add("Namespace", ns)
    for name, ns in (("ledger", "finance"), ("mailer", "crm"), ("redis", "shop")):
        put(made, name, ns=ns, kind="StatefulSet" if name == "redis" else "Deployment", nodes=("n2",), status={"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1})  # fmt: skip
        svc(made, name, 80, ns=ns)
        for pod in pods_of(made, name):
            pod["status"]["conditions"] = [
                condition("PodScheduled", "True"),
                condition("Ready", "False", "NodeNotReady", ""),
            ]
            made.event("Pod", pod["metadata"]["name"], ns, "NodeNotReady", "Node is not ready", count=1)
    made.lease("n1")
    silent(made, "n2")
    put(made, "web", containers={"main": {"env": [{"name": "REDIS_URL", "value": "redis://redis:6379"}]}}, states="crash:1", logs="Error: connect ETIMEDOUT 10.96.7.10:6379\n")  # fmt: skip
    return made


@failure("Node n2", "runtime|containerd")
def the_container_runtime_is_down() -> Case:
    made = not_ready(town("n1", "n2"), "n2", "container runtime is down")
    unit(made, "n2", "containerd.service", "failed", "× containerd.service - containerd container runtime\n     Active: failed (Result: exit-code) since Sun 2026-03-01 11:40:01 UTC\n    Process: 9012 ExecStart=/usr/bin/containerd (code=exited, status=1/FAILURE)\ncontainerd: failed to load TOML: /etc/containerd/config.toml: (12, 3): unexpected token\n")  # fmt: skip
    put(made, "ledger", ns="finance", nodes=("n2",))
    return broken(made, "ledger-abc-x0", "ContainerCreating")


@failure("Node n3|Pod kube-system/calico-node-*|DaemonSet kube-system/calico-node", "cni|network|calico")
def the_network_agent_of_one_node_crashes() -> Case:
    made = town("n1", "n2", "n3")
    put(made, "calico-node", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2", "n3"), labels={"k8s-app": "calico-node"})  # fmt: skip
    crashing(made, "calico-node-m2")
    says(made, "kube-system", "calico-node-m2", "2026-03-01 11:57:01.221 [WARNING][9] startup/autodetection_methods.go 99: Unable to auto-detect an IPv4 address: no valid IPv4 addresses found on the host interfaces\n2026-03-01 11:57:01.221 [WARNING][9] startup/startup.go 442: Couldn't autodetect an IPv4 address. If auto-detecting, choose a different autodetection method. Otherwise provide an explicit address.\nCalico node failed to start\n", previous=True)  # fmt: skip
    not_ready(made, "n3", "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized")  # fmt: skip
    return stuck(made, "orders", "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.", spec={"nodeSelector": {"kubernetes.io/hostname": "n3"}})  # fmt: skip


@failure("Node n2", "disk")
def the_disk_of_a_node_is_full() -> Case:
    made = pressed(town("n1", "n2"), "n2", "DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure")
    made.event("Node", "n2", "", "EvictionThresholdMet", "Attempting to reclaim ephemeral-storage", count=40)
    made.event("Node", "n2", "", "FreeDiskSpaceFailed", "Failed to garbage collect required amount of images. Attempted to free 9663676416 bytes, but only found 0 bytes eligible to free.", count=20)  # fmt: skip
    for app in ("catalog", "frontend"):
        evicted(made, app, "shop", "n2", "The node was low on resource: ephemeral-storage. Threshold quantity: 4292345856, available: 1023Mi. ", 3)  # fmt: skip
    return made


@failure("Deployment shop/leaky|Node n2", "memory")
def one_pod_without_limits_eats_the_nodes_memory() -> Case:
    made = pressed(town("n1", "n2"), "n2", "MemoryPressure", "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")  # fmt: skip
    put(made, "leaky", nodes=("n2",))
    evicted(made, "leaky", "shop", "n2", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 41Mi. Container main was using 6713Mi, request is 0, has larger consumption of memory. ", 4)  # fmt: skip
    evicted(made, "catalog", "shop", "n2", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 66Mi. Container main was using 150Mi, request is 128Mi, has larger consumption of memory. ")  # fmt: skip
    return made


@failure("Node n1|Deployment shop/forker", "pid|process|thread")
def the_node_has_no_process_ids_left() -> Case:
    made = pressed(town("n1", "n2"), "n1", "PIDPressure", "KubeletHasInsufficientPID", "kubelet has insufficient PID available")  # fmt: skip
    put(made, "orders", replicas=2, nodes=("n1", "n2"))
    crashing(made, "orders-abc-x0")
    return says(made, "shop", "orders-abc-x0", '# There is insufficient memory for the Java Runtime Environment to continue.\n# Cannot create worker GC thread. Out of system resources.\n[0.012s][warning][os,thread] Failed to start thread "GC Thread#0" - pthread_create failed (EAGAIN) for attributes: stacksize: 1024k\n', previous=True)  # fmt: skip


@failure("Node n2", "read-only|readonly|filesystem")
def the_file_system_of_a_node_turned_read_only() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["status"]["conditions"].append(condition("ReadonlyFilesystem", "True", "FilesystemIsReadOnly", "EXT4-fs (nvme0n1p1): Remounting filesystem read-only"))  # fmt: skip
    made.event("Node", "n2", "", "FilesystemIsReadOnly", 'Node condition ReadonlyFilesystem is now: True, reason: FilesystemIsReadOnly, message: "EXT4-fs (nvme0n1p1): Remounting filesystem read-only"', count=1)  # fmt: skip
    put(made, "orders", nodes=("n2",))
    broken(made, "orders-abc-x0", "CreateContainerError", "failed to create containerd container: failed to create snapshot: mkdir /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/new-1: read-only file system")  # fmt: skip
    return made


@failure("Node n2", "deadlock|kernel|hung|task")
def the_kernel_of_a_node_hangs() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["status"]["conditions"].append(condition("KernelDeadlock", "True", "DockerHung", "task dockerd:1021 blocked for more than 120 seconds."))  # fmt: skip
    made.event(
        "Node", "n2", "", "TaskHung", "INFO: task kworker/u8:3:2871 blocked for more than 120 seconds.", count=11
    )
    put(made, "orders", nodes=("n2",))
    return broken(made, "orders-abc-x0", "ContainerCreating")


@failure("Node n2", "certificate|expired")
def the_kubelets_client_certificate_expired() -> Case:
    made = silent(town("n1", "n2"), "n2")
    return unit(made, "n2", "kubelet.service", "activating", '● kubelet.service - kubelet: The Kubernetes Node Agent\n     Active: activating (auto-restart) (Result: exit-code)\nMar 01 11:58:13 n2 kubelet[22110]: E0301 11:58:13.774 bootstrap.go:266] part of the existing bootstrap client certificate in /etc/kubernetes/kubelet.conf is expired: 2026-02-28 09:14:02 +0000 UTC\nMar 01 11:58:13 n2 kubelet[22110]: E0301 11:58:13.775 run.go:74] "command failed" err="failed to run Kubelet: unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory"\n')  # fmt: skip


@failure("Node n2", "swap")
def the_kubelet_refuses_a_host_with_swap() -> Case:
    made = silent(town("n1", "n2"), "n2")
    return unit(made, "n2", "kubelet.service", "activating", '● kubelet.service - kubelet: The Kubernetes Node Agent\n     Active: activating (auto-restart) (Result: exit-code)\nMar 01 11:59:01 n2 kubelet[881]: E0301 11:59:01.100 run.go:74] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap! or set --fail-swap-on flag to false. /proc/swaps contained: [Filename\\t\\t\\t\\tType\\t\\tSize\\tUsed\\tPriority /swap.img file 4194300 0 -2]"\n')  # fmt: skip


@failure("Node n2", "cgroup")
def kubelet_and_runtime_disagree_on_the_cgroup_driver() -> Case:
    made = silent(town("n1", "n2"), "n2")
    return unit(made, "n2", "kubelet.service", "activating", '     Active: activating (auto-restart) (Result: exit-code)\nMar 01 11:59:01 n2 kubelet[881]: E0301 11:59:01.100 server.go:302] "Failed to run kubelet" err="failed to run Kubelet: misconfiguration: kubelet cgroup driver: \\"systemd\\" is different from docker cgroup driver: \\"cgroupfs\\""\n')  # fmt: skip


@failure(
    "CertificateSigningRequest csr-7h2k9|Node n2|CertificateSigningRequest csr-*", "csr|certificate|serving|approv"
)
def nobody_approves_the_kubelets_serving_certificate() -> Case:
    made = town("n1", "n2")
    for name, age in (("csr-7h2k9", 7200), ("csr-x2m4b", 6300)):
        made.add("CertificateSigningRequest", name, api="certificates.k8s.io/v1", age=age, spec={"signerName": "kubernetes.io/kubelet-serving", "username": "system:node:n2", "groups": ["system:nodes", "system:authenticated"], "usages": ["digital signature", "server auth"], "request": "LS0tLS1CRUdJTg=="}, status={})  # fmt: skip
    said = 'Error from server: Get "https://10.0.0.12:10250/containerLogs/shop/catalog-abc-y1/main": remote error: tls: internal error'
    made.commands.append(Command("kubectl logs catalog-abc-y1 -n shop", said, "transcript"))
    put(made, "metrics-server", ns="kube-system", states="unready", logs='E0301 11:58:00.010 scraper.go:149] "Failed to scrape node" err="Get \\"https://10.0.0.12:10250/metrics/resource\\": remote error: tls: internal error" node="n2"\n' * 5)  # fmt: skip
    return made


@failure("Node n2", "reboot")
def a_node_that_keeps_rebooting() -> Case:
    made = town("n1", "n2")
    for index, last in enumerate((3100, 1900, 200)):
        made.event("Node", "n2", "", "Rebooted", f"Node n2 has been rebooted, boot id: 7e1f{index}a2c-1111-2222-3333-44445555666{index}", count=1, first=last, last=last)  # fmt: skip
        made.event("Node", "n2", "", "Starting", "Starting kubelet.", type_="Normal", count=1, first=last, last=last)
    put(made, "orders", replicas=2, nodes=("n1", "n2"))
    pod = one(made, "Pod", "orders-abc-y1")
    pod["status"]["containerStatuses"] = [{"name": "main", "image": "i", "ready": False, "started": False, "restartCount": 3, "state": {"running": {"startedAt": ago(60)}}, "lastState": {"terminated": {"exitCode": 255, "reason": "Unknown", "startedAt": ago(1800), "finishedAt": ago(200)}}}]  # fmt: skip
    pod["status"]["conditions"] = [condition("PodScheduled", "True"), condition("Ready", "False", "ContainersNotReady", since=200)]  # fmt: skip
    return made


@failure("DaemonSet kube-system/kube-proxy|Node n2|Pod kube-system/kube-proxy-*", "kube-proxy|proxy")
def the_proxy_of_one_node_does_not_start() -> Case:
    made = town("n1", "n2", "n3")
    put(made, "kube-proxy", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2", "n3"), labels={"k8s-app": "kube-proxy"})  # fmt: skip
    crashing(made, "kube-proxy-l1")
    says(made, "kube-system", "kube-proxy-l1", 'E0301 11:58:20.100 server.go:556] "Error running ProxyServer" err="iptables is not available on this host"\n', previous=True)  # fmt: skip
    svc(put(made, "orders-db", kind="StatefulSet"), "orders-db", 5432)
    put(made, "orders", nodes=("n2",), containers={"main": {"env": [{"name": "DB_HOST", "value": "orders-db"}]}}, states="crash:1", logs="dial tcp 10.96.7.9:5432: i/o timeout\n")  # fmt: skip
    return made


def plane(
    made: Case, component: str, state: str = "ok", log: str = "", previous: bool = False, node: str = "cp-1"
) -> Case:
    """A static pod of the control plane."""
    name = f"{component}-{node}"
    put(made, name, ns="kube-system", kind="Pod", nodes=(node,), states=state, logs=log, previous=previous, labels={"component": component, "tier": "control-plane"}, containers={component: {"image": f"registry.k8s.io/{component}:v1.33.1"}})  # fmt: skip
    return made


def ruled(*nodes: str) -> Case:
    made = town(*nodes)
    made.control_plane("cp-1")
    return made


@failure("Pod kube-system/etcd-cp-1", "space|nospace|quota")
def the_data_base_of_the_cluster_is_full() -> Case:
    made = plane(ruled(), "etcd", log='{"level":"warn","ts":"2026-03-01T11:58:00Z","caller":"etcdserver/server.go:2103","msg":"alarm raised","alarm":"NOSPACE","raised-member-id":"8e9e05c52164694d"}\n')  # fmt: skip
    plane(made, "kube-apiserver", log='E0301 11:58:12.001 status.go:71] "Unhandled Error" err="apiserver received an error that is not an metav1.Status: rpctypes.EtcdError{code:0x8, desc:\\"etcdserver: mvcc: database space exceeded\\"}"\n' * 6)  # fmt: skip
    put(made, "orders", replicas=1)
    made.event("Deployment", "orders", "shop", "ReplicaSetCreateError", 'Failed to create new replica set "orders-5c9": etcdserver: mvcc: database space exceeded', count=9)  # fmt: skip
    return made


@failure("Pod kube-system/etcd-cp-1|Node cp-1", "slow|disk|fsync|took too long|latency|etcd")
def the_disk_of_etcd_is_slow() -> Case:
    log = '{"level":"warn","ts":"2026-03-01T11:58:01.1Z","caller":"wal/wal.go:805","msg":"slow fdatasync","took":"3.204s","expected-duration":"1s"}\n{"level":"warn","ts":"2026-03-01T11:58:02.4Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"4.811s","expected-duration":"100ms"}\n{"level":"info","ts":"2026-03-01T11:58:03Z","logger":"raft","msg":"8e9e05c5 lost leader 8e9e05c5 at term 41"}\n'
    made = plane(ruled(), "etcd", log=log * 5)
    plane(made, "kube-apiserver", state="restarted:1", log="W0301 11:58:40 logging.go:55] [core] grpc: addrConn.createTransport failed to connect to 127.0.0.1:2379: connection error: context deadline exceeded\nE0301 11:58:44 timeout.go:142] post-timeout activity\n")  # fmt: skip
    plane(made, "kube-controller-manager", state="crash:1", log="E0301 11:58:55.000 leaderelection.go:436] error retrieving resource lock kube-system/kube-controller-manager: context deadline exceeded\nF0301 11:58:56.000 controllermanager.go:320] leaderelection lost\n", previous=True)  # fmt: skip
    return made


@failure(
    "Pod kube-system/kube-controller-manager-cp-1|Lease kube-system/kube-controller-manager|Node cp-1",
    "controller manager|controller-manager",
)
def deployments_are_not_acted_on() -> Case:
    made = ruled()
    made.lease("kube-controller-manager", "kube-system", renewed=2400, duration=15)
    plane(made, "kube-controller-manager", state="crash:1", log="Error: unknown flag: --pod-eviction-timeout\n", previous=True)  # fmt: skip
    for name in ("orders", "ledger"):
        made.add("Deployment", name, "shop", api="apps/v1", age=1500, metadata={"generation": 1}, spec={"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "m", "image": "i:1"}]}}}, status={})  # fmt: skip
    return made


@failure("Deployment kube-system/cloud-controller-manager|Secret kube-system/cloud-config|Node fresh-*", "cloud")
def new_nodes_stay_uninitialised() -> Case:
    made = town()
    for name in ("fresh-1", "fresh-2"):
        made.node(name, labels={"pool": "fresh"}, taints=[{"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}])  # fmt: skip
    put(made, "cloud-controller-manager", ns="kube-system", states="crash:1", previous=True, logs='F0301 11:58:00.000 controllermanager.go:120] Cloud provider could not be initialized: could not init cloud provider "openstack": Authentication failed: [POST https://keystone.corp:5000/v3/auth/tokens], error message: {"error":{"code":401,"message":"The request you have made requires authentication."}}\n')  # fmt: skip
    return stuck(made, "orders", "0/4 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 2 node(s) had untolerated taint {node.cloudprovider.kubernetes.io/uninitialized: true}. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.", want=2, spec={"nodeSelector": {"pool": "fresh"}})  # fmt: skip


@failure("DaemonSet kube-system/cilium|Pod kube-system/cilium-*|Node n2", "cilium|network|image|agent")
def the_agent_taint_stays_because_the_agent_has_no_image() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["spec"]["taints"] = [{"key": "node.cilium.io/agent-not-ready", "value": "true", "effect": "NoExecute"}]  # fmt: skip
    put(made, "cilium", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"), labels={"k8s-app": "cilium"})
    message = 'Failed to pull image "registry.example/cilium:1.4.2": failed to resolve reference: registry.example/cilium:1.4.2: not found'
    broken(made, "cilium-l1", "ImagePullBackOff", f'Back-off pulling image "registry.example/cilium:1.4.2": ErrImagePull: {message}')  # fmt: skip
    made.event("Pod", "cilium-l1", "kube-system", "Failed", message, count=11)
    return stuck(made, "orders", "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {node.cilium.io/agent-not-ready: true}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.", spec={"nodeSelector": {"kubernetes.io/hostname": "n2"}})  # fmt: skip


def rejected(
    made: Case, app: str, node: str, reason: str, message: str, count: int = 3, spec: Body | None = None
) -> Case:
    """Pods that a kubelet turned away, of a Deployment that makes them again and again."""
    put(made, app, nodes=(node,), spec=spec, states="unready")
    made.bodies = [b for b in made.bodies if not (b[0]["kind"] == "Pod" and b[0]["metadata"]["name"].startswith(f"{app}-"))]  # fmt: skip
    for index in range(count):
        made.add("Pod", f"{app}-abc-r{index}", "shop", age=600 - index * 100, labels={"app": app}, metadata=owned("ReplicaSet", f"{app}-abc", "shop"), spec={"nodeName": node, "containers": [{"name": "main", "image": "registry.example/x:1"}], **(spec or {})}, status={"phase": "Failed", "reason": reason, "message": message})  # fmt: skip
        made.event("Pod", f"{app}-abc-r{index}", "shop", reason, message, count=1)
    return made


@failure("Node n2|Deployment shop/vision", "device|gpu|allocat")
def the_kubelet_has_no_device_left_to_give() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["status"] |= {"capacity": {"cpu": "64", "memory": "500Gi", "pods": "110", "nvidia.com/gpu": "4"}, "allocatable": {"cpu": "64", "memory": "500Gi", "pods": "110", "nvidia.com/gpu": "4"}}  # fmt: skip
    return rejected(made, "vision", "n2", "UnexpectedAdmissionError", "Pod was rejected: Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected", 5)  # fmt: skip


@failure("Node n2|Deployment shop/dpdk", "topology|numa")
def no_numa_node_can_hold_the_pod() -> Case:
    return rejected(town("n1", "n2"), "dpdk", "n2", "TopologyAffinityError", "Pod was rejected: Resources cannot be allocated with Topology locality", 6)  # fmt: skip


@failure("Deployment shop/pinned|Node n2", "cpu|nodename")
def a_pod_with_a_fixed_node_name_is_out_of_cpu() -> Case:
    return rejected(town("n1", "n2"), "pinned", "n2", "OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu, requested: 3000, used: 2350, capacity: 4000", 9, {"nodeName": "n2"})  # fmt: skip


@failure("Node n2", "route|network")
def the_cloud_has_no_route_to_a_node() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["status"]["conditions"].insert(0, condition("NetworkUnavailable", "True", "NoRouteCreated", "Could not create route 1a2b 10.244.1.0/24 for node n2 after 120ms: routes quota exceeded"))  # fmt: skip
    one(made, "Node", "n2")["spec"]["taints"] = [{"key": "node.kubernetes.io/network-unavailable", "effect": "NoSchedule"}]  # fmt: skip
    return stuck(made, "orders", "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {node.kubernetes.io/network-unavailable: }. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.", spec={"nodeSelector": {"kubernetes.io/hostname": "n2"}})  # fmt: skip


@failure("Node n2", "clock|time|skew")
def the_clock_of_a_node_is_years_behind() -> Case:
    made = silent(town("n1", "n2"), "n2")
    return unit(made, "n2", "kubelet.service", "active", '● kubelet.service - kubelet\n     Active: active (running)\nJan 01 00:03:11 n2 kubelet[702]: E0101 00:03:11.220 kubelet_node_status.go:96] "Unable to register node with API server" err="Post \\"https://10.0.0.5:6443/api/v1/nodes\\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2019-01-01T00:03:11Z is before 2025-06-10T08:00:00Z"\n')  # fmt: skip


@healthy
def a_node_rebooted_once_and_all_is_up_again() -> Case:
    made = town("n1", "n2")
    made.event("Node", "n2", "", "Rebooted", "Node n2 has been rebooted, boot id: 7e1f0a2c-1111-2222-3333-444455556660", count=1, first=2500, last=2500)  # fmt: skip
    put(made, "orders", replicas=2, nodes=("n1", "n2"))
    pod = one(made, "Pod", "orders-abc-y1")
    pod["status"]["containerStatuses"][0] |= {"restartCount": 1, "lastState": {"terminated": {"exitCode": 255, "reason": "Unknown", "startedAt": ago(3500), "finishedAt": ago(2510)}}}  # fmt: skip
    return made


@healthy
def pods_were_evicted_last_week_and_the_node_is_well() -> Case:
    made = town("n1", "n2")
    return evicted(made, "catalog", "shop", "n2", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 66Mi. ", 2)  # fmt: skip


@healthy
def a_signing_request_that_is_seconds_old() -> Case:
    made = town("n1", "n2")
    return made.add("CertificateSigningRequest", "csr-1", api="certificates.k8s.io/v1", age=6, spec={"signerName": "kubernetes.io/kubelet-serving", "username": "system:node:n2", "usages": ["server auth"], "request": "LS0tLS1CRUdJTg=="}, status={})  # type: ignore[return-value]  # fmt: skip


@healthy
def a_node_that_has_just_joined() -> Case:
    made = town("n1", "n2")
    made.node("n3", age=25)
    return not_ready(made, "n3", "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized", 25)  # fmt: skip


@healthy
def a_scheduler_that_lost_its_lease_once_and_leads_again() -> Case:
    made = plane(ruled(), "kube-scheduler", state="restarted:1", log="I0301 11:20:00 leaderelection.go:271] successfully acquired lease kube-system/kube-scheduler\n")  # fmt: skip
    one(made, "Pod", "kube-scheduler-cp-1")["status"]["containerStatuses"][0]["restartCount"] = 1
    made.lease("kube-scheduler", "kube-system", renewed=3, duration=15)
    return made
