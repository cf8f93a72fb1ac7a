"""Secrets that do not exist because what should make them is not well: a Certificate, an ExternalSecret, a SealedSecret.

Who needs the Secret suffers; the resource that makes it, or what that one waits for, is the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.rules.custom.complaint import complaints_of_custom, is_custom
from copilot.diagnosis.steps import describe, show
from copilot.diagnosis.view import View, said
from copilot.model import Finding, Ref, Resource, mapping, text
from retrievers.graph import EdgeKind

NOT_MADE = Cause(
    id="custom.secret_not_made",
    title="What should make a Secret has not made it",
    kind="any",
    fields=("spec.secretName", "spec.target.name", "status.conditions"),
    yields=True,
    brings_about=("pod.create.secret_missing", "pod.mount.secret_missing", "ingress.tls_secret", "pod.create.key_missing"),
    steps=("Read the conditions of the resource that makes the Secret", "Look at the issuer or store it names"),
    citation="cert-manager Certificate spec.secretName; external-secrets ExternalSecret spec.target.name",
)  # fmt: skip


def find_unmade_secrets(view: View) -> Iterator[Finding]:
    """Resources that complain and would make a Secret which is missing and needed."""
    for ref, complaint in complaints_of_custom(view).items():
        resource = view.graph.get(ref)
        made = _makes(resource) if resource is not None and ref.namespace else None
        if resource is None or made is None or not view.was_read("Secret", ref.namespace):
            continue
        secret = Ref("Secret", ref.namespace, made)
        users = [edge.source for edge in view.graph.into(secret) if not is_custom(edge.source)]
        if view.graph.get(secret) is not None or not users:
            continue
        yield Finding(
            cause=NOT_MADE.id, object=ref, title=f"{ref} has not made {secret}, which {_needs(view, users)} needs: {complaint}",
            evidence=(said(resource, complaint.path, f"{ref}: {complaint}"), said(resource, "spec", f"it makes {secret}, which does not exist")),
            explains=tuple(dict.fromkeys(users)), weight=0.72, since=complaint.since, steps=(describe(ref), show(ref)),
            points_to=(*view.graph.children(ref), *(edge.target for edge in view.graph.out(ref, EdgeKind.REFERENCES) if is_custom(edge.target))),
        )  # fmt: skip


def _needs(view: View, users: list[Ref]) -> Ref:
    return view.graph.top_owner(users[0])


def _makes(resource: Resource) -> str | None:
    """The name of the Secret that a resource makes: by its template, its target, or its own name where it is one of Secrets."""
    spec: Mapping[str, object] = resource.spec
    target = mapping(spec, "target")
    if "secretStoreRef" in spec or target.get("creationPolicy"):
        return text(target, "name") or resource.ref.name
    if "secretName" in spec and ("issuerRef" in spec or "dnsNames" in spec):
        return text(spec, "secretName")
    if resource.ref.kind.endswith("Secret"):
        return text(spec, "template", "metadata", "name") or resource.ref.name
    return None


RULES: tuple[Rule, ...] = (Rule(find=find_unmade_secrets, causes=(NOT_MADE,)),)
