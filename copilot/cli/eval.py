"""`eval`: score the program on recorded incidents, ours or the user's own. It reads files only, never a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model.errors import UsageError

if TYPE_CHECKING:
    from evals.questions_task import Answering
    from evals.task import Task

_RECORDINGS, _SEVERAL = "recordings", "several"


@click.group(name="eval")
def COMMAND() -> None:  # noqa: N802 - the lazy table looks for this name
    """Score the program on cases whose truth is known.

    A case is a folder with a recording and a truth.json; docs/evals.md describes the format.
    """


@COMMAND.command()
@click.option(
    "--set",
    "name",
    type=click.Choice([_RECORDINGS, _SEVERAL]),
    help="A set that ships: one fault each (default), or several at once.",
)
@click.option("--path", "folder", metavar="DIR", help="A folder of your own cases.")
@click.option(
    "--as",
    "material",
    type=click.Choice(["objects", "transcript", "both"]),
    default="both",
    show_default=True,
    help="Which part of each case is read: the objects, the pasted text (*.txt), or both.",
)
@click.option("--case", "only", multiple=True, metavar="NAME", help="Only this case. Repeatable.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Exit 1 when fewer cases are right."
)
@output_option("text", "json")
def diagnosis(
    name: str | None, folder: str | None, material: str, only: tuple[str, ...], fail_under: float | None, output: str
) -> int:
    """Score root causes: object and cause together, object alone, silence where nothing is wrong, confidence, time.

    Where a case has several faults, the set score stands beside it: 0 when one is missing, else the share of answers that are right.
    """
    from evals.report import as_json, as_text

    if name and folder:
        raise UsageError("--set and --path both name the cases", "Give one of them.")
    if name == _SEVERAL and material == "transcript":
        raise UsageError("the set of several faults has objects only", "Leave --as out.")
    task = _several_task(only) if name == _SEVERAL else _recorded_task(folder, material, only)
    if not task.dataset:
        raise UsageError("no case is left to score", "Check --case and --as against the folder.")
    report = task.run()
    if output == "json":
        print_json(as_json(report))
    else:
        click.echo(as_text(report))
    return 1 if fail_under is not None and report.joint * 100 < fail_under else 0


def _recorded_task(folder: str | None, material: str, only: tuple[str, ...]) -> Task:
    from evals.case import RECORDINGS, Material, load_cases
    from evals.solver import DiagnosisSolver
    from evals.task import Task

    kind = Material(material)
    cases = [case for case in load_cases(Path(folder) if folder else RECORDINGS) if case.has(kind)]
    chosen = [case for case in cases if not only or case.name in only]
    return Task(f"diagnosis of {folder or _RECORDINGS} as {material}", chosen, DiagnosisSolver(kind))


def _several_task(only: tuple[str, ...]) -> Task:
    from evals.case import RECORDINGS, Case
    from evals.several import several
    from evals.solver import JoinedSolver
    from evals.task import Task

    made = [one for one in several() if not only or one.name in only]
    cases = [Case(one.name, RECORDINGS, one.truth) for one in made]
    return Task("diagnosis of several faults at once", cases, JoinedSolver({one.name: one.snapshot for one in made}))


@COMMAND.command()
@click.option("--path", "folder", metavar="DIR", help="A folder of your own questions (*.jsonl).")
@click.option("--clusters", metavar="DIR", help="A folder with the recorded clusters that the questions name.")
@click.option("--topic", multiple=True, metavar="NAME", help="Only questions of this topic. Repeatable.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Exit 1 when fewer answers are fully right."
)
@click.option("--model", metavar="NAME", help="Let this model of COPILOT_MODEL_URL write the answers.")
@output_option("text", "json")
def questions(
    folder: str | None,
    clusters: str | None,
    topic: tuple[str, ...],
    fail_under: float | None,
    model: str | None,
    output: str,
) -> int:
    """Score answers to operators' questions: fully right, partly, wrong facts stated. docs/ask.md describes the format.

    Without --model the program's own reader answers.

    Exit code: 1 when a wrong fact was stated or fewer answers than --fail-under are fully right.
    """
    from evals.questions_report import as_json, as_text, right_share
    from evals.questions_task import QUESTIONS, Mark, cluster_folders, load_questions, run_questions

    place = Path(folder) if folder else QUESTIONS
    asked = [one for one in load_questions(place) if not topic or one.topic in topic]
    if not asked:
        raise UsageError("no question is left to score", "Check --topic against the questions.")
    with _answering(model) as answering:
        marked = run_questions(asked, cluster_folders(place, Path(clusters) if clusters else None), answering)
    if output == "json":
        print_json(as_json(marked))
    else:
        click.echo(as_text(marked))
    failed = fail_under is not None and right_share(marked) * 100 < fail_under
    return 1 if failed or any(one.mark is Mark.WRONG for one in marked) else 0


@contextmanager
def _answering(model: str | None) -> Iterator[Answering]:
    """Who answers the questions: the reader, or a model until the block ends."""
    from evals.questions_task import by_model, by_reader

    if model is None:
        yield by_reader
        return
    from copilot.agent.conversation.opening import endpoint_of, open_writer
    from copilot.settings import load_settings

    endpoint = endpoint_of(load_settings(), model=model)
    assert endpoint is not None  # a model without an endpoint is an error of its own
    writer = open_writer(endpoint)
    try:
        yield by_model(writer)
    finally:
        writer.close()
