"""Described failures of budgets, autoscalers and deletions, written before the rules of workloads were read.

First run: 9 of 14 right, and one more whose right answer the words here did not foresee.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c3 import app, blind, calm, change, condition, custom, ports, put, svc, world
from tests.unit.diagnosis.unseen import Case, ago, env

Body = dict[str, Any]
HPA = "autoscaling/v2"
PDB = "policy/v1"


def budget(made: Case, name: str, labels: Body, *, ns: str = "shop", healthy: int = 2, desired: int = 1, expected: int = 2, allowed: int = 0, **spec: Any) -> Case:  # fmt: skip
    state = condition("DisruptionAllowed", "True" if allowed else "False", "SufficientPods" if allowed else "InsufficientPods")  # fmt: skip
    return made.add("PodDisruptionBudget", name, ns, api=PDB, spec={"selector": {"matchLabels": labels}, **(spec or {"minAvailable": 1})}, status={"currentHealthy": healthy, "desiredHealthy": desired, "expectedPods": expected, "disruptionsAllowed": allowed, "observedGeneration": 1, "conditions": [state]})  # fmt: skip


def cordon(made: Case, name: str = "n1") -> Case:
    change(made, "Node", name, "", spec={"unschedulable": True, "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": ago(2400)}]})  # fmt: skip
    return made.event("Node", name, "", "NodeNotSchedulable", f"Node {name} status is now: NodeNotSchedulable", type_="Normal", count=1, first=2400, last=2400)  # fmt: skip


@blind("PodDisruptionBudget shop/gateway-pdb", "match|select|label")
def a_budget_protects_nothing_for_its_labels_are_old() -> Case:
    made = put(world(), "gateway", replicas=2, labels={"app.kubernetes.io/name": "gateway"}, containers={"main": ports(8080)})  # fmt: skip
    budget(made, "gateway-pdb", {"app.kubernetes.io/name": "api-gateway"}, healthy=0, desired=0, expected=0)
    return made.event("PodDisruptionBudget", "gateway-pdb", "shop", "NoPods", "No matching pods found", type_="Normal", count=40)  # fmt: skip


@blind("PodDisruptionBudget shop/all|PodDisruptionBudget shop/queue", "more than one|only one|overlap|both select")
def two_budgets_hold_the_same_pods_and_a_drain_hangs() -> Case:
    made = put(world(), "queue", replicas=2, labels={"tier": "back"}, containers={"main": ports(5672)})
    budget(made, "all", {"tier": "back"}, allowed=1)
    budget(made, "queue", {"app": "queue"}, allowed=1)
    made.event("Pod", "queue-abc-x0", "shop", "FailedEviction", "error when evicting pod: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.", count=200)  # fmt: skip
    return cordon(made)


@blind("Deployment shop/session", "password|auth|wrongpass")
def a_drain_waits_because_one_protected_pod_is_broken_anyway() -> Case:
    made = app(world(), "session-store", 6379, serve=6379, kind="StatefulSet")
    app(made, "session", replicas=3, states="crash:1", main={"env": env(REDIS="session-store:6379")}, logs="redis.exceptions.AuthenticationError: invalid username-password pair or user is disabled. (WRONGPASS)\n")  # fmt: skip
    budget(made, "session", {"app": "session"}, healthy=0, desired=2, expected=3, minAvailable=2)
    made.event("Node", "n1", "", "FailedDraining", "Failed to drain node, 3 pods are waiting to be evicted", count=60)
    return cordon(made)


@blind("PodDisruptionBudget shop/pinned", "maxunavailable|disruption|budget|evict")
def a_budget_of_max_unavailable_zero_holds_a_node() -> Case:
    made = put(world(), "pinned", replicas=2, containers={"main": ports(8080)})
    budget(made, "pinned", {"app": "pinned"}, healthy=2, desired=2, maxUnavailable=0)
    made.event("Pod", "pinned-abc-x0", "shop", "EvictionBlocked", "Cannot evict pod as it would violate the pod's disruption budget.", count=90)  # fmt: skip
    return cordon(made)


def hpa(made: Case, name: str, *conditions: Body, target: str = "", low: int = 2, high: int = 10, now: int = 2, want: int = 2, metric: str = "cpu", **status: Any) -> Case:  # fmt: skip
    spec = {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target or name}, "metrics": [{"type": "Resource", "resource": {"name": metric, "target": {"type": "Utilization", "averageUtilization": 70}}}]}  # fmt: skip
    return custom(made, "HorizontalPodAutoscaler", name, "shop", HPA, *conditions, spec=spec, currentReplicas=now, desiredReplicas=want, **status)  # fmt: skip


ABLE = condition("AbleToScale", "True", "ReadyForNewScale")
ASKS: Body = {"resources": {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}}


@blind("HorizontalPodAutoscaler shop/web", "target|exist|webapp|not found")
def an_autoscaler_aims_at_a_deployment_that_was_renamed() -> Case:
    made = app(world(), "webapp-v2", replicas=2, main=ASKS)
    text = 'the HPA controller was unable to get the target\'s current scale: deployments.apps "webapp" not found'
    hpa(made, "web", condition("AbleToScale", "False", "FailedGetScale", text), target="webapp", now=0, want=0)
    return made.event("HorizontalPodAutoscaler", "web", "shop", "FailedGetScale", 'deployments.apps "webapp" not found', count=500)  # fmt: skip


@blind(
    "Deployment kube-system/metrics-server|APIService v1beta1.metrics.k8s.io", "certificate|x509|tls|san|scrape|kubelet"
)
def metrics_server_distrusts_kubelets_and_all_autoscalers_are_blind() -> Case:
    made = world()
    put(made, "metrics-server", ns="kube-system", labels={"k8s-app": "metrics-server"}, states="unready", containers={"metrics-server": {**ports(("https", 10250)), "readinessProbe": {"httpGet": {"path": "/readyz", "port": "https", "scheme": "HTTPS"}}}}, logs='E0301 11:59:21.531122       1 scraper.go:149] "Failed to scrape node" err="Get \\"https://192.168.8.76:10250/metrics/resource\\": tls: failed to verify certificate: x509: cannot validate certificate for 192.168.8.76 because it doesn\'t contain any IP SANs" node="n2"\n' * 5)  # fmt: skip
    made.event("Pod", "metrics-server-abc-x0", "kube-system", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500", count=300)  # fmt: skip
    svc(made, "metrics-server", 443, "https", ns="kube-system", selector={"k8s-app": "metrics-server"})
    custom(made, "APIService", "v1beta1.metrics.k8s.io", "", "apiregistration.k8s.io/v1", condition("Available", "False", "MissingEndpoints", 'endpoints for service/metrics-server in "kube-system" have no addresses with port name "https"'), spec={"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100, "service": {"name": "metrics-server", "namespace": "kube-system", "port": 443}})  # fmt: skip
    text = "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server is currently unable to handle the request (get pods.metrics.k8s.io)"
    for name in ("web", "cart", "search"):
        app(made, name, replicas=2, main=ASKS)
        hpa(made, name, ABLE, condition("ScalingActive", "False", "FailedGetResourceMetric", text))
        made.event("HorizontalPodAutoscaler", name, "shop", "FailedGetResourceMetric", text, count=900)
    return made


@blind("HorizontalPodAutoscaler shop/feed", "max|limit")
def an_autoscaler_wants_more_than_its_maximum() -> Case:
    made = app(world(), "feed", replicas=4, main=ASKS, logs="WARN request queue full, shedding load (queue=1000)\n" * 8)
    return hpa(made, "feed", ABLE, condition("ScalingActive", "True", "ValidMetricFound"), condition("ScalingLimited", "True", "TooManyReplicas", "the desired replica count is more than the maximum replica count"), low=2, high=4, now=4, want=4, currentMetrics=[{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 240, "averageValue": "480m"}}}])  # fmt: skip


@blind("HorizontalPodAutoscaler shop/api|VerticalPodAutoscaler shop/api", "vpa|vertical|hpa|both|fight")
def horizontal_and_vertical_autoscalers_pull_at_the_same_metric() -> Case:
    made = app(world(), "api", replicas=3, main=ASKS)
    hpa(made, "api", ABLE, condition("ScalingActive", "True", "ValidMetricFound"), now=3, want=3)
    custom(made, "VerticalPodAutoscaler", "api", "shop", "autoscaling.k8s.io/v1", condition("RecommendationProvided", "True"), spec={"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}, "updatePolicy": {"updateMode": "Auto"}})  # fmt: skip
    for i in range(5):
        made.event("Pod", f"api-abc-q{i}", "shop", "EvictedByVPA", "Pod was evicted by VPA Updater to apply resource recommendation.", type_="Normal", count=1, first=60 + 200 * i, last=60 + 200 * i)  # fmt: skip
        made.event("HorizontalPodAutoscaler", "api", "shop", "SuccessfulRescale", f"New size: {3 + i % 2 * 4}; reason: cpu resource utilization (percentage of request) above target", type_="Normal", count=1, first=50 + 200 * i, last=50 + 200 * i)  # fmt: skip
    return made


@blind(
    "HorizontalPodAutoscaler shop/web|HorizontalPodAutoscaler shop/web-memory",
    "multiple|two|ambiguous|both|same|several",
)
def two_autoscalers_on_one_deployment() -> Case:
    made = app(world(), "web", replicas=2, main=ASKS)
    text = "pods by selector app=web are controlled by multiple HPAs: [shop/web shop/web-memory]"
    for name, metric in (("web", "cpu"), ("web-memory", "memory")):
        hpa(
            made,
            name,
            ABLE,
            condition("ScalingActive", "False", "AmbiguousSelector", text),
            target="web",
            metric=metric,
        )
        made.event("HorizontalPodAutoscaler", name, "shop", "AmbiguousSelector", text, count=400)
    return made


@blind(
    "ScaledObject shop/consumer|TriggerAuthentication shop/rabbit|Secret shop/rabbit",
    "403|username|password|trigger|login",
)
def keda_cannot_log_in_to_the_queue_it_scales_by() -> Case:
    made = app(world(), "consumer", replicas=1)
    made.add("TriggerAuthentication", "rabbit", "shop", api="keda.sh/v1alpha1", spec={"secretTargetRef": [{"parameter": "host", "name": "rabbit", "key": "host"}]})  # fmt: skip
    made.add("Secret", "rabbit", "shop", type="Opaque", data={"host": ""})
    text = 'error establishing rabbitmq connection: Exception (403) Reason: "username or password not allowed"'
    custom(made, "ScaledObject", "consumer", "shop", "keda.sh/v1alpha1", condition("Ready", "False", "TriggerError", "Triggers defined in ScaledObject are not working correctly"), condition("Active", "Unknown", "UnknownState"), spec={"scaleTargetRef": {"name": "consumer"}, "triggers": [{"type": "rabbitmq", "metadata": {"queueName": "jobs"}, "authenticationRef": {"name": "rabbit"}}]})  # fmt: skip
    return made.event("ScaledObject", "consumer", "shop", "KEDAScalerFailed", text, count=120)  # fmt: skip


@blind("ScaledObject shop/worker|HorizontalPodAutoscaler shop/worker", "already|managed|hpa|another")
def keda_refuses_a_deployment_that_has_an_autoscaler() -> Case:
    made = app(world(), "worker", replicas=2, main=ASKS)
    hpa(made, "worker", ABLE, condition("ScalingActive", "True", "ValidMetricFound"))
    text = "the workload 'worker' of type 'apps/v1.Deployment' is already managed by the hpa 'worker'"
    custom(made, "ScaledObject", "worker", "shop", "keda.sh/v1alpha1", condition("Ready", "False", "ScaledObjectCheckFailed", text), spec={"scaleTargetRef": {"name": "worker"}, "triggers": [{"type": "cron", "metadata": {}}]})  # fmt: skip
    return made.event("ScaledObject", "worker", "shop", "ScaledObjectCheckFailed", text, count=30)  # fmt: skip


def ending(made: Case, name: str, *conditions: Body, since: float = 5000) -> Case:
    meta = {"deletionTimestamp": ago(since)}
    return made.add("Namespace", name, metadata=meta, spec={"finalizers": ["kubernetes"]}, status={"phase": "Terminating", "conditions": list(conditions)})  # fmt: skip


@blind(
    "Deployment monitoring/prometheus-adapter|APIService v1beta1.custom.metrics.k8s.io",
    "custom.metrics|prometheus-adapter|memory|oom",
)
def a_dead_metrics_adapter_keeps_a_namespace_from_ending() -> Case:
    made = ending(world("monitoring"), "feature-142", condition("NamespaceDeletionDiscoveryFailure", "True", "DiscoveryFailed", "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: custom.metrics.k8s.io/v1beta1: stale GroupVersion discovery: custom.metrics.k8s.io/v1beta1"))  # fmt: skip
    put(made, "prometheus-adapter", ns="monitoring", states="crash:OOMKilled/137", containers={"adapter": {**ports(6443), "resources": {"limits": {"memory": "128Mi"}}}})  # fmt: skip
    svc(made, "prometheus-adapter", 443, 6443, ns="monitoring")
    return custom(made, "APIService", "v1beta1.custom.metrics.k8s.io", "", "apiregistration.k8s.io/v1", condition("Available", "False", "MissingEndpoints", 'endpoints for service/prometheus-adapter in "monitoring" have no addresses with port name ""'), spec={"group": "custom.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100, "service": {"name": "prometheus-adapter", "namespace": "monitoring", "port": 443}})  # fmt: skip


@blind("Service old-shop/front", "load-balancer|loadbalancer|load balancer|finalizer|cloud")
def a_service_whose_cloud_balancer_cannot_be_removed_keeps_its_namespace() -> Case:
    made = ending(world(), "old-shop", condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", "Some resources are remaining: services. has 1 resource instances"), condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: service.kubernetes.io/load-balancer-cleanup in 1 resource instances"))  # fmt: skip
    made.add("Service", "front", "old-shop", metadata={"deletionTimestamp": ago(5000), "finalizers": ["service.kubernetes.io/load-balancer-cleanup"]}, spec={"type": "LoadBalancer", "clusterIP": "10.96.55.1", "selector": {"app": "front"}, "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]}, status={"loadBalancer": {"ingress": [{"hostname": "a1.elb.example"}]}})  # fmt: skip
    return made.event("Service", "front", "old-shop", "SyncLoadBalancerFailed", "Error syncing load balancer: failed to delete load balancer: AccessDenied: User is not authorized to perform: elasticloadbalancing:DeleteLoadBalancer", count=30)  # fmt: skip


@blind("ConfigMap shop/tuning", "owner|namespace|orphan|garbage")
def an_object_claims_an_owner_that_lives_elsewhere() -> Case:
    made = world()
    made.add("ConfigMap", "tuning", "shop", metadata={"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "tuner", "uid": "0b1c-77"}]}, data={"a": "b"})  # fmt: skip
    return made.event("ConfigMap", "tuning", "shop", "OwnerRefInvalidNamespace", 'ownerRef [apps/v1/Deployment, namespace: shop, name: tuner, uid: 0b1c-77] does not exist in namespace "shop"', count=20)  # fmt: skip


@calm
def budgets_and_deletions_under_way() -> Case:
    made = put(world(), "pinned", replicas=2, containers={"main": ports(8080)})
    budget(made, "pinned", {"app": "pinned"}, allowed=1)
    ending(made, "feature-9", condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", "Some resources are remaining: pods. has 2 resource instances", 8), since=10)  # fmt: skip
    return put(made, "spare", replicas=0)


@calm
def keda_has_scaled_an_idle_consumer_to_zero() -> Case:
    made = svc(put(world(), "consumer", replicas=0, containers={"main": ports(8080)}), "consumer", 80, 8080)
    custom(made, "ScaledObject", "consumer", "shop", "keda.sh/v1alpha1", condition("Ready", "True", "ScaledObjectReady", "ScaledObject is defined correctly and is ready for scaling"), condition("Active", "False", "ScalerNotActive", "Scaling is not performed because triggers are not active"), condition("Fallback", "False", "NoFallbackFound"), spec={"scaleTargetRef": {"name": "consumer"}, "minReplicaCount": 0, "triggers": [{"type": "rabbitmq", "metadata": {}}]})  # fmt: skip
    return made.event("ScaledObject", "consumer", "shop", "KEDAScaleTargetDeactivated", "Deactivated apps/v1.Deployment shop/consumer from 1 to 0", type_="Normal", count=1)  # fmt: skip
