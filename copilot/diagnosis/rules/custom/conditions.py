"""Any custom resource that says it is not well, by the conventions of conditions, walked to what it owns or names.

No kind is known here: a controller's own condition points, and a deeper cause among its children takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.steps import describe, show
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import read
from copilot.model import Evidence, Finding, Ref, Resource, age_text, children, instant, number, text
from copilot.model.kinds import built_in

SETTLE = timedelta(minutes=1)  # controllers pass through False while they work
UNOBSERVED = timedelta(minutes=5)  # a running controller sees a change within seconds
CRDS = "apiextensions.k8s.io"

NOT_READY = Cause(
    id="custom.not_ready",
    title="A custom resource reports that it is not well",
    kind="any",
    fields=("status.conditions", "status.phase", "events"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("Read its conditions and events", "Look at what it owns, and at its controller"),
    citation="k8s.io/community contributors/devel/sig-architecture/api-conventions.md typical status properties",
)
FAILED = Cause(
    id="custom.failed",
    title="A custom resource has failed",
    kind="any",
    fields=("status.conditions", "status.phase"),
    severity=Severity.OUTAGE,
    yields=True,
    steps=("Find the first child that failed", "Read its conditions and events"),
    citation="k8s.io/community contributors/devel/sig-architecture/api-conventions.md typical status properties",
)
UNSEEN = Cause(
    id="custom.not_observed",
    title="A controller has not looked at a change of its resource",
    kind="any",
    fields=("metadata.generation", "status.observedGeneration"),
    severity=Severity.DEGRADED,
    yields=True,
    steps=("Look at the controller of the kind",),
    citation="k8s.io/community contributors/devel/sig-architecture/api-conventions.md observedGeneration",
)
CRD = Cause(
    id="crd.not_established",
    title="A CustomResourceDefinition is not served",
    kind="CustomResourceDefinition",
    fields=("CustomResourceDefinition.status.conditions",),
    steps=("Correct the definition",),
    citation="staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1/types.go",
)

# Types that are good when True. `Active` and `Progressing` mean other things to other controllers and are left out.
_GOOD = re.compile(
    r"^(?:.*Ready|.*Available|.*Healthy|Accepted|Programmed|ResolvedRefs|Synced|Reconciled|Reconciling|Valid|.*Succeeded|Established|Installed|Deployed|Bound|Provisioned|Initialized)$"
)
_BAD = re.compile(
    r"^(?:Failed|.*Failed|.*Failure|Degraded|Stalled|Error|.*Error|Deadlocked|Unhealthy|Unschedulable|FailureTarget|MetricsUnavailable|.*Misconfigured)$"
)
_TERMINAL = frozenset({"Failed", "Failure", "Error", "FailureTarget"})
_DONE = frozenset({"Complete", "Completed", "Succeeded", "Finished"})
_BAD_PHASES = frozenset(
    {
        "failed",
        "error",
        "degraded",
        "unhealthy",
        "stalled",
        "rejected",
        "invalid",
        "crashed",
        "broken",
        "aborted",
        "unschedulable",
        "unknown error",
        "applyfailed",
        "failure",
        "notready",
    }
)
_PHASES = ("phase", "state", "jobStatus", "jobDeploymentStatus", "health", "terminalState")
_WORKING = re.compile(
    r"progress|reconcil|creat|pending|waiting|initiali|install|provision|unknown|starting|pulling", re.IGNORECASE
)
_WORD = re.compile(r"[a-z0-9](?:[a-z0-9.\-]{1,251}[a-z0-9])")
_NAMED_KINDS = (
    "Job",
    "Pod",
    "Deployment",
    "StatefulSet",
    "Service",
    "Secret",
    "ConfigMap",
    "PersistentVolumeClaim",
    "ReplicaSet",
    "DaemonSet",
)


class Complaint(msgspec.Struct, frozen=True):
    """What a resource says about itself."""

    path: str
    kind: str
    reason: str
    message: str
    since: datetime | None
    terminal: bool

    def __str__(self) -> str:
        """`Ready is False: BackendNotFound: no such service`."""
        return ": ".join(part for part in (self.kind, self.reason, self.message[:240]) if part)


def is_custom(ref: Ref) -> bool:
    """Whether the kind comes from a CustomResourceDefinition, as far as its group tells."""
    return "." in ref.group and built_in(ref.kind, ref.group) is None


def find_custom_complaints(view: View) -> Iterator[Finding]:
    """One finding for each custom resource that says it failed or is not ready."""
    for resource in view.graph.resources():
        if not is_custom(resource.ref) or not resource.status or resource.deleted is not None or _resting(resource):
            continue
        complaint = _complaint(view, resource)
        if complaint is not None:
            yield _explain(view, resource, complaint)
        elif unseen := _unseen(view, resource):
            yield unseen


def _resting(resource: Resource) -> bool:
    """Suspended, paused or finished: nothing is expected of it."""
    spec = resource.spec
    if spec.get("suspend") is True or spec.get("paused") is True:
        return True
    done = (text(condition(resource, kind), "status") == "True" for kind in _DONE)
    return any(done)


def _complaint(view: View, resource: Resource) -> Complaint | None:
    """The worst condition, terminal ones first; else a phase that speaks of failure."""
    found = [
        made for entry in children(resource.status, "conditions") if (made := _of_condition(view, entry)) is not None
    ]
    found += [made for name in _PHASES if (made := _of_phase(resource, name)) is not None]
    found.sort(key=lambda c: (not c.terminal, not c.message, c.kind != "Ready is False", c.path))
    return found[0] if found else None


def _of_condition(view: View, entry: Mapping[str, object]) -> Complaint | None:
    kind, status = text(entry, "type"), text(entry, "status")
    reason, message = text(entry, "reason"), text(entry, "message")
    since = instant(entry.get("lastTransitionTime"))
    bad = status == "True" and _BAD.match(kind)
    lacking = status == "False" and _GOOD.match(kind) and not _BAD.match(kind)
    if not bad and not lacking:
        return None
    if since is not None and view.now - since < SETTLE and kind not in _TERMINAL:
        return None
    if lacking and reason and _WORKING.search(reason) and (since is None or view.now - since < timedelta(minutes=10)):
        return None  # a controller at work
    said_so = f"{kind} is {status}" if lacking else kind
    return Complaint(
        f"status.conditions[{kind}]", said_so, reason, message, since, terminal=kind in _TERMINAL and status == "True"
    )


def _of_phase(resource: Resource, name: str) -> Complaint | None:
    value = resource.status.get(name)
    phase = text(value, "status") if isinstance(value, dict) else text(value)
    if phase.lower() not in _BAD_PHASES:
        return None
    message = next(
        (
            text(resource.status, key)
            for key in ("message", "reason", "error", "failureMessage")
            if text(resource.status, key)
        ),
        "",
    )
    return Complaint(
        f"status.{name}",
        f"{name} {phase}",
        text(resource.status, "reason") if message != text(resource.status, "reason") else "",
        message,
        None,
        terminal=phase.lower() in ("failed", "error", "failure"),
    )


def _failed_child(view: View, candidates: tuple[Ref, ...]) -> Resource | None:
    """The Job below a failed resource that failed first."""
    failed = [
        (instant(condition(job, "Failed").get("lastTransitionTime")) or view.now, job.ref, job)
        for ref in candidates
        if ref.kind == "Job"
        and (job := view.graph.get(ref)) is not None
        and text(condition(job, "Failed"), "status") == "True"
    ]
    return min(failed, key=lambda found: found[:2])[2] if failed else None


def _through_child(view: View, resource: Resource, complaint: Complaint, job: Resource) -> Finding:
    """A parent that failed because a Job of it failed: the Job is what to look at."""
    entry = condition(job, "Failed")
    proof = [
        said(resource, complaint.path, f"{resource.ref}: {complaint}"),
        said(
            job,
            "status.conditions[Failed]",
            f"{job.ref} failed: {text(entry, 'reason')}: {text(entry, 'message')[:200]}",
        ),
    ]
    ended = [(pod, c) for pod in view.pods_of(job.ref) for c in pod.containers if c.exit_code not in (None, 0)]
    for pod, container in ended[:1]:
        proof.append(
            said(
                pod.resource,
                f"{container.path}.state.terminated.exitCode",
                f"container {container.name} of {pod.ref} ended with exit code {container.exit_code}",
            )
        )
    code = f" with exit code {ended[0][1].exit_code}" if ended else ""
    return Finding(
        cause=FAILED.id,
        object=job.ref,
        title=f"{job.ref}, a child of {resource.ref}, failed{code} ({text(entry, 'reason') or 'Failed'}), and so {resource.ref} failed",
        evidence=tuple(proof),
        explains=(resource.ref, *(pod.ref for pod in view.pods_of(job.ref))),
        weight=0.75,
        since=instant(entry.get("lastTransitionTime")),
        steps=(
            describe(job.ref),
            read(
                "Read what its pods printed",
                f"kubectl logs -n {job.ref.namespace} -l job-name={job.ref.name} --tail=60 --all-containers",
            ),
        ),
        points_to=(*(pod.ref for pod in view.pods_of(job.ref)), resource.ref),
    )


def _explain(view: View, resource: Resource, complaint: Complaint) -> Finding:
    ref = resource.ref
    owned = view.graph.children(ref)
    named = tuple(found for found in _named(view, ref, complaint.message) if found != ref)
    job = _failed_child(view, (*named, *owned)) if complaint.terminal else None
    if job is not None:
        return _through_child(view, resource, complaint, job)
    warnings = [event for event in view.events(ref) if event.type == "Warning"]
    proof: list[Evidence] = [said(resource, complaint.path, f"{ref}: {complaint}")]
    proof += [told(event) for event in warnings[-1:]]
    return Finding(
        cause=FAILED.id if complaint.terminal else NOT_READY.id,
        object=ref,
        title=f"{ref} {'failed' if complaint.terminal else 'is not ready'}: {complaint}",
        evidence=tuple(proof),
        explains=tuple(dict.fromkeys((*view.graph.owners(ref), *owned)))[:20],
        weight=0.7 if complaint.message or complaint.reason else 0.55,
        since=complaint.since,
        steps=(
            describe(ref),
            show(ref),
            read("See what it owns", f"kubectl copilot graph {ref.argument}{ref.flags}"),
        ),
        points_to=tuple(dict.fromkeys((*named, *owned))),
    )


def _named(view: View, ref: Ref, message: str) -> Iterator[Ref]:
    """Objects of the same namespace that the message names."""
    words = set(_WORD.findall(message[:2000].lower()))
    for kind in _NAMED_KINDS:
        for word in sorted(words):
            found = view.graph.find(kind, ref.namespace, word.strip(".")) if "-" in word or len(word) > 3 else None
            if found is not None:
                yield found.ref


def _unseen(view: View, resource: Resource) -> Finding | None:
    """The spec was changed some time ago and its controller has not said a word since."""
    seen, generation = resource.status.get("observedGeneration"), number(resource.metadata, "generation")
    if not isinstance(seen, int) or seen >= generation:
        return None
    changed = [
        moment
        for entry in children(resource.metadata, "managedFields")
        if text(entry, "subresource") != "status" and (moment := instant(entry.get("time"))) is not None
    ]
    if not changed or view.now - max(changed) < UNOBSERVED:
        return None
    ago = age_text((view.now - max(changed)).total_seconds())
    return Finding(
        cause=UNSEEN.id,
        object=resource.ref,
        title=f"{resource.ref} was changed {ago} ago (generation {generation}), but its controller has only seen generation {seen}",
        evidence=(
            said(
                resource,
                "status.observedGeneration",
                f"observedGeneration = {seen}, metadata.generation = {generation}",
            ),
        ),
        weight=0.6,
        since=max(changed),
        steps=(describe(resource.ref),),
    )


def find_unserved_definitions(view: View) -> Iterator[Finding]:
    """CustomResourceDefinitions whose names clash or that were never established."""
    for definition in view.graph.of_kind("CustomResourceDefinition", group=CRDS):
        for kind in ("NamesAccepted", "Established"):
            entry = condition(definition, kind)
            if text(entry, "status") == "False" and definition.deleted is None:
                yield Finding(
                    cause=CRD.id,
                    object=definition.ref,
                    title=f"CustomResourceDefinition {definition.ref.name} is not served: {kind} is False ({text(entry, 'reason')}): {text(entry, 'message')[:200]}",
                    evidence=(
                        said(
                            definition,
                            f"status.conditions[{kind}]",
                            f"{kind} = False, {text(entry, 'reason')}: {text(entry, 'message')[:300]}",
                        ),
                    ),
                    weight=0.9,
                    since=instant(entry.get("lastTransitionTime")),
                    steps=(describe(definition.ref),),
                )
                break


RULES: tuple[Rule, ...] = (
    Rule(find=find_custom_complaints, causes=(FAILED, NOT_READY, UNSEEN)),
    Rule(find=find_unserved_definitions, causes=(CRD,)),
)
