"""Who is at an end of a connection: from the words a person types to pods, a Service, a node, addresses or the internet.

Nothing is guessed silently: words that fit several objects, or none, are an error that names the candidates.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import msgspec

from copilot.diagnosis.addresses import service_of
from copilot.diagnosis.policy_match import End, parse_network
from copilot.diagnosis.view import TEMPLATE_PATH, WORKLOADS, View
from copilot.model import Ref, Resource, UsageError, children, mapping, text
from copilot.model.kinds import resolve_kind
from retrievers.graph.resolve import resolve_object

INTERNET = "internet"
_ENDED = ("Succeeded", "Failed")


class Party(msgspec.Struct, frozen=True, eq=False):
    """One end as it was named. `ends` are its pods or address; a Service has none of its own: `service` is resolved by port.

    `block` is a whole block of addresses; `outside` a host name outside the cluster or the internet, whose addresses are unknown.
    """

    name: str
    ends: tuple[End, ...] = ()
    ref: Ref | None = None
    service: Resource | None = None
    ingress: Resource | None = None
    host: str = ""
    block: str = ""
    outside: bool = False
    internet: bool = False
    note: str = ""


def read_party(view: View, words: str, namespace: str | None) -> Party:
    """Resolve `pod/x`, `deploy/x`, `x`, `ns/x`, `ns/kind/x`, a Service's DNS name, an address, a block, `internet`.

    Raises:
        UsageError: nothing fits, or several objects do.
    """
    if words.lower() == INTERNET:
        return Party("the internet", outside=True, internet=True)
    network = parse_network(words)
    if network is not None:
        return _address(view, words) if network.num_addresses == 1 else Party(str(network), block=str(network))
    service = (
        service_of(view, words.lower().rstrip("."), namespace or "") if "." in words and "/" not in words else None
    )
    if service is not None:
        return party_of(view, service)
    ingress = _ingress_for(view, words)
    if ingress is not None:
        return Party(f"{words} ({ingress.ref})", ref=ingress.ref, ingress=ingress, host=words.lower())
    try:
        return party_of(view, _object(view, words, namespace))
    except UsageError:
        if "." not in words or "/" in words or words.endswith(".svc") or ".svc." in words:
            raise
    return Party(words, outside=True, note=f"{words} is no name of this cluster: its addresses are not known here")


def _object(view: View, words: str, namespace: str | None) -> Resource:
    first, _, rest = words.partition("/")
    plain = resolve_kind(first) is None and rest and view.graph.find("Namespace", "", first) is not None
    if rest.count("/") == 1 or (plain and "/" not in rest):
        ref = resolve_object(view.graph, rest, first)
    else:
        ref = resolve_object(view.graph, words, namespace)
    found = view.graph.get(ref)
    assert found is not None, "only objects that were read are resolved"
    return found


def party_of(view: View, resource: Resource) -> Party:
    """The end that an object is.

    Raises:
        UsageError: the object has no pods and no address.
    """
    ref = resource.ref
    name = str(ref)
    if ref.kind == "Service":
        return Party(name, ref=ref, service=resource)
    if ref.kind == "Ingress":
        return Party(name, ref=ref, ingress=resource)
    if ref.kind == "Pod":
        return Party(name, (End(pod=resource),), ref)
    if ref.kind == "Node":
        addresses = [text(entry, "address") for entry in children(resource.status, "addresses") if text(entry, "type") == "InternalIP"]  # fmt: skip
        return Party(name, (End(ip=addresses[0] if addresses else "", node=ref.name),), ref)
    if ref.kind == "Namespace":
        pods = [pod for pod in view.graph.of_kind("Pod", ref.name, "") if _stays(pod)]
    elif ref.kind in WORKLOADS or view.graph.children(ref):
        pods = [fact.resource for fact in view.pods_of(ref) if _stays(fact.resource)]
    else:
        raise UsageError(
            f"{ref} is no end of a connection.", "Name a pod, workload, Service, Ingress, node or address."
        )
    if pods:
        return Party(name, tuple(End(pod=pod) for pod in pods), ref)
    made = _from_template(view, resource)
    if made is None:
        return Party(name, (), ref, note=f"{ref} has no pods")
    return Party(name, (End(pod=made),), ref, note=f"{ref} has no pods: judged for the pod its template would make")


def _stays(pod: Resource) -> bool:
    return text(pod.status, "phase") not in _ENDED


def _from_template(view: View, workload: Resource) -> Resource | None:
    path = TEMPLATE_PATH.get(workload.ref.kind, ("spec", "template"))
    template = mapping(workload.body, *path)
    if workload.ref.kind not in WORKLOADS or not template:
        return None
    ref = Ref("Pod", workload.ref.namespace, f"{workload.ref.name}-(new)")
    meta = {"namespace": ref.namespace, "name": ref.name, "labels": dict(mapping(template, "metadata", "labels"))}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": dict(view.template(workload.ref))}
    return Resource(ref=ref, body=body, source=workload.source)


def _address(view: View, words: str) -> Party:
    """One address: whose it is, when somebody in the cluster has it."""
    ip = str(ipaddress.ip_address(words.partition("/")[0]))
    for kind, has in (("Service", _service_addresses), ("Pod", _pod_addresses), ("Node", _node_addresses)):
        for resource in view.graph.of_kind(kind, group=""):
            if ip in has(resource):
                found = party_of(view, resource)
                return msgspec.structs.replace(found, name=f"{ip} ({found.name})")
    return Party(ip, (End(ip=ip),))


def _service_addresses(service: Resource) -> set[str]:
    balanced = {text(entry, "ip") for entry in children(service.status, "loadBalancer", "ingress")}
    listed = service.spec.get("clusterIPs")
    more = {one for one in listed if isinstance(one, str)} if isinstance(listed, list) else set()
    return {text(service.spec, "clusterIP"), *more, *balanced}


def _pod_addresses(pod: Resource) -> set[str]:
    return set() if pod.spec.get("hostNetwork") is True or not _stays(pod) else set(End(pod=pod).addresses)


def _node_addresses(node: Resource) -> set[str]:
    return {text(entry, "address") for entry in children(node.status, "addresses")}


def _ingress_for(view: View, words: str) -> Resource | None:
    """The Ingress that answers for a host name."""
    if "." not in words or "/" in words:
        return None
    return next((one for one in view.graph.of_kind("Ingress") if words.lower() in set(_hosts(one))), None)


def _hosts(ingress: Resource) -> Iterator[str]:
    for rule in children(ingress.spec, "rules"):
        yield text(rule, "host").lower()
