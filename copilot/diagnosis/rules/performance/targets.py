"""Whom an experiment or a rule of a mesh touches: pods by a selector of several namespaces, and the workloads they belong to. Pure.

Nothing is guessed: a selector that cannot be read selects nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, mapping, text, texts
from retrievers.graph import EdgeKind
from retrievers.graph.selectors import parse_label_selector

MAX_TARGETS = 200  # pods of one experiment: more change nothing in the answer


def selected_pods(view: View, selector: Mapping[str, Any], own: str) -> list[Resource]:
    """The pods that a chaos selector means: namespaces, labels, label expressions, names, nodes. `own` is its own namespace."""
    named = mapping(selector, "pods")
    if named:
        refs = [Ref("Pod", str(space), name) for space in sorted(named) for name in texts(named, space)]
        return [pod for ref in refs if (pod := view.graph.get(ref)) is not None][:MAX_TARGETS]
    labels = parse_label_selector(
        {
            "matchLabels": mapping(selector, "labelSelectors"),
            "matchExpressions": selector.get("expressionSelectors") or [],
        }
    )
    if labels is None:
        return []
    nodes = set(texts(selector, "nodes"))
    narrowed = bool(mapping(selector, "labelSelectors") or selector.get("expressionSelectors") or nodes)
    spaces = texts(selector, "namespaces") or [own]
    pods = [pod for space in spaces for pod in view.graph.of_kind("Pod", space, "") if labels.matches(_labels(pod))]
    chosen = [pod for pod in pods if not nodes or text(pod.spec, "nodeName") in nodes]
    return chosen[:MAX_TARGETS] if narrowed or mapping(selector) else []


def _labels(pod: Resource) -> Mapping[str, str]:
    return {str(key): value for key, value in pod.labels.items() if isinstance(value, str)}


def by_label_text(view: View, namespace: str, wanted: str) -> list[Resource]:
    """The pods of a namespace that carry the labels of a text such as `app=web,tier=front`."""
    pairs = [part.partition("=") for part in wanted.split(",") if "=" in part]
    labels = {key.strip(): value.strip("= ") for key, _, value in pairs}
    if not labels:
        return []
    return [pod for pod in view.graph.of_kind("Pod", namespace, "") if labels.items() <= _labels(pod).items()][
        :MAX_TARGETS
    ]


def touched(view: View, pods: Iterable[Resource]) -> tuple[Ref, ...]:
    """The pods with the workloads above them, nearest first."""
    found: dict[Ref, None] = {}
    for pod in pods:
        found[pod.ref] = None
        found[view.pod(pod).owner] = None
    return tuple(found)


def workloads_in(refs: Iterable[Ref]) -> list[Ref]:
    """The workloads among the touched; lone pods where there is none."""
    every = list(refs)
    return [ref for ref in every if ref.kind != "Pod"] or every


def behind_host(view: View, host: str, namespace: str) -> tuple[Ref, ...]:
    """The Service a host names, and the pods and workloads behind it."""
    service = service_of(view, host.lower().rstrip("."), namespace)
    return () if service is None else (service.ref, *touched(view, pods_behind(view, service.ref)))


def pods_behind(view: View, service: Ref) -> Iterator[Resource]:
    """The pods a Service selects."""
    for edge in view.graph.out(service, EdgeKind.SELECTS):
        pod = view.graph.get(edge.target)
        if pod is not None:
            yield pod
