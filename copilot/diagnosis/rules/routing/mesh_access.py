"""Requests that a mesh's authorization refuses: which policy, whom it lets in, and who asked.

Spoken only where a proxy or a caller says it was denied: a policy that keeps strangers out is doing its work.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.complaints import LASTING
from copilot.diagnosis.log_lines import LogLine, bare, tail
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.routing.mesh import ROOT, SECURITY, services_called
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, logged, said
from copilot.diagnosis.words import listed
from copilot.model import ContainerLog, Finding, Ref, Resource, children, mapping, text, texts
from copilot.model.likeness import nearest
from retrievers.graph import EdgeKind

LINKERD = "policy.linkerd.io"
DENIED = Cause(
    id="mesh.authorization_denied", title="An authorization policy of the mesh refuses the caller", kind="AuthorizationPolicy", severity=Severity.OUTAGE,
    fields=("AuthorizationPolicy spec.rules[].from[].source", "ServerAuthorization spec.client", "log"),
    brings_about=("app.credentials.rejected", "app.dependency.", "pod.crashloop.app_log"), steps=("Allow the caller's identity, or correct it",), citation="istio.io/latest/docs/reference/config/security/authorization-policy",
)  # fmt: skip
_REFUSED = re.compile(
    r"RBAC: access denied|rbac_access_denied_matched_policy\[(?P<policy>[^\]]{0,200}\]?[^\]]{0,120})\]"
)
_MATCHED = re.compile(r"ns\[(?P<ns>[^\]]+)\]-policy\[(?P<name>[^\]]+)\]")
_HOST = re.compile(r"https?://([A-Za-z0-9][\w.-]{0,252})")
_LINKERD = re.compile(r"(?:Request|Connection) denied|unauthorized (?:request|connection)", re.IGNORECASE)
_SERVER = re.compile(r"server\.name=([\w.-]+)")
_CLIENT = re.compile(r"ClientId\(\"([^\"]{1,253})\"\)|client_id: Some\(\"?([\w.-]{1,253})")


def find_denied_callers(view: View) -> Iterator[Finding]:
    """Istio: one finding for each policy that a refusal shows."""
    if not view.graph.of_kind("AuthorizationPolicy", group=SECURITY):
        return
    told: set[Ref] = set()
    for pod, log, line in _lines(view, _REFUSED):
        for target in _targets(view, pod, line):
            policy, words = _deciding(view, target, pod, line)
            callers = _callers(view, target)
            stranger = pod.ref == target.ref and not callers  # only the proxy speaks: it keeps somebody unknown out
            if policy is None or policy.ref in told or stranger:
                continue
            told.add(policy.ref)
            yield Finding(
                cause=DENIED.id, object=policy.ref, title=f"{policy.ref} refuses requests to {view.pod(target).owner} (RBAC: access denied): {words}{_who(callers)}",
                evidence=(logged(log, line.number, bare(line.raw)[:400]), said(policy, "spec.rules", f"{policy.ref} {words}")),
                explains=tuple(dict.fromkeys(ref for caller in (pod, *callers) for ref in (caller.ref, caller.owner) if ref != target.ref)),
                weight=0.85, steps=(show(policy.ref), change("Allow the caller's principal", policy.ref)),
            )  # fmt: skip


def _lines(view: View, shape: re.Pattern[str]) -> Iterator[tuple[PodFact, ContainerLog, LogLine]]:
    """One line of the shape for each pod that says it in trouble or again and again."""
    troubled = {pod.ref for pod in view.troubled}
    for ref in sorted({Ref("Pod", log.namespace, log.pod) for log in view.snapshot.logs}):
        resource = view.graph.get(ref)
        if resource is None:
            continue
        for log in view.logs(ref):
            lines = [line for line in tail(log, 60, access=True) if shape.search(line.raw)]
            if lines and (ref in troubled or len(lines) >= LASTING):
                yield view.pod(resource), log, lines[0]
                break


def _targets(view: View, pod: PodFact, line: LogLine) -> list[Resource]:
    """The pods that refused: the speaker where its own proxy speaks, else those behind the Service it called."""
    if "rbac_access_denied" in line.raw:
        return [pod.resource]
    hosts = [match[1].lower() for match in _HOST.finditer(line.raw)]
    services = [service for host in hosts if (service := service_of(view, host, pod.ref.namespace)) is not None]
    first: list[Resource] = []
    for service in services or services_called(view, pod):
        behind = (view.graph.get(edge.target) for edge in view.graph.out(service.ref, EdgeKind.SELECTS))
        first += [resource for resource in behind if resource is not None][:1]
    return first


def _deciding(view: View, target: Resource, pod: PodFact, line: LogLine) -> tuple[Resource | None, str]:
    """The policy that decides on a pod: the one the proxy names, else an ALLOW policy that selects it."""
    selecting = [
        policy
        for policy in view.graph.of_kind("AuthorizationPolicy", group=SECURITY)
        if policy.ref.namespace in (target.ref.namespace, ROOT)
        and mapping(policy.spec, "selector", "matchLabels").items() <= target.labels.items()
    ]
    named = _MATCHED.search(line.raw)
    for policy in selecting:
        denies = text(policy.spec, "action") == "DENY" and pod.ref != target.ref and _is_source(policy, pod)
        if denies or (named and policy.ref.name == named["name"]):
            return policy, "a rule of action DENY matches the caller"
    allow = [policy for policy in selecting if text(policy.spec, "action") in ("", "ALLOW")]
    if not allow:
        return None, ""
    policy = allow[0]
    principals = sorted({name for rule in children(policy.spec, "rules") for source in children(rule, "from") for name in texts(source, "source", "principals")})  # fmt: skip
    spaces = sorted({name for rule in children(policy.spec, "rules") for source in children(rule, "from") for name in texts(source, "source", "namespaces")})  # fmt: skip
    if not list(children(policy.spec, "rules")):
        return policy, "it has no rule, so it allows nobody"
    words = f"it allows only {listed([*principals, *(f'namespace {s}' for s in spaces)]) or 'what its rules name'}"
    accounts = [f"cluster.local/ns/{a.ref.namespace}/sa/{a.ref.name}" for a in view.graph.of_kind("ServiceAccount", group="")]  # fmt: skip
    missing = [name for name in principals if accounts and "*" not in name and name not in accounts]
    near = nearest(missing[0], accounts) if missing else ""
    return policy, words + (f", and no ServiceAccount has the identity {missing[0]}{f' (there is {near})' if near else ''}" if missing else "")  # fmt: skip


def _is_source(policy: Resource, pod: PodFact) -> bool:
    """Whether a rule of a policy is about a caller, by namespace or identity."""
    mine = f"cluster.local/ns/{pod.ref.namespace}/sa/{text(pod.resource.spec, 'serviceAccountName') or 'default'}"
    sources = [mapping(source, "source") for rule in children(policy.spec, "rules") for source in children(rule, "from")]  # fmt: skip
    return any(
        pod.ref.namespace in texts(source, "namespaces") or mine in texts(source, "principals") for source in sources
    )


def _callers(view: View, target: Resource) -> list[PodFact]:
    """The pods whose settings name a Service of the target."""
    services = [edge.source for edge in view.graph.into(target.ref, EdgeKind.SELECTS)]
    named = dict.fromkeys(edge.source for ref in services for edge in view.graph.into(ref, EdgeKind.CONNECTS_TO))
    return [view.pod(pod) for ref in named if ref.kind == "Pod" and (pod := view.graph.get(ref)) is not None]


def _who(callers: list[PodFact]) -> str:
    if not callers:
        return ""
    account = text(callers[0].resource.spec, "serviceAccountName") or "default"
    return f"; {callers[0].owner} comes as cluster.local/ns/{callers[0].ref.namespace}/sa/{account}"


def find_linkerd_denials(view: View) -> Iterator[Finding]:
    """Linkerd: the Server that a proxy names in its refusals, and the identities that are allowed there."""
    told: set[Ref] = set()
    for pod, log, line in _lines(view, _LINKERD):
        name = _SERVER.search(line.raw)
        server = view.graph.get(Ref("Server", pod.ref.namespace, name[1], LINKERD)) if name else None
        if server is None or server.ref in told:
            continue
        told.add(server.ref)
        client = _CLIENT.search(line.raw)
        who = (client[1] or client[2]) if client else "an unmeshed or unknown client"
        grants = [
            grant
            for kind, path in (
                ("ServerAuthorization", ("server", "name")),
                ("AuthorizationPolicy", ("targetRef", "name")),
            )
            for grant in view.graph.of_kind(kind, pod.ref.namespace, LINKERD)
            if text(grant.spec, *path) == server.ref.name
        ]
        callers = _callers(view, pod.resource)
        have = (
            f"; it is opened by {listed([str(grant.ref) for grant in grants])}"
            if grants
            else "; nothing authorizes any client of it"
        )
        yield Finding(
            cause=DENIED.id, object=grants[0].ref if grants else server.ref, title=f"{server.ref} denies requests of {who}{have}: the client is not allowed",
            evidence=(logged(log, line.number, bare(line.raw)[:400]), *(said(grant, "spec.client", f"{grant.ref} names who may come") for grant in grants[:2])),
            explains=tuple(dict.fromkeys(ref for caller in callers for ref in (caller.ref, caller.owner))), weight=0.82,
            steps=(describe(server.ref), change("Allow the client's identity", grants[0].ref if grants else server.ref)),
        )  # fmt: skip


RULES = (
    Rule(find=find_denied_callers, causes=(DENIED,)),
    Rule(find=find_linkerd_denials, causes=()),
)
