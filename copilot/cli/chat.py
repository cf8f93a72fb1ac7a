"""`kubectl copilot chat`: questions line by line, with memory of what was asked. With a model or without, the same answers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click
import msgspec

from copilot.cli.approving import Approvals, Heard
from copilot.cli.options import Target, allow_changes_option, cluster_options, soak_option
from copilot.cli.talking import Talk, open_talk
from copilot.model import CopilotError

if TYPE_CHECKING:
    from rich.console import Console

HELP = """/ns NAMESPACE   narrow to a namespace; /ns alone widens to the whole cluster (a new scope: nothing carries over)
/context NAME   switch to another context of the kubeconfig (a new scope)
/do [N]         show the card of proposal N (the newest), and carry it out after a typed yes
/plans          the changes proposed here, and what became of each
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
@allow_changes_option
@soak_option
def COMMAND(  # noqa: N802 - the name every command module exports
    target: Target,
    model: str | None,
    no_model: bool,
    resume: str | None,
    forget: bool,
    allow_changes: bool,
    soak: float,
) -> int:
    """Ask one question after another; a question may leave out what the last one was about.

    Every answer names its cluster and namespace and cites its facts. The cluster is read once; /refresh reads it again.
    Conversations are stored redacted on this machine: kubectl copilot sessions. /help lists what else a line may say.

    A question changes nothing. An order ("scale web to 4"), and what a model proposes, becomes a numbered proposal: /do
    plans it afresh, shows its card and, with --allow-changes, carries it out after you type what the card asks for. Only a
    line that you type can do that. A proposal is carried out once: after a crash, or from a second terminal, /do reads back
    what became of it.

    \b
    Examples:
      kubectl copilot chat -n shop
      kubectl copilot chat -n shop --allow-changes
      kubectl copilot chat --from must-gather.tar.gz --model qwen3-8b
      kubectl copilot chat --resume last
    """
    from tui.console import make_console

    style = Style(model=model, no_model=no_model, keep=not forget, allow=allow_changes, soak=soak)
    turn = Turn(target, resume, Heard())
    console = make_console()
    while True:
        try:
            then = _talk(turn, style, console)
        except CopilotError as error:
            if turn.back is None:
                raise
            _tell(error)
            then = turn.back
        if then is None:
            return 0
        turn = then


class Style(msgspec.Struct, frozen=True):
    """What a person chose for the whole conversation."""

    model: str | None
    no_model: bool
    keep: bool
    allow: bool
    soak: float


class Turn(msgspec.Struct, frozen=True, eq=False):
    """One scope to talk about: what to resume there, and the proposals that this process has heard in it.

    `back` is where the conversation stays if this scope cannot be opened.
    """

    target: Target
    resume: str | None
    heard: Heard
    back: Turn | None = None


def _talk(turn: Turn, style: Style, console: Console) -> Turn | None:
    """Talk about one scope until it is left: what comes next, None at the end."""
    from copilot.app import open_copilot
    from copilot.settings import load_settings

    settings = load_settings()
    copilot = open_copilot(turn.target).over_namespace(turn.target.namespace)
    with open_talk(copilot, settings, model=style.model, resume=turn.resume, keep=style.keep, no_model=style.no_model) as talk:  # fmt: skip
        approvals = Approvals(talk, turn.target, settings, turn.heard, allow=style.allow, soak=style.soak)
        if talk.trouble:
            click.echo(f"note: {talk.trouble}", err=True)
        if sys.stdin.isatty():
            click.echo(f"Cluster {talk.scope}. Ask, or /help.")
        while True:
            line = _line(talk)
            if line is None or line in ("/quit", "/exit", "quit", "exit"):
                return None
            word, _, rest = line.partition(" ")
            match word:
                case "":
                    continue
                case "/help" | "help" | "?":
                    click.echo(HELP)
                case "/cost":
                    click.echo(str(talk.conversation.spent) if talk.conversation.spent.calls else "No model was asked.")
                case "/do":
                    _told(partial(approvals.do, rest))
                case "/plans":
                    _told(approvals.plans)
                case "/refresh":
                    return _again(turn, talk)
                case "/ns":
                    space = rest.strip() or None
                    moved = msgspec.structs.replace(turn.target, namespace=space, all_namespaces=space is None)
                    if _is_there(copilot, space):
                        return Turn(moved, None, Heard())
                case "/context":
                    if turn.target.paths:
                        click.echo("Recorded material has no contexts.", err=True)
                        continue
                    moved = msgspec.structs.replace(turn.target, context=rest.strip() or None, namespace=None)
                    return Turn(moved, None, Heard(), back=_again(turn, talk))
                case _ if word.startswith("/"):
                    click.echo(f"{word} is no command of this conversation. See /help.", err=True)
                case _:
                    _told(partial(_answer, talk, approvals, line, console))


def _again(turn: Turn, talk: Talk) -> Turn:
    """The same scope, read anew."""
    return Turn(turn.target, talk.session.id if talk.session else None, turn.heard)


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
        _tell(error)
        return False
    return True


def _answer(talk: Talk, approvals: Approvals, line: str, console: Console) -> None:
    """Ask and print."""
    from copilot.agent.events import Answered, PlanProposed, Refused, ToolCalled
    from tui.answer import render_answer, render_refusal

    for event in talk.ask(line):
        match event:
            case ToolCalled():
                click.echo(f"  … {event.asked}: {event.trouble or f'{event.found} facts'}", err=True)
            case PlanProposed():
                approvals.note(event)
            case Answered(answer):
                render_answer(answer, console)
            case Refused():
                render_refusal(approvals.order(line, event), console)


def _told(work: Callable[[], None]) -> None:
    """Do one line's work; a failure of it is told, and does not end the conversation."""
    try:
        work()
    except CopilotError as error:
        _tell(error)


def _tell(error: CopilotError) -> None:
    click.echo(f"error: {error.title}", err=True)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
