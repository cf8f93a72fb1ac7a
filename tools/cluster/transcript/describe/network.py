"""Reads described Services, Endpoints, EndpointSlices, Ingresses, IngressClasses and NetworkPolicies."""

from __future__ import annotations

import re
from typing import Any

from tools.cluster.transcript.describe.lexer import Entry, table_of
from tools.cluster.transcript.values import (
    count,
    int_or_text,
    label_map,
    present,
    selector,
    truth,
    without_nothing,
    words,
)

_NUMBERED = re.compile(r"(?:(\S+)\s+)?(\S+)/(\w+)$")


def service(root: Entry) -> dict[str, Any]:
    """A Service's spec and status."""
    ports: list[dict[str, Any]] = []
    for child in root.children:
        match = _NUMBERED.match(child.value)
        if child.key == "Port" and match:
            ports.append(
                without_nothing({"name": present(match[1] or ""), "port": count(match[2]), "protocol": match[3]})
            )
        elif child.key == "TargetPort" and ports and match:
            ports[-1]["targetPort"] = int_or_text(match[2])
        elif child.key == "NodePort" and ports and match:
            ports[-1]["nodePort"] = count(match[2])
        elif child.key == "AppProtocol" and ports:
            ports[-1]["appProtocol"] = child.value
    ingress = [
        {"ip" if item[:1].isdigit() else "hostname": item.partition(" ")[0]}
        for item in words(root.word("LoadBalancer Ingress"))
    ]
    cluster_ip = root.get("IP")
    return {
        "spec": {
            "selector": label_map(root.word("Selector")),
            "type": root.word("Type"),
            "ipFamilyPolicy": root.word("IP Family Policy"),
            "ipFamilies": words(root.word("IP Families")),
            "clusterIP": cluster_ip.value if cluster_ip is not None else "",
            "clusterIPs": words(root.word("IPs")),
            "externalIPs": words(root.word("External IPs")),
            "loadBalancerIP": root.word("Desired LoadBalancer IP"),
            "externalName": root.word("External Name"),
            "ports": ports,
            "sessionAffinity": root.word("Session Affinity"),
            "externalTrafficPolicy": root.word("External Traffic Policy"),
            "internalTrafficPolicy": root.word("Internal Traffic Policy"),
            "trafficDistribution": root.word("Traffic Distribution"),
            "loadBalancerSourceRanges": words(root.word("LoadBalancer Source Ranges")),
            "healthCheckNodePort": count(root.word("HealthCheck NodePort")),
        },
        "status": {"loadBalancer": {"ingress": ingress} if ingress else {}},
    }


def endpoints(root: Entry) -> dict[str, Any]:
    """An Endpoints object: every subset begins with `Addresses:`."""
    listed = root.get("Subsets")
    subsets: list[dict[str, Any]] = []
    for child in listed.children if listed is not None else ():
        if child.key == "Addresses":
            subsets.append({"addresses": [{"ip": ip} for ip in words(child.value)]})
        elif child.key == "NotReadyAddresses" and subsets:
            subsets[-1]["notReadyAddresses"] = [{"ip": ip} for ip in words(child.value)]
        elif child.key == "Ports" and subsets:
            subsets[-1]["ports"] = _port_table(child)
    return {"subsets": [without_nothing(subset) for subset in subsets]}


def _port_table(entry: Entry) -> list[dict[str, Any]]:
    return [
        without_nothing(
            {
                "name": present(row.get("Name", "")),
                "port": count(row.get("Port", "")),
                "protocol": row.get("Protocol", ""),
            }
        )
        for row in table_of(entry)
    ]


def endpointslice(root: Entry) -> dict[str, Any]:
    """An EndpointSlice."""
    ports, listed = root.get("Ports"), root.get("Endpoints")
    found = []
    for child in listed.children if listed is not None else ():
        if not child.text.startswith("- "):
            continue
        conditions = child.get("Conditions")
        kind, _, name = child.word("TargetRef").partition("/")
        ready = truth(conditions.word("Ready")) if conditions is not None else None
        found.append(
            without_nothing(
                {
                    "addresses": words(child.value),
                    "conditions": {} if ready is None else {"ready": ready},
                    "hostname": child.word("Hostname"),
                    "targetRef": {"kind": kind, "name": name, "namespace": root.word("Namespace")} if name else {},
                    "nodeName": child.word("NodeName"),
                    "zone": child.word("Zone"),
                }
            )
        )
    return {
        "addressType": root.word("AddressType"),
        "ports": _port_table(ports) if ports is not None else [],
        "endpoints": found,
    }


# -- Ingress -----------------------------------------------------------------------------------------------------------

_BACKEND = re.compile(r"(?P<service>[\w.-]+):(?P<port>[\w-]+) \((?P<endpoints>.*)\)$")
_RESOURCE_BACKEND = re.compile(r"APIGroup: (\S+), Kind: (\S+), Name: (\S+)$")
_TLS = re.compile(r"(?:(SNI routes)|(\S+) terminates) ?(.*)$")


def ingress(root: Entry) -> dict[str, Any]:
    """An Ingress's spec and status."""
    spec: dict[str, Any] = {"ingressClassName": root.word("Ingress Class"), "rules": _rules(root.get("Rules"))}
    default = _backend(root.word("Default backend"))
    if default:
        spec["defaultBackend"] = default
    tls = root.get("TLS")
    spec["tls"] = [
        without_nothing({"secretName": match[2], "hosts": words(match[3])})
        for child in (tls.children if tls is not None else ())
        if (match := _TLS.match(child.text))
    ]
    addresses = [{"ip" if item[:1].isdigit() else "hostname": item} for item in words(root.word("Address"))]
    return {"spec": spec, "status": {"loadBalancer": {"ingress": addresses} if addresses else {}}}


def _rules(entry: Entry | None) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    base = None
    for line in entry.raw[1:] if entry is not None else ():
        if not line.strip(" -"):
            continue
        indent = len(line) - len(line.lstrip())
        base = indent if base is None else base
        parts = line.split()
        if indent == base and len(parts) == 1:
            rules.append({"host": "" if parts[0] == "*" else parts[0], "http": {"paths": []}})
        elif indent > base and rules and len(parts) >= 2:
            path, _, backend = line.strip().partition(" ")
            rules[-1]["http"]["paths"].append({"path": path, "backend": _backend(backend.strip())})
        elif indent > base and rules and len(parts) == 1:
            rules[-1]["http"]["paths"].append({"backend": _backend(parts[0])})
    return [without_nothing(rule) for rule in rules]


def _backend(text: str) -> dict[str, Any]:
    match = _BACKEND.match(text)
    if match:
        port = match["port"]
        return {
            "service": {"name": match["service"], "port": {"number": int(port)} if port.isdigit() else {"name": port}}
        }
    match = _RESOURCE_BACKEND.match(text)
    if match:
        return {"resource": without_nothing({"apiGroup": present(match[1]), "kind": match[2], "name": match[3]})}
    return {}


def ingress_class(root: Entry) -> dict[str, Any]:
    """An IngressClass's spec."""
    parameters = root.get("Parameters")
    found = {}
    if parameters is not None:
        found = without_nothing(
            {"apiGroup": parameters.word("APIGroup"), "kind": parameters.word("Kind"), "name": parameters.word("Name")}
        )
    return {"spec": {"controller": root.word("Controller"), "parameters": found}}


# -- NetworkPolicy -----------------------------------------------------------------------------------------------------

_TO_PORT = re.compile(r"([\w-]+)/(\w+)$")
_TO_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})/(\w+)$")


def network_policy(root: Entry) -> dict[str, Any]:
    """A NetworkPolicy's spec: an empty list of rules isolates, an empty rule allows all."""
    entry = root.get("Spec")
    if entry is None:
        return {}
    spec: dict[str, Any] = {
        "podSelector": {} if entry.word("PodSelector").startswith("<none>") else _selector(entry.word("PodSelector")),
        "policyTypes": words(entry.word("Policy Types")),
    }
    for title, field, peers in (("ingress", "ingress", "from"), ("egress", "egress", "to")):
        section = entry.get(f"Allowing {title} traffic")
        if section is not None:
            spec[field] = _policy_rules(section, peers)
    return {"spec": spec}


def _policy_rules(section: Entry, peers: str) -> list[dict[str, Any]]:
    if section.children and section.children[0].text.startswith("<none>"):
        return []
    rules: list[dict[str, Any]] = [{}]
    for child in section.children:
        if child.text.startswith("----"):
            rules.append({})
        elif child.key in ("To Port", "To Port Range"):
            port = _policy_port(child)
            if port:
                rules[-1].setdefault("ports", []).append(port)
        elif child.key.lower() == peers and not child.value.startswith("<any>"):
            rules[-1].setdefault(peers, []).append(_peer(child))
    return rules


def _policy_port(entry: Entry) -> dict[str, Any]:
    match = _TO_RANGE.match(entry.value)
    if match:
        return {"port": int(match[1]), "endPort": int(match[2]), "protocol": match[3]}
    match = _TO_PORT.match(entry.value)
    return {"port": int_or_text(match[1]), "protocol": match[2]} if match else {}


def _peer(entry: Entry) -> dict[str, Any]:
    peer: dict[str, Any] = {}
    for child in entry.children:
        if child.key in ("NamespaceSelector", "PodSelector"):
            peer[child.key[0].lower() + child.key[1:]] = _selector(child.value)
        elif child.key == "IPBlock":
            peer["ipBlock"] = without_nothing({"cidr": child.word("CIDR"), "except": words(child.word("Except"))})
    return peer


def _selector(text: str) -> dict[str, Any]:
    return {} if text.startswith("<none>") else selector(text)


def endpoints_shown(root: Entry, name: str, namespace: str) -> dict[str, Any]:
    """The ready addresses of a Service as `describe svc` lists them (three at most), as a part of its Endpoints object."""
    by_port: dict[str, list[str]] = {}
    for child in root.children:
        if child.key != "Endpoints":
            continue
        for item in words(child.value.partition(" + ")[0]):
            ip, _, port = item.rpartition(":")
            by_port.setdefault(port, []).append(ip.strip("[]"))
    subsets = [
        {"addresses": [{"ip": ip} for ip in ips], "ports": [without_nothing({"port": count(port)})]}
        for port, ips in by_port.items()
    ]
    body = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name, "namespace": namespace}}
    return body | ({"subsets": subsets} if subsets else {})
