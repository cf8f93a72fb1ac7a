"""What a diagnosis would want beyond the objects, before it is made: logs of what is in trouble or complained of, proxy configuration.

Everything is bounded and asked for by name: a cluster's configuration is not read because it is there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from copilot.diagnosis.addresses import config_maps_of
from copilot.diagnosis.complaints import complained_of, complaints
from copilot.diagnosis.view import View
from copilot.model import Ref, Resource, children, mapping, text, texts
from retrievers.graph import EdgeKind, ResourceGraph

PODS_PER_OWNER = 2  # replicas of one workload fail alike
MAX_LOGS = 60  # requests: each is a round trip to a kubelet


def wanted_logs(graph: ResourceGraph, namespace: str | None = None) -> list[tuple[str, str, str, bool]]:
    """(namespace, pod, container, previous) of every log worth asking for, without those already there.

    Those of `namespace`, which is asked about, come first: trouble elsewhere may want more logs than are read.
    """
    found = dict.fromkeys(_wanted(View(graph)))
    return sorted(found, key=lambda wanted: wanted[0] != namespace)[:MAX_LOGS]


def _wanted(view: View) -> Iterator[tuple[str, str, str, bool]]:
    taken: Counter[Ref] = Counter()
    for pod in view.placed:
        if taken[pod.owner] >= PODS_PER_OWNER or (pod.failed and view.superseded(pod)):
            continue
        taken[pod.owner] += 1
        blocking = pod.blocking_init()
        for container in pod.containers:
            if blocking is not None and container is not blocking:
                continue
            if container.state == "" or (container.state == "waiting" and container.exit_code is None):
                continue
            if view.graph.logs(pod.ref, container.name):
                continue
            if container.restarts and not container.init:
                yield (pod.ref.namespace, pod.ref.name, container.name, True)
            yield (pod.ref.namespace, pod.ref.name, container.name, False)


MAX_CALLEES = 20  # logs of pods that are ready and complained of
MAX_CONFIGS = 10  # ConfigMaps whose values are asked for: a failing path has one or two proxies
_PROXY = re.compile(
    r"nginx|envoy|haproxy|traefik|caddy|httpd|apache|openresty|kong|varnish|squid|apisix|gateway|proxy", re.IGNORECASE
)
_PROXY_FILE = re.compile(r"\.conf$|\.cfg$|^(?:envoy|traefik|kong|routes?|clusters?|listeners?|gateway|upstreams?)\.(?:ya?ml|json|toml)$|Caddyfile|^default$", re.IGNORECASE)  # fmt: skip


def wanted_callees(graph: ResourceGraph) -> list[tuple[str, str, str, bool]]:
    """The logs, in the form of `wanted_logs`, of ready pods whose callers complain in the logs that were read."""
    return list(dict.fromkeys(_callees(View(graph))))[:MAX_CALLEES]


def _callees(view: View) -> Iterator[tuple[str, str, str, bool]]:
    for service in sorted(complained_of(view)):
        pods = [edge.target for edge in view.graph.out(service, EdgeKind.SELECTS) if edge.target.kind == "Pod"]
        for ref in sorted(pods)[:PODS_PER_OWNER]:
            resource = view.graph.get(ref)
            for container in view.pod(resource).containers if resource is not None else ():
                if container.state == "running" and not container.init and not view.graph.logs(ref, container.name):
                    yield (ref.namespace, ref.name, container.name, False)


def wanted_configs(graph: ResourceGraph) -> list[Ref]:
    """The ConfigMaps without values that proxies mount on a path that fails: in trouble, complaining, or between such pods."""
    view = View(graph)
    failing = {pod.owner for pod in view.troubled} | {one.pod.owner for one in complaints(view)}
    near = failing | {graph.top_owner(pod) for service in complained_of(view) for pod in _pods_behind(view, service)}
    namespaces = {owner.namespace for owner in near}
    found: dict[Ref, bool] = {}
    for pod in graph.of_kind("Pod", group="") if near else ():
        owner = graph.top_owner(pod.ref)
        if owner not in near and not (pod.ref.namespace in namespaces and _is_entrance(view, pod.ref)):
            continue
        proxy = any(
            _PROXY.search(text(container, "image").rpartition("/")[2]) for container in children(pod.spec, "containers")
        )
        for volume in children(pod.spec, "volumes"):
            for name in config_maps_of(volume):
                held = graph.get(Ref("ConfigMap", pod.ref.namespace, name))
                if held is not None and _lacks_values(held) and (proxy or _names_a_proxy(held)):
                    found[held.ref] = found.get(held.ref, False) or owner in failing
    return sorted(found, key=lambda ref: (not found[ref], ref))[:MAX_CONFIGS]


def _pods_behind(view: View, service: Ref) -> list[Ref]:
    return [edge.target for edge in view.graph.out(service, EdgeKind.SELECTS)]


def _is_entrance(view: View, pod: Ref) -> bool:
    """Whether a route from outside leads to the pod."""
    services = [edge.source for edge in view.graph.into(pod, EdgeKind.SELECTS)]
    return any(view.graph.into(service, EdgeKind.ROUTES_TO) for service in services)


def _lacks_values(held: Resource) -> bool:
    return not mapping(held.body, "data") and bool(texts(held.body, "dataKeys")) and held.ref.name != "kube-root-ca.crt"


def _names_a_proxy(held: Resource) -> bool:
    return any(_PROXY_FILE.search(key) for key in texts(held.body, "dataKeys"))
