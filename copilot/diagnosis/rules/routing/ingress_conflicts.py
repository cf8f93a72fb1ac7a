"""Ingresses that claim the same host and path for different backends: a controller serves one of them and drops the other."""

from __future__ import annotations

from collections.abc import Iterator

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said, told
from copilot.model import Finding, Resource, children, text
from copilot.model.moment import EPOCH

CONFLICT = Cause(
    id="ingress.conflict", title="Two Ingresses claim the same host and path", kind="Ingress", severity=Severity.DEGRADED,
    fields=("spec.rules[].host", "spec.rules[].http.paths[].path"), steps=("Give one of them another host or path",), citation="kubernetes/ingress-nginx internal/ingress/controller",
)  # fmt: skip


def find_conflicts(view: View) -> Iterator[Finding]:
    """The younger of two Ingresses of one class with the same host and path."""
    taken: dict[tuple[str, str, str, str], tuple[Resource, str]] = {}
    for ingress in sorted(
        view.graph.of_kind("Ingress", group="networking.k8s.io"), key=lambda i: (i.created or EPOCH, i.ref)
    ):
        if any("canary" in str(key) for key in ingress.annotations) or ingress.deleted is not None:
            continue
        for host, path, kind, backend in _claims(ingress):
            key = (text(ingress.spec, "ingressClassName"), host, path, kind)
            first, served = taken.setdefault(key, (ingress, backend))
            if first is not ingress and served != backend:
                yield _finding(view, ingress, first, host, path)
                break


def _claims(ingress: Resource) -> Iterator[tuple[str, str, str, str]]:
    for rule in children(ingress.spec, "rules"):
        for path in children(rule, "http", "paths"):
            service = text(path, "backend", "service", "name")
            yield (
                text(rule, "host"),
                text(path, "path") or "/",
                text(path, "pathType"),
                f"{ingress.ref.namespace}/{service}",
            )


def _finding(view: View, ingress: Resource, first: Resource, host: str, path: str) -> Finding:
    warnings = [event for event in view.events(ingress.ref) if event.type == "Warning"]
    return Finding(
        cause=CONFLICT.id, object=ingress.ref, title=f"{ingress.ref} claims host {host or '*'} and path {path}, which {first.ref} already has with another backend",
        evidence=(said(ingress, "spec.rules[]", f"host {host or '*'}, path {path}"), said(first, "spec.rules[]", f"{first.ref} has the same host and path"), *(told(event) for event in warnings[-1:])),
        weight=0.82 if warnings else 0.45, steps=(describe(first.ref), change(f"Give {ingress.ref} another host or path", ingress.ref)),
    )  # fmt: skip


RULES = (Rule(find=find_conflicts, causes=(CONFLICT,)),)
