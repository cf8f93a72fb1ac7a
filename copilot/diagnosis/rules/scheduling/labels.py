"""Which label of a node selector or affinity no node has, and the nearest that exists. Pure comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from copilot.diagnosis.words import listed
from copilot.model import Resource, children, dig, mapping, text, texts
from copilot.model.likeness import nearest
from retrievers.graph.placement import fits_node_terms
from retrievers.graph.selectors import parse_requirement

_AFFINITY = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")


def wanted_text(spec: Mapping[str, Any]) -> str:
    """The selector and affinity as a person would write them."""
    pairs = [f"{key}={value}" for key, value in mapping(spec, "nodeSelector").items()]
    terms = [
        " and ".join(
            _expression(entry) for entry in (*children(term, "matchExpressions"), *children(term, "matchFields"))
        )
        for term in children(dig(spec, *_AFFINITY), "nodeSelectorTerms")
    ]
    parts = []
    if pairs:
        parts.append(f"nodeSelector {', '.join(pairs)}")
    if terms:
        parts.append(f"node affinity {' or '.join(terms)}")
    return " with ".join(parts) or "node selector"


def _expression(entry: Mapping[str, Any]) -> str:
    values = texts(entry, "values")
    operator = text(entry, "operator")
    if operator == "In" and len(values) == 1:
        return f"{text(entry, 'key')}={values[0]}"
    return f"{text(entry, 'key')} {operator}" + (f" ({', '.join(values)})" if values else "")


def mismatches(spec: Mapping[str, Any], nodes: Sequence[Resource]) -> list[tuple[str, str]]:
    """(field, sentence) for every demand that no node meets by itself; empty when only the combination fails."""
    found = [*_selector_gaps(mapping(spec, "nodeSelector"), nodes)]
    required = dig(spec, *_AFFINITY)
    if required is not None and not any(fits_node_terms(required, node) for node in nodes):
        for term in children(required, "nodeSelectorTerms"):
            for entry in children(term, "matchExpressions"):
                need = parse_requirement(entry)
                if need is not None and not any(need.matches(node.labels) for node in nodes):
                    field = ".".join(("spec", *_AFFINITY))
                    found.append((field, _gap(need.key, sorted(need.values), nodes)))
    return found


def _selector_gaps(selector: Mapping[str, Any], nodes: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    for key, value in selector.items():
        if not any(node.labels.get(key) == value for node in nodes):
            yield f"spec.nodeSelector[{key}]", _gap(key, [str(value)], nodes)


def _gap(key: str, values: Sequence[str], nodes: Sequence[Resource]) -> str:
    existing = sorted({text(node.labels, key) for node in nodes if key in node.labels})
    if not existing:
        near = nearest(key, _keys(nodes))
        hint = f"; the nearest label key is {near}" if near else ""
        return f"no node has the label {key}{hint}"
    wanted = " or ".join(values)
    close = next((near for value in values if (near := nearest(value, existing))), "")
    if close:
        holder = next(node.ref.name for node in nodes if node.labels.get(key) == close)
        return (
            f"no node has {key}={wanted}; the nearest value is {close} (node {holder}), values are {listed(existing)}"
        )
    return f"no node has {key}={wanted}; its values are {listed(existing)}"


def _keys(nodes: Iterable[Resource]) -> set[str]:
    return {key for node in nodes for key in node.labels}
