"""What the data cannot tell, said plainly: which data is missing, and the command or place that has it."""

from __future__ import annotations

import re
from fractions import Fraction

import msgspec

from copilot.agent.asking import Asking
from copilot.agent.draft import Draft
from copilot.agent.measures import measure_in
from copilot.agent.question import Question
from copilot.model import Ref, Resource
from copilot.model.quantity import format_bytes, format_cpu
from copilot.model.wording import plural

_TOP = 8


class Missing(msgspec.Struct, frozen=True):
    """A matter that objects of a cluster do not hold."""

    pattern: re.Pattern[str]
    why: str
    step: str = ""
    command: str = ""


_MISSING: tuple[Missing, ...] = tuple(
    Missing(re.compile(pattern), why, step, command)
    for pattern, why, step, command in (
        (r"\bsecrets?\b|\bpassword", "values of Secrets are never read; only their names and keys are", "Someone who may read it can", "kubectl get secret NAME -o yaml"),
        (r"\bcosts?\b|\bprice|\bbill|\bbudget\b|\bspend|\binvoice\b|\bdollars?\b|\beuros?\b", "prices are no part of what a cluster holds; your provider's bill has the cost", "", ""),
        (r"\brequests? per\b|\brps\b|\bqps\b|\blatenc|\bthroughput\b|\bp9[59]\b|\berror rate\b|\bresponse time|\bbandwidth\b|\btraffic\b", "traffic and latency are not read from objects; a metrics system such as Prometheus has them", "Give its query results", "kubectl copilot why --from DIR-WITH-PROMETHEUS-RESULTS"),
        (r"\bwill\b|\bgoing to\b|\bnext (?:week|month|year)\b|\bpredict|\bforecast", "the future cannot be read from the state of a cluster", "What is wrong now", "kubectl copilot why -A"),
        (r"\bfull\b|\bspace\b|\bdisk\b", "how full volumes are is not read from objects; the kubelet's metrics (kubelet_volume_stats_*) have it", "Look inside a pod that mounts it", "kubectl exec POD -- df -h"),
        (r"\baverage\b|\bmean\b|\bpeak\b|\btrend\b|\bload\b|\bweek\b|\byesterday\b|\bover\b", "the history of use is not read from objects; a metrics system such as Prometheus has it", "The use at this moment", "kubectl top pods -A"),
        (r".", "the future cannot be read from the state of a cluster", "What is wrong now", "kubectl copilot why -A"),
    )
)  # fmt: skip


def answer_beyond(_: Asking, question: Question, draft: Draft) -> None:
    """Say what is missing, and what is known of the objects named."""
    found = next(one for one in _MISSING if one.pattern.search(question.lowered))
    draft.known = False
    draft.say(f"I cannot tell: {found.why}.")
    if found.command:
        ref = question.ref
        named = ref is not None and ref.kind == "Secret"
        command = found.command.replace("NAME", f"{ref.name}{ref.flags}" if named and ref is not None else "NAME")
        draft.offer(found.step, command)


def answer_outside(asking: Asking, _: Question, draft: Draft) -> None:
    """Say that only the cluster is read here."""
    draft.known = False
    name = asking.graph.snapshot.cluster or "this cluster"
    draft.say(f"I only read the Kubernetes cluster in front of me ({name}); ask me about its objects.")
    draft.offer("For a start", 'kubectl copilot ask "is everything all right?"')


def answer_usage(asking: Asking, question: Question, draft: Draft) -> None:
    """Tell what was used at the moment of observation; where no usage was read, say so."""
    kind = question.kind if question.kind in ("Pod", "Node") else "Node" if question.ref and question.ref.kind == "Node" else "Pod"  # fmt: skip
    used = _used(asking, question, kind)
    memory = bool(re.search(r"\bmemory\b|\bram\b", question.lowered)) and "cpu" not in question.lowered
    if not used:
        draft.known = False
        draft.say("I cannot tell: no usage was read (metrics.k8s.io, or `kubectl top`).")
        place = f" -n {question.namespace}" if question.namespace else " -A"
        draft.offer("Show the usage", f"kubectl top {kind.lower()}s{place if kind == 'Pod' else ''}")
        _instead(asking, question, draft)
        return
    rows = [
        (memory_used if memory else cpu, ref, cpu, memory_used, source)
        for ref, (cpu, memory_used, source) in used.items()
    ]
    for _, ref, cpu, amount, source in sorted(rows, key=lambda row: (-row[0], row[1]))[:_TOP]:
        words = f"{format_cpu(_exact(cpu))} CPU, {format_bytes(_exact(amount))} memory"
        draft.say(f"{ref} uses {words}.", draft.cite_ref(ref, "usage", words, source))
    if len(used) > _TOP:
        draft.say(f"and {plural(len(used) - _TOP, kind)} more.")


def _exact(value: float) -> Fraction:
    return Fraction(value).limit_denominator(1000)


def _used(asking: Asking, question: Question, kind: str) -> dict[Ref, tuple[float, float, str]]:
    wanted: set[Ref] | None = None
    if question.refs:
        wanted = {pod.ref for ref in question.refs for pod in asking.view.pods_of(ref)} | set(question.refs)
    found: dict[Ref, tuple[float, float, str]] = {}
    for use in asking.graph.snapshot.usage:
        if use.ref.kind != kind or (wanted is not None and use.ref not in wanted):
            continue
        if question.namespace and use.ref.namespace not in ("", question.namespace):
            continue
        cpu, memory, source = found.get(use.ref, (0.0, 0.0, use.source))
        found[use.ref] = (cpu + (use.cpu or 0.0), memory + (use.memory or 0.0), source)
    return found


def _instead(asking: Asking, question: Question, draft: Draft) -> None:
    """What is asked for stands in the objects: say it, as requests and not as use."""
    resource: Resource | None = asking.graph.get(question.ref) if question.ref is not None else None
    if resource is None:
        return
    lowered = "memory requested" if "memory" in question.lowered else "cpu requested"
    measure = measure_in(lowered, resource.ref.kind)
    amount = measure.amount(asking, resource) if measure is not None else None
    if measure is not None and amount is not None:
        words = f"{measure.name} {measure.show(amount)}"
        draft.say(f"What {resource.ref} asks for is known: {words}.", draft.cite(resource, measure.field, words))
