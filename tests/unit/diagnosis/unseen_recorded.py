"""Described failures of classes that no other file has: they were written for recordings, before their rules were read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from copilot.model import NodeService
from tests.unit.diagnosis.unseen import Case, Situation, ago, base, condition, owned, put, svc

Body = dict[str, Any]
RECORDED: list[Situation] = []


def _failure(objects: str, words: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    def declare(build: Callable[[], Case]) -> Callable[[], Case]:
        RECORDED.append(Situation(build.__name__, build, tuple(objects.split("|")), tuple(words.split("|"))))
        return build

    return declare


@_failure("ResourceQuota stage/edges", "quota|loadbalancers|load balancer")
def a_services_quota_stops_a_new_service() -> Case:
    """An operator may not make the Service it needs: two load balancers are allowed, and two are there."""
    made = base()
    made.add("Namespace", "stage")
    hard, used = {"services.loadbalancers": "2", "services": "20"}, {"services.loadbalancers": "2", "services": "5"}
    made.add("ResourceQuota", "edges", "stage", spec={"hard": hard}, status={"hard": hard, "used": used})
    for number, name in enumerate(("shop-edge", "api-edge")):
        put(made, name, ns="stage", containers={"main": {"ports": [{"containerPort": 8443}]}})
        svc(made, name, 443, 8443, ns="stage", type="LoadBalancer")
        ingress = [{"ip": f"203.0.113.{10 + number}"}]
        made.bodies[-1][0]["status"] = {"loadBalancer": {"ingress": ingress}}
    made.add(
        "Edge", "partners", "stage", api="edge.example.com/v1", metadata={"generation": 1}, spec={"hosts": ["partners"]},
        status={"observedGeneration": 1, "conditions": [condition(
            "Ready", "False", "ReconcileError", 'services "partners-edge" is forbidden: exceeded quota: edges, requested: services.loadbalancers=1, used: services.loadbalancers=2, limited: services.loadbalancers=2')]},
    )  # fmt: skip
    return made.event("Edge", "partners", "stage", "ReconcileError", 'services "partners-edge" is forbidden: exceeded quota: edges, requested: services.loadbalancers=1, used: services.loadbalancers=2, limited: services.loadbalancers=2', count=31)  # type: ignore[return-value]  # fmt: skip


@_failure("NetworkPolicy gatekeeping/only-metrics", "policy|polic")
def a_policy_cuts_a_webhook_off() -> Case:
    """The webhook's pods are well; a policy lets only the metrics port in, so the API server's calls time out."""
    made = base()
    made.add("Namespace", "gatekeeping", labels={"kubernetes.io/metadata.name": "gatekeeping"})
    put(made, "verifier", ns="gatekeeping", replicas=2, containers={"main": {"ports": [{"name": "https", "containerPort": 9443}, {"name": "metrics", "containerPort": 9090}]}})  # fmt: skip
    svc(made, "verifier", 443, 9443, ns="gatekeeping")
    made.add(
        "NetworkPolicy", "only-metrics", "gatekeeping", api="networking.k8s.io/v1",
        spec={"podSelector": {"matchLabels": {"app": "verifier"}}, "policyTypes": ["Ingress"],
              "ingress": [{"ports": [{"protocol": "TCP", "port": 9090}]}]},
    )  # fmt: skip
    hook = {
        "name": "images.verifier.example.com", "failurePolicy": "Fail", "timeoutSeconds": 10, "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "verifier", "namespace": "gatekeeping", "port": 443, "path": "/verify"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
    }  # fmt: skip
    made.add("ValidatingWebhookConfiguration", "verifier", api="admissionregistration.k8s.io/v1", webhooks=[hook])
    said = 'Internal error occurred: failed calling webhook "images.verifier.example.com": failed to call webhook: Post "https://verifier.gatekeeping.svc:443/verify?timeout=10s": context deadline exceeded'
    for name in ("invoices", "mailer"):
        _refused(made, name, "office", said)
    return made


def _refused(made: Case, name: str, ns: str, message: str) -> None:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"registry.example/{name}:3"}]}}  # fmt: skip
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    failed = [condition("Available", "False", "MinimumReplicasUnavailable"), condition("ReplicaFailure", "True", "FailedCreate", message)]  # fmt: skip
    made.add("Deployment", name, ns, api="apps/v1", spec=spec, status={"unavailableReplicas": 2, "conditions": failed})
    made.add("ReplicaSet", f"{name}-5c9", ns, api="apps/v1", metadata=owned("Deployment", name, ns), spec=spec, status={"replicas": 0, "conditions": failed[1:]})  # fmt: skip
    made.event("ReplicaSet", f"{name}-5c9", ns, "FailedCreate", f"Error creating: {message}", count=14)


@_failure("HelmRelease apps/ledger|Deployment books/ledger", "immutable|selector")
def a_helm_upgrade_meets_an_immutable_field() -> Case:
    """The chart's new version changes the selector of a Deployment, which nobody may."""
    made = base()
    put(made, "ledger", ns="books", replicas=2)
    said = 'Helm upgrade failed for release books/ledger with chart ledger@4.0.0: cannot patch "ledger" with kind Deployment: Deployment.apps "ledger" is invalid: spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{"app.kubernetes.io/name":"ledger"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable'
    made.add(
        "HelmRelease", "ledger", "apps", api="helm.toolkit.fluxcd.io/v2", metadata={"generation": 7},
        spec={"targetNamespace": "books", "interval": "10m", "chart": {"spec": {"chart": "ledger", "version": "4.0.0"}}},
        status={"observedGeneration": 7, "upgradeFailures": 4, "conditions": [
            condition("Ready", "False", "UpgradeFailed", said), condition("Released", "False", "UpgradeFailed", said)]},
    )  # fmt: skip
    return made.event("HelmRelease", "ledger", "apps", "UpgradeFailed", said, count=4)  # type: ignore[return-value]


@_failure("Pod kube-system/kube-apiserver-cp-2|Node cp-2", "admission|flag|argument|api server|apiserver|configur")
def the_api_server_of_one_master_does_not_start() -> Case:
    """A flag was misspelt in the manifest of one of three masters; the other two serve."""
    made = base("w1", "w2")
    for number in (1, 2, 3):
        made.control_plane(f"cp-{number}")
        _api_server(made, f"cp-{number}", fails=number == 2)
    made.log("kube-apiserver-cp-2", 'Error: unknown flag: --enable-admision-plugins\nE0301 11:58:40.218812       1 run.go:72] "command failed" err="unknown flag: --enable-admision-plugins"\n', "kube-system", "kube-apiserver")  # fmt: skip
    made.services.append(NodeService("cp-2", "kubelet", "active", 'kubelet.service - kubelet\n     Active: active (running)\nMar 01 11:58:41 cp-2 kubelet[913]: E0301 11:58:41.001223     913 pod_workers.go:1301] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"kube-apiserver\\" with CrashLoopBackOff"', "systemctl"))  # fmt: skip
    return made


def _api_server(made: Case, node: str, *, fails: bool) -> None:
    flag = "--enable-admision-plugins" if fails else "--enable-admission-plugins"
    container = {"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver:v1.35.2", "command": ["kube-apiserver", f"{flag}=NodeRestriction", "--secure-port=6443"]}  # fmt: skip
    seen: Body = {"name": "kube-apiserver", "image": container["image"], "imageID": "", "ready": not fails, "restartCount": 11 if fails else 0}  # fmt: skip
    if fails:
        ended = {"exitCode": 1, "reason": "Error", "startedAt": ago(81), "finishedAt": ago(80)}
        seen |= {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=kube-apiserver"}}, "lastState": {"terminated": ended}}  # fmt: skip
    else:
        seen |= {"state": {"running": {"startedAt": ago(900000)}}}
    made.add(
        "Pod", f"kube-apiserver-{node}", "kube-system", labels={"component": "kube-apiserver", "tier": "control-plane"},
        metadata={"annotations": {"kubernetes.io/config.source": "file", "kubernetes.io/config.mirror": "a7"}},
        spec={"containers": [container], "nodeName": node, "hostNetwork": True, "priorityClassName": "system-node-critical"},
        status={"phase": "Running", "conditions": [condition("PodScheduled", "True"), condition("Ready", str(not fails), "ContainersNotReady" if fails else "")], "containerStatuses": [seen]},
    )  # fmt: skip


@_failure("Node old-4", "version|skew|1.28|older")
def a_kubelet_four_versions_behind() -> Case:
    """One worker was forgotten in every upgrade; its kubelet no longer gets on with the API server."""
    made = base("w1", "w2", "old-4")
    for body, _ in made.bodies:
        if body["kind"] == "Node":
            version = "v1.28.9" if body["metadata"]["name"] == "old-4" else "v1.35.2"
            body["status"]["nodeInfo"] = {"kubeletVersion": version, "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64", "osImage": "Debian GNU/Linux 12", "kernelVersion": "6.1.0", "containerRuntimeVersion": "containerd://1.7.2", "machineID": "", "systemUUID": "", "bootID": ""}  # fmt: skip
    node = next(body for body, _ in made.bodies if body["metadata"]["name"] == "old-4")
    node["status"]["conditions"] = [condition("Ready", "False", "KubeletNotReady", "failed to get CSINode: nodes have not yet been read at least once, cannot construct node object", since=5400)]  # fmt: skip
    node["spec"]["taints"] = [{"key": "node.kubernetes.io/not-ready", "effect": effect} for effect in ("NoSchedule", "NoExecute")]  # fmt: skip
    made.services.append(NodeService("old-4", "kubelet", "active", "● kubelet.service - kubelet: The Kubernetes Node Agent\n     Active: active (running) since Sun 2026-03-01 10:30:02 UTC; 1h 29min ago\nMar 01 11:58:02 old-4 kubelet[701]: E0301 11:58:02.113 701 reflector.go:147] failed to list *v1alpha2.PodSchedulingContext: the server could not find the requested resource", "systemctl"))  # fmt: skip
    return made


@_failure("CronJob billing/month-end", "schedule|never|february|date|30")
def a_schedule_that_never_comes() -> Case:
    """The thirtieth of February: the server takes the schedule, and no day is one."""
    made = base()
    made.add("Namespace", "billing")
    made.add(
        "CronJob", "month-end", "billing", api="batch/v1", age=86400 * 40, status={},
        spec={"schedule": "0 2 30 2 *", "concurrencyPolicy": "Allow", "suspend": False, "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "close", "image": "registry.example/close:7"}]}}}}},
    )  # fmt: skip
    return put(made, "invoices", ns="billing")
