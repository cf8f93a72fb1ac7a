"""A second batch of sick nodes and control planes, neighbours of the first, written before it was run.

First run: 17 of 17 right, 5 of 5 healthy clusters quiet. Who wrote it knew the rules by then.
"""

from __future__ import annotations

from typing import Any

from copilot.model import ContainerLog
from tests.unit.diagnosis.blind_c1 import (
    broken,
    crashing,
    failure,
    gpu_node,
    healthy,
    not_ready,
    one,
    pods_of,
    pressed,
    requests,
    says,
    silent,
    stuck,
    town,
    unit,
)
from tests.unit.diagnosis.blind_nodes import evicted, plane, ruled
from tests.unit.diagnosis.unseen import Case, ago, condition, job_failed, put, svc

Body = dict[str, Any]


def journal(made: Case, node: str, unit_name: str, words: str) -> Case:
    """A journal of a node, as `journalctl -u UNIT` or `dmesg` gives it."""
    made.logs.append(ContainerLog(namespace="", pod=node, container=unit_name, text=words, source="journal"))
    return made


@failure("Node n2", "pleg|runtime")
def the_runtime_answers_too_slowly() -> Case:
    made = not_ready(town("n1", "n2"), "n2", "PLEG is not healthy: pleg was last seen active 5m31.2s ago; threshold is 3m0s")  # fmt: skip
    unit(made, "n2", "containerd.service", "active", "● containerd.service\n     Active: active (running) since Sun 2026-03-01 02:00:01 UTC\n")  # fmt: skip
    put(made, "ledger", ns="finance", nodes=("n2",))
    pod = pods_of(made, "ledger")[0]
    pod["status"]["conditions"] = [condition("PodScheduled", "True"), condition("Ready", "False", "NodeNotReady")]
    return made


@failure("Node n2", "unauthorized|credential")
def the_api_server_does_not_know_the_node_any_more() -> Case:
    made = silent(town("n1", "n2"), "n2")
    return journal(made, "n2", "kubelet", 'Mar 01 11:58:13 n2 kubelet[811]: E0301 11:58:13.774 kubelet_node_status.go:544] "Error updating node status, will retry" err="error getting node \\"n2\\": Unauthorized"\nMar 01 11:58:14 n2 kubelet[811]: E0301 11:58:14.001 controller.go:195] "Failed to update lease" err="Unauthorized"\n' * 3)  # fmt: skip


@failure("Node g1", "xid|gpu")
def the_kernel_log_names_a_fatal_gpu_error() -> Case:
    made = gpu_node(town(), "g1", 8)
    put(
        made, "train", ns="ml", kind="StatefulSet", nodes=("g1",), containers={"main": {"resources": requests(gpu="1")}}
    )
    crashing(made, "train-0", 1)
    says(made, "ml", "train-0", "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled cuda error\nLast error:\nCuda failure 'unspecified launch failure'\n", previous=True)  # fmt: skip
    return journal(made, "g1", "kernel", "[81231.101] NVRM: Xid (PCI:0000:5d:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.\n[81231.102] NVRM: GPU 0000:5d:00.0: GPU has fallen off the bus.\n")  # fmt: skip


@failure("Node n1", "inode|disk")
def a_node_runs_out_of_inodes() -> Case:
    made = pressed(town("n1", "n2"), "n1", "DiskPressure", "KubeletHasDiskPressure", "kubelet has disk pressure")
    made.event("Node", "n1", "", "EvictionThresholdMet", "Attempting to reclaim inodes", count=22)
    for app in ("catalog", "frontend"):
        evicted(made, app, "shop", "n1", "The node was low on resource: inodes. Threshold quantity: 655k, available: 51213. ", 2)  # fmt: skip
    return made


@failure("Node n2", "shut")
def a_node_was_switched_off_and_its_pods_wait() -> Case:
    made = town("n1", "n2")
    not_ready(made, "n2", "node is shutting down")
    for name in ("orders", "reports"):
        put(made, name, nodes=("n2",), states="unready")
        pod = pods_of(made, name)[0]
        pod["status"] = {"phase": "Failed", "reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown.", "conditions": [condition("DisruptionTarget", "True", "TerminationByKubelet", "Pod was terminated in response to imminent node shutdown.")]}  # fmt: skip
    return made


@failure("Node spot-9|Job shop/render", "gone|node|exist")
def a_spot_machine_vanished_under_a_job() -> Case:
    made = town("n1", "n2")
    put(made, "render", kind="Job", states="error:137", nodes=("spot-9",), phase="Failed", status=job_failed())
    pod = pods_of(made, "render")[0]
    pod["status"] |= {"containerStatuses": [], "conditions": [condition("DisruptionTarget", "True", "DeletionByPodGC", "PodGC: node no longer exists"), condition("Ready", "False")]}  # fmt: skip
    return made


@failure("DaemonSet kube-system/kube-proxy", "image|tag|v1.33.9")
def the_proxy_has_no_image_anywhere() -> Case:
    made = town("n1", "n2")
    put(made, "kube-proxy", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"), labels={"k8s-app": "kube-proxy"}, containers={"main": {"image": "registry.k8s.io/kube-proxy:v1.33.9"}})  # fmt: skip
    words = 'failed to pull and unpack image "registry.k8s.io/kube-proxy:v1.33.9": failed to resolve reference "registry.k8s.io/kube-proxy:v1.33.9": registry.k8s.io/kube-proxy:v1.33.9: not found'
    for pod in ("kube-proxy-k0", "kube-proxy-l1"):
        broken(made, pod, "ImagePullBackOff", f'Back-off pulling image "registry.k8s.io/kube-proxy:v1.33.9": ErrImagePull: rpc error: code = NotFound desc = {words}')  # fmt: skip
        made.event("Pod", pod, "kube-system", "Failed", f'Failed to pull image "registry.k8s.io/kube-proxy:v1.33.9": {words}', count=9)  # fmt: skip
    svc(put(made, "db", kind="StatefulSet"), "db", 5432)
    return put(made, "api", containers={"main": {"env": [{"name": "DB", "value": "db:5432"}]}}, states="crash:1", logs="dial tcp 10.96.7.9:5432: i/o timeout\n")  # fmt: skip


@failure("Node n2", "ip|address")
def one_node_has_no_addresses_left_for_pods() -> Case:
    made = town("n1", "n2")
    for name in ("orders", "mailer"):
        put(made, name, nodes=("n2",))
        pod = pods_of(made, name)[0]["metadata"]["name"]
        broken(made, pod, "ContainerCreating")
        made.event("Pod", pod, "shop", "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "8f3a": plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container', count=31)  # fmt: skip
    return made


@failure("Node n2", "evictionhardd|unknown field|config")
def the_kubelets_configuration_has_a_wrong_field() -> Case:
    made = silent(town("n1", "n2"), "n2")
    return unit(made, "n2", "kubelet.service", "activating", '● kubelet.service - kubelet: The Kubernetes Node Agent\n     Active: activating (auto-restart) (Result: exit-code)\nMar 01 11:59:01 n2 kubelet[881]: E0301 11:59:01.100 run.go:74] "command failed" err="failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to decode: strict decoding error: unknown field \\"evictionHardd\\""\nMar 01 11:59:01 n2 systemd[1]: kubelet.service: Main process exited, code=exited, status=1/FAILURE\n')  # fmt: skip


@failure("Pod kube-system/etcd-cp-2", "etcd")
def one_member_of_the_store_is_damaged() -> Case:
    made = town()
    for node in ("cp-1", "cp-2", "cp-3"):
        made.control_plane(node)
        log = '{"level":"panic","ts":"2026-03-01T11:58:00Z","caller":"wal/wal.go:472","msg":"failed to read WAL, cannot be repaired","error":"wal: crc mismatch"}\n' if node == "cp-2" else ""  # fmt: skip
        plane(made, "etcd", "crash:2" if node == "cp-2" else "ok", log, previous=bool(log), node=node)
        plane(made, "kube-apiserver", node=node)
    return made


@failure("Pod kube-system/kube-apiserver-cp-2", "apiserver")
def one_api_server_has_a_wrong_flag() -> Case:
    made = town()
    for node in ("cp-1", "cp-2"):
        made.control_plane(node)
        plane(made, "etcd", node=node)
        plane(made, "kube-apiserver", "crash:1" if node == "cp-2" else "ok", "Error: unknown flag: --enable-admision-plugins\n" if node == "cp-2" else "", previous=node == "cp-2", node=node)  # fmt: skip
    return made


@failure("Pod kube-system/kube-controller-manager-cp-1|Node cp-1", "certificate|expired")
def the_controller_managers_certificate_has_ended() -> Case:
    made = ruled()
    made.lease("kube-controller-manager", "kube-system", renewed=3000, duration=15).lease("kube-scheduler", "kube-system", renewed=1, duration=15)  # fmt: skip
    return plane(made, "kube-controller-manager", "crash:1", 'E0301 11:58:55.000 leaderelection.go:436] error retrieving resource lock kube-system/kube-controller-manager: Get "https://10.0.0.5:6443/apis/coordination.k8s.io/v1": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-03-01T11:58:55Z is after 2026-02-27T08:00:00Z\n' * 3, previous=True)  # fmt: skip


@failure("Node n2", "ntp|clock|time")
def the_detector_says_that_time_is_not_kept() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["status"]["conditions"].append(condition("NTPProblem", "True", "NTPIsDown", "chronyd service is not running"))  # fmt: skip
    put(made, "auth", nodes=("n2",), states="crash:1", logs="jwt: token used before issued (iat is 00:14:03 in the future)\n")  # fmt: skip
    return made


@failure("CertificateSigningRequest csr-boot1|Node *", "approv|pending|join")
def a_new_machines_first_request_is_not_approved() -> Case:
    made = town("n1", "n2")
    made.add("CertificateSigningRequest", "csr-boot1", api="certificates.k8s.io/v1", age=2400, spec={"signerName": "kubernetes.io/kube-apiserver-client-kubelet", "username": "system:bootstrap:ab12cd", "groups": ["system:bootstrappers", "system:authenticated"], "usages": ["digital signature", "client auth"], "request": "LS0tLS1CRUdJTg=="}, status={})  # fmt: skip
    return made


@failure("Node n3", "connection track|conntrack|packets")
def the_connection_table_of_one_node_is_full() -> Case:
    made = town("n1", "n2", "n3")
    svc(put(made, "db", kind="StatefulSet"), "db", 5432)
    for name in ("orders", "mailer"):
        put(made, name, nodes=("n3",), states="crash:1", logs="dial tcp 10.96.7.8:5432: i/o timeout\n")
    return journal(made, "n3", "kernel", "[9001.1] nf_conntrack: nf_conntrack: table full, dropping packet\n" * 5)


@failure("Node n2", "cordon|drain|unschedulable|evict")
def a_drained_node_took_a_jobs_pods_with_it() -> Case:
    made = town("n1", "n2")
    one(made, "Node", "n2")["spec"] |= {"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}]}  # fmt: skip
    put(made, "render", kind="Job", states="error:143", nodes=("n2",), phase="Failed", status=job_failed())
    pod = pods_of(made, "render")[0]
    pod["status"]["conditions"] = [condition("DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting"), condition("Ready", "False")]  # fmt: skip
    return made


@failure("Node edge-4", "kubelet|reporting|heartbeat|unreachable")
def a_far_victim_names_only_its_caller() -> Case:
    made = town("n1", "n2")
    made.node("edge-4", labels={"site": "edge"}).lease("n1").lease("n2")
    silent(made, "edge-4", 2000)
    put(made, "geo", ns="edge", nodes=("edge-4",), status={"readyReplicas": 0})
    pods_of(made, "geo")[0]["status"]["conditions"] = [condition("PodScheduled", "True"), condition("Ready", "False", "NodeNotReady")]  # fmt: skip
    svc(made, "geo", 80, 8080, ns="edge")
    put(made, "web", containers={"main": {"env": [{"name": "GEO_URL", "value": "http://geo.edge"}]}}, states="unready", logs="upstream geo.edge: 503 no healthy upstream\n" * 4)  # fmt: skip
    return stuck(made, "edge-cache", "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.", ns="edge", spec={"nodeSelector": {"site": "edge"}})  # fmt: skip


@healthy
def a_request_that_was_approved() -> Case:
    made = town()
    return made.add("CertificateSigningRequest", "csr-ok", api="certificates.k8s.io/v1", age=7000, spec={"signerName": "kubernetes.io/kubelet-serving", "username": "system:node:n2", "usages": ["server auth"], "request": "LS0tLS1CRUdJTg=="}, status={"certificate": "LS0tLS1CRUdJTg==", "conditions": [condition("Approved", "True", "AutoApproved")]})  # type: ignore[return-value]  # fmt: skip


@healthy
def etcd_was_slow_for_a_moment() -> Case:
    made = plane(ruled(), "etcd", log='{"level":"warn","ts":"2026-03-01T11:18:02.4Z","caller":"etcdserver/util.go:170","msg":"apply request took too long","took":"111ms","expected-duration":"100ms"}\n' * 5)  # fmt: skip
    return plane(plane(made, "kube-apiserver"), "kube-scheduler")


@healthy
def a_node_flapped_an_hour_ago() -> Case:
    made = town("n1", "n2")
    made.event("Node", "n2", "", "NodeNotReady", "Node n2 status is now: NodeNotReady", type_="Normal", count=1, last=3400, first=3400)  # fmt: skip
    made.event("Node", "n2", "", "NodeReady", "Node n2 status is now: NodeReady", type_="Normal", count=1, last=3300, first=3300)  # fmt: skip
    return made.lease("n1").lease("n2")  # type: ignore[return-value]


@healthy
def the_proxy_of_one_node_is_being_replaced() -> Case:
    made = town("n1", "n2")
    put(made, "kube-proxy", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"), labels={"k8s-app": "kube-proxy"})
    broken(made, "kube-proxy-l1", "ContainerCreating")
    one(made, "Pod", "kube-proxy-l1")["metadata"]["creationTimestamp"] = ago(12)
    return made


@healthy
def a_kubelet_logs_errors_of_passing_moments() -> Case:
    made = town("n1", "n2")
    return journal(made, "n2", "kubelet", 'Mar 01 11:18:13 n2 kubelet[811]: E0301 11:18:13.774 controller.go:195] "Failed to update lease" err="Put \\"https://10.0.0.5:6443/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n2\\": context deadline exceeded"\n')  # fmt: skip
