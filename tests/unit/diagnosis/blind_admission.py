"""What the API server refuses: quotas, limits, policies, webhooks, permissions. Written before a rule was read.

First run: 21 of 26 right, 4 of 4 healthy clusters quiet.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c1 import crashing, failure, healthy, refused, requests, says, town
from tests.unit.diagnosis.cluster import owned
from tests.unit.diagnosis.unseen import Case, ago, condition, put, svc

Body = dict[str, Any]


def quota(made: Case, ns: str, name: str, hard: Body, used: Body, **spec: Any) -> Case:
    return made.add("ResourceQuota", name, ns, spec={"hard": hard, **spec}, status={"hard": hard, "used": used})  # type: ignore[return-value]


def hook(
    made: Case, name: str, service: str, ns: str, *, kind: str = "Validating", port: int = 443, **more: Any
) -> Case:
    """A webhook on pods, served by a Service."""
    entry = {"name": f"pods.{name}", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail", "timeoutSeconds": 10, "matchPolicy": "Equivalent",
           "clientConfig": {"caBundle": "LS0tLS1CRUdJTg==", "service": {"name": service, "namespace": ns, "path": "/admit", "port": port}},
           "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}], **more}  # fmt: skip
    return made.add(f"{kind}WebhookConfiguration", name, api="admissionregistration.k8s.io/v1", webhooks=[entry])  # type: ignore[return-value]


@failure("ResourceQuota ml-prod/team-quota", "memory|quota")
def memory_quota_filled_by_a_neighbour() -> Case:
    made = town()
    made.add("Namespace", "ml-prod")
    put(made, "feature-store", ns="ml-prod", replicas=3, containers={"main": {"resources": requests(cpu="1", memory="10Gi")}})  # fmt: skip
    quota(made, "ml-prod", "team-quota", {"requests.memory": "32Gi", "requests.cpu": "40"}, {"requests.memory": "30Gi", "requests.cpu": "3"})  # fmt: skip
    for name in ("ranker", "embedder"):
        refused(made, name, f'pods "{name}-7d9f-lk2xp" is forbidden: exceeded quota: team-quota, requested: requests.memory=8Gi, used: requests.memory=30Gi, limited: requests.memory=32Gi', ns="ml-prod", container={"resources": requests(cpu="1", memory="8Gi")})  # fmt: skip
    return made


@failure("ResourceQuota data/storage", "quota|storage")
def storage_quota_stops_the_second_ordinal() -> Case:
    made = town()
    made.add("Namespace", "data").add(
        "StorageClass", "standard", api="storage.k8s.io/v1", provisioner="ebs.csi.aws.com"
    )
    quota(made, "data", "storage", {"requests.storage": "250Gi", "persistentvolumeclaims": "10"}, {"requests.storage": "200Gi", "persistentvolumeclaims": "2"})  # fmt: skip
    claims = [
        {
            "metadata": {"name": "data"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "standard",
                "resources": {"requests": {"storage": "100Gi"}},
            },
        }
    ]
    return refused(made, "timescale", 'create Pod timescale-0 in StatefulSet timescale failed error: failed to create PVC data-timescale-0: persistentvolumeclaims "data-timescale-0" is forbidden: exceeded quota: storage, requested: requests.storage=100Gi, used: requests.storage=200Gi, limited: requests.storage=250Gi', ns="data", kind="StatefulSet", outer={"volumeClaimTemplates": claims})  # fmt: skip


@failure("ResourceQuota research/gpu", "gpu|quota")
def gpu_quota_of_a_job() -> Case:
    made = town()
    made.add("Namespace", "research")
    put(made, "notebook", ns="research", kind="StatefulSet", replicas=2, containers={"main": {"resources": requests(gpu="2", cpu="1", memory="4Gi")}})  # fmt: skip
    quota(made, "research", "gpu", {"requests.nvidia.com/gpu": "4"}, {"requests.nvidia.com/gpu": "4"})
    return refused(made, "finetune", 'pods "finetune-x7kqp" is forbidden: exceeded quota: gpu, requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=4, limited: requests.nvidia.com/gpu=4', ns="research", kind="Job", want=1, container={"resources": requests(gpu="4")}, spec={"restartPolicy": "Never"})  # fmt: skip


@failure("Deployment infra/log-router|PriorityClass system-node-critical|Namespace infra", "priority|scope|quota")
def priority_class_reserved_by_a_limited_resource() -> Case:
    made = town()
    made.add("PriorityClass", "system-node-critical", api="scheduling.k8s.io/v1", value=2000001000)
    return refused(made, "log-router", 'pods "log-router-7d9f-" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [system-node-critical system-cluster-critical]}]', ns="infra", spec={"priorityClassName": "system-node-critical"})  # fmt: skip


@failure("ResourceQuota billing/object-counts|CronJob billing/reconcile", "quota|count|jobs")
def cron_job_meets_a_count_quota_of_jobs() -> Case:
    made = town()
    made.add("Namespace", "billing")
    quota(made, "billing", "object-counts", {"count/jobs.batch": "5"}, {"count/jobs.batch": "5"})
    template = {
        "spec": {
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "run", "image": "registry.example/reconcile:4"}],
                }
            }
        }
    }
    made.add("CronJob", "reconcile", "billing", api="batch/v1", spec={"schedule": "*/10 * * * *", "jobTemplate": template}, status={"lastScheduleTime": ago(3500)})  # fmt: skip
    made.event("CronJob", "reconcile", "billing", "FailedCreate", 'Error creating job: jobs.batch "reconcile-29538720" is forbidden: exceeded quota: object-counts, requested: count/jobs.batch=1, used: count/jobs.batch=5, limited: count/jobs.batch=5', count=5)  # fmt: skip
    return made


@failure("ResourceQuota etl/mem-cap|Job etl/load-facts|LimitRange etl/*", "limit|quota|memory")
def quota_wants_memory_of_a_job_that_names_none() -> Case:
    made = town()
    made.add("Namespace", "etl")
    quota(made, "etl", "mem-cap", {"limits.memory": "64Gi", "requests.memory": "64Gi"}, {"limits.memory": "2Gi", "requests.memory": "2Gi"})  # fmt: skip
    return refused(made, "load-facts", 'pods "load-facts-9wq2l" is forbidden: failed quota: mem-cap: must specify limits.memory for: load-facts; requests.memory for: load-facts', ns="etl", kind="Job", want=1, container={"resources": {"requests": {"cpu": "1"}}}, spec={"restartPolicy": "Never"})  # fmt: skip


@failure("LimitRange games/ratio|Deployment games/lobby", "ratio|limit")
def limit_range_ratio() -> Case:
    made = town()
    made.add("Namespace", "games").add("LimitRange", "ratio", "games", spec={"limits": [{"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}]})  # fmt: skip
    return refused(made, "lobby", 'pods "lobby-7d9f-" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000', ns="games", container={"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "1"}}})  # fmt: skip


@failure("LimitRange games/volumes|StatefulSet games/saves", "minimum|storage|limit")
def limit_range_minimum_of_a_claim() -> Case:
    made = town()
    made.add("Namespace", "games").add("LimitRange", "volumes", "games", spec={"limits": [{"type": "PersistentVolumeClaim", "min": {"storage": "10Gi"}}]})  # fmt: skip
    claims = [
        {
            "metadata": {"name": "d"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    return refused(made, "saves", 'create Pod saves-0 in StatefulSet saves failed error: failed to create PVC d-saves-0: persistentvolumeclaims "d-saves-0" is forbidden: minimum storage usage per PersistentVolumeClaim is 10Gi, but request is 1Gi', ns="games", kind="StatefulSet", outer={"volumeClaimTemplates": claims})  # fmt: skip


@failure("LimitRange media/defaults|Deployment media/transcoder", "limit")
def default_limit_below_the_request() -> Case:
    made = town()
    made.add("Namespace", "media").add("LimitRange", "defaults", "media", spec={"limits": [{"type": "Container", "default": {"memory": "512Mi"}, "defaultRequest": {"memory": "256Mi"}}]})  # fmt: skip
    return refused(made, "transcoder", 'Pod "transcoder-7d9f-q8x2m" is invalid: spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 512Mi', ns="media", container={"resources": {"requests": {"memory": "2Gi"}}})  # fmt: skip


@failure("DaemonSet observability/node-agent|Namespace observability", "podsecurity|pod security|hostpath|host")
def baseline_forbids_the_agents_host_path() -> Case:
    made = town()
    made.add("Namespace", "observability", labels={"pod-security.kubernetes.io/enforce": "baseline", "kubernetes.io/metadata.name": "observability"})  # fmt: skip
    return refused(made, "node-agent", 'pods "node-agent-" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), hostPath volumes (volume "root")', ns="observability", kind="DaemonSet", want=2, spec={"hostNetwork": True, "volumes": [{"name": "root", "hostPath": {"path": "/"}}]})  # fmt: skip


@failure("MutatingWebhookConfiguration mesh-injector", "ca |ca bundle|cabundle|trust|certificate")
def webhook_ca_is_not_the_servers() -> Case:
    made = town()
    made.add("Namespace", "mesh-system")
    svc(put(made, "mesh-injector", ns="mesh-system", containers={"main": {"ports": [{"containerPort": 8443}]}}), "mesh-injector", 443, 8443, ns="mesh-system")  # fmt: skip
    hook(made, "mesh-injector", "mesh-injector", "mesh-system", kind="Mutating")
    says(made, "mesh-system", "mesh-injector-abc-x0", "2026/03/01 11:58:01 http: TLS handshake error from 10.244.0.1:41022: remote error: tls: bad certificate\n" * 8)  # fmt: skip
    for name in ("orders", "invoices"):
        refused(made, name, 'Internal error occurred: failed calling webhook "pods.mesh-injector": failed to call webhook: Post "https://mesh-injector.mesh-system.svc:443/admit?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "mesh-ca")')  # fmt: skip
    return made


@failure(
    "ValidatingWebhookConfiguration policy-guard|Secret policy/policy-guard-tls|Service policy/policy-guard|Deployment policy/policy-guard",
    "expired",
)
def webhook_certificate_expired() -> Case:
    made = town()
    made.add("Namespace", "policy")
    svc(put(made, "policy-guard", ns="policy"), "policy-guard", 443, 9443, ns="policy")
    hook(made, "policy-guard", "policy-guard", "policy")
    return refused(made, "orders", 'Internal error occurred: failed calling webhook "pods.policy-guard": failed to call webhook: Post "https://policy-guard.policy.svc:443/admit?timeout=10s": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-03-01T11:59:12Z is after 2026-02-28T23:59:59Z')  # fmt: skip


@failure("ValidatingWebhookConfiguration image-gate|Service gate/image-gate", "port")
def webhook_names_a_port_the_service_lacks() -> Case:
    made = town()
    made.add("Namespace", "gate")
    svc(put(made, "image-gate", ns="gate"), "image-gate", 443, 8443, ns="gate")
    hook(made, "image-gate", "image-gate", "gate", port=8443)
    return refused(made, "orders", 'Internal error occurred: failed calling webhook "pods.image-gate": failed to call webhook: Post "https://image-gate.gate.svc:8443/admit?timeout=10s": no service port 8443 found for service "image-gate"')  # fmt: skip


@failure("MutatingWebhookConfiguration vault-injector", "service|webhook")
def webhook_left_behind_by_an_uninstall() -> Case:
    made = hook(town(), "vault-injector", "vault-agent-injector-svc", "vault", kind="Mutating")
    made.add("Namespace", "vault")
    for name, ns in (("payroll", "hr"), ("orders", "shop")):
        refused(made, name, 'Internal error occurred: failed calling webhook "pods.vault-injector": failed to call webhook: Post "https://vault-agent-injector-svc.vault.svc:443/admit?timeout=10s": service "vault-agent-injector-svc" not found', ns=ns)  # fmt: skip
    return made


@failure("Secret guard/guard-serving-cert|Deployment guard/guard", "guard-serving-cert|secret")
def webhook_server_waits_for_its_secret() -> Case:
    made = town()
    made.add("Namespace", "guard")
    volume = {"volumes": [{"name": "cert", "secret": {"secretName": "guard-serving-cert"}}]}
    svc(put(made, "guard", ns="guard", replicas=2, spec=volume, states="wait:ContainerCreating", containers={"main": {"volumeMounts": [{"name": "cert", "mountPath": "/certs"}]}}), "guard", 443, 9443, ns="guard")  # fmt: skip
    for pod in ("guard-abc-x0", "guard-abc-y1"):
        made.event("Pod", pod, "guard", "FailedMount", 'MountVolume.SetUp failed for volume "cert" : secret "guard-serving-cert" not found', count=14)  # fmt: skip
    hook(made, "guard", "guard", "guard")
    for name, ns in (("orders", "shop"), ("ledger", "finance"), ("mailer", "crm")):
        refused(made, name, 'Internal error occurred: failed calling webhook "pods.guard": failed to call webhook: Post "https://guard.guard.svc:443/admit?timeout=10s": no endpoints available for service "guard"', ns=ns)  # fmt: skip
    return made


@failure("Deployment shop/promo|ClusterPolicy require-team", "team|policy|denied|webhook")
def kyverno_wants_a_label() -> Case:
    made = town()
    made.add("Namespace", "kyverno").add("ClusterPolicy", "require-team", api="kyverno.io/v1", spec={"validationFailureAction": "Enforce", "rules": [{"name": "check-team", "match": {"any": [{"resources": {"kinds": ["Pod"]}}]}, "validate": {"message": "The label `team` is required.", "pattern": {"metadata": {"labels": {"team": "?*"}}}}}]}, status={"conditions": [condition("Ready", "True", "Succeeded")]})  # fmt: skip
    svc(put(made, "kyverno-admission", ns="kyverno"), "kyverno-svc", 443, 9443, ns="kyverno", selector={"app": "kyverno-admission"})  # fmt: skip
    hook(made, "kyverno-resource-validating-webhook-cfg", "kyverno-svc", "kyverno")
    return refused(made, "promo", "admission webhook \"validate.kyverno.svc-fail\" denied the request: \n\nresource Pod/shop/promo-7d9f-k2w5x was blocked due to the following policies \n\nrequire-team:\n  check-team: 'validation error: The label `team` is required. rule check-team failed at path /metadata/labels/team/'\n")  # fmt: skip


@failure(
    "ValidatingAdmissionPolicy no-floating-tags|Deployment shop/beacon|ValidatingAdmissionPolicyBinding no-floating-tags-all",
    "no-floating-tags|polic|tag",
)
def admission_policy_refuses_a_floating_tag() -> Case:
    made = town()
    expression = "object.spec.containers.all(c, !c.image.endsWith(':latest'))"
    made.add("ValidatingAdmissionPolicy", "no-floating-tags", api="admissionregistration.k8s.io/v1", spec={"failurePolicy": "Fail", "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}, "validations": [{"expression": expression}]})  # fmt: skip
    made.add("ValidatingAdmissionPolicyBinding", "no-floating-tags-all", api="admissionregistration.k8s.io/v1", spec={"policyName": "no-floating-tags", "validationActions": ["Deny"]})  # fmt: skip
    return refused(made, "beacon", f"pods \"beacon-7d9f-8lqzn\" is forbidden: ValidatingAdmissionPolicy 'no-floating-tags' with binding 'no-floating-tags-all' denied request: failed expression: {expression}", container={"image": "registry.example/beacon:latest"})  # fmt: skip


@failure(
    "ValidatingAdmissionPolicyBinding replica-cap-b|ValidatingAdmissionPolicy replica-cap|ConfigMap policy/replica-cap",
    "param",
)
def admission_policy_whose_parameter_is_gone() -> Case:
    made = town()
    made.add("Namespace", "policy")
    made.add("ValidatingAdmissionPolicy", "replica-cap", api="admissionregistration.k8s.io/v1", spec={"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}, "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]}, "validations": [{"expression": "true"}]})  # fmt: skip
    made.add("ValidatingAdmissionPolicyBinding", "replica-cap-b", api="admissionregistration.k8s.io/v1", spec={"policyName": "replica-cap", "paramRef": {"name": "replica-cap", "namespace": "policy", "parameterNotFoundAction": "Deny"}, "validationActions": ["Deny"]})  # fmt: skip
    return refused(made, "orders", "pods \"orders-7d9f-tt2xk\" is forbidden: ValidatingAdmissionPolicy 'replica-cap' with binding 'replica-cap-b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction")  # fmt: skip


@failure(
    "RoleBinding shop/reloader|Role shop/reloader|ServiceAccount ops/reloader|Deployment ops/reloader",
    "forbidden|patch|rbac|role|allow|bind",
)
def role_binding_names_the_account_of_another_namespace() -> Case:
    made = town()
    made.add("Namespace", "ops").add("ServiceAccount", "reloader", "ops")
    made.add("Role", "reloader", "shop", api="rbac.authorization.k8s.io/v1", rules=[{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "patch"]}])  # fmt: skip
    made.add("RoleBinding", "reloader", "shop", api="rbac.authorization.k8s.io/v1", roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reloader"}, subjects=[{"kind": "ServiceAccount", "name": "reloader", "namespace": "shop"}])  # fmt: skip
    log = 'time="2026-03-01T11:58:40Z" level=error msg="failed to update" error="deployments.apps \\"catalog\\" is forbidden: User \\"system:serviceaccount:ops:reloader\\" cannot patch resource \\"deployments\\" in API group \\"apps\\" in the namespace \\"shop\\""\n'
    return put(made, "reloader", ns="ops", spec={"serviceAccountName": "reloader"}, logs=log * 3 + "panic: giving up\n", states="crash:2", previous=True)  # fmt: skip


@failure("PriorityClass business-critcal|Deployment shop/checkout", "priority|business-critcal")
def priority_class_misspelt() -> Case:
    made = town()
    made.add("PriorityClass", "business-critical", api="scheduling.k8s.io/v1", value=100000)
    return refused(made, "checkout", 'pods "checkout-7d9f-" is forbidden: no PriorityClass with name business-critcal was found', spec={"priorityClassName": "business-critcal"})  # fmt: skip


@failure(
    "ServiceAccount ops/backup-runner|CronJob ops/nightly|Job ops/nightly-29538700",
    "serviceaccount|service account|backup-runner",
)
def cron_jobs_service_account_is_missing() -> Case:
    made = town()
    made.add("Namespace", "ops").add("ServiceAccount", "backup", "ops")
    template = {
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "backup-runner",
            "containers": [{"name": "run", "image": "registry.example/backup:4"}],
        }
    }
    made.add("CronJob", "nightly", "ops", api="batch/v1", spec={"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": template}}}, status={"lastScheduleTime": ago(900), "active": [{"kind": "Job", "name": "nightly-29538700", "namespace": "ops", "apiVersion": "batch/v1"}]})  # fmt: skip
    made.add("Job", "nightly-29538700", "ops", api="batch/v1", age=900, metadata=owned("CronJob", "nightly", "ops", api="batch/v1"), spec={"template": template, "backoffLimit": 6, "completions": 1, "parallelism": 1}, status={"startTime": ago(900)})  # fmt: skip
    made.event("Job", "nightly-29538700", "ops", "FailedCreate", 'Error creating: pods "nightly-29538700-" is forbidden: error looking up service account ops/backup-runner: serviceaccount "backup-runner" not found', count=9)  # fmt: skip
    return made


@failure("RuntimeClass gvisor|Deployment tenants/sandboxed", "runtimeclass|runtime class|gvisor")
def runtime_class_is_not_there() -> Case:
    made = town()
    made.add("RuntimeClass", "kata", api="node.k8s.io/v1", handler="kata")
    return refused(made, "sandboxed", 'pods "sandboxed-7d9f-" is forbidden: pod rejected: RuntimeClass "gvisor" not found', ns="tenants", spec={"runtimeClassName": "gvisor"})  # fmt: skip


@failure("Namespace tenant-a|Deployment tenant-a/portal", "node selector|selector|namespace")
def namespace_node_selector_conflicts() -> Case:
    made = town()
    made.add("Namespace", "tenant-a", metadata={"annotations": {"scheduler.alpha.kubernetes.io/node-selector": "pool=tenant-a"}})  # fmt: skip
    return refused(made, "portal", 'pods "portal-7d9f-" is forbidden: pod node label selector conflicts with its namespace node label selector', ns="tenant-a", spec={"nodeSelector": {"pool": "shared"}})  # fmt: skip


@failure("Deployment ops/budget-keeper", "policy/v1beta1|version|deprecated|removed|served")
def controller_speaks_a_removed_api() -> Case:
    made = town()
    made.add("Namespace", "ops")
    log = 'W0301 11:57:10.001 warnings.go:70] policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget\nE0301 11:58:12.118 reflector.go:147] failed to list *v1beta1.PodDisruptionBudget: the server could not find the requested resource\nF0301 11:59:13.240 main.go:88] no matches for kind "PodDisruptionBudget" in version "policy/v1beta1"\n'
    return put(made, "budget-keeper", ns="ops", logs=log, states="crash:255", previous=True)


@failure(
    "Deployment apps/legacy|ServiceAccount apps/default|SecurityContextConstraints restricted-v2",
    "security context constraint|scc|security|fsgroup",
)
def openshift_constraint_forbids_a_group() -> Case:
    return refused(town(), "legacy", 'pods "legacy-7d9f-" is forbidden: unable to validate against any security context constraint: [provider "anyuid": Forbidden: not usable by user or serviceaccount, provider restricted-v2: .spec.securityContext.fsGroup: Invalid value: []int64{1000}: 1000 is not an allowed group, provider "privileged": Forbidden: not usable by user or serviceaccount]', ns="apps", spec={"securityContext": {"fsGroup": 1000}})  # fmt: skip


@failure(
    "Deployment webhooks/approver|ValidatingWebhookConfiguration approver|Service webhooks/approver",
    "oom|memory|killed",
)
def webhook_server_killed_for_memory() -> Case:
    made = town()
    made.add("Namespace", "webhooks")
    svc(put(made, "approver", ns="webhooks", containers={"main": {"resources": {"limits": {"memory": "64Mi"}}}}), "approver", 443, 8443, ns="webhooks")  # fmt: skip
    crashing(made, "approver-abc-x0", 137, "OOMKilled")
    hook(made, "approver", "approver", "webhooks")
    return refused(made, "orders", 'Internal error occurred: failed calling webhook "pods.approver": failed to call webhook: Post "https://approver.webhooks.svc:443/admit?timeout=10s": dial tcp 10.96.7.8:443: connect: connection refused')  # fmt: skip


@healthy
def quota_is_full_but_nobody_asks_for_more() -> Case:
    return quota(
        town(), "shop", "compute", {"requests.cpu": "400m", "pods": "4"}, {"requests.cpu": "400m", "pods": "4"}
    )


@healthy
def webhook_failed_once_an_hour_ago() -> Case:
    made = town()
    hook(made, "policy-guard", "policy-guard", "policy")
    made.add("Namespace", "policy")
    svc(put(made, "policy-guard", ns="policy", replicas=2, containers={"main": {"ports": [{"containerPort": 9443}]}}), "policy-guard", 443, 9443, ns="policy")  # fmt: skip
    made.event("ReplicaSet", "catalog-abc", "shop", "FailedCreate", 'Error creating: Internal error occurred: failed calling webhook "pods.policy-guard": failed to call webhook: Post "https://policy-guard.policy.svc:443/admit?timeout=10s": context deadline exceeded', count=1, last=3400, first=3400)  # fmt: skip
    return made


@healthy
def warn_level_of_pod_security_only_warns() -> Case:
    made = town()
    made.add("Namespace", "lab", labels={"pod-security.kubernetes.io/warn": "restricted", "pod-security.kubernetes.io/audit": "restricted"})  # fmt: skip
    return put(made, "notebook", ns="lab", replicas=2)


@healthy
def an_operator_probes_for_an_optional_api_and_goes_on() -> Case:
    made = town()
    made.add("Namespace", "ops")
    return put(made, "watcher", ns="ops", logs="I0301 11:02:00 server supports policy/v1\nW0301 11:02:10.001 warnings.go:70] v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\nI0301 11:02:11 caches are synced\n")  # fmt: skip
