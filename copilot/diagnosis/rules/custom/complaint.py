"""What a custom resource says against itself: conditions, phases, a reason it waits for, warnings that go on.

No kind is known here. A resource that rests (suspended, paused, finished) or has just begun says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from copilot.diagnosis.log_lines import severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, instant, text
from copilot.model.kinds import built_in
from retrievers.graph import EventFact

SETTLE = timedelta(minutes=1)  # controllers pass through False while they work
AT_WORK = timedelta(minutes=10)  # a resource that still waits for something after this does not come on by itself
LASTING = 5  # warnings of one resource: fewer are a retry that worked

# Types that are good when True. `Active` and `Progressing` mean other things to other controllers and are left out.
_GOOD = re.compile(
    r"^(?:.*Ready|.*Available|.*Healthy|Accepted|Programmed|ResolvedRefs|Synced|Reconciled|Reconciling|Valid|.*Succeeded|Established|Installed|Deployed|Bound|Provisioned|Initialized)$"
)
_BAD = re.compile(
    r"^(?:Not[A-Z]\w*|Fallback|Failed|.*Failed|.*_FAILED|.*Failure|Degraded|Stalled|Error|.*Error|Deadlocked|Unhealthy|Unschedulable|FailureTarget|MetricsUnavailable|.*Misconfigured)$"
)
# Reasons that speak of a fault whatever the type is called; `NoFailure` and the like do not.
_BAD_REASON = re.compile(
    r"^(?!No(?!t))\w*(?:Fail(?:ed|ing|ure)?|Error|Invalid|Denied|Forbidden|Unauthorized|NotFound|Timeout)\w*$"
)
_TERMINAL = frozenset({"Failed", "Failure", "Error", "FailureTarget"})
_DONE = frozenset({"Complete", "Completed", "Succeeded", "Finished"})
_BAD_PHASE = re.compile(
    r"^(?:[a-z_ \-]{0,40}(?:failed|failure|error|errored|unhealthy|degraded|unavailable|aborted|rejected|invalid|stalled|unschedulable|not ?ready)|(?:failed|error)\w{0,40}|crashed|broken|red|health_err)$",
    re.IGNORECASE,
)
_PHASES = ("phase", "state", "jobStatus", "jobDeploymentStatus", "health", "terminalState")
_WORKING = re.compile(
    r"progress|reconcil|creat|pending|waiting|initiali|install|provision|unknown|starting|pulling", re.IGNORECASE
)
_WRONG = re.compile(
    r"fail|error|wrong|denied|invalid|not found|refused|time[d ]? ?out|unable|cannot|exceeded|forbidden|unauthorized|no such",
    re.IGNORECASE,
)
_PAST = re.compile(r"^(?:last|previous|prior|history|old)", re.IGNORECASE)  # fields that tell of a run that is over
_SAYS = ("message", "errorMessage", "error", "failureMessage", "trace", "reason")
_DEPTH, _WIDTH, _ENTRIES = 5, 60, 12  # a status nested deeper or wider is data


class Complaint(msgspec.Struct, frozen=True):
    """What a resource says about itself."""

    path: str
    kind: str
    reason: str
    message: str
    since: datetime | None
    terminal: bool
    weight: float = 0.7

    def __str__(self) -> str:
        """`Ready is False: BackendNotFound: no such service`."""
        return ": ".join(part for part in (self.kind, self.reason, telling_part(self.message)[:240]) if part)


def is_custom(ref: Ref) -> bool:
    """Whether the kind comes from a CustomResourceDefinition, as far as its group tells."""
    return "." in ref.group and built_in(ref.kind, ref.group) is None


def complaints_of_custom(view: View) -> Mapping[Ref, Complaint]:
    """The worst complaint of every custom resource that has one; read once."""

    def read() -> dict[Ref, Complaint]:
        found: dict[Ref, Complaint] = {}
        for resource in view.graph.resources():
            if is_custom(resource.ref) and resource.deleted is None and not resting(resource):
                worst = _worst(view, resource)
                if worst is not None:
                    found[resource.ref] = worst
        return found

    return view.once("complaints of custom resources", read)


def resting(resource: Resource) -> bool:
    """Suspended, paused or finished: nothing is expected of it."""
    spec = resource.spec
    if spec.get("suspend") is True or spec.get("paused") is True:
        return True
    done = (text(condition(resource, kind), "status") == "True" for kind in _DONE)
    return any(done) and not any(True for name in _PHASES if _of_phase(resource, name))


def telling_part(message: str) -> str:
    """The line of a long message that names the error: a trace tells it at its end."""
    lines = [line.strip() for line in message.splitlines() if line.strip()][-200:]
    if len(lines) < 2:
        return message.strip()
    best = max(range(len(lines)), key=lambda index: (severity(lines[index]), -index))
    return lines[best] if severity(lines[best]) >= 3 else " ".join(lines)


def error_inside(resource: Resource) -> str:
    """The words of a fault that stand deeper in the status, where the condition only says that there is one."""
    return next((words for _, words in sorted(_nested(resource.status, 0), key=lambda found: found[0])), "")


def lasting_warning(view: View, ref: Ref) -> EventFact | None:
    """The newest warning about a resource that goes on."""
    late = [
        event
        for event in view.events(ref)
        if event.type == "Warning" and (event.last is None or view.now - event.last < AT_WORK)
    ]
    return late[-1] if late and sum(max(1, event.count) for event in late) >= LASTING else None


def _worst(view: View, resource: Resource) -> Complaint | None:
    """The worst condition, terminal ones first; else a phase that speaks of failure; else a wait or warnings that go on."""
    found = [made for entry in children(resource.status, "conditions") if (made := _of_condition(view, entry))]
    found += [made for name in _PHASES if (made := _of_phase(resource, name)) is not None]
    found += list(_of_part(resource))
    found.sort(key=lambda c: (not c.terminal, -c.weight, not c.message, c.kind != "Ready is False", c.path))
    return found[0] if found else _flagged(view, resource) or _waiting(view, resource) or _warned(view, resource)


def _of_condition(view: View, entry: Mapping[str, object]) -> Complaint | None:
    kind, status = text(entry, "type"), text(entry, "status")
    reason, message = text(entry, "reason"), text(entry, "message")
    since = instant(entry.get("lastTransitionTime"))
    bad = status in ("True", "") and _BAD.match(kind)
    lacking = status == "False" and _GOOD.match(kind) and not _BAD.match(kind)
    faulty = status == "False" and not _BAD.match(kind) and _BAD_REASON.match(reason)
    if not bad and not lacking and not faulty:
        return None
    if since is not None and view.now - since < SETTLE and kind not in _TERMINAL:
        return None
    if lacking and reason and _WORKING.search(reason) and (since is None or view.now - since < AT_WORK):
        return None  # a controller at work
    said_so = kind if bad else f"{kind} is {status}"
    terminal = kind in _TERMINAL and status == "True"
    weight = 0.7 if bad or lacking else 0.65
    return Complaint(f"status.conditions[{kind}]", said_so, reason, message, since, terminal=terminal, weight=weight)


def _of_phase(resource: Resource, name: str) -> Complaint | None:
    value = resource.status.get(name)
    phase = text(value, "status") if isinstance(value, dict) else text(value)
    if not _BAD_PHASE.match(phase):
        return None
    message = next((text(resource.status, key) for key in _SAYS if text(resource.status, key)), "")
    reason = text(resource.status, "reason")
    return Complaint(
        f"status.{name}", f"{name} {phase}", reason if message != reason else "", message, None,
        terminal=phase.lower() in ("failed", "error", "failure"),
    )  # fmt: skip


def _of_part(resource: Resource) -> Iterator[Complaint]:
    """A part of the status with a phase of its own: the state of an application, of an operation."""
    for key, part in list(resource.status.items())[:_WIDTH]:
        if not isinstance(part, dict) or key in _PHASES or _PAST.match(str(key)):
            continue
        phase = next((text(part, name) for name in ("state", "phase", "status", "health") if text(part, name)), "")
        if _BAD_PHASE.match(phase):
            message = next((text(part, name) for name in _SAYS if text(part, name)), "")
            terminal = phase.lower() in ("failed", "error", "failure")
            yield Complaint(f"status.{key}", f"{key} {phase}", "", message, None, terminal=terminal)


def _flagged(view: View, resource: Resource) -> Complaint | None:
    """A plain `ready: false` with a reason, or an error that stands in the status."""
    status = resource.status
    words = next((text(status, key) for key in ("error", "errorMessage", "failureMessage") if text(status, key)), "")
    unready = next((key for key in ("ready", "healthy", "available") if status.get(key) is False), "")
    words = words or (
        next((text(status, key) for key in ("message", "reason") if text(status, key)), "") if unready else ""
    )
    young = view.timed and resource.created is not None and view.now - resource.created < SETTLE
    if not words or young:
        return None
    return Complaint(f"status.{unready or 'error'}", f"{unready} is false" if unready else "error", "", words, None, terminal=False, weight=0.65)  # fmt: skip


def _waiting(view: View, resource: Resource) -> Complaint | None:
    """A resource without a word in conditions that has waited long and says what is wrong."""
    if not view.timed or (resource.created is not None and view.now - resource.created < AT_WORK):
        return None
    words = next(
        (text(resource.status, key) for key in ("reason", "message", "error") if text(resource.status, key)), ""
    )
    phase = text(resource.status, "state") or text(resource.status, "phase")
    if not words or not _WRONG.search(words) or not _WORKING.search(phase):
        return None
    return Complaint("status.reason", phase, "", words, resource.created, terminal=False, weight=0.68)


def _warned(view: View, resource: Resource) -> Complaint | None:
    """Warnings that go on although no condition complains."""
    event = lasting_warning(view, resource.ref)
    if event is None or not (_BAD_REASON.match(event.reason) or _WRONG.search(event.message)):
        return None
    return Complaint(f"event {event.reason}", "it keeps warning", event.reason, event.message, event.first, terminal=False, weight=0.6)  # fmt: skip


def _nested(value: Any, depth: int, name: str = "") -> Iterator[tuple[int, str]]:
    """Texts beside a bad word in the mappings of a status, the shallowest first."""
    if not isinstance(value, dict) or depth > _DEPTH:
        return
    if depth:
        words = next((text(value, key) for key in _SAYS[:-1] if text(value, key)), "")
        state = " ".join((name, *(text(value, key) for key in ("status", "state", "phase", "reason"))))
        if words and (_WRONG.search(state) or _WRONG.search(words)):
            reason = text(value, "reason")
            yield depth, f"{reason}: {telling_part(words)}" if reason and reason != words else telling_part(words)
    for key, part in list(value.items())[:_WIDTH]:
        if key == "conditions" or (_PAST.match(str(key)) and not _WRONG.search(str(key))):
            continue
        for entry in part[:_ENTRIES] if isinstance(part, list) else (part,):
            if isinstance(entry, dict):
                yield from _nested(entry, depth + 1, str(key))
            elif isinstance(part, list) and isinstance(entry, str) and _WRONG.search(str(key)):
                yield depth + 1, telling_part(entry)
