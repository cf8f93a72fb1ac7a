"""The commands that change one node: cordon, uncordon, drain, taint."""

from __future__ import annotations

import re
from collections.abc import Mapping

from guardrails.kubectl import values
from guardrails.kubectl.change_parts import GRACE, address, grace, once, patching, target_of
from guardrails.kubectl.commands import ChangeCommand, Predicted
from guardrails.kubectl.grammar import Line
from guardrails.kubectl.kinds import ANY, known
from guardrails.kubectl.objects import one_object
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.values import Reader
from guardrails.operations import Cordon, Drain, NewTaint, OldTaint, Taint, TaintEffect, Target, Uncordon

_TAINT = re.compile(
    r"(?P<key>[A-Za-z0-9][A-Za-z0-9._/-]{0,250}?)(=(?P<value>[A-Za-z0-9._-]{0,63}))?(:(?P<effect>[A-Za-z]+))?(?P<gone>-)?"
)

DRAIN: Mapping[str, Reader] = {
    "ignore-daemonsets": values.switch, "delete-emptydir-data": values.switch, "force": values.switch,
    "grace-period": GRACE, "timeout": values.duration,
}  # fmt: skip


def cordon(line: Line) -> ChangeCommand:
    """`cordon n1`."""
    target, root = _node(line)
    return patching(line, Cordon(target), root)


def uncordon(line: Line) -> ChangeCommand:
    """`uncordon n1`."""
    target, root = _node(line)
    return patching(line, Uncordon(target), root)


def drain(line: Line) -> ChangeCommand:
    """`drain n1 --ignore-daemonsets`: becomes a fixed list of evictions when the plan is made."""
    target, root = _node(line)
    intent = Drain(
        target,
        ignore_daemonsets=line.on("ignore-daemonsets"),
        delete_emptydir_data=line.on("delete-emptydir-data"),
        unmanaged=line.on("force"),
        grace_seconds=grace(line),
    )
    pods, sets = known("Pod"), known("DaemonSet")
    requests = (
        Predicted("GET", root), Predicted("PATCH", root), Predicted("GET", pods.root(None)),
        Predicted("GET", f"{sets.root(ANY)}/{ANY}"), Predicted("POST", f"{pods.root(ANY)}/{ANY}/eviction"),
        Predicted("GET", f"{pods.root(ANY)}/{ANY}"), Predicted("GET", pods.root(ANY)),
    )  # fmt: skip
    return ChangeCommand(line.command.path, intent, requests)


def taint(line: Line) -> ChangeCommand:
    """`taint nodes n1 dedicated=db:NoSchedule`."""
    named, rest = one_object(line.arguments)
    if named.kind.kind != "Node":
        raise KubectlRefused("only nodes are tainted", "kubectl taint nodes NAME KEY=VALUE:NoSchedule")
    if not rest:
        raise KubectlRefused("which taint?", "kubectl taint nodes NAME KEY=VALUE:NoSchedule")
    read = [_taint(word) for word in rest]
    add = tuple(each for each in read if isinstance(each, NewTaint))
    remove = tuple(each for each in read if isinstance(each, OldTaint))
    once([f"{each.key}:{each.effect}" for each in read], "taint")
    return patching(line, Taint(target_of(line, named), add, remove, line.on("overwrite")), address(line, named))


def _node(line: Line) -> tuple[Target, str]:
    if len(line.arguments) != 1:
        raise KubectlRefused(f"{line.command.path} is for one node, by its name", f"kubectl {line.command.path} NAME")
    word = line.arguments[0]
    named = one_object([word] if "/" in word else ["node", word])[0]
    if named.kind.kind != "Node":
        raise KubectlRefused(f"{line.command.path} is for a node", f"kubectl {line.command.path} NAME")
    return target_of(line, named), address(line, named)


def _taint(word: str) -> NewTaint | OldTaint:
    found = _TAINT.fullmatch(word)
    effect = next((one for one in TaintEffect if found and one.value == found["effect"]), None)
    if found is None or not values.LABEL_KEY.fullmatch(found["key"]) or (found["effect"] and effect is None):
        raise KubectlRefused(f"'{word[:80]}' is not KEY=VALUE:EFFECT or KEY:EFFECT-")
    if found["gone"]:
        return OldTaint(found["key"], effect)
    if effect is None:
        raise KubectlRefused(f"the taint '{word[:80]}' has no effect", "kubectl taint nodes NAME KEY=VALUE:NoSchedule")
    return NewTaint(found["key"], found["value"] or "", effect)
