"""Images and versions, and who holds what: CPU, memory and devices as requested against what the nodes offer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction

from copilot.agent.asking import Asking
from copilot.agent.draft import MAX_NAMES, Draft, names
from copilot.agent.question import Question
from copilot.model import Ref, Resource, children, mapping, parse_quantity, text
from copilot.model.quantity import format_amount
from copilot.model.wording import plural
from retrievers.graph.placement import requests_of

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob")


def answer_images(asking: Asking, question: Question, draft: Draft) -> None:
    """Say which images run, or who runs a given image or tag."""
    if question.refs and question.refs[0].kind in (*_WORKLOADS, "Pod", "Job", "ReplicaSet"):
        for ref in question.refs[:3]:
            resource = asking.graph.get(ref)
            images = [
                text(c, "image")
                for key in ("initContainers", "containers")
                for c in children(asking.view.template(ref), key)
            ]
            if resource is not None and images:
                draft.say(
                    f"{ref} runs {', '.join(images)}.",
                    draft.cite(resource, "spec.template.spec.containers[].image", f"{ref}: {', '.join(images)}"),
                )
        return
    users: dict[str, list[Resource]] = defaultdict(list)
    for kind in (*_WORKLOADS, "Pod", "Job"):
        for resource in asking.members(kind, question.namespace):
            if kind in ("Pod", "Job") and asking.graph.owners(resource.ref):
                continue
            for container in children(asking.view.template(resource.ref), "containers"):
                users[text(container, "image")].append(resource)
    wanted = _wanted(question)
    chosen = {image: found for image, found in users.items() if wanted is None or wanted(image)}
    if not chosen:
        draft.say(
            f"Nothing that was read runs {question.text.rstrip('?').split()[-1]}." if wanted else "No images were read."
        )
        return
    for image, found in sorted(chosen.items())[:MAX_NAMES]:
        facts = [
            draft.cite(one, "spec.template.spec.containers[].image", f"{one.ref} runs {image}") for one in found[:3]
        ]
        draft.say(f"{image or '(no image)'}: {names(one.ref for one in found)}", *facts)
    if len(chosen) > MAX_NAMES:
        draft.say(f"and {len(chosen) - MAX_NAMES} more images.")


def _wanted(question: Question) -> Callable[[str], bool] | None:
    if "latest" in question.text.lower():
        return lambda image: image.endswith(":latest") or (":" not in image.rpartition("/")[2] and "@" not in image)
    version = re.search(r"\bv?\d+(?:\.\d+){1,3}[\w.-]*", question.text)
    words = [version.group()] if version else [word for word in question.unknown if len(word) > 2]
    return (lambda image: any(word in image for word in words)) if words else None


def answer_holders(asking: Asking, question: Question, draft: Draft) -> None:
    """Say how much of a resource the nodes offer, how much is requested, and by whom."""
    offered: dict[str, Fraction] = defaultdict(Fraction)
    nodes = asking.members("Node", None)
    for node in nodes:
        for name, amount in mapping(node.status, "allocatable").items():
            offered[name] += parse_quantity(amount) or Fraction(0)
    if not nodes:
        draft.known = False
        draft.say("I cannot tell: no nodes were read.")
        draft.offer("List the nodes", "kubectl get nodes -o json")
        return
    for resource_name in _resources(question, offered):
        _holders(asking, draft, resource_name, offered[resource_name], nodes)


def _resources(question: Question, offered: dict[str, Fraction]) -> list[str]:
    lowered = question.text.lower()
    devices = [name for name in sorted(offered) if "/" in name and not name.startswith("hugepages")]
    if re.search(r"\bgpus?\b|\baccelerators?\b|\bdevices?\b", lowered):
        return devices or ["nvidia.com/gpu"]
    if "memory" in lowered or re.search(r"\bram\b", lowered):
        return ["memory"]
    return ["cpu"] if re.search(r"\bcpus?\b|\bcores?\b", lowered) else ["cpu", "memory", *devices]


def _holders(asking: Asking, draft: Draft, name: str, offered: Fraction, nodes: list[Resource]) -> None:
    held: dict[Ref, Fraction] = defaultdict(Fraction)
    waiting: dict[Ref, Fraction] = defaultdict(Fraction)
    for pod in asking.graph.of_kind("Pod"):
        if text(pod.status, "phase") in ("Succeeded", "Failed"):
            continue
        amount = requests_of(pod.spec).get(name, Fraction(0))
        if amount:
            owner = asking.graph.top_owner(pod.ref)
            (held if text(pod.spec, "nodeName") else waiting)[owner] += amount
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
        draft.say(
            f"{name}: {format_amount(name, used)} of {format_amount(name, offered)} requested, {format_amount(name, offered - used)} free.",
            fact,
        )
    for owner, amount in sorted(held.items(), key=lambda pair: (-pair[1], pair[0]))[:6]:
        draft.say(
            f"{owner} holds {format_amount(name, amount)} {name}.",
            draft.cite_ref(
                owner,
                f"spec.containers[].resources.requests[{name}]",
                f"{owner} requests {format_amount(name, amount)} {name}",
                "list",
            ),
        )
    for owner, amount in sorted(waiting.items())[:4]:
        draft.say(
            f"{owner} waits for {format_amount(name, amount)} {name}.",
            draft.cite_ref(
                owner,
                f"spec.containers[].resources.requests[{name}]",
                f"{owner} waits for {format_amount(name, amount)} {name}",
                "list",
            ),
        )
