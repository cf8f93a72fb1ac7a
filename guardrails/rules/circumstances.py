"""Where and when: protected places, what the server answered, and what happened through here before."""

from __future__ import annotations

from collections.abc import Iterable

from guardrails.facts import Case
from guardrails.plan import DryRunState, Tier
from guardrails.provenance.labels import NEVER_TAINTED, ArgOrigin, Label, Role
from guardrails.rules.finding import Finding, at_least, one_more, refuse

PROTECTED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "cluster-copilot"})


def protected(case: Case) -> Iterable[Finding]:
    """The cluster's own namespaces and the copilot's are never touched."""
    own = case.ref.name if case.ref.kind == "Namespace" else case.ref.namespace
    for namespace in sorted({own, *case.namespaces, *(pod.namespace for pod in case.evictions)}):
        if namespace in PROTECTED_NAMESPACES:
            yield at_least(Tier.NEVER, f"namespace {namespace} is protected")


def drafted(case: Case) -> Iterable[Finding]:
    """What the draft found impossible."""
    yield from (refuse(reason) for reason in case.found)


def being_deleted(case: Case) -> Iterable[Finding]:
    """What is on its way out is left alone."""
    if case.state.deleting:
        yield refuse("it is being deleted")


def moved_on(case: Case) -> Iterable[Finding]:
    """An undo of something that others changed since."""
    if case.moved_on:
        yield at_least(Tier.TYPED_NAME, case.moved_on)


def loop(case: Case) -> Iterable[Finding]:
    """A second change within minutes looks like a loop."""
    if case.changed_lately and not case.is_undo:
        yield one_more("it was changed through here less than 15 minutes ago")


def access(case: Case) -> Iterable[Finding]:
    """What the cluster does not let the person do."""
    for each in case.access:
        if each.allowed is False:
            what = f"{each.resource}/{each.subresource}" if each.subresource else each.resource
            reason = f" ({each.reason})" if each.reason else ""
            where = f" in namespace {each.namespace}" if each.namespace else ""
            yield refuse(f"the cluster does not let you {each.verb} {what}{where}{reason}")


def rehearsal(case: Case) -> Iterable[Finding]:
    """What the server said to the rehearsal."""
    if case.rehearsed is DryRunState.REFUSED:
        yield refuse(f"the server refused the rehearsal: {case.rehearsal_detail}")
    if case.rehearsed is DryRunState.NOT_DONE:
        yield one_more(f"the server could not rehearse it: {case.rehearsal_detail}")
    if case.way_back in (DryRunState.REFUSED, DryRunState.NOT_DONE):
        yield one_more("the server did not accept the way back in a rehearsal")


def tainted(case: Case) -> Iterable[Finding]:
    """Arguments that no trusted source explains: refused where they run code, reach out or name another tenant."""
    if case.taint is None:
        return
    unexplained = [each for each in case.taint.origins if each.origin.tainted and each.role is not Role.OPERATION]
    refused = [each for each in unexplained if each.role in NEVER_TAINTED]
    yield from (refuse(f"{_argument(each)}; say it in your own words if you mean it") for each in refused)
    if rest := [each for each in unexplained if each not in refused]:
        yield one_more("; ".join(map(_argument, rest)))


def _argument(each: ArgOrigin) -> str:
    where = f" ({each.where})" if each.where else ""
    return f"the {each.role.value} {each.value!r} comes from {each.origin.value}{where}"


def unsolicited(case: Case) -> Iterable[Finding]:
    """A change that nobody asked for, and one of an object that the investigation never looked at."""
    labels = case.taint.labels if case.taint else ()
    if Label.UNSOLICITED in labels:
        yield one_more(Label.UNSOLICITED.value)  # the lowest tier and one more: so never below a typed name
    if Label.NEVER_SEEN in labels:
        yield one_more(Label.NEVER_SEEN.value)


RULES = (protected, drafted, being_deleted, moved_on, loop, access, rehearsal, tainted, unsolicited)
