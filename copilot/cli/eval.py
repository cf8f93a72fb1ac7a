"""`eval`: score the program on recorded incidents, ours or the user's own. It reads files only, never a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json
from copilot.model.errors import UsageError

_SETS = ("recordings",)


@click.group(name="eval")
def COMMAND() -> None:  # noqa: N802 - the lazy table looks for this name
    """Score the program on cases whose truth is known.

    A case is a folder with a recording and a truth.json; docs/evals.md describes the format.
    """


@COMMAND.command()
@click.option("--set", "name", type=click.Choice(_SETS), help="A set that ships with the program.")
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
    """Score root causes: object and cause together, object alone, silence where nothing is wrong, confidence, time."""
    from evals.case import RECORDINGS, Material, load_cases
    from evals.report import as_json, as_text
    from evals.solver import DiagnosisSolver
    from evals.task import Task

    if name and folder:
        raise UsageError("--set and --path both name the cases", "Give one of them.")
    kind = Material(material)
    cases = [case for case in load_cases(Path(folder) if folder else RECORDINGS) if case.has(kind)]
    if only:
        cases = [case for case in cases if case.name in only]
    if not cases:
        raise UsageError("no case is left to score", "Check --case and --as against the folder.")
    report = Task(f"diagnosis of {folder or name or _SETS[0]} as {material}", cases, DiagnosisSolver(kind)).run()
    if output == "json":
        print_json(as_json(report))
    else:
        click.echo(as_text(report))
    return 1 if fail_under is not None and report.joint * 100 < fail_under else 0


@COMMAND.command()
@click.option("--path", "folder", metavar="DIR", help="A folder of your own questions (*.jsonl).")
@click.option("--clusters", metavar="DIR", help="A folder with the recorded clusters that the questions name.")
@click.option("--topic", multiple=True, metavar="NAME", help="Only questions of this topic. Repeatable.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), metavar="PERCENT", help="Exit 1 when fewer answers are fully right."
)
@output_option("text", "json")
def questions(
    folder: str | None, clusters: str | None, topic: tuple[str, ...], fail_under: float | None, output: str
) -> int:
    """Score answers to operators' questions: fully right, partly, wrong facts stated. docs/ask.md describes the format.

    Exit code: 1 when a wrong fact was stated or fewer answers than --fail-under are fully right.
    """
    from evals.questions_report import as_json, as_text, right_share
    from evals.questions_task import QUESTIONS, Mark, cluster_folders, load_questions, run_questions

    place = Path(folder) if folder else QUESTIONS
    asked = [one for one in load_questions(place) if not topic or one.topic in topic]
    if not asked:
        raise UsageError("no question is left to score", "Check --topic against the questions.")
    marked = run_questions(asked, cluster_folders(place, Path(clusters) if clusters else None))
    if output == "json":
        print_json(as_json(marked))
    else:
        click.echo(as_text(marked))
    failed = fail_under is not None and right_share(marked) * 100 < fail_under
    return 1 if failed or any(one.mark is Mark.WRONG for one in marked) else 0
