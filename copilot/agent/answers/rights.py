"""Who may do what, and may this account: RBAC evaluated over the roles and bindings that were read, and what was not read said."""

from __future__ import annotations

import re

import msgspec

from copilot.agent.asking import AccessAsker, Asking
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.agent.rbac import KINDS, Grant, Request, Subject, grants, known_subjects, reaching, rule_text
from copilot.agent.requests import read_request
from copilot.agent.unreadable import no_such_place, unread_place
from copilot.model import CopilotError, ReadState, Ref
from copilot.model.wording import listed, plural

_TOLD = 12
_SELF = re.compile(r"^(?:can|may|am|could|what can|what may) (?:i|we|my)\b")
_WHO = re.compile(r"^who\b|^(?:which|what) (?:users?|accounts?|service ?accounts?|groups?|subjects?|people|persons?)\b")
_ACCOUNT_TEXT = re.compile(r"\b(?:service ?account|sa) (?:(?P<namespace>[\w.-]+)[/:])?(?P<name>[\w.-]+)")


def answer_rights(asking: Asking, question: Question, draft: Draft) -> None:
    """Answer `who can …`, `can X …`, `what can X do`, `who has role …`."""
    lowered = question.lowered
    found = grants(asking.graph)
    place = unread_place(asking, question)
    place = "" if place in known_subjects(found) else place  # `anyone in ops-team` names a group
    if place and (sentence := no_such_place(asking, place)):
        draft.known = False
        draft.say(sentence)
        return
    question = msgspec.structs.replace(question, namespace=place) if place else question
    request = read_request(asking, question)
    if _SELF.search(lowered):
        _say_own(asking, request, draft)
        return
    subject = _subject(question, found)
    lacking = asking.unread(KINDS, request.namespace if request is not None and request.namespace else None)
    asks_who = bool(_WHO.search(lowered))
    role = _role_named(asking, lowered) if lowered.startswith("who") else None
    certain = False
    if role is not None:
        _say_holders(role, found, draft)
    elif asks_who and request is not None and lacking and not found:
        draft.known = False
        draft.say(f"I cannot tell who may {request}: {', '.join(lacking)} objects were not read.")
        draft.offer("Read them", f"kubectl get {','.join(kind.lower() + 's' for kind in lacking)} -A -o yaml")
        return
    elif asks_who and request is not None:
        _say_who(request, found, draft)
    elif subject is not None and request is not None:
        certain = _say_whether(subject, request, found, draft, sure=not lacking)
    elif subject is not None:
        _say_rights(subject, found, draft)
    else:
        draft.known = False
        draft.say(
            "I cannot read who is to do what. Ask like: who can delete pods in NS; can serviceaccount X list secrets in NS; what can X do."
        )
        return
    if lacking and not certain:
        _say_lacking(lacking, draft, sure=bool(found) and not _refused(asking, lacking))


def _say_own(asking: Asking, request: Request | None, draft: Draft) -> None:
    """The API server's own answer about the person who asks; without one, the command that asks it."""
    what = f"{request.verbs[0]} {request.resource}" if request is not None else "--list"
    where = f" -n {request.namespace}" if request is not None and request.namespace else ""
    why = "Who you are to the cluster is not part of what was read"
    if request is not None and isinstance(asking.desk, AccessAsker):
        try:
            said = _asked(asking.desk, request)
        except CopilotError as error:
            why, said = error.title, ""
        if said:
            draft.say(f"{said[0].upper()}{said[1:]}.", draft.cite_document("SelfSubjectAccessReview", "", said, "api"))
            return
    draft.known = False
    draft.say(f"{why}; the API server answers: kubectl auth can-i {what}{where}.")
    draft.offer("Ask the API server", f"kubectl auth can-i {what}{where}")


def _asked(desk: AccessAsker, request: Request) -> str:
    """The first yes among the verbs that are meant, else the no to the first of them."""
    resource, _, sub = request.resource.partition("/")
    what = f"{resource}{f'.{request.group}' if request.group else ''}{f'/{sub}' if sub else ''}"
    answers = [desk.may_i(verb, what, request.namespace or "", request.name) for verb in request.verbs]
    return next((said for said in answers if said.startswith("yes")), answers[0])


def _subject(question: Question, found: list[Grant]) -> Subject | None:
    """The account that a question names: a ServiceAccount object, a written `ns/name`, or a user or group of a binding."""
    for ref in question.refs:
        if ref.kind == "ServiceAccount":
            return Subject("ServiceAccount", ref.name, ref.namespace)
    people = known_subjects(found)
    for word in re.findall(r"[\w.:@-]+", question.lowered):
        if word in people:
            return people[word]
    match = _ACCOUNT_TEXT.search(question.lowered)
    if match is not None and (space := match["namespace"] or question.namespace):
        return Subject("ServiceAccount", match["name"], space)
    match = re.search(r"\b(?P<kind>user|group) (?P<name>[\w.:@-]+)", question.lowered)
    return Subject(match["kind"].capitalize(), match["name"]) if match is not None else None


def _role_named(asking: Asking, lowered: str) -> Ref | None:
    words = set(re.findall(r"[\w.:-]+", lowered.replace("cluster admin", "cluster-admin")))
    if not re.search(r"\bwho (?:has|holds|is|gets|are)\b", lowered):
        return None
    for kind in ("ClusterRole", "Role"):
        for role in asking.graph.of_kind(kind):
            if role.ref.name.lower() in words:
                return role.ref
    return Ref("ClusterRole", "", "cluster-admin", "rbac.authorization.k8s.io") if "cluster-admin" in words else None


def _say_holders(role: Ref, found: list[Grant], draft: Draft) -> None:
    holding = [grant for grant in found if grant.role_ref == role and grant.subjects]
    for grant in holding[:_TOLD]:
        subjects = listed((str(subject) for subject in grant.subjects), _TOLD)
        where = f" in namespace {grant.namespace}" if grant.namespace else " in the whole cluster"
        draft.say(
            f"{subjects} has {role}{where}, through {grant.binding.ref}.",
            draft.cite(grant.binding, "subjects", f"{grant.binding.ref}: {subjects}"),
        )
    if not holding:
        draft.say(f"No binding that was read hands out {role}.", draft.cite_ref(role, "roleRef", "no binding names it", "list"))  # fmt: skip


def _say_who(request: Request, found: list[Grant], draft: Draft) -> None:
    allowed: dict[Subject, tuple[Grant, list[str]]] = {}
    for grant in found:
        if request.namespace is None and grant.namespace:
            names = grant.names(Request(request.verbs, request.group, request.resource, grant.namespace, request.name))
        else:
            names = grant.names(request)
        for subject in grant.subjects if names is not None else ():
            known = allowed.get(subject)
            if known is None or (known[1] and not names):
                allowed[subject] = (grant, names or [])
    if not allowed:
        fact = draft.cite_ref(Ref("RoleBinding", request.namespace or "", "*"), "rules", f"no rule allows {request}", "list")  # fmt: skip
        draft.say(f"No binding that was read lets anybody {request}.", fact)
        return
    draft.say(f"{plural(len(allowed), 'subject')} may {request}:")
    for subject, (grant, names) in sorted(allowed.items(), key=_own_first)[:_TOLD]:
        where = f" in namespace {grant.namespace}" if grant.namespace and request.namespace is None else ""
        only = f", only {', '.join(names)}" if names else ""
        draft.say(
            f"{subject}{where}{only}, through {grant.binding.ref} and {grant.role_ref}.",
            draft.cite(grant.binding, "subjects", f"{grant.binding.ref} gives {grant.role_ref} to {subject}"),
        )
    if len(allowed) > _TOLD:
        draft.say(f"and {len(allowed) - _TOLD} more.")


def _own_first(holder: tuple[Subject, tuple[Grant, list[str]]]) -> tuple[bool, bool, Subject]:
    """Who was given the right in this namespace, then people and accounts of one's own, then parts of the system."""
    subject, (grant, _) = holder
    part = subject.name.startswith("system:") or subject.namespace == "kube-system"
    return not grant.namespace, part, subject


def _say_whether(subject: Subject, request: Request, found: list[Grant], draft: Draft, *, sure: bool) -> bool:
    """Say whether; True when it is a yes, which nothing unread can take back."""
    mine = reaching(found, subject)
    limited: list[tuple[Grant, list[str]]] = []
    for grant, identity in mine:
        names = grant.names(request)
        if names is None:
            continue
        if names:
            limited.append((grant, names))
            continue
        as_whom = f" (as {identity})" if identity != subject else ""
        draft.say(
            f"Yes: {subject}{as_whom} may {request}, through {grant.binding.ref} and {grant.role_ref}.",
            draft.cite(grant.binding, "subjects", f"{grant.binding.ref} gives {grant.role_ref} to {identity}"),
            *([draft.cite(grant.role, "rules", _rules_text(grant))] if grant.role is not None else []),
        )
        return True
    draft.known = sure
    nearest = "; ".join(f"{grant.role_ref} allows it only for {', '.join(names)}" for grant, names in limited[:2])
    said = f"no role bound to {subject} allows it" + (f" ({nearest})" if nearest else "")
    fact = draft.cite_ref(
        Ref("ServiceAccount" if subject.kind == "ServiceAccount" else subject.kind, subject.namespace, subject.name),
        "rules", said, "list",
    )  # fmt: skip
    lead = "No" if sure else "As far as was read, no"
    held = sorted({str(grant.role_ref) for grant, _ in mine})
    draft.say(f"{lead}: {said}.", fact)
    draft.say(f"Its roles: {listed(held, 6)}." if held else "No binding that was read names it.")
    flags = f" -n {request.namespace}" if request.namespace else " -A"
    whom = f"system:serviceaccount:{subject.namespace}:{subject.name}" if subject.kind == "ServiceAccount" else subject.name  # fmt: skip
    draft.offer("Ask the API server", f"kubectl auth can-i {request.verbs[0]} {request.resource}{flags} --as={whom}")
    return False


def _say_rights(subject: Subject, found: list[Grant], draft: Draft) -> None:
    mine = reaching(found, subject)
    if not mine:
        draft.say(f"No binding that was read names {subject}.", draft.cite_ref(Ref(subject.kind, subject.namespace, subject.name), "subjects", f"no binding names {subject}", "list"))  # fmt: skip
    for grant, _ in mine[:_TOLD]:
        where = f"in namespace {grant.namespace}" if grant.namespace else "in the whole cluster"
        words = _rules_text(grant)
        draft.say(
            f"{subject} has {grant.role_ref} {where}: {words}.",
            draft.cite(grant.role or grant.binding, "rules", words),
        )


def _rules_text(grant: Grant) -> str:
    return listed((rule_text(rule) for rule in grant.rules), 8) or "no rules that were read"


def _refused(asking: Asking, kinds: list[str]) -> bool:
    """Whether some of the kinds was not read at all."""
    states = {reading.kind: reading.state for reading in asking.graph.snapshot.coverage.readings}
    return any(states.get(kind) is not ReadState.PARTIAL for kind in kinds)


def _say_lacking(lacking: list[str], draft: Draft, *, sure: bool) -> None:
    draft.known = draft.known and sure
    draft.say(
        f"This may be incomplete: {', '.join(lacking)} objects were not read in full, so rights that they give are not seen."
    )
    draft.offer("Read the rest", f"kubectl get {','.join(kind.lower() + 's' for kind in lacking)} -A -o yaml")
