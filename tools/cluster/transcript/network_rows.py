"""Reads rows of Services, endpoints, Ingresses and NetworkPolicies, as far as their columns show it. Absent cells stay absent."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from tools.cluster.transcript.tables import Row
from tools.cluster.transcript.values import (
    count,
    label_map,
    selector,
    without_nothing,
    words,
)

Parts: TypeAlias = dict[str, Any]


_PORT = re.compile(r"(\d{1,5})(?::(\d{1,5}))?/(\w+)$")


def service_row(row: Row) -> Parts:
    """Service: what `kubectl get` prints of one."""
    ports = []
    for part in words(row.get("PORT(S)")):
        match = _PORT.match(part)
        if match:
            ports.append(
                without_nothing({"port": int(match[1]), "nodePort": int(match[2] or 0) or None, "protocol": match[3]})
            )
    external = row.get("EXTERNAL-IP")
    kind = row.get("TYPE")
    status: dict[str, Any] = {}
    if kind == "LoadBalancer":
        found = [] if external in ("", "<pending>") else words(external)
        status = {"loadBalancer": {"ingress": [{"ip" if item[0].isdigit() else "hostname": item} for item in found]}}
    cluster_ip = (
        "None"
        if row.cells.get("CLUSTER-IP", "") in ("None", "<none>") and kind != "ExternalName"
        else row.get("CLUSTER-IP")
    )
    return {
        "spec": {
            "type": kind,
            "clusterIP": cluster_ip,
            "ports": ports,
            "selector": label_map(row.get("SELECTOR")),
            "externalName": external if kind == "ExternalName" else None,
        },
        "status": status,
    }


def endpoints_row(row: Row) -> Parts:
    """Endpoints: what `kubectl get` prints of one."""
    text, _, _more = row.get("ENDPOINTS").partition(" + ")
    by_port: dict[str, list[str]] = {}
    for part in words(text):
        ip, _, port = part.rpartition(":")
        if ip:
            by_port.setdefault(port, []).append(ip.strip("[]"))
    subsets = [
        {"addresses": [{"ip": ip} for ip in ips], "ports": [{"port": count(port), "protocol": "TCP"}]}
        for port, ips in by_port.items()
    ]
    return {"subsets": subsets}


def endpointslice_row(row: Row) -> Parts:
    """Endpointslice: what `kubectl get` prints of one."""
    text, _, _more = row.get("ENDPOINTS").partition(" + ")
    endpoints = [{"addresses": [address]} for address in words(text)]
    ports = [{"port": count(port)} for port in words(row.get("PORTS").partition(" + ")[0]) if count(port) is not None]
    return {"addressType": row.get("ADDRESSTYPE"), "ports": ports, "endpoints": endpoints}


def ingress_row(row: Row) -> Parts:
    """Ingress: what `kubectl get` prints of one."""
    hosts = [] if row.get("HOSTS") == "*" else words(row.get("HOSTS").partition(" + ")[0])
    addresses = [{"ip" if item[:1].isdigit() else "hostname": item} for item in words(row.get("ADDRESS"))]
    return {
        "spec": {"ingressClassName": row.get("CLASS"), "rules": [{"host": host} for host in hosts]},
        "status": {"loadBalancer": {"ingress": addresses}},
    }


def ingressclass_row(row: Row) -> Parts:
    """Ingressclass: what `kubectl get` prints of one."""
    return {"spec": {"controller": row.get("CONTROLLER")}}


def networkpolicy_row(row: Row) -> Parts:
    """Networkpolicy: what `kubectl get` prints of one."""
    return {"spec": {"podSelector": selector(row.get("POD-SELECTOR"))}}
