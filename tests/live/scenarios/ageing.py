"""Makes what stands in a cluster old, so that a failure of today meets workloads of last week.

The API server sets creation times itself and takes none from a client, so this writes to the test bed's etcd, in the
JSON that the server reads as well as its own encoding. Promise: nothing but times changes, and all by the same amount.
"""

import base64
import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.live.testbed.cluster import Cluster
from tests.live.testbed.errors import TestbedError

from .scenario import Object

_MOMENT = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z"')
_STORED = {  # kinds that are made old, and where the server keeps them
    "pods": "pods", "deployments.apps": "deployments", "replicasets.apps": "replicasets",
    "statefulsets.apps": "statefulsets", "daemonsets.apps": "daemonsets", "jobs.batch": "jobs",
    "cronjobs.batch": "cronjobs", "services": "services/specs", "configmaps": "configmaps", "secrets": "secrets",
    "serviceaccounts": "serviceaccounts", "persistentvolumeclaims": "persistentvolumeclaims",
    "resourcequotas": "resourcequotas", "limitranges": "limitranges", "ingresses.networking.k8s.io": "ingress",
    "poddisruptionbudgets.policy": "poddisruptionbudgets", "horizontalpodautoscalers.autoscaling": "horizontalpodautoscalers", "endpointslices.discovery.k8s.io": "endpointslices",
    "controllerrevisions.apps": "controllerrevisions",
}  # fmt: skip
_LIVE = ("lastHeartbeatTime", "renewTime")  # a kubelet that lives tells the time of now
NODE_AGE = timedelta(days=41, hours=7)
ATTEMPTS = 5
EXTRA = "testbed/extra"  # the annotation of a node that came with a scenario
WHOLE = "--show-managed-fields"  # what is read here is written back
_COMPACT = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False
)  # the data of a ControllerRevision may not change by a space


def make_old(cluster: Cluster, namespaces: tuple[str, ...], age: timedelta, *, keep_events: bool = False) -> None:
    """Move every time in these namespaces back by `age`, and drop their events, as a server does after an hour."""
    _nodes_once(cluster)
    kinds = ",".join([*_STORED, "events"] if keep_events else _STORED)
    if keep_events:
        _own_nodes(cluster, age)
    for namespace in namespaces:
        _store(cluster, "namespaces", cluster.get("namespace", namespace, WHOLE), age)
        for item in cluster.get(kinds, "-n", namespace, WHOLE)["items"]:
            _store(cluster, _stored_as(item), item, age)
        if not keep_events:
            cluster.kubectl("delete", "events", "--all", "-n", namespace)


def moved(text: str, by: timedelta) -> str:
    """The same JSON with every time in it moved."""

    def move(match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC) + by
        return f'"{moment:%Y-%m-%dT%H:%M:%S}{match[2] or ""}Z"'

    return _MOMENT.sub(move, text)


def _nodes_once(cluster: Cluster) -> None:
    for node in cluster.get("nodes", WHOLE)["items"]:
        born = datetime.fromisoformat(node["metadata"]["creationTimestamp"])
        if datetime.now(UTC) - born < timedelta(days=1):
            _store(cluster, "minions", node, NODE_AGE)
    cluster.kubectl("delete", "events", "--all", "-n", "default")


def _own_nodes(cluster: Cluster, age: timedelta) -> None:
    """Move the times of the nodes that came with a scenario, and of what was said of nodes."""
    for node in cluster.get("nodes", WHOLE)["items"]:
        if EXTRA in node["metadata"].get("annotations", {}):
            _store(cluster, "minions", node, age)
    for event in cluster.get("events", "-n", "default", WHOLE)["items"]:
        _store(cluster, "events", event, age)


def _stored_as(item: Object) -> str:
    group = item["apiVersion"].rpartition("/")[0]
    kind = item["kind"].lower()
    plural = f"{kind}es" if kind.endswith("ss") else f"{kind}s"
    if kind == "event":
        return "events"
    return _STORED[f"{plural}.{group}" if group else plural]


def _store(cluster: Cluster, stored: str, item: Object, age: timedelta) -> None:
    """Write the moved object where nobody changed it meanwhile; read it again and repeat where somebody did."""
    namespace, name = item["metadata"].get("namespace"), item["metadata"]["name"]
    key = "/".join(part for part in ("/registry", stored, namespace, name) if part)
    where = ("-n", namespace) if namespace else ()
    for _ in range(ATTEMPTS):
        body = json.loads(moved(json.dumps(item), -age))
        for path, moment in _kept(item):
            _put(body, path, moment)
        if _swap(_address(cluster), key, body, int(body["metadata"].pop("resourceVersion"))):
            return
        item = cluster.get(item["kind"], name, *where, WHOLE)
    raise TestbedError(f"{key} changes all the time", "wait until it has settled")


def _swap(address: str, key: str, body: Object, version: int) -> bool:
    compare = {"key": _base64(key), "target": "MOD", "result": "EQUAL", "modRevision": version}
    put = {"requestPut": {"key": _base64(key), "value": _base64(_COMPACT.encode(body))}}
    answer = _call(f"{address}/v3/kv/txn", {"compare": [compare], "success": [put]})
    return bool(answer.get("succeeded"))


def _kept(item: Object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    conditions = item.get("status", {}).get("conditions", [])
    if any(condition["status"] == "Unknown" for condition in conditions):
        return
    for number, condition in enumerate(conditions):
        for name in _LIVE:
            if isinstance(condition.get(name), str):
                yield ("status", "conditions", number, name), condition[name]


def _put(body: Any, path: tuple[str | int, ...], value: str) -> None:
    for step in path[:-1]:
        body = body[step]
    body[path[-1]] = value


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _call(url: str, body: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _address(cluster: Cluster) -> str:
    """Where the cluster's etcd listens: what its command line says."""
    pid = cluster.facts()["processes"]["etcd"][0]
    words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    for word in words:
        if word.startswith("--listen-client-urls="):
            return word.partition("=")[2]
    raise TestbedError("etcd's command line names no address", "start the cluster again")
