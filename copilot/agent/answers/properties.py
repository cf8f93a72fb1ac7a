"""One object and what was asked of it: the fields people look at first, or exactly those that the question names."""

from __future__ import annotations

import re

from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import Draft
from copilot.agent.facts import containers
from copilot.agent.properties import Property, properties_in
from copilot.agent.property_readings import variable_text
from copilot.agent.question import Question
from copilot.model import Ref, Resource, age_text, children, text

_TWINS = (
    "Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "Ingress", "HorizontalPodAutoscaler",
    "PodDisruptionBudget", "PersistentVolumeClaim", "ConfigMap", "Secret", "ServiceAccount", "NetworkPolicy",
)  # fmt: skip


def asked_properties(asking: Asking, question: Question, ref: Ref) -> list[tuple[Resource, Property]]:
    """What the question asks of the object, or of another of the same name: an application is all of them."""
    best: list[tuple[Resource, Property]] = []
    for candidate in _same_name(asking, ref):
        if question.kind and candidate.ref.kind not in (question.kind, ref.kind):
            continue
        found = [(candidate, one) for one in properties_in(question.lowered, candidate.ref.kind)]
        best = found if len(found) > len(best) else best
    return best


def _same_name(asking: Asking, ref: Ref) -> list[Resource]:
    own = asking.graph.get(ref)
    others = (asking.graph.find(kind, ref.namespace, ref.name) for kind in _TWINS)
    return [one for one in (own, *(twin for twin in others if twin is not own)) if one is not None]


def answer_properties(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the fields that the question names, of each object it names."""
    for ref in question.refs[:4]:
        for resource, one in asked_properties(asking, question, ref)[:4]:
            words = one.read(asking, resource)
            if not words:
                draft.say(f"{resource.ref} shows no {one.name}.", draft.cite(resource, one.field, f"no {one.name}"))
                continue
            draft.say(f"{resource.ref}: {one.name} {words}.", draft.cite(resource, one.field, f"{one.name}: {words}"))
        if not asked_properties(asking, question, ref):
            _status(asking, ref, draft)


def answer_detail(asking: Asking, question: Question, draft: Draft) -> bool:
    """Tell what the question names inside an object: a variable, a label, an annotation; False when it names none."""
    return _variable(asking, question, draft) or _label(asking, question, draft)


def _variable(asking: Asking, question: Question, draft: Draft) -> bool:
    for ref in question.refs[:2]:
        resource = asking.graph.get(ref)
        for container in containers(asking, resource, init=True) if resource is not None else ():
            for entry in children(container, "env"):
                if resource is not None and text(entry, "name") in question.unknown:
                    words = variable_text(entry)
                    draft.say(f"{ref}, container {text(container, 'name')}: {words}.", draft.cite(resource, "spec.containers[].env", words))  # fmt: skip
                    return True
    return False


def _label(asking: Asking, question: Question, draft: Draft) -> bool:
    for ref in sorted(question.refs, key=lambda one: one.kind != question.kind)[:1]:
        resource = asking.graph.get(ref)
        pairs = [*resource.labels.items(), *resource.annotations.items()] if resource is not None else []
        for key, value in pairs:
            last = key.rpartition("/")[2].lower()
            words = re.split(r"[-_.]", last)
            spoken = last in question.lowered.split() or (len(words) > 1 and " ".join(words) in question.lowered)
            if last != ref.name and (key.lower() in question.unknown or spoken):
                assert resource is not None
                draft.say(f"{ref}: {key}={value}.", draft.cite(resource, "metadata.labels", f"{key}={value}"))
                return True
    return False


def answer_status(asking: Asking, question: Question, draft: Draft) -> None:
    """Say how objects are, in the fields people look at first."""
    for ref in question.refs[:4]:
        _status(asking, ref, draft)


def _status(asking: Asking, ref: Ref, draft: Draft) -> None:
    resource = asking.graph.get(ref)
    if resource is None:
        return
    words = describe_state(asking.view, resource)
    age = f", {age_text((asking.now - resource.created).total_seconds())} old" if resource.created else ""
    draft.say(f"{ref}: {words}{age}.", draft.cite(resource, "status", f"{ref}: {words}"))
    images = sorted({text(container, "image") for container in containers(asking, resource)} - {""})
    if images:
        shown = ", ".join(images)
        draft.say(f"It runs image {shown}.", draft.cite(resource, "spec.containers[].image", f"images: {shown}"))
    draft.offer(f"Why {ref} is as it is", f"kubectl copilot why {ref.argument}{ref.flags}")
