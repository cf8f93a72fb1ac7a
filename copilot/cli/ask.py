"""`kubectl copilot ask`: a question in plain words, an answer with numbered citations. Needs no language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from copilot.agent.events import StreamEvent
    from copilot.app import Copilot

EXIT_UNKNOWN = 2  # the answer is that the data cannot tell
EXIT_REFUSED = 77


@click.command(name="ask")
@click.argument("question", nargs=-1, required=True)
@cluster_options
@click.option("--model", metavar="NAME", help="Let this model of COPILOT_MODEL_URL write; every sentence is checked.")
@click.option("--no-model", is_flag=True, help="Use no model, even where one is configured.")
@click.option(
    "--show-prompt", is_flag=True, help="Print the redacted request that would be sent to the model; send nothing."
)
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command module exports
    question: tuple[str, ...], target: Target, model: str | None, no_model: bool, show_prompt: bool, output: str
) -> int:
    """Answer a question about the cluster, with citations.

    Without a model the program's own reader answers. With one (COPILOT_MODEL_URL and COPILOT_MODEL, or --model) the model
    writes from the facts that were found; sentences that no fact carries are left out, and where it fails the reader answers.

    Exit code: 0 answered, 2 the data cannot tell, 77 refused, 64 and above: the question could not be asked.

    \b
    Examples:
      kubectl copilot ask "why is checkout down?"
      kubectl copilot ask "which pods are pending in shop?"
      kubectl copilot ask "what depends on configmap/settings?" -n shop
      kubectl copilot ask "who holds the GPUs?" --from dump.tar.gz
      kubectl copilot ask "why is checkout down?" --model qwen3-8b --show-prompt
    """
    from copilot.agent.events import Answered, Refused, document
    from copilot.app import open_copilot
    from tui.answer import render_answer, render_refusal
    from tui.console import make_console

    words = " ".join(question).strip()
    if not words:
        raise UsageError("The question is empty.", 'Ask like this: kubectl copilot ask "why is checkout down?"')
    copilot = open_copilot(target).over_namespace(target.namespace)
    if show_prompt:
        return _show_prompt(copilot, words, model)
    for event in _asked(copilot, words, None if no_model else model, no_model=no_model):
        match event:
            case Answered(answer):
                if output == "json":
                    print_json(document(answer))
                else:
                    render_answer(answer, make_console())
                return 0 if answer.known else EXIT_UNKNOWN
            case Refused():
                render_refusal(event, make_console(stderr=True))
                return EXIT_REFUSED
    raise AssertionError("the stream ends with an answer or a refusal")


def _asked(copilot: Copilot, words: str, model: str | None, *, no_model: bool) -> Iterator[StreamEvent]:
    """The events: of the reader, or of a conversation of one turn."""
    from copilot.settings import load_settings

    settings = load_settings()
    if not settings.otel and (no_model or not (settings.model.url or model)):
        yield from copilot.ask(words)
        return
    from copilot.cli.talking import open_talk

    with open_talk(copilot, settings, model=model, resume=None, keep=False, no_model=no_model) as talk:
        if talk.trouble:
            click.echo(f"note: {talk.trouble}", err=True)
        yield from talk.ask(words)


def _show_prompt(copilot: Copilot, words: str, model: str | None) -> int:
    """Print the first request as it would be sent, and send nothing."""
    import json

    from copilot.agent.conversation import Conversation
    from copilot.agent.conversation.opening import endpoint_of, unsent
    from copilot.llm.known import KnownModels, adapted
    from copilot.settings import load_settings

    settings = load_settings()
    endpoint = endpoint_of(settings, model=model)
    if endpoint is None:
        raise UsageError(
            "No model is configured, so nothing would be sent.", "Set COPILOT_MODEL_URL and COPILOT_MODEL."
        )
    endpoint, trouble = adapted(endpoint, KnownModels(settings.data_dir).find(endpoint))
    if trouble:
        click.echo(f"note: {trouble}", err=True)
    if endpoint is None:
        return 0
    writer, capture = unsent(endpoint)
    for _ in Conversation(copilot, writer).ask(words):
        pass  # the request is kept on the way
    writer.close()
    if not capture.body:
        click.echo("Nothing would be sent: the program answers this by itself.", err=True)
        return 0
    click.echo(f"POST {capture.address}", err=True)
    click.echo(json.dumps(json.loads(capture.body), indent=2, ensure_ascii=False))
    return 0
