"""The `kubectl-copilot` entry point. `--help` imports no command: their names and summaries stand in one table."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from copilot import __version__
from copilot.model.errors import EXIT_DEFECT, EXIT_USAGE, CopilotError

# name -> one line for `--help`; the command object has the same name in copilot.cli.<name>.
COMMANDS = {
    "why": "Say why something is broken: one root cause with its proof.",
    "ask": "Answer a question about the cluster in plain words, with citations.",
    "chat": "Talk about the cluster line by line: the same answers, with memory.",
    "sessions": "List, show, export or delete stored conversations.",
    "models": "Say what the configured model endpoint can do.",
    "tools": "List what a model may look with: own tools, and those of your MCP servers.",
    "reach": "Say whether A may reach B, and which network policy decides.",
    "graph": "Show what an object depends on and who depends on it.",
    "mirror": "Keep a copy of the resource graph in Neo4j, and ask it there.",
    "cypher": "Ask the mirrored graph in Cypher: only reading, only this cluster.",
    "changes": "Say what changed, when and by whom, newest first.",
    "timeline": "Draw what happened around the onset of an object's trouble.",
    "causes": "List the causes this program can find.",
    "index": "Add your own Markdown runbooks to the knowledge base.",
    "search": "Search runbooks and documents.",
    "remember": "Write down what was wrong and what helped; offered for the same trouble.",
    "record": "Save what `why` reads as a recording to attach, replay or score.",
    "check": "Say what would become of a kubectl command or a sentence, without doing it.",
    "do": "Plan one change, show its card, and carry it out after a typed yes.",
    "undo": "Undo a change made through `do`.",
    "pending": "List the plans that wait for a yes at an executor.",
    "approve": "Agree to one plan that waits at an executor, or reject it.",
    "executor": "Run the one writer as a process of its own, for one or several people.",
    "policy": "Check, test and explain the site policy: environments, freeze windows, rules.",
    "audit": "List and verify the journal of changes.",
    "eval": "Score the program on recorded incidents.",
    "demo": "Play the embedded incident: why is the shop down?",
    "doctor": "Say which parts are present, and why the others are not.",
}

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"copilot.cli.{cmd_name}")
        command: click.Command = module.COMMAND
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Offer the nearest command where a name is unknown."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"Did you mean {near[0]}?" if near else "See kubectl copilot --help for the commands."
            ctx.fail(f"No such command {args[0]!r}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the table without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings=_CONTEXT)
@click.version_option(__version__, "-V", "--version", prog_name="kubectl-copilot")
def cli() -> None:
    """Ask a Kubernetes cluster why something is broken, and get one answer with proof.

    Without options it reads the current context of your kubeconfig. With --from it reads a dump, a support
    bundle, manifests or pasted kubectl output instead ("-" is standard input). It changes nothing unless
    `do` is given --allow-changes and a person confirms the card.
    """


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code. Errors go to stderr with a hint; only a defect of ours shows a traceback."""
    _find_key()
    try:
        outcome: Any = cli.main(args=argv, prog_name="kubectl copilot", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except CopilotError as error:
        click.echo(_fit_to_show(f"error: {error.title}"), err=True)
        if error.hint:
            click.echo(_fit_to_show(f"hint: {error.hint}"), err=True)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as defect:  # noqa: BLE001 - the edge of the process: Python's own exit code 1 would read as a verdict
        click.echo(_fit_to_show(traceback.format_exc()), err=True, nl=False)
        click.echo(f"error: a defect in this program: {type(defect).__name__}", err=True)
        click.echo("hint: please report it with the lines above; check first that they hold nothing secret.", err=True)
        return EXIT_DEFECT
    _tell_of_key()
    return outcome if isinstance(outcome, int) else 0


def _find_key() -> None:
    """Placeholders of secrets take the key of this installation; it is looked for when the first secret is found."""
    from guardrails.redaction_key import keep_key_in

    def folder() -> Path:
        from copilot.settings import load_settings

        return load_settings().data_dir

    keep_key_in(folder)


def _tell_of_key() -> None:
    from guardrails.redaction_key import note

    if note():
        click.echo(f"note: {note()}", err=True)


def _fit_to_show(text: str) -> str:
    """What an exception says may quote the cluster or a file."""
    from guardrails.redaction import redact

    return redact(text)


def run() -> None:
    """Console script."""
    sys.exit(main())


if __name__ == "__main__":
    run()
