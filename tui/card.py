"""The card of a change: what a person sees before they agree. A function of the plan alone, complete, and never cut."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import msgspec
from rich.console import Console
from rich.text import Text

from guardrails.approval import plan_code
from guardrails.display import visible
from guardrails.effect import effect
from guardrails.operations.args import ScaleArgs
from guardrails.plan import Access, DryRun, DryRunState, FieldChange, Plan, Tier
from guardrails.provenance.labels import Origin


class Look(Enum):
    """How a line of the card is drawn."""

    TITLE = "bold"
    HEADING = "bold cyan"
    PLAIN = ""
    WARNING = "bold yellow"
    REFUSAL = "bold red"
    QUIET = "dim"


class Line(msgspec.Struct, frozen=True):
    """One line. Its text holds only characters that show."""

    text: str
    look: Look = Look.PLAIN


def card_lines(plan: Plan) -> tuple[Line, ...]:
    """The whole card, top to bottom."""
    parts = (
        _head,
        _proposal,
        _banners,
        _object,
        _effect,
        _fields,
        _reach,
        _judgement,
        _checks,
        _way_back,
        _unchecked,
        _identity,
    )
    return tuple(Line(visible(line.text), line.look) for part in parts for line in part(plan))


def print_card(plan: Plan, console: Console) -> None:
    """Print the card; a long line is wrapped by the terminal, never shortened."""
    for line in card_lines(plan):
        console.print(Text(line.text, style=line.look.value), soft_wrap=True)


def _head(plan: Plan) -> Iterator[Line]:
    for step in plan.steps:
        yield Line(effect(step), Look.TITLE)
    if plan.undoes:
        yield Line(f"  This undoes plan {plan.undoes}.")
    if plan.break_glass is not None:
        glass = plan.break_glass
        yield Line(f"  BREAK-GLASS for {glass.incident}, by {glass.person} ({glass.granted_by}):", Look.REFUSAL)
        yield Line(f'  "{glass.reason}"', Look.REFUSAL)
        for passed in glass.passed or ("nothing, since this change does not need it",):
            yield Line(f"  It goes past: {passed}", Look.REFUSAL)
        yield Line(f"  The leave ends at {glass.until}, and another person has to review the change.", Look.REFUSAL)


def _proposal(plan: Plan) -> Iterator[Line]:
    """How it came about, where a model proposed it."""
    taint = plan.taint
    if taint is None:
        return
    look = Look.WARNING if taint.banner else Look.QUIET
    if taint.banner:
        yield Line(
            "  NOT YOUR WORDS: a model proposed this, and text that anybody may have written may have chosen it.", look
        )
    else:
        yield Line("  A model proposed this, as your words ask for it.", look)
    for label in taint.labels:
        yield Line(f"  {label.value}", look)
    for each in taint.origins:
        if each.origin is not Origin.OPERATOR:
            where = f" ({each.where})" if each.where else ""
            loud = each.origin.tainted or each.origin is Origin.SUGGESTED
            yield Line(
                f"  {each.role.value} {each.value!r}: from {each.origin.value}{where}",
                Look.WARNING if loud else Look.QUIET,
            )


def _banners(plan: Plan) -> Iterator[Line]:
    for banner in plan.computed.banners:
        yield Line(f"  MANAGED BY {banner.manager}: {banner.effect}.", Look.WARNING)
        yield Line(f"  The place to change it is {banner.place}.", Look.WARNING)


def _object(plan: Plan) -> Iterator[Line]:
    ref, cluster = plan.target, plan.cluster
    yield Line("Object", Look.HEADING)
    yield Line(f"  {ref.kind} {ref.name}")
    yield Line(
        f"  namespace {ref.namespace}" if ref.namespace else "  in no namespace: it belongs to the whole cluster"
    )
    yield Line(f"  cluster   {cluster.context}{f' at {cluster.server}' if cluster.server else ''}")
    yield Line(
        f"  {'.'.join(part for part in (ref.resource, ref.version, ref.group) if part)}, uid {ref.uid or 'unknown'}, version {ref.resource_version or 'unknown'}",
        Look.QUIET,
    )


def _effect(plan: Plan) -> Iterator[Line]:
    blast = plan.computed.blast
    yield Line("Pods", Look.HEADING)
    scales = [step.args for step in plan.steps if isinstance(step.args, ScaleArgs)]
    for args in scales:
        yield Line(f"  replicas {args.before} -> {args.after}")
    if scales or blast.pods_now or blast.pods_disrupted:
        yield Line(f"  {blast.pods_ready} of {blast.pods_now} ready now, {blast.pods_disrupted} ended by the change")
    else:
        yield Line("  none of its own; none is ended by the change")
    for line in plan.computed.irreversible:
        yield Line(f"  cannot be undone: {line}")


def _fields(plan: Plan) -> Iterator[Line]:
    yield Line("Fields", Look.HEADING)
    for change in plan.computed.changes:
        yield Line(_field(change), Look.PLAIN if change.asked else Look.WARNING)
    if not plan.computed.changes:
        yield Line("  none: it removes objects" if plan.removes else "  none would change")


def _field(change: FieldChange) -> str:
    by = "" if change.asked else "   <- changed by the cluster's admission, not asked for"
    return f"  {change.path}: {change.before or '(absent)'} -> {change.after or '(absent)'}{by}"


def _reach(plan: Plan) -> Iterator[Line]:
    dependants = plan.computed.blast.dependants
    yield Line(f"Who depends on it ({len(dependants)})", Look.HEADING)
    for each in dependants:
        place = f"{each.namespace}/{each.name}" if each.namespace else each.name
        yield Line(f"  {each.kind} {place} ({each.note})")
    if not dependants:
        yield Line("  nobody that was seen")


_AGREEMENT = {
    Tier.ONE_YES: "tier 1: one person's yes",
    Tier.TYPED_NAME: "tier 2: one person types the object's name",
    Tier.TWO_PEOPLE: "tier 3: two people",
    Tier.NEVER: "tier 4: never",
}


def _judgement(plan: Plan) -> Iterator[Line]:
    yield Line("Agreement needed", Look.HEADING)
    instead = ", and break-glass takes the place of the second" * (plan.break_glass is not None)
    yield Line(f"  {_AGREEMENT[plan.computed.tier]}{instead * (plan.computed.tier is Tier.TWO_PEOPLE)}")
    if plan.computed.tier is Tier.TWO_PEOPLE and not plan.computed.refusals:
        yield Line(f"  whoever agrees types its code: {plan_code(plan)}")
    for reason in plan.computed.reasons:
        yield Line(f"  because {reason}")
    for refusal in plan.computed.refusals:
        yield Line(f"  REFUSED: {refusal}", Look.REFUSAL)


def _checks(plan: Plan) -> Iterator[Line]:
    if plan.computed.ssar or plan.computed.dry_run:
        yield Line("Checked", Look.HEADING)
    for access in plan.computed.ssar:
        yield Line(_access(access), Look.PLAIN if access.allowed else Look.REFUSAL)
    for number, rehearsal in enumerate(plan.computed.dry_run, start=1):
        which = f", request {number}" if len(plan.steps) > 1 and number <= len(plan.steps) else ""
        yield Line(_rehearsal(rehearsal, which), Look.PLAIN if rehearsal.state is DryRunState.DONE else Look.WARNING)


def _access(access: Access) -> str:
    what = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
    answer = "allowed" if access.allowed else f"NOT ALLOWED{f' ({access.reason})' if access.reason else ''}"
    where = "/".join(part for part in (access.namespace, access.name) if part)
    return f"  you may {access.verb} {what}{f' {where}' if where else ''}: {answer}"


def _rehearsal(rehearsal: DryRun, which: str) -> str:
    detail = f" ({rehearsal.detail})" if rehearsal.detail else ""
    return f"  server-side dry-run of the {rehearsal.purpose}{which}: {rehearsal.state.value}{detail}"


def _way_back(plan: Plan) -> Iterator[Line]:
    yield Line("Way back", Look.HEADING)
    for step in plan.rollback:
        yield Line(f"  {effect(step)}, by kubectl copilot undo {plan.id}: a new plan through the same checks")
    if plan.computed.way_back:
        yield Line(f"  {plan.computed.way_back}, by kubectl copilot undo {plan.id}: a new plan through the same checks")
    elif not plan.rollback:
        yield Line("  none: there is nothing to put back")


def _unchecked(plan: Plan) -> Iterator[Line]:
    yield Line("NOT checked", Look.HEADING)
    for each in plan.computed.not_checked:
        yield Line(f"  {each}")


def _identity(plan: Plan) -> Iterator[Line]:
    who = plan.requester
    asked = f"{who.sub} ({who.iss})" + (f", to the cluster {who.k8s_user}" if who.k8s_user else "")
    yield Line("Plan", Look.HEADING)
    yield Line(f'  asked by {asked}: "{plan.intent.words}"')
    for number, step in enumerate(plan.steps, start=1):
        query = "&".join(f"{key}={value}" for key, value in step.request.query)
        address = f"{step.request.path}?{query}" if query else step.request.path
        yield Line(f"  request {number}: {step.request.method} {address}", Look.QUIET)
        yield Line(f"  {step.request.content_type} {step.request.body}", Look.QUIET)
    yield Line(f"  plan {plan.id}, good until {plan.expires}, digest {plan.digest}", Look.QUIET)
