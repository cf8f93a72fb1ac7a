"""Would one more fit: quota and limits first, then every node with its reason; the sum of what the nodes could take."""

from __future__ import annotations

import re

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.facts import SCALED, replicas
from copilot.agent.question import Question
from copilot.agent.room import next_pod, obstacles, slots
from copilot.diagnosis.rules.scheduling.fit import NodeFit
from copilot.model import Resource, number
from copilot.model.quantity import format_amount
from copilot.model.wording import plural
from retrievers.graph import EdgeKind
from retrievers.graph.placement import requests_of

_COUNT = re.compile(r"\b(?P<more>\d{1,5}) (?:more|additional|extra|replicas?|pods?|cop(?:y|ies)|instances?)\b|\bto (?P<total>\d{1,5})\b")  # fmt: skip
_TOLD_NODES = 6
_WORKLOADS = (*SCALED, "Job", "CronJob", "Pod")


def answer_fit(asking: Asking, question: Question, draft: Draft) -> None:
    """Say whether more replicas of a workload would find room, and where or why not."""
    nodes = [ref.name for ref in question.refs if ref.kind == "Node"]
    workloads = [ref for ref in question.refs if ref.kind != "Node"]
    if nodes and not workloads:
        _say_free(asking, nodes, draft)
    for ref in workloads[:2]:
        workload = asking.graph.get(ref)
        if ref.kind == "DaemonSet":
            draft.say(f"{ref} runs one pod on each node that suits it; it has no replicas to add.")
        elif workload is None or ref.kind not in _WORKLOADS:
            draft.known = False
            draft.say(f"{ref} makes no pods, so there is nothing to place.")
        else:
            _fit(asking, workload, wanted(question.lowered, workload), nodes, draft)


def _say_free(asking: Asking, nodes: list[str], draft: Draft) -> None:
    """The room that is left on nodes, when no workload is named."""
    for name in nodes[:4]:
        node = asking.graph.find("Node", "", name)
        free = {
            key: amount for key, amount in asking.nodes.free(name).items() if amount or key in ("cpu", "memory", "pods")
        }
        shown = [one for one in ("pods", "cpu", "memory", *sorted(free)) if one in free]
        words = ", ".join(f"{key} {format_amount(key, free[key])}" for key in dict.fromkeys(shown))
        if node is not None:
            draft.say(f"Node {name} has room left: {words}.", draft.cite(node, "status.allocatable", f"free: {words}"))


def wanted(lowered: str, workload: Resource) -> int:
    """How many more pods the question means: `2 more`, `scale to 10`, or one."""
    match = _COUNT.search(lowered)
    if match is None:
        return 1
    if match["more"] and "more" not in match.group() and re.search(r"\b(?:have|to|run) \d", lowered):
        return max(0, int(match["more"]) - replicas(workload))
    return int(match["more"]) if match["more"] else max(0, int(match["total"]) - replicas(workload))


def _fit(asking: Asking, workload: Resource, count: int, nodes: list[str], draft: Draft) -> None:
    if not asking.nodes.known:
        say_unread_kind(asking, None, draft, "Node")
        return
    pod = next_pod(workload)
    asked = ", ".join(f"{name} {format_amount(name, amount)}" for name, amount in sorted(requests_of(pod.spec).items()))
    need = draft.cite(workload, "spec.template.spec", f"one pod requests {asked or 'nothing'}")
    barred = list(obstacles(asking, pod, count))
    fits = [fit for fit in asking.nodes.fits(pod) if not nodes or fit.name in nodes]
    room = [(fit, slots(asking, pod, fit)) for fit in fits]
    total = sum(many for _, many in room)
    more = "one more pod" if count == 1 else f"{count} more pods"
    where = f" on {', '.join(nodes)}" if nodes else ""
    whom = f"{more} of {workload.ref} ({asked or 'no requests'} each)"
    if count and total >= count and not barred:
        draft.say(f"Yes: {whom} would fit{where}.", need)
        _say_room(room, draft)
    else:
        draft.say(f"No: {whom} would not be placed{where}.", need)
    for obstacle in barred:
        draft.say(f"{obstacle.object.ref} {obstacle.why}.", draft.cite(obstacle.object, obstacle.field, obstacle.why))
    if total < count:
        if total:
            draft.say(f"The nodes have room for {total}.")
            _say_room(room, draft)
        _say_failures(fits, draft)
    _say_scaler(asking, workload, count, draft)
    _offer(workload, count, draft)


def _say_scaler(asking: Asking, workload: Resource, count: int, draft: Draft) -> None:
    """An autoscaler sets the replicas itself, and never above its maximum."""
    for edge in asking.graph.into(workload.ref, EdgeKind.SCALES):
        scaler = asking.graph.get(edge.source)
        most = number(scaler.spec, "maxReplicas") if scaler is not None else 0
        if scaler is not None and most:
            over = ", which is less" if replicas(workload) + count > most else ""
            draft.say(f"{scaler.ref} sets its replicas, at most {most}{over}.", draft.cite(scaler, "spec.maxReplicas", f"maxReplicas {most}"))  # fmt: skip


def _say_room(room: list[tuple[NodeFit, int]], draft: Draft) -> None:
    taking = sorted(((fit, many) for fit, many in room if many), key=lambda pair: (-pair[1], pair[0].name))
    for fit, many in taking[:_TOLD_NODES]:
        draft.say(
            f"Node {fit.name} has room for {plural(many, 'such pod')}.",
            draft.cite(fit.node, "status.allocatable", f"{fit.name}: room for {many}"),
        )
    if len(taking) > _TOLD_NODES:
        draft.say(f"and {len(taking) - _TOLD_NODES} more nodes have room.")


def _say_failures(fits: list[NodeFit], draft: Draft) -> None:
    failing = [fit for fit in fits if fit.failures]
    for fit in failing[:_TOLD_NODES]:
        why = "; ".join(fit.why(kind) for kind in fit.failures)
        draft.say(f"{why[:1].upper()}{why[1:]}.", draft.cite(fit.node, "status.allocatable", why))
    if len(failing) > _TOLD_NODES:
        draft.say(f"and {len(failing) - _TOLD_NODES} more nodes cannot take it either.")


def _offer(workload: Resource, count: int, draft: Draft) -> None:
    if workload.ref.kind in ("Deployment", "StatefulSet") and count:
        to = replicas(workload) + count
        words = f"scale {workload.ref.argument} in {workload.ref.namespace} to {to}"
        draft.offer("Plan it, with its card", f'kubectl copilot do "{words}"')
