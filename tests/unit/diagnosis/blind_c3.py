"""What the blind batches of routing, rollouts and custom resources share: a busy cluster, and short words for its parts.

A situation is written from what the failure looks like in a cluster, before the rules of its area were read. Bystanders
are everywhere: healthy apps with their Services, start-up warnings that have passed, a finished drain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.unit.diagnosis.unseen import Case, Situation, base, condition, owned, put, svc

Body = dict[str, Any]
BLIND: list[Situation] = []
CALM: list[tuple[str, Callable[[], Case]]] = []
NETWORKING = "networking.k8s.io/v1"
GATEWAY = "gateway.networking.k8s.io/v1"


def blind(objects: str, words: str) -> Callable[[Callable[[], Case]], Callable[[], Case]]:
    """Declare a failure: the objects that may be named and words one of which the title holds, parted by `|`."""

    def declare(build: Callable[[], Case]) -> Callable[[], Case]:
        accepted, named = tuple(objects.split("|")), tuple(words.lower().split("|"))
        BLIND.append(Situation(build.__name__, lambda: _addressed(build()), accepted, named))
        return build

    return declare


def calm(build: Callable[[], Case]) -> Callable[[], Case]:
    """Declare a cluster in which nothing may be blamed."""
    CALM.append((build.__name__, lambda: _addressed(build())))
    return build


def _addressed(made: Case) -> Case:
    """The same cluster with no two pods at one address."""
    taken: set[str] = set()
    for index, (body, _) in enumerate(made.bodies):
        if body["kind"] == "Pod" and "podIP" in body.get("status", {}):
            if body["status"]["podIP"] in taken:
                body["status"]["podIP"] = f"10.244.9.{index}"
            taken.add(body["status"]["podIP"])
    return made


def ports(*numbers: int | tuple[str, int]) -> Body:
    """Container ports, by number or by name and number."""
    return {"ports": [{"containerPort": n} if isinstance(n, int) else {"name": n[0], "containerPort": n[1]} for n in numbers]}  # fmt: skip


def app(made: Case, name: str, port: int = 8080, *, ns: str = "shop", serve: int = 80, **more: Any) -> Case:
    """A workload that listens, with its Service."""
    main = {"main": {**ports(("http", port)), **more.pop("main", {})}}
    return svc(put(made, name, ns=ns, containers=main, **more), name, serve, port, ns=ns)


def world(*namespaces: str, nodes: Sequence[str] = ("n1", "n2", "n3")) -> Case:
    """A cluster of three nodes with neighbours that are well, and what passed long ago."""
    made = base(*nodes)
    for name in ("observability", "billing", *namespaces):
        made.add("Namespace", name, labels={"kubernetes.io/metadata.name": name}, status={"phase": "Active"})
    app(made, "grafana", 3000, ns="observability")
    app(made, "invoices", 8443, ns="billing", replicas=2)
    put(made, "node-agent", ns="observability", kind="DaemonSet", nodes=list(nodes))
    made.event("Pod", "invoices-abc-x0", "billing", "Unhealthy", "Readiness probe failed: dial tcp 10.244.1.20:8443: connect: connection refused", count=1, last=3400, first=3400)  # fmt: skip
    made.event("Pod", "grafana-abc-x0", "observability", "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.", count=1, last=3500, first=3500)  # fmt: skip
    return made


def slices(made: Case, service: str, addresses: Sequence[str], port: Body, *, ns: str = "shop", ready: bool = True, mark: bool = True) -> Case:  # fmt: skip
    """The EndpointSlice of a Service."""
    return made.add(
        "EndpointSlice", f"{service}-7xk2p", ns, api="discovery.k8s.io/v1", addressType="IPv4", ports=[{"protocol": "TCP", **port}],
        labels={"kubernetes.io/service-name": service} if mark else {},
        endpoints=[{"addresses": [a], "conditions": {"ready": ready, "serving": ready, "terminating": False}} for a in addresses],
    )  # fmt: skip


def policy(made: Case, name: str, ns: str = "shop", **spec: Any) -> Case:
    return made.add("NetworkPolicy", name, ns, api=NETWORKING, spec={"podSelector": {}, **spec})


def ingress(made: Case, name: str, service: str, port: Body | None = None, *, ns: str = "shop", host: str = "shop.example.org", path: str = "/", **spec: Any) -> Case:  # fmt: skip
    entry = {
        "path": path,
        "pathType": "Prefix",
        "backend": {"service": {"name": service, "port": port or {"number": 80}}},
    }
    rules = [{"host": host, "http": {"paths": [entry]}}]
    return made.add("Ingress", name, ns, api=NETWORKING, spec={"rules": rules, **spec}, status={"loadBalancer": {}})


def ingress_nginx(made: Case, logs: str = "") -> Case:
    """The controller of the class `nginx`."""
    made.add("Namespace", "ingress-nginx", labels={"kubernetes.io/metadata.name": "ingress-nginx"})
    made.add("IngressClass", "nginx", api=NETWORKING, spec={"controller": "k8s.io/ingress-nginx"})
    put(made, "ingress-nginx-controller", ns="ingress-nginx", containers={"controller": ports(("http", 80), ("https", 443))}, logs=logs)  # fmt: skip
    svc(made, "ingress-nginx-controller", 80, "http", ns="ingress-nginx", type="LoadBalancer", selector={"app": "ingress-nginx-controller"})  # fmt: skip
    made.bodies[-1][0]["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.20"}]}}
    return made


def held(made: Case, name: str, key: str, text: str, *, mount: str, ns: str = "shop", port: int = 80, **more: Any) -> Case:  # fmt: skip
    """A proxy whose configuration lies in the ConfigMap `<name>-conf`."""
    made.add("ConfigMap", f"{name}-conf", ns, data={key: text})
    main = {**ports(port), "volumeMounts": [{"name": "conf", "mountPath": mount}]}
    put(made, name, ns=ns, containers={"proxy": main}, spec={"volumes": [{"name": "conf", "configMap": {"name": f"{name}-conf"}}]}, **more)  # fmt: skip
    return svc(made, name, 80, port, ns=ns)


def _owner(made: Case, owner: tuple[str, str, str], ns: str) -> Body:
    """Metadata naming a controller (kind, name, apiVersion) of the namespace, or of the cluster."""
    kind, name, api = owner
    known = {body["metadata"]["uid"] for body, _ in made.bodies}
    uid = f"uid-{kind}-{ns}-{name}" if f"uid-{kind}-{ns}-{name}" in known else f"uid-{kind}--{name}"
    return {"ownerReferences": [{"apiVersion": api, "kind": kind, "name": name, "uid": uid, "controller": True}]}


def custom(
    made: Case, kind: str, name: str, ns: str, api: str, *conditions: Body, owner: tuple[str, str, str] | None = None,
    spec: Body | None = None, **status: Any,
) -> Case:  # fmt: skip
    """A custom resource with its conditions; `owner` is (kind, name, apiVersion)."""
    meta: Body = {"generation": 2}
    if owner:
        meta |= _owner(made, owner, ns)
    return made.add(
        kind, name, ns, api=api, metadata=meta, spec=spec or {}, status={"conditions": list(conditions), **status}
    )


def adopt(made: Case, kind: str, name: str, ns: str, owner: tuple[str, str, str]) -> Case:
    """Give an object that was made before its controlling owner (kind, name, apiVersion)."""
    for body, _ in made.bodies:
        if (body["kind"], body["metadata"]["name"], body["metadata"].get("namespace", "")) == (kind, name, ns):
            body["metadata"] |= _owner(made, owner, ns)
            return made
    raise AssertionError((kind, name, ns))


def change(made: Case, kind: str, name: str, ns: str = "shop", **parts: Mapping[str, Any]) -> Case:
    """Lay fields over the metadata, spec or status of an object that was made before."""
    for body, _ in made.bodies:
        if (body["kind"], body["metadata"]["name"], body["metadata"].get("namespace", "")) == (kind, name, ns):
            for part, values in parts.items():
                body[part] = {**body.get(part, {}), **values}
            return made
    raise AssertionError((kind, name, ns))


__all__ = [
    "BLIND", "CALM", "GATEWAY", "NETWORKING", "adopt", "app", "blind", "calm", "change", "condition", "custom", "held",
    "ingress", "ingress_nginx", "owned", "policy", "ports", "put", "slices", "svc", "world",
]  # fmt: skip
