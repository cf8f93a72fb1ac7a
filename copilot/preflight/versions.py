"""API versions that servers no longer answer to, or will not for long. From the upstream deprecation guide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from copilot.diagnosis.steps import change
from copilot.model import Evidence, Finding, Ref, Resource, text
from copilot.preflight import causes
from copilot.preflight.case import Case, written
from retrievers.graph import ResourceGraph

# (group/version, kind) → (minor release of 1.x in which it was removed, what replaced it)
_REMOVED: Mapping[tuple[str, str], tuple[int, str]] = {
    **{("extensions/v1beta1", kind): (16, "apps/v1") for kind in ("Deployment", "DaemonSet", "ReplicaSet")},
    **{(f"apps/{version}", kind): (16, "apps/v1") for version in ("v1beta1", "v1beta2")
       for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision")},
    ("extensions/v1beta1", "NetworkPolicy"): (16, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "Ingress"): (22, "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "Ingress"): (22, "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "IngressClass"): (22, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "PodSecurityPolicy"): (16, "Pod Security Admission"),
    ("policy/v1beta1", "PodSecurityPolicy"): (25, "Pod Security Admission"),
    ("policy/v1beta1", "PodDisruptionBudget"): (25, "policy/v1"),
    ("batch/v1beta1", "CronJob"): (25, "batch/v1"),
    ("batch/v2alpha1", "CronJob"): (21, "batch/v1"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): (25, "autoscaling/v2"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): (26, "autoscaling/v2"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): (25, "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event"): (25, "events.k8s.io/v1"),
    ("node.k8s.io/v1beta1", "RuntimeClass"): (25, "node.k8s.io/v1"),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration"): (22, "admissionregistration.k8s.io/v1"),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration"): (22, "admissionregistration.k8s.io/v1"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"): (22, "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", "APIService"): (22, "apiregistration.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest"): (22, "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", "Lease"): (22, "coordination.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): (22, "scheduling.k8s.io/v1"),
    **{("rbac.authorization.k8s.io/v1beta1", kind): (22, "rbac.authorization.k8s.io/v1")
       for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")},
    **{("storage.k8s.io/v1beta1", kind): (22, "storage.k8s.io/v1") for kind in ("StorageClass", "CSIDriver", "CSINode", "VolumeAttachment")},
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): (27, "storage.k8s.io/v1"),
    **{(f"flowcontrol.apiserver.k8s.io/{version}", kind): (minor, "flowcontrol.apiserver.k8s.io/v1")
       for version, minor in (("v1beta1", 26), ("v1beta2", 29), ("v1beta3", 32))
       for kind in ("FlowSchema", "PriorityLevelConfiguration")},
}  # fmt: skip
_DEPRECATED: Mapping[tuple[str, str], str] = {
    ("v1", "Endpoints"): "discovery.k8s.io/v1 EndpointSlice",
    ("v1", "ComponentStatus"): "the health endpoints of the components",
}
_MINOR = re.compile(r"v?1\.(\d{1,3})")


def is_removed(body: Mapping[str, object]) -> bool:
    """Whether some release of Kubernetes stopped serving this version of the kind."""
    return (text(body, "apiVersion"), text(body, "kind")) in _REMOVED


def find_old_versions(case: Case, graph: ResourceGraph) -> Iterator[Finding]:
    """Manifests of versions that the cluster does not serve any more, or that are deprecated."""
    minor = server_minor(graph)
    for manifest in case.by_ref.values():
        ref, body = manifest.resource.ref, manifest.resource.body
        version = text(body, "apiVersion")
        removed = _REMOVED.get((version, ref.kind))
        proof = (written(manifest, "apiVersion", f"apiVersion: {version}"),)
        if removed is not None and (minor is None or minor >= removed[0]):
            server = f", and the cluster runs 1.{minor}" if minor is not None else ""
            yield _finding(causes.API_REMOVED.id, ref, f"{ref} would be refused: {version} {ref.kind} was removed in Kubernetes 1.{removed[0]}{server}; use {removed[1]}",
                           proof, 0.95 if minor is not None else 0.85)  # fmt: skip
        elif removed is not None:
            yield _finding(
                causes.API_DEPRECATED.id,
                ref,
                f"{ref}: {version} {ref.kind} ends with Kubernetes 1.{removed[0]}; use {removed[1]}",
                proof,
                0.6,
            )
        elif (version, ref.kind) in _DEPRECATED:
            use = _DEPRECATED[version, ref.kind]
            yield _finding(
                causes.API_DEPRECATED.id, ref, f"{ref}: {version} {ref.kind} is deprecated; use {use}", proof, 0.4
            )


def server_minor(graph: ResourceGraph) -> int | None:
    """The cluster's minor version as its newest kubelet tells it (a kubelet is never newer than its API server)."""
    found = [match for node in graph.of_kind("Node") if (match := _kubelet(node)) is not None]
    return max(found, default=None)


def _kubelet(node: Resource) -> int | None:
    match = _MINOR.match(text(node.status, "nodeInfo", "kubeletVersion"))
    return int(match[1]) if match else None


def _finding(cause: str, ref: Ref, title: str, proof: tuple[Evidence, ...], weight: float) -> Finding:
    return Finding(
        cause=cause, object=ref, title=title, evidence=proof, weight=weight, steps=(change("Change apiVersion", ref),)
    )
