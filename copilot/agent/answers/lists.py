"""How many, which, where, in what state: counts and lists of objects, narrowed by kind, namespace and state."""

from __future__ import annotations

from collections import Counter

from copilot.agent.asking import Asking
from copilot.agent.draft import MAX_NAMES, Draft, names
from copilot.agent.question import Question
from copilot.agent.states import describe_state, fits
from copilot.model import Ref, Resource, age_text, text, texts
from copilot.model.wording import plural
from retrievers.graph import EdgeKind


def answer_count(asking: Asking, question: Question, draft: Draft) -> None:
    """Say how many objects of a kind there are, and in which states."""
    kind = question.kind or "Pod"
    found, where = _narrowed(asking, question, kind)
    if not _readable(asking, question, draft, kind, found):
        return
    state = f" that {'is' if len(found) == 1 else 'are'} {question.state.value}" if question.state else ""
    fact = draft.cite_ref(
        Ref(kind, question.namespace or "", "*"), "list", f"{len(found)} {kind} objects{state} {where}", "list"
    )
    draft.say(f"There {'is' if len(found) == 1 else 'are'} {plural(len(found), kind)}{state} {where}.", fact)
    if kind == "Pod" and question.state is None and found:
        phases = Counter(text(one.status, "phase") or "unknown" for one in found)
        draft.say(", ".join(f"{count} {phase}" for phase, count in sorted(phases.items())) + ".", fact)
    elif question.state is not None and found:
        draft.say(f"{'It is' if len(found) == 1 else 'They are'} {names(one.ref for one in found)}.", fact)


def answer_list(asking: Asking, question: Question, draft: Draft) -> None:
    """Name the objects of a kind."""
    kind = question.kind or "Pod"
    found, where = _narrowed(asking, question, kind)
    if not _readable(asking, question, draft, kind, found):
        return
    state = f" {question.state.value}" if question.state else ""
    if not found:
        fact = draft.cite_ref(Ref(kind, question.namespace or "", "*"), "list", f"no {kind}{state} {where}", "list")
        draft.say(f"No {kind}{' is' + state if state else ''} {where}.", fact)
        return
    draft.say(f"{plural(len(found), kind)}{state} {where}:")
    for resource in found[:MAX_NAMES]:
        words = describe_state(asking.view, resource)
        draft.say(f"{resource.ref.path}: {words}", draft.cite(resource, "status", f"{resource.ref}: {words}"))
    if len(found) > MAX_NAMES:
        draft.say(f"and {len(found) - MAX_NAMES} more.")


def _narrowed(asking: Asking, question: Question, kind: str) -> tuple[list[Resource], str]:
    found = asking.members(kind, question.namespace)
    where = f"in namespace {question.namespace}" if question.namespace else "in the cluster"
    if question.state is not None:
        found = [one for one in found if fits(asking.view, one, question.state)]
    anchor = question.refs[0] if question.refs else None
    if anchor is not None and anchor.kind == "Node" and kind == "Pod":
        found = [
            one
            for one in asking.members(kind, question.namespace)
            if text(one.spec, "nodeName") == anchor.name and one in found
        ]
        where = f"on node {anchor.name}"
    elif anchor is not None and kind == "Pod" and anchor.kind != "Pod":
        below = {pod.ref for pod in asking.view.pods_of(anchor)} | {
            edge.target for edge in asking.graph.out(anchor, EdgeKind.SELECTS)
        }
        found = [
            one
            for one in asking.members(kind, None)
            if one.ref in below and (question.state is None or fits(asking.view, one, question.state))
        ]
        where = f"of {anchor}"
    return found, where


def _readable(asking: Asking, question: Question, draft: Draft, kind: str, found: list[Resource]) -> bool:
    if found or asking.was_read(kind, question.namespace):
        return True
    draft.known = False
    read = ", ".join(kind for kind in asking.graph.kinds()[:10])
    draft.say(
        f"I cannot tell: {kind} objects were not read{f' in namespace {question.namespace}' if question.namespace else ''}. What was read: {read}."
    )
    draft.offer(
        f"List {kind} objects",
        f"kubectl get {kind.lower()}{f' -n {question.namespace}' if question.namespace else ' -A'}",
    )
    return False


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


def answer_status(asking: Asking, question: Question, draft: Draft) -> None:
    """Say how an object is, in the fields people look at first."""
    for ref in question.refs[:4]:
        resource = asking.graph.get(ref)
        if resource is None:
            continue
        words = describe_state(asking.view, resource)
        age = f", {age_text((asking.now - resource.created).total_seconds())} old" if resource.created else ""
        draft.say(f"{ref}: {words}{age}.", draft.cite(resource, "status", f"{ref}: {words}"))
        images = sorted(
            {text(c, "image") for c in asking.view.template(ref).get("containers", ()) if isinstance(c, dict)} - {""}
        )
        if images:
            draft.say(
                f"It runs image {', '.join(images)}.",
                draft.cite(resource, "spec.containers[].image", f"images: {', '.join(images)}"),
            )
        keys = texts(resource.body, "dataKeys")
        if keys:
            draft.say(
                f"It has the keys {', '.join(keys[:10])}.",
                draft.cite(resource, "data", f"keys: {', '.join(keys[:10])}"),
            )
        draft.offer(f"Why {ref} is as it is", f"kubectl copilot why {ref.argument}{ref.flags}")


def answer_restarts(asking: Asking, question: Question, draft: Draft) -> None:
    """Say which pods restarted, the most restarted first."""
    pods = [asking.view.pod(pod) for pod in asking.members("Pod", question.namespace)]
    if question.refs:
        wanted = {pod.ref for ref in question.refs for pod in asking.view.pods_of(ref)}
        pods = [pod for pod in pods if pod.ref in wanted]
    counted = [(sum(container.restarts for container in pod.containers), pod) for pod in pods]
    ranked = sorted((pair for pair in counted if pair[0]), key=lambda pair: (-pair[0], pair[1].ref))
    if not ranked:
        if _readable(asking, question, draft, "Pod", [pod.resource for pod in pods]):
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
        code = f", last exit code {worst.exit_code}" if worst.exit_code is not None else ""
        draft.say(
            f"{pod.ref.path}: {plural(count, 'restart')} (container {worst.name}{code})",
            draft.cite(pod.resource, f"{worst.path}.restartCount", f"{pod.ref}: {count} restarts"),
        )
