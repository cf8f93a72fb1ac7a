"""Edges of autoscaling, quotas, RBAC, service accounts and admission policies. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.model import Ref, Resource, child, children, text
from retrievers.graph.edge import Edge, EdgeKind
from retrievers.graph.edges.ownership import object_ref

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"


def edges_of_autoscaler(resource: Resource) -> Iterator[Edge]:
    """The workload an HPA scales."""
    target = object_ref(child(resource.spec, "scaleTargetRef"), resource.ref.namespace)
    if target is not None:
        yield Edge(resource.ref, EdgeKind.SCALES, target, "spec.scaleTargetRef")


def edges_of_namespace_limits(resource: Resource) -> Iterator[Edge]:
    """The namespace a ResourceQuota or LimitRange governs: one edge, whatever the namespace holds."""
    if namespace := resource.ref.namespace:
        yield Edge(resource.ref, EdgeKind.GOVERNS, Ref("Namespace", "", namespace), "metadata.namespace")


def edges_of_binding(resource: Resource) -> Iterator[Edge]:
    """The role a (Cluster)RoleBinding hands out, and the subjects it is given to."""
    namespace = resource.ref.namespace
    role = child(resource.body, "roleRef")
    if (kind := text(role, "kind")) and (name := text(role, "name")):
        scope = namespace if kind == "Role" else ""
        yield Edge(resource.ref, EdgeKind.BINDS, Ref(kind, scope, name, _RBAC), "roleRef")
    for index, subject in enumerate(children(resource.body, "subjects")):
        kind, name = text(subject, "kind"), text(subject, "name")
        if kind == "ServiceAccount" and name:
            target = Ref(kind, text(subject, "namespace") or namespace, name)
            yield Edge(resource.ref, EdgeKind.GRANTS, target, f"subjects[{index}]", certain=False)
        elif kind in ("User", "Group") and name:
            yield Edge(resource.ref, EdgeKind.GRANTS, Ref(kind, "", name), f"subjects[{index}]")


def edges_of_service_account(resource: Resource) -> Iterator[Edge]:
    """Secrets of the account. Pods inherit its pull secrets; neither list makes a pod fail when a name is stale."""
    for field in ("imagePullSecrets", "secrets"):
        for index, secret in enumerate(children(resource.body, field)):
            if name := text(secret, "name"):
                yield Edge(resource.ref, EdgeKind.REFERENCES, Ref("Secret", resource.ref.namespace, name),
                           f"{field}[{index}].name", optional=True)  # fmt: skip


def edges_of_policy_binding(resource: Resource) -> Iterator[Edge]:
    """The admission policy a binding puts into force, and its parameters."""
    policy = resource.ref.kind.removesuffix("Binding")
    if name := text(resource.spec, "policyName"):
        yield Edge(resource.ref, EdgeKind.BINDS, Ref(policy, "", name, _ADMISSION), "spec.policyName")


def edges_of_flow_schema(resource: Resource) -> Iterator[Edge]:
    """The priority level its requests are queued in."""
    if name := text(resource.spec, "priorityLevelConfiguration", "name"):
        target = Ref("PriorityLevelConfiguration", "", name, resource.ref.group)
        yield Edge(resource.ref, EdgeKind.USES, target, "spec.priorityLevelConfiguration.name")
