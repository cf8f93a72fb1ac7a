"""Dynamic resource allocation: claims that no published device satisfies, with the test each device fails.

The claim's class, template and selectors are followed to the ResourceSlices; expressions that cannot be read decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.pods import PodFact
from copilot.diagnosis.rules.scheduling.case import is_waiting, scheduler_said
from copilot.diagnosis.rules.scheduling.cel import Device, evaluate, failing
from copilot.diagnosis.rules.scheduling.device_taints import taints_on, tolerates
from copilot.diagnosis.rules.scheduling.message import Filter
from copilot.diagnosis.steps import change, describe, show
from copilot.diagnosis.view import View, said, told
from copilot.diagnosis.words import listed, plural, read
from copilot.model import Detail, Evidence, Finding, Ref, Resource, children, mapping, number, text
from copilot.model.likeness import nearest

GROUP = "resource.k8s.io"
_DRA = "pkg/scheduler/framework/plugins/dynamicresources/dynamicresources.go"


def _cause(rule: str, title: str, *fields: str, kind: str, yields: bool = False) -> Cause:
    return Cause(
        id=rule,
        title=title,
        kind=kind,
        fields=(*fields, "event FailedScheduling"),
        yields=yields,
        steps=("Compare the claim's selectors with the published devices",),
        citation=_DRA,
    )


NO_FIT = _cause(
    "dra.nofit",
    "No published device satisfies the claim",
    "ResourceClaim.spec.devices",
    "ResourceSlice.spec.devices",
    kind="ResourceClaimTemplate",
)
IN_USE = _cause(
    "dra.devices_in_use",
    "All devices that satisfy the claim are allocated",
    "ResourceClaim.status.allocation",
    kind="ResourceClaim",
)
TAINTED = _cause(
    "dra.device.taint",
    "The devices that satisfy the claim are tainted",
    "ResourceSlice.spec.devices[].taints",
    "DeviceTaintRule.spec",
    kind="Node",
)
NO_CLASS = _cause(
    "dra.class_missing",
    "The claim names a DeviceClass that does not exist",
    "ResourceClaim.spec.devices.requests[].exactly.deviceClassName",
    kind="ResourceClaimTemplate",
)
NO_CLAIM = _cause(
    "dra.claim_missing",
    "The claim or template that the pod names does not exist",
    "spec.resourceClaims[]",
    kind="Deployment",
)
PREPARE = _cause(
    "dra.prepare",
    "The device driver cannot prepare the claim on the node",
    "event FailedPrepareDynamicResources",
    kind="Node",
    yields=True,
)


class Request(msgspec.Struct, frozen=True, eq=False):
    """One request of a claim: so many devices of a class, that satisfy the selectors."""

    name: str
    device_class: str
    selectors: tuple[str, ...]
    count: int
    tolerations: tuple[Mapping[str, Any], ...] = ()


class Asked(msgspec.Struct, frozen=True, eq=False):
    """What a pod asks for, and the object that says so: the template, or the claim that a person made."""

    source: Resource
    spec: Mapping[str, Any]
    claim: Ref | None


def find_unsatisfied_claims(view: View) -> Iterator[Finding]:
    """One finding for each claim source that keeps pods Pending."""
    devices: list[Device] | None = None
    seen: set[tuple[Ref, str]] = set()
    for pod in view.pending:
        if pod.resource.deleted is not None or not is_waiting(view, pod):
            continue
        message, proof = scheduler_said(view, pod)
        blamed = message is not None and message.has(Filter.DEVICE_CLAIM)
        wanted: list[Mapping[str, Any]] = list(children(pod.resource.spec, "resourceClaims"))
        if not wanted and blamed and pod.resource.detail is not Detail.FULL:
            wanted = _guessed(view, pod)
        for entry in wanted:
            asked = _asked(view, pod, entry)
            if asked is None:
                finding = _missing(view, pod, entry, proof)
            else:
                devices = devices if devices is not None else list(published(view))
                finding = _judge(view, pod, asked, devices, proof, blamed=blamed)
            if finding is not None and (finding.object, str(pod.owner)) not in seen:
                seen.add((finding.object, str(pod.owner)))
                yield finding


def _guessed(view: View, pod: PodFact) -> list[Mapping[str, Any]]:
    """What a pasted pod does not show: the namespace's only template, else the claims made for the pod by name."""
    templates = view.graph.of_kind("ResourceClaimTemplate", pod.ref.namespace, group=GROUP)
    if len(templates) == 1:
        return [{"resourceClaimTemplateName": templates[0].ref.name}]
    claims = view.graph.of_kind("ResourceClaim", pod.ref.namespace, group=GROUP)
    return [{"resourceClaimName": claim.ref.name} for claim in claims if claim.ref.name.startswith(f"{pod.ref.name}-")]


def published(view: View) -> Iterator[Device]:
    """Every device of the newest generation of its pool."""
    slices = view.graph.of_kind("ResourceSlice", group=GROUP)
    newest: dict[tuple[str, str], int] = {}
    for item in slices:
        key = (text(item.spec, "driver"), text(item.spec, "pool", "name"))
        newest[key] = max(newest.get(key, 0), number(item.spec, "pool", "generation"))
    for item in slices:
        driver, pool = text(item.spec, "driver"), text(item.spec, "pool", "name")
        if number(item.spec, "pool", "generation") == newest[driver, pool]:
            for body in children(item.spec, "devices"):
                yield Device(driver, pool, text(body, "name"), text(item.spec, "nodeName"), body)


def _asked(view: View, pod: PodFact, entry: Mapping[str, Any]) -> Asked | None:
    claim = _claim_of(view, pod, entry)
    resource = view.graph.get(claim) if claim is not None else None
    template = text(entry, "resourceClaimTemplateName")
    if template:
        source = view.graph.get(Ref("ResourceClaimTemplate", pod.ref.namespace, template, GROUP))
        if source is not None:
            return Asked(source, mapping(source.spec, "spec"), claim)
    return Asked(resource, resource.spec, claim) if resource is not None else None


def _claim_of(view: View, pod: PodFact, entry: Mapping[str, Any]) -> Ref | None:
    name = text(entry, "resourceClaimName")
    if not name:
        made = (
            s for s in children(pod.resource.status, "resourceClaimStatuses") if text(s, "name") == text(entry, "name")
        )
        name = next((text(status, "resourceClaimName") for status in made), "")
    if name:
        return Ref("ResourceClaim", pod.ref.namespace, name, GROUP)
    owned = (ref for ref in view.graph.children(pod.ref) if ref.kind == "ResourceClaim")
    return next(owned, None)


def _missing(view: View, pod: PodFact, entry: Mapping[str, Any], proof: Sequence[Evidence]) -> Finding | None:
    kind = "ResourceClaimTemplate" if text(entry, "resourceClaimTemplateName") else "ResourceClaim"
    name = text(entry, "resourceClaimTemplateName") or text(entry, "resourceClaimName")
    events = view.events(pod.ref, "FailedResourceClaimCreation")
    if not name or not (events or view.was_read(kind, pod.ref.namespace)):
        return None
    near = nearest(name, [item.ref.name for item in view.graph.of_kind(kind, pod.ref.namespace)])
    return _finding(
        NO_CLAIM,
        pod,
        f"{pod.owner} names {kind} {name}, which does not exist" + (f" (there is {near})" if near else ""),
        pod.owner,
        (
            *proof,
            *(told(event) for event in events[-1:]),
            said(pod.resource, "spec.resourceClaims", f"resourceClaims names {kind} {name}"),
        ),
        0.93,
    )


def requests_of_claim(spec: Mapping[str, Any]) -> Iterator[Request]:
    """The requests of a claim spec, of both API generations; of alternatives, the first."""
    for entry in children(spec, "devices", "requests"):
        body = mapping(entry, "exactly") or next(children(entry, "firstAvailable"), entry)
        selectors = tuple(text(item, "cel", "expression") for item in children(body, "selectors"))
        count = 1 if text(body, "allocationMode") == "All" else number(body, "count", default=1)
        tolerated = tuple(children(body, "tolerations"))
        yield Request(text(entry, "name"), text(body, "deviceClassName"), selectors, count, tolerated)


def _judge(
    view: View, pod: PodFact, asked: Asked, devices: Sequence[Device], proof: Sequence[Evidence], *, blamed: bool
) -> Finding | None:
    claim = view.graph.get(asked.claim) if asked.claim is not None else None
    if claim is not None and mapping(claim.status, "allocation"):
        return None
    source = asked.source
    path = "spec.spec.devices.requests" if source.ref.kind == "ResourceClaimTemplate" else "spec.devices.requests"
    for request in requests_of_claim(asked.spec):
        name = request.device_class
        device_class = view.graph.get(Ref("DeviceClass", "", name, GROUP))
        if name and device_class is None and view.was_read("DeviceClass"):
            near = nearest(name, [item.ref.name for item in view.graph.of_kind("DeviceClass")])
            have = f" (there is {near})" if near else ""
            return _finding(
                NO_CLASS,
                pod,
                f"{source.ref} asks for DeviceClass {name}, which does not exist{have}: its driver is not installed, or the name is wrong",
                source.ref,
                (*proof, said(source, path, f"deviceClassName = {name}")),
                0.93,
            )
        rules = (
            [text(item, "cel", "expression") for item in children(device_class.spec, "selectors")]
            if device_class is not None
            else []
        )
        fitting = [
            device
            for device in devices
            if all(evaluate(rule, device) is not False for rule in (*rules, *request.selectors))
        ]
        if len(fitting) < request.count:
            return _no_fit(
                pod, source, request, rules, devices, (*proof, said(source, path, _ask_text(request))), blamed=blamed
            )
        if (finding := _tainted(view, pod, source, request, fitting, proof)) is not None:
            return finding
        taken = _allocated(view)
        free = [device for device in fitting if (device.driver, device.pool, device.name) not in taken]
        if len(free) < request.count:
            return _in_use(pod, source, request, fitting, taken, proof)
    if not blamed:
        return None
    return _finding(
        NO_FIT,
        pod,
        f"The scheduler cannot allocate the devices that {source.ref} asks for to {pod.owner}",
        source.ref,
        tuple(proof),
        0.65,
    )


def _tainted(
    view: View, pod: PodFact, source: Resource, request: Request, fitting: Sequence[Device], proof: Sequence[Evidence]
) -> Finding | None:
    """Too few of the fitting devices are left once those with a taint that the request does not tolerate are put aside."""
    marks = [(device, taint, where) for device in fitting for taint, where in taints_on(view, device)]
    kept = [(device, taint, where) for device, taint, where in marks if not tolerates(request.tolerations, taint)]
    names = {(device.pool, device.name) for device, _, _ in kept}
    if not kept or len(fitting) - len(names) >= request.count:
        return None
    device, taint, where = kept[0]
    said_so = f"{text(taint, 'key')}={text(taint, 'value')}:{text(taint, 'effect')}"
    nodes = list(dict.fromkeys(d.node for d, _, _ in kept if d.node))
    by_rule = where is not None
    ref = where if where is not None else Ref("Node", "", nodes[0]) if len(nodes) == 1 else source.ref
    return _finding(
        TAINTED,
        pod,
        f"{plural(len(names), 'device')} that would satisfy {source.ref} (on {listed(nodes, 3) or 'the network'}) "
        f"{'is' if len(names) == 1 else 'are'} tainted {said_so}{f' by {where}' if by_rule else ' by the driver'}, so {pod.owner} gets none",
        ref,
        (*proof, Evidence(object=where or _slice_of(view, device) or ref, path="spec.taint" if where else f"spec.devices[{device.name}].taints", text=f"device {device.name} of pool {device.pool} has the taint {said_so}")),
        0.95,
    )  # fmt: skip


def _slice_of(view: View, device: Device) -> Ref | None:
    """The ResourceSlice that publishes a device."""
    for item in view.graph.of_kind("ResourceSlice", group=GROUP):
        if any(body is device.body for body in children(item.spec, "devices")):
            return item.ref
    return None


def _ask_text(request: Request) -> str:
    return f"{plural(request.count, 'device')} of class {request.device_class} with {' and '.join(request.selectors) or 'no selector'}"


def _no_fit(
    pod: PodFact,
    source: Resource,
    request: Request,
    rules: Sequence[str],
    devices: Sequence[Device],
    proof: Sequence[Evidence],
    *,
    blamed: bool,
) -> Finding:
    of_class = [device for device in devices if all(evaluate(rule, device) is not False for rule in rules)]
    if not of_class:
        why = "no ResourceSlice publishes a device of that class"
    else:
        nearest_device = min(
            of_class, key=lambda d: (sum(len(failing(s, d)) for s in request.selectors), d.node, d.name)
        )
        gaps = [gap for selector in request.selectors for gap in failing(selector, nearest_device)]
        short = (
            f"only {plural(len(of_class), 'device')} of the class exist"
            if not gaps
            else f"the claim's selector wants {listed(gaps, 3)}"
        )
        why = f"{short}; nearest is {nearest_device.name} on node {nearest_device.node}, of {plural(len(of_class), 'published device')}"
    return _finding(
        NO_FIT,
        pod,
        f"No device satisfies the claim of {source.ref} (request {request.name}, class {request.device_class}): {why}",
        source.ref,
        tuple(proof),
        0.95 if blamed else 0.85,
    )


def _allocated(view: View) -> dict[tuple[str, str, str], Ref]:
    taken: dict[tuple[str, str, str], Ref] = {}
    for claim in view.graph.of_kind("ResourceClaim", group=GROUP):
        for result in children(claim.status, "allocation", "devices", "results"):
            taken[text(result, "driver"), text(result, "pool"), text(result, "device")] = claim.ref
    return taken


def _in_use(
    pod: PodFact,
    source: Resource,
    request: Request,
    fitting: Sequence[Device],
    taken: Mapping[tuple[str, str, str], Ref],
    proof: Sequence[Evidence],
) -> Finding:
    holders = list(
        dict.fromkeys(str(taken[d.driver, d.pool, d.name]) for d in fitting if (d.driver, d.pool, d.name) in taken)
    )
    return _finding(
        IN_USE,
        pod,
        f"All {len(fitting)} devices that fit the claim of {source.ref} (class {request.device_class}) are in use: held by {listed(holders, 3)}",
        source.ref,
        tuple(proof),
        0.88,
    )


def _finding(
    cause: Cause, pod: PodFact, title: str, ref: Ref, evidence: tuple[Evidence, ...], weight: float
) -> Finding:
    return Finding(
        cause=cause.id,
        object=ref,
        title=title,
        evidence=evidence,
        explains=(pod.ref, pod.owner),
        weight=weight,
        since=pod.resource.created,
        steps=(
            show(ref),
            read("See the published devices", "kubectl get resourceslices -o yaml"),
            read("See the claims and who holds them", f"kubectl get resourceclaims -n {pod.ref.namespace}"),
            change("Correct the claim, or free or add a device", ref),
        ),
    )


def find_unprepared_devices(view: View) -> Iterator[Finding]:
    """Placed pods whose claim the node's driver cannot prepare."""
    for pod in view.placed:
        events = view.events(pod.ref, "FailedPrepareDynamicResources")
        if events and not any(c.state in ("running", "terminated") for c in pod.containers):
            node = Ref("Node", "", pod.node)
            plugins = tuple(
                other.ref for other in view.placed if other.node == pod.node and other.owner.kind == "DaemonSet"
            )
            yield Finding(
                cause=PREPARE.id,
                object=node,
                title=f"The device driver on node {pod.node} cannot prepare the claim of {pod.owner}: {events[-1].message[:220]}",
                evidence=(told(events[-1]),),
                explains=(pod.ref,),
                weight=0.8,
                steps=(describe(pod.ref), describe(node)),
                points_to=plugins,
            )


RULES: tuple[Rule, ...] = (
    Rule(find=find_unsatisfied_claims, causes=(NO_FIT, IN_USE, TAINTED, NO_CLASS, NO_CLAIM)),
    Rule(find=find_unprepared_devices, causes=(PREPARE,)),
)
