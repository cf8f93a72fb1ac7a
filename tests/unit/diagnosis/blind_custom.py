"""Described failures of operators' resources, written before the rules of custom resources were read.

First run: 9 of 15 right.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_c3 import (
    adopt,
    app,
    blind,
    calm,
    condition,
    custom,
    ingress,
    ingress_nginx,
    ports,
    put,
    world,
)
from tests.unit.diagnosis.unseen import Case, env

Body = dict[str, Any]
CM, ACME = "cert-manager.io/v1", "acme.cert-manager.io/v1"
FLUX = {"GitRepository": "source.toolkit.fluxcd.io/v1", "Kustomization": "kustomize.toolkit.fluxcd.io/v1", "HelmRelease": "helm.toolkit.fluxcd.io/v2"}  # fmt: skip


def operator(made: Case, name: str, ns: str, logs: str = "") -> Case:
    """A controller that runs well in its own namespace."""
    made.add("Namespace", ns, labels={"kubernetes.io/metadata.name": ns})
    return put(made, name, ns=ns, containers={"manager": ports(8080)}, logs=logs)


@blind(
    "Challenge shop/web-tls-1-2-3|Order shop/web-tls-1-2|Certificate shop/web-tls|Ingress shop/web",
    "404|challenge|http-01|propagation",
)
def an_http_challenge_never_propagates() -> Case:
    made = operator(ingress_nginx(world()), "cert-manager", "cert-manager")
    ingress(app(made, "web"), "web", "web", ingressClassName="nginx", tls=[{"hosts": ["shop.example.org"], "secretName": "web-tls"}])  # fmt: skip
    custom(made, "ClusterIssuer", "letsencrypt", "", CM, condition("Ready", "True", "ACMEAccountRegistered"))
    custom(made, "Certificate", "web-tls", "shop", CM, condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"), condition("Issuing", "True", "DoesNotExist", "Issuing certificate as Secret does not exist"), spec={"secretName": "web-tls", "dnsNames": ["shop.example.org"], "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}})  # fmt: skip
    custom(made, "CertificateRequest", "web-tls-1", "shop", CM, condition("Approved", "True", "cert-manager.io"), condition("Ready", "False", "Pending", 'Waiting on certificate issuance from order shop/web-tls-1-2: "pending"'), owner=("Certificate", "web-tls", CM), spec={"issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}})  # fmt: skip
    custom(made, "Order", "web-tls-1-2", "shop", ACME, owner=("CertificateRequest", "web-tls-1", CM), state="pending")
    return custom(made, "Challenge", "web-tls-1-2-3", "shop", ACME, owner=("Order", "web-tls-1-2", ACME), spec={"type": "HTTP-01", "dnsName": "shop.example.org"}, state="pending", processing=True, presented=True, reason="Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'")  # fmt: skip


@blind("ClusterIssuer internal-ca|Secret cert-manager/root-ca", "secret|root-ca|keypair|not found")
def an_issuers_ca_secret_is_missing_and_its_certificates_wait() -> Case:
    made = operator(world(), "cert-manager", "cert-manager")
    text = 'Error getting keypair for CA issuer: secrets "root-ca" not found'
    custom(made, "ClusterIssuer", "internal-ca", "", CM, condition("Ready", "False", "ErrGetKeyPair", text), spec={"ca": {"secretName": "root-ca"}})  # fmt: skip
    made.event("ClusterIssuer", "internal-ca", "", "ErrGetKeyPair", text, count=30)
    for name in ("api", "db"):
        custom(made, "Certificate", f"{name}-mtls", "shop", CM, condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"), spec={"secretName": f"{name}-mtls", "issuerRef": {"name": "internal-ca", "kind": "ClusterIssuer"}})  # fmt: skip
        custom(made, "CertificateRequest", f"{name}-mtls-1", "shop", CM, condition("Ready", "False", "Pending", 'Referenced "ClusterIssuer" not found or not ready: clusterissuer "internal-ca" not ready'), owner=("Certificate", f"{name}-mtls", CM), spec={"issuerRef": {"name": "internal-ca", "kind": "ClusterIssuer"}})  # fmt: skip
    return made


@blind("Application argocd/storefront|Secret argocd/*", "authentication|repository|repo|git")
def argo_cd_cannot_read_the_repository() -> Case:
    made = operator(world(), "argocd-repo-server", "argocd")
    text = "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = failed to list refs: authentication required: Unauthorized"
    return custom(made, "Application", "storefront", "argocd", "argoproj.io/v1alpha1", condition("ComparisonError", "", "", text), spec={"source": {"repoURL": "https://git.example/shop.git"}, "destination": {"namespace": "shop"}}, sync={"status": "Unknown"}, health={"status": "Healthy"})  # fmt: skip


@blind("Deployment shop/storefront", "image|tag|pull|not found")
def an_argo_application_is_degraded_by_its_deployments_image() -> Case:
    made = app(operator(world(), "argocd-application-controller", "argocd"), "storefront", states="wait:ImagePullBackOff", logs="")  # fmt: skip
    made.event("Pod", "storefront-abc-x0", "shop", "Failed", 'Failed to pull image "registry.example/storefront:1.4.2": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/storefront:1.4.2": failed to resolve reference "registry.example/storefront:1.4.2": registry.example/storefront:1.4.2: not found')  # fmt: skip
    return custom(made, "Application", "storefront", "argocd", "argoproj.io/v1alpha1", spec={"destination": {"namespace": "shop"}}, sync={"status": "Synced"}, health={"status": "Degraded"}, resources=[{"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop", "name": "storefront", "status": "Synced", "health": {"status": "Degraded", "message": 'Deployment "storefront" exceeded its progress deadline'}}, {"version": "v1", "kind": "Service", "namespace": "shop", "name": "storefront", "status": "Synced", "health": {"status": "Healthy"}}])  # fmt: skip


@blind("GitRepository flux-system/platform|Secret flux-system/*", "knownhosts|host key|ssh|handshake")
def flux_no_longer_trusts_the_git_hosts_key() -> Case:
    made = operator(world(), "source-controller", "flux-system")
    custom(made, "GitRepository", "platform", "flux-system", FLUX["GitRepository"], condition("Ready", "False", "GitOperationFailed", "failed to checkout and determine revision: unable to list remote for 'ssh://git@git.example/platform': ssh: handshake failed: knownhosts: key mismatch"), condition("FetchFailed", "True", "GitOperationFailed", "failed to checkout and determine revision: unable to list remote"), spec={"url": "ssh://git@git.example/platform"})  # fmt: skip
    for name in ("infra", "apps"):
        custom(made, "Kustomization", name, "flux-system", FLUX["Kustomization"], condition("Ready", "False", "ArtifactFailed", "Source artifact not found, retrying in 30s"), spec={"sourceRef": {"kind": "GitRepository", "name": "platform"}})  # fmt: skip
    return made


@blind("Deployment shop/mailer", "smtp_host|environment|variable|keyerror")
def a_helm_release_times_out_on_a_crashing_child() -> Case:
    made = operator(world(), "helm-controller", "flux-system")
    app(made, "mailer", labels={"helm.toolkit.fluxcd.io/name": "mailer", "helm.toolkit.fluxcd.io/namespace": "shop"}, states="crash:1", logs="Traceback (most recent call last):\n  File \"/app/main.py\", line 7, in <module>\n    host = os.environ['SMTP_HOST']\n  File \"<frozen os>\", line 714, in __getitem__\nKeyError: 'SMTP_HOST'\n")  # fmt: skip
    text = "Helm upgrade failed for release shop/mailer with chart mailer@2.1.0: timeout waiting for: [Deployment/shop/mailer status: 'InProgress']"
    custom(made, "HelmRelease", "mailer", "shop", FLUX["HelmRelease"], condition("Ready", "False", "UpgradeFailed", text), condition("Released", "False", "UpgradeFailed", text), condition("Stalled", "True", "RetriesExceeded", "Failed to upgrade after 3 attempt(s)"), spec={"chart": {}})  # fmt: skip
    return made.event("HelmRelease", "mailer", "shop", "UpgradeFailed", text, count=3)


@blind("Kustomization flux-system/infra", "kustomize|build|no such file|accumulating")
def flux_apps_wait_for_an_infra_that_does_not_build() -> Case:
    made = operator(world(), "kustomize-controller", "flux-system")
    custom(
        made, "GitRepository", "platform", "flux-system", FLUX["GitRepository"], condition("Ready", "True", "Succeeded")
    )
    custom(made, "Kustomization", "infra", "flux-system", FLUX["Kustomization"], condition("Ready", "False", "BuildFailed", "kustomize build failed: accumulating resources: accumulation err='accumulating resources from 'redis.yaml': open /tmp/kustomization-2211/infra/redis.yaml: no such file or directory'"), spec={"sourceRef": {"kind": "GitRepository", "name": "platform"}})  # fmt: skip
    for name in ("apps", "tenants"):
        custom(made, "Kustomization", name, "flux-system", FLUX["Kustomization"], condition("Ready", "False", "DependencyNotReady", "dependency 'flux-system/infra' is not ready"), spec={"dependsOn": [{"name": "infra"}], "sourceRef": {"kind": "GitRepository", "name": "platform"}})  # fmt: skip
    return made


@blind("Kafka events/main", "listener|invalid|storage|replication|invalidresource")
def a_kafka_resource_is_refused_by_its_operator() -> Case:
    made = operator(world("events"), "strimzi-cluster-operator", "strimzi", "2026-03-01 11:58:01 ERROR AbstractOperator:284 - Reconciliation #44(timer) Kafka(events/main): createOrUpdate failed\nio.strimzi.operator.common.model.InvalidResourceException: Kafka configuration option 'min.insync.replicas' (3) has to be lower than replicas (2)\n")  # fmt: skip
    custom(made, "Kafka", "main", "events", "kafka.strimzi.io/v1beta2", condition("NotReady", "True", "InvalidResourceException", "Kafka configuration option 'default.replication.factor' should be set to 2 or less because this cluster has only 2 Kafka broker(s)."), observedGeneration=1)  # fmt: skip
    return custom(made, "KafkaTopic", "orders", "events", "kafka.strimzi.io/v1beta2", condition("NotReady", "True", "KafkaError", "org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. Call: listTopics"))  # fmt: skip


@blind("Cluster data/ledger|Secret data/ledger-backup", "archiv|403|forbidden|backup|wal")
def a_postgres_cluster_cannot_archive_its_wal() -> Case:
    made = operator(world("data"), "cnpg-controller-manager", "cnpg-system")
    owner = ("Cluster", "ledger", "postgresql.cnpg.io/v1")
    custom(made, "Cluster", "ledger", "data", "postgresql.cnpg.io/v1", condition("Ready", "True", "ClusterIsReady", "Cluster is Ready"), condition("ContinuousArchiving", "False", "ContinuousArchivingFailing", "unexpected failure invoking barman-cloud-wal-archive: exit status 4"), spec={"instances": 1, "backup": {"barmanObjectStore": {"s3Credentials": {"accessKeyId": {"name": "ledger-backup", "key": "id"}}}}}, phase="Cluster in healthy state", instances=1, readyInstances=1)  # fmt: skip
    made.add("Secret", "ledger-backup", "data", type="Opaque", data={"id": "", "key": ""})
    put(made, "ledger-1", ns="data", kind="Pod", containers={"postgres": ports(5432)}, logs='{"level":"error","ts":"2026-03-01T11:58:00Z","logger":"barman-cloud-wal-archive","msg":"ERROR: Barman cloud WAL archiver exception: An error occurred (403) when calling the HeadBucket operation: Forbidden","logging_pod":"ledger-1"}\n' * 7)  # fmt: skip
    return adopt(made, "Pod", "ledger-1", "data", owner)


@blind("Prometheus observability/main|Secret observability/scrapes", "prometheus-additional|key|scrape")
def a_prometheus_cannot_be_built_for_a_key_is_missing_from_a_secret() -> Case:
    made = operator(world(), "prometheus-operator", "prom-operator")
    made.add("Secret", "scrapes", "observability", type="Opaque", data={"additional.yaml": ""})
    return custom(made, "Prometheus", "main", "observability", "monitoring.coreos.com/v1", condition("Available", "True", ""), condition("Reconciled", "False", "ReconciliationFailed", 'creating config failed: loading additional scrape configs from Secret failed: key "prometheus-additional.yaml" in secret "scrapes" not found'), spec={"additionalScrapeConfigs": {"name": "scrapes", "key": "prometheus-additional.yaml"}})  # fmt: skip


@blind("SecretStore shop/vault", "login|log in|secret id|vault|role|approle|provider")
def a_store_cannot_log_in_so_an_app_lacks_its_secret() -> Case:
    made = operator(world(), "external-secrets", "external-secrets")
    text = "unable to create client: unable to log in with app role auth: Error making API request.\n\nURL: PUT https://vault.example:8200/v1/auth/approle/login\nCode: 400. Errors:\n\n* invalid role or secret ID"
    custom(made, "SecretStore", "vault", "shop", "external-secrets.io/v1", condition("Ready", "False", "InvalidProviderConfig", text), spec={"provider": {"vault": {"server": "https://vault.example:8200"}}})  # fmt: skip
    custom(made, "ExternalSecret", "billing-db", "shop", "external-secrets.io/v1", condition("Ready", "False", "SecretSyncedError", 'error processing spec.data[0] (key: kv/billing), err: SecretStore "vault" is not ready'), spec={"secretStoreRef": {"name": "vault", "kind": "SecretStore"}, "target": {"name": "billing-db"}, "data": []})  # fmt: skip
    app(made, "billing", states='wait:CreateContainerConfigError:secret "billing-db" not found', main={"env": [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "billing-db", "key": "password"}}}]})  # fmt: skip
    return made.event("Pod", "billing-abc-x0", "shop", "Failed", 'Error: secret "billing-db" not found', count=60)


@blind(
    "RDSInstance orders-x7k2p|ProviderConfig default|XPostgres orders-x7k|Postgres shop/orders",
    "accessdenied|denied|authorized|rds:",
)
def a_crossplane_claim_waits_for_a_refused_cloud_call() -> Case:
    made = operator(world(), "provider-aws-rds", "crossplane-system")
    custom(made, "Postgres", "orders", "shop", "db.example.org/v1alpha1", condition("Synced", "True", "ReconcileSuccess"), condition("Ready", "False", "Waiting", "Claim is waiting for composite resource to become Ready"), spec={"resourceRef": {"apiVersion": "db.example.org/v1alpha1", "kind": "XPostgres", "name": "orders-x7k"}})  # fmt: skip
    custom(made, "XPostgres", "orders-x7k", "", "db.example.org/v1alpha1", condition("Synced", "True", "ReconcileSuccess"), condition("Ready", "False", "Creating", "Unready resources: rds"), spec={"resourceRefs": [{"apiVersion": "database.aws.crossplane.io/v1beta1", "kind": "RDSInstance", "name": "orders-x7k2p"}]})  # fmt: skip
    text = "create failed: cannot create RDS instance: AccessDenied: User: arn:aws:iam::111122223333:user/xp is not authorized to perform: rds:CreateDBInstance"
    return custom(made, "RDSInstance", "orders-x7k2p", "", "database.aws.crossplane.io/v1beta1", condition("Synced", "False", "ReconcileError", text), condition("Ready", "False", "Creating"), owner=("XPostgres", "orders-x7k", "db.example.org/v1alpha1"), spec={"providerConfigRef": {"name": "default"}})  # fmt: skip


@blind("AWSMachine fleet/pool-a-1|Machine fleet/pool-a-1|MachineDeployment fleet/pool-a", "capacity|insufficient")
def cluster_api_gets_no_machine_of_this_type() -> Case:
    made = operator(world("fleet"), "capa-controller-manager", "capa-system")
    infra, core = "infrastructure.cluster.x-k8s.io/v1beta2", "cluster.x-k8s.io/v1beta1"
    text = "failed to create AWSMachine instance: failed to run instance: InsufficientInstanceCapacity: We currently do not have sufficient p5.48xlarge capacity in the Availability Zone you requested (us-east-1a)."
    custom(made, "MachineDeployment", "pool-a", "fleet", core, condition("Available", "False", "WaitingForAvailableMachines", "Minimum availability requires 1 replicas, current 0 available"), replicas=1, readyReplicas=0, unavailableReplicas=1, phase="ScalingUp")  # fmt: skip
    custom(made, "Machine", "pool-a-1", "fleet", core, condition("InfrastructureReady", "False", "InstanceProvisionFailed", text), condition("Ready", "False", "InstanceProvisionFailed", text), owner=("MachineDeployment", "pool-a", core), spec={"infrastructureRef": {"kind": "AWSMachine", "name": "pool-a-1", "apiVersion": infra}}, phase="Provisioning")  # fmt: skip
    return custom(made, "AWSMachine", "pool-a-1", "fleet", infra, condition("InstanceReady", "False", "InstanceProvisionFailed", text), condition("Ready", "False", "InstanceProvisionFailed", text), owner=("Machine", "pool-a-1", core))  # fmt: skip


@blind(
    "StorageClass nvme-local|PersistentVolumeClaim data/data-hot-0|Cache data/hot|StatefulSet data/hot",
    "storage class|storageclass|nvme-local",
)
def an_unknown_operators_resource_waits_for_a_storage_class() -> Case:
    made = operator(world("data"), "cache-operator", "cache-system")
    custom(made, "Cache", "hot", "data", "cache.acme.example/v1", condition("Available", "False", "ReplicasNotReady", "0 of 1 replicas are ready"), condition("Progressing", "True", "Creating"))  # fmt: skip
    put(made, "hot", ns="data", kind="StatefulSet", states="wait:ContainerCreating", outer={"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "nvme-local", "resources": {"requests": {"storage": "50Gi"}}}}]}, spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-hot-0"}}]})  # fmt: skip
    adopt(made, "StatefulSet", "hot", "data", ("Cache", "hot", "cache.acme.example/v1"))
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"] == "hot-0":
            del body["spec"]["nodeName"]
            body["status"] = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.")]}  # fmt: skip
    made.add("StorageClass", "nvme", api="storage.k8s.io/v1", provisioner="local.csi.example")
    made.add("PersistentVolumeClaim", "data-hot-0", "data", spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "nvme-local", "resources": {"requests": {"storage": "50Gi"}}}, status={"phase": "Pending"})  # fmt: skip
    return made.event(
        "PersistentVolumeClaim",
        "data-hot-0",
        "data",
        "ProvisioningFailed",
        'storageclass.storage.k8s.io "nvme-local" not found',
        count=40,
    )


@blind("Deployment queue-system/queue-operator", "panic|nil pointer|operator|crash")
def an_operator_crashes_so_its_resources_are_never_looked_at() -> Case:
    made = world("queue-system")
    put(made, "queue-operator", ns="queue-system", states="crash:2", containers={"manager": ports(8080)}, logs="panic: runtime error: invalid memory address or nil pointer dereference [recovered]\n\tpanic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x16f2a44]\n\ngoroutine 311 [running]:\ngithub.com/acme/queue-operator/controllers.(*QueueReconciler).Reconcile(...)\n")  # fmt: skip
    for name in ("orders", "mails"):
        custom(made, "Queue", name, "shop", "mq.acme.example/v1", condition("Ready", "True", "Reconciled", "", 90000), observedGeneration=1)  # fmt: skip
    return app(made, "worker", main={"env": env(QUEUE="orders")})


@calm
def operators_at_work() -> Case:
    made = operator(ingress_nginx(world("data", "fleet")), "cert-manager", "cert-manager")
    custom(made, "ClusterIssuer", "letsencrypt", "", CM, condition("Ready", "True", "ACMEAccountRegistered"))
    made.add("Certificate", "fresh", "shop", api=CM, age=40, metadata={"generation": 1}, spec={"secretName": "fresh"}, status={"conditions": [condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist", 40), condition("Issuing", "True", "DoesNotExist", "", 40)]})  # fmt: skip
    custom(made, "Application", "store", "data", "argoproj.io/v1alpha1", sync={"status": "OutOfSync"}, health={"status": "Healthy"})  # fmt: skip
    custom(made, "Kafka", "main", "data", "kafka.strimzi.io/v1beta2", condition("Ready", "True", ""), observedGeneration=2)  # fmt: skip
    custom(made, "Machine", "m-1", "fleet", "cluster.x-k8s.io/v1beta1", condition("Ready", "True", ""), condition("HealthCheckSucceeded", "True", ""), phase="Running")  # fmt: skip
    custom(made, "HelmRelease", "redis", "data", FLUX["HelmRelease"], condition("Ready", "True", "UpgradeSucceeded"), condition("TestSuccess", "True", ""))  # fmt: skip
    return custom(made, "Widget", "w", "data", "acme.example/v1", condition("Paused", "False"), condition("Degraded", "False"), condition("Stalled", "False"), condition("Ready", "True"))  # fmt: skip
