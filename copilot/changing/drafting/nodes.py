"""Drafts evictions: of one pod, and of the fixed list of pods that a drain is. New pods need a new plan."""

from __future__ import annotations

from typing import Any

import msgspec

from copilot.changing.drafting.drafted import Drafted, Part
from copilot.changing.drafting.switches import switch
from copilot.changing.lookup import Found, Lookup, ref_of
from copilot.model import children, text
from guardrails.errors import IntentError
from guardrails.facts import Eviction
from guardrails.kinds import changeable
from guardrails.operations import Cordon, Drain, Evict
from guardrails.operations.args import EvictArgs
from guardrails.workload import is_ready

_MIRROR = "kubernetes.io/config.mirror"
_FINISHED = ("Succeeded", "Failed")
_MOST = 250  # pods: twice what a kubelet runs by default; a longer list is not read before it is approved


def evict(found: Found, intent: Evict) -> Drafted:
    """Evict one pod.

    Raises:
        IntentError: the grace period is 0.
    """
    _require_grace(intent.grace_seconds)
    pod = eviction_of(found.body)
    mirror = _MIRROR in (found.body.get("metadata", {}).get("annotations") or {})
    return Drafted(
        parts=(Part(found.ref, EvictArgs(intent.grace_seconds), found.body),),
        evictions=(pod,),
        refusals=("it is a static pod: its node makes it again from a file",) if mirror else (),
        irreversible=_lost((pod,)),
    )


def drain(found: Found, intent: Drain, lookup: Lookup) -> Drafted:
    """Cordon the node and evict the pods that are on it now, each by name.

    Raises:
        IntentError: the grace period is 0, or there are too many pods for one plan.
    """
    _require_grace(intent.grace_seconds)
    pods, refusals = pods_to_evict(lookup.pods_on(found.name), intent)
    if len(pods) > _MOST:
        raise IntentError(f"{len(pods)} pods are too many for one plan", f"Evict some first; {_MOST} fit one card.")
    cordon = switch(found, Cordon(intent.target))
    kind = changeable("Pod")
    parts = [
        Part(ref_of(kind, text(pod, "metadata", "namespace"), text(pod, "metadata", "name"), pod),
             EvictArgs(intent.grace_seconds), pod)
        for pod in pods
    ]  # fmt: skip
    evictions = tuple(eviction_of(pod) for pod in pods)
    lost = _lost(evictions)
    if parts:
        lost += ("the evictions themselves: uncordoning brings no pod back to this node",)
    return msgspec.structs.replace(
        cordon,
        parts=(*cordon.parts, *parts),
        evictions=evictions,
        refusals=refusals,
        irreversible=lost,
        unchecked=("whether the other nodes have room for the pods",) if parts else (),
    )


def pods_to_evict(pods: list[dict[str, Any]], intent: Drain) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Of the pods of a node those that a drain evicts, and why it may not go on (kubectl: pkg/drain/filters)."""
    chosen, refusals = [], []
    for pod in sorted(pods, key=lambda body: (text(body, "metadata", "namespace"), text(body, "metadata", "name"))):
        if _MIRROR in (pod.get("metadata", {}).get("annotations") or {}) or text(pod, "metadata", "deletionTimestamp"):
            continue
        facts = eviction_of(pod)
        finished = text(pod, "status", "phase") in _FINISHED
        where = f"pod {facts.namespace}/{facts.name}"
        if facts.owner.startswith("DaemonSet ") and not finished:
            if not intent.ignore_daemonsets:
                refusals.append(f"{where} is of {facts.owner}, which would make it again (say: ignoring daemonsets)")
            continue
        if facts.scratch and not finished and not intent.delete_emptydir_data:
            refusals.append(f"{where} has data in emptyDir volumes (say: deleting emptydir data)")
        if not facts.owner and not finished and not intent.unmanaged:
            refusals.append(f"nothing makes {where} again (say: including unmanaged pods)")
        chosen.append(pod)
    return chosen, tuple(refusals)


def eviction_of(pod: dict[str, Any]) -> Eviction:
    """What the rules ask about one pod to evict."""
    owners = [owner for owner in children(pod, "metadata", "ownerReferences") if owner.get("controller") is True]
    return Eviction(
        namespace=text(pod, "metadata", "namespace"),
        name=text(pod, "metadata", "name"),
        ready=is_ready(pod),
        owner=f"{text(owners[0], 'kind')} {text(owners[0], 'name')}" if owners else "",
        scratch=any("emptyDir" in volume for volume in children(pod, "spec", "volumes")),
    )


def _lost(pods: tuple[Eviction, ...]) -> tuple[str, ...]:
    scratch = [f"{pod.namespace}/{pod.name}" for pod in pods if pod.scratch]
    lone = [f"{pod.namespace}/{pod.name}" for pod in pods if not pod.owner]
    return (
        *((f"what these pods hold in emptyDir volumes: {', '.join(scratch)}",) if scratch else ()),
        *((f"these pods, which nothing makes again: {', '.join(lone)}",) if lone else ()),
    )


def _require_grace(seconds: int | None) -> None:
    if seconds is not None and seconds < 1:
        raise IntentError("A grace period of 0 kills without warning", "Leave it away, or give at least 1 second.")
