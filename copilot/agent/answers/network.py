"""What NetworkPolicies let through: may A talk to B on a port, who may, and what one policy allows. Set evaluation, no packet is sent.

It says what `kubectl copilot reach` says: whether anything listens behind an open way is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from copilot.agent.answers.lists import say_unread_kind
from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.events import Citation
from copilot.agent.question import Question
from copilot.agent.room import next_pod
from copilot.diagnosis.policies import Direction, End, policies_of, rule_texts, types_of
from copilot.diagnosis.reach import Party, Reachability, State, Wanted, judge, party_of, reach_between
from copilot.diagnosis.reach.answer import Verdict
from copilot.diagnosis.reach.lead import lead_service
from copilot.model import Ref, Resource, children, mapping, number
from copilot.model.wording import listed
from retrievers.graph import EdgeKind
from retrievers.graph.selectors import parse_label_selector

_PORT = re.compile(r"\b(?:ports? |:)(\d{1,5})\b|\bon (\d{1,5})\b|\b(\d{2,5})/(?:tcp|udp)\b")
_FROM = re.compile(
    r"\b(?:reachable|accessible|allowed|called|contacted|hit) (?:from|by)\b|\b(?:accepts?|receives?|gets?)\b.*\bfrom\b"
)
_TOLD = 8
_CITED = 3  # facts cited for one connection
_POD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet")
_WHO = re.compile(r"^(?:who|what|which \w+) (?:can|may|could|is|are)\b")


def answer_network(asking: Asking, question: Question, draft: Draft) -> None:
    """Answer about a connection, or about what a policy lets through."""
    if not asking.was_read("NetworkPolicy", None) and not asking.graph.of_kind("NetworkPolicy"):
        say_unread_kind(asking, question.namespace, draft, "NetworkPolicy")
        return
    ends = [ref for ref in question.refs if _pod_of(asking, ref) is not None]
    policies = [ref for ref in question.refs if ref.kind == "NetworkPolicy"]
    if len(ends) >= 2:
        start, end = reversed(ends[:2]) if _FROM.search(question.lowered) else ends[:2]
        _say_connection(asking, start, end, _port(question), draft)
    elif policies:
        for ref in policies[:3]:
            _say_policy(asking, ref, draft)
    elif len(ends) == 1 and _WHO.search(question.lowered):
        _say_callers(asking, ends[0], _port(question), draft)
    elif len(ends) == 1:
        _say_isolation(asking, ends[0], draft)
    else:
        draft.known = False
        draft.say("Between which two? Ask like: can A talk to B on port 8080; what does NetworkPolicy X let through.")


def _port(question: Question) -> int:
    match = _PORT.search(question.lowered)
    return int(next(part for part in match.groups() if part)) if match else 0


def _pod_of(asking: Asking, ref: Ref) -> Resource | None:
    """A pod that stands for the object: one of its own, else what its template would make."""
    resource = asking.graph.get(ref)
    if resource is None:
        return None
    if ref.kind == "Pod":
        return resource
    if ref.kind == "Service":
        targets = (asking.graph.get(edge.target) for edge in asking.graph.out(ref, EdgeKind.SELECTS))
        return next((pod for pod in targets if pod is not None), None)
    pods = asking.view.pods_of(ref)
    if pods:
        return pods[0].resource
    return next_pod(resource) if ref.kind in _POD_KINDS else None


def _say_connection(asking: Asking, start: Ref, end: Ref, port: int, draft: Draft) -> None:
    source, target = asking.graph.get(start), _target(asking, end, port)
    assert source is not None, "only objects with a pod come here"
    found = reach_between(asking.view, party_of(asking.view, source), target, Wanted("", port))
    ports = list(dict.fromkeys(group.port for group in found.groups if group.port))
    words = f"port {', '.join(map(str, ports))}" if ports else f"port {port}" if port else "any port"
    facts = [draft.cite(one.policy, one.place, one.words) for group in found.groups for one in group.deciders][:_CITED]
    match found.verdict:
        case Verdict.ALLOWED if not facts:
            fact = draft.cite_ref(end, "metadata.labels", f"no NetworkPolicy selects {end} for Ingress or {start} for Egress", "list")  # fmt: skip
            draft.say(f"Yes: no NetworkPolicy restricts the way from {start} to {end} ({words}).", fact)
        case Verdict.ALLOWED:
            names = listed((str(one.policy.ref) for group in found.groups for one in group.deciders), 3)
            draft.say(f"Yes: {start} may talk to {end} on {words}; {names} allows it.", *facts)
        case Verdict.REFUSED:
            _say_refusal(start, end, words, found, facts, draft)
        case Verdict.PARTLY:
            _say_refusal(start, end, words, found, facts, draft, head="Only partly")
        case Verdict.UNKNOWN:
            draft.known = False
            why = next((why for group in found.groups if group.state is State.UNKNOWN for why in group.why), "")
            draft.say(f"Whether {start} may talk to {end} on {words} cannot be told: {why}.", *facts)
        case _:
            assert_never(found.verdict)
    for note in found.not_evaluated[:_CITED]:
        draft.say(f"Not evaluated: {note}.", draft.cite_ref(end, "", note, "list"))


def _say_refusal(
    start: Ref, end: Ref, words: str, found: Reachability, facts: Sequence[Citation], draft: Draft, head: str = "No"
) -> None:
    group = next(group for group in found.groups if group.state is State.REFUSED)
    why = "; ".join((*group.missing, *group.why) if group.missing else group.why)
    refused = (
        f"{start} may not talk to {end} on {words}" if head == "No" else f"not every way from {start} to {end} is open"
    )
    if not facts:
        facts = [draft.cite_ref(end, group.field or "spec", why, "list")]
    draft.say(f"{head}: {refused}: {why}.", *facts)


def _target(asking: Asking, end: Ref, port: int) -> Party:
    """The object, or the Service of its name when the port is one that only the Service has."""
    resource = asking.graph.get(end)
    assert resource is not None, "only objects with a pod come here"
    service = asking.graph.find("Service", end.namespace, end.name)
    pod = _pod_of(asking, end)
    if service is None or pod is None or not port or port in _declared(pod):
        return party_of(asking.view, resource)
    serves = any(number(entry, "port") == port for entry in children(service.spec, "ports"))
    return party_of(asking.view, service if serves else resource)


def _target_port(asking: Asking, end: Ref, port: int) -> int:
    """The pods' port behind a Service's."""
    led = (
        lead_service(asking.view, service, Wanted("", port))
        if (service := _target(asking, end, port).service)
        else None
    )
    return led.legs[0].port if led is not None and led.legs else port


def _declared(pod: Resource) -> list[int]:
    return [
        number(entry, "containerPort")
        for container in children(pod.spec, "containers")
        for entry in children(container, "ports")
    ]


def _say_policy(asking: Asking, ref: Ref, draft: Draft) -> None:
    policy = asking.graph.get(ref)
    if policy is None:
        return
    chosen = parse_label_selector(mapping(policy.spec, "podSelector") or {})
    pods = [edge.target for edge in asking.graph.out(ref, EdgeKind.ISOLATES)]
    selects = f"pods {chosen}" if chosen is not None and str(chosen) else f"every pod of namespace {ref.namespace}"
    draft.say(
        f"{ref} restricts {selects} ({len(pods)} of them were read).",
        draft.cite(policy, "spec.podSelector", f"selects {selects}"),
    )
    for direction in Direction:
        if direction.value not in types_of(policy):
            continue
        rules = rule_texts(policy, direction)
        words = "; ".join(rules) if rules else "nothing"
        field = f"spec.{direction.value.lower()}"
        draft.say(f"{direction.value}: it lets through {words}.", draft.cite(policy, field, f"{direction.value}: {words}"))  # fmt: skip


def _say_callers(asking: Asking, end: Ref, port: int, draft: Draft) -> None:
    target = _pod_of(asking, end)
    assert target is not None, "only objects with a pod come here"
    real = _target_port(asking, end, port) or next(iter(_declared(target)), 0)
    allowed: list[Ref] = []
    barred: list[Ref] = []
    unsure: list[Ref] = []
    for kind in _POD_KINDS[:3]:
        for workload in asking.members(kind, None):
            pod = _pod_of(asking, workload.ref)
            if pod is None or workload.ref == end:
                continue
            state = judge(asking.view, End(pod=pod), End(pod=target), real).state
            {State.ALLOWED: allowed, State.REFUSED: barred, State.UNKNOWN: unsure}[state].append(workload.ref)
    if not policies_of(asking.view, target, Direction.INGRESS):
        draft.say(f"No NetworkPolicy restricts who may reach {end}.", draft.cite_ref(end, "metadata.labels", f"no policy selects {end}", "list"))  # fmt: skip
    fact = draft.cite_ref(end, "spec.ingress", f"{len(allowed)} workloads may reach {end} on port {real or 'any'}", "list")  # fmt: skip
    draft.say(f"{listed((str(one) for one in allowed), _TOLD) or 'No workload'} may reach {end}{f' on port {real}' if real else ''}.", fact)  # fmt: skip
    if barred:
        draft.say(f"{listed((str(one) for one in barred), _TOLD)} may not.", fact)
    if unsure:
        draft.say(f"Of {listed((str(one) for one in unsure), _TOLD)} it cannot be told.", fact)


def _say_isolation(asking: Asking, end: Ref, draft: Draft) -> None:
    pod = _pod_of(asking, end)
    assert pod is not None, "only objects with a pod come here"
    found = list(dict.fromkeys(p.ref for direction in Direction for p in policies_of(asking.view, pod, direction)))
    if not found:
        draft.say(f"No NetworkPolicy selects {end}: it may talk to everyone, and everyone to it.", draft.cite_ref(end, "metadata.labels", f"no policy selects {end}", "list"))  # fmt: skip
    for ref in found[:_TOLD]:
        _say_policy(asking, ref, draft)
