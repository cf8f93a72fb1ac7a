"""Why is it broken, and is everything all right: the diagnosis told in a few sentences."""

from __future__ import annotations

from copilot.agent.answers.lists import answer_restarts
from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import Draft, names
from copilot.agent.question import Question
from copilot.agent.unreadable import not_shown, refused_kinds
from copilot.model import Diagnosis, Ref, RootCause, Verdict, age_text
from copilot.model.wording import plural

TOLD_CAUSES = 3  # a person can hold three faults in mind; the rest is counted
TOLD_FACTS = 3


def answer_why(asking: Asking, question: Question, draft: Draft) -> None:
    """Say why the named object (or the namespace, or anything) is broken."""
    if question.refs and "restart" in question.lowered:
        answer_restarts(asking, question, draft)
    refs: tuple[Ref | None, ...] = question.refs[:2] or (None,)
    for ref in refs:
        _one(asking, question, draft, ref)


def answer_health(asking: Asking, question: Question, draft: Draft) -> None:
    """Say whether everything is all right."""
    _one(asking, question, draft, question.refs[0] if question.refs else None)


def _one(asking: Asking, question: Question, draft: Draft, ref: Ref | None) -> None:
    ref, diagnosis = _explained(asking, question, ref)
    firm = [cause for cause in diagnosis.root_causes if cause.confidence >= 0.5]
    subject = _subject(asking, question, ref)
    if not firm:
        _nothing_proven(asking, question, draft, diagnosis, subject, ref)
        return
    if len(firm) > 1 and ref is None:
        draft.say(f"{subject}: {plural(len(firm), 'independent root cause')}.")
    for cause in firm[:TOLD_CAUSES]:
        _tell(draft, cause, diagnosis, f"{subject}: " if ref is not None and cause.object != ref else "")
    if len(firm) > TOLD_CAUSES:
        draft.say(f"There are {len(firm) - TOLD_CAUSES} more.")
    scope = ref.argument + ref.flags if ref else f"-n {question.namespace}" if question.namespace else "-A"
    draft.offer("The whole diagnosis with every piece of evidence", f"kubectl copilot why {scope}")


def _explained(asking: Asking, question: Question, ref: Ref | None) -> tuple[Ref | None, Diagnosis]:
    """The diagnosis, of another object of the same name where the one meant first is well: an application is all of them."""
    diagnosis = asking.desk.explain(ref, question.namespace if ref is None else None)
    if ref is None or diagnosis.verdict is not Verdict.HEALTHY:
        return ref, diagnosis
    for kind in (
        "Service",
        "Ingress",
        "HTTPRoute",
        "StatefulSet",
        "CronJob",
        "Job",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    ):
        twin = asking.graph.find(kind, ref.namespace, ref.name)
        if twin is not None and twin.ref != ref:
            other = asking.desk.explain(twin.ref, None)
            if other.verdict is not Verdict.HEALTHY:
                return twin.ref, other
    return ref, diagnosis


def _subject(asking: Asking, question: Question, ref: Ref | None) -> str:
    if ref is None:
        return f"Namespace {question.namespace}" if question.namespace else "The cluster"
    resource = asking.graph.get(ref)
    return f"{ref} ({describe_state(asking.view, resource)})" if resource is not None else str(ref)


def _tell(draft: Draft, cause: RootCause, diagnosis: Diagnosis, lead: str) -> None:
    facts = [draft.cite_evidence(piece) for piece in cause.evidence[:TOLD_FACTS]]
    since = (
        f", since {age_text((diagnosis.observed_at - cause.since).total_seconds())} before this was read"
        if cause.since
        else ""
    )
    draft.say(f"{lead}{cause.title}{since} (confidence {cause.confidence:.2f}).", *facts)
    if cause.affected:
        draft.say(f"It affects {names(cause.affected)}.")
    for entry in cause.remembered:
        quoted = draft.cite_document("incident memory", entry.at[:10], entry.quote, "memory")
        draft.say(f"Seen before, quoted and not checked: {entry.quote}.", quoted)
    for step in cause.next_steps[:2]:
        draft.say(f"Next: {step.text}.")
        if step.command:
            draft.offer(step.text, step.command)


def _nothing_proven(asking: Asking, question: Question, draft: Draft, diagnosis: Diagnosis, subject: str, ref: Ref | None) -> None:  # fmt: skip
    if diagnosis.verdict is Verdict.HEALTHY:
        resource = asking.graph.get(ref) if ref is not None else None
        facts = (
            [draft.cite(resource, "status", f"{ref}: {describe_state(asking.view, resource)}")]
            if resource is not None
            else []
        )
        draft.say(f"{subject}: nothing is wrong in what was read.", *facts)
        hidden = refused_kinds(asking, ref.namespace if ref is not None else question.namespace)
        if hidden:
            draft.say(f"You may not read {not_shown(hidden, None)} there: trouble that only they show is not seen.")
        return
    draft.known = False
    if not diagnosis.symptoms and not diagnosis.root_causes:
        hidden = refused_kinds(asking, question.namespace)
        why = f": you may not read {not_shown(hidden, None)} there" if hidden else ""
        draft.say(f"{subject}: nothing of it was read, so I cannot tell{why}.")
        return
    draft.say(f"{subject}: something is wrong, but the evidence does not reach a cause.")
    for piece in diagnosis.symptoms[:4]:
        draft.say(f"Visible: {piece.text}.", draft.cite_evidence(piece))
    for step in diagnosis.collect[:4]:
        draft.offer(step.text, step.command)
