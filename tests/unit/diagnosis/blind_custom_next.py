"""A second batch of operators' resources, written after the first was mended and before its neighbours were looked at.

First run: 10 of 14 right, nothing blamed where all is calm.
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
from tests.unit.diagnosis.blind_custom import ACME, CM, operator
from tests.unit.diagnosis.unseen import Case, ago

Body = dict[str, Any]


@blind("ClusterIssuer letsencrypt", "account|rate|429|acme|register")
def an_issuer_may_not_register_any_more() -> Case:
    made = operator(world(), "cert-manager", "cert-manager")
    text = "Failed to register ACME account: 429 urn:ietf:params:acme:error:rateLimited: too many registrations for this IP"
    custom(made, "ClusterIssuer", "letsencrypt", "", CM, condition("Ready", "False", "ErrRegisterACMEAccount", text), spec={"acme": {"server": "https://acme.example"}})  # fmt: skip
    return custom(made, "Certificate", "www", "shop", CM, condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"), spec={"secretName": "www-tls", "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"}})  # fmt: skip


@blind(
    "Challenge shop/www-1-2-3|ClusterIssuer dns|Secret cert-manager/route53", "accessdenied|route53|denied|authorized"
)
def a_dns_challenge_may_not_write_the_zone() -> Case:
    made = operator(ingress_nginx(world()), "cert-manager", "cert-manager")
    ingress(app(made, "www"), "www", "www", ingressClassName="nginx", tls=[{"hosts": ["shop.example.org"], "secretName": "www-tls"}])  # fmt: skip
    custom(made, "ClusterIssuer", "dns", "", CM, condition("Ready", "True", "ACMEAccountRegistered"))
    custom(made, "Certificate", "www", "shop", CM, condition("Ready", "False", "DoesNotExist", "Issuing certificate as Secret does not exist"), spec={"secretName": "www-tls", "dnsNames": ["shop.example.org"], "issuerRef": {"name": "dns", "kind": "ClusterIssuer"}})  # fmt: skip
    custom(made, "CertificateRequest", "www-1", "shop", CM, condition("Ready", "False", "Pending", 'Waiting on certificate issuance from order shop/www-1-2: "pending"'), owner=("Certificate", "www", CM))  # fmt: skip
    custom(made, "Order", "www-1-2", "shop", ACME, owner=("CertificateRequest", "www-1", CM), state="pending")
    custom(made, "Challenge", "www-1-2-3", "shop", ACME, owner=("Order", "www-1-2", ACME), state="pending", presented=False, reason="failed to change Route 53 record set: operation error Route 53: ChangeResourceRecordSets, https response error StatusCode: 403, AccessDenied: User is not authorized")  # fmt: skip
    return made.event("Challenge", "www-1-2-3", "shop", "PresentError", "Error presenting challenge: failed to change Route 53 record set: AccessDenied", count=40)  # fmt: skip


@blind("SealedSecret shop/api-keys", "decrypt|key|sealed")
def a_sealed_secret_was_sealed_for_another_cluster() -> Case:
    made = operator(world(), "sealed-secrets-controller", "kube-system-2")
    custom(made, "SealedSecret", "api-keys", "shop", "bitnami.com/v1alpha1", condition("Synced", "False", "", "no key could decrypt secret (token)"), spec={"encryptedData": {"token": "x"}, "template": {"metadata": {"name": "api-keys"}}})  # fmt: skip
    app(made, "agent", states='wait:CreateContainerConfigError:secret "api-keys" not found', main={"envFrom": [{"secretRef": {"name": "api-keys"}}]})  # fmt: skip
    return made.event("Pod", "agent-abc-x0", "shop", "Failed", 'Error: secret "api-keys" not found', count=44)


@blind("BackupStorageLocation velero/default", "unavailable|403|forbidden|accessdenied|bucket")
def backups_fail_because_their_store_is_closed() -> Case:
    made = operator(world(), "velero", "velero")
    custom(made, "BackupStorageLocation", "default", "velero", "velero.io/v1", phase="Unavailable", message='BackupStorageLocation "default" is unavailable: rpc error: code = Unknown desc = operation error S3: ListObjectsV2, https response error StatusCode: 403, api error AccessDenied: Access Denied')  # fmt: skip
    return custom(made, "Backup", "nightly", "velero", "velero.io/v1", phase="FailedValidation", validationErrors=['backup can\'t be created because backup storage location default is currently in "Unavailable" status.'], spec={"storageLocation": "default"})  # fmt: skip


@blind("KafkaConnector events/sink", "deserialization|converter|dataexception|schema|json")
def a_connector_task_has_failed() -> Case:
    made = operator(world("events"), "strimzi-cluster-operator", "strimzi")
    custom(made, "KafkaConnect", "connect", "events", "kafka.strimzi.io/v1beta2", condition("Ready", "True"), observedGeneration=2)  # fmt: skip
    tasks = [{"id": 0, "state": "FAILED", "worker_id": "10.244.1.9:8083", "trace": 'org.apache.kafka.connect.errors.DataException: JsonConverter with schemas.enable requires "schema" and "payload" fields\n\tat org.apache.kafka.connect.json.JsonConverter.toConnectData(JsonConverter.java:328)\n'}]  # fmt: skip
    return custom(made, "KafkaConnector", "sink", "events", "kafka.strimzi.io/v1beta2", condition("NotReady", "True", "Throwable", "The following tasks have failed: 0, see connectorStatus for more details."), connectorStatus={"name": "sink", "connector": {"state": "RUNNING"}, "tasks": tasks})  # fmt: skip


@blind("CephCluster storage/main", "health_err|osd|mon|full|quorum")
def a_ceph_cluster_is_in_error() -> Case:
    made = operator(world("storage"), "rook-ceph-operator", "rook")
    return custom(made, "CephCluster", "main", "storage", "ceph.rook.io/v1", condition("Ready", "True", "ClusterCreated", "Cluster created successfully"), phase="Ready", state="Created", ceph={"health": "HEALTH_ERR", "details": {"OSD_FULL": {"severity": "HEALTH_ERR", "message": "2 full osd(s)"}}, "lastChecked": ago(30)})  # fmt: skip


@blind("Elasticsearch logs/main", "red")
def an_elasticsearch_resource_is_red() -> Case:
    made = operator(world("logs"), "elastic-operator", "elastic-system")
    return custom(made, "Elasticsearch", "main", "logs", "elasticsearch.k8s.elastic.co/v1", condition("ReconciliationComplete", "True"), condition("RunningDesiredVersion", "True"), condition("ElasticsearchIsReachable", "True"), health="red", phase="Ready", availableNodes=3)  # fmt: skip


@blind("Rollout shop/web|AnalysisRun shop/web-7-2", "abort|success-rate|metric|analysis|failurelimit")
def a_canary_was_aborted_by_its_analysis() -> Case:
    made = operator(app(world(), "stable"), "argo-rollouts", "argo-rollouts")
    text = 'Rollout aborted update to revision 7: Step-based analysis phase error/failed: Metric "success-rate" assessed Failed due to failed (3) > failureLimit (2)'
    custom(made, "Rollout", "web", "shop", "argoproj.io/v1alpha1", condition("Progressing", "False", "RolloutAborted", text), condition("Available", "True", "AvailableReason"), phase="Degraded", message=f"RolloutAborted: {text}", abort=True)  # fmt: skip
    return custom(made, "AnalysisRun", "web-7-2", "shop", "argoproj.io/v1alpha1", owner=("Rollout", "web", "argoproj.io/v1alpha1"), phase="Failed", message='Metric "success-rate" assessed Failed due to failed (3) > failureLimit (2)', metricResults=[{"name": "success-rate", "phase": "Failed", "failed": 3}])  # fmt: skip


@blind("HelmRepository flux-system/internal|Secret flux-system/*", "401|unauthorized|index")
def a_helm_repository_refuses_the_login() -> Case:
    made = operator(world(), "source-controller", "flux-system")
    custom(made, "HelmRepository", "internal", "flux-system", "source.toolkit.fluxcd.io/v1", condition("Ready", "False", "IndexationFailed", "failed to fetch Helm repository index: failed to cache index to temporary file: failed to fetch https://charts.example/index.yaml : 401 Unauthorized"), condition("FetchFailed", "True", "IndexationFailed", "401 Unauthorized"))  # fmt: skip
    custom(made, "HelmChart", "flux-system-crm", "flux-system", "source.toolkit.fluxcd.io/v1", condition("Ready", "False", "NoSourceArtifact", "no artifact available for HelmRepository source 'internal'"), spec={"sourceRef": {"kind": "HelmRepository", "name": "internal"}})  # fmt: skip
    return custom(made, "HelmRelease", "crm", "flux-system", "helm.toolkit.fluxcd.io/v2", condition("Ready", "False", "SourceNotReady", "HelmChart 'flux-system/flux-system-crm' is not ready: latest generation of object has not been reconciled"), spec={"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "internal"}}}})  # fmt: skip


@blind("Revision shop/hello-00004|Service shop/hello", "image|unauthorized|401|fetch")
def a_knative_revision_cannot_resolve_its_image() -> Case:
    made = operator(world(), "controller", "knative-serving")
    text = 'Unable to fetch image "registry.example/team/hello:v4": failed to resolve image to digest: GET https://registry.example/v2/team/hello/manifests/v4: UNAUTHORIZED: authentication required'
    kn = "serving.knative.dev/v1"
    custom(made, "Service", "hello", "shop", kn, condition("ConfigurationsReady", "False", "RevisionFailed", f'Revision "hello-00004" failed with message: {text}'), condition("Ready", "False", "RevisionFailed", f'Revision "hello-00004" failed with message: {text}'), condition("RoutesReady", "True"), latestCreatedRevisionName="hello-00004")  # fmt: skip
    custom(made, "Configuration", "hello", "shop", kn, condition("Ready", "False", "RevisionFailed", f'Revision "hello-00004" failed with message: {text}'), owner=("Service", "hello", kn))  # fmt: skip
    return custom(made, "Revision", "hello-00004", "shop", kn, condition("ContainerHealthy", "Unknown", "ContainerMissing"), condition("Ready", "False", "ContainerMissing", text), condition("ResourcesAvailable", "Unknown"), owner=("Configuration", "hello", kn))  # fmt: skip


@blind("PipelineRun ci/build-77", "git-clone|task|exist|not found")
def a_pipeline_run_names_a_task_that_is_not_installed() -> Case:
    made = operator(world("ci"), "tekton-pipelines-controller", "tekton")
    return custom(made, "PipelineRun", "build-77", "ci", "tekton.dev/v1", condition("Succeeded", "False", "CouldntGetTask", 'Pipeline ci/build can\'t be Run; it contains Tasks that don\'t exist: Couldn\'t retrieve Task "git-clone": tasks.tekton.dev "git-clone" not found'), spec={"pipelineRef": {"name": "build"}}, startTime=ago(900), completionTime=ago(890))  # fmt: skip


@blind("Trial ml/tune-x1|Experiment ml/tune", "metric")
def a_tuning_trial_reports_no_metrics() -> Case:
    made = operator(world("ml"), "katib-controller", "kubeflow")
    custom(made, "Experiment", "tune", "ml", "kubeflow.org/v1beta1", condition("Created", "True", "ExperimentCreated"), condition("Running", "False", "ExperimentRunning"), condition("Failed", "True", "ExperimentMaxFailedTrialsReached", "Experiment has failed because max failed count has reached"))  # fmt: skip
    return custom(made, "Trial", "tune-x1", "ml", "kubeflow.org/v1beta1", condition("Created", "True", "TrialCreated"), condition("MetricsUnavailable", "True", "MetricsUnavailable", "Metrics are not available"), owner=("Experiment", "tune", "kubeflow.org/v1beta1"))  # fmt: skip


@blind("Database shop/orders", "quota|role|permission|createdb|denied")
def an_unknown_operator_says_ready_false_and_why() -> Case:
    made = operator(world(), "db-operator", "db-operator")
    return custom(made, "Database", "orders", "shop", "db.acme.example/v1", spec={"engine": "postgres"}, ready=False, error="pq: permission denied to create database for role app_owner", lastReconcile=ago(20))  # fmt: skip


@blind("Topic shop/audit|Broker shop/main|StatefulSet shop/main-broker", "disk|space|volume|full")
def a_resource_waits_for_another_whose_pods_are_full() -> Case:
    made = operator(world(), "broker-operator", "broker-system")
    mq = "mq.acme.example/v1"
    custom(made, "Broker", "main", "shop", mq, condition("Ready", "False", "PodsNotReady", "0 of 1 pods are ready"))
    put(made, "main-broker", kind="StatefulSet", states="crash:1", containers={"broker": ports(5672)}, logs="ERROR failed to write segment: write /data/seg-000: no space left on device\n")  # fmt: skip
    adopt(made, "StatefulSet", "main-broker", "shop", ("Broker", "main", mq))
    return custom(made, "Topic", "audit", "shop", mq, condition("Ready", "False", "BrokerNotReady", "broker main is not ready"), spec={"brokerRef": {"name": "main"}})  # fmt: skip


@calm
def operators_in_good_order_with_noise() -> Case:
    made = operator(world("ml", "data"), "workflow-controller", "argo")
    nodes = {"n-1": {"displayName": "fetch(0)", "type": "Pod", "phase": "Failed", "message": "Error (exit code 1)"}, "n-2": {"displayName": "fetch(1)", "type": "Pod", "phase": "Running"}}  # fmt: skip
    custom(made, "Workflow", "retrying", "ml", "argoproj.io/v1alpha1", condition("PodRunning", "True"), phase="Running", nodes=nodes)  # fmt: skip
    custom(made, "Certificate", "renewing", "data", CM, condition("Ready", "True", "Ready"), condition("Issuing", "True", "Renewing", "Renewing certificate as renewal was scheduled"), spec={"secretName": "renewing"})  # fmt: skip
    custom(made, "Widget", "w", "data", "acme.example/v1", condition("UpdateFailed", "False", "NoFailure"), condition("Available", "True"), condition("Upgradeable", "False", "ClusterVersionOverridesSet"), condition("RecentBackup", "Unknown"))  # fmt: skip
    made.event("Widget", "w", "data", "ReconcileError", "Operation cannot be fulfilled: the object has been modified; please apply your changes to the latest version", count=2)  # fmt: skip
    made.add("ExternalSecret", "fresh", "data", api="external-secrets.io/v1", age=20, metadata={"generation": 1}, spec={"secretStoreRef": {"name": "v"}, "target": {"name": "fresh"}}, status={"conditions": [condition("Ready", "False", "SecretSyncedError", "could not get secret data from provider", 15)]})  # fmt: skip
    custom(made, "Elasticsearch", "main", "data", "elasticsearch.k8s.elastic.co/v1", condition("ElasticsearchIsReachable", "True"), health="green", phase="Ready")  # fmt: skip
    custom(made, "CephCluster", "main", "data", "ceph.rook.io/v1", condition("Ready", "True"), phase="Ready", ceph={"health": "HEALTH_OK", "previousHealth": "HEALTH_ERR"})  # fmt: skip
    custom(made, "Backup", "nightly", "data", "velero.io/v1", phase="Completed", startTimestamp=ago(9000))
    custom(made, "Rollout", "web", "data", "argoproj.io/v1alpha1", condition("Progressing", "True", "ReplicaSetUpdated"), condition("Paused", "True", "CanaryPauseStep"), phase="Paused", message="CanaryPauseStep")  # fmt: skip
    return custom(made, "PipelineRun", "ok", "data", "tekton.dev/v1", condition("Succeeded", "Unknown", "Running", "Tasks Completed: 1 (Failed: 0, Cancelled 0), Incomplete: 2"))  # fmt: skip
