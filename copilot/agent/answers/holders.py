"""Who holds what: CPU, memory and devices as requested against what the nodes offer, with who waits; device claims too."""

from __future__ import annotations

import re
from collections import defaultdict
from fractions import Fraction

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.facts import is_device, published_devices
from copilot.agent.question import Question
from copilot.model import Ref, Resource, children, mapping, text
from copilot.model.quantity import format_amount
from copilot.model.wording import plural
from retrievers.graph import EdgeKind
from retrievers.graph.placement import allocatable_of, requests_of

_DEVICES = re.compile(r"(?<![\w-])(?:gpus?|accelerators?|devices?)(?![\w-])")
_TOLD = 6


def answer_holders(asking: Asking, question: Question, draft: Draft) -> None:
    """Say how much of a resource the nodes offer, how much is requested, and by whom."""
    named = [ref.name for ref in question.refs if ref.kind == "Node"]
    nodes = [node for node in asking.members("Node", None) if not named or node.ref.name in named]
    if not nodes:
        say_unread_kind(asking, None, draft, "Node")
        return
    offered: dict[str, Fraction] = defaultdict(Fraction)
    for node in nodes:
        for name, amount in allocatable_of(node).items():
            offered[name] += amount
    claims = asking.members("ResourceClaim", question.namespace)
    about_devices = bool(_DEVICES.search(question.lowered))
    wanted = _resources(asking, question.lowered, offered)
    if about_devices and claims and not any(offered.get(name) for name in wanted):
        wanted = []
    for name in wanted:
        _holders(asking, draft, name, offered[name], nodes)
    if about_devices or (not named and not wanted):
        _claims(asking, claims, draft)


def _resources(asking: Asking, lowered: str, offered: dict[str, Fraction]) -> list[str]:
    devices = [name for name in sorted(offered) if is_device(name)]
    if _DEVICES.search(lowered):
        return devices or sorted(_requested_devices(asking)) or ["nvidia.com/gpu"]
    if "memory" in lowered or re.search(r"\bram\b", lowered):
        return ["memory"]
    return ["cpu"] if re.search(r"\bcpus?\b|\bcores?\b", lowered) else ["cpu", "memory", *devices]


def _requested_devices(asking: Asking) -> set[str]:
    """Devices that pods ask for and no node offers."""
    return {name for pod in asking.graph.of_kind("Pod") for name in requests_of(pod.spec) if is_device(name)}


def _holders(asking: Asking, draft: Draft, name: str, offered: Fraction, nodes: list[Resource]) -> None:
    held, waiting = _shares(asking, name, {node.ref.name for node in nodes})
    used = sum(held.values(), Fraction(0))
    fact = draft.cite_ref(
        nodes[0].ref if len(nodes) == 1 else Ref("Node", "", "*"),
        f"status.allocatable[{name}]",
        f"{plural(len(nodes), 'node')} offer {format_amount(name, offered)} {name}",
        "list",
    )
    if not offered:
        draft.say(f"No node offers {name}.", fact)
    else:
        left = format_amount(name, offered - used)
        draft.say(
            f"{name}: {format_amount(name, used)} of {format_amount(name, offered)} requested, {left} free.", fact
        )
    for verb, found in (("holds", held), ("waits for", waiting)):
        ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        for owner, amount in ranked[:_TOLD]:
            words = f"{owner} {verb} {format_amount(name, amount)} {name}"
            draft.say(
                f"{words}.", draft.cite_ref(owner, f"spec.containers[].resources.requests[{name}]", words, "list")
            )
        if len(ranked) > _TOLD:
            rest = sum((amount for _, amount in ranked[_TOLD:]), Fraction(0))
            draft.say(f"{len(ranked) - _TOLD} more {'hold' if verb == 'holds' else 'wait for'} {format_amount(name, rest)} together.")  # fmt: skip


def _shares(asking: Asking, name: str, nodes: set[str]) -> tuple[dict[Ref, Fraction], dict[Ref, Fraction]]:
    """(held on these nodes, waited for) by the workloads a person thinks in."""
    held: dict[Ref, Fraction] = defaultdict(Fraction)
    waiting: dict[Ref, Fraction] = defaultdict(Fraction)
    for pod in asking.graph.of_kind("Pod"):
        if text(pod.status, "phase") in ("Succeeded", "Failed"):
            continue
        amount = requests_of(pod.spec).get(name, Fraction(0))
        place = text(pod.spec, "nodeName")
        if amount and (not place or place in nodes):
            (held if place else waiting)[asking.graph.top_owner(pod.ref)] += amount
    return held, waiting


def _claims(asking: Asking, claims: list[Resource], draft: Draft) -> None:
    """Devices handed out through ResourceClaims, and the claims that wait for one."""
    if not claims:
        return
    count = sum(1 for _ in published_devices(asking))
    handed = [claim for claim in claims if mapping(claim.status, "allocation")]
    devices = sum(len(list(children(claim.status, "allocation", "devices", "results"))) for claim in handed)
    fact = draft.cite_ref(Ref("ResourceSlice", "", "*"), "spec.devices", f"{plural(count, 'device')} published", "list")
    draft.say(f"{plural(count, 'device')} published for claims, {devices} allocated.", fact)
    for claim in claims[: 2 * _TOLD]:
        users = [edge.source for edge in asking.graph.into(claim.ref, EdgeKind.CLAIMS, EdgeKind.CLAIMS_IMPLICIT)]
        whom = asking.graph.top_owner(users[0]) if users else asking.graph.top_owner(claim.ref)
        names = [f"{text(one, 'device')} of {text(one, 'pool')}" for one in children(claim.status, "allocation", "devices", "results")]  # fmt: skip
        words = f"{whom} holds {', '.join(names)} through {claim.ref}" if names else f"{whom} waits for a device through {claim.ref}"  # fmt: skip
        draft.say(f"{words}.", draft.cite(claim, "status.allocation", words))
