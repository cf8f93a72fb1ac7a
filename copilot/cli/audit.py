"""`kubectl copilot audit`: the journal of changes, listed or verified. It reads one local file and no cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.options import output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from copilot.changing.history import Record
    from guardrails.journal import Journal

EXIT_BROKEN = 1


@click.command(name="audit")
@click.argument("what", metavar="[PLAN | verify]", required=False)
@click.option(
    "--head", metavar="HASH", default="", help="With verify: a hash noted earlier that must still be in the chain."
)
@output_option("text", "json")
def COMMAND(what: str | None, head: str, output: str) -> int:  # noqa: N802 - the name every command module exports
    """List and verify the journal of changes.

    Without an argument: one line for each plan. With a plan's id: every entry about it. With verify: walk the hash
    chain; exit code 1 when an entry was altered, removed or put elsewhere. That its end was cut off shows only
    against a hash noted earlier: every outcome of `do` prints one, and --head takes it.

    \b
    Examples:
      kubectl copilot audit
      kubectl copilot audit 3f9a21c04b77
      kubectl copilot audit verify --head 5d1f…
    """
    from copilot.changing.history import find_record, records
    from copilot.changing.opening import open_journal
    from copilot.model import UsageError
    from copilot.settings import load_settings

    journal = open_journal(load_settings())
    if what == "verify":
        return _verify(journal, head, output)
    if head:
        raise UsageError("--head goes with verify", "Try: kubectl copilot audit verify --head HASH")
    if what is None:
        _list(records(journal), output)
    else:
        _tell(find_record(journal, what), output)
    return 0


def _verify(journal: Journal, head: str, output: str) -> int:
    from guardrails.display import visible

    found = journal.verify(head)
    if output == "json":
        _json("audit-verify", {"entries": found.count, "head": found.head, "problems": list(found.problems)})
    else:
        for problem in found.problems:
            click.echo(visible(problem))
        state = "BROKEN" if found.problems else "whole"
        click.echo(f"{found.count} entries, chain {state}, head {found.head or '(empty)'}")
    return EXIT_BROKEN if found.problems else 0


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
        facts = {key: value for key, value in entry.detail.items() if key not in ("plan", "approval")}
        said = ", ".join(f"{key}: {value}" for key, value in facts.items())
        step = f"step {entry.step} " if entry.step > 0 and len(record.plan.steps) > 1 else ""
        click.echo(visible(f"  {entry.seq:>5}  {entry.at}  {entry.kind.value:<9} {step}{said}"))


def _json(name: str, content: dict[str, object]) -> None:
    print_json({"schema": f"cluster-copilot/{name}/v1", **content})
