"""Any custom resource that says it is not well, by the conventions of conditions, walked to what it owns or names.

No kind is known here: a controller's own condition points, and a deeper cause among its children takes its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.log_lines import severity
from copilot.diagnosis.pods import condition
from copilot.diagnosis.rules.custom.complaint import (
    Complaint,
    complaints_of_custom,
    error_inside,
    is_custom,
    resting,
    telling_part,
)
from copilot.diagnosis.steps import describe, show
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import read
from copilot.model import Evidence, Finding, Ref, Resource, age_text, children, instant, number, text

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

_NAMES_ITS_ERROR = 3  # `severity` of a line that names an error and its reason
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


def find_custom_complaints(view: View) -> Iterator[Finding]:
    """One finding for each custom resource that says it failed or is not ready."""
    said_of = complaints_of_custom(view)
    for ref, complaint in said_of.items():
        resource = view.graph.get(ref)
        if resource is not None:
            yield _explain(view, resource, complaint)
    for resource in view.graph.resources():
        if (
            is_custom(resource.ref)
            and resource.ref not in said_of
            and resource.deleted is None
            and not resting(resource)
        ):
            unseen = _unseen(view, resource)
            if unseen is not None:
                yield unseen


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
    words = f"{complaint.message}\n{error_inside(resource)}"
    named = tuple(found for found in _named(view, resource, words) if found != ref)
    tells_all = severity(telling_part(complaint.message)) >= _NAMES_ITS_ERROR
    job = _failed_child(view, (*named, *owned)) if complaint.terminal and not tells_all else None
    if job is not None:
        return _through_child(view, resource, complaint, job)
    warnings = [event for event in view.events(ref) if event.type == "Warning"]
    inside = error_inside(resource)
    proof: list[Evidence] = [said(resource, complaint.path, f"{ref}: {complaint}")]
    if inside and not _same(inside, complaint.message):
        proof.append(said(resource, "status", f"its status says: {inside[:400]}"))
    proof += [told(event) for event in warnings[-1:]]
    more = inside or (warnings[-1].message if warnings else "")
    detail = f" ({telling_part(more)[:240]})" if more and not _same(more, complaint.message) else ""
    well = [child for child in owned if child not in complaints_of_custom(view)]
    return Finding(
        cause=FAILED.id if complaint.terminal else NOT_READY.id,
        object=ref,
        title=f"{ref} {'failed' if complaint.terminal else 'is not ready'}: {complaint}{detail}",
        evidence=tuple(proof),
        explains=tuple(dict.fromkeys((*view.graph.owners(ref), *well)))[:20],
        weight=complaint.weight if complaint.message or complaint.reason or detail else 0.55,
        since=complaint.since,
        steps=(
            describe(ref),
            show(ref),
            read("See what it owns", f"kubectl copilot graph {ref.argument}{ref.flags}"),
        ),
        points_to=() if tells_all else tuple(dict.fromkeys((*named, *owned))),
    )


def _same(words: str, message: str) -> bool:
    """Whether a message already says the words, or the words say the message again."""
    start = telling_part(words)[:60].split(": ", 1)[-1]
    return start in message or (message != "" and message[:60] in words)


def _named(view: View, resource: Resource, message: str) -> Iterator[Ref]:
    """Objects that the message names: built-in kinds of the namespace, and custom resources that complain as well."""
    ref = resource.ref
    words = {word.strip(".") for word in _WORD.findall(message[:2000].lower()) if "-" in word or len(word) > 3}
    for kind in _NAMED_KINDS:
        for word in sorted(words):
            found = view.graph.find(kind, ref.namespace, word)
            if found is not None:
                yield found.ref
    needed = {text(entry, "name") for entry in children(resource.spec, "dependsOn")}
    ill = view.once("complaining custom resources by name", lambda: _by_name(view))
    for name in sorted((words | needed) & ill.keys()):
        for other in ill[name]:
            near = other.namespace in ("", ref.namespace) or f"{other.namespace}/{other.name}" in message
            if near if name in words else other.kind == ref.kind:
                yield other


def _by_name(view: View) -> Mapping[str, list[Ref]]:
    found: dict[str, list[Ref]] = {}
    for ref in complaints_of_custom(view):
        found.setdefault(ref.name, []).append(ref)
    return found


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
