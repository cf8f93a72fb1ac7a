"""`kubectl copilot audit`: the journal of changes, listed, verified and reviewed. It reads local files and no cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from copilot.changing.history import Record
    from copilot.settings import Settings
    from guardrails.journal import Journal
    from guardrails.plan import Requester

EXIT_BROKEN = 1


@click.command(name="audit")
@click.argument("what", metavar="[PLAN | verify | reviews | close | failed]", required=False)
@click.argument("closed", metavar="[PLAN]", required=False)
@click.option(
    "--head", metavar="HASH", default="", help="With verify: a hash noted earlier that must still be in the chain."
)
@click.option(
    "--anchor",
    "anchors",
    metavar="FILE",
    multiple=True,
    help="With verify: anchors kept elsewhere, or the API server's audit log. Repeatable.",
)
@click.option("--note", metavar="TEXT", default="", help="With close or failed: what you found.")
@output_option("text", "json")
def COMMAND(  # noqa: N802 - the name every command module exports
    what: str | None, closed: str | None, head: str, anchors: tuple[str, ...], note: str, output: str
) -> int:
    """List and verify the journal of changes, and review what needs a second look.

    Without an argument: one line for each plan. With a plan's id: every entry about it.

    verify walks the hash chain and holds it against the anchors; exit code 1 when an entry or a claim was altered,
    removed or put elsewhere. That its end was cut off, or that all of it was written anew, shows only against what was
    noted elsewhere: the file of COPILOT_ANCHOR_FILE, files given with --anchor, a hash given with --head.

    reviews lists uses of break-glass; exit code 1 while one is open. close PLAN --note TEXT closes one: another person
    than those who asked and agreed does that. failed lists your changes of the last hour that did not work; after more
    than three, nothing is planned for you until you have looked: failed --note TEXT, at a terminal.

    \b
    Examples:
      kubectl copilot audit
      kubectl copilot audit 3f9a21c04b77
      kubectl copilot audit verify --anchor /mnt/worm/heads
      kubectl copilot audit close 3f9a21c04b77 --note "right call; window was wrong"
      kubectl copilot audit failed --note "the quota was full, raised it"
    """
    from copilot.changing.history import find_record, records
    from copilot.changing.opening import open_records
    from copilot.model import UsageError
    from copilot.settings import load_settings

    settings = load_settings()
    journal = open_records(settings)
    if anchors and settings.executor:
        raise UsageError(
            "Anchors are held against the journal where it lies",
            "Run this as the executor's user, without COPILOT_EXECUTOR.",
        )
    if (head or anchors) and what != "verify":
        raise UsageError("--head and --anchor go with verify", "Try: kubectl copilot audit verify --anchor FILE")
    if note and what not in ("close", "failed"):
        raise UsageError("--note goes with close and failed", "Try: kubectl copilot audit close PLAN --note TEXT")
    if (closed is not None) != (what == "close"):
        raise UsageError(
            "close takes a plan's id, the others take none", "Try: kubectl copilot audit close PLAN --note TEXT"
        )
    match what:
        case "verify":
            return _verify(journal, head, anchors, output)
        case "reviews":
            return _reviews(journal, settings, output)
        case "close":
            return _close(journal, settings, str(closed), note)
        case "failed":
            return _failed(journal, settings, note, output)
        case None:
            _list(records(journal), output)
        case plan:
            _tell(find_record(journal, plan), output)
    return 0


def _verify(journal: Journal, head: str, files: tuple[str, ...], output: str) -> int:
    from guardrails.anchor import read_anchors
    from guardrails.display import visible
    from guardrails.journal import Kind

    given = [anchor for file in files for anchor in read_anchors(Path(file))]
    found = journal.verify(head, given)
    held = len(given) + len(journal.known_anchors())
    if output == "json":
        about = {"entries": found.count, "head": found.head, "anchors": held, "problems": list(found.problems)}
        _json("audit-verify", about)
        return EXIT_BROKEN if found.problems else 0
    for problem in found.problems:
        click.echo(visible(problem))
    last = None if found.problems else journal.last_anchor()
    if not held and found.count:
        click.echo("Without anchors a cut-off end does not show: see COPILOT_ANCHOR_FILE and COPILOT_ANCHOR_URL.")
    if last is not None and last.kind is Kind.UNANCHORED:
        click.echo(visible(f"Not anchored at {last.at}: {', '.join(map(str, last.detail.get('why', ())))}"))
    state = "BROKEN" if found.problems else "whole"
    click.echo(f"{found.count} entries, chain {state}, {held} anchors held against it, head {found.head or '(empty)'}")
    return EXIT_BROKEN if found.problems else 0


def _reviews(journal: Journal, settings: Settings, output: str) -> int:
    from copilot.changing.history import reviews
    from copilot.changing.opening import utc_now
    from guardrails.break_glass import review_days
    from guardrails.display import visible
    from guardrails.policy.policy import load_policy

    days = review_days(load_policy(settings.policy_file).document.break_glass)
    found, now = reviews(journal), utc_now()
    if output == "json":
        rows = [{"open": each.is_open, "overdue": each.overdue(days, now), "review": each} for each in found]
        _json("audit-reviews", {"days": days, "reviews": rows})
    else:
        for each in found:
            state = "OVERDUE" if each.overdue(days, now) else "open" if each.is_open else "closed"
            said = (
                f'closed by {each.closed_by} at {each.closed}: "{each.note}"'
                if not each.is_open
                else f"close within {days} days"
            )
            glass = each.glass
            line = (
                f'{each.opened}  {each.plan}  {state:<7}  {glass.person} for {glass.incident}: "{glass.reason}"  {said}'
            )
            click.echo(visible(line))
        if not found:
            click.echo("Break-glass was never used through here.")
    return EXIT_BROKEN if any(each.is_open for each in found) else 0


def _close(journal: Journal, settings: Settings, plan_id: str, note: str) -> int:
    from copilot.changing.history import close_review, find_record

    record = find_record(journal, plan_id)
    close_review(journal, record, _person(settings), note)
    click.echo(f"The review of plan {record.plan.id} is closed.")
    return 0


def _failed(journal: Journal, settings: Settings, note: str, output: str) -> int:
    from copilot.changing.history import failed_lately, note_looked
    from copilot.changing.opening import utc_now
    from copilot.model.errors import EXIT_DENIED
    from guardrails.rules.brakes import MOST_FAILED
    from tui.consent import is_attended

    person = _person(settings)
    found = failed_lately(journal, person, utc_now())
    if output == "json":
        _json("audit-failed", {"plans": [_row(record) for record in found], "brake": len(found) > MOST_FAILED})
    elif not found:
        click.echo("None of your changes of the last hour has failed since you last looked.")
    else:
        for record in found:
            _tell(record, output)
    if not note:
        if len(found) > MOST_FAILED and output == "text":
            click.echo(
                'Nothing is planned for you until you have looked: kubectl copilot audit failed --note "what you found"'
            )
        return EXIT_BROKEN if len(found) > MOST_FAILED else 0
    if not is_attended():
        click.echo("Looking is done by a person at a terminal, so nothing was noted.", err=True)
        return EXIT_DENIED
    note_looked(journal, person, note)
    click.echo("Noted. Changes can be planned again.")
    return 0


def _person(settings: Settings) -> Requester:
    """Who is at the keyboard: to the executor where there is one, else to this machine."""
    from tools.change.identity import local_person
    from tools.change.remote import RemoteExecutor

    return RemoteExecutor(settings.executor).standing().requester if settings.executor else local_person()


def _list(found: list[Record], output: str) -> None:
    from guardrails.display import visible

    if output == "json":
        _json("audit", {"plans": [_row(record) for record in found]})
        return
    if not found:
        click.echo("No change was planned through here yet.")
    for record in found:
        row = _row(record)
        words = [row["at"], row["plan"], f"{row['state']:<12}", row["object"], f'"{row["words"]}"', f"by {row['by']}"]
        click.echo("  ".join(visible(word) for word in words))


def _row(record: Record) -> dict[str, str]:
    from guardrails.effect import effect

    plan = record.plan
    return {
        "at": record.entries[0].at,
        "plan": plan.id,
        "state": record.state.value,
        "object": plan.target.title,
        "effect": effect(plan.steps[0]) + (f" and {len(plan.steps) - 1} more" if len(plan.steps) > 1 else ""),
        "cluster": plan.cluster.context,
        "words": plan.intent.words,
        "by": plan.requester.k8s_user or plan.requester.sub,
        "digest": plan.digest,
    }


def _tell(record: Record, output: str) -> None:
    from guardrails.display import visible
    from guardrails.effect import effect

    if output == "json":
        _json("audit-plan", {"plan": _row(record), "entries": record.entries})
        return
    click.echo(
        visible(f"Plan {record.plan.id}: {record.state.value}, {record.plan.target.title}, digest {record.plan.digest}")
    )
    for number, each in enumerate(record.plan.steps, start=1):
        click.echo(visible(f"  step {number}: {effect(each)}"))
    for entry in record.entries:
        # The plan itself and the signed approval are long; -o json shows them.
        facts = {
            key: value for key, value in entry.detail.items() if key not in ("plan", "approval", "claim", "nonces")
        }
        said = ", ".join(f"{key}: {_plainly(value)}" for key, value in facts.items())
        step = f"step {entry.step} " if entry.step > 0 and len(record.plan.steps) > 1 else ""
        click.echo(visible(f"  {entry.seq:>5}  {entry.at}  {entry.kind.value:<9} {step}{said}"))


def _plainly(value: object) -> str:
    """A value of an entry on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plainly(each)}" for key, each in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _json(name: str, content: dict[str, object]) -> None:
    print_json({"schema": f"cluster-copilot/{name}/v1", **content})
