"""Looking at objects: list, get, logs, events, metrics. Values of Secrets are never shown; a log is searched, not poured out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.answers.beyond import answer_usage
from copilot.agent.describe import describe_state
from copilot.agent.intents import Intent
from copilot.agent.question import Question
from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.workplace import LogFetcher, Workplace, answer_lines, drafted, evidence_line, origin_of
from copilot.diagnosis.log_lines import most_telling
from copilot.diagnosis.view import logged, told
from copilot.model import ContainerLog, Ref, Resource, UsageError
from copilot.model.kinds import resolve_kind
from copilot.model.likeness import nearest
from guardrails.provenance import Source
from guardrails.redaction import redact_body
from retrievers.graph import EventFact

MOST_OBJECTS = 200
MOST_LEAVES = 400
MOST_DEPTH = 12
MOST_POINTS = 40

Object = Annotated[str, Meta(description="The object as kind/name, for example deployment/web")]
Space = Annotated[str, Meta(description="Namespace; empty: the session's")]


class ListArguments(msgspec.Struct, frozen=True):
    """Arguments of list_objects."""

    kind: Annotated[str, Meta(description="Kind, for example pod, deployment, node")]
    namespace: Space = ""
    label: Annotated[str, Meta(description="key=value that the labels must hold; empty: any")] = ""
    contains: Annotated[str, Meta(description="Only objects whose name or state contains this; empty: any")] = ""


def list_objects(place: Workplace, given: ListArguments) -> Result:
    """The objects of a kind with their state."""
    kind = _kind(place, given.kind)
    space = place.scope(given.namespace)
    key, _, value = given.label.partition("=")
    found = []
    for one in place.asking.members(kind, space):
        if key and one.labels.get(key.strip()) != value.strip():
            continue
        words = f"{one.ref}: {describe_state(place.view, one)}"
        if given.contains.lower() in words.lower():
            found.append(Line(words, one.ref, "status", one.source, Source.K8S_STRUCTURED))
    where = f"namespace {space}" if space else "the whole cluster"
    searched = f"{len(place.asking.members(kind, space))} {kind} objects of {where}"
    if not place.asking.was_read(kind, space):
        searched += "; the list was not read in full, so others may exist"
    count = Line(f"{len(found)} {kind} objects in {where}", None, f"{kind} list", "list", Source.K8S_STRUCTURED)
    cut = f"{len(found) - MOST_OBJECTS} more are not shown; narrow with namespace, label or contains." if len(found) > MOST_OBJECTS else ""  # fmt: skip
    return Result(f"{kind} objects in {where}", searched, (count, *found[:MOST_OBJECTS]), cut)


def _kind(place: Workplace, word: str) -> str:
    known = resolve_kind(word.strip().lower())
    if known is not None:
        return known.kind
    for kind in place.graph.kinds():
        if word.strip().lower() in (kind.lower(), f"{kind.lower()}s", f"{kind.lower()}es"):
            return kind
    near = nearest(word.lower(), (kind.lower() for kind in place.graph.kinds()))
    raise UsageError(f"No kind {word!r} was read.", f"Did you mean {near}?" if near else "")


class GetArguments(msgspec.Struct, frozen=True):
    """Arguments of get_object."""

    object: Object
    namespace: Space = ""
    field: Annotated[str, Meta(description="Only fields whose path contains this, for example resources; empty: all")] = ""  # fmt: skip


def get_object(place: Workplace, given: GetArguments) -> Result:
    """One object: its state, then its fields as `path: value`."""
    ref = place.find(given.object, given.namespace)
    resource = place.graph.get(ref)
    if resource is None:
        return Result(f"{ref}", "the graph", trouble=f"{ref} is named by others, but was not read.")
    state = Line(
        f"{ref}: {describe_state(place.view, resource)}", ref, "status", resource.source, Source.K8S_STRUCTURED
    )
    wanted = given.field.lower().replace("[", "").replace("]", "")
    leaves = [
        Line(f"{path}: {value}", ref, path, resource.source, origin_of(path, resource.source))
        for path, value in _fields(resource)
        if wanted in path.lower().replace("[", "").replace("]", "")
    ]
    cut = f"{len(leaves) - MOST_LEAVES} fields are not shown; ask for a field." if len(leaves) > MOST_LEAVES else ""
    trouble = f"No field of {ref} is called like {given.field!r}." if not leaves else ""
    return Result(f"{ref}", f"{resource.source}, every field but managedFields", (state, *leaves[:MOST_LEAVES]), cut, trouble)  # fmt: skip


def _fields(resource: Resource) -> Iterator[tuple[str, str]]:
    body = {key: value for key, value in resource.body.items() if key not in ("data", "stringData", "binaryData")}
    meta = {key: value for key, value in resource.metadata.items() if key != "managedFields"}
    if resource.ref.kind == "ConfigMap" and isinstance(resource.body.get("data"), dict):
        body["data"] = resource.body["data"]
    yield from _leaves(redact_body({**body, "metadata": meta}), "", 0)


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > MOST_DEPTH:
        yield path, "(deeper fields left out)"
    elif isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            name = item.get("name") if isinstance(item, dict) else None
            yield from _leaves(item, f"{path}[{name if isinstance(name, str) else index}]", depth + 1)
    elif path:
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


class LogArguments(msgspec.Struct, frozen=True):
    """Arguments of read_logs."""

    object: Object
    namespace: Space = ""
    container: Annotated[str, Meta(description="Only this container; empty: all")] = ""
    contains: Annotated[str, Meta(description="Only lines that contain these words, case-insensitive; empty: the telling ones")] = ""  # fmt: skip
    last: Annotated[int, Meta(description="How many lines at most", ge=1, le=200)] = 20


def read_logs(place: Workplace, given: LogArguments) -> Result:
    """Lines of the logs of a pod or of the pods of a workload: those with the words, else the most telling and the newest."""
    ref = place.find(given.object, given.namespace)
    pods = [pod.ref for pod in place.view.pods_of(ref)]
    notes = list(place.desk.fetch_logs(pods)) if isinstance(place.desk, LogFetcher) else []
    logs = [log for pod in pods for log in place.view.logs(pod) if given.container in ("", log.container)]
    lines = [line for log in logs for line in _log_lines(log, given)]
    asked = f"logs of {ref}" + (f" with {given.contains!r}" if given.contains else "")
    total = sum(log.text.count("\n") + 1 for log in logs)
    searched = f"{len(logs)} logs of {len(pods)} pods, {total} lines" + "".join(f"; {note}" for note in notes[:3])
    cut = f"{len(lines) - given.last} matching lines are not shown; ask for more with last." if len(lines) > given.last else ""  # fmt: skip
    trouble = "" if lines else ("No line fits." if logs else f"No log of {ref} was read.")
    return Result(asked, searched, tuple(lines[-given.last :]), cut, trouble)


def _log_lines(log: ContainerLog, given: LogArguments) -> list[Line]:
    lines = [(number, line) for number, line in enumerate(log.text.splitlines(), 1) if line.strip()]
    if given.contains:
        chosen = [one for one in lines if given.contains.lower() in one[1].lower()]
    else:
        telling = most_telling(log)
        newest = lines[-max(given.last // 2, 3) :]
        chosen = ([telling] if telling and telling not in newest else []) + newest
    pod = Ref("Pod", log.namespace, log.pod)
    found = []
    for number, line in chosen:
        piece = logged(log, number, line)
        run = ", previous run" if log.previous else ""
        found.append(Line(f"{log.pod} {log.container}{run}: {piece.text}", pod, piece.path, piece.source, Source.LOG))
    return found


class EventArguments(msgspec.Struct, frozen=True):
    """Arguments of list_events."""

    object: Annotated[str, Meta(description="kind/name; empty: all of the namespace")] = ""
    namespace: Space = ""
    warnings: Annotated[bool, Meta(description="Only warnings")] = False
    last: Annotated[int, Meta(description="How many at most", ge=1, le=100)] = 20


def list_events(place: Workplace, given: EventArguments) -> Result:
    """The newest events of an object and of what it owns, or of a namespace; warnings first."""
    if given.object:
        ref = place.find(given.object, given.namespace)
        refs = {ref, *place.graph.children(ref), *(pod.ref for pod in place.view.pods_of(ref))}
        about = f"{ref} and what it owns"
    else:
        space = place.scope(given.namespace)
        refs = {one for one in place.graph.refs() if space in (None, one.namespace)}
        about = f"namespace {space}" if space else "the whole cluster"
    events = [event for one in sorted(refs) for event in place.graph.events(one)]
    shown = [event for event in events if not given.warnings or event.type == "Warning"]
    shown.sort(key=lambda event: (event.type != "Warning", -_moment(event)))
    lines = []
    for event in shown[: given.last]:
        line = evidence_line(told(event))
        lines.append(msgspec.structs.replace(line, text=f"{event.about}: {line.text}", object=event.about))
    cut = f"{len(shown) - given.last} more events are not shown." if len(shown) > given.last else ""
    return Result(f"events of {about}", f"{len(events)} events", tuple(lines), cut, "" if lines else "No event was read.")  # fmt: skip


def _moment(event: EventFact) -> float:
    return event.last.timestamp() if event.last else 0.0


class MetricArguments(msgspec.Struct, frozen=True):
    """Arguments of read_metrics."""

    kind: Annotated[str, Meta(description="pod or node")] = "pod"
    namespace: Space = ""
    contains: Annotated[str, Meta(description="Only series whose name or labels contain this; empty: use of CPU and memory")] = ""  # fmt: skip


def read_metrics(place: Workplace, given: MetricArguments) -> Result:
    """Use of CPU and memory, highest first; with words, the newest value of the Prometheus series that were read."""
    space = place.scope(given.namespace)
    if given.contains:
        return _series(place, given.contains)
    kind = "Node" if given.kind.lower().startswith("no") else "Pod"
    draft = drafted(place, "use")
    words = f"top cpu and memory of {kind.lower()}s"
    answer_usage(place.asking, Question(words, Intent.USAGE, kind, namespace=space, kinds=(kind,)), draft)
    answer = draft.finish()
    trouble = "" if answer.known else "No measurement was read."
    return Result(words, "metrics that were read with the cluster", tuple(answer_lines(answer)), trouble=trouble)


def _series(place: Workplace, words: str) -> Result:
    lines = []
    for one in place.graph.snapshot.series:
        name = f"{one.name}{{{', '.join(f'{key}={value}' for key, value in sorted(one.labels.items()))}}}"
        if words.lower() in name.lower() and one.points:
            first, last = one.points[0][1], one.points[-1][1]
            lines.append(Line(f"{name}: {last:g} now, {first:g} at the start of {len(one.points)} points", None, one.name, one.source, Source.K8S_STRUCTURED))  # fmt: skip
    cut = f"{len(lines) - MOST_POINTS} more series are not shown." if len(lines) > MOST_POINTS else ""
    searched = f"{len(place.graph.snapshot.series)} series"
    return Result(f"series with {words!r}", searched, tuple(lines[:MOST_POINTS]), cut, "" if lines else "No series fits.")  # fmt: skip


LOOKING: tuple[Tool[Any], ...] = (
    Tool("list_objects", "List objects of a kind with their state, and their count.", ListArguments, list_objects),
    Tool("get_object", "State and fields of one object.", GetArguments, get_object),
    Tool("read_logs", "Log lines of a pod or workload: by words, else the telling and newest.", LogArguments, read_logs),
    Tool("list_events", "Newest events of an object or namespace.", EventArguments, list_events),
    Tool("read_metrics", "Use of CPU and memory, or Prometheus series by words.", MetricArguments, read_metrics),
)  # fmt: skip
