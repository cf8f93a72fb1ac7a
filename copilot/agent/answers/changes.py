"""What changed, and when: new revisions, edits, conditions and events, newest first, with who wrote them where that is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.model import Ref, Resource, age_text, children, instant, text
from copilot.model.moment import stamp

_DEFAULT_WINDOW = timedelta(hours=24)
_TOLD = 10
_WINDOW = re.compile(
    r"\b(?:last|past|since|within)\b[^0-9]{0,12}(\d{1,4})?\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)\b"
)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_QUIET = frozenset({"Event", "Lease", "EndpointSlice", "Endpoints", "Pod", "ControllerRevision"})


class Change(msgspec.Struct, frozen=True, order=True):
    """One thing that happened to one object."""

    at: datetime
    ref: Ref
    what: str
    path: str = ""


def window(question: str) -> timedelta:
    """How far back the question looks; a day where it does not say."""
    if "today" in question or "yesterday" in question:
        return timedelta(days=2 if "yesterday" in question else 1)
    match = _WINDOW.search(question.lower())
    return int(match[1] or 1) * _UNITS[match[2][0]] if match else _DEFAULT_WINDOW


def answer_changes(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the newest changes to the objects asked about, or in the scope."""
    span = window(question.text)
    since = asking.now - span
    wanted = _around(asking, question)
    found = [change for resource in wanted for change in _changes(asking, resource) if since <= change.at <= asking.now]
    newest = sorted(found, key=lambda change: (-change.at.timestamp(), change.ref, change.what))
    about = (
        str(question.refs[0])
        if question.refs
        else f"namespace {question.namespace}"
        if question.namespace
        else "the cluster"
    )
    if not newest:
        draft.say(
            f"Nothing that was read of {about} changed in the {age_text(span.total_seconds())} before it was read."
        )
        return
    draft.say(f"What changed in {about}, newest first:")
    for change in newest[:_TOLD]:
        ago = age_text((asking.now - change.at).total_seconds())
        resource = asking.graph.get(change.ref)
        source = resource.source if resource else ""
        draft.say(
            f"{stamp(change.at)} ({ago} before this was read): {change.ref} {change.what}",
            draft.cite_ref(change.ref, change.path, change.what, source),
        )
    if len(newest) > _TOLD:
        draft.say(f"and {len(newest) - _TOLD} earlier changes.")


def _around(asking: Asking, question: Question) -> list[Resource]:
    """The objects whose changes count: the named ones with what they own and depend on, else everything in scope."""
    if not question.refs:
        inside = (
            r
            for r in asking.graph.resources()
            if question.namespace in (None, r.ref.namespace) and r.ref.kind not in _QUIET
        )
        return sorted(inside, key=lambda resource: resource.ref)
    refs: dict[Ref, None] = {}
    for ref in question.refs:
        refs[ref] = None
        refs.update(dict.fromkeys(asking.graph.children(ref)))
        refs.update(dict.fromkeys(asking.graph.depends_on(ref)))
    return [
        resource
        for ref in refs
        if ref.kind not in ("Event", "Lease") and (resource := asking.graph.get(ref)) is not None
    ]


def _changes(asking: Asking, resource: Resource) -> Iterator[Change]:
    ref = resource.ref
    if resource.created is not None:
        yield Change(resource.created, ref, _created(asking, resource), "metadata.creationTimestamp")
    for entry in children(resource.metadata, "managedFields"):
        at = instant(entry.get("time"))
        if at is not None and not text(entry, "subresource") and at != resource.created:
            yield Change(at, ref, f"was edited by {text(entry, 'manager')}", "metadata.managedFields")
        elif at is not None and text(entry, "subresource") == "scale":
            yield Change(at, ref, f"was scaled by {text(entry, 'manager')}", "metadata.managedFields")
    for event in asking.graph.events(ref):
        if (
            event.reason
            in (
                "ScalingReplicaSet",
                "SuccessfulRescale",
                "NodeNotReady",
                "NodeNotSchedulable",
                "NodeSchedulable",
                "Rebooted",
            )
            and event.last
        ):
            yield Change(event.last, ref, f"{event.reason}: {event.message}", f"event {event.reason}")
    if ref.kind in ("Node", "Deployment"):
        for entry in children(resource.status, "conditions"):
            at = instant(entry.get("lastTransitionTime"))
            if at is not None and at != resource.created:
                yield Change(
                    at,
                    ref,
                    f"condition {text(entry, 'type')} became {text(entry, 'status')} ({text(entry, 'reason')})",
                    f"status.conditions[{text(entry, 'type')}]",
                )


def _created(asking: Asking, resource: Resource) -> str:
    if resource.ref.kind != "ReplicaSet":
        return "was created"
    revision = text(resource.annotations, "deployment.kubernetes.io/revision")
    images = ", ".join(
        text(container, "image") for container in children(asking.view.template(resource.ref), "containers")
    )
    return f"was created: revision {revision or '?'} with image {images}"
