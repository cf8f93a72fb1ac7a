"""Asks the cluster what the user may do. The cluster's own authorizer answers; nothing is guessed from roles."""

from __future__ import annotations

import msgspec

from copilot.model import CopilotError
from copilot.model.fields import children, dig, mapping, text, texts
from copilot.model.kinds import resolve_kind
from tools.cluster.transport import Answer, Review, Transport


class AccessQuestion(msgspec.Struct, frozen=True, order=True):
    """May I `verb` this? `resource` is the plural; `name` "" means any object, `namespace` "" all or cluster-scoped."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        """`patch deployments.apps/scale web in namespace shop`, as `kubectl auth can-i` would say it."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        words = [self.verb, f"{resource}/{self.subresource}" if self.subresource else resource, self.name]
        words.append(f"in namespace {self.namespace}" if self.namespace else "")
        return " ".join(word for word in words if word)


class Access(msgspec.Struct, frozen=True):
    """The cluster's answer. `reason` is what the authorizer says, often empty; `doubt` when it could not decide."""

    question: AccessQuestion
    allowed: bool
    reason: str = ""
    doubt: str = ""


class AccessRule(msgspec.Struct, frozen=True):
    """One line of what the user may do in a namespace."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class AccessRules(msgspec.Struct, frozen=True):
    """What the user may do in a namespace. `complete` False: the authorizer cannot list all of it."""

    namespace: str
    rules: tuple[AccessRule, ...]
    complete: bool = True


def may(transport: Transport, question: AccessQuestion) -> Access:
    """Ask one question (SelfSubjectAccessReview).

    Raises:
        CopilotError: The cluster does not answer the question.
    """
    attributes = {
        "verb": question.verb,
        "resource": question.resource,
        "group": question.group,
        "namespace": question.namespace,
        "name": question.name,
        "subresource": question.subresource,
    }
    answer = transport.review(Review.ACCESS, {"resourceAttributes": {k: v for k, v in attributes.items() if v}})
    status = mapping(_checked(transport, answer), "status")
    return Access(
        question=question,
        # An explicit denial wins over an allowance, and anything but a clear yes is a no.
        allowed=dig(status, "allowed") is True and dig(status, "denied") is not True,
        reason=text(status, "reason"),
        doubt=text(status, "evaluationError"),
    )


def may_i(transport: Transport, verb: str, resource: str, namespace: str, name: str) -> str:
    """The cluster's answer to one question in a sentence that begins with yes or no. `resource` is any name of a kind.

    Raises:
        CopilotError: The cluster does not answer the question.
    """
    word, _, subresource = resource.strip().lower().partition("/")
    kind = resolve_kind(word)
    plural, _, group = word.partition(".") if kind is None else (kind.plural, "", kind.group)
    namespaced = kind is None or kind.namespaced
    place = namespace if namespaced else ""
    found = may(transport, AccessQuestion(verb.strip().lower(), plural, group, place, name, subresource))
    everywhere = " in all namespaces" if namespaced and not place else ""
    reason = f" ({found.reason})" if found.reason else ""
    doubt = f"; in doubt: {found.doubt}" if found.doubt else ""
    lead = "yes, you may" if found.allowed else "no, you may not"
    return f"{lead} {found.question}{everywhere}{reason}{doubt}"


def rules(transport: Transport, namespace: str) -> AccessRules:
    """List what the user may do in a namespace (SelfSubjectRulesReview).

    Raises:
        CopilotError: The cluster does not answer the question.
    """
    status = mapping(_checked(transport, transport.review(Review.RULES, {"namespace": namespace})), "status")
    return AccessRules(
        namespace=namespace,
        rules=tuple(
            AccessRule(
                verbs=tuple(texts(rule, "verbs")),
                groups=tuple(texts(rule, "apiGroups")),
                resources=tuple(texts(rule, "resources")),
                names=tuple(texts(rule, "resourceNames")),
            )
            for rule in children(status, "resourceRules")
        ),
        complete=dig(status, "incomplete") is not True and not text(status, "evaluationError"),
    )


def _checked(transport: Transport, answer: Answer) -> object:
    if not answer.ok:
        raise CopilotError(
            f"{transport.connection.label} does not say what you may do: HTTP {answer.status} {answer.reason}",
            "Without an access review no change is planned; check that authorization.k8s.io/v1 is served.",
        )
    return answer.json()
