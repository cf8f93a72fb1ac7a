"""A second batch of refusals, neighbours of the first, written before it was run.

First run: 10 of 11 right, 2 of 2 healthy clusters quiet. Who wrote it knew the rules by then.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_admission import hook, quota
from tests.unit.diagnosis.blind_c1 import failure, healthy, nope, refused, requests, stuck, town
from tests.unit.diagnosis.unseen import Case, condition, put, svc

Body = dict[str, Any]
RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"


@failure("ResourceQuota tenant-7/objects", "pods|quota")
def pod_quota_lets_two_of_five_replicas_live() -> Case:
    made = town()
    made.add("Namespace", "tenant-7")
    put(made, "gateway", ns="tenant-7", replicas=2, nodes=("n1", "n2"), outer={"replicas": 5}, status={"replicas": 2, "readyReplicas": 2, "unavailableReplicas": 3, "conditions": [condition("ReplicaFailure", "True", "FailedCreate", 'pods "gateway-abc-77qpl" is forbidden: exceeded quota: objects, requested: pods=1, used: pods=4, limited: pods=4')]})  # fmt: skip
    for body, _ in made.bodies:
        if body["kind"] == "ReplicaSet" and body["metadata"]["name"] == "gateway-abc":
            body["spec"]["replicas"] = 5
    put(made, "cron-left", ns="tenant-7", replicas=2)
    made.event("ReplicaSet", "gateway-abc", "tenant-7", "FailedCreate", 'Error creating: pods "gateway-abc-77qpl" is forbidden: exceeded quota: objects, requested: pods=1, used: pods=4, limited: pods=4', count=23)  # fmt: skip
    return quota(made, "tenant-7", "objects", {"pods": "4"}, {"pods": "4"})


@failure("LimitRange games/floor|Deployment games/pinger", "minimum|memory|limit")
def limit_range_minimum_of_memory() -> Case:
    made = town()
    made.add("Namespace", "games").add("LimitRange", "floor", "games", spec={"limits": [{"type": "Container", "min": {"memory": "64Mi"}}]})  # fmt: skip
    return refused(made, "pinger", 'pods "pinger-7d9f-" is forbidden: minimum memory usage per Container is 64Mi, but request is 16Mi', ns="games", container={"resources": {"requests": {"memory": "16Mi"}, "limits": {"memory": "16Mi"}}})  # fmt: skip


@failure(
    "ValidatingWebhookConfiguration new-policy|Deployment policy/new-policy|Secret policy/*",
    "name|valid for|certificate",
)
def webhook_certificate_is_for_the_old_name() -> Case:
    made = town()
    made.add("Namespace", "policy")
    svc(put(made, "new-policy", ns="policy"), "new-policy", 443, 9443, ns="policy")
    hook(made, "new-policy", "new-policy", "policy")
    return refused(made, "orders", 'Internal error occurred: failed calling webhook "pods.new-policy": failed to call webhook: Post "https://new-policy.policy.svc:443/admit?timeout=10s": tls: failed to verify certificate: x509: certificate is valid for old-policy.policy.svc, old-policy.policy, not new-policy.policy.svc')  # fmt: skip


@failure(
    "Deployment shop/loader|K8sContainerLimits must-have-limits|ValidatingWebhookConfiguration gatekeeper*",
    "limit|denied|gatekeeper|polic",
)
def gatekeeper_wants_limits() -> Case:
    made = town()
    made.add("Namespace", "gatekeeper-system")
    svc(put(made, "gatekeeper", ns="gatekeeper-system"), "gatekeeper-webhook-service", 443, 8443, ns="gatekeeper-system", selector={"app": "gatekeeper"})  # fmt: skip
    hook(made, "gatekeeper-validating-webhook-configuration", "gatekeeper-webhook-service", "gatekeeper-system")
    made.add("K8sContainerLimits", "must-have-limits", api="constraints.gatekeeper.sh/v1beta1", spec={"enforcementAction": "deny", "match": {"kinds": [{"apiGroups": [""], "kinds": ["Pod"]}]}})  # fmt: skip
    return refused(made, "loader", 'admission webhook "validation.gatekeeper.sh" denied the request: [must-have-limits] container <loader> has no memory limit\n[must-have-limits] container <loader> has no cpu limit')  # fmt: skip


@failure("StatefulSet secure/vault|Namespace secure", "podsecurity|restricted|security")
def restricted_namespace_refuses_a_root_database() -> Case:
    made = town()
    made.add("Namespace", "secure", labels={"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "v1.30"})  # fmt: skip
    return refused(made, "vault", 'create Pod vault-0 in StatefulSet vault failed error: pods "vault-0" is forbidden: violates PodSecurity "restricted:v1.30": allowPrivilegeEscalation != false (container "vault" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "vault" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "vault" must set securityContext.runAsNonRoot=true)', ns="secure", kind="StatefulSet")  # fmt: skip


@failure("Role ci/runner|ServiceAccount ci/runner|Deployment ci/runner|RoleBinding ci/runner", "watch|forbidden|rbac")
def role_lacks_one_verb() -> Case:
    made = town()
    made.add("Namespace", "ci").add("ServiceAccount", "runner", "ci")
    made.add("Role", "runner", "ci", api=RBAC, rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "create", "delete"]}])  # fmt: skip
    made.add("RoleBinding", "runner", "ci", api=RBAC, roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runner"}, subjects=[{"kind": "ServiceAccount", "name": "runner", "namespace": "ci"}])  # fmt: skip
    log = 'io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: GET at: https://10.96.0.1:443/api/v1/namespaces/ci/pods?watch=true. Message: pods is forbidden: User "system:serviceaccount:ci:runner" cannot watch resource "pods" in API group "" in the namespace "ci". Received status: Status(apiVersion=v1, code=403)\n\tat io.fabric8.kubernetes.client.dsl.internal.OperationSupport.requestFailure(OperationSupport.java:682)\n'
    return put(
        made, "runner", ns="ci", spec={"serviceAccountName": "runner"}, logs=log * 2, states="crash:1", previous=True
    )


@failure("Namespace batch|Deployment batch/spark-history", "toleration|whitelist")
def namespace_allows_only_some_tolerations() -> Case:
    made = town()
    made.add("Namespace", "batch", metadata={"annotations": {"scheduler.alpha.kubernetes.io/tolerationsWhitelist": '[{"key":"batch"}]'}})  # fmt: skip
    return refused(made, "spark-history", 'pods "spark-history-7d9f-" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist', ns="batch", spec={"tolerations": [{"key": "gpu", "operator": "Exists"}]})  # fmt: skip


@failure(
    "ValidatingAdmissionPolicy team-label|ValidatingAdmissionPolicyBinding team-label", "no such key|expression|evaluat"
)
def a_policys_expression_fails_itself() -> Case:
    made = town()
    expression = "object.metadata.labels['team'] != ''"
    made.add("ValidatingAdmissionPolicy", "team-label", api=ADMISSION, spec={"matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}, "validations": [{"expression": expression}]})  # fmt: skip
    made.add("ValidatingAdmissionPolicyBinding", "team-label", api=ADMISSION, spec={"policyName": "team-label", "validationActions": ["Deny"]})  # fmt: skip
    for name in ("orders", "mailer"):
        refused(made, name, f"pods \"{name}-7d9f-x\" is forbidden: ValidatingAdmissionPolicy 'team-label' with binding 'team-label' denied request: expression '{expression}' resulted in error: no such key: team")  # fmt: skip
    return made


@failure("HelmRelease shop/web", "autoscaling/v2beta2|version|served|removed")
def a_chart_still_writes_an_old_autoscaler() -> Case:
    made = town()
    message = 'Helm upgrade failed for release shop/web with chart web@1.2.0: unable to build kubernetes objects from current release manifest: resource mapping not found for name: "web" namespace: "shop" from "": no matches for kind "HorizontalPodAutoscaler" in version "autoscaling/v2beta2"\nensure CRDs are installed first'
    made.add("HelmRelease", "web", "shop", api="helm.toolkit.fluxcd.io/v2", spec={"interval": "5m", "chart": {"spec": {"chart": "web", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}}, status={"observedGeneration": 4, "conditions": [condition("Ready", "False", "UpgradeFailed", message), condition("Released", "False", "UpgradeFailed", message)]})  # fmt: skip
    return made


@failure("Deployment guard/guard|Node *", "cpu")
def webhook_server_itself_finds_no_node() -> Case:
    made = town()
    put(made, "filler", replicas=2, nodes=("n1", "n2"), containers={"main": {"resources": requests(cpu="3700m")}})
    stuck(made, "guard", nope(2, "2 Insufficient cpu"), ns="guard", container={"resources": requests(cpu="1")})
    svc(made, "guard", 443, 9443, ns="guard")
    hook(made, "guard", "guard", "guard")
    for name, ns in (("orders", "shop"), ("ledger", "finance")):
        refused(made, name, 'Internal error occurred: failed calling webhook "pods.guard": failed to call webhook: Post "https://guard.guard.svc:443/admit?timeout=10s": no endpoints available for service "guard"', ns=ns)  # fmt: skip
    return made


@failure("ResourceQuota edge/net", "loadbalancer|quota|service")
def load_balancer_quota_of_an_operator() -> Case:
    made = quota(town(), "edge", "net", {"services.loadbalancers": "1"}, {"services.loadbalancers": "1"})
    made.add("Namespace", "edge")
    svc(put(made, "ingress", ns="edge"), "ingress", 443, 8443, ns="edge", type="LoadBalancer")
    message = 'services "kafka-external" is forbidden: exceeded quota: net, requested: services.loadbalancers=1, used: services.loadbalancers=1, limited: services.loadbalancers=1'
    made.add("Kafka", "events", "edge", api="kafka.strimzi.io/v1beta2", spec={"kafka": {"replicas": 3}}, status={"observedGeneration": 1, "conditions": [condition("NotReady", "True", "KubernetesClientException", message)]})  # fmt: skip
    return made


@healthy
def an_old_api_is_asked_for_and_answers() -> Case:
    made = town()
    return put(made, "operator", logs="W0301 11:02:10.001 warnings.go:70] flowcontrol.apiserver.k8s.io/v1beta3 FlowSchema is deprecated in v1.29+, unavailable in v1.32+\n" * 4)  # fmt: skip


@healthy
def a_rolled_out_workload_was_refused_for_a_moment() -> Case:
    made = put(town(), "orders", replicas=3)
    made.event("ReplicaSet", "orders-abc", "shop", "FailedCreate", 'Error creating: pods "orders-abc-x" is forbidden: exceeded quota: compute, requested: requests.cpu=1, used: requests.cpu=4, limited: requests.cpu=4', count=2, last=1500, first=1600)  # fmt: skip
    return quota(made, "shop", "compute", {"requests.cpu": "8"}, {"requests.cpu": "4"})
