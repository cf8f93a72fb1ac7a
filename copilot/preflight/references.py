"""What manifests name that would not be there: configuration, accounts, classes, claims, kinds, namespaces.

The graph declares every reference with its field; here it is only asked which of them lead nowhere. What nobody could
look for is taken for granted and said so, unless something with nearly that name is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from copilot.diagnosis.steps import change
from copilot.model import Evidence, Finding, Ref, children, mapping, text, texts
from copilot.model.kinds import built_in
from copilot.model.likeness import nearest
from copilot.preflight import causes
from copilot.preflight.case import Case, written
from copilot.preflight.pods import is_workload
from copilot.preflight.versions import is_removed
from retrievers.graph import Edge, EdgeKind, NodeState, ResourceGraph
from retrievers.graph.edges.pod_spec import containers_of, pod_spec_of
from tools.cluster.manifest_files import Manifest

# Made by the control plane in every namespace or cluster; also what system components bring along.
_ALWAYS = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"), ("PriorityClass", "system-cluster-critical"),
                     ("PriorityClass", "system-node-critical")})  # fmt: skip
_ALWAYS_SPACES = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
# Edges whose missing target other rules explain with more words.
_TOLD_ELSEWHERE = frozenset({EdgeKind.OWNED_BY, EdgeKind.CONNECTS_TO, EdgeKind.RUNS_IMAGE, EdgeKind.ABOUT, EdgeKind.RUNS_ON,
                             EdgeKind.GRANTS})  # fmt: skip
_IDS: Mapping[str, str] = {
    "ServiceAccount": "sa.missing",
    "PersistentVolumeClaim": "sched.volume.pvc_missing",
    "StorageClass": "pvc.storageclass.missing",
    "PriorityClass": "priorityclass.missing",
    "RuntimeClass": "sandbox.runtimeclass.unknown",
    "IngressClass": "ingress.class_missing",
}
_PULL = ".imagePullSecrets"  # kubelets go on without a pull secret: the image may be public
_NEAR = 0.7  # the weight of a name that is nearly there when nobody could look for the name itself


class Missing(msgspec.Struct, frozen=True):
    """One reference of a manifest whose target is not there, or could not be looked for."""

    manifest: Manifest
    edge: Edge
    known: bool

    @property
    def target(self) -> Ref:
        """What is missing."""
        return self.edge.target


def missing_references(case: Case, graph: ResourceGraph) -> Iterator[Missing]:
    """The references of manifests that lead nowhere, each target once for each manifest."""
    for manifest in case.by_ref.values():
        seen: set[Ref] = set()
        for edge in graph.out(manifest.resource.ref):
            target = edge.target
            wanted = (
                edge.certain
                and (not edge.optional or _PULL in edge.field)
                and edge.kind not in _TOLD_ELSEWHERE
                and target not in seen
            )
            if not wanted or graph.get(target) is not None or (target.kind, target.name) in _ALWAYS:
                continue
            state = graph.state(target)
            if state is not NodeState.PRESENT and built_in(target.kind, target.group) is not None:
                seen.add(target)
                yield Missing(manifest, edge, state is NodeState.DANGLING)


def find_missing(case: Case, graph: ResourceGraph) -> Iterator[Finding]:
    """A finding for what is known not to be there, and for what nearly is."""
    for missing in missing_references(case, graph):
        target = missing.target
        if target.kind in ("Service", "IngressClass", "Deployment", "StatefulSet", "ReplicaSet") and missing.known:
            continue  # the rules of Services, Ingresses and autoscalers say it
        near = nearest(target.name, [found.ref.name for found in graph.of_kind(target.kind, target.namespace or None)])
        if not missing.known and not near:
            continue
        yield _finding(missing, near)


def taken_for_granted(case: Case, graph: ResourceGraph) -> list[str]:
    """The objects that must exist already and that nobody could look for."""
    found = {str(missing.target) for missing in missing_references(case, graph) if not missing.known}
    return sorted(found)


def _finding(missing: Missing, near: str) -> Finding:
    manifest, target, field = missing.manifest, missing.target, missing.edge.field
    owner = manifest.resource.ref
    where = f"namespace {target.namespace}" if target.namespace else "the cluster"
    state = f"does not exist in {where} and is in no manifest" if missing.known else "is in no manifest"
    hint = f" (there is {near})" if near else ""
    doubts = () if missing.known else (f"no list of {target.kind} objects was read: it may exist",)
    return Finding(
        cause=_id(missing),
        object=owner,
        title=f"{owner} needs {target.kind} {target.name}, which {state}{hint}",
        evidence=(written(manifest, field, f"{field} names {target.kind} {target.name}"),),
        weight=(0.7 if _PULL in field else 0.95) if missing.known else _NEAR,
        doubts=doubts,
        steps=(change(f"Add {target} to the manifests, or correct the name", owner),),
    )


def _id(missing: Missing) -> str:
    kind, field = missing.target.kind, missing.edge.field
    if kind in ("ConfigMap", "Secret"):
        if _PULL in field:
            return "pod.image.pullsecret_missing"
        if ".tls" in field and not is_workload(missing.manifest.resource):
            return "ingress.tls_secret"
        place = "mount" if ".volumes[" in field else "create"
        return f"pod.{place}.{kind.lower()}_missing"
    if kind == "Service":
        return "sts.service_missing" if missing.edge.kind is EdgeKind.HEADLESS_SERVICE else "ingress.backend_missing"
    return _IDS.get(kind, causes.REFERENCE.id)


def find_missing_keys(case: Case, graph: ResourceGraph) -> Iterator[Finding]:
    """Keys that a container takes from a ConfigMap or Secret which has no such key."""
    for manifest in case.workloads():
        for path, kind, name, key in _keys_wanted(manifest):
            holder = graph.get(Ref(kind, manifest.resource.ref.namespace, name))
            if holder is None:
                continue
            have = sorted({*texts(holder.body, "dataKeys"), *mapping(holder.body, "data")})
            if key in have or "dataKeys" not in holder.body:
                continue
            owner = manifest.resource.ref
            hint = nearest(key, have) or ", ".join(have[:5]) or "no key at all"
            yield Finding(
                cause="pod.mount.key_missing" if ".volumes[" in path else "pod.create.key_missing",
                object=owner,
                title=f"{owner} wants key {key} of {kind} {name}, which has no such key (it has {hint})",
                evidence=(
                    written(manifest, path, f"{path} names key {key} of {kind} {name}"),
                    Evidence(
                        holder.ref, "data", f"{holder.ref} has the keys {', '.join(have[:10]) or 'none'}", holder.source
                    ),
                ),
                weight=0.95,
                steps=(change(f"Add key {key} to {holder.ref}, or correct the key", owner),),
            )


def _keys_wanted(manifest: Manifest) -> Iterator[tuple[str, str, str, str]]:
    """(path, kind, name, key) of every key that is not optional."""
    pod = pod_spec_of(manifest.resource)
    if pod is None:
        return
    for place, container in containers_of(pod.spec):
        for entry in children(container, "env"):
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                source = mapping(entry, "valueFrom", field)
                if text(source, "key") and source.get("optional") is not True:
                    path = f"{pod.field}.{place}[{text(container, 'name')}].env[{text(entry, 'name')}].valueFrom.{field}.key"
                    yield path, kind, text(source, "name"), text(source, "key")
    for volume in children(pod.spec, "volumes"):
        for field, kind, named in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            source = mapping(volume, field)
            for item in children(source, "items") if source.get("optional") is not True else ():
                path = f"{pod.field}.volumes[{text(volume, 'name')}].{field}.items[{text(item, 'key')}].key"
                yield path, kind, text(source, named), text(item, "key")


def find_missing_places(case: Case, graph: ResourceGraph) -> Iterator[Finding]:
    """Namespaces that do not exist, and kinds that the cluster does not serve."""
    coverage = graph.snapshot.coverage
    for manifest in case.by_ref.values():
        ref = manifest.resource.ref
        space = ref.namespace
        if (
            space
            and space not in _ALWAYS_SPACES
            and coverage.was_read("Namespace")
            and graph.find("Namespace", "", space) is None
        ):
            near = nearest(space, [found.ref.name for found in graph.of_kind("Namespace")])
            yield Finding(
                cause=causes.NAMESPACE.id, object=ref, title=f"{ref} would be refused: namespace {space} does not exist and is in no manifest"
                + (f" (there is {near})" if near else ""),
                evidence=(written(manifest, "metadata.namespace", f"metadata.namespace is {space}"),), weight=0.95,
                steps=(change(f"Create namespace {space} first, or correct it", ref),),
            )  # fmt: skip
        if built_in(ref.kind, ref.group) is None and not is_removed(manifest.resource.body):
            yield from _unserved(case, graph, manifest)


def _unserved(case: Case, graph: ResourceGraph, manifest: Manifest) -> Iterator[Finding]:
    ref = manifest.resource.ref
    coverage = graph.snapshot.coverage
    version = text(manifest.resource.body, "apiVersion")
    if (
        not coverage.was_read("CustomResourceDefinition")
        or case.live is None
        or ref.group in case.live.groups_of(ref.kind)
    ):
        return
    for found in graph.of_kind("CustomResourceDefinition"):
        if text(found.spec, "group") == ref.group and text(found.spec, "names", "kind") == ref.kind:
            return
    if any(
        text(api.spec, "group") == ref.group and mapping(api.spec, "service") for api in graph.of_kind("APIService")
    ):
        return  # an aggregated server answers for the group
    yield Finding(
        cause="crd.missing", object=ref, title=f"{ref} would be refused: the cluster does not serve kind {ref.kind} of {version}, and no manifest brings its CustomResourceDefinition",
        evidence=(written(manifest, "apiVersion", f"apiVersion: {version}, kind: {ref.kind}"),), weight=0.9,
        steps=(change("Install the operator or the CustomResourceDefinition first", ref),),
    )  # fmt: skip
