"""`kubectl copilot chat`: questions line by line, with memory of what was asked. With a model or without, the same answers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from copilot.cli.options import Target, cluster_options
from copilot.cli.talking import Talk, open_talk
from copilot.model import CopilotError

if TYPE_CHECKING:
    from rich.console import Console

HELP = """/ns NAMESPACE   narrow to a namespace; /ns alone widens to the whole cluster (a new scope: nothing carries over)
/context NAME   switch to another context of the kubeconfig (a new scope)
/refresh        read the cluster again
/cost           what the model has cost in this conversation
/help           this list
/quit           leave (so does Ctrl-D)"""


@click.command(name="chat")
@cluster_options
@click.option("--model", metavar="NAME", help="Let this model of COPILOT_MODEL_URL write; every sentence is checked.")
@click.option("--no-model", is_flag=True, help="Use no model, even where one is configured.")
@click.option("--resume", metavar="ID", help="Go on with a stored conversation about this cluster; last is the newest.")
@click.option("--forget", is_flag=True, help="Store nothing of this conversation.")
def COMMAND(target: Target, model: str | None, no_model: bool, resume: str | None, forget: bool) -> int:  # noqa: N802 - the name every command module exports
    """Ask one question after another; a question may leave out what the last one was about.

    Every answer names its cluster and namespace and cites its facts. It reads only: an order is refused with the command that
    plans it. The cluster is read once; /refresh reads it again. /help lists what else a line may say. Conversations are
    stored redacted on this machine: kubectl copilot sessions.

    \b
    Examples:
      kubectl copilot chat -n shop
      kubectl copilot chat --from must-gather.tar.gz --model qwen3-8b
      kubectl copilot chat --resume last
    """
    from tui.console import make_console

    console = make_console()
    while True:
        target, resume, done = _talk(target, console, model, resume, no_model=no_model, keep=not forget)
        if done:
            return 0


def _talk(
    target: Target, console: Console, model: str | None, resume: str | None, *, no_model: bool, keep: bool
) -> tuple[Target, str | None, bool]:
    """Talk about one scope until it is left: the next target, what to resume, and whether this was all."""
    from copilot.app import open_copilot
    from copilot.settings import load_settings

    copilot = open_copilot(target).over_namespace(target.namespace)
    with open_talk(copilot, load_settings(), model=model, resume=resume, keep=keep, no_model=no_model) as talk:
        if talk.trouble:
            click.echo(f"note: {talk.trouble}", err=True)
        if sys.stdin.isatty():
            click.echo(f"Cluster {talk.scope}. Ask, or /help.")
        while True:
            line = _line(talk)
            if line is None or line in ("/quit", "/exit", "quit", "exit"):
                return target, None, True
            word, _, rest = line.partition(" ")
            match word:
                case "":
                    continue
                case "/help" | "help" | "?":
                    click.echo(HELP)
                case "/cost":
                    click.echo(str(talk.conversation.spent) if talk.conversation.spent.calls else "No model was asked.")
                case "/refresh":
                    return target, talk.session.id if talk.session else None, False
                case "/ns":
                    space = rest.strip() or None
                    moved = msgspec.structs.replace(target, namespace=space, all_namespaces=space is None)
                    if _is_there(copilot, space):
                        return moved, None, False
                case "/context":
                    if target.paths:
                        click.echo("Recorded material has no contexts.", err=True)
                        continue
                    return msgspec.structs.replace(target, context=rest.strip() or None, namespace=None), None, False
                case _ if word.startswith("/"):
                    click.echo(f"{word} is no command of this conversation. See /help.", err=True)
                case _:
                    _answer(talk, line, console)


def _line(talk: Talk) -> str | None:
    """The next line a person types; None at the end."""
    if sys.stdin.isatty():
        import readline  # noqa: F401 - its import gives the prompt a history

        try:
            return input(f"{talk.scope}> ").strip()
        except EOFError:
            click.echo()
            return None
    line = sys.stdin.readline(100_000)
    return line.strip() if line else None


def _is_there(copilot: object, namespace: str | None) -> bool:
    """Whether a namespace can be gone to; says why not."""
    from copilot.app import Copilot

    assert isinstance(copilot, Copilot)
    try:
        _ = copilot.over_namespace(namespace).objects
    except CopilotError as error:
        click.echo(f"error: {error.title}", err=True)
        click.echo(f"hint: {error.hint}", err=True)
        return False
    return True


def _answer(talk: Talk, line: str, console: Console) -> None:
    """Ask and print; a failure of one question does not end the conversation."""
    from copilot.agent.events import Answered, PlanProposed, Refused, ToolCalled
    from tui.answer import render_answer, render_refusal

    try:
        for event in talk.ask(line):
            match event:
                case ToolCalled():
                    click.echo(f"  … {event.asked}: {event.trouble or f'{event.found} facts'}", err=True)
                case PlanProposed(summary, command, warnings):
                    click.echo(f"  proposed: {summary}\n  {command}")
                    for warning in warnings:
                        click.echo(f"  warning: {warning}", err=True)
                case Answered(answer):
                    render_answer(answer, console)
                case Refused():
                    render_refusal(event, console)
    except CopilotError as error:
        click.echo(f"error: {error.title}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
