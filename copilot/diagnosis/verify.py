"""Looks for evidence against the answers that were found. It may only lower their confidence, each time for a doubt that is printed.

Every check is general: it asks whether the world looks as it would if the answer were true, and knows no rule by name.
An answer that falls below even odds stands behind those that did not fall; nothing ever moves up for its own sake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from copilot.diagnosis.cause import Cause
from copilot.diagnosis.confidence import DOUBT, FAULT_THRESHOLD, LEAST
from copilot.diagnosis.onset import onset
from copilot.diagnosis.pods import PodFact, condition, is_ready
from copilot.diagnosis.view import View
from copilot.model import Evidence, RootCause, age_text, children, instant, text
from copilot.model.kinds import built_in

LOOKED_AT = 20  # answers that are checked: nobody reads further
MAX_VICTIMS = 50  # objects of one answer that are looked at: like fails alike
MOST_DOUBTS = 4  # of one answer: a fifth convinces nobody
SLACK = timedelta(minutes=2)  # controllers and clocks differ by less
_PLACES = ("Node", "PersistentVolume", "PersistentVolumeClaim", "VolumeAttachment", "CSINode")
_SHARED = ("ConfigMap", "Secret", "ServiceAccount", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")
_REVISIONS = ("pod-template-hash", "controller-revision-hash", "batch.kubernetes.io/controller-uid")
_GOOD = ("Ready", "Available", "Healthy", "Established", "Programmed")
_BAD = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable", "Degraded", "ReplicaFailure")


class Answered(msgspec.Struct, frozen=True, eq=False):
    """One answer among all of them, with the pods that it says suffer and that are ill now."""

    cause: RootCause
    all: Sequence[RootCause]
    ill: tuple[PodFact, ...]
    declared: Cause


def verify(view: View, causes: Sequence[RootCause], known: Mapping[str, Cause]) -> list[RootCause]:
    """The same answers, each with the doubts that were found against it; each doubt costs confidence."""
    even = FAULT_THRESHOLD
    checked = [_checked(view, cause, causes, known) for cause in causes[:LOOKED_AT]]
    found = [*checked, *causes[LOOKED_AT:]]
    sunk = [new.confidence < even <= old.confidence for old, new in zip(causes, found, strict=True)]
    firm = sum(cause.confidence >= even for cause in found)
    stay = [cause for cause, low in zip(found, sunk, strict=True) if not low]
    return [*stay[:firm], *(cause for cause, low in zip(found, sunk, strict=True) if low), *stay[firm:]]


def _checked(view: View, cause: RootCause, causes: Sequence[RootCause], known: Mapping[str, Cause]) -> RootCause:
    doubts = [doubt for doubt in against(view, cause, causes, known) if doubt not in cause.doubts]
    if not doubts:
        return cause
    lower = min(cause.confidence, round(max(LEAST, cause.confidence - DOUBT * len(doubts)), 2))
    return msgspec.structs.replace(cause, doubts=(*cause.doubts, *doubts), confidence=lower)


def against(view: View, cause: RootCause, causes: Sequence[RootCause], known: Mapping[str, Cause]) -> list[str]:
    """Every sentence of evidence against one answer, and of where it could not be looked for."""
    troubled = {pod.ref: pod for pod in view.troubled}
    near = (cause.object, *cause.affected[:MAX_VICTIMS])
    ill = tuple(dict.fromkeys(troubled[ref] for ref in near if ref in troubled))
    answer = Answered(cause, causes, ill, known[cause.cause])
    return [doubt for check in CHECKS for doubt in check(view, answer)][:MOST_DOUBTS]


def fails_elsewhere(view: View, answer: Answered) -> Iterator[str]:
    """A pod of the same workload fails as well, and has nothing to do with the culprit."""
    culprit = answer.cause.object
    if culprit.kind not in _PLACES:
        return
    told = {ref for other in answer.all if other is not answer.cause for ref in (other.object, *other.affected)}
    mine = {answer.cause.object, *answer.cause.affected}
    for owner in dict.fromkeys(pod.owner for pod in answer.ill):
        for pod in view.pods_of(owner)[:MAX_VICTIMS]:
            apart = pod.ref not in mine and pod.ref not in told and culprit not in view.graph.depends_on(pod.ref)
            if apart and pod.node and not pod.ready and pod in view.troubled:
                yield f"{pod.ref} of the same {owner.kind} fails too, and does not depend on {culprit}"
                return


def siblings_are_well(view: View, answer: Answered) -> Iterator[str]:
    """A newer pod of the same revision, with the same references, has become ready."""
    if answer.cause.object.kind not in _SHARED:
        return
    for pod in answer.ill[:8]:
        revision = _revision(pod)
        if not revision or pod.resource.created is None:
            continue
        for other in view.pods_of(pod.owner)[:MAX_VICTIMS]:
            newer = other.resource.created is not None and other.resource.created > pod.resource.created + SLACK
            if newer and _revision(other) == revision and is_ready(other.resource) and not any(c.restarts for c in other.containers):  # fmt: skip
                yield f"{other.ref} of the same revision was made later and is ready"
                return


def _revision(pod: PodFact) -> str:
    return next((f"{key}={pod.resource.labels[key]}" for key in _REVISIONS if key in pod.resource.labels), "")


def began_before(view: View, answer: Answered) -> Iterator[str]:
    """Everything that suffers was ill before the culprit showed its first sign of trouble."""
    culprit = answer.cause.object
    own = [culprit, *(pod.ref for pod in view.pods_of(culprit)[:MAX_VICTIMS])]
    began = onset(view.graph, own)
    victims = [pod for pod in answer.ill if not pod.failed and not {culprit, *own} & {pod.ref, pod.owner, *view.graph.owners(pod.ref)}]  # fmt: skip
    if began is None or not victims:
        return
    starts = [onset(view.graph, [pod.ref]) for pod in victims]
    firsts = [start for start in starts if start is not None and start.at < began.at - SLACK]
    if len(firsts) == len(victims):
        last = max(firsts, key=lambda start: start.at)
        yield f"{last.sign.object} was ill {age_text((began.at - last.at).total_seconds())} before {culprit} was: {last.sign.text[:120]}"  # fmt: skip


def has_recovered(view: View, answer: Answered) -> Iterator[str]:
    """The culprit reports itself well since after the cause began, and nothing that it explains is ill."""
    culprit = view.graph.get(answer.cause.object)
    since = answer.cause.since
    if culprit is None or since is None or answer.ill:
        return
    good = _good_since(culprit.status)
    if good is not None and good > since + SLACK:
        yield f"{answer.cause.object} reports itself well again, {age_text((view.now - good).total_seconds())} ago"


def _good_since(status: object) -> datetime | None:
    """When the newest good condition came, where no condition is bad."""
    found: list[datetime] = []
    for entry in children(status, "conditions"):
        kind, state, at = text(entry, "type"), text(entry, "status"), instant(entry.get("lastTransitionTime"))
        if (kind in _GOOD and state != "True") or (kind in _BAD and state == "True"):
            return None
        if kind in _GOOD and at is not None:
            found.append(at)
    return max(found, default=None)


def is_stale(view: View, answer: Answered) -> Iterator[str]:
    """All the events that prove it are older than the moment since when their objects are well."""
    pieces = [piece for piece in answer.cause.evidence if piece.path.startswith("event ")]
    if not pieces or len(pieces) < len(answer.cause.evidence):
        return
    if all(_outlived(view, piece) for piece in pieces):
        yield f"{pieces[0].object} has become well since the last of these events"


def _outlived(view: View, piece: Evidence) -> bool:
    resource = view.graph.get(piece.object)
    if resource is None:
        return False
    reason = piece.path.removeprefix("event ")
    last = max((event.last for event in view.graph.events(piece.object) if event.reason == reason and event.last), default=None)  # fmt: skip
    good = _good_since(resource.status)
    if resource.ref.kind == "Pod" and (not is_ready(resource) or not text(condition(resource, "Ready"), "status")):
        return False
    return last is not None and good is not None and good > last + SLACK


def was_unread(view: View, answer: Answered) -> Iterator[str]:
    """A kind of object that this cause shows on was refused to us, and nothing of it stands in the proof."""
    cause = answer.cause
    shown = {piece.object.kind for piece in cause.evidence} | {"Event" for piece in cause.evidence if piece.path.startswith("event ")}  # fmt: skip
    for kind in dict.fromkeys(_kinds_of(answer.declared)):
        if kind not in shown and was_refused(view, kind, cause.object.namespace):
            yield f"{kind} objects{f' of namespace {cause.object.namespace}' if cause.object.namespace else ''} were refused to us, and this cause shows on them"


def _kinds_of(cause: Cause) -> Iterator[str]:
    """The kinds that a cause's evidence fields name."""
    for field in cause.fields:
        word = field.split()[0].rstrip("s") if field else ""
        if word == "event":
            yield "Event"
        elif built_in(word) is not None:
            yield word


def was_refused(view: View, kind: str, namespace: str) -> bool:
    """Whether the server would not list a kind there, nor anything in its place."""
    return view.coverage.was_refused(kind, namespace) and not view.was_read(kind, namespace)


def has_no_log(view: View, answer: Answered) -> Iterator[str]:
    """An answer that may be the consequence of something deeper, of a program whose log was not read."""
    cause = answer.cause
    reads_logs = any(field.startswith("log") for field in answer.declared.fields)
    if not (answer.declared.yields and reads_logs) or any(piece.path.startswith("log") for piece in cause.evidence):
        return
    ran = [pod for pod in answer.ill if any(container.restarts for container in pod.containers)]
    silent = [pod for pod in ran if not view.graph.logs(pod.ref)]
    if ran and len(silent) == len(ran) and not any("log" in doubt for doubt in cause.doubts):
        yield f"no log of {silent[0].ref} was read: what made it fail may be told there"


CHECKS: tuple[Callable[[View, Answered], Iterable[str]], ...] = (
    fails_elsewhere,
    siblings_are_well,
    began_before,
    has_recovered,
    is_stale,
    was_unread,
    has_no_log,
)
