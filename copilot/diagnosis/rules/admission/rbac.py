"""Requests the API server forbade for lack of a right: who asked, what for, and which Role or binding is nearest.

Refusals are read from logs, events and conditions; bindings are followed, so that a missing verb and a wrong subject differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.rules.admission.message import Denial, Refusal, parse_refusal
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said, told
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, Ref, Resource, children, text, texts

GROUP = "rbac.authorization.k8s.io"
MAX_LINES = 4000  # newest log lines of a container that are searched
_MARK = "cannot "
_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:\"]+)")

FORBIDDEN = Cause(
    id="rbac.forbidden",
    title="A service account lacks a right",
    kind="Role",
    fields=("log line", "Role.rules", "RoleBinding.subjects", "RoleBinding.roleRef"),
    severity=Severity.OUTAGE,
    steps=("Compare the bindings of the account with the request", "Grant the smallest rule that allows it"),
    citation="staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go",
)
DANGLING = Cause(
    id="rbac.binding_dangling",
    title="A role binding names a role or an account that does not exist",
    kind="RoleBinding",
    fields=("RoleBinding.roleRef", "RoleBinding.subjects"),
    severity=Severity.DEGRADED,
    steps=("Correct the binding",),
    citation="plugin/pkg/auth/authorizer/rbac/rbac.go",
)


class Ask(msgspec.Struct, frozen=True):
    """One forbidden request of one account."""

    account: Ref
    verb: str
    resource: str
    group: str
    namespace: str

    def __str__(self) -> str:
        """`list pods in namespace shop`."""
        name = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {name}" + (
            f" in namespace {self.namespace}" if self.namespace else " in the whole cluster"
        )


def find_forbidden(view: View) -> Iterator[Finding]:
    """One finding for each account and right that it lacks, where an ill pod or an event says so."""
    found: dict[Ask, tuple[Evidence, set[Ref]]] = {}
    for refusal, evidence, victim in _refusals(view):
        ask = _ask(refusal)
        if ask is not None:
            found.setdefault(ask, (evidence, set()))[1].add(victim)
    for ask, (evidence, victims) in found.items():
        yield _explain(view, ask, evidence, sorted(victims))


def _refusals(view: View) -> Iterator[tuple[Refusal, Evidence, Ref]]:
    for pod in view.troubled:
        for log in view.logs(pod.ref):
            if "forbidden" not in log.text:
                continue
            lines = log.text.splitlines()
            for number in range(len(lines) - 1, max(-1, len(lines) - MAX_LINES), -1):
                if _MARK in lines[number] and "forbidden" in lines[number]:
                    refusal = parse_refusal(lines[number].replace('\\"', '"'))
                    if refusal is not None and refusal.denial is Denial.FORBIDDEN:
                        yield refusal, logged(log, number + 1, lines[number][:400]), pod.ref
                        break
    for event in view.all_events:
        if _MARK in event.message and "forbidden" in event.message:
            refusal = parse_refusal(event.message)
            if refusal is not None and refusal.denial is Denial.FORBIDDEN:
                yield refusal, told(event), event.ref


def _ask(refusal: Refusal) -> Ask | None:
    account = _ACCOUNT.search(refusal.who)
    if account is None:
        return None
    return Ask(
        Ref("ServiceAccount", account[1], account[2]), refusal.verb, refusal.resource, refusal.group, refusal.namespace
    )


def _explain(view: View, ask: Ask, evidence: Evidence, victims: list[Ref]) -> Finding:
    bound, dangling, wrong = _bindings(view, ask)
    doubts: tuple[str, ...] = (
        () if view.was_read("RoleBinding", ask.account.namespace) else ("role bindings were not read",)
    )
    proof = [evidence]
    cause, ref, weight = FORBIDDEN, ask.account, 0.8
    why = f"no Role bound to ServiceAccount {ask.account.path} allows it"
    if dangling:
        cause, ref, weight = DANGLING, dangling[0].ref, 0.93
        name = text(dangling[0].body, "roleRef", "name")
        why = f"its {dangling[0].ref} names {text(dangling[0].body, 'roleRef', 'kind')} {name}, which does not exist"
        proof.append(said(dangling[0], "roleRef", f"roleRef = {name}"))
    elif wrong:
        ref, weight = wrong[0].ref, 0.88
        subjects = [
            f"{text(s, 'kind')} {text(s, 'namespace') or wrong[0].ref.namespace}/{text(s, 'name')}"
            for s in children(wrong[0].body, "subjects")
        ]
        why = f"{wrong[0].ref} hands out a Role that allows it, but to {listed(subjects) or 'nobody'}"
        proof.append(said(wrong[0], "subjects", f"subjects: {listed(subjects) or 'none'}"))
    elif bound:
        ref, weight = bound[0].ref, 0.9
        why = f"{bound[0].ref}, which is bound to it, has no such rule"
        proof.append(said(bound[0], "rules", f"rules: {_rules_text(bound[0])}"))
    owners = [view.graph.top_owner(victim) for victim in victims]
    return Finding(
        cause=cause.id,
        object=ref,
        title=f"RBAC: ServiceAccount {ask.account.path} is forbidden to {ask}: {why}",
        evidence=tuple(proof),
        explains=tuple(dict.fromkeys((*victims, *owners))),
        weight=weight,
        steps=(
            describe(ref),
            read(
                "Ask the API server",
                f"kubectl auth can-i {ask.verb} {ask.resource}{f' -n {ask.namespace}' if ask.namespace else ' -A'} --as=system:serviceaccount:{ask.account.namespace}:{ask.account.name}",
            ),
            change(f"Allow verb {ask.verb} on {ask.resource} (apiGroup {ask.group or 'core'}) and nothing more", ref),
        ),
        doubts=doubts,
    )


def _bindings(view: View, ask: Ask) -> tuple[list[Resource], list[Resource], list[Resource]]:
    """Roles bound to the account; its bindings whose role is missing; bindings of a sufficient role to another subject."""
    bound: list[Resource] = []
    dangling: list[Resource] = []
    wrong: list[Resource] = []
    kinds = [("RoleBinding", ask.namespace or ask.account.namespace), ("ClusterRoleBinding", None)]
    for kind, space in kinds:
        for binding in view.graph.of_kind(kind, space, group=GROUP):
            role = _role_of(view, binding)
            mine = any(
                _is_subject(subject, ask.account, binding.ref.namespace)
                for subject in children(binding.body, "subjects")
            )
            if mine and role is None:
                kind_named = text(binding.body, "roleRef", "kind")
                if view.was_read(kind_named, binding.ref.namespace if kind_named == "Role" else ""):
                    dangling.append(binding)
            elif mine and role is not None:
                bound.append(role)
            elif role is not None and _allows(role, ask) and _resembles(binding, ask):
                wrong.append(binding)
    bound.sort(key=lambda role: (not _mentions(role, ask), role.ref.kind != "Role", role.ref))
    return [role for role in bound if not role.ref.name.startswith("system:")], dangling, wrong


def _role_of(view: View, binding: Resource) -> Resource | None:
    kind, name = text(binding.body, "roleRef", "kind"), text(binding.body, "roleRef", "name")
    return view.graph.get(Ref(kind, binding.ref.namespace if kind == "Role" else "", name, GROUP))


def _is_subject(subject: Mapping[str, object], account: Ref, namespace: str) -> bool:
    name = text(subject, "name")
    if text(subject, "kind") == "ServiceAccount":
        return name == account.name and (text(subject, "namespace") or namespace) == account.namespace
    return name in (
        "system:serviceaccounts",
        f"system:serviceaccounts:{account.namespace}",
        "system:authenticated",
        f"system:serviceaccount:{account.namespace}:{account.name}",
    )


def _allows(role: Resource, ask: Ask) -> bool:
    return any(
        {ask.verb, "*"} & set(texts(rule, "verbs"))
        and {ask.resource, "*"} & set(texts(rule, "resources"))
        and {ask.group, "*"} & set(texts(rule, "apiGroups"))
        for rule in children(role.body, "rules")
    )


def _mentions(role: Resource, ask: Ask) -> bool:
    return any(ask.resource in texts(rule, "resources") for rule in children(role.body, "rules"))


def _resembles(binding: Resource, ask: Ask) -> bool:
    """A binding meant for the account: it names an account of the same name, or one of the same namespace."""
    return not binding.ref.name.startswith("system:") and any(
        text(subject, "name") == ask.account.name
        or (text(subject, "kind") == "ServiceAccount" and text(subject, "namespace") in (ask.account.namespace, ""))
        for subject in children(binding.body, "subjects")
    )


def _rules_text(role: Resource) -> str:
    rules = [
        f"{'/'.join(texts(rule, 'verbs'))} {'/'.join(texts(rule, 'resources'))}"
        for rule in children(role.body, "rules")
    ]
    return listed(rules, 4) or "none"


RULES: tuple[Rule, ...] = (Rule(find=find_forbidden, causes=(FORBIDDEN, DANGLING)),)
