"""`kubectl copilot ask`: a question in plain words, an answer with numbered citations. Needs no language model."""

from __future__ import annotations

import click

from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import UsageError

EXIT_UNKNOWN = 2  # the answer is that the data cannot tell
EXIT_REFUSED = 77


@click.command(name="ask")
@click.argument("question", nargs=-1, required=True)
@cluster_options
@output_option("text", "json")
def COMMAND(question: tuple[str, ...], target: Target, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Answer a question about the cluster, with citations.

    Exit code: 0 answered, 2 the data cannot tell, 77 refused, 64 and above: the question could not be asked.

    \b
    Examples:
      kubectl copilot ask "why is checkout down?"
      kubectl copilot ask "which pods are pending in shop?"
      kubectl copilot ask "what depends on configmap/settings?" -n shop
      kubectl copilot ask "who holds the GPUs?" --from dump.tar.gz
    """
    from copilot.agent.events import Answered, Refused, document
    from copilot.app import open_copilot
    from tui.answer import render_answer, render_refusal
    from tui.console import make_console

    words = " ".join(question).strip()
    if not words:
        raise UsageError("The question is empty.", 'Ask like this: kubectl copilot ask "why is checkout down?"')
    for event in open_copilot(target).over_namespace(target.namespace).ask(words):
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
