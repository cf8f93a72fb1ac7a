"""System services of a node that do not run, from `systemctl status` text, with the line that says why.

A unit that is off on purpose (disabled, no failure) beside a working one is no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.rules.nodes.conditions import victims_on
from copilot.diagnosis.rules.nodes.journal import JOURNAL_CAUSES, KERNEL, Word, is_ill, words_of
from copilot.diagnosis.rules.nodes.units import node_of, services_down
from copilot.diagnosis.steps import change, describe
from copilot.diagnosis.view import View
from copilot.diagnosis.words import read
from copilot.model import Evidence, Finding, NodeService, Ref

DOWN = Cause(
    id="node.service.down",
    title="A system service of the node does not run",
    kind="Node",
    fields=("systemctl status", "Node.status.conditions[Ready]"),
    steps=("Read the unit's journal", "Correct its configuration and start it"),
    citation="systemd unit states; kubelet, container runtime and kube-proxy as system services",
)

_WHY = re.compile(
    r"failed|error|fatal|cannot|unable|invalid|expired|no such file|denied|refused|unknown flag|not found|panic",
    re.IGNORECASE,
)
_NOISE = re.compile(r"main process exited|failed with result|scheduled restart|start request repeated", re.IGNORECASE)


_DEEP = re.compile(
    r"expired|x509|swap|cgroup driver|misconfiguration|unknown (?:flag|command|field)|no space left|permission denied|"
    r"address already in use|load TOML|invalid|unexpected token|cannot allocate|failed to (?:parse|decode|load)|panic",
    re.IGNORECASE,
)


def find_services_down(view: View) -> Iterator[Finding]:
    """One finding for each unit of a node that should run and does not, and for each ill node whose journal says why."""
    told = set()
    words = words_of(view)
    for service in services_down(view):
        node = node_of(view, service)
        finding = _explain(view, service)
        unit = service.unit.removesuffix(".service")
        if (word := words.get(node)) is not None and f"journal of {unit}" == word.proof.path:
            finding = msgspec.structs.replace(
                finding,
                cause=word.cause.id,
                title=f"Service {unit} does not run on node {node}: {word.what}",
                evidence=(word.proof, *finding.evidence),
            )
        told.add(node)
        yield finding
    for node, word in words.items():
        if node not in told and node:
            yield from _by_journal(view, node, word)


def _by_journal(view: View, node: str, word: Word) -> Iterator[Finding]:
    """The services run, and one of them says why the node is not well."""
    ref, ill = Ref("Node", "", node), is_ill(view, node)
    victims = victims_on(view, ref)
    if not ill and not (victims and word.cause is KERNEL):
        return
    yield Finding(
        cause=word.cause.id,
        object=ref,
        title=f"Node {node} is {'not ready' if ill else 'not well'}: {word.what}",
        evidence=(word.proof,),
        explains=victims,
        weight=0.96 if ill else 0.8,
        steps=(
            describe(ref),
            read("Read its journal", f"ssh {node} journalctl -u kubelet -n 80 --no-pager"),
            read("Read its kernel log", f"ssh {node} dmesg -T | tail -50"),
        ),
    )


def _explain(view: View, service: NodeService) -> Finding:
    unit = service.unit.removesuffix(".service")
    node = Ref("Node", "", node_of(view, service))
    why = _reason(service.text)
    where = f"on node {node.name}" if node.name else "on a node (the text does not say which)"
    state = "crashes again and again" if service.active == "activating" else f"is {service.active}"
    return Finding(
        cause=DOWN.id,
        object=node,
        title=f"Service {unit} {state} {where}" + (f": {why}" if why else ""),
        evidence=(
            Evidence(
                object=node,
                path=f"systemctl status {service.unit}",
                text=why or f"{service.unit}: Active: {service.active}",
                source=service.source,
            ),
        ),
        explains=victims_on(view, node) if node.name else (),
        weight=0.96 if node.name else 0.75,
        steps=(
            read("Read its journal", f"ssh {node.name or 'NODE'} journalctl -u {unit} -n 80 --no-pager"),
            change(
                f"Start {unit} once its cause is corrected", node, f"ssh {node.name or 'NODE'} systemctl restart {unit}"
            ),
        ),
        doubts=() if service.node else ("the pasted text does not name the node",),
    )


def _reason(status: str) -> str:
    telling = [line.strip() for line in status.splitlines() if _WHY.search(line) and not _NOISE.search(line)]
    logged = [line for line in telling if re.search(r"\]: ", line)]
    deep = [line for line in logged or telling if _DEEP.search(line)]
    return (deep or logged or telling or [""])[-1].rpartition("]: ")[2][:240]


RULES: tuple[Rule, ...] = (Rule(find=find_services_down, causes=(DOWN, *JOURNAL_CAUSES)),)
