"""Next steps that many rules offer, worded once."""

from __future__ import annotations

from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.model import NextStep, Ref, StepKind


def describe(ref: Ref) -> NextStep:
    """Read the object with its events."""
    return NextStep(text=f"Describe {ref}", command=f"kubectl describe {ref.argument}{ref.flags}")


def show(ref: Ref, what: str = "") -> NextStep:
    """Read the object itself."""
    return NextStep(text=what or f"Show {ref}", command=f"kubectl get {ref.argument}{ref.flags} -o yaml")


def listing(kind: str, namespace: str = "", text: str = "", extra: str = "") -> NextStep:
    """Read all objects of a kind."""
    scope = f" -n {namespace}" if namespace else ""
    return NextStep(text=text or f"List {kind}", command=f"kubectl get {kind}{scope}{' ' + extra if extra else ''}")


def logs_step(pod: PodFact, container: ContainerFact) -> NextStep:
    """Read what the container printed before it ended."""
    previous = " --previous" if container.restarts and container.state != "terminated" else ""
    return NextStep(
        text=f"Read what container {container.name} printed",
        command=f"kubectl logs {pod.ref.name} -c {container.name}{previous} --tail=60{pod.ref.flags}",
    )


def change(sentence: str, ref: Ref, command: str = "") -> NextStep:
    """A change that a person decides; without a command it is an edit of the object's manifest."""
    return NextStep(text=sentence, kind=StepKind.CHANGE, command=command or f"kubectl edit {ref.argument}{ref.flags}")
