"""What the readers of changes share: which kinds may be changed, the address of the object, and what is left over."""

from __future__ import annotations

from guardrails.kinds import Changeable, able_to, changeable
from guardrails.kubectl import values
from guardrails.kubectl.commands import ChangeCommand, Predicted
from guardrails.kubectl.grammar import Line
from guardrails.kubectl.kinds import CONTEXT
from guardrails.kubectl.objects import Named
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.operations import ChangeIntent, Op, Target

# Whoever changes these changes what everyone may do, or takes away what cannot be had back.
_GUARDED = frozenset({
    "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "APIService",
    "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
    "CertificateSigningRequest", "PersistentVolume", "Namespace", "Node", "ServiceAccount",
})  # fmt: skip
GRACE = values.whole(1, 24 * 3600)  # seconds; 0 kills at once, and -1 is what is meant by leaving it out


def able(named: Named, op: Op) -> None:
    """Hold a kind to the operations it has.

    Raises:
        KubectlRefused: the operation is not for it.
    """
    what = op.value.replace("_", " ")
    if op not in entry_of(named, f"the object of a {what}").ops:
        forever = op is Op.DELETE and named.kind.kind in _GUARDED
        raise KubectlRefused(f"{what} is not for a {named.kind.title}; it is for {able_to(op)}", never=forever)


def entry_of(named: Named, what: str) -> Changeable:
    """The entry of a kind that may be changed; a namesake of another group is none."""
    kind = named.kind
    try:
        entry = changeable(kind.kind)
    except KeyError:
        entry = None
    if entry is None or (entry.group, entry.resource) != (kind.group, kind.plural):
        raise KubectlRefused(f"a {kind.title} is never {what} here", never=kind.kind in _GUARDED)
    return entry


def target_of(line: Line, named: Named) -> Target:
    """The object, in the namespace that the line names."""
    namespace = line.value("namespace") if named.kind.namespaced is not False else None
    return Target(named.name or "", named.kind.kind, namespace)


def address(line: Line, named: Named) -> str:
    """The address of the object."""
    where = None if named.kind.namespaced is False else line.value("namespace") or CONTEXT
    return f"{named.kind.root(where)}/{named.name}"


def patching(line: Line, intent: ChangeIntent, root: str) -> ChangeCommand:
    """A change for which kubectl reads the object and patches it."""
    return ChangeCommand(line.command.path, intent, (Predicted("GET", root), Predicted("PATCH", root)))


def nothing_more(rest: tuple[str, ...]) -> None:
    """Refuse what is left over."""
    if rest:
        raise KubectlRefused(f"'{rest[0][:80]}' is left over; one command changes one object")


def once(words: list[str], what: str) -> None:
    """Refuse what is named twice."""
    twice = next((word for word in words if words.count(word) > 1), None)
    if twice is not None:
        raise KubectlRefused(f"the {what} {twice[:80]} is named twice")


def grace(line: Line) -> int | None:
    """The seconds a pod gets to end; None is its own."""
    given = line.value("grace-period")
    return int(given) if given else None
