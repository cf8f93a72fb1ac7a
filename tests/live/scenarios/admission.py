"""Pods that the API server refuses: quota, limits, policies, webhooks, accounts."""

from .manifests import backdrop, daemonset, deployment, job, meta, quota, service
from .scenario import Apply, Kubectl, Object, Scenario, Seen, Truth

REFUSED = "FailedCreate"


def _only(namespace: str) -> Object:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


QUOTA_PODS = Scenario(
    name="quota-pods",
    truth=Truth(
        ("ResourceQuota", "kindergarten", "team-limits"),
        "the quota of 4 pods is used up: toys gets one of the three it wants",
        ("quota",),
        also_accept=(("Deployment", "kindergarten", "toys"),),
    ),
    before=(
        *backdrop("playground", "swings"),
        quota("kindergarten", "team-limits", pods="4"),
        deployment("kindergarten", "crayons", 3),
    ),
    steps=(
        Apply((deployment("kindergarten", "toys", 3),)),
        Seen("get events -n kindergarten", rf"{REFUSED} .*exceeded quota"),
    ),
    paste=(
        "get deployments,replicasets -n kindergarten",
        "describe resourcequota -n kindergarten",
        "describe deployment toys -n kindergarten",
    ),
)

QUOTA_CPU = Scenario(
    name="quota-cpu",
    truth=Truth(
        ("ResourceQuota", "brewery", "compute"),
        "the quota of 2 CPUs has 1700m in use and kettle asks for 500m",
        ("quota",),
        also_accept=(("Deployment", "brewery", "kettle"),),
        must_not=(("Deployment", "brewery", "mash"),),
    ),
    before=(
        *backdrop("taproom", "glasses", work="keg-count-12"),
        quota("brewery", "compute", requests_cpu="2"),
        deployment("brewery", "mash", 3, cpu="500m"),
        deployment("brewery", "labels", 2, cpu="100m"),
    ),
    steps=(
        Apply((deployment("brewery", "kettle", 1, cpu="500m"),)),
        Seen("get events -n brewery", rf"{REFUSED} .*exceeded quota: compute"),
    ),
    paste=(
        "get replicasets -n brewery",
        "describe resourcequota compute -n brewery",
        "describe deployment kettle -n brewery",
    ),
)

MUST_SPECIFY = Scenario(
    name="quota-must-specify-limits",
    truth=Truth(
        ("Deployment", "tailor", "needles"),
        "the quota of the namespace counts memory limits, and its container states none",
        ("must specify", "limits.memory", "limit", "quota"),
        also_accept=(("ResourceQuota", "tailor", "memory-cap"),),
    ),
    before=(
        *backdrop("haberdashery", "buttons"),
        quota("tailor", "memory-cap", limits_memory="8Gi"),
        deployment("tailor", "threads", 2),
    ),
    steps=(
        Apply((deployment("tailor", "needles", 1, resources={"requests": {"cpu": "50m"}}),)),
        Seen("get events -n tailor", rf"{REFUSED} .*must specify limits.memory"),
    ),
    paste=(
        "get deployments -n tailor",
        "describe resourcequota -n tailor",
        "describe replicaset -n tailor -l app=needles",
    ),
)

LIMIT_RANGE = Scenario(
    name="limit-range-maximum",
    truth=Truth(
        ("Deployment", "pottery", "kiln"),
        "its memory limit of 2Gi is above the LimitRange's maximum of 1Gi for a container",
        ("limitrange", "limit range", "maximum", "memory"),
        also_accept=(("LimitRange", "pottery", "container-bounds"),),
    ),
    before=(
        *backdrop("glaze", "colours"),
        {
            "apiVersion": "v1", "kind": "LimitRange", "metadata": meta("pottery", "container-bounds"),
            "spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]},
        },
        deployment("pottery", "wheel", 2),
    ),
    steps=(Apply((deployment("pottery", "kiln", 1, memory="2Gi"),)), Seen("get events -n pottery", rf"{REFUSED} .*maximum memory usage")),
    paste=("get deployments -n pottery", "describe limitrange -n pottery", "describe replicaset -n pottery -l app=kiln"),
)  # fmt: skip

POD_SECURITY = Scenario(
    name="pod-security-restricted",
    truth=Truth(
        ("DaemonSet", "embassy", "courier-agent"),
        "the namespace enforces the Pod Security level restricted and the pods want the host's network and a host path",
        ("podsecurity", "pod security", "restricted", "host"),
        also_accept=(("Namespace", "", "embassy"),),
    ),
    before=(
        {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": meta("", "embassy", labels={"pod-security.kubernetes.io/enforce": "restricted"}),
        },
        *backdrop("consulate", "desk", work="visa-list-3"),
    ),
    steps=(
        Apply(
            (
                daemonset(
                    "embassy", "courier-agent", pod={"hostNetwork": True, "volumes": [{"name": "run", "hostPath": {"path": "/run"}}]},
                ),
            )
        ),
        Seen("get events -n embassy", rf"{REFUSED} .*violates PodSecurity"),
    ),
    paste=("get namespace embassy -o yaml", "get daemonsets -n embassy", "describe daemonset courier-agent -n embassy"),
)  # fmt: skip

ACCOUNT = Scenario(
    name="service-account-missing",
    truth=Truth(
        ("Deployment", "telegraph", "morse"),
        "its pods use the service account morse-operator, which does not exist",
        ("service account", "serviceaccount", "morse-operator"),
        also_accept=(("ServiceAccount", "telegraph", "morse-operator"),),
    ),
    before=(*backdrop("postcards", "stamps"), deployment("telegraph", "wires", 2)),
    steps=(
        Apply(
            (
                deployment("telegraph", "morse", 2, pod={"serviceAccountName": "morse-operator"}),
                service("telegraph", "morse"),
            )
        ),
        Seen("get events -n telegraph", rf'{REFUSED} .*serviceaccount "morse-operator" not found'),
    ),
    paste=(
        "get deployments,replicasets -n telegraph",
        "get serviceaccounts -n telegraph",
        "describe replicaset -n telegraph -l app=morse",
    ),
)

WEBHOOK = Scenario(
    name="webhook-backend-scaled-to-zero",
    truth=Truth(
        ("Deployment", "registry-office", "sealing"),
        "it serves the webhook that must see every pod of guild, and someone scaled it to 0",
        ("webhook", "scaled", "zero", "0 replicas"),
        also_accept=(
            ("MutatingWebhookConfiguration", "", "sealing.corp.io"),
            ("Service", "registry-office", "sealing"),
        ),
        must_not=(("Deployment", "guild", "masters"),),
    ),
    before=(
        *backdrop("market", "stalls"),
        deployment("registry-office", "sealing", 1, port=8443),
        service("registry-office", "sealing", port=443, target=8443),
        deployment("guild", "journeymen", 1),
    ),
    steps=(
        Kubectl("scale deployment/sealing -n registry-office --replicas=0"),
        Apply(
            (
                {
                    "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
                    "metadata": meta("", "sealing.corp.io"),
                    "webhooks": [
                        {
                            "name": "pods.sealing.corp.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                            "failurePolicy": "Fail", "timeoutSeconds": 1, "namespaceSelector": _only("guild"),
                            "clientConfig": {"service": {"name": "sealing", "namespace": "registry-office", "path": "/mutate"}},
                            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
                        }
                    ],
                },
            )
        ),
        Kubectl("run trial --image=registry.corp.internal/trial:1 -n guild --dry-run=server", "failed calling webhook|sideEffects", until_refused=True),
        Apply((deployment("guild", "masters", 2),)),
        Seen("get events -n guild", rf"{REFUSED} .*failed calling webhook"),
    ),
    paste=(
        "get deployments,replicasets -n guild", "describe replicaset -n guild -l app=masters",
        "get mutatingwebhookconfigurations sealing.corp.io -o yaml", "get deployments,services,endpointslices -n registry-office",
    ),
)  # fmt: skip

POLICY = Scenario(
    name="admission-policy-refuses",
    truth=Truth(
        ("Deployment", "refinery", "still"),
        "the policy approved-images lets pods of refinery only use images of registry.corp.internal",
        ("policy", "approved-images"),
        also_accept=(
            ("ValidatingAdmissionPolicy", "", "approved-images"),
            ("ValidatingAdmissionPolicyBinding", "", "approved-images-refinery"),
        ),
    ),
    before=(
        *backdrop("tanker", "hoses"),
        deployment("refinery", "gauge", 2),
        {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": meta("", "approved-images"),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
                },
                "validations": [
                    {
                        "expression": "object.spec.containers.all(c, c.image.startsWith('registry.corp.internal/'))",
                        "message": "images must come from registry.corp.internal",
                    }
                ],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": meta("", "approved-images-refinery"),
            "spec": {
                "policyName": "approved-images", "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": _only("refinery")},
            },
        },
    ),
    steps=(
        Kubectl("run trial --image=example.com/trial:1 -n refinery --dry-run=server", "ValidatingAdmissionPolicy", until_refused=True),
        Apply((deployment("refinery", "still", 1, image="docker.io/distillers/still:0.9"),)),
        Seen("get events -n refinery", rf"{REFUSED} .*approved-images"),
    ),
    paste=("get deployments -n refinery", "describe replicaset -n refinery -l app=still"),
)  # fmt: skip

JOB_QUOTA = Scenario(
    name="job-refused-by-quota",
    truth=Truth(
        ("ResourceQuota", "accounts", "closing-limits"),
        "the quota of 2 pods is used up, so the Job year-end gets none",
        ("quota",),
        also_accept=(("Job", "accounts", "year-end"),),
    ),
    before=(
        *backdrop("reception", "visitors"),
        quota("accounts", "closing-limits", pods="2"),
        deployment("accounts", "receipts", 2),
    ),
    steps=(
        Apply((job("accounts", "year-end"),)),
        Seen("get events -n accounts", rf"{REFUSED} .*exceeded quota: closing-limits"),
    ),
    paste=("get jobs -n accounts", "describe job year-end -n accounts", "describe resourcequota -n accounts"),
)

ADMISSION = (QUOTA_PODS, QUOTA_CPU, MUST_SPECIFY, LIMIT_RANGE, POD_SECURITY, ACCOUNT, WEBHOOK, POLICY, JOB_QUOTA)
