"""Rights as the RBAC authorizer sees them: bindings, roles, aggregation, wildcards, resource names, subresources, groups. Pure.

Upstream: plugin/pkg/auth/authorizer/rbac/rbac.go, pkg/registry/rbac/validation/rule.go. RBAC only adds rights. Rights from
other authorizers (node, webhook, cloud) are not seen here, nor is it known which people are in which group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from copilot.model import Ref, Resource, children, mapping, text, texts
from retrievers.graph import ResourceGraph
from retrievers.graph.selectors import parse_label_selector

GROUP = "rbac.authorization.k8s.io"
KINDS = ("ClusterRoleBinding", "RoleBinding", "ClusterRole", "Role")
_ANY = "*"
# What the API server itself keeps so (plugin/pkg/auth/authorizer/rbac/bootstrappolicy), for sources that leave it out.
_BUILT_IN: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "cluster-admin": ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},)
}
_READ = ("get", "list", "watch")


class Subject(msgspec.Struct, frozen=True, order=True):
    """A user, group or service account, as a binding names it."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        """`ServiceAccount shop/web`, `User ana`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def identities(self) -> tuple[Subject, ...]:
        """The names under which bindings may reach it: itself and the groups that everybody of its kind is in."""
        if self.kind == "ServiceAccount":
            return (
                self,
                Subject("User", f"system:serviceaccount:{self.namespace}:{self.name}"),
                Subject("Group", "system:serviceaccounts"),
                Subject("Group", f"system:serviceaccounts:{self.namespace}"),
                Subject("Group", "system:authenticated"),
            )
        everyone = "system:unauthenticated" if self.name == "system:anonymous" else "system:authenticated"
        return (self, Subject("Group", everyone))


class Request(msgspec.Struct, frozen=True):
    """What somebody may want to do. `verbs` are alternatives; `resource` may carry a subresource (`pods/log`).

    `namespace` None asks about the whole cluster, `name` "" about every object.
    """

    verbs: tuple[str, ...]
    group: str
    resource: str
    namespace: str | None = None
    name: str = ""

    def __str__(self) -> str:
        """`delete pods in namespace shop`."""
        where = f" in namespace {self.namespace}" if self.namespace else " in the whole cluster"
        what = f"{self.resource}{f'.{self.group}' if self.group else ''}" + (f" {self.name}" if self.name else "")
        return f"{' or '.join(self.verbs)} {what}{where}"


class Grant(msgspec.Struct, frozen=True, eq=False):
    """A role handed to subjects. `namespace` "" means the whole cluster; `role` is None where it was not read."""

    binding: Resource
    role: Resource | None
    role_ref: Ref
    namespace: str
    subjects: tuple[Subject, ...]
    rules: tuple[Mapping[str, Any], ...]

    def names(self, request: Request) -> list[str] | None:
        """None: it does not allow the request. Empty: for every object. Else the object names it is limited to."""
        limited: list[str] = []
        if self.namespace and request.namespace != self.namespace:
            return None
        for rule in self.rules:
            if not _covers(rule, request):
                continue
            only = texts(rule, "resourceNames")
            if not only or (request.name and request.name in only):
                return []
            limited += only if not request.name else []
        return list(dict.fromkeys(limited)) or None


def _covers(rule: Mapping[str, Any], request: Request) -> bool:
    verbs, groups, resources = texts(rule, "verbs"), texts(rule, "apiGroups"), texts(rule, "resources")
    _, slash, sub = request.resource.partition("/")
    fitting = (request.resource, _ANY, f"*/{sub}") if slash else (request.resource, _ANY)
    return (
        any(verb in verbs or _ANY in verbs for verb in request.verbs)
        and (request.group in groups or _ANY in groups)
        and any(one in resources for one in fitting)
    )


def grants(graph: ResourceGraph, namespace: str | None = None) -> list[Grant]:
    """Every binding that counts in a namespace (or, without one, everywhere), by name."""
    found = [*graph.of_kind("ClusterRoleBinding", group=GROUP), *graph.of_kind("RoleBinding", namespace, GROUP)]
    return [_grant(graph, binding) for binding in found]


def _grant(graph: ResourceGraph, binding: Resource) -> Grant:
    kind, name = text(binding.body, "roleRef", "kind"), text(binding.body, "roleRef", "name")
    ref = Ref(kind, binding.ref.namespace if kind == "Role" else "", name, GROUP)
    role = graph.get(ref)
    rules = (
        tuple(rules_of(graph, role)) if role is not None else _BUILT_IN.get(name, ()) if kind == "ClusterRole" else ()
    )
    subjects = tuple(
        Subject(
            text(entry, "kind"),
            text(entry, "name"),
            (text(entry, "namespace") or binding.ref.namespace) if text(entry, "kind") == "ServiceAccount" else "",
        )
        for entry in children(binding.body, "subjects")
    )
    return Grant(binding, role, ref, binding.ref.namespace, subjects, rules)


def rules_of(graph: ResourceGraph, role: Resource) -> Iterator[Mapping[str, Any]]:
    """The rules of a role. An aggregated one's are those of the ClusterRoles it selects: its own may not be filled yet."""
    yield from children(role.body, "rules")
    selectors = [
        parse_label_selector(dict(entry)) for entry in children(role.body, "aggregationRule", "clusterRoleSelectors")
    ]
    if role.ref.kind != "ClusterRole" or not selectors:
        return
    for other in graph.of_kind("ClusterRole", group=GROUP):
        if other.ref != role.ref and any(one is not None and one.matches(other.labels) for one in selectors):
            yield from children(other.body, "rules")


def reaching(found: list[Grant], subject: Subject) -> list[tuple[Grant, Subject]]:
    """The grants that reach a subject, each with the name under which it does."""
    identities = subject.identities()
    return [
        (grant, mine)
        for grant in found
        for mine in [next((identity for identity in identities if identity in grant.subjects), None)]
        if mine is not None
    ]


def rule_text(rule: Mapping[str, Any]) -> str:
    """`get/list secrets`, with the names it is limited to."""
    urls = texts(rule, "nonResourceURLs")
    what = ", ".join(urls) if urls else ", ".join(_resource_words(rule))
    only = texts(rule, "resourceNames")
    verbs = texts(rule, "verbs")
    return f"{'/'.join('every verb' if verb == _ANY else verb for verb in verbs)} on {what}" + (
        f" (only {', '.join(only)})" if only else ""
    )


def _resource_words(rule: Mapping[str, Any]) -> list[str]:
    groups = [group for group in texts(rule, "apiGroups") if group not in ("", _ANY)]
    suffix = f".{groups[0]}" if len(groups) == 1 else ""
    return ["every resource" if one == _ANY else f"{one}{suffix}" for one in texts(rule, "resources")] or ["nothing"]


def known_subjects(found: list[Grant]) -> dict[str, Subject]:
    """Users and groups that some binding names, by lower-case name."""
    return {
        subject.name.lower(): subject
        for grant in found
        for subject in grant.subjects
        if subject.kind in ("User", "Group")
    }


def is_aggregated(role: Resource) -> bool:
    """Whether a role is put together from others."""
    return bool(mapping(role.body, "aggregationRule"))


READ_VERBS = _READ
