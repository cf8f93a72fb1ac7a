"""Two objects or two namespaces side by side: the fields that differ, containers and variables by name, and what only one has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.facts import TEMPLATED
from copilot.agent.question import Question
from copilot.diagnosis.changes.template_diff import template_changes
from copilot.model import Ref, Resource, children, mapping, text, texts
from copilot.model.wording import listed, plural

_TOLD = 14
_VALUE = 120  # characters of one value that are shown
_MAX_DEPTH = 12
_QUIET = frozenset({"template", "jobTemplate", "selector", "clusterIP", "clusterIPs", "uid", "volumeName"})
_SPACE_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Service", "Ingress", "ConfigMap", "Secret", "PersistentVolumeClaim", "NetworkPolicy", "ResourceQuota")  # fmt: skip
_EVERYWHERE = frozenset({"kube-root-ca.crt"})


def answer_compare(asking: Asking, question: Question, draft: Draft) -> None:
    """Compare the two things that the question names."""
    found = [one for ref in question.refs if (one := asking.graph.get(ref)) is not None]
    if len(found) >= 2:
        _objects(asking, found[0], found[1], draft)
    elif len(question.places) >= 2:
        _spaces(asking, question.places[0], question.places[1], draft)
    else:
        draft.known = False
        named = str(found[0].ref) if found else "nothing that was read"
        draft.say(f"A comparison needs two objects or two namespaces; I found {named}.")


def _objects(asking: Asking, left: Resource, right: Resource, draft: Draft) -> None:
    if left.ref.kind != right.ref.kind and not {left.ref.kind, right.ref.kind} <= set(TEMPLATED):
        draft.known = False
        draft.say(f"{left.ref} and {right.ref} are of different kinds and share no fields to compare.")
        return
    facts = [draft.cite(one, "spec", f"{one.ref} as read") for one in (left, right)]
    differing = list(_differences(asking, left, right))
    if not differing:
        draft.say(f"{left.ref} and {right.ref} are the same in every field that was compared.", *facts)
        return
    draft.say(f"{left.ref} and {right.ref} differ in {plural(len(differing), 'field')}:", *facts)
    for what, before, after in differing[:_TOLD]:
        draft.say(f"{what}: {_shown(before)} against {_shown(after)}")
    if len(differing) > _TOLD:
        draft.say(f"and {len(differing) - _TOLD} more.")


def _shown(value: str) -> str:
    value = value or "(not set)"
    return value if len(value) <= _VALUE else value[:_VALUE] + "…"


def _differences(asking: Asking, left: Resource, right: Resource) -> Iterator[tuple[str, str, str]]:
    if left.ref.kind in ("ConfigMap", "Secret"):
        yield from _key_differences(left, right)
        return
    for side in (("replicas", "0"),):
        before, after = text(left.spec, side[0]), text(right.spec, side[0])
        if before or after:
            yield "replicas" if before != after else "replicas (the same)", before, after
    if left.ref.kind in TEMPLATED:
        yield from _template_differences(asking, left, right)
    one, two = dict(_leaves("", left.spec, 0)), dict(_leaves("", right.spec, 0))
    if "Pod" in (left.ref.kind, right.ref.kind):
        return
    for path in sorted({*one, *two} - {"replicas"}):
        if one.get(path) != two.get(path):
            yield path, one.get(path, ""), two.get(path, "")


def _template_differences(asking: Asking, left: Resource, right: Resource) -> Iterator[tuple[str, str, str]]:
    """Containers are matched by place where their names differ: two applications name them after themselves."""
    one, two = ({"spec": asking.view.template(each.ref)} for each in (left, right))
    names = ([text(c, "name") for c in children(side, "spec", "containers")] for side in (one, two))
    mine, theirs = names
    renamed = {old: new for old, new in zip(mine, theirs, strict=False) if old != new and old not in theirs}
    for change in template_changes(_renamed(one, renamed), two):
        yield change.what, change.before, change.after


def _renamed(template: Mapping[str, Any], names: Mapping[str, str]) -> Mapping[str, Any]:
    spec = dict(mapping(template, "spec"))
    spec["containers"] = [
        {**container, "name": names.get(text(container, "name"), text(container, "name"))}
        for container in children(spec, "containers")
    ]
    return {**template, "spec": spec}


def _key_differences(left: Resource, right: Resource) -> Iterator[tuple[str, str, str]]:
    sides = [set(texts(one.body, "dataKeys") or mapping(one.body, "data")) for one in (left, right)]
    for key in sorted(sides[0] - sides[1]):
        yield f"key {key}", "present", "absent"
    for key in sorted(sides[1] - sides[0]):
        yield f"key {key}", "absent", "present"
    one, two = mapping(left.body, "data"), mapping(right.body, "data")
    for key in sorted(set(one) & set(two)) if left.ref.kind == "ConfigMap" else ():
        if one[key] != two[key]:
            yield f"key {key}", str(one[key]), str(two[key])


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, below in value.items():
            if depth or key not in _QUIET:
                yield from _leaves(f"{path}.{key}" if path else str(key), below, depth + 1)
    elif isinstance(value, list):
        for i, below in enumerate(value):
            yield from _leaves(f"{path}[{text(below, 'name') or i}]", below, depth + 1)
    elif value not in (None, ""):
        yield path, str(value).lower() if isinstance(value, bool) else str(value)


# Namespaces


def _spaces(asking: Asking, left: str, right: str, draft: Draft) -> None:
    same = 0
    for kind in _SPACE_KINDS:
        one, two = ({r.ref.name: r for r in asking.graph.of_kind(kind, space)} for space in (left, right))
        for space, only in ((left, set(one) - set(two)), (right, set(two) - set(one))):
            listed_ = sorted(only - _EVERYWHERE)
            if listed_:
                words = f"{listed(listed_, 12)}"
                draft.say(
                    f"Only {space} has {kind} {words}.",
                    draft.cite_ref(Ref(kind, space, "*"), "list", f"{kind} in {space}: {words}", "list"),
                )
        for name in sorted(set(one) & set(two)):
            same += _say_pair(asking, one[name], two[name], draft)
    draft.say(f"{plural(same, 'object')} of the same kind and name {'is' if same == 1 else 'are'} the same in both.")


def _say_pair(asking: Asking, left: Resource, right: Resource, draft: Draft) -> int:
    """Say how two objects of one kind and name differ; 1 when they do not."""
    differing = [one for one in _differences(asking, left, right) if not one[0].endswith("(the same)")]
    if differing and left.ref.name not in _EVERYWHERE:
        words = "; ".join(f"{what} {_shown(before)} against {_shown(after)}" for what, before, after in differing[:4])
        more = f" and {len(differing) - 4} more" if len(differing) > 4 else ""
        draft.say(f"{left.ref} and {right.ref} differ: {words}{more}.", draft.cite(left, "spec", words))
    return 0 if differing else 1
