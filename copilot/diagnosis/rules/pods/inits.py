"""Init containers that run and do not end: what they wait for, by their log, else by the addresses in their command."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from copilot.diagnosis.addresses import Meaning, addresses_of, target_of
from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.log_causes import LOG_CAUSES, from_logs
from copilot.diagnosis.log_dependency import nearest_service, shown
from copilot.diagnosis.log_lines import bare, most_telling
from copilot.diagnosis.pods import ContainerFact, PodFact
from copilot.diagnosis.steps import change, logs_step
from copilot.diagnosis.view import View, logged, said
from copilot.model import Finding, Ref, age_text, texts

PATIENCE = 120  # seconds an init container may take before it is looked at: downloads and migrations take their time

WAITING = Cause(
    id="pod.init.waiting", title="An init container waits for something that does not come", kind="Pod", yields=True,
    fields=("status.initContainerStatuses[].state.running.startedAt", "spec.initContainers[].command", "log"),
    steps=("Look at what the init container waits for",), citation="kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go",
)  # fmt: skip


def find_waiting_inits(view: View) -> Iterator[Finding]:
    """One finding for each pod whose init container runs without end."""
    for pod in view.placed:
        init = pod.blocking_init()
        if init is None or init.state != "running" or pod.resource.deleted is not None:
            continue
        waited = (view.now - init.started).total_seconds() if init.started else PATIENCE
        if waited >= PATIENCE:
            yield _explain(view, pod, init, age_text(waited))


def _explain(view: View, pod: PodFact, init: ContainerFact, waited: str) -> Finding:
    found = from_logs(view, pod, init)
    if found is not None:
        return msgspec.structs.replace(found, title=f"{found.title} (it has waited {waited})")
    where = f"{pod.owner}: init container {init.name} has not ended for {waited}"
    state = said(
        pod.resource, f"{init.path}.state.running", f"init container {init.name} has been running for {waited}"
    )
    targets: list[Ref] = []
    for address in addresses_of(view, pod, init):
        target = target_of(view, address.host, address.port, pod.ref.namespace)
        if target.service is None:
            continue
        if target.meaning is not Meaning.SERVED:
            near = nearest_service(view, target.service)
            what = f"port {address.port} of {target.service}, which it does not serve" if target.meaning is Meaning.NO_PORT else f"{target.service}, which does not exist" + (f" (there is {near})" if near else "")  # fmt: skip
            return Finding(
                cause="app.dependency.wrong_address", object=pod.owner, title=f"{where}: it waits for {what}", evidence=(state, shown(view, address)),
                explains=(pod.ref,), weight=0.82 if near or target.meaning is Meaning.NO_PORT else 0.72,
                steps=(change(f"Correct the address in {pod.owner}, or create {target.service}", pod.owner), logs_step(pod, init)),
            )  # fmt: skip
        targets.append(target.service)
    quote = next((line for log in view.logs(pod.ref, init.name) if (line := most_telling(log))), None)
    log = next(iter(view.logs(pod.ref, init.name)), None)
    evidence = (state, logged(log, *quote)) if log is not None and quote is not None else (state,)
    command = " ".join([*texts(init.spec, "command"), *texts(init.spec, "args")])[:120]
    words = f": {bare(quote[1])[:140]}" if quote else (f": {command}" if command else "")
    return Finding(
        cause=WAITING.id, object=pod.owner, title=f"{where}{words}", evidence=evidence, explains=(pod.ref,), weight=0.55 if words else 0.45,
        points_to=tuple(targets), steps=(logs_step(pod, init),), doubts=() if quote else (f"no log of init container {init.name} was read",),
    )  # fmt: skip


RULES = (Rule(find=find_waiting_inits, causes=(WAITING, *LOG_CAUSES)),)
