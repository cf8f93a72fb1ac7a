"""Renders a cluster's state as documents: a summary of each owner and the words of what is abnormal, never each pod.

Text that controllers keep and text that anybody writes stand in sections of their own, each with its label and with what
one must be able to get to be shown it. Equal state gives equal documents, so that nothing is written twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from copilot.model import Ref, Resource, children, mapping, number, text, texts
from guardrails.provenance.labels import Source
from guardrails.redaction import Redactor
from retrievers.graph import ResourceGraph
from retrievers.graph.condition import Mark, condition_of, one_line
from retrievers.graph.edge import EdgeKind
from retrievers.knowledge.rights import Need, resource_of
from retrievers.knowledge.store import Chunk, Document, Trust, section_sha

OBJECTS_VERSION = "1"  # part of every hash: another way of rendering writes all anew
_SUMMARISED = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "Ingress", "HTTPRoute", "Gateway",
     "HorizontalPodAutoscaler", "PodDisruptionBudget", "PersistentVolumeClaim", "Node", "NetworkPolicy", "ResourceQuota"}
)  # fmt: skip
_NEVER = frozenset(
    {"Secret", "Event", "Lease", "Endpoints", "EndpointSlice"}
)  # nothing in them that a person would search
_OWN_WORDS = (EdgeKind.REFERENCES, EdgeKind.MOUNTS, EdgeKind.USES, EdgeKind.USES_SA, EdgeKind.ROUTES_TO, EdgeKind.OF_CLASS, EdgeKind.BOUND_TO, EdgeKind.SCALES)  # fmt: skip
_MOST = 12  # lines of one sort: a summary, not a dump
_LINE = 300  # characters of a message


def root_of(cluster: str) -> str:
    """What the documents of a cluster are filed under."""
    return f"objects/{cluster}"


def render_objects(graph: ResourceGraph, cluster: str, redactor: Redactor) -> Iterator[Document]:
    """One document for each owner and each abnormal object."""
    troubled: dict[Ref, list[Resource]] = {}
    for resource in graph.resources():
        if resource.ref.kind not in _NEVER and condition_of(resource).mark is Mark.ILL:
            top = graph.top_owner(resource.ref)
            shown = top if graph.get(top) is not None else resource.ref
            troubled.setdefault(shown, []).append(resource)
    for resource in sorted(graph.resources(), key=lambda one: one.ref):
        owned = bool(graph.owners(resource.ref))
        ill = troubled.get(resource.ref, [])
        if resource.ref.kind not in _NEVER and (ill or (resource.ref.kind in _SUMMARISED and not owned)):
            yield _document(graph, resource, ill, cluster, redactor)


def _document(
    graph: ResourceGraph, resource: Resource, ill: list[Resource], cluster: str, redactor: Redactor
) -> Document:
    ref = resource.ref
    title = redactor.text(str(ref))
    own = _need(cluster, ref)
    chunks = [_chunk(title, "state", _facts(graph, resource), Source.K8S_STRUCTURED, (own,), redactor)]
    said, needs = _said(graph, ill, cluster)
    if said:
        chunks.append(_chunk(title, "messages", said, Source.K8S_FREETEXT, tuple(sorted({own, *needs})), redactor))
    digest = hashlib.sha256(OBJECTS_VERSION.encode())
    for chunk in chunks:
        digest.update(f"{chunk.sha} {chunk.needs}".encode())
    path = f"{root_of(cluster)}/{ref.namespace or '-'}/{resource_of(ref.kind, ref.group)}/{ref.name}"
    return Document(path, root_of(cluster), title, Trust.OBJECTS, digest.hexdigest(), tuple(chunks))


def _chunk(
    title: str, heading: str, lines: list[str], label: Source, needs: tuple[Need, ...], redactor: Redactor
) -> Chunk:
    words = redactor.text("\n".join(dict.fromkeys(lines)))
    return Chunk(heading, words, 1, section_sha(label, title, heading, words), label, needs)


def _need(cluster: str, ref: Ref) -> Need:
    return Need(cluster, resource_of(ref.kind, ref.group), ref.namespace)


def _facts(graph: ResourceGraph, resource: Resource) -> list[str]:
    """What the object's own typed fields say."""
    ref = resource.ref
    found = condition_of(resource)
    lines = [f"{ref}: {found.mark.value}" + (f", {found.words}" if found.words and not _is_custom(ref) else "")]
    template = mapping(resource.spec, "template") or mapping(resource.spec, "jobTemplate", "spec", "template")
    for container in list(children(template, "spec", "containers"))[:_MOST]:
        ports = ", ".join(str(number(port, "containerPort")) for port in children(container, "ports"))
        line = f"container {one_line(text(container, 'name'))} runs {one_line(text(container, 'image'), 200)}"
        lines.append(line + (f", ports {ports}" if ports else ""))
    if ref.kind == "Service":
        ports = ", ".join(f"{number(port, 'port')}" for port in children(resource.spec, "ports"))
        lines.append(f"type {one_line(text(resource.spec, 'type') or 'ClusterIP')}, ports {ports or 'none'}")
    if ref.kind == "CronJob":
        lines.append(
            f"schedule {one_line(text(resource.spec, 'schedule'))}, suspended {resource.spec.get('suspend') is True}"
        )
    if ref.kind == "PersistentVolumeClaim":
        modes = ", ".join(texts(resource.spec, "accessModes"))
        lines.append(f"asks for {one_line(text(resource.spec, 'resources', 'requests', 'storage'))}, {one_line(modes)}")
    named = sorted({str(edge.target) for edge in graph.out(ref, *_OWN_WORDS)})
    lines += [f"names {one_line(one, 200)}" for one in named[:_MOST]]
    if len(named) > _MOST:
        lines.append(f"and names {len(named) - _MOST} more objects")
    return lines


def _is_custom(ref: Ref) -> bool:
    return "." in ref.group and not ref.group.endswith(".k8s.io")


def _said(graph: ResourceGraph, ill: list[Resource], cluster: str) -> tuple[list[str], set[Need]]:
    """What the abnormal objects' statuses and warning events say, each message once, and what one must get for that."""
    lines: list[str] = []
    needs: set[Need] = set()
    for resource in sorted(ill, key=lambda one: one.ref):
        kind = resource.ref.kind
        before = len(lines)
        lines += [f"{kind} {line}" for line in _status_words(resource)]
        if len(lines) > before:
            needs.add(_need(cluster, resource.ref))
        for event in graph.events(resource.ref):
            if event.type == "Warning":
                lines.append(f"{kind} event {one_line(event.reason)}: {one_line(event.message, _LINE)}")
                needs |= {_need(cluster, resource.ref), Need(cluster, "events", event.ref.namespace)}
    return list(dict.fromkeys(lines))[:_MOST], needs


def _status_words(resource: Resource) -> Iterator[str]:
    found = condition_of(resource)
    if found.words:
        yield found.words
    for place in ("initContainerStatuses", "containerStatuses"):
        for container in children(resource.status, place):
            for state in ("waiting", "terminated"):
                told = mapping(container, "state", state) or mapping(container, "lastState", state)
                if told and text(told, "reason") != "Completed":
                    words = f"{text(told, 'reason')} {text(told, 'message')}"
                    yield f"container {one_line(text(container, 'name'))} {state}: {one_line(words, _LINE)}"
    for condition in children(resource.status, "conditions"):
        if text(condition, "message") and text(condition, "status") != "True":
            yield f"{one_line(text(condition, 'type'))}: {one_line(text(condition, 'message'), _LINE)}"
