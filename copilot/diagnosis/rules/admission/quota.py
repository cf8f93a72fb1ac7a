"""ResourceQuota refusals: which limit of which namespace is full, by how much, and who holds it.

The numbers come from the quota and the pods; the API server's text only names the quota.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.rules.admission.message import Denial
from copilot.diagnosis.rules.admission.record import Denied, evidence_of, explained, lacks, since_of
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, said
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Evidence, Finding, Ref, Resource, children, mapping, parse_quantity, text
from copilot.model.quantity import format_amount

QUOTA_EXCEEDED = Cause(
    id="quota.exceeded",
    title="A namespace's ResourceQuota is full",
    kind="ResourceQuota",
    fields=("ResourceQuota.status.hard", "ResourceQuota.status.used", "event FailedCreate"),
    steps=("Look at who holds the quota", "Raise the quota, or lower what its holders request"),
    citation="pkg/quota plugin/pkg/admission/resourcequota/controller.go: exceeded quota",
)
QUOTA_UNSPECIFIED = Cause(
    id="quota.must_specify",
    title="A ResourceQuota demands requests or limits that the pods do not set",
    kind="Deployment",
    fields=("ResourceQuota.spec.hard", "spec.template.spec.containers[].resources"),
    steps=("Set the missing requests or limits in the template", "Or give the namespace a LimitRange with defaults"),
    citation="plugin/pkg/admission/resourcequota/controller.go: must specify",
)
QUOTA_UNKNOWN = Cause(
    id="quota.unknown",
    title="A ResourceQuota's use is not computed yet",
    kind="ResourceQuota",
    fields=("ResourceQuota.status.used",),
    steps=("Check that the controller manager runs",),
    yields=True,
    citation="plugin/pkg/admission/resourcequota/controller.go: status unknown for quota",
)
QUOTA_CAUSES = (QUOTA_EXCEEDED, QUOTA_UNSPECIFIED, QUOTA_UNKNOWN)

_BARE = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage"}


def quota_full(view: View, group: Sequence[Denied]) -> Iterator[Finding]:
    """Explain refusals by one quota."""
    first = group[0]
    ref = Ref("ResourceQuota", first.namespace, first.refusal.name)
    quota = view.graph.get(ref)
    if first.refusal.denial is Denial.QUOTA_UNKNOWN:
        yield Finding(
            cause=QUOTA_UNKNOWN.id,
            object=ref,
            title=f"ResourceQuota {ref.name} in namespace {ref.namespace} has no computed use yet, so writes are refused",
            evidence=evidence_of(group),
            explains=explained(group),
            weight=0.6,
            since=since_of(group),
            steps=(describe(ref),),
        )
        return
    wanted = {name: amount for denied in group for name, amount in denied.refusal.wanted.items()}
    full = {name: (_used(first, quota, name), _hard(first, quota, name), amount) for name, amount in wanted.items()}
    over = {name: row for name, row in full.items() if row[0] + row[2] > row[1]}
    doubts = () if over else ("the quota has room for the refused request now: the controller has not retried yet",)
    yield _full(view, ref, quota, over or full, group, weight=0.95 if over else 0.45, doubts=doubts)


def _used(denied: Denied, quota: Resource | None, name: str) -> Fraction:
    value = parse_quantity(mapping(quota.status, "used").get(name)) if quota else None
    return value if value is not None else denied.refusal.used.get(name, Fraction(0))


def _hard(denied: Denied, quota: Resource | None, name: str) -> Fraction:
    if quota:
        for hard in (mapping(quota.status, "hard"), mapping(quota.spec, "hard")):
            value = parse_quantity(hard.get(name))
            if value is not None:
                return value
    return denied.refusal.limits.get(name, Fraction(0))


def _full(
    view: View,
    ref: Ref,
    quota: Resource | None,
    over: Mapping[str, tuple[Fraction, Fraction, Fraction]],
    group: Sequence[Denied],
    *,
    weight: float,
    doubts: tuple[str, ...],
) -> Finding:
    amounts = "; ".join(
        f"{name} {format_amount(name, used)} of {format_amount(name, hard)} used, {format_amount(name, wanted)} more requested"
        for name, (used, hard, wanted) in sorted(over.items())
    )
    proof: list[Evidence] = []
    if quota is not None:
        for name, (used, hard, _) in sorted(over.items()):
            proof.append(
                said(
                    quota,
                    f"status.used[{name}]",
                    f"{name}: used {format_amount(name, used)}, hard {format_amount(name, hard)}",
                )
            )
    for name in sorted(over):
        top = holders(view, ref.namespace, name)
        if top:
            shares = listed([f"{owner.kind} {owner.name} {format_amount(name, amount)}" for owner, amount in top])
            proof.append(Evidence(object=ref, path=f"use of {name}", text=f"{name} is held by {shares}", source=""))
    return Finding(
        cause=QUOTA_EXCEEDED.id,
        object=ref,
        title=f"ResourceQuota {ref.name} of namespace {ref.namespace} is full: {amounts}",
        evidence=(*evidence_of(group, 2), *proof),
        explains=explained(group),
        weight=weight,
        since=since_of(group),
        steps=(
            describe(ref),
            read(
                "List the pods that hold the quota",
                f"kubectl get pods -n {ref.namespace} --sort-by=.metadata.creationTimestamp",
            ),
            change("Raise the quota (its owner decides), or lower requests or replicas of its holders", ref),
        ),
        doubts=doubts,
    )


def holders(view: View, namespace: str, resource: str) -> list[tuple[Ref, Fraction]]:
    """Who holds how much of a quota's resource, most first: workloads for pods, objects themselves otherwise."""
    held: dict[Ref, Fraction] = defaultdict(Fraction)
    name = _BARE.get(resource, resource)
    kind = {"services": "Service", "persistentvolumeclaims": "PersistentVolumeClaim", "configmaps": "ConfigMap"}.get(
        name, ""
    )
    if kind:
        return [(item.ref, Fraction(1)) for item in view.graph.of_kind(kind, namespace)]
    if name == "requests.storage":
        for claim in view.graph.of_kind("PersistentVolumeClaim", namespace):
            amount = parse_quantity(mapping(claim.spec, "resources", "requests").get("storage"))
            held[claim.ref] += amount or 0
    elif name == "pods" or name.partition(".")[0] in ("requests", "limits"):
        for pod in view.graph.of_kind("Pod", namespace):
            if text(pod.status, "phase") not in ("Succeeded", "Failed"):
                held[view.graph.top_owner(pod.ref)] += pod_amount(pod.spec, name)
    return sorted(((ref, amount) for ref, amount in held.items() if amount), key=lambda pair: (-pair[1], pair[0]))


def pod_amount(spec: Mapping[str, Any], resource: str) -> Fraction:
    """What one pod counts for against a quota's resource: the sum of its containers, or its largest init container."""
    if resource in ("pods", "count/pods"):
        return Fraction(1)
    section, _, name = _BARE.get(resource, resource).partition(".")

    def of(container: Mapping[str, Any]) -> Fraction:
        resources = mapping(container, "resources")
        amount = parse_quantity(mapping(resources, section).get(name))
        if amount is None and section == "requests":
            amount = parse_quantity(mapping(resources, "limits").get(name))
        return amount or Fraction(0)

    total = sum((of(container) for container in children(spec, "containers")), Fraction(0))
    return max([total, *(of(container) for container in children(spec, "initContainers"))])


def quota_silent(view: View, known: set[tuple[str, str]]) -> Iterator[Finding]:
    """Find a full quota behind a workload that lacks pods although no refusal was seen (events expire)."""
    quotas = [q for q in view.graph.of_kind("ResourceQuota", group="") if (q.ref.name, q.ref.namespace) not in known]
    if not quotas:
        return
    short = [w for w in view.workloads("ReplicaSet", "StatefulSet", "Job", "DaemonSet") if lacks(view, w.ref)]
    for quota in quotas:
        if quota.spec.get("scopes") or quota.spec.get("scopeSelector"):
            continue
        for workload in short:
            over = _would_exceed(view, quota, workload) if workload.ref.namespace == quota.ref.namespace else {}
            if over:
                yield _silent(view, quota, workload, over)


def _would_exceed(view: View, quota: Resource, workload: Resource) -> dict[str, tuple[Fraction, Fraction, Fraction]]:
    spec = view.template(workload.ref)
    over = {}
    for name, value in mapping(quota.status, "hard").items():
        hard, used = parse_quantity(value), parse_quantity(mapping(quota.status, "used").get(name))
        amount = (
            pod_amount(spec, name)
            if name == "pods" or name.partition(".")[0] in ("requests", "limits", "cpu", "memory")
            else Fraction(0)
        )
        if hard is not None and used is not None and amount and used + amount > hard:
            over[name] = (used, hard, amount)
    return over


def _silent(
    view: View, quota: Resource, workload: Resource, over: Mapping[str, tuple[Fraction, Fraction, Fraction]]
) -> Finding:
    owner = view.graph.top_owner(workload.ref)
    finding = _full(
        view,
        quota.ref,
        quota,
        over,
        (),
        weight=0.8,
        doubts=("no refusal was seen: events have expired or were not read",),
    )
    lacking = said(workload, "status", f"{workload.ref} has fewer pods than it wants")
    return Finding(
        cause=finding.cause,
        object=finding.object,
        title=finding.title,
        evidence=(lacking, *finding.evidence),
        explains=(workload.ref, owner),
        weight=finding.weight,
        steps=finding.steps,
        doubts=finding.doubts,
    )


def quota_unspecified(view: View, group: Sequence[Denied]) -> Iterator[Finding]:
    """Explain a workload whose pods do not set what a quota counts."""
    first = group[0]
    owner, quota = first.owner, Ref("ResourceQuota", first.namespace, first.refusal.name)
    demanded, containers = _missing(first.refusal.detail)
    spec = view.template(owner) or view.template(first.victim)
    bare = containers or [
        text(c, "name") for c in children(spec, "containers") if any(not _sets(c, name) for name in demanded)
    ]
    names = listed(demanded) or "requests or limits"
    proof = list(evidence_of(group, 1))
    resource = view.graph.get(quota)
    if resource is not None:
        proof.append(
            said(resource, "spec.hard", f"ResourceQuota {quota.name} counts {names}, so every container must set it")
        )
    target = view.graph.get(owner)
    if target is not None and bare:
        proof.append(
            said(
                target,
                "spec.template.spec.containers[].resources",
                f"no {names} in {plural(len(bare), 'container')}: {listed(bare)}",
            )
        )
    yield Finding(
        cause=QUOTA_UNSPECIFIED.id,
        object=owner,
        title=f"ResourceQuota {quota.name} demands {names} on every container, and {owner.kind} {owner.name} sets none"
        + (f" on container {listed(bare)}" if bare else ""),
        evidence=tuple(proof),
        explains=explained(group),
        weight=0.95,
        since=since_of(group),
        steps=(
            describe(quota),
            read("See whether a LimitRange gives defaults", f"kubectl get limitrange -n {quota.namespace} -o yaml"),
            change(f"Set {names} in the template of {owner}", owner),
        ),
    )


def _missing(detail: str) -> tuple[list[str], list[str]]:
    """`limits.cpu for: web,log; limits.memory` as resources and containers."""
    resources, containers = [], []
    for part in detail.split(";"):
        names, _, where = part.partition(" for:")
        resources += [name.strip() for name in names.split(",") if name.strip()]
        containers += [name.strip() for name in where.split(",") if name.strip()]
    return list(dict.fromkeys(resources)), list(dict.fromkeys(containers))


def _sets(container: Mapping[str, Any], resource: str) -> bool:
    section, _, name = _BARE.get(resource, resource).partition(".")
    return name in mapping(container, "resources", section)
