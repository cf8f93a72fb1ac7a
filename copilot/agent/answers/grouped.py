"""Counts by something: pods per node, deployments per namespace, pods by phase. One line for each group, none left out silently."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from msgspec import structs

from copilot.agent.answers.lists import choose, readable, say_unread_words
from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import Draft, names
from copilot.agent.question import Question
from copilot.diagnosis.images import parse_image
from copilot.model import Ref, Resource, text
from copilot.model.wording import plural

Key = Callable[[Asking, Resource], str]
_EACH = r"\b(?:per|by|on each|in each|for each|of each|each|on every|in every|for every|every|grouped by|broken down by)\s+(?:the\s+)?"
_MOST = 20
_NAMED = 6  # members of a group that are named


def _zone(asking: Asking, resource: Resource) -> str:
    node = asking.graph.find("Node", "", text(resource.spec, "nodeName")) if resource.ref.kind == "Pod" else resource
    return text(node.labels, "topology.kubernetes.io/zone") if node is not None else ""


def _registry(asking: Asking, resource: Resource) -> str:
    images = [
        text(c, "image") for c in asking.view.template(resource.ref).get("containers") or () if isinstance(c, dict)
    ]
    return ", ".join(sorted({parse_image(image).registry for image in images}))


# what follows `per` → (how it is called, the group of an object, the kind whose every object is a group)
GROUPS: tuple[tuple[re.Pattern[str], str, Key, str], ...] = tuple(
    (re.compile(_EACH + pattern), name, key, kind)
    for pattern, name, key, kind in (
        (r"(?:node|machine|host)s?\b", "node", lambda _, r: text(r.spec, "nodeName") or "(no node)", "Node"),
        (r"(?:namespace|ns|project)s?\b", "namespace", lambda _, r: r.ref.namespace or "(cluster-wide)", "Namespace"),
        (r"(?:phase|state|status)\w*\b", "state", lambda a, r: describe_state(a.view, r), ""),
        (r"(?:owner|deployment|workload|controller|app)s?\b", "owner", lambda a, r: str(a.graph.top_owner(r.ref)), ""),
        (r"(?:zone|az)s?\b", "zone", _zone, ""),
        (r"registr(?:y|ies)\b", "registry", _registry, ""),
        (r"(?:storage ?)?class(?:es)?\b", "class", lambda _, r: text(r.spec, "storageClassName") or "(none)", ""),
    )
)


_BY_WORD = re.compile(_EACH + r"(?P<key>[\w./-]+)")


def grouping(asking: Asking, question: Question) -> tuple[str, Key, str] | None:
    """(name, group of an object, kind of the groups) that a question asks for: a known one, or a label of the objects."""
    for pattern, name, key, kind in GROUPS:
        if pattern.search(question.lowered):
            return name, key, kind
    match = _BY_WORD.search(question.lowered)
    word = match["key"] if match is not None else ""
    for one in asking.members(question.kind, question.namespace) if word else ():
        for label in one.labels:
            if word in (label.lower(), label.lower().rpartition("/")[2]):
                return label, lambda _, resource, label=label: str(resource.labels.get(label, "(no label)")), ""
    return None


def answer_grouped(asking: Asking, question: Question, draft: Draft) -> None:
    """Count the objects in question group by group."""
    found = grouping(asking, question)
    assert found is not None, "only grouped questions come here"
    name, key, kind = found
    by = {name.lower(), name.rpartition("/")[2].lower()}  # an object of that name is not what is meant
    question = structs.replace(question, refs=tuple(ref for ref in question.refs if ref.name.lower() not in by))
    chosen = choose(asking, question)
    if not readable(asking, question, draft, chosen.kind, chosen.found):
        return
    counts = Counter(key(asking, one) or "(none)" for one, _ in chosen.found)
    for group in asking.members(kind, None) if kind and not question.namespace else ():
        counts.setdefault(group.ref.name, 0)
    which = f" {chosen.which}" if chosen.which else ""
    draft.say(f"{plural(len(chosen.found), chosen.kind)}{which} {chosen.where}, by {name}:")
    members: dict[str, list[Ref]] = {}
    for one, _ in chosen.found:
        members.setdefault(key(asking, one) or "(none)", []).append(one.ref)
    for group_name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST]:
        fact = draft.cite_ref(
            Ref(chosen.kind, question.namespace or "", "*"), "list", f"{name} {group_name}: {count}", "list"
        )
        shown = f" ({names(members[group_name])})" if 0 < count <= _NAMED and len(chosen.found) <= _MOST else ""
        draft.say(f"{group_name}: {count}{shown}", fact)
    if len(counts) > _MOST:
        draft.say(f"and {len(counts) - _MOST} more.")
    own = {kind, name.capitalize(), name, name.rpartition("/")[2]}
    left = tuple(word for word in question.leftover if word not in own)
    say_unread_words(structs.replace(question, leftover=left), draft)
