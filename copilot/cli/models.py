"""`kubectl copilot models`: what the configured model endpoint can do, and what the copilot does where it cannot."""

from __future__ import annotations

import click
import msgspec

from copilot.cli.models_fetch import fetch_model
from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model.errors import EXIT_UNAVAILABLE

SCHEMA = "cluster-copilot/models/v1"


@click.group(name="models", invoke_without_command=True)
@click.pass_context
@click.option("--url", metavar="URL", help="The OpenAI-compatible endpoint, up to /v1; COPILOT_MODEL_URL by default.")
@click.option("--model", metavar="NAME", help="The model to try; COPILOT_MODEL by default.")
@output_option("text", "json")
def COMMAND(context: click.Context, url: str | None, model: str | None, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Ask a model endpoint what it can do: tool calls, JSON by schema, the length of its context.

    Sends four short made-up questions and nothing of your cluster. Without an endpoint it says how to set one; the program
    needs none to answer. What was found is kept for a week, and ask and chat use the mode that works. The key comes from COPILOT_MODEL_KEY or a file of mode 0600 in COPILOT_MODEL_KEY_FILE.
    Exit code: 0 it answers, 69 it does not.

    \b
    Examples:
      kubectl copilot models
      kubectl copilot models fetch
      kubectl copilot models --url http://127.0.0.1:8000/v1 --model qwen3-8b
    """
    if context.invoked_subcommand is not None:
        return 0
    from copilot.agent.conversation.opening import endpoint_of
    from copilot.llm.known import KnownModels, finding
    from copilot.llm.probe import probe
    from copilot.settings import load_settings

    settings = load_settings()
    endpoint = endpoint_of(settings, model=model, url=url)
    if endpoint is None:
        click.echo("No model is configured: every answer comes from the reader, the rules and the runbooks.")
        click.echo("To add one: export COPILOT_MODEL_URL=http://127.0.0.1:8000/v1 COPILOT_MODEL=NAME")
        return 0
    found = probe(endpoint)
    if found.answers:
        known = msgspec.structs.replace(endpoint, model=found.model)
        KnownModels(settings.data_dir).keep(known, finding(found))
    if output == "json":
        print_json(
            {
                "schema": SCHEMA,
                "endpoint": found.endpoint,
                "model": found.model,
                "models": list(found.models),
                "answers": found.answers,
                "tools": found.tools,
                "json_schema": found.json_schema,
                "context": found.context or None,
                "mode": found.mode.value if found.answers else None,
                "degradations": list(found.degradations),
                "trouble": found.trouble,
                "hint": found.hint,
            }
        )
    else:
        _print(found)
    return 0 if found.answers else EXIT_UNAVAILABLE


COMMAND.add_command(fetch_model)


def _print(found: object) -> None:
    from copilot.llm.probe import Capabilities
    from copilot.redacting import plain

    assert isinstance(found, Capabilities)
    click.echo(f"endpoint     {found.endpoint}")
    if found.models:
        shown = ", ".join(plain(name) for name in found.models[:12])
        click.echo(f"models       {shown}" + (f" and {len(found.models) - 12} more" if len(found.models) > 12 else ""))
    if found.trouble:
        click.echo(f"error: {found.trouble}", err=True)
        click.echo(f"hint: {found.hint}", err=True)
        return
    click.echo(f"model        {plain(found.model)}: answers")
    click.echo(f"tool calls   {_word(found.tools)}")
    click.echo(f"JSON schema  {_word(found.json_schema)}")
    click.echo(f"context      {f'{found.context:,} tokens' if found.context else 'not told'}")
    click.echo(f"mode         {found.mode.value}")
    for sentence in found.degradations:
        click.echo(f"without it   {sentence}")


def _word(found: bool | None) -> str:
    return {True: "yes", False: "no", None: "could not be found out"}[found]
