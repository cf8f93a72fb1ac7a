"""How many and which: counts and lists of objects, narrowed by kind, namespace, state and the conditions of the question.

A word that was not understood is named, because a list that is longer than what was asked for misleads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import MAX_NAMES, Draft, names
from copilot.agent.facts import node_of, services_of
from copilot.agent.lexicon import STOP_WORDS, WORKLOAD
from copilot.agent.question import Question
from copilot.agent.states import fits
from copilot.model import Ref, Resource, text
from copilot.model.wording import plural
from retrievers.graph import EdgeKind


class Chosen(msgspec.Struct, frozen=True):
    """The objects that fit, each with the proof of the conditions; `where` and `which` put the narrowing in words."""

    found: list[tuple[Resource, str]]
    kind: str
    where: str
    which: str

    @property
    def refs(self) -> list[Ref]:
        """The objects' addresses."""
        return [one.ref for one, _ in self.found]


def answer_count(asking: Asking, question: Question, draft: Draft) -> None:
    """Say how many objects of a kind there are, and in which states."""
    chosen = choose(asking, question)
    if not readable(asking, question, draft, chosen.kind, chosen.found) or _is_misread(question, chosen, draft):
        return
    count = len(chosen.found)
    narrowed = f" that {'is' if count == 1 else 'are'} {chosen.which}" if chosen.which else ""
    fact = draft.cite_ref(
        Ref(chosen.kind, question.namespace or "", "*"),
        "list",
        f"{count} {chosen.kind} objects{narrowed} {chosen.where}",
        "list",
    )
    verb = "is" if count == 1 else "are"
    draft.say(f"There {verb} {plural(count, chosen.kind)}{narrowed} {chosen.where}.", fact)
    if chosen.kind == "Pod" and not chosen.which and chosen.found:
        phases = Counter(text(one.status, "phase") or "unknown" for one, _ in chosen.found)
        draft.say(", ".join(f"{number} {phase}" for phase, number in sorted(phases.items())) + ".", fact)
    elif chosen.which and chosen.found:
        draft.say(f"{'It is' if count == 1 else 'They are'} {names(chosen.refs)}.", fact)
    say_unread_words(question, draft)


def answer_list(asking: Asking, question: Question, draft: Draft) -> None:
    """Name the objects of a kind that fit."""
    chosen = choose(asking, question)
    if not readable(asking, question, draft, chosen.kind, chosen.found) or _is_misread(question, chosen, draft):
        return
    which = f" {chosen.which}" if chosen.which else ""
    if not chosen.found:
        fact = draft.cite_ref(
            Ref(chosen.kind, question.namespace or "", "*"), "list", f"no {chosen.kind}{which} {chosen.where}", "list"
        )
        draft.say(f"No {chosen.kind}{' is' + which if which else ''} {chosen.where}.", fact)
    else:
        draft.say(f"{plural(len(chosen.found), chosen.kind)}{which} {chosen.where}:")
        for resource, proof in chosen.found[:MAX_NAMES]:
            words = describe_state(asking.view, resource) + (f"; {proof}" if proof else "")
            path = resource.ref.path if resource.ref.kind == chosen.kind else str(resource.ref)
            draft.say(f"{path}: {words}", draft.cite(resource, "status", f"{resource.ref}: {words}"))
        if len(chosen.found) > MAX_NAMES:
            draft.say(f"and {len(chosen.found) - MAX_NAMES} more: {_rest(chosen)}.")
    say_unread_words(question, draft)


def _rest(chosen: Chosen) -> str:
    rest = [one.ref.path for one, _ in chosen.found[MAX_NAMES : 5 * MAX_NAMES]]
    more = len(chosen.found) - MAX_NAMES - len(rest)
    return ", ".join(rest) + (f" and {more} others" if more else "")


def unread_words(question: Question) -> list[str]:
    """The words of a list question that nothing has taken up."""
    taken = {"Node"} if question.kind == "Pod" and (question.state is not None or question.conditions) else set()
    left = [word for word in question.leftover if "/" not in word and word not in taken]
    # beside an object that is named, the language's own words say how it is tied: `serves`, `protected by`
    return [word for word in left if word.lower() not in STOP_WORDS] if question.refs else left


def say_unread_words(question: Question, draft: Draft) -> None:
    """Say which words narrowed nothing: the answer is then about more than was asked."""
    left = unread_words(question)
    if left:
        draft.known = False
        draft.say(f"I did not understand {_quoted(left)} in the question, so this may be more than was asked for.")


def _quoted(words: list[str]) -> str:
    return ", ".join(repr(word) for word in words[:4])


def _is_misread(question: Question, chosen: Chosen, draft: Draft) -> bool:
    """Whether the only words that could narrow the list were not understood: then the list would mislead."""
    left = unread_words(question)
    if not left or chosen.which or question.refs:
        return False
    draft.known = False
    count = plural(len(chosen.found), chosen.kind)
    fact = draft.cite_ref(Ref(chosen.kind, question.namespace or "", "*"), "list", f"{count} {chosen.where}", "list")
    draft.say(f"I do not understand {_quoted(left)}, so I cannot narrow the list: there {'is' if len(chosen.found) == 1 else 'are'} {count} {chosen.where}.", fact)  # fmt: skip
    draft.offer("List them all", f"kubectl get {chosen.kind.lower()}{f' -n {question.namespace}' if question.namespace else ' -A'}")  # fmt: skip
    return True


def choose(asking: Asking, question: Question) -> Chosen:
    """The objects that the question is about."""
    kind = kind_asked(question)
    found, where = _placed(asking, question, kind)
    which = [f"{'not ' if question.negated else ''}{question.state.value}"] if question.state is not None else []
    which += [one.words for one in question.conditions]
    kept = []
    of_pods = any("Pod" in one.condition.kinds for one in question.conditions)
    by_node = kind == "Pod" and "Node" in question.kinds[1:] and not of_pods
    for resource in found:
        if by_node:
            node = node_of(asking, resource)
            proof = _node_fits(asking, question, node) if node is not None else None
            if proof is not None:
                kept.append((resource, f"on {text(resource.spec, 'nodeName')}{f' ({proof})' if proof else ''}"))
            continue
        if question.state is not None and fits(asking.view, resource, question.state) is question.negated:
            continue
        proofs = [one.test(asking, resource) if one.is_about(resource) else None for one in question.conditions]
        if all(proof is not None for proof in proofs):
            kept.append((resource, "; ".join(proof for proof in proofs if proof)))
    return Chosen(kept, kind, where, " and ".join(which))


def _node_fits(asking: Asking, question: Question, node: Resource) -> str | None:
    """Whether a pod's node is as the question says: `pods on nodes that are cordoned`."""
    if question.state is not None and fits(asking.view, node, question.state) is question.negated:
        return None
    proofs = [one.test(asking, node) for one in question.conditions if one.is_about(node)]
    return None if any(proof is None for proof in proofs) else "; ".join(proof for proof in proofs if proof)


def kind_asked(question: Question) -> str:
    """The kind a list is of: the one named, else the first that its conditions are about, else pods."""
    if question.kind:
        return question.kind
    about = [one.condition.kinds[0] for one in question.conditions if one.condition.kinds]
    return "Pod" if not about else WORKLOAD if about[0] == "Deployment" else about[0]


def _placed(asking: Asking, question: Question, kind: str) -> tuple[list[Resource], str]:
    """The objects of the kind where the question looks: on a node, below a workload, in a namespace, anywhere."""
    where = f"in namespace {question.namespace}" if question.namespace else "in the cluster"
    found = asking.members(kind, question.namespace)
    anchor = question.ref
    if anchor is None or anchor.kind == kind:
        return found, where
    if anchor.kind == "Node" and kind == "Pod":
        return [one for one in found if text(one.spec, "nodeName") == anchor.name], f"on node {anchor.name}"
    if kind == "Pod":
        below = {pod.ref for pod in asking.view.pods_of(anchor)} | {
            edge.target for edge in asking.graph.out(anchor, EdgeKind.SELECTS, EdgeKind.PROTECTS, EdgeKind.ISOLATES)
        }
        return [one for one in asking.members(kind, None) if one.ref in below], f"of {anchor}"
    near = _tied(asking, anchor)
    kept = [one for one in asking.members(kind, None) if one.ref in near or asking.graph.top_owner(one.ref) == anchor]
    return kept, f"tied to {anchor}"


def _tied(asking: Asking, anchor: Ref) -> set[Ref]:
    """What stands next to an object, to its pods and to its Services; for a node, what owns the pods on it."""
    resource = asking.graph.get(anchor)
    around = {anchor, *(pod.ref for pod in asking.view.pods_of(anchor))}
    if anchor.kind == "Node":
        around |= {edge.source for edge in asking.graph.into(anchor, EdgeKind.RUNS_ON)}
    elif resource is not None:
        around |= {service.ref for service in services_of(asking, resource)}
    near = {edge.target for ref in around for edge in asking.graph.out(ref)}
    near |= {edge.source for ref in around for edge in asking.graph.into(ref)}
    return near | around | {asking.graph.top_owner(ref) for ref in around}


def readable(asking: Asking, question: Question, draft: Draft, kind: str, found: Sequence[object]) -> bool:
    """Whether the list means anything: something was found, or the whole list was seen. Else say what is missing."""
    lacking = [] if found or asking.was_read(kind, question.namespace) else [kind]
    needs = dict.fromkeys(need for one in question.conditions for need in one.condition.needs)
    lacking += asking.unread([need for need in needs if need != kind], question.namespace)
    if not lacking:
        return True
    say_unread_kind(asking, question.namespace, draft, lacking[0].partition("|")[0])
    return False


def say_unread_kind(asking: Asking, namespace: str | None, draft: Draft, kind: str) -> None:
    """Say that a kind was not read, and the command that would show it."""
    draft.known = False
    read = ", ".join(asking.graph.kinds()[:10])
    place = f" in namespace {namespace}" if namespace else ""
    draft.say(f"I cannot tell: {kind} objects were not read{place}. What was read: {read}.")
    draft.offer(f"List {kind} objects", f"kubectl get {kind.lower()}{f' -n {namespace}' if namespace else ' -A'}")


def answer_where(asking: Asking, question: Question, draft: Draft) -> None:
    """Say on which node, or in which namespace, an object is."""
    for ref in question.refs:
        resource = asking.graph.get(ref)
        if resource is None:
            continue
        pods = asking.view.pods_of(ref) or [
            asking.view.pod(pod)
            for edge in asking.graph.out(ref, EdgeKind.SELECTS)
            if (pod := asking.graph.get(edge.target))
        ]
        if not pods:
            draft.say(
                f"{ref.kind} {ref.name} is in namespace {ref.namespace or '(cluster-wide)'}.",
                draft.cite(resource, "metadata.namespace", f"{ref}"),
            )
            continue
        nodes = Counter(pod.node or "no node yet" for pod in pods)
        facts = [
            draft.cite(pod.resource, "spec.nodeName", f"{pod.ref} runs on {pod.node or 'no node yet'}")
            for pod in pods[:4]
        ]
        listed = ", ".join(
            f"{node} ({plural(count, 'pod')})" if len(pods) > 1 else node for node, count in sorted(nodes.items())
        )
        draft.say(f"{ref} runs on {listed}.", *facts)


def answer_restarts(asking: Asking, question: Question, draft: Draft) -> None:
    """Say which pods restarted, the most restarted first."""
    pods = [asking.view.pod(pod) for pod in asking.members("Pod", question.namespace)]
    if question.refs:
        wanted = {pod.ref for ref in question.refs for pod in asking.view.pods_of(ref)}
        pods = [pod for pod in pods if pod.ref in wanted]
    counted = [(sum(container.restarts for container in pod.containers), pod) for pod in pods]
    ranked = sorted((pair for pair in counted if pair[0]), key=lambda pair: (-pair[0], pair[1].ref))
    if not ranked:
        if readable(asking, question, draft, "Pod", pods):
            draft.say(
                "No pod has restarted.",
                draft.cite_ref(
                    Ref("Pod", question.namespace or "", "*"),
                    "status.containerStatuses[].restartCount",
                    f"{len(pods)} pods, no restarts",
                    "list",
                ),
            )
        return
    draft.say(f"{plural(len(ranked), 'pod')} restarted, {plural(sum(count for count, _ in ranked), 'restart')} in all:")
    for count, pod in ranked[:6]:
        worst = max(pod.containers, key=lambda container: container.restarts)
        reason = f", {worst.last_reason}" if worst.last_reason else ""
        code = f", last exit code {worst.exit_code}{reason}" if worst.exit_code is not None else reason
        draft.say(
            f"{pod.ref.path}: {plural(count, 'restart')} (container {worst.name}{code})",
            draft.cite(pod.resource, f"{worst.path}.restartCount", f"{pod.ref}: {count} restarts"),
        )
