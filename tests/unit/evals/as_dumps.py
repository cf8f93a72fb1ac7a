"""Writes a recording out as the dumps that other tools make of a cluster: a cluster-info dump, and a must-gather tree.

Promise: the layouts are those of the tools; what a tool does not collect is left out.
"""

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from copilot.model.kinds import built_in

Item = dict[str, Any]
_IN_CLUSTER_INFO = {  # what kubectl cluster-info dump lists in every namespace, and its file names
    "Event": "events", "ReplicationController": "replication-controllers", "Service": "services", "DaemonSet": "daemonsets",
    "Deployment": "deployments", "ReplicaSet": "replicasets", "Pod": "pods",
}  # fmt: skip
_IN_MUST_GATHER = {
    "Pod": "v1", "Service": "v1", "ConfigMap": "v1", "PersistentVolumeClaim": "v1", "Event": "v1",
    "Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1",
    "Job": "batch/v1", "CronJob": "batch/v1", "NetworkPolicy": "networking.k8s.io/v1",
}  # fmt: skip
_GROUPS = {"Event": "v1", "ReplicationController": "v1", "Service": "v1", "Pod": "v1"}


def objects_of(recording: Path) -> list[Item]:
    """Every object of a recording."""
    items: list[Item] = json.loads(gzip.decompress((recording / "objects.json.gz").read_bytes()))["items"]
    return items


def cluster_info_dump(recording: Path, target: Path) -> Path:
    """`kubectl cluster-info dump --output-directory DIR -A -o json`: its seven kinds, nodes, and the current logs."""
    by_list: dict[tuple[str, str], list[Item]] = defaultdict(list)
    namespaces = []
    for item in objects_of(recording):
        if item["kind"] == "Namespace":
            namespaces.append(item["metadata"]["name"])
        by_list[item["metadata"].get("namespace", ""), item["kind"]].append(item)
    target.mkdir(parents=True)
    _list(target / "nodes.json", "Node", "v1", by_list["", "Node"])
    for namespace in namespaces:
        for kind, name in _IN_CLUSTER_INFO.items():
            version = _GROUPS.get(kind, "apps/v1")
            _list(target / namespace / f"{name}.json", kind, version, by_list[namespace, kind])
    for namespace, pod, containers in _logs(recording):
        text = "".join(
            f"==== START logs for container {name} of pod {namespace}/{pod} ====\n{content}"
            f"==== END logs for container {name} of pod {namespace}/{pod} ====\n"
            for name, content in containers.items()
            if not name.endswith(".previous")
        )
        path = target / namespace / pod / "logs.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return target


def must_gather(recording: Path, target: Path) -> Path:
    """`oc adm must-gather`: lists by group and kind, pods once more and cluster-scoped objects one a file, logs by container.

    The files hold JSON, which is YAML too and is read in a tenth of the time.
    """
    lists: dict[Path, list[Item]] = defaultdict(list)
    kinds: dict[Path, tuple[str, str]] = {}
    for item in objects_of(recording):
        namespace, name = item["metadata"].get("namespace", ""), item["metadata"]["name"]
        group, plural = item["apiVersion"].rpartition("/")[0] or "core", _plural(item)
        if not namespace:
            _one(target / "cluster-scoped-resources" / group / plural / f"{name.replace(':', '-')}.yaml", item)
            continue
        if item["kind"] == "Pod":
            _one(target / "namespaces" / namespace / "pods" / name / f"{name}.yaml", item)
        lists[target / "namespaces" / namespace / group / f"{plural}.yaml"].append(item)
        for kind, version in _IN_MUST_GATHER.items():  # asked for in every namespace, and written when there is none
            group = version.rpartition("/")[0] or "core"
            made = target / "namespaces" / namespace / group / f"{_plural({'kind': kind})}.yaml"
            lists.setdefault(made, [])
            kinds[made] = (kind, version)
    for path, items in lists.items():
        _list(path, *((items[0]["kind"], items[0]["apiVersion"]) if items else kinds[path]), items)
    for namespace, pod, containers in _logs(recording):
        for name, content in containers.items():
            container, previous = name.removesuffix(".previous"), name.endswith(".previous")
            path = target / "namespaces" / namespace / "pods" / pod / container / container / "logs"
            path.mkdir(parents=True, exist_ok=True)
            (path / ("previous.log" if previous else "current.log")).write_text(content)
    return target


def _plural(item: Item) -> str:
    known = built_in(item["kind"])
    return known.plural if known else f"{item['kind'].lower()}s"


def _list(path: Path, kind: str, version: str, items: list[Item]) -> None:
    """A typed list, whose items do not say their kind, as Go prints it."""
    bare = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
    _one(path, {"kind": f"{kind}List", "apiVersion": version, "metadata": {"resourceVersion": "1"}, "items": bare})


def _one(path: Path, body: Item) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body))


def _logs(recording: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(namespace, pod, {container or container.previous: text})."""
    for pod in sorted((recording / "logs").glob("*/*")):
        yield pod.parent.name, pod.name, {file.stem: file.read_text() for file in sorted(pod.glob("*.log"))}
