"""`kubectl copilot policy`: check a site policy, test it on fixtures, and see what it says about one change. Nothing is done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from guardrails.plan import Plan

EXIT_FOUND = 1


@click.group(name="policy")
def COMMAND() -> None:  # noqa: N802 - the name every command module exports
    """Check, test and explain the site policy: environments, protected namespaces, freeze windows, CEL rules.

    FILE is the one that COPILOT_POLICY names when it is left out. A policy can only raise a tier or refuse.
    """


@COMMAND.command(name="check")
@click.argument("file", required=False)
@output_option("text", "json")
def check(file: str | None, output: str) -> int:
    """Look for mistakes in a site policy, each with its line.

    Exit code: 0 none, 1 there are some; as long as there is one, every change is refused.
    """
    from copilot.changing.policy_cases import suspicious
    from guardrails.display import visible
    from guardrails.policy.policy import load_policy

    path = _path(file)
    policy = load_policy(path)
    problems = policy.problems or suspicious(path.read_bytes(), policy)
    document = policy.document
    if output == "json":
        print_json({"schema": "cluster-copilot/policy-check/v1", "sha": policy.sha, "problems": problems})
    else:
        for problem in problems:
            click.echo(visible(f"{path}:{problem.line}: {problem.text}"))
        if not problems:
            click.echo(
                f"{path}: {len(document.rules)} rules, {len(document.environments or ())} environments, "
                f"{len(document.freeze_windows)} freeze windows, {len(document.protected_namespaces)} protected "
                f"namespaces; sha256 {policy.sha}"
            )
    return EXIT_FOUND if problems else 0


@COMMAND.command(name="test")
@click.argument("file", required=False)
@click.option("--fixtures", required=True, metavar="DIR", help="Folder of fixtures: a request and what is expected.")
@output_option("text", "json")
def test(file: str | None, fixtures: str, output: str) -> int:
    """Judge written-down changes and compare with what their author expects.

    Exit code: 0 all as expected, 1 not all.
    """
    from copilot.changing.policy_cases import read_cases, run_case
    from guardrails.display import visible
    from guardrails.policy.policy import load_policy

    policy = load_policy(_path(file))
    results = [run_case(policy, case) for case in read_cases(Path(fixtures))]
    failed = sum(bool(result.differences) for result in results)
    if output == "json":
        print_json({"schema": "cluster-copilot/policy-test/v1", "sha": policy.sha, "results": results})
    else:
        for result in results:
            said = "; ".join(result.differences) or "as expected"
            click.echo(visible(f"{'FAIL' if result.differences else 'ok  '} {result.name}: {said}"))
        click.echo(f"{len(results) - failed} of {len(results)} as expected")
    return EXIT_FOUND if failed else 0


@COMMAND.command(name="explain")
@click.argument("words", metavar="[--] WORDS", nargs=-1, required=True)
@click.option("-p", "--policy", "file", metavar="FILE", help="The policy to ask instead of the one that is set.")
@cluster_options
@output_option("text", "json")
def explain(words: tuple[str, ...], file: str | None, target: Target, output: str) -> int:
    """Plan one change without any policy, and say what the policy adds: who speaks, and the tier before and after.

    Exit code: 0 the policy lets it go on to its approval, 77 it refuses.

    \b
    Examples:
      kubectl copilot policy explain -p policy.yaml -- kubectl scale deploy/web --replicas=3 -n shop
      kubectl copilot policy explain --from dump.tar.gz "restart web in shop"
    """
    from copilot.model.errors import EXIT_DENIED
    from guardrails.display import visible
    from guardrails.plan import Tier
    from guardrails.policy.opinions import environment_of, opinions, ruling
    from guardrails.policy.policy import load_policy
    from guardrails.policy.subject import subject_of
    from guardrails.rules.finding import Weight

    policy = load_policy(_path(file))
    plan, now = _planned(words, target)
    subject = subject_of(plan)
    found = opinions(policy, subject, plan.requester, now)
    spoken = ruling(plan.computed.tier, found)
    before, after = plan.computed.tier, spoken.tier
    environment = environment_of(policy, subject)
    refused = after is Tier.NEVER or bool(spoken.own)
    named = environment.value if environment else "not told" + " (counts as prod)" * bool(policy.document.environments)
    if output == "json":
        print_json(
            {
                "schema": "cluster-copilot/policy-explain/v1",
                "sha": policy.sha,
                "environment": named,
                "tier_before": int(before),
                "tier_after": int(after),
                "refused": refused,
                "opinions": found,
            }
        )
        return EXIT_DENIED if refused else 0
    click.echo(visible(f"{plan.target.title}: {subject.operation.value}, environment {named}"))
    for each in found:
        if each.finding.weight is Weight.REFUSE and each.finding.reason not in spoken.own:
            continue  # it holds above tier 1 only
        what = {Weight.AT_LEAST: f"at least tier {int(each.finding.tier)}", Weight.RAISE: "one tier more"}
        click.echo(visible(f"  {each.source}: {what.get(each.finding.weight, 'refused')}: {each.finding.reason}"))
    if not found:
        click.echo("  the policy has nothing to say")
    click.echo(f"Tier without the policy {int(before)}, with it {int(after)}{': refused' * refused}")
    return EXIT_DENIED if refused else 0


def _planned(words: tuple[str, ...], target: Target) -> tuple[Plan, datetime]:
    """The plan without any policy, and the moment it is judged at."""
    from copilot.app import open_snapshot
    from copilot.changing.desk import Desk, plan_recorded_intent
    from copilot.changing.opening import open_reading, utc_now
    from copilot.model import UsageError
    from copilot.settings import load_settings
    from guardrails.kubectl.asked import asked

    if target.all_namespaces:
        raise UsageError("A change is for one object, so -A has no meaning here", "Name the namespace with -n.")
    intent, sentence = asked(words)
    if target.paths:
        snapshot = open_snapshot(target)
        return plan_recorded_intent(snapshot, intent, sentence, target.namespace), snapshot.observed_at
    source = open_reading(target, load_settings()).desk.source
    return Desk(source, utc_now).plan_intent(intent, sentence, target.namespace), utc_now()


def _path(file: str | None) -> Path:
    from copilot.model import UsageError
    from copilot.settings import load_settings

    path = Path(file) if file else load_settings().policy_file
    if path is None:
        raise UsageError("There is no site policy to look at", "Name its file, or set COPILOT_POLICY.")
    return path
