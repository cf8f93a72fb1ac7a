"""What the API server would not show the person who asks, so that what is not seen is never told as not being there. Pure."""

from __future__ import annotations

import re

from copilot.agent.asking import Asking
from copilot.agent.question import Question
from copilot.diagnosis.verify import was_refused
from copilot.model.likeness import nearest
from copilot.model.wording import listed

# The kinds that people ask about and that trouble shows in, the most telling first. A Secret is refused to most, for a reason.
_TELLING = (
    "Pod", "Deployment", "StatefulSet", "DaemonSet", "Service", "Event", "Node", "Job", "CronJob", "ReplicaSet", "Ingress",
    "PersistentVolumeClaim", "ConfigMap", "HorizontalPodAutoscaler", "NetworkPolicy", "Namespace",
)  # fmt: skip
_SHOWN = 6
_PLACE = re.compile(r"(?:\bin|\bof|(?<!\S)-n) (?:the )?(?:namespace |ns |project )?(?P<name>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?![\w.:/-])")  # fmt: skip


def refused_kinds(asking: Asking, namespace: str | None) -> list[str]:
    """Those of the telling kinds that the person may not list there."""
    return [kind for kind in _TELLING if was_refused(asking.view, kind, namespace or "")]


def not_shown(kinds: list[str], namespace: str | None) -> str:
    """`Deployment, Service and Event objects of namespace shop`; the kinds beyond a few counted."""
    where = f" of namespace {namespace}" if namespace else ""
    return f"{listed(kinds, _SHOWN)} objects{where}"


def unread_place(asking: Asking, question: Question) -> str:
    """The namespace that a question names and that nothing read lies in; "" where it names none or a known one."""
    if question.places:
        return ""
    for found in _PLACE.finditer(question.lowered):
        if found["name"] in {word.lower() for word in question.unknown} - asking.names.namespaces:
            return found["name"]
    return ""


def no_such_place(asking: Asking, name: str) -> str:
    """What to say of a namespace that is not among all those that there are; "" where not all were seen."""
    if not asking.was_read("Namespace", None):
        return ""
    near = nearest(name, asking.names.namespaces)
    return f"No namespace named {name!r} was read." + (f" The nearest is {near}." if near else "")
