"""What to collect next when the evidence does not reach a cause: the exact read commands, never a guess."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from copilot.diagnosis.view import View
from copilot.model import Finding, NextStep, ReadState, Ref

MAX_STEPS = 8  # what a person will really run


def collect_steps(view: View, symptoms: Sequence[Finding]) -> tuple[NextStep, ...]:
    """The reads that would show more about the symptoms left unexplained, and about what was refused."""
    steps: dict[NextStep, None] = {}
    for symptom in sorted(symptoms, key=lambda s: (s.object.kind != "Pod", s.object)):
        steps.update(dict.fromkeys(_for_object(view, symptom.object)))
    for reading in view.coverage.readings:
        if reading.state is ReadState.REFUSED:
            flag = "-A" if reading.namespace == "*" else f"-n {reading.namespace}"
            steps[
                NextStep(
                    text=f"Ask for the right to list {reading.kind} objects",
                    command=f"kubectl auth can-i list {reading.kind.lower()} {flag}",
                )
            ] = None
    return tuple(steps)[:MAX_STEPS]


def _for_object(view: View, ref: Ref) -> Iterator[NextStep]:
    yield NextStep(text=f"Describe {ref}, with its events", command=f"kubectl describe {ref.argument}{ref.flags}")
    resource = view.graph.get(ref)
    if ref.kind != "Pod" or resource is None:
        return
    for container in view.pod(resource).containers:
        if container.restarts and not view.logs(ref, container.name):
            yield NextStep(
                text=f"Read what container {container.name} printed before it ended",
                command=f"kubectl logs {ref.name} -c {container.name} --previous --tail=60{ref.flags}",
            )
