"""A second, slow reading of the policy APIs, written from their definitions: enumerates, shares no code with the program.

NetworkPolicy: k8s.io/api/networking/v1. AdminNetworkPolicy, BaselineAdminNetworkPolicy: network-policy-api v1alpha1.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

Json = dict[str, Any]


def holds(selector: Json, labels: Json) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for one in selector.get("matchExpressions", []):
        has = one["key"] in labels
        inside = has and labels[one["key"]] in one.get("values", [])
        if not {"In": inside, "NotIn": not inside, "Exists": has, "DoesNotExist": not has}[one["operator"]]:
            return False
    return True


class World:
    """Namespaces (name → labels), pods and policies as plain API objects."""

    def __init__(self, namespaces: dict[str, Json], pods: list[Json], policies: list[Json], admin: list[Json], baseline: list[Json]) -> None:  # fmt: skip
        self.namespaces = namespaces
        self.pods = pods
        self.policies = policies
        self.admin = admin
        self.baseline = baseline

    def labels_of(self, namespace: str) -> Json:
        return {**self.namespaces[namespace], "kubernetes.io/metadata.name": namespace}

    def passes(self, source: Any, target: Any, port: int, protocol: str) -> bool:
        """`source` and `target` are pods, or address strings."""
        if isinstance(source, dict) and source is target:
            return True
        out = not isinstance(source, dict) or self._way("Egress", source, target, target, port, protocol)
        return out and (not isinstance(target, dict) or self._way("Ingress", target, source, target, port, protocol))

    def _way(self, way: str, own: Json, other: Any, listener: Any, port: int, protocol: str) -> bool:
        verdict = self._first(self.admin, way, own, other, listener, port, protocol)
        if verdict in ("Allow", "Deny"):
            return verdict == "Allow"
        chosen = [
            policy
            for policy in self.policies
            if policy["metadata"]["namespace"] == own["metadata"]["namespace"]
            and holds(policy["spec"]["podSelector"], own["metadata"]["labels"])
            and way in self._types(policy)
        ]
        if chosen:
            return any(self._lets(policy, way, other, listener, port, protocol) for policy in chosen)
        return self._first(self.baseline, way, own, other, listener, port, protocol) != "Deny"

    @staticmethod
    def _types(policy: Json) -> list[str]:
        spec = policy["spec"]
        if spec.get("policyTypes"):
            return list(spec["policyTypes"])
        return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]

    def _lets(self, policy: Json, way: str, other: Any, listener: Any, port: int, protocol: str) -> bool:
        for rule in policy["spec"].get(way.lower()) or []:
            peers = rule.get("to" if way == "Egress" else "from") or []
            ports = rule.get("ports") or []
            peer_ok = not peers or any(self._peer(policy, peer, other) for peer in peers)
            port_ok = not ports or any(self._port(one, listener, port, protocol) for one in ports)
            if peer_ok and port_ok:
                return True
        return False

    def _peer(self, policy: Json, peer: Json, other: Any) -> bool:
        if "ipBlock" in peer:
            ip = ip_address(other["status"]["podIP"] if isinstance(other, dict) else other)
            block = peer["ipBlock"]
            return ip in ip_network(block["cidr"]) and all(ip not in ip_network(x) for x in block.get("except", []))
        if not isinstance(other, dict):
            return False
        place = other["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            place_ok = holds(peer["namespaceSelector"], self.labels_of(place))
        else:
            place_ok = place == policy["metadata"]["namespace"]
        return place_ok and holds(peer.get("podSelector", {}), other["metadata"]["labels"])

    @staticmethod
    def _port(entry: Json, listener: Any, port: int, protocol: str) -> bool:
        if entry.get("protocol", "TCP") != protocol:
            return False
        wanted = entry.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, str):
            return World._is_named(listener, wanted, port, protocol)
        return wanted <= port <= entry.get("endPort", wanted)

    @staticmethod
    def _is_named(listener: Any, name: str, port: int, protocol: str) -> bool:
        if not isinstance(listener, dict):
            return False
        return any(
            one.get("name") == name and one["containerPort"] == port and one.get("protocol", "TCP") == protocol
            for container in listener["spec"]["containers"]
            for one in container.get("ports", [])
        )

    def _first(self, policies: list[Json], way: str, own: Json, other: Any, listener: Any, port: int, protocol: str) -> str:  # fmt: skip
        for policy in sorted(policies, key=lambda one: one["spec"].get("priority", 0)):
            if not self._chosen(policy["spec"]["subject"], own):
                continue
            for rule in policy["spec"].get(way.lower(), []):
                peers = rule["to" if way == "Egress" else "from"]
                fits = any(self._admin_peer(peer, other) for peer in peers)
                if fits and ("ports" not in rule or any(self._admin_port(p, listener, port, protocol) for p in rule["ports"])):  # fmt: skip
                    return str(rule["action"])
        return ""

    def _chosen(self, chooser: Json, pod: Any) -> bool:
        if not isinstance(pod, dict):
            return False
        place = self.labels_of(pod["metadata"]["namespace"])
        if "namespaces" in chooser:
            return holds(chooser["namespaces"], place)
        both = chooser["pods"]
        return holds(both["namespaceSelector"], place) and holds(both["podSelector"], pod["metadata"]["labels"])

    def _admin_peer(self, peer: Json, other: Any) -> bool:
        if "networks" in peer:
            ip = ip_address(other["status"]["podIP"] if isinstance(other, dict) else other)
            return any(ip in ip_network(block) for block in peer["networks"])
        return self._chosen(peer, other)

    @staticmethod
    def _admin_port(entry: Json, listener: Any, port: int, protocol: str) -> bool:
        if "namedPort" in entry:
            return World._is_named(listener, entry["namedPort"], port, protocol)
        if "portNumber" in entry:
            return bool(entry["portNumber"]["protocol"] == protocol and entry["portNumber"]["port"] == port)
        span = entry["portRange"]
        return bool(span["protocol"] == protocol and span["start"] <= port <= span["end"])
