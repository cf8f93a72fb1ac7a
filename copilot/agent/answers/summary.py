"""A namespace or the cluster in a few sentences: what runs, what is not well and why, what it holds; and versions of the nodes."""

from __future__ import annotations

from collections import Counter, defaultdict

from copilot.agent.answers.why import answer_why
from copilot.agent.asking import Asking
from copilot.agent.describe import describe_state
from copilot.agent.draft import MAX_NAMES, Draft, names
from copilot.agent.lexicon import State
from copilot.agent.question import Question
from copilot.agent.states import fits
from copilot.model import Ref, Resource, text
from copilot.model.wording import plural

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job")
_HELD = ("Service", "Ingress", "PersistentVolumeClaim", "ConfigMap", "Secret", "NetworkPolicy", "ResourceQuota", "HorizontalPodAutoscaler")  # fmt: skip


def answer_summary(asking: Asking, question: Question, draft: Draft) -> None:
    """Summarise each namespace named; the cluster when none is; an object by its state and what is wrong with it."""
    if question.refs:
        for ref in question.refs[:2]:
            answer_why(asking, Question(text=question.text, intent=question.intent, refs=(ref,)), draft)
        return
    for place in question.places[:2] or (question.namespace,):
        _one(asking, question, place, draft)


def _one(asking: Asking, question: Question, place: str | None, draft: Draft) -> None:
    where = f"Namespace {place}" if place else "The cluster"
    pods = asking.members("Pod", place)
    fact = draft.cite_ref(Ref("Pod", place or "", "*"), "list", f"{plural(len(pods), 'pod')} in {place or 'the cluster'}", "list")  # fmt: skip
    phases = Counter(text(pod.status, "phase") or "unknown" for pod in pods)
    shown = ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items()))
    draft.say(f"{where} has {plural(len(pods), 'pod')}{f' ({shown})' if shown else ''}.", fact)
    if place is None:
        nodes = asking.members("Node", None)
        words = ", ".join(f"{node.ref.name} {describe_state(asking.view, node)}" for node in nodes[:MAX_NAMES])
        if nodes:
            draft.say(f"{plural(len(nodes), 'node')}: {words}.", *[draft.cite(node, "status.conditions", describe_state(asking.view, node)) for node in nodes[:3]])  # fmt: skip
    else:
        _say_workloads(asking, place, draft)
    _say_held(asking, place, draft)
    answer_why(asking, Question(text=question.text, intent=question.intent, namespace=place), draft)


def _say_workloads(asking: Asking, place: str, draft: Draft) -> None:
    for kind in _WORKLOADS:
        found = [one for one in asking.members(kind, place) if not asking.graph.owners(one.ref)]
        for one in found[:MAX_NAMES]:
            words = describe_state(asking.view, one)
            draft.say(f"{one.ref}: {words}.", draft.cite(one, "status", words))
        if len(found) > MAX_NAMES:
            ill = [one.ref for one in found[MAX_NAMES:] if fits(asking.view, one, State.UNHEALTHY)]
            draft.say(f"and {len(found) - MAX_NAMES} more of kind {kind}" + (f", of them not well: {names(ill)}" if ill else "") + ".")  # fmt: skip


def _say_held(asking: Asking, place: str | None, draft: Draft) -> None:
    counts = [(kind, len(asking.members(kind, place))) for kind in _HELD]
    words = ", ".join(plural(count, kind) for kind, count in counts if count)
    if words:
        fact = draft.cite_ref(Ref("Namespace", "", place or "*"), "list", words, "list")
        draft.say(f"It holds {words}.", fact)


def answer_versions(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell the kubelet versions of the nodes, and the control plane's by its images where its pods are seen."""
    nodes = asking.members("Node", None)
    named = [ref.name for ref in question.refs if ref.kind == "Node"]
    nodes = [node for node in nodes if not named or node.ref.name in named]
    by_version: dict[str, list[Resource]] = defaultdict(list)
    for node in nodes:
        by_version[_version(node, question.lowered)].append(node)
    if not nodes or set(by_version) == {""}:
        draft.known = False
        draft.say("I cannot tell: no node with its version was read.")
        draft.offer("Show the versions", "kubectl version; kubectl get nodes -o wide")
        return
    draft.say(f"{plural(len(nodes), 'node')}:")
    for version, members in sorted(by_version.items()):
        facts = [draft.cite(node, "status.nodeInfo", f"{node.ref.name}: {version}") for node in members[:3]]
        draft.say(f"{version or 'unknown'}: {names((node.ref for node in members), kind=False)}", *facts)
    for pod in asking.members("Pod", "kube-system"):
        component = text(pod.labels, "component")
        if component == "kube-apiserver" and not named:
            image = next((container.image for container in asking.view.pod(pod).containers), "")
            draft.say(f"The API server runs {image}.", draft.cite(pod, "spec.containers[].image", image))
            break


def _version(node: Resource, lowered: str) -> str:
    for words, field in (("kernel", "kernelVersion"), ("runtime", "containerRuntimeVersion"), ("os ", "osImage")):
        if words in f"{lowered} ":
            return text(node.status, "nodeInfo", field)
    return text(node.status, "nodeInfo", "kubeletVersion")
