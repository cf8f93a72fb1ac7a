"""Certificates that have ended: those whose text stands in the objects, and those that a client was shown and refused.

A Secret's value is never read; there the client's complaint decides, and the Secret that the server mounts is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from copilot.diagnosis.addresses import addresses_of, service_of
from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.log_causes import telling
from copilot.diagnosis.log_lines import LogLine, bare
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged, said
from copilot.diagnosis.x509 import decoded, validities
from copilot.model import ContainerLog, Finding, Ref, Resource, children, mapping, text
from copilot.model.moment import stamp
from retrievers.graph import EdgeKind

EXPIRY = Cause(
    id="cert.expiry", title="A certificate has expired", kind="Secret",
    fields=("ConfigMap data", "webhooks[].clientConfig.caBundle", "spec.caBundle", "log"),
    steps=("Renew the certificate, then restart or reload what serves it",), citation="RFC 5280 section 4.1.2.5",
)  # fmt: skip

_ENDED = re.compile(r"expired|CERT_HAS_EXPIRED|not yet valid", re.IGNORECASE)
_URL_HOST = re.compile(r"https://([A-Za-z0-9][A-Za-z0-9.-]{0,252})")
_TLS_PORTS = (443, 6443, 8443, 9443, 5671, 6380, 636)


def find_expired_bundles(view: View) -> Iterator[Finding]:
    """Authorities of webhooks and API services all of whose certificates have ended, and ConfigMaps that pods read."""
    for holder, path, pem in _bundles(view):
        ended = _ended(pem, view.now)
        if ended is not None:
            yield _finding(holder, path, ended, 0.78)
    mounted = {edge.target for pod in view.troubled for edge in view.graph.out(pod.ref, EdgeKind.REFERENCES)}
    for held in view.graph.of_kind("ConfigMap", group=""):
        for key, value in mapping(held.body, "data").items():
            if held.ref in mounted and isinstance(value, str) and "BEGIN CERTIFICATE" in value:
                ended = _ended(value, view.now)
                if ended is not None:
                    yield _finding(held, f"data.{key}", ended, 0.72)


def _bundles(view: View) -> Iterator[tuple[Resource, str, str]]:
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        for holder in view.graph.of_kind(kind):
            for hook in children(holder.body, "webhooks"):
                yield (
                    holder,
                    f"webhooks[{text(hook, 'name')}].clientConfig.caBundle",
                    decoded(text(hook, "clientConfig", "caBundle")),
                )
    for holder in view.graph.of_kind("APIService"):
        yield holder, "spec.caBundle", decoded(text(holder.spec, "caBundle"))


def _ended(pem: str, now: datetime) -> datetime | None:
    """When the last certificate of a text ended, if all have."""
    ends = [found.ends for found in validities(pem)] if pem else []
    return max(ends) if ends and max(ends) < now else None


def _finding(holder: Resource, path: str, ended: datetime, weight: float) -> Finding:
    words = f"its certificate at {path} expired at {stamp(ended)}"
    return Finding(
        cause=EXPIRY.id, object=holder.ref, title=f"{holder.ref}: {words}", evidence=(said(holder, path, words),), weight=weight, since=ended,
        steps=(change(f"Renew the certificate in {holder.ref}", holder.ref), describe(holder.ref)),
    )  # fmt: skip


def find_refused_servers(view: View) -> Iterator[Finding]:
    """Servers of the cluster whose certificate a client found expired: the Secret that they mount."""
    for pod in view.placed:
        for container in pod.containers:
            for log in view.logs(pod.ref, container.name):
                found = telling(view, log)
                if found is None or found[1].pattern.cause != "app.certificate.untrusted":
                    continue
                if _ENDED.search(found[0].said):
                    yield from _server(view, pod, container, log, found[0])


def _server(view: View, pod: PodFact, container: ContainerFact, log: ContainerLog, line: LogLine) -> Iterator[Finding]:
    services = _services(view, pod, container, line)
    secrets = (
        {secret for service in services for secret in _tls_secrets(view, service)} if len(services) == 1 else set()
    )
    if len(secrets) == 1:
        secret = secrets.pop()
        yield Finding(
            cause=EXPIRY.id, object=secret, title=f"{secret}, the certificate that {services[0]} shows, has expired: {pod.owner} refuses it",
            evidence=(logged(log, line.number, bare(line.raw)[:400]),), explains=(pod.ref, pod.owner), weight=0.82,
            steps=(change(f"Renew {secret}, then restart what serves it", secret), describe(secret)),
        )  # fmt: skip


def _services(view: View, pod: PodFact, container: ContainerFact, line: LogLine) -> list[Ref]:
    """The Services the client may have spoken TLS to: by the line, else by its settings."""
    named = [match[1].lower() for match in _URL_HOST.finditer(line.said)]
    if not named:
        addresses = addresses_of(view, pod, container)
        named = [a.host for a in addresses if a.port in _TLS_PORTS or f"https://{a.host}" in a.setting.value.lower()]
    found = [service_of(view, host, pod.ref.namespace) for host in named]
    return list(dict.fromkeys(service.ref for service in found if service is not None))


def _tls_secrets(view: View, service: Ref) -> Iterator[Ref]:
    """The TLS Secrets that the pods behind a Service mount."""
    for edge in view.graph.out(service, EdgeKind.SELECTS):
        pod = view.graph.get(edge.target)
        for volume in children(pod.spec, "volumes") if pod is not None else ():
            name = text(volume, "secret", "secretName")
            secret = view.graph.find("Secret", service.namespace, name) if name else None
            if name and (
                (secret is not None and text(secret.body, "type") == "kubernetes.io/tls")
                or re.search(r"tls|cert", name)
            ):
                yield Ref("Secret", service.namespace, name)


RULES = (
    Rule(find=find_expired_bundles, causes=(EXPIRY,)),
    Rule(find=find_refused_servers, causes=(EXPIRY,)),
)
