"""Certificate requests of kubelets that nobody answers: a node that cannot join, or one whose logs and metrics nobody can read.

A request that is a few minutes old waits for its controller, and is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said
from copilot.diagnosis.words import plural, read
from copilot.model import Evidence, Finding, Ref, Resource, age_text, text

CERTIFICATES = "certificates.k8s.io"
UNSIGNED = Cause(
    id="node.cert",
    title="A kubelet's certificate request is not approved",
    kind="CertificateSigningRequest",
    fields=("CertificateSigningRequest.spec.signerName", "CertificateSigningRequest.status.conditions"),
    severity=Severity.DEGRADED,
    steps=("List the requests and compare each with its node", "Approve it, or repair the approver"),
    citation="pkg/apis/certificates/types.go",
)
_SIGNERS = {
    "kubernetes.io/kubelet-serving": "so its logs, exec and metrics are refused (TLS)",
    "kubernetes.io/kube-apiserver-client-kubelet": "so the node cannot join",
}
PATIENCE = timedelta(minutes=10)  # approvers answer within seconds
_TLS = re.compile(r":10250/\S*.{0,120}(?:tls: internal error|x509: |certificate)", re.IGNORECASE)
MAX_LINES = 300


def find_unsigned(view: View) -> Iterator[Finding]:
    """One finding for each signer and answer: all nodes that wait for it."""
    groups: dict[tuple[str, str], list[Resource]] = {}
    for request in view.graph.of_kind("CertificateSigningRequest", group=CERTIFICATES):
        signer = text(request.spec, "signerName")
        state = _state(request)
        waited = request.created is not None and view.timed and view.now - request.created > PATIENCE
        if signer in _SIGNERS and state and (waited or state != "Pending"):
            groups.setdefault((signer, state), []).append(request)
    for (signer, state), requests in groups.items():
        yield _finding(view, signer, state, sorted(requests, key=lambda request: request.ref))


def _state(request: Resource) -> str:
    """Pending, Denied or Failed; empty once it is approved."""
    for kind in ("Denied", "Failed", "Approved"):
        if text(condition(request, kind), "status") == "True":
            return "" if kind == "Approved" else kind
    return "Pending" if "certificate" not in request.status else ""


def _finding(view: View, signer: str, state: str, requests: Sequence[Resource]) -> Finding:
    first = requests[0]
    nodes = dict.fromkeys(text(request.spec, "username").removeprefix("system:node:") for request in requests)
    who = [name for name in nodes if name and ":" not in name]
    proof, hurt = _felt(view) if signer.endswith("serving") else ((), ())
    age = f" for {age_text((view.now - first.created).total_seconds())}" if first.created and state == "Pending" else ""
    about = f" of node {who[0]}" if len(who) == 1 else f" of {plural(len(who), 'node')}" if who else ""
    return Finding(
        cause=UNSIGNED.id,
        object=first.ref,
        title=f"{plural(len(requests), 'certificate request')}{about} for {signer} {'is' if len(requests) == 1 else 'are'} {state}{age}, {_SIGNERS[signer]}",
        evidence=(
            said(first, "spec.signerName", f"{first.ref}: {signer} asked for by {text(first.spec, 'username')}"),
            said(first, "status.conditions", f"{first.ref} is {state}: no condition Approved"),
            *proof,
        ),
        explains=(*(request.ref for request in requests[1:]), *(Ref("Node", "", name) for name in who), *hurt),
        weight=0.9 if proof or state != "Pending" else 0.7,
        since=first.created,
        steps=(
            read("List the requests", "kubectl get certificatesigningrequests"),
            describe(first.ref),
            change("Approve it once it is known to be the node's own", first.ref, f"kubectl certificate approve {first.ref.name}"),
        ),
    )  # fmt: skip


def _felt(view: View) -> tuple[tuple[Evidence, ...], tuple[Ref, ...]]:
    """Who was refused by a kubelet's port for its certificate."""
    proof: list[Evidence] = []
    hurt: list[Ref] = []
    for command in view.snapshot.commands:
        if found := _TLS.search(command.output[:20_000]):
            proof.append(Evidence(object=Ref("Node", "", ""), path=f"$ {command.command[:80]}", text=found[0][:300], source=command.source))  # fmt: skip
    for pod in view.troubled:
        for log in view.logs(pod.ref):
            lines = log.text.splitlines()
            for number in range(len(lines) - 1, max(-1, len(lines) - 1 - MAX_LINES), -1):
                if _TLS.search(lines[number][:2000]):
                    proof.append(logged(log, number + 1, lines[number][:300]))
                    hurt += [pod.ref, pod.owner]
                    break
    return tuple(proof[:3]), tuple(dict.fromkeys(hurt))


RULES: tuple[Rule, ...] = (Rule(find=find_unsigned, causes=(UNSIGNED,)),)
