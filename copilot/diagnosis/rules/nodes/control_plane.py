"""Control-plane components that do not run: scheduler, controller manager, etcd, API server.

A lapsed lease proves it, the component's pod says why, and pods that nobody schedules or makes are its victims.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Detail, Evidence, Finding, Ref, Resource, age_text, instant, number, text
from copilot.model.likeness import nearest

LEASES = "coordination.k8s.io"
SYSTEM = "kube-system"
LAPSE = timedelta(seconds=60)  # leader leases last 15 s and are renewed every 2 s
SILENT = timedelta(seconds=30)  # a running scheduler speaks about a new pod within seconds
DEFAULT_SCHEDULER = "default-scheduler"

SCHEDULER = Cause(
    id="controlplane.scheduler",
    title="The scheduler does not run, so new pods stay Pending without a word",
    kind="Pod",
    fields=("Lease.spec.renewTime", "status.containerStatuses", "status.conditions[PodScheduled]"),
    steps=("Read the scheduler's log on the control-plane node",),
    citation="staging/src/k8s.io/client-go/tools/leaderelection",
)
CONTROLLERS = Cause(
    id="controlplane.controller_manager",
    title="The controller manager does not run, so nothing is reconciled",
    kind="Pod",
    fields=("Lease.spec.renewTime", "status.containerStatuses"),
    steps=("Read the controller manager's log on the control-plane node",),
    citation="staging/src/k8s.io/client-go/tools/leaderelection",
)
COMPONENT = Cause(
    id="controlplane.component",
    title="A control-plane component fails",
    kind="Pod",
    fields=("status.containerStatuses",),
    steps=("Read the component's log on the control-plane node",),
    citation="kubeadm static pods",
)
NO_SCHEDULER = Cause(
    id="sched.no_scheduler",
    title="Pods name a scheduler that does not run",
    kind="Deployment",
    fields=("spec.schedulerName", "status.conditions[PodScheduled]"),
    steps=("Correct schedulerName, or install that scheduler",),
    citation="staging/src/k8s.io/api/core/v1/types.go PodSpec.schedulerName",
)


class Component(msgspec.Struct, frozen=True):
    """A component that elects a leader: its lease and the prefix of its pods' names."""

    name: str
    cause: Cause
    duty: str


_ELECTED = (
    Component("kube-scheduler", SCHEDULER, "no pod is given a node"),
    Component("kube-controller-manager", CONTROLLERS, "no controller makes or repairs anything"),
)
_OTHERS = ("etcd", "kube-apiserver", "cloud-controller-manager")


def find_lost_leaders(view: View) -> Iterator[Finding]:
    """Scheduler and controller manager without a leader: lease lapsed, or none of their pods ready."""
    fresh = _someone_renews(view)
    for component in _ELECTED:
        pods = _pods_of(view, component.name)
        lease = view.graph.get(Ref("Lease", SYSTEM, component.name, LEASES))
        renewed = instant(lease.spec.get("renewTime")) if lease is not None else None
        lapsed = renewed is not None and fresh and view.now - renewed > max(LAPSE, 3 * _duration(lease))
        down = bool(pods) and not any(pod.ready for pod in pods)
        silent = _unattended(view, DEFAULT_SCHEDULER) if component.cause is SCHEDULER else ()
        if lapsed or down or (silent and not pods and not _schedules(view, silent[0])):
            yield _lost(view, component, pods, lease if lapsed else None, renewed, silent)


def _schedules(view: View, waiting: PodFact) -> bool:
    """Whether any younger pod was given a node: then a scheduler is at work."""
    born = waiting.resource.created
    return born is None or any(
        pod.spec.get("nodeName") and pod.created is not None and pod.created > born and not _from_daemon(pod)
        for pod in view.graph.of_kind("Pod", group="")
    )


def _from_daemon(pod: Resource) -> bool:
    owners = pod.metadata.get("ownerReferences")
    return isinstance(owners, list) and any(text(owner, "kind") in ("DaemonSet", "Node") for owner in owners)


def _duration(lease: Resource | None) -> timedelta:
    return (
        timedelta(seconds=min(3600, number(lease.spec, "leaseDurationSeconds", default=15)))
        if lease is not None
        else LAPSE
    )


def _someone_renews(view: View) -> bool:
    """Whether any lease is fresh: otherwise the dump is old, or its clock is not known."""
    moments = (instant(lease.spec.get("renewTime")) for lease in view.graph.of_kind("Lease", group=LEASES))
    return any(moment is not None and view.now - moment < LAPSE for moment in moments)


def _pods_of(view: View, name: str) -> list[PodFact]:
    found = []
    for pod in view.graph.of_kind("Pod", SYSTEM, group=""):
        if text(pod.labels, "component") == name or pod.ref.name.startswith(f"{name}-"):
            found.append(view.pod(pod))
    return found


def _unattended(view: View, scheduler: str) -> tuple[PodFact, ...]:
    """Pending pods about which that scheduler has said nothing at all."""
    return tuple(
        pod
        for pod in view.pending
        if pod.resource.deleted is None
        and pod.resource.detail is not Detail.ROW
        and (text(pod.resource.spec, "schedulerName") or DEFAULT_SCHEDULER) == scheduler
        and not pod.condition("PodScheduled")
        and not pod.resource.spec.get("schedulingGates")
        and not view.events(pod.ref, "FailedScheduling", "Scheduled", "Unschedulable")
        and (pod.resource.created is None or view.now - pod.resource.created > SILENT)
    )


def _lost(
    view: View,
    component: Component,
    pods: list[PodFact],
    lease: Resource | None,
    renewed: datetime | None,
    silent: tuple[PodFact, ...],
) -> Finding:
    ill = [pod for pod in pods if not pod.ready]
    ref = (
        ill[0].ref
        if ill
        else (pods[0].ref if pods else lease.ref if lease is not None else Ref("Pod", SYSTEM, component.name))
    )
    proof, since = _proof_of(view, ill, lease, renewed, silent), renewed if lease is not None else None
    why = f": {ill[0].ref.name} is not ready" if ill else ": its leader lease has lapsed" if lease is not None else ""
    effect = f", and {plural(len(silent), 'pod')} stay Pending without events" if silent else ""
    return Finding(
        cause=component.cause.id,
        object=ref,
        title=f"{component.name} does not run{why}; {component.duty}{effect}{_quoted(view, ill)}",
        evidence=tuple(proof),
        explains=tuple(
            dict.fromkeys(
                (*(pod.ref for pod in ill), *(ref for pod in silent for ref in (pod.ref, *view.graph.owners(pod.ref))))
            )
        ),
        weight=0.96 if ill else 0.85 if lease is not None else 0.75,
        since=since,
        steps=(
            describe(ref),
            read("Read its log", f"kubectl logs -n {SYSTEM} {ref.name} --previous --tail=60")
            if ref.kind == "Pod"
            else read("See who held the lease", f"kubectl get lease -n {SYSTEM} {component.name} -o yaml"),
            read(
                "Look at its manifest on the control-plane node",
                f"ssh {ill[0].node if ill and ill[0].node else 'CONTROL_PLANE'} cat /etc/kubernetes/manifests/{component.name}.yaml",
            ),
        ),
    )


def _proof_of(
    view: View, ill: list[PodFact], lease: Resource | None, renewed: datetime | None, silent: tuple[PodFact, ...]
) -> list[Evidence]:
    proof: list[Evidence] = []
    if ill:
        state = ill[0].containers[0] if ill[0].containers else None
        what = (state.reason or state.last_reason) if state is not None else ""
        exit_code = f", exit code {state.exit_code}" if state is not None and state.exit_code is not None else ""
        proof.append(
            said(
                ill[0].resource,
                "status.containerStatuses",
                f"{ill[0].ref}: not ready, {what or ill[0].phase}{exit_code}, {state.restarts if state else 0} restarts",
            )
        )
        proof += _last_words(view, ill[0])
    if lease is not None and renewed is not None:
        proof.append(
            said(
                lease,
                "spec.renewTime",
                f"the leader lease was last renewed {age_text((view.now - renewed).total_seconds())} before the observation",
            )
        )
    if silent:
        proof.append(
            said(
                silent[0].resource,
                "status.conditions",
                f"{plural(len(silent), 'pod')} Pending without PodScheduled condition or any scheduling event",
            )
        )
    return proof


def _quoted(view: View, ill: list[PodFact]) -> str:
    words = [piece.text for piece in _last_words(view, ill[0]) if piece.path.startswith("log of")] if ill else []
    return f' (it logged: "{words[0][:160]}")' if words else ""


def _last_words(view: View, pod: PodFact) -> list[Evidence]:
    """The last line a component logged, and the kubelet's last warning about it."""
    found: list[Evidence] = []
    for log in view.logs(pod.ref)[-1:]:
        lines = [line for line in log.text.splitlines() if line.strip()]
        if lines:
            found.append(
                Evidence(
                    object=pod.ref,
                    path=f"log of container {log.container}",
                    text=lines[-1][:300],
                    source=f"{log.source}:{len(lines)}" if log.source else "",
                )
            )
    warnings = [event for event in view.events(pod.ref) if event.type == "Warning"]
    return found + [told(event) for event in warnings[-1:]]


def find_ill_components(view: View) -> Iterator[Finding]:
    """etcd, API server or cloud controllers whose every pod is not ready, or one of several."""
    for name in _OTHERS:
        for pod in _pods_of(view, name):
            if not pod.ready and pod.phase != "Succeeded" and pod in view.troubled and pod.containers:
                state = pod.containers[0]
                yield Finding(
                    cause=COMPONENT.id,
                    object=pod.owner if pod.owner.kind != "Node" else pod.ref,
                    title=f"Control-plane component {name} ({pod.ref.name}) is not ready: {state.reason or state.last_reason or pod.phase}",
                    evidence=(
                        said(
                            pod.resource,
                            "status.containerStatuses",
                            f"{pod.ref}: {state.reason or state.last_reason or pod.phase}, {state.restarts} restarts",
                        ),
                        *_last_words(view, pod),
                    ),
                    explains=(pod.ref,),
                    weight=0.85,
                    steps=(describe(pod.ref),),
                )


def find_unknown_schedulers(view: View) -> Iterator[Finding]:
    """Pods that name a scheduler nobody runs."""
    groups: dict[tuple[Ref, str], list[PodFact]] = {}
    for name in sorted({text(pod.resource.spec, "schedulerName") for pod in view.pending} - {"", DEFAULT_SCHEDULER}):
        if not _serves(view, name):
            for pod in _unattended(view, name):
                groups.setdefault((pod.owner, name), []).append(pod)
    known = (
        sorted(
            {
                text(pod.spec, "schedulerName")
                for pod in view.graph.of_kind("Pod", group="")
                if text(pod.spec, "nodeName")
            }
            - {""}
        )
        if groups
        else []
    )
    for (owner, name), pods in groups.items():
        near = nearest(name, known)
        yield Finding(
            cause=NO_SCHEDULER.id,
            object=owner,
            title=f"{owner} asks for scheduler {name}, which does not run (schedulerName), so its pods stay Pending"
            + (f"; {near} does" if near else f"; running pods use {listed(known)}" if known else ""),
            evidence=(
                said(pods[0].resource, "spec.schedulerName", f"schedulerName = {name}"),
                said(
                    pods[0].resource,
                    "status.conditions",
                    f"{plural(len(pods), 'pod')} Pending without PodScheduled condition or any scheduling event",
                ),
            ),
            explains=tuple(dict.fromkeys(ref for pod in pods for ref in (pod.ref, *view.graph.owners(pod.ref)))),
            weight=0.93,
            since=min((pod.resource.created for pod in pods if pod.resource.created is not None), default=None),
            steps=(
                read("Look for the scheduler's pods", f"kubectl get pods -A | grep -i {name}"),
                describe(pods[0].ref),
            ),
        )


def _serves(view: View, scheduler: str) -> bool:
    """Whether something that looks like that scheduler is alive: a fresh lease, or a ready pod that carries its name."""
    for lease in view.graph.of_kind("Lease", group=LEASES):
        moment = instant(lease.spec.get("renewTime"))
        if scheduler in lease.ref.name and moment is not None and view.now - moment < LAPSE:
            return True
    return any(
        scheduler in workload.ref.name and any(pod.ready for pod in view.pods_of(workload.ref))
        for workload in view.workloads("Deployment", "StatefulSet", "DaemonSet")
    )


RULES: tuple[Rule, ...] = (
    Rule(find=find_lost_leaders, causes=(SCHEDULER, CONTROLLERS)),
    Rule(find=find_ill_components, causes=(COMPONENT,)),
    Rule(find=find_unknown_schedulers, causes=(NO_SCHEDULER,)),
)
