"""Accelerators: which models on which nodes, how many, with how much memory, by extended resources and by ResourceSlices alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.facts import TEMPLATED, claim_sources, device_requests, devices_of, published_devices
from copilot.agent.question import Question
from copilot.model import Resource, mapping, parse_quantity, text
from copilot.model.quantity import format_amount, format_bytes
from copilot.model.wording import plural

_TOLD = 10
_PRODUCT = ("gpu.product", "accelerator", "gpu-model", "gpu.model")  # what device plugins and clouds call the label
_MEMORY = ("gpu.memory",)  # MiB, by GPU feature discovery


def answer_devices(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the devices of the nodes asked about, or of all."""
    asking_for = [one for ref in question.refs if ref.kind in TEMPLATED and (one := asking.graph.get(ref)) is not None]
    if asking_for:
        for resource in asking_for[:4]:
            _say_request(asking, resource, draft)
        return
    named = [ref.name for ref in question.refs if ref.kind == "Node"]
    nodes = [node for node in asking.members("Node", None) if not named or node.ref.name in named]
    published = [one for one in published_devices(asking) if not named or one[1] in named]
    offering = [node for node in nodes if devices_of(node)]
    if not nodes and not published:
        say_unread_kind(asking, None, draft, "Node")
        return
    for node in offering[:_TOLD]:
        _say_node(node, draft)
    if len(offering) > 1:
        totals: Counter[str] = Counter()
        for node in offering:
            for name, amount in devices_of(node).items():
                totals[name] += int(amount)
        words = ", ".join(f"{count} {name}" for name, count in sorted(totals.items()))
        draft.say(f"In all: {words} on {plural(len(offering), 'node')}.")
    _say_published(published, draft)
    if not offering and not published:
        where = f"Node {', '.join(named)} offers" if named else "No node offers"
        draft.say(
            f"{where} {'no ' if named else ''}accelerators.",
            *[draft.cite(node, "status.allocatable", "no extended resources") for node in nodes[:3]],
        )


def _say_request(asking: Asking, resource: Resource, draft: Draft) -> None:
    wanted = device_requests(asking.view.template(resource.ref))
    shown = [f"{format_amount(name, amount)} {name}" for name, amount in sorted(wanted.items())]
    shown += [f"devices through {source}" for source in claim_sources(asking, resource)]
    words = f"asks for {', '.join(shown)} per pod" if shown else "asks for no accelerators"
    draft.say(f"{resource.ref} {words}.", draft.cite(resource, "spec.containers[].resources", words))


def _say_node(node: Resource, draft: Draft) -> None:
    models = [str(value) for key, value in sorted(node.labels.items()) if key.endswith(_PRODUCT)]
    memory = next((parse_quantity(value) for key, value in node.labels.items() if key.endswith(_MEMORY)), None)
    for name, amount in sorted(devices_of(node).items()):
        had = parse_quantity(mapping(node.status, "capacity").get(name))
        lost = f", {format_amount(name, had - amount)} unhealthy" if had is not None and had > amount else ""
        model = f", model {', '.join(models)}" if models else ""
        size = f", {format_bytes(memory * (1 << 20))} each" if memory else ""
        words = f"{format_amount(name, amount)} {name}{model}{size}{lost}"
        draft.say(f"{node.ref}: {words}.", draft.cite(node, f"status.allocatable[{name}]", words))


def _say_published(published: Sequence[tuple[Resource, str, Mapping[str, Any]]], draft: Draft) -> None:
    shapes: dict[tuple[str, str, str, str], list[tuple[Resource, str]]] = {}
    for item, node, device in published:
        body = mapping(device, "basic") or mapping(device)
        models = [
            str(next(iter(mapping(value).values()), ""))
            for key, value in mapping(body, "attributes").items()
            if any(part in key.lower() for part in ("product", "model", "type"))
        ]
        sizes = [
            f"{key} {text(value, 'value') or value}"
            for key, value in mapping(body, "capacity").items()
            if isinstance(value, (dict, str))
        ]
        shape = (text(item.spec, "driver"), node, ", ".join(models), ", ".join(sizes))
        shapes.setdefault(shape, []).append((item, text(device, "name")))
    if shapes:
        draft.say(f"{plural(len(published), 'device')} published in ResourceSlices:")
    for (driver, node, model, size), devices in sorted(shapes.items())[:_TOLD]:
        words = f"{plural(len(devices), 'device')} of driver {driver}" + (f", {model}" if model else "") + (f", {size}" if size else "")  # fmt: skip
        place = f"Node {node}" if node else "Any node"
        draft.say(f"{place}: {words}.", draft.cite(devices[0][0], "spec.devices", words))
