"""Why and since when: diagnosis, changes, the line of time."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.tools.looking import Object, Space
from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.workplace import Workplace, evidence_line
from copilot.diagnosis.changes import around, changes_in
from copilot.diagnosis.timeline import timeline
from copilot.model import Diagnosis, age_text
from copilot.model.moment import stamp
from guardrails.provenance import Source

MOST_CAUSES = 5
MOST_CHANGES = 40
MOST_SYMPTOMS = 10


class DiagnoseArguments(msgspec.Struct, frozen=True):
    """Arguments of diagnose."""

    object: Annotated[str, Meta(description="kind/name; empty: the whole namespace")] = ""
    namespace: Space = ""


def diagnose(place: Workplace, given: DiagnoseArguments) -> Result:
    """The root causes found by the rules, with their proof."""
    ref = place.find(given.object, given.namespace) if given.object else None
    space = None if ref else place.scope(given.namespace)
    found = place.desk.explain(ref, space)
    about = str(ref) if ref else f"namespace {space}" if space else "the whole cluster"
    lines = diagnosis_lines(found, MOST_CAUSES)
    head = Line(f"verdict for {about}: {found.verdict.value}", ref, "diagnosis", "diagnosis", Source.K8S_STRUCTURED, cause=True)  # fmt: skip
    gaps = "; ".join(gap.text for gap in found.gaps if gap.matters)
    cut = f"{len(found.root_causes) - MOST_CAUSES} further causes are not shown. " if len(found.root_causes) > MOST_CAUSES else ""  # fmt: skip
    return Result(f"what is wrong with {about}", "every rule over the graph", (head, *lines), cut + (f"Not seen: {gaps}" if gaps else ""))  # fmt: skip


def diagnosis_lines(found: Diagnosis, most: int) -> list[Line]:
    """The causes of a diagnosis as lines: what, why, since when, what to do, what is doubted."""
    lines: list[Line] = []
    for cause in found.root_causes[:most]:
        since = f", since {stamp(cause.since)}" if cause.since else ""
        head = f"cause {cause.rank} ({cause.cause}, confidence {cause.confidence:.0%}{since}): {cause.title}"
        lines.append(Line(head, cause.object, "diagnosis", "diagnosis", Source.K8S_FREETEXT, cause=True))
        lines += [evidence_line(piece, cause=True) for piece in cause.evidence]
        lines += [Line(f"chain: {link.object}: {link.text}", link.object, "diagnosis", "diagnosis", cause=True) for link in cause.chain]  # fmt: skip
        if cause.affected:
            named = ", ".join(str(ref) for ref in cause.affected[:8])
            lines.append(Line(f"affected: {named}", cause.object, "diagnosis", "diagnosis", Source.K8S_STRUCTURED, cause=True))  # fmt: skip
        lines += [Line(f"doubt: {doubt}", cause.object, "diagnosis", "diagnosis", cause=True) for doubt in cause.doubts]
        lines += [
            Line(f"seen before, quoted and not checked: {entry.quote}", None, "incident memory", "memory", Source.EXTERNAL)
            for entry in cause.remembered
        ]  # fmt: skip
        lines += [
            Line(f"next step: {step.text}" + (f" ({step.command})" if step.command else ""), cause.object, "diagnosis", "diagnosis", cause=True, advice=True)
            for step in cause.next_steps[:3]
        ]  # fmt: skip
    if not found.root_causes:
        lines += [evidence_line(piece) for piece in found.symptoms[:MOST_SYMPTOMS]]
    return lines


class ChangeArguments(msgspec.Struct, frozen=True):
    """Arguments of list_changes."""

    object: Annotated[str, Meta(description="kind/name; empty: all of the namespace")] = ""
    namespace: Space = ""
    hours: Annotated[float, Meta(description="How far back", gt=0, le=24 * 90)] = 24.0


def list_changes(place: Workplace, given: ChangeArguments) -> Result:
    """What changed, newest first, with who wrote it."""
    ref = place.find(given.object, given.namespace) if given.object else None
    space = place.scope(given.namespace) if ref is None else None
    span = timedelta(hours=given.hours)
    found = changes_in(place.graph, around(place.graph, ref) if ref else None, place.asking.now - span)
    if space:
        found = [change for change in found if space == change.object.namespace]
    lines = [
        Line(f"{stamp(change.at)} ({age_text((place.asking.now - change.at).total_seconds())} before it was read): {change.object} {change.text}", change.object, change.path, change.source)
        for change in found[:MOST_CHANGES]
    ]  # fmt: skip
    about = str(ref) if ref else f"namespace {space}" if space else "the whole cluster"
    cut = f"{len(found) - MOST_CHANGES} earlier changes are not shown." if len(found) > MOST_CHANGES else ""
    searched = f"revisions, edits, events of {about} in {given.hours:g} h"
    return Result(f"changes of {about}", searched, tuple(lines), cut, "" if lines else "Nothing that was read changed.")


class TimelineArguments(msgspec.Struct, frozen=True):
    """Arguments of timeline."""

    object: Object
    namespace: Space = ""


def line_of_time(place: Workplace, given: TimelineArguments) -> Result:
    """What happened around the onset of an object's trouble, oldest first."""
    ref = place.find(given.object, given.namespace)
    line = timeline(place.graph, ref, place.desk.explain(ref, None).root_causes[:1])
    lines = [
        Line(f"{stamp(entry.at)} {entry.object}: {entry.change.text if entry.change else entry.text}" + (f" ({entry.count} times)" if entry.count > 1 else ""), entry.object, entry.path, entry.source)
        for entry in line.entries
    ]  # fmt: skip
    if line.onset is not None:
        sign = line.onset.sign
        lines.insert(0, Line(f"the trouble began at {stamp(line.onset.at)}: {sign.text}", sign.object, sign.path, sign.source, cause=True))  # fmt: skip
    cut = f"{len(lines) - MOST_CHANGES} later entries are not shown." if len(lines) > MOST_CHANGES else ""
    return Result(f"what happened to {ref}", f"since {stamp(line.since)}", tuple(lines[:MOST_CHANGES]), cut, "" if lines else "Nothing was recorded.")  # fmt: skip


EXPLAINING: tuple[Tool[Any], ...] = (
    Tool("diagnose", "Root causes with proof, for an object or a namespace. Call it first.", DiagnoseArguments, diagnose),
    Tool("list_changes", "What changed, newest first, and who wrote it.", ChangeArguments, list_changes),
    Tool("timeline", "What happened around the onset of an object's trouble.", TimelineArguments, line_of_time),
)  # fmt: skip
