"""Writes the reference pages of the docs from the code: commands, causes. `--write` writes; without it, differences fail."""

from __future__ import annotations

import copy
import importlib
import sys
from pathlib import Path

import click

from copilot.cli.main import COMMANDS, cli
from copilot.preflight.judge import KNOWN

DOCS = Path(__file__).resolve().parents[1] / "docs"
_MADE = "<!-- Made from the code by `python -m tests.reference --write`. -->\n"


def commands_page() -> str:
    """Every command with its help text."""
    parts = [_MADE, "# Commands\n", _help(cli, "kubectl copilot")]
    for name in COMMANDS:
        command: click.Command = importlib.import_module(f"copilot.cli.{name}").COMMAND
        parts.append(f"## {name}\n")
        parts.append(_help(command, f"kubectl copilot {name}"))
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            for sub in command.list_commands(context):
                found = command.get_command(context, sub)
                if found is not None:
                    parts.append(_help(found, f"kubectl copilot {name} {sub}"))
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    # A command keeps the help option it is first shown with, by whomever: a copy that was never shown has the real one.
    shown = copy.copy(command)
    shown._help_option = None
    names = cli.context_settings["help_option_names"]
    context = click.Context(shown, info_name=name, terminal_width=100, max_content_width=100, help_option_names=names)
    return f"```text\n{shown.get_help(context)}\n```\n"


def causes_page() -> str:
    """Every cause with its evidence and next step."""
    lines = [
        _MADE,
        "# Causes\n",
        "What `kubectl copilot why` can name. A symptom is a link in a chain, never an answer.\n",
    ]
    for cause in sorted(KNOWN.values(), key=lambda cause: cause.id):
        kind = "symptom" if cause.secondary else cause.severity.name.lower()
        lines.append(f"## {cause.id}\n")
        lines.append(f"{cause.title}. Kind: {cause.kind}; {kind}.\n")
        lines.append("Evidence: " + ", ".join(f"`{field}`" for field in cause.fields) + ".\n")
        if cause.steps:
            lines.append("Next: " + "; ".join(cause.steps) + ".\n")
        if cause.citation:
            lines.append(f"Source: {cause.citation}.\n")
    return "\n".join(lines)


PAGES = {"commands.md": commands_page, "causes.md": causes_page}


def stale() -> list[str]:
    """The pages that differ from what the code says."""
    return [
        name
        for name, page in PAGES.items()
        if not (DOCS / name).is_file() or (DOCS / name).read_text(encoding="utf-8") != page()
    ]


if __name__ == "__main__":
    if "--write" in sys.argv:
        for page_name, make in PAGES.items():
            (DOCS / page_name).write_text(make(), encoding="utf-8")
    for page_name in stale():
        sys.stderr.write(f"docs/{page_name} is out of date: run `python -m tests.reference --write`\n")
    sys.exit(1 if stale() else 0)
