"""From the constraint that keeps pods off all nodes to the sentence, the object to change and the proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from copilot.diagnosis.rules.scheduling import causes
from copilot.diagnosis.rules.scheduling.case import Case
from copilot.diagnosis.rules.scheduling.choice import CONTROL_PLANE, Choice
from copilot.diagnosis.rules.scheduling.fit import access_modes, claims_of, volumes_of
from copilot.diagnosis.rules.scheduling.labels import mismatches, wanted_text
from copilot.diagnosis.rules.scheduling.message import Filter
from copilot.diagnosis.rules.scheduling.room import DEFAULT_MAX_PODS, node_lines, room, slots
from copilot.diagnosis.rules.scheduling.taints import pinned, tainted
from copilot.diagnosis.steps import change, describe, listing
from copilot.diagnosis.view import said
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Finding, Ref
from copilot.model.likeness import nearest
from retrievers.graph.placement import pods_on

_LABELS = read("List nodes with their labels", "kubectl get nodes --show-labels")


def explain(case: Case, choice: Choice) -> Finding:
    """The finding for the constraint that was chosen."""
    return _BUILDERS[choice.filter](case, choice)


def _affinity(case: Case, choice: Choice) -> Finding:
    spec = case.pod.resource.spec
    gaps = mismatches(spec, [fit.node for fit in choice.nodes])
    why = gaps[0][1] if gaps else "each label exists, but no node has all of them"
    return case.finding(
        causes.NODE_AFFINITY,
        f"No node matches the {wanted_text(spec)} of {case.who}: {why}",
        evidence=tuple(said(case.pod.resource, path, sentence) for path, sentence in gaps[:3]),
        steps=(_LABELS, change(f"Correct the node selector or affinity of {case.who}", case.owner)),
    )


def _cordon(case: Case, choice: Choice) -> Finding:
    names = [fit.name for fit in choice.nodes]
    many = len(names) > 1
    return case.finding(
        causes.CORDON,
        f"{'Nodes' if many else 'Node'} {listed(names)} {'are' if many else 'is'} cordoned (unschedulable), and {case.who} fits nowhere else",
        ref=choice.nodes[0].node.ref,
        evidence=(
            *node_lines(choice, Filter.CORDON),
            *([] if not case.pod.resource.spec.get("nodeSelector") else list(pinned(case))[:1]),
        ),
        steps=(
            describe(choice.nodes[0].node.ref),
            change(
                "Uncordon the node when its maintenance is over",
                choice.nodes[0].node.ref,
                f"kubectl uncordon {names[0]}",
            ),
        ),
    )


def _neighbours(case: Case, choice: Choice) -> Finding:
    kind = choice.filter
    word = "anti-affinity" if kind is Filter.ANTI_AFFINITY else "affinity"
    detail = next(fit.why(kind) for fit in choice.nodes)
    domains = plural(len(choice.candidates), "suitable node")
    wanted = case.view.graph.get(case.owner)
    replicas = wanted.spec.get("replicas") if wanted is not None else None
    count = f"{replicas} replicas, {domains}" if isinstance(replicas, int) else domains
    return case.finding(
        causes.POD_AFFINITY,
        f"The required pod {word} of {case.who} leaves no node ({count}): {detail}",
        evidence=node_lines(choice, kind),
        steps=(change(f"Make the {word} of {case.who} preferred, or run fewer replicas than domains", case.owner),),
    )


def _spread(case: Case, choice: Choice) -> Finding:
    detail = next(fit.why(Filter.SPREAD) for fit in choice.nodes)
    return case.finding(
        causes.SPREAD,
        f"The topology spread constraint of {case.who} leaves no node: {detail}",
        evidence=node_lines(choice, Filter.SPREAD),
        steps=(_LABELS, change(f"Raise maxSkew or use ScheduleAnyway in {case.who}", case.owner)),
    )


def _ports(case: Case, choice: Choice) -> Finding:
    detail = next(fit.why(Filter.HOST_PORT) for fit in choice.nodes)
    return case.finding(
        causes.HOST_PORTS,
        f"The host port of {case.who} is taken on {plural(len(choice.nodes), 'suitable node')}: {detail}",
        evidence=node_lines(choice, Filter.HOST_PORT),
        steps=(change(f"Free the port, or drop hostPort from {case.who}", case.owner),),
    )


def _volume(case: Case, choice: Choice) -> Finding:
    """No node can use both the volume and what the pod selects; without any node for the volume, the volume is stranded."""
    usable = [fit for fit in case.nodes.fits(case.pod.resource) if Filter.VOLUME_NODE not in fit.failures]
    bound = list(volumes_of(case.view, case.pod.resource))
    claim, volume = bound[0] if bound else (None, None)
    name = f"PersistentVolume {volume.ref.name}" if volume is not None else "the pod's PersistentVolume"
    detail = next(fit.why(Filter.VOLUME_NODE) for fit in choice.nodes)
    cause = causes.VOLUME_ZONE if "zone" in detail else causes.VOLUME_NODE
    if usable:
        where = f"only usable on {listed([fit.name for fit in usable])}, which the pod's {wanted_text(case.pod.resource.spec)} excludes"
        ref = case.owner
    else:
        where = "usable on no node there is: its node or zone is gone (volume node affinity)"
        ref = volume.ref if volume is not None else case.owner
    steps = (describe(volume.ref),) if volume is not None else ()
    return case.finding(
        cause,
        f"{case.who} needs {name}{f' (claim {claim.ref.name})' if claim else ''}, {where}",
        ref=ref,
        evidence=node_lines(choice, Filter.VOLUME_NODE),
        steps=(*steps, change("Give the pod a node where the volume is, or move the data", ref)),
    )


_BUILDERS: Mapping[Filter, Callable[[Case, Choice], Finding]] = {
    Filter.NODE_AFFINITY: _affinity,
    Filter.TAINT: tainted,
    Filter.CORDON: _cordon,
    Filter.RESOURCE: room,
    Filter.PODS: slots,
    Filter.ANTI_AFFINITY: _neighbours,
    Filter.POD_AFFINITY: _neighbours,
    Filter.SPREAD: _spread,
    Filter.HOST_PORT: _ports,
    Filter.VOLUME_NODE: _volume,
}


def explain_text(case: Case, kind: Filter) -> Finding | None:
    """The finding from the scheduler's words alone: nodes were not read, or by now one of them has room."""
    if case.message is None:
        return None
    if kind is Filter.VOLUME_MISSING:
        return _claim_missing(case)
    if kind is Filter.VOLUME_EXCLUSIVE:
        return _exclusive(case)
    reason = next((reason for reason in case.message.of(kind)), None)
    if reason is None:
        return None
    cause = causes.room_cause(reason.detail) if kind is Filter.RESOURCE else causes.BY_FILTER.get(kind)
    if cause is None:
        return None
    detail = f"Insufficient {reason.detail}" if kind is Filter.RESOURCE else reason.text
    asked = (
        f" ({wanted_text(case.pod.resource.spec)})"
        if kind in (Filter.NODE_AFFINITY, Filter.TAINT) and case.pod.resource.spec.get("nodeSelector")
        else ""
    )
    node = _cordoned(case) if kind is Filter.CORDON else None
    if kind is Filter.PODS:
        node, counted = _fullest(case, reason.count)
        detail += counted
    return case.finding(
        cause,
        f"{case.who} fits on no node{asked}: {detail} on {reason.count or 'all'} of {case.message.total or 'the'} nodes",
        ref=node,
        steps=(
            read("Read labels, taints and room of the nodes", "kubectl describe nodes"),
            change(f"Change {case.who}, or the nodes", case.owner),
        ),
        doubts=("the nodes were not read in full, so the arithmetic could not be checked",)
        if not case.nodes.known
        else (),
    )


def _fullest(case: Case, count: int) -> tuple[Ref | None, str]:
    """The nodes that must be the full ones, by elimination, with the pods seen on each; small ones are to be changed."""
    workers = [node.ref for node in case.nodes.all.values() if not any(key in node.labels for key in CONTROL_PLANE)]
    if not workers or len(workers) != count:
        return None, ""
    seen = {ref: len(pods_on(case.view.graph, ref)) for ref in sorted(workers)}
    fullest = max(seen, key=lambda ref: seen[ref])
    small = 0 < seen[fullest] < DEFAULT_MAX_PODS
    return (fullest if small else None), f" ({listed([f'{ref.name} runs {number}' for ref, number in seen.items()])})"


def _cordoned(case: Case) -> Ref | None:
    found = [node.ref for node in case.nodes.all.values() if node.spec.get("unschedulable") is True]
    return found[0] if len(found) == 1 else None


def _claim_missing(case: Case) -> Finding | None:
    reason = next(iter(case.message.of(Filter.VOLUME_MISSING))) if case.message else None
    name = reason.detail if reason else ""
    wanted = Ref("PersistentVolumeClaim", case.pod.ref.namespace, name)
    if case.view.graph.get(wanted) is not None:
        return None
    near = nearest(
        name, [claim.ref.name for claim in case.view.graph.of_kind("PersistentVolumeClaim", wanted.namespace)]
    )
    return case.finding(
        causes.CLAIM_MISSING,
        f"{case.who} mounts PersistentVolumeClaim {name}, which does not exist in namespace {wanted.namespace}"
        + (f" (there is {near})" if near else ""),
        steps=(
            listing("persistentvolumeclaims", wanted.namespace),
            change(f"Create the claim, or correct the name in {case.who}", case.owner),
        ),
        weight=0.95,
    )


def _exclusive(case: Case) -> Finding:
    held = []
    for claim in claims_of(case.pod.resource):
        resource = case.view.graph.get(claim)
        if resource is None or "ReadWriteOncePod" in access_modes(resource):
            held += [
                pod.ref
                for pod in case.view.graph.of_kind("Pod", claim.namespace)
                if pod.ref != case.pod.ref and pod.spec.get("nodeName") and claim in claims_of(pod)
            ]
    holder = f", held by {listed([f'pod {ref.name}' for ref in held])}" if held else ""
    return case.finding(
        causes.EXCLUSIVE,
        f"{case.who} needs a ReadWriteOncePod volume that another pod uses{holder}",
        steps=(change("End the pod that holds the volume, or use access mode ReadWriteOnce", case.owner),),
        weight=0.9 if held else 0.7,
    )
