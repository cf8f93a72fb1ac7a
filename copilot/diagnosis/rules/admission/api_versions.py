"""Programs that speak an API version which the cluster no longer serves, or will stop serving.

Only a program in trouble is blamed: asking for an old version and going on with a new one is how careful clients begin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View, logged
from copilot.diagnosis.words import read
from copilot.model import ContainerLog, Evidence, Finding, Ref

REMOVED = Cause(
    id="api.removed",
    title="A program uses an API version that the cluster does not serve any more",
    kind="Deployment",
    fields=("log no matches for kind", "event FailedCreate", "status.conditions[].message"),
    steps=("Upgrade the program or its manifests to the version that is served",),
    citation="kubernetes.io/docs/reference/using-api/deprecation-guide",
)
DEPRECATED = Cause(
    id="api.deprecated",
    title="An API version is in use that a later release removes",
    kind="APIService",
    fields=("apiserver_requested_deprecated_apis", "request warning"),
    severity=Severity.NOTICE,
    steps=("Find who asks for it, and move it to the newer version before the upgrade",),
    citation="staging/src/k8s.io/apiserver/pkg/endpoints/deprecation/deprecation.go",
)


class Gone(msgspec.Struct, frozen=True):
    """Since which release a version is not served, and what took its place."""

    since: str
    instead: str


_GONE: Mapping[tuple[str, str], tuple[str, str, tuple[str, ...]]] = {
    ("extensions", "v1beta1"): ("1.22", "apps/v1 or networking.k8s.io/v1", ("Ingress", "Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy", "PodSecurityPolicy")),
    ("apps", "v1beta1"): ("1.16", "apps/v1", ("Deployment", "StatefulSet")),
    ("apps", "v1beta2"): ("1.16", "apps/v1", ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")),
    ("networking.k8s.io", "v1beta1"): ("1.22", "networking.k8s.io/v1", ("Ingress", "IngressClass")),
    ("policy", "v1beta1"): ("1.25", "policy/v1", ("PodDisruptionBudget", "PodSecurityPolicy")),
    ("batch", "v1beta1"): ("1.25", "batch/v1", ("CronJob",)),
    ("discovery.k8s.io", "v1beta1"): ("1.25", "discovery.k8s.io/v1", ("EndpointSlice",)),
    ("events.k8s.io", "v1beta1"): ("1.25", "events.k8s.io/v1", ("Event",)),
    ("autoscaling", "v2beta1"): ("1.25", "autoscaling/v2", ("HorizontalPodAutoscaler",)),
    ("autoscaling", "v2beta2"): ("1.26", "autoscaling/v2", ("HorizontalPodAutoscaler",)),
    ("node.k8s.io", "v1beta1"): ("1.25", "node.k8s.io/v1", ("RuntimeClass",)),
    ("storage.k8s.io", "v1beta1"): ("1.27", "storage.k8s.io/v1", ("CSIStorageCapacity", "CSIDriver", "CSINode", "StorageClass", "VolumeAttachment")),
    ("flowcontrol.apiserver.k8s.io", "v1beta2"): ("1.29", "flowcontrol.apiserver.k8s.io/v1", ("FlowSchema", "PriorityLevelConfiguration")),
    ("flowcontrol.apiserver.k8s.io", "v1beta3"): ("1.32", "flowcontrol.apiserver.k8s.io/v1", ("FlowSchema", "PriorityLevelConfiguration")),
    ("rbac.authorization.k8s.io", "v1beta1"): ("1.22", "rbac.authorization.k8s.io/v1", ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")),
    ("apiextensions.k8s.io", "v1beta1"): ("1.22", "apiextensions.k8s.io/v1", ("CustomResourceDefinition",)),
    ("admissionregistration.k8s.io", "v1beta1"): ("1.22", "admissionregistration.k8s.io/v1", ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")),
    ("apiregistration.k8s.io", "v1beta1"): ("1.22", "apiregistration.k8s.io/v1", ("APIService",)),
    ("certificates.k8s.io", "v1beta1"): ("1.22", "certificates.k8s.io/v1", ("CertificateSigningRequest",)),
    ("coordination.k8s.io", "v1beta1"): ("1.22", "coordination.k8s.io/v1", ("Lease",)),
    ("scheduling.k8s.io", "v1beta1"): ("1.22", "scheduling.k8s.io/v1", ("PriorityClass",)),
    ("authentication.k8s.io", "v1beta1"): ("1.22", "authentication.k8s.io/v1", ("TokenReview",)),
    ("authorization.k8s.io", "v1beta1"): ("1.22", "authorization.k8s.io/v1", ("SubjectAccessReview",)),
}  # fmt: skip

_NO_KIND = re.compile(r"no matches for kind \"([A-Za-z]{1,80})\" in version \"([\w.\-]{0,120}/v\w{1,20})\"")
_NO_LIST = re.compile(
    r"failed to (?:list|watch) \*(v\w{1,20})\.([A-Za-z]{1,80}): .{0,80}could not find the requested resource",
    re.IGNORECASE,
)
_WARNED = re.compile(
    r"([\w.\-]{0,120}/v\w{1,20}) ([A-Za-z]{1,80}) is deprecated in v([\d.]{1,8})\+, unavailable in v([\d.]{1,8})\+"
)
MAX_LINES = 400  # newest lines of a log: a program that cannot list says so again and again


def gone(kind: str, version: str) -> Gone | None:
    """What is known of a kind's version that a release stopped serving; `version` is `group/v1beta1` or only the version."""
    group, _, short = version.rpartition("/")
    for (known, old), (since, instead, kinds) in _GONE.items():
        if old == short and kind in kinds and (known == group or not group):
            return Gone(since, instead)
    return None


def sentence(kind: str, version: str, known: Gone) -> str:
    """What a reader has to know of the version."""
    return (
        f"{kind} in version {version}, which Kubernetes does not serve since {known.since}: it is {known.instead} now"
    )


def find_removed_versions(view: View) -> Iterator[Finding]:
    """Programs in trouble whose log says that a built-in kind's version is not served."""
    seen: set[Ref] = set()
    for pod in view.troubled:
        if pod.owner in seen:
            continue
        for log in view.logs(pod.ref):
            found = _in_log(log)
            if found is not None:
                seen.add(pod.owner)
                kind, version, proof, known = found
                yield Finding(
                    cause=REMOVED.id,
                    object=pod.owner,
                    title=f"{pod.owner} asks for {sentence(kind, version, known)}",
                    evidence=(proof,),
                    explains=(pod.ref,),
                    weight=0.85,
                    steps=(
                        describe(pod.owner),
                        read("See which versions are served", f"kubectl api-resources | grep -i {kind.lower()}"),
                        change(f"Upgrade {pod.owner} to a release that speaks {known.instead}", pod.owner),
                    ),
                )
                break


def _in_log(log: ContainerLog) -> tuple[str, str, Evidence, Gone] | None:
    lines = log.text.splitlines()
    for number in range(len(lines) - 1, max(-1, len(lines) - 1 - MAX_LINES), -1):
        line = lines[number][:2000]
        if found := _NO_KIND.search(line.replace('\\"', '"')):
            kind, version = found[1], found[2]
        elif found := _NO_LIST.search(line):
            kind, version = found[2], found[1]
        else:
            continue
        known = gone(kind, version)
        if known is not None:
            return kind, version, logged(log, number + 1, line[:300]), known
    return None


def find_deprecated_versions(view: View) -> Iterator[Finding]:
    """Old versions that are still asked for, by the API server's own metric and by the warnings it gave to commands."""
    for series in view.snapshot.series:
        if series.name == "apiserver_requested_deprecated_apis" and series.points and series.points[-1][1] > 0:
            label = series.labels
            version = "/".join(part for part in (label.get("group", ""), label.get("version", "")) if part)
            proof = Evidence(
                object=_service(version),
                path=series.name,
                text=f"{version} {label.get('resource', '')} was requested; removed in {label.get('removed_release') or 'a later release'}",
                source=series.source,
            )
            yield _deprecated(version, label.get("resource", ""), label.get("removed_release", ""), proof)
    for command in view.snapshot.commands:
        for found in list(_WARNED.finditer(command.output[:100_000]))[:20]:
            proof = Evidence(
                object=_service(found[1]),
                path=f"$ {command.command[:80]}",
                text=found[0][:300],
                source=command.source,
            )
            yield _deprecated(found[1], found[2], found[4], proof)


def _service(version: str) -> Ref:
    group, _, short = version.rpartition("/")
    return Ref("APIService", "", f"{short}.{group}", "apiregistration.k8s.io")


def _deprecated(version: str, kind: str, release: str, proof: Evidence) -> Finding:
    return Finding(
        cause=DEPRECATED.id,
        object=_service(version),
        title=f"{version} {kind} is in use and is not served from Kubernetes {release or 'a later release'} on",
        evidence=(proof,),
        weight=0.4,
        steps=(
            read("See who asks for it", "kubectl get --raw /metrics | grep apiserver_requested_deprecated_apis"),
            read("Find objects that were written with it", f"kubectl get {kind.lower()} -A --show-managed-fields -o yaml | grep -B2 -A2 {version}"),
        ),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(find=find_removed_versions, causes=(REMOVED,)),
    Rule(find=find_deprecated_versions, causes=(DEPRECATED,)),
)
