"""The tests behind the table of conditions: does this object fit, and by what. Each returns the proof in words, or None."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from fractions import Fraction
from typing import Any

from copilot.agent.asking import Asking
from copilot.agent.facts import (
    claim_sources,
    containers,
    device_requests,
    devices_of,
    endpoints_of,
    job_times,
    published_devices,
    replicas,
    routes_to,
)
from copilot.model import Resource, age_text, child, children, mapping, number, text
from copilot.model.quantity import format_amount
from retrievers.graph import EdgeKind
from retrievers.graph.placement import TaintEffect, allocatable_of, pods_on, taints_of, tolerates

_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}  # fmt: skip
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def container_gap(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """`no memory limit`: the containers that lack it, and what they lack."""
    if match["section"] in ("probes", "probe", "health probe", "health probes"):
        bare = [
            text(c, "name") for c in _judged(asking, resource, match) if not any(mapping(c, key) for key in _PROBES)
        ]
        return f"container {', '.join(bare)} has no probe" if bare else None
    lacking = [
        f"container {text(container, 'name')} has no {words}"
        for container in _judged(asking, resource, match)
        for words in _lacks(container, match)
    ]
    return "; ".join(lacking) or None


def container_setting(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """`with a readiness probe`: some container has it."""
    having = [
        text(container, "name")
        for container in _judged(asking, resource, match)
        if len(list(_lacks(container, match))) < len(_wanted(match))
    ]
    return f"set in container {', '.join(having)}" if having else None


def _judged(asking: Asking, resource: Resource, match: re.Match[str]) -> list[Mapping[str, Any]]:
    """Jobs have no use for probes."""
    about_probes = any(name in _PROBES for name in _wanted(match))
    return [] if about_probes and resource.ref.kind in ("Job", "CronJob") else containers(asking, resource)


def _wanted(match: re.Match[str]) -> list[str]:
    """The fields that the words mean: probe keys, or `limits.cpu` and the like."""
    section = match["section"]
    named = [key for key in _PROBES if key.removesuffix("Probe") in section]
    if named or "probe" in section:
        return named or list(_PROBES[:2])
    parts = ["limits", "requests"] if section.startswith("resource") else [section.removesuffix("s") + "s"]
    which = (match["resource"] or "").strip().replace("ram", "memory").replace(" ", "-")
    names = ["cpu", "memory"] if which in ("", "resource") else [which]
    return [f"{part}.{name}" for part in parts for name in names]


def _lacks(container: Mapping[str, Any], match: re.Match[str]) -> Iterator[str]:
    resources = child(container, "resources")
    for wanted in _wanted(match):
        if wanted in _PROBES:
            if not mapping(container, wanted):
                yield f"{wanted.removesuffix('Probe')} probe"
            continue
        part, name = wanted.split(".")
        found = mapping(resources, part)
        if name == "gpu":
            present = any("gpu" in key for key in found)
        else:
            present = name in found or (part == "requests" and name in mapping(resources, "limits"))
        if not present:
            yield f"{name} {part.removesuffix('s')}"


def has_label(_: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """`app=web`, or the label's key alone; a key may be written without its domain."""
    wanted = match.groupdict().get("value")
    for key, value in (*resource.labels.items(), *resource.annotations.items()):
        named = match["key"] in (key.lower(), key.lower().rpartition("/")[2])
        if named and (wanted is None or str(value).lower() == wanted):
            return f"{key}={value}"
    return None


def in_place(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """A node (or a pod's node) whose zone, pool or other label has the value."""
    name = resource.ref.name if resource.ref.kind == "Node" else text(resource.spec, "nodeName")
    node = asking.graph.find("Node", "", name)
    for key, value in node.labels.items() if node is not None else ():
        if str(value).lower() == match["place"]:
            return f"{key}={value}"
    return None


def under_pressure(_: Asking, node: Resource, match: re.Match[str]) -> str | None:
    """A pressure condition that is True."""
    for entry in children(node.status, "conditions"):
        kind = text(entry, "type")
        wanted = f"{match['what']}pressure" if match["what"] else "pressure"
        if kind.lower().endswith(wanted) and text(entry, "status") == "True":
            return f"{kind}: True"
    return None


def age_of(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """Older or younger than a span, at the moment of observation."""
    if resource.created is None:
        return None
    age = asking.now - resource.created
    span = int(match["amount"]) * _UNITS[match["unit"][0]]
    older = match["order"] in ("older", "more")
    return f"{age_text(age.total_seconds())} old" if (age > span) is older else None


def lasted(asking: Asking, job: Resource, match: re.Match[str]) -> str | None:
    """A Job that took, or has taken so far, longer or shorter than a span."""
    start, end = job_times(job)
    if start is None:
        return None
    took = (end or asking.now) - start
    longer = match["order"] in ("longer", "more")
    span = int(match["amount"]) * _UNITS[match["unit"][0]]
    return f"took {age_text(took.total_seconds())}" if (took > span) is longer else None


def no_endpoints(asking: Asking, service: Resource, _: re.Match[str]) -> str | None:
    """No ready address behind it. ExternalName and Services that others serve by hand have none by design."""
    if text(service.spec, "type") == "ExternalName":
        return None
    ready, waiting = endpoints_of(asking, service)
    if ready or (not service.spec.get("selector") and not asking.graph.into(service.ref, EdgeKind.BACKS)):
        return None
    return f"{len(waiting)} not ready" if waiting else "no address behind it"


def is_suspended(_: Asking, resource: Resource, __: re.Match[str]) -> str | None:
    """`spec.suspend`, or `spec.paused` of a Deployment."""
    if resource.spec.get("suspend") is True:
        return "suspended"
    return "paused" if resource.spec.get("paused") is True else None


def asks_devices(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """Nodes that offer accelerators, pods and workloads that ask for them; the opposite after `no` or `without`."""
    if resource.ref.kind == "Node":
        amounts = devices_of(resource)
        shown = [f"{format_amount(name, amount)} {name}" for name, amount in sorted(amounts.items())]
        count = sum(1 for _, node, __ in published_devices(asking) if node == resource.ref.name)
        shown += [f"{count} published devices"] if count else []
    else:
        wanted = device_requests(asking.view.template(resource.ref))
        shown = [f"{format_amount(name, amount)} {name} per pod" for name, amount in sorted(wanted.items())]
        shown += [f"through {source}" for source in claim_sources(asking, resource)]
    if match.group().startswith(("no", "without")):
        return None if shown else "none"
    return ", ".join(shown) or None


def capacity_compared(_: Asking, node: Resource, match: re.Match[str]) -> str | None:
    """`more than 32 cpus`: the node's allocatable amount against the number."""
    what = match["what"]
    amounts = allocatable_of(node)
    name = {"c": "cpu", "m": "memory", "r": "memory", "p": "pods", "g": "gpu"}[what[0]]
    if name == "gpu":
        found = sum((amount for key, amount in amounts.items() if "gpu" in key), Fraction(0))
    else:
        found = amounts.get(name, Fraction(0))
    unit = (match["unit"] or ("g" if name == "memory" else ""))[:1]
    scale = {"": 1, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}[unit] if name == "memory" else 1
    bound = Fraction(int(match["amount"])) * scale
    fits = {
        "more": found > bound, "over": found > bound, "at least": found >= bound,
        "less": found < bound, "fewer": found < bound, "under": found < bound, "at most": found <= bound,
    }[match["order"]]  # fmt: skip
    return f"{format_amount(name, found)} {name}" if fits else None


def unused(asking: Asking, resource: Resource, _: re.Match[str]) -> str | None:
    """No pod, workload, Ingress or the like names it. What each namespace is given by the cluster is not counted."""
    if resource.ref.name in ("kube-root-ca.crt", "default") and resource.ref.kind in ("ConfigMap", "ServiceAccount"):
        return None
    if resource.ref.kind == "PersistentVolume":
        return None if text(resource.status, "phase") == "Bound" else text(resource.status, "phase") or "not bound"
    quiet = (EdgeKind.ABOUT, EdgeKind.OWNED_BY, EdgeKind.RESERVED_BY, EdgeKind.BOUND_TO)
    users = [edge for edge in asking.graph.into(resource.ref) if edge.kind not in quiet]
    return None if users else "nothing that was read names it"


def is_bare(asking: Asking, pod: Resource, _: re.Match[str]) -> str | None:
    """A pod that no controller would make again."""
    return None if asking.graph.owners(pod.ref) else "no owner"


def unprotected(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """No budget, policy, autoscaler or Service is about it."""
    what = match["what"].replace(" ", "")
    kinds = {
        "p": (EdgeKind.PROTECTS,), "n": (EdgeKind.ISOLATES,), "h": (EdgeKind.SCALES,), "a": (EdgeKind.SCALES,),
        "s": (EdgeKind.SELECTS, EdgeKind.SELECTS_TEMPLATE),
    }[what[0]]  # fmt: skip
    refs = {resource.ref, *(pod.ref for pod in asking.view.pods_of(resource.ref))}
    return None if any(asking.graph.into(ref, *kinds) for ref in refs) else f"no {match['what'].removesuffix('s')}"


def is_control_plane(_: Asking, node: Resource, __: re.Match[str]) -> str | None:
    """The role label of control-plane nodes."""
    return "control plane" if any(label in node.labels for label in _CONTROL_PLANE) else None


def worker(_: Asking, node: Resource, __: re.Match[str]) -> str | None:
    """Every other node."""
    return None if any(label in node.labels for label in _CONTROL_PLANE) else "worker"


def runs_version(_: Asking, node: Resource, match: re.Match[str]) -> str | None:
    """Nodes of a kubelet version, in full or its minor release."""
    version = text(node.status, "nodeInfo", "kubeletVersion")
    wanted = match["version"]
    return f"kubelet {version}" if f"{version.removeprefix('v')}.".startswith(f"{wanted}.") else None


def takes_pods(_: Asking, node: Resource, __: re.Match[str]) -> str | None:
    """Ready, not cordoned, and without a taint that keeps ordinary pods off."""
    ready = any(
        text(entry, "type") == "Ready" and text(entry, "status") == "True"
        for entry in children(node.status, "conditions")
    )
    barred = [taint for taint in taints_of(node) if taint.effect != TaintEffect.PREFER_NO_SCHEDULE]
    return "takes ordinary pods" if ready and not barred and node.spec.get("unschedulable") is not True else None


def restarted_more(asking: Asking, pod: Resource, match: re.Match[str]) -> str | None:
    """More restarts than the number."""
    count = sum(container.restarts for container in asking.view.pod(pod).containers)
    return f"{count} restarts" if count > int(match["amount"] or match["amount2"]) else None


def with_phase(_: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """`status.phase` as written."""
    phase = text(resource.status, "phase")
    return phase if phase.lower() == match["phase"] else None


def selects_label(_: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """A selector that asks for the label."""
    selector = mapping(resource.spec, "selector") or mapping(resource.spec, "podSelector")
    pairs = mapping(selector, "matchLabels") or selector
    for key, value in pairs.items():
        if match["key"] in (key.lower(), key.lower().rpartition("/")[2]) and str(value).lower() == match["value"]:
            return f"selects {key}={value}"
    return None


def tolerates_taint(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """Tolerates a taint that some node carries and whose key or value holds the word (any taint without a word)."""
    word = (match["key"] or "").removesuffix("taint").strip()
    tolerations = list(children(asking.view.template(resource.ref), "tolerations"))
    for node in asking.graph.of_kind("Node"):
        for taint in taints_of(node):
            meant = not word or word in ("taint", "taints") or word in taint.key.lower() or word == taint.value.lower()
            if meant and any(tolerates(toleration, taint) for toleration in tolerations):
                return f"tolerates {taint}"
    return None


def on_port(asking: Asking, resource: Resource, match: re.Match[str]) -> str | None:
    """A Service's port, target or node port, or a port that containers declare."""
    port = match["port"]
    if resource.ref.kind == "Service":
        for entry in children(resource.spec, "ports"):
            for field in ("port", "targetPort", "nodePort"):
                if text(entry, field) == port:
                    return f"{field} {port}"
        return None
    for container in containers(asking, resource):
        for entry in children(container, "ports"):
            if text(entry, "containerPort") == port:
                return f"container {text(container, 'name')} declares {port}"
    return None


def below_strength(_: Asking, resource: Resource, __: re.Match[str]) -> str | None:
    """Fewer ready pods than wanted."""
    ready = number(resource.status, "numberReady" if resource.ref.kind == "DaemonSet" else "readyReplicas")
    return f"{replicas(resource) - ready} missing" if ready < replicas(resource) else None


def none_ready(_: Asking, resource: Resource, __: re.Match[str]) -> str | None:
    """Pods are wanted and none is ready."""
    ready = number(resource.status, "numberReady" if resource.ref.kind == "DaemonSet" else "readyReplicas")
    return f"0 of {replicas(resource)} ready" if ready == 0 and replicas(resource) > 0 else None


def holds_no_pods(asking: Asking, resource: Resource, _: re.Match[str]) -> str | None:
    """A node with no pod but those that every node has, or a namespace without pods."""
    if resource.ref.kind == "Namespace":
        return None if asking.graph.of_kind("Pod", resource.ref.name) else "no pods"
    own = [asking.graph.owners(pod.ref) for pod in pods_on(asking.graph, resource.ref)]
    daemons = sum(1 for owners in own if owners and owners[0].kind in ("DaemonSet", "Node"))
    if len(own) > daemons:
        return None
    return f"no pods but {daemons} of DaemonSets" if daemons else "no pods"


def seen_outside(asking: Asking, service: Resource, _: re.Match[str]) -> str | None:
    """A node port, a load balancer, an external address, or a route that leads to it."""
    kind = text(service.spec, "type")
    if kind in ("NodePort", "LoadBalancer"):
        return f"type {kind}"
    if service.spec.get("externalIPs"):
        return "external IPs"
    routes = routes_to(asking, service.ref)
    return f"behind {routes[0].ref}" if routes else None
