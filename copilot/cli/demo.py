"""`kubectl copilot demo`: the embedded incident from question to fix. Needs no cluster, model, database or network, and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from copilot.target import Target

if TYPE_CHECKING:
    from rich.console import Console

    from copilot.app import Copilot

RECORDING = "shop-down"
NAMESPACE = "shop"
QUESTION = "why is the shop down?"
CULPRIT = "deploy/payments"
CHANGE = "scale deploy/payments to 2"
DEPTH = 8  # steps from the culprit to the Ingress and beyond: the whole way to the customer is shown
WIDTH = 8  # like objects on one branch
_NOT_MATERIAL = ("truth.json", "transcript.txt")  # the answer itself, and the same cluster once more as text


@click.command(name="demo")
def COMMAND() -> int:  # noqa: N802 - the name every command module exports
    """Play the embedded incident: why is the shop down?

    A recorded cluster is asked, explained, followed to those who suffer, and given a fix as a guarded card. The
    answers are made now, by the same code that answers on your cluster.

    \b
    Examples:
      kubectl copilot demo
    """
    from importlib.resources import as_file, files

    from tui.console import make_console

    with as_file(files("evals") / "recordings" / RECORDING) as folder:
        copilot = _open(folder)
        console = make_console()
        _introduce(copilot, console)
        _ask(copilot, console)
        _explain(copilot, console)
        _follow(copilot, console)
        _mend(copilot, console)
        _part(folder, console)
    return 0


def _open(folder: Path) -> Copilot:
    """The recording as any other, without the files that would give the answer away."""
    from copilot.app import Copilot
    from copilot.settings import load_settings
    from tools.cluster.open_source import open_path

    source = open_path(str(folder), skip=lambda name: name in _NOT_MATERIAL)
    return Copilot(source, Target(paths=(str(folder),), namespace=NAMESPACE), load_settings(), NAMESPACE)


def _introduce(copilot: Copilot, console: Console) -> None:
    seen = copilot.snapshot
    pods = [one.ref for one in seen.resources if one.ref.kind == "Pod"]
    _say(
        console,
        f"{seen.observed_at:%H:%M} at night. The shop answers 503 and somebody is paged. This is the cluster {seen.cluster} as it "
        f"was recorded at that minute: {len(seen.resources)} objects, {len(pods)} pods in {len({ref.namespace for ref in pods})} "
        "namespaces. Several things look broken; most of them only suffer.",
    )


def _ask(copilot: Copilot, console: Console) -> None:
    from copilot.agent.events import Answered
    from tui.answer import render_answer

    _command(console, f'ask "{QUESTION}"')
    for event in copilot.over_namespace(None).ask(QUESTION):
        if isinstance(event, Answered):
            render_answer(event.answer, console)


def _explain(copilot: Copilot, console: Console) -> None:
    from tui.diagnosis import render_diagnosis

    _say(console, "The same with its whole proof. What crashes is folded under what makes it crash:")
    _command(console, f"why -n {NAMESPACE}")
    render_diagnosis(copilot.diagnose(), console, f"namespace {NAMESPACE}")


def _follow(copilot: Copilot, console: Console) -> None:
    from retrievers.graph import dependants
    from retrievers.graph.drawing import tree
    from tui.graph import render_head, render_tree

    _say(console, "How the trouble travels from there to the customers:")
    _command(console, f"graph {CULPRIT} -n {NAMESPACE} --blast-radius --depth {DEPTH}")
    graph, ref = copilot.graph, copilot.resolve(CULPRIT)
    hurt = dependants(graph, ref)
    render_head(graph, ref, console)
    render_tree(tree(graph, ref, hurt, depth=DEPTH, width=WIDTH), f"suffers when it is ill ({len(hurt)})", console)


def _mend(copilot: Copilot, console: Console) -> None:
    from copilot.changing.desk import plan_recorded
    from tui.card import print_card

    _say(
        console, "The fix as a card. On a cluster, a person reads it and types the answer; here it ends with the card:"
    )
    _command(console, f'do "{CHANGE}" -n {NAMESPACE}')
    print_card(plan_recorded(copilot.snapshot, CHANGE, NAMESPACE), console)


def _part(folder: Path, console: Console) -> None:
    _say(console, "Nothing was changed, and nothing left this machine. Now try:")
    for command, meaning in (
        (f'ask "what depends on orders-db?" --from {folder}', "ask this recording something else"),
        ("why -A", "explain your own cluster (it only reads)"),
        ("record -o incident", "keep what it saw, redacted, to attach to an issue"),
        ("doctor", "see what else is installed"),
    ):
        console.print(f"  kubectl copilot {command}", soft_wrap=True, style="cyan")
        console.print(f"      {meaning}", style="dim")


def _say(console: Console, words: str) -> None:
    console.print(f"\n{words}", style="italic")


def _command(console: Console, words: str) -> None:
    console.print(f"\n$ kubectl copilot {words}", style="bold cyan", soft_wrap=True)
