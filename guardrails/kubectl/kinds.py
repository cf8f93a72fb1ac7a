"""The kinds a kubectl word can mean, and the addresses of their objects, as discovery would say where there is a cluster.

Promise: a word that could mean Secrets never comes back as a kind.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from copilot.model.kinds import BUILT_IN, Kind, resolve_kind
from copilot.model.likeness import nearest
from copilot.model.wording import plural_of
from guardrails.display import visible
from guardrails.kubectl.addons import TABLE
from guardrails.kubectl.refusal import KubectlRefused

CONTEXT = "{namespace}"  # stands for the namespace of the context where a command names none
ANY = "*"  # one segment of an address that only the cluster knows

# What `kubectl get all` lists, by the category "all" in discovery.
ALL = (
    "Pod", "ReplicationController", "Service", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet",
    "HorizontalPodAutoscaler", "CronJob", "Job",
)  # fmt: skip
SCALABLE = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"})
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_METRICS = "metrics.k8s.io"
_WORD = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*", re.IGNORECASE)
_SECRETS = frozenset({"secret", "secrets"})
NO_SECRETS = "Secrets are never read here: which object uses one is told by its name"


class KubeKind(msgspec.Struct, frozen=True):
    """One kind as a command names it. `kind` is "" and `version` is "*" where only the cluster knows them."""

    kind: str
    plural: str
    group: str
    version: str
    namespaced: bool | None
    known: bool = True

    def root(self, namespace: str | None) -> str:
        """The address of its list; None is every namespace, or a kind without them."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{base}/{self.plural}" if namespace is None else f"{base}/namespaces/{namespace}/{self.plural}"

    @property
    def title(self) -> str:
        """The kind's name for people."""
        return self.kind or (f"{self.plural}.{self.group}" if self.group else self.plural)


def kind_of(word: str) -> KubeKind:
    """The kind behind a word: `po`, `Deployments`, `deployment.apps`, `deployments.v1.apps`, `certificates.cert-manager.io`.

    Raises:
        KubectlRefused: it is none, is not known, or is a Secret.
    """
    if not _WORD.fullmatch(word) or len(word) > 253:
        raise KubectlRefused(f"'{visible(word)}' is not the name of a kind")
    lowered = word.lower()
    if lowered.partition(".")[0] in _SECRETS:
        raise KubectlRefused(NO_SECRETS, 'kubectl copilot ask "which secrets does deployment/NAME use?"', never=True)
    built_in = resolve_kind(lowered)
    if built_in is not None:
        return _of(built_in, lowered)
    found = _addons().get(lowered) or _addons().get(_without_version(lowered))
    if found is not None:
        return found
    name, dot, group = lowered.partition(".")
    if dot and "." in group:
        return KubeKind(
            "", ANY if "." in name else name, _without_api_version(group), ANY, namespaced=None, known=False
        )
    near = nearest(lowered, _words(), 0.75)
    hint = (
        f"; did you mean {near}?"
        if near
        else "; write a custom kind with its group, as in certificates.cert-manager.io"
    )
    raise KubectlRefused(f"'{visible(word)}' is no kind that is known here{hint}")


def known(kind: str) -> KubeKind:
    """A built-in kind by the API's own word."""
    found = resolve_kind(kind)
    assert found is not None
    return _of(found, "")


def metrics(plural: str) -> KubeKind:
    """The usage of pods or nodes."""
    return KubeKind("", plural, _METRICS, ANY, namespaced=plural == "pods")


def _of(kind: Kind, word: str) -> KubeKind:
    """A built-in kind; a version that a word names may be another than the table's."""
    named = word.count(".") > 0 and re.search(r"\.v\d", word) is not None
    version = ANY if named or kind.version != "v1" or kind.add_on else kind.version
    return KubeKind(kind.kind, kind.plural, kind.group, version, kind.namespaced)


def _without_version(word: str) -> str:
    """`rollouts.v1alpha1.argoproj.io` -> `rollouts.argoproj.io`."""
    return re.sub(r"^([^.]+)\.v\d+(?:(?:alpha|beta)\d+)?\.", r"\1.", word)


def _without_api_version(group: str) -> str:
    return re.sub(r"^v\d+(?:(?:alpha|beta)\d+)?\.(?=.*\.)", "", group)


@lru_cache(maxsize=1)
def _addons() -> dict[str, KubeKind]:
    words: dict[str, KubeKind] = {}
    for line in TABLE.strip().splitlines():
        name, group, scope, shorts = line.split("|")
        plural = plural_of(name).lower()
        found = KubeKind(name, plural, group, ANY, scope != "n")
        for word in (f"{plural}.{group}", f"{name.lower()}.{group}", plural, name.lower(), *shorts.split(",")):
            words.setdefault(word, found)
    for plural in ("pods", "nodes"):
        words[f"{plural}.{_METRICS}"] = metrics(plural)
    words.pop("", None)
    return words


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    built_in = {word for kind in BUILT_IN for word in kind.names}
    return (frozenset(_addons()) | built_in) - _SECRETS
