"""Logs, events and runbooks: the few lines that answer, quoted with their place, never the whole text."""

from __future__ import annotations

import re

from copilot.agent.asking import Asking, LogFetcher
from copilot.agent.draft import Draft
from copilot.agent.question import Question
from copilot.diagnosis.log_lines import most_telling, tail
from copilot.diagnosis.view import logged, told
from copilot.model import ContainerLog, Evidence, Ref

_LINES = 5
_NEWEST = re.compile(r"\b(?:last|latest|newest|tail|recent|end)\b")
_NEWEST_LINES = 3  # of each container
_SILENT = 4  # logs that are empty or could not be read
_EVENTS = 8
_QUOTE = 320  # characters of a runbook section: enough to act on, short enough to read


def answer_logs(asking: Asking, question: Question, draft: Draft) -> None:
    """Quote the telling end of the logs of the pods asked about; of a live cluster those not read yet are read now."""
    pods = [pod for ref in question.refs for pod in asking.view.pods_of(ref)]
    notes = asking.desk.fetch_logs([pod.ref for pod in pods]) if isinstance(asking.desk, LogFetcher) else ()
    quoted = 0
    newest = bool(_NEWEST.search(question.lowered))
    silent: list[ContainerLog] = []
    for pod in pods:
        for log in asking.view.logs(pod.ref):
            if not log.text.strip():
                silent.append(log)
                continue
            if newest and quoted < 2 * _LINES:
                quoted += _newest(log, draft)
                continue
            line = most_telling(log)
            if line is None or quoted >= _LINES:
                continue
            quoted += 1
            piece: Evidence = logged(log, *line)
            run = " (previous run)" if log.previous else ""
            draft.say(
                f"{pod.ref.path}, container {log.container}{run}, {sum(1 for _ in tail(log))} lines read: {piece.text}",
                draft.cite_evidence(piece),
            )
    for log in silent[:_SILENT]:
        run = " in its previous run" if log.previous else ""
        fact = draft.cite_ref(
            Ref("Pod", log.namespace, log.pod), "log", f"container {log.container}: empty", log.source
        )
        draft.say(f"{log.namespace}/{log.pod}, container {log.container}: it has printed nothing{run}.", fact)
    for note in notes[:_SILENT]:
        draft.say(note)
    for pod in pods[:2]:
        draft.offer(f"The log of {pod.ref}", f"kubectl logs {pod.ref.name}{pod.ref.flags} --tail=100")
    if not quoted and not silent:
        draft.known = False
        about = f"of {question.refs[0]}" if question.refs else "of the pods asked about"
        if not notes:
            draft.say(f"No log {about} was read.")


def _newest(log: ContainerLog, draft: Draft) -> int:
    """Quote the last lines of a log as they stand; how many."""
    lines = log.text.splitlines()
    shown = [(number, line) for number, line in enumerate(lines, 1) if line.strip()][-_NEWEST_LINES:]
    for number, line in shown:
        piece = logged(log, number, line[:_QUOTE])
        draft.say(f"{log.namespace}/{log.pod}, container {log.container}: {piece.text}", draft.cite_evidence(piece))
    return len(shown)


def answer_events(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the newest events about the objects asked about, or in the scope; warnings first."""
    if question.refs:
        refs = {
            r
            for ref in question.refs
            for r in (ref, *asking.graph.children(ref), *(pod.ref for pod in asking.view.pods_of(ref)))
        }
        events = [event for ref in sorted(refs) for event in asking.graph.events(ref)]
    else:
        everything = (
            asking.graph.events(resource.ref)
            for resource in asking.graph.resources()
            if question.namespace in (None, resource.ref.namespace)
        )
        events = [event for listed in everything for event in listed]
    if not events:
        draft.say("No events about it were read.")
        return
    ranked = sorted(events, key=lambda e: (e.type != "Warning", -(e.last.timestamp() if e.last else 0), e.ref))
    for event in ranked[:_EVENTS]:
        piece = told(event)
        draft.say(f"{event.about}: {piece.text}", draft.cite_evidence(piece))
    if len(events) > _EVENTS:
        draft.say(f"and {len(events) - _EVENTS} more events.")


def answer_how(asking: Asking, question: Question, draft: Draft) -> None:
    """Quote the runbook sections that answer a how-to question."""
    passages = asking.desk.search(question.text, 3)
    if not passages:
        draft.known = False
        draft.say("No runbook speaks of that.")
        return
    for passage in passages[:2]:
        words = " ".join(passage.text.split())
        shown = words if len(words) <= _QUOTE else words[:_QUOTE].rsplit(" ", 1)[0] + " …"
        draft.say(
            f"{passage.title}: {shown}", draft.cite_document(passage.title, passage.section, shown, passage.source)
        )
    draft.offer("More runbooks", f"kubectl copilot search {' '.join(question.text.rstrip('?').split()[:8])}")
