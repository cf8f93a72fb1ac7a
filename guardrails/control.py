"""Knows which labels and annotations steer something: policies, selectors, schedulers, meshes, GitOps. The rest are notes."""

from __future__ import annotations

from collections.abc import Collection

# Domains whose keys are read by the cluster itself or by controllers that are often installed in one.
_CONTROL_DOMAINS = (
    "kubernetes.io", "k8s.io", "istio.io", "linkerd.io", "cilium.io", "projectcalico.org", "argoproj.io", "fluxcd.io", "helm.sh",
    "k14s.io", "cattle.io", "rancher.io", "crossplane.io", "openshift.io", "kyverno.io", "gatekeeper.sh", "keda.sh", "knative.dev",
    "cert-manager.io", "traefik.io", "hashicorp.com", "stakater.com", "velero.io", "karpenter.sh", "gke.io", "google.com",
    "amazonaws.com", "azure.com", "azure.workload.identity", "prometheus.io", "nvidia.com", "vmware.com", "datadoghq.com",
    "strimzi.io", "banzaicloud.com", "jenkins.io", "tekton.dev", "copilot.dev",
)  # fmt: skip
# Keys of those domains that only tell people something.
_NOTES = frozenset({
    "app.kubernetes.io/component", "app.kubernetes.io/part-of", "app.kubernetes.io/version", "app.kubernetes.io/name",
    "app.kubernetes.io/created-by", "kubernetes.io/description", "kubernetes.io/change-cause", "helm.sh/chart",
    # What kubectl and the controllers count up by themselves.
    "kubectl.kubernetes.io/restartedAt", "deployment.kubernetes.io/revision",
})  # fmt: skip
# Words that policies and people use to tell environments and tenants apart.
_ENVIRONMENT = frozenset(
    {"env", "environment", "stage", "tenant", "istio-injection", "pod-template-hash", "controller-revision-hash"}
)


def control_keys(keys: Collection[str], selected: Collection[str]) -> tuple[str, ...]:
    """Of some label or annotation keys those that steer something. `selected` are keys that selectors nearby use."""
    return tuple(sorted(key for key in keys if key in selected or _steers(key)))


def _steers(key: str) -> bool:
    domain, slash, name = key.rpartition("/")
    if not slash:
        return name.lower() in _ENVIRONMENT
    if key in _NOTES:
        return False
    return any(domain == known or domain.endswith(f".{known}") for known in _CONTROL_DOMAINS)
