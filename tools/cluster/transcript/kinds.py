"""The resource names kubectl takes, and the kind behind each. What is not listed is read by the shape of its name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from copilot.model.kinds import BUILT_IN
from copilot.model.wording import plural_of


class KindInfo(msgspec.Struct, frozen=True):
    """A kind as the API names it. `version` is `group/version`, or the version alone for the core group."""

    kind: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    known: bool = True

    @property
    def api_version(self) -> str:
        """The value of `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version


# Kinds that add-ons bring: kind, group/version, namespaced, names kubectl takes besides the plural made of the kind.
# Where one shares a name with a built-in kind, it is the one that people have.
_ADD_ONS = """
NodeMetrics|metrics.k8s.io/v1beta1|n|
PodMetrics|metrics.k8s.io/v1beta1|y|
Certificate|cert-manager.io/v1|y|cert,certs
CertificateRequest|cert-manager.io/v1|y|cr,crs
Issuer|cert-manager.io/v1|y|
ClusterIssuer|cert-manager.io/v1|n|
Challenge|acme.cert-manager.io/v1|y|
ServiceMonitor|monitoring.coreos.com/v1|y|smon
PodMonitor|monitoring.coreos.com/v1|y|pmon
PrometheusRule|monitoring.coreos.com/v1|y|promrule
Application|argoproj.io/v1alpha1|y|app,apps
ApplicationSet|argoproj.io/v1alpha1|y|appset
Rollout|argoproj.io/v1alpha1|y|ro
Kustomization|kustomize.toolkit.fluxcd.io/v1|y|ks
HelmRelease|helm.toolkit.fluxcd.io/v2|y|hr
GitRepository|source.toolkit.fluxcd.io/v1|y|
ScaledObject|keda.sh/v1alpha1|y|so
VerticalPodAutoscaler|autoscaling.k8s.io/v1|y|vpa
NodePool|karpenter.sh/v1|n|
NodeClaim|karpenter.sh/v1|n|
VirtualService|networking.istio.io/v1|y|
DestinationRule|networking.istio.io/v1|y|dr
ExternalSecret|external-secrets.io/v1|y|es
Workload|kueue.x-k8s.io/v1beta1|y|wl
ClusterQueue|kueue.x-k8s.io/v1beta1|n|cq
LocalQueue|kueue.x-k8s.io/v1beta1|y|lq
ResourceFlavor|kueue.x-k8s.io/v1beta1|n|flavor,flavors
JobSet|jobset.x-k8s.io/v1alpha2|y|
RayCluster|ray.io/v1|y|
RayJob|ray.io/v1|y|
RayService|ray.io/v1|y|
PodGroup|scheduling.x-k8s.io/v1alpha1|y|
"""

# What `kubectl get all` lists.
ALL_KINDS = (
    "Pod",
    "ReplicationController",
    "Service",
    "DaemonSet",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "CronJob",
    "Job",
)


def plural(word: str) -> str:
    """The plural that the API makes of a lower-case kind."""
    if word.endswith(("endpoints", "metrics")):
        return word
    return plural_of(word)


@lru_cache(maxsize=1)
def _index() -> tuple[dict[str, KindInfo], dict[str, KindInfo]]:
    names: dict[str, KindInfo] = {}
    kinds: dict[str, KindInfo] = {}
    for info, words in (*_add_ons(), *_built_in()):
        kinds.setdefault(info.kind, info)
        for word in words:
            names.setdefault(word, info)
    return names, kinds


def _add_ons() -> Iterator[tuple[KindInfo, tuple[str, ...]]]:
    for row in _ADD_ONS.strip().splitlines():
        kind, api_version, namespaced, extra = row.split("|")
        group, _, version = api_version.rpartition("/")
        words = (kind.lower(), plural(kind.lower()), *filter(None, extra.split(",")))
        yield KindInfo(kind=kind, group=group, version=version, namespaced=namespaced == "y"), words


def _built_in() -> Iterator[tuple[KindInfo, tuple[str, ...]]]:
    for kind in BUILT_IN:
        yield KindInfo(kind=kind.kind, group=kind.group, version=kind.version, namespaced=kind.namespaced), kind.names


def by_kind(kind: str) -> KindInfo:
    """The kind of that exact name; an unlisted one is taken to be namespaced, its group unknown."""
    return _index()[1].get(kind) or KindInfo(kind=kind, known=False)


@lru_cache(maxsize=4096)
def by_resource(name: str) -> KindInfo:
    """What `pods`, `po`, `deployment.apps`, `workloads.v1beta1.kueue.x-k8s.io` or `Pod` means."""
    word, _, group = name.lower().partition(".")
    first, _, rest = group.partition(".")
    if _is_version(first):
        group = rest
    found = _index()[0].get(word)
    if found is not None and (not group or group in (found.group, found.api_version)):
        return found
    if found is not None and found.group.startswith(group):
        return found
    kind = _index()[0][_singular(word)].kind if _singular(word) in _index()[0] else _singular(word).capitalize()
    return KindInfo(kind=kind, group=group, version="", known=False)


def is_resource(name: str) -> bool:
    """Tell whether a word is a listed resource name."""
    return name.lower().partition(".")[0] in _index()[0]


def _is_version(word: str) -> bool:
    return len(word) > 1 and word[0] == "v" and word[1].isdigit()


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
