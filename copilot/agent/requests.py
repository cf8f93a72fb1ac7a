"""A right asked about in words, read into verb, group, resource, namespace and name: `read secrets in shop`, `exec into pods`."""

from __future__ import annotations

import re

from copilot.agent.asking import Asking
from copilot.agent.question import Question
from copilot.agent.rbac import READ_VERBS, Request
from copilot.model import text
from copilot.model.kinds import built_in
from copilot.model.wording import plural_of

# people's verbs → the API's; of several, any one is meant
_VERBS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(rf"\b{pattern}\b"), verbs)
    for pattern, verbs in (
        (r"(?:read|see|view|access|look at|inspect)", READ_VERBS),
        (r"(?:edit|modify|change|write(?: to)?)", ("update", "patch")),
        (r"(?:remove|destroy)", ("delete",)),
        (r"(?:make|add)", ("create",)),
        (r"deletecollection", ("deletecollection",)),
        (r"(?:manage|administer)", ("*",)),
        (r"get", ("get",)), (r"list", ("list",)), (r"watch", ("watch",)), (r"create", ("create",)),
        (r"update", ("update",)), (r"patch", ("patch",)), (r"delete", ("delete",)),
        (r"impersonate", ("impersonate",)), (r"bind", ("bind",)), (r"escalate", ("escalate",)), (r"use", ("use",)),
    )
)  # fmt: skip

# wishes that are a verb on a subresource
_WISHES: tuple[tuple[re.Pattern[str], tuple[str, ...], str, str], ...] = tuple(
    (re.compile(rf"\b{pattern}\b"), verbs, group, resource)
    for pattern, verbs, group, resource in (
        (r"exec(?:ute)?(?: commands?)?(?: in(?:to)?)?", ("create",), "", "pods/exec"),
        (r"port-?forward", ("create",), "", "pods/portforward"),
        (r"attach", ("create",), "", "pods/attach"),
        (r"(?:read|see|view|get|access|fetch)(?: to)? (?:the |pod |container )*logs?", ("get",), "", "pods/log"),
        (r"evict|drain", ("create",), "", "pods/eviction"),
        (r"scale", ("update", "patch"), "apps", "deployments/scale"),
        (r"restart", ("patch",), "apps", "deployments"),
        (r"cordon", ("patch",), "", "nodes"),
    )
)
_EVERYTHING = re.compile(
    r"\b(?:do|control|change|delete) (?:everything|anything|whatever)\b|\bfull (?:access|control|rights)\b"
)
_OWN_KINDS = frozenset({"ServiceAccount", "Namespace"})  # where and who, not what, when another kind is named too


def read_request(asking: Asking, question: Question) -> Request | None:
    """What the question asks to do; None when it names no verb or no kind."""
    lowered = question.lowered
    asked_of = [kind for kind in question.kinds if kind not in _OWN_KINDS] or [
        kind
        for kind in question.kinds
        if len(question.kinds) == 1 and not lowered.startswith(("can service", "can sa"))
    ]
    if _EVERYTHING.search(lowered):
        return Request(("*",), "*", "*", question.namespace)
    for pattern, verbs, group, resource in _WISHES:
        if pattern.search(lowered):
            return Request(verbs, group, resource, question.namespace)
    named = [verbs for pattern, verbs in _VERBS if pattern.search(lowered)]
    if not named or not asked_of:
        return None
    group, resource = _resource(asking, asked_of[0])
    name = next((ref.name for ref in question.refs if ref.kind == asked_of[0]), "")
    namespaced = built_in(asked_of[0])
    space = None if namespaced is not None and not namespaced.namespaced else question.namespace
    return Request(named[0], group, resource, space, name)


def _resource(asking: Asking, kind: str) -> tuple[str, str]:
    """(API group, plural) of a kind, from the table or a CustomResourceDefinition."""
    known = built_in(kind)
    if known is not None:
        return known.group, known.plural
    for definition in asking.graph.of_kind("CustomResourceDefinition"):
        if text(definition.spec, "names", "kind") == kind:
            return text(definition.spec, "group"), text(definition.spec, "names", "plural")
    groups = asking.graph.groups_of(kind)
    return (groups[0] if groups else "", plural_of(kind.lower()))
