"""The control plane's own store and certificates: etcd full or slow, and certificates of components that have ended.

Components that fall over because etcd does not answer are its victims. Slow lines alone, while all is well, are no fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.nodes.control_plane import SYSTEM
from copilot.diagnosis.steps import describe
from copilot.diagnosis.view import View, logged, told
from copilot.diagnosis.words import listed, read
from copilot.model import Evidence, Finding, Ref, text

_VICTIMS = ("controlplane.component", "controlplane.controller_manager", "controlplane.scheduler", "pod.crashloop")


def _cause(rule: str, title: str, step: str, *, brings_about: tuple[str, ...] = _VICTIMS) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind="Pod",
        fields=("log of etcd", "log of kube-apiserver", "events"),
        severity=Severity.OUTAGE,
        brings_about=brings_about,
        steps=(step,),
        citation="etcd-io/etcd server/etcdserver; kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd",
    )


SPACE = _cause(
    "controlplane.etcd.space",
    "etcd is full, so the cluster accepts no change",
    "Compact and defragment etcd, then disarm the alarm",
    brings_about=(*_VICTIMS, "admission.refused"),
)
SLOW = _cause(
    "controlplane.etcd.slow",
    "etcd is too slow, so the control plane loses its leases",
    "Look at the disk latency of the etcd members",
)
EXPIRED = _cause(
    "controlplane.cert.expired", "A certificate of the control plane has expired", "kubeadm certs check-expiration"
)

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_FULL = re.compile(r"NOSPACE|database space exceeded", re.IGNORECASE)
_SLOW = re.compile(
    r"slow fdatasync|took too long|failed to send out heartbeat on time|lost leader|leader changed|"
    r"etcdserver: (?:request timed out|no leader|too many requests)|no leader at term",
    re.IGNORECASE,
)
_OVER = re.compile(
    r"(?:current time \S+ is after ([^\s\"\\,]+))|(?:certificate|cert) (?:has|is) expired(?! or is not)", re.IGNORECASE
)
MAX_LINES = 2000  # newest lines of each component's log
ENOUGH = 3  # slow lines; a single one is a moment


class Lines(msgspec.Struct, frozen=True):
    """How often a component's log says something, and one line of it."""

    pod: PodFact
    count: int
    proof: Evidence


def components(view: View) -> list[PodFact]:
    """The pods of the control plane that were read."""
    found = []
    for pod in view.graph.of_kind("Pod", SYSTEM, group=""):
        named = text(pod.labels, "component") or pod.ref.name
        if any(named == name or pod.ref.name.startswith(f"{name}-") for name in COMPONENTS):
            found.append(view.pod(pod))
    return sorted(found, key=lambda pod: pod.ref)


def _saying(view: View, pods: list[PodFact], pattern: re.Pattern[str]) -> list[Lines]:
    found = []
    for pod in pods:
        for log in view.logs(pod.ref):
            lines = log.text.splitlines()
            start = max(0, len(lines) - MAX_LINES)
            hits = [number for number in range(start, len(lines)) if pattern.search(lines[number][:2000])]
            if hits:
                found.append(Lines(pod, len(hits), logged(log, hits[-1] + 1, lines[hits[-1]][:300])))
    return found


def _store(pods: list[PodFact], found: list[Lines]) -> Ref:
    """Etcd's pod: the one that says so, else any, else the component that complains of it."""
    own = [lines.pod for lines in found if lines.pod.ref.name.startswith("etcd")]
    any_etcd = own or [pod for pod in pods if pod.ref.name.startswith("etcd")]
    return (any_etcd or [lines.pod for lines in found])[0].ref if any_etcd or found else Ref("Pod", SYSTEM, "etcd")


def find_full_store(view: View) -> Iterator[Finding]:
    """Etcd raised its alarm: said by itself, by the API server, or by any write that was refused."""
    pods = components(view)
    found = _saying(view, pods, _FULL)
    events = [event for event in view.all_events if "database space exceeded" in event.message]
    if not found and not events:
        return
    yield Finding(
        cause=SPACE.id,
        object=_store(pods, found),
        title="etcd has reached its space quota (NOSPACE), so the API server accepts no more changes",
        evidence=(*(lines.proof for lines in found[:2]), *(told(event) for event in events[-1:])),
        explains=(*(pod.ref for pod in pods), *dict.fromkeys(event.ref for event in events)),
        weight=0.95,
        steps=(
            read("See the size and the alarm", f"kubectl exec -n {SYSTEM} {_store(pods, found).name} -- etcdctl endpoint status -w table"),
            read("See the alarm", f"kubectl exec -n {SYSTEM} {_store(pods, found).name} -- etcdctl alarm list"),
        ),
    )  # fmt: skip


def find_slow_store(view: View) -> Iterator[Finding]:
    """Etcd is slow and components of the control plane fall over."""
    pods = components(view)
    found = [lines for lines in _saying(view, pods, _SLOW) if lines.count >= ENOUGH]
    if not found:
        return
    store = _store(pods, found)
    hurt = [pod for pod in pods if pod in view.troubled and pod.ref != store]
    names = f", and {listed([pod.ref.name for pod in hurt])} cannot hold on" if hurt else ""
    yield Finding(
        cause=SLOW.id,
        object=store,
        title=f"etcd is too slow ({max(lines.count for lines in found)} lines of slow disk or lost leaders){names}",
        evidence=tuple(lines.proof for lines in found[:3]),
        explains=tuple(pod.ref for pod in hurt),
        weight=0.9 if hurt else 0.4,
        steps=(
            describe(store),
            read("Read its log", f"kubectl logs -n {SYSTEM} {store.name} --tail=80"),
            read("See its latency", f"kubectl exec -n {SYSTEM} {store.name} -- etcdctl check perf"),
        ),
    )


def find_expired_certificates(view: View) -> Iterator[Finding]:
    """Components in trouble that say that a certificate has ended."""
    ill = [pod for pod in components(view) if pod in view.troubled]
    found = _saying(view, ill, _OVER)
    if found:
        first = found[0]
        ended = _OVER.search(first.proof.text)
        when = f" at {ended[1].rstrip('.')}" if ended is not None and ended[1] else ""
        yield Finding(
            cause=EXPIRED.id,
            object=first.pod.ref,
            title=f"A certificate of the control plane has expired{when}: {listed([lines.pod.ref.name for lines in found])} cannot work",
            evidence=tuple(lines.proof for lines in found[:3]),
            explains=tuple(lines.pod.ref for lines in found),
            weight=0.96,
            steps=(
                read("See which ones", f"ssh {first.pod.node or 'CONTROL_PLANE'} kubeadm certs check-expiration"),
                describe(first.pod.ref),
            ),
        )


RULES: tuple[Rule, ...] = (
    Rule(find=find_full_store, causes=(SPACE,)),
    Rule(find=find_slow_store, causes=(SLOW,)),
    Rule(find=find_expired_certificates, causes=(EXPIRED,)),
)
