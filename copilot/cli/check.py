"""`kubectl copilot check`: what would become of a command or a sentence. Nothing is done, and no cluster is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import click

from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json

if TYPE_CHECKING:
    from copilot.settings import Settings
    from guardrails.kubectl.verdict import Verdict

EXIT_APPROVAL = 1
_LONGEST = 64 * 1024  # bytes of one line that are kept; a longer one is refused whatever follows


@click.command(name="check")
@click.argument("words", metavar="[--] WORDS", nargs=-1)
@click.option("--text", "stream", type=click.File("rb"), metavar="FILE",
              help="Read lines from FILE (- is stdin) and write one JSON line for each.")  # fmt: skip
@cluster_options
@output_option("text", "json")
def COMMAND(words: tuple[str, ...], stream: BinaryIO | None, target: Target, output: str) -> int:  # noqa: N802 - the name every command module exports
    """Say what would become of a kubectl command, a sentence or a question, without doing it.

    The answer is one of three: it only looks (read), it changes something and needs a person's yes (approval), or it
    is refused, with the reason and the nearest form that would be taken. No shell and no kubectl is run, ever.

    The tier is the least agreement that the change needs: 1 a yes, 2 the object's name typed, 3 two people, 4 never.
    With --from, --context or --kubeconfig the object is looked up there, and the tier is the one it has there; without,
    no cluster is asked, and what `do` finds out in the cluster can only ask for more.

    With --text every line in gives one JSON line out, and no line ends the run.

    Exit code: 0 a read, 1 a change that needs a yes, 77 refused, 64 nothing to check; 0 always with --text.

    \b
    Examples:
      kubectl copilot check -- kubectl get pods -A
      kubectl copilot check -- kubectl scale deploy/web --replicas=0 -n shop
      kubectl copilot check "restart web in shop" -o json
      kubectl copilot check --text - < commands.txt
      kubectl copilot check --from dump.tar.gz -- kubectl delete pod web-0 -n shop
    """
    from copilot.model import UsageError
    from guardrails.kubectl.verdict import Decision, judge_words

    if stream is not None:
        if words:
            raise UsageError(
                "--text takes its lines from the file, so no words go with it", "Leave out one of the two."
            )
        return _stream(stream, _looking(target))
    if not words:
        raise UsageError("There is nothing to check", "Try: kubectl copilot check -- kubectl get pods")
    verdict = _looking(target)(judge_words(words))
    if output == "json":
        print_json(verdict)
    else:
        _print(verdict)
    codes = {Decision.READ: 0, Decision.APPROVAL: EXIT_APPROVAL, Decision.REFUSED: 77}
    return codes[verdict.decision]


def _print(verdict: Verdict) -> None:
    """Print a verdict for eyes."""
    from guardrails.kubectl.verdict import Decision

    tiers = {1: "one yes", 2: "the object's name typed", 3: "two people", 4: "never"}
    match verdict.decision:
        case Decision.READ:
            head = "Read"
        case Decision.APPROVAL:
            head = f"Needs approval (tier {verdict.tier} at least: {tiers[verdict.tier or 1]})"
        case Decision.REFUSED:
            head = "Refused (tier 4: never)" if verdict.tier == 4 else "Refused"
    click.echo(f"{head}: {verdict.reason}")
    if verdict.nearest:
        click.echo(f"Nearest: {verdict.nearest}")


def _looking(target: Target) -> Callable[[Verdict], Verdict]:
    """Where the object of a change is looked up: nowhere, in a recording, or in the cluster that was named."""
    from copilot.settings import load_settings

    settings = load_settings()
    if not (target.paths or target.context or target.kubeconfig):
        return _policy_alone(settings, target)
    from copilot.app import open_snapshot
    from copilot.changing.checking import resolved
    from copilot.changing.desk import plan_recorded_intent
    from copilot.changing.opening import open_reading, policy_loader

    if target.paths:
        snapshot, policy = open_snapshot(target), policy_loader(settings)()
        return lambda verdict: resolved(
            verdict, lambda intent, words: plan_recorded_intent(snapshot, intent, words, target.namespace, policy)
        )
    desk = open_reading(target, settings).desk
    return lambda verdict: resolved(verdict, lambda intent, words: desk.plan_intent(intent, words, target.namespace))


def _policy_alone(settings: Settings, target: Target) -> Callable[[Verdict], Verdict]:
    """What a site policy says where no object is looked up; without one, nothing."""
    if settings.policy_file is None:
        return lambda verdict: verdict
    from datetime import UTC, datetime

    from copilot.changing.checking import foreseen
    from guardrails.policy.policy import load_policy

    policy, now = load_policy(settings.policy_file), datetime.now(UTC)
    return lambda verdict: foreseen(verdict, policy, target.namespace, now)


def _stream(source: BinaryIO, look: Callable[[Verdict], Verdict]) -> int:
    """One JSON line for each line, written as soon as it is judged."""
    import msgspec

    from guardrails.kubectl.verdict import judge_line

    out = sys.stdout.buffer
    for line in _lines(source):
        out.write(msgspec.json.encode(look(judge_line(line))) + b"\n")
        out.flush()
    return 0


def _lines(source: BinaryIO) -> Iterator[str]:
    """Lines without their ends. What is no UTF-8 comes as the replacement character; of a huge line, the beginning."""
    while line := source.readline(_LONGEST):
        rest = line
        while not rest.endswith(b"\n") and (rest := source.readline(_LONGEST)):
            pass
        yield line.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8", "replace")
