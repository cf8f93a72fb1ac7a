"""Measures what reading a large dump costs: seconds, and peak memory as a multiple of the dump's size. Prints one table.

    python -m benches.bench_dump [--mib 100] [--shape folder list yaml archive]

Each dump is made up of pods and events whose texts differ as real ones do (names, uids, addresses, image digests, times), written
to a temporary folder and read by a fresh process, whose peak resident memory is the kernel's own figure.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHAPES = ("folder", "list", "yaml", "archive")
QUICK_MIB = 100
PODS_PER_WORKLOAD = 4
PODS_PER_NAMESPACE = 100
_STAMP = "2026-03-01T{:02d}:{:02d}:{:02d}Z"
_TOLERATIONS = [
    {"effect": "NoExecute", "key": f"node.kubernetes.io/{key}", "operator": "Exists", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]


def _digest(*parts: object) -> str:
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def _uid(*parts: object) -> str:
    digest = _digest(*parts)
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"


def _stamp(number: int) -> str:
    return _STAMP.format(number // 3600 % 24, number // 60 % 60, number % 60)


def pod(number: int) -> dict[str, Any]:
    """A running pod with two containers, as a kubelet reports it."""
    workload, namespace = number // PODS_PER_WORKLOAD, f"team-{number // PODS_PER_NAMESPACE}"
    token = f"kube-api-access-{_digest(number)[:5]}"
    names = ("app", "sidecar")
    mounts = [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": token, "readOnly": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"web-{workload}-{_digest(workload)[:10]}-{_digest(number)[:5]}",
            "generateName": f"web-{workload}-{_digest(workload)[:10]}-",
            "namespace": namespace,
            "uid": _uid("pod", number),
            "resourceVersion": str(1_000_000 + number),
            "creationTimestamp": _stamp(number),
            "labels": {"app": f"web-{workload}", "pod-template-hash": _digest(workload)[:10], "team": namespace},
            "annotations": {"checksum/config": _digest("config", workload), "prometheus.io/scrape": "true"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": f"web-{workload}-{_digest(workload)[:10]}",
                    "uid": _uid("rs", workload),
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": {
            "containers": [_container(name, workload, mounts) for name in names],
            "nodeName": f"node-{number % 500}",
            "restartPolicy": "Always",
            "serviceAccountName": f"web-{workload}",
            "schedulerName": "default-scheduler",
            "terminationGracePeriodSeconds": 30,
            "tolerations": _TOLERATIONS,
            "volumes": [_token_volume(token), {"name": "config", "configMap": {"name": f"web-{workload}"}}],
        },
        "status": _status(number, workload, names),
    }


def _container(name: str, workload: int, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10, "timeoutSeconds": 1}
    return {
        "name": name,
        "image": f"registry.example/{name}-{workload}:1.{workload % 40}.0",
        "imagePullPolicy": "IfNotPresent",
        "args": [f"--service=web-{workload}", "--log-level=info", "--listen=:8080"],
        "env": [{"name": f"SETTING_{i}", "value": f"value-{workload % 50}-{i}"} for i in range(8)],
        "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "resources": {"limits": {"memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "terminationMessagePath": "/dev/termination-log",
        "volumeMounts": [*mounts, {"mountPath": "/etc/web", "name": "config"}],
    }


def _token_volume(name: str) -> dict[str, Any]:
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
    ]
    return {"name": name, "projected": {"defaultMode": 420, "sources": sources}}


def _status(number: int, workload: int, names: tuple[str, ...]) -> dict[str, Any]:
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "hostIP": f"172.16.{number % 500 >> 8}.{number % 500 & 255}",
        "qosClass": "Burstable",
        "startTime": _stamp(number),
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": _stamp(number + i)}
            for i, kind in enumerate(kinds)
        ],
        "containerStatuses": [
            {
                "name": name,
                "containerID": f"containerd://{_digest('c', number, name)}",
                "image": f"registry.example/{name}-{workload}:1.{workload % 40}.0",
                "imageID": f"registry.example/{name}-{workload}@sha256:{_digest('i', workload, name)}",
                "ready": True,
                "started": True,
                "restartCount": number % 3,
                "lastState": {},
                "state": {"running": {"startedAt": _stamp(number + 2)}},
            }
            for name in names
        ],
    }


def event(number: int) -> dict[str, Any]:
    """The event of that pod's scheduling."""
    about = pod(number)["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{about['name']}.{_digest('e', number)[:16]}",
            "namespace": about["namespace"],
            "uid": _uid("event", number),
            "resourceVersion": str(2_000_000 + number),
            "creationTimestamp": _stamp(number),
        },
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": about["name"], "namespace": about["namespace"]},
        "reason": "Scheduled",
        "message": f"Successfully assigned {about['namespace']}/{about['name']} to node-{number % 500}",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": _stamp(number),
        "lastTimestamp": _stamp(number),
        "source": {"component": "default-scheduler"},
    }


def _objects() -> Iterator[dict[str, Any]]:
    number = 0
    while True:
        yield pod(number)
        yield event(number)
        number += 1


def write_list(path: Path, size: int) -> int:
    """One compact List, as a machine writes it: the worst case, for it holds no blanks."""
    with path.open("wb") as file:
        file.write(b'{"apiVersion":"v1","kind":"List","items":[')
        for number, body in enumerate(_objects()):
            file.write((b"," if number else b"") + json.dumps(body, separators=(",", ":")).encode())
            if file.tell() > size:
                break
        file.write(b"]}")
        return file.tell()


def write_yaml(path: Path, size: int) -> int:
    """One List in YAML, as `kubectl get -o yaml` writes it."""
    with path.open("wb") as file:
        file.write(b"apiVersion: v1\nitems:\n")
        for body in _objects():
            file.write(_yaml(body).encode())
            if file.tell() > size:
                break
        file.write(b'kind: List\nmetadata:\n  resourceVersion: ""\n')
        return file.tell()


def _yaml(value: Any, indent: int = 0, lead: str = "- ") -> str:
    """Block style with two blanks, sequences not indented."""
    if isinstance(value, dict) and value:
        lines, pad = [], " " * indent
        for key, part in value.items():
            if isinstance(part, (dict, list)) and part:
                inner = _yaml(part, indent + 2, "") if isinstance(part, dict) else _sequence(part, indent + 2)
                lines.append(f"{pad}  {key}:\n{inner}")
            else:
                lines.append(f"{pad}  {key}: {json.dumps(part)}\n")
        text = "".join(lines)
        return f"{pad}- {text[indent + 2 :]}" if lead else text
    return " " * indent + lead + json.dumps(value) + "\n"


def _sequence(values: list[Any], indent: int) -> str:
    return "".join(_yaml(value, indent) for value in values)


def write_folder(root: Path, size: int) -> int:
    """A `kubectl cluster-info dump` folder: pretty-printed lists by namespace."""
    total, number = 0, 0
    while total < size:
        namespace = root / f"team-{number // PODS_PER_NAMESPACE}"
        namespace.mkdir(parents=True)
        numbers = range(number, number + PODS_PER_NAMESPACE)
        for name, kind, make in (("pods", "PodList", pod), ("events", "EventList", event)):
            body = {"kind": kind, "apiVersion": "v1", "metadata": {}, "items": [make(i) for i in numbers]}
            text = json.dumps(body, indent=4).encode()
            (namespace / f"{name}.json").write_bytes(text)
            total += len(text)
        number += PODS_PER_NAMESPACE
    return total


def write_archive(path: Path, size: int) -> int:
    """One compact List in a .tar.gz; the size is the unpacked one."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "objects.json")
        written = write_list(plain, size)
        with gzip.open(path, "wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            tar.add(plain, "dump/objects.json")
    return written


def read(path: str) -> None:
    """Read a dump in this process and print what it cost, as JSON."""
    from copilot.app import open_snapshot
    from copilot.target import Target

    started = time.perf_counter()
    snapshot = open_snapshot(Target(paths=(path,)))
    spent = time.perf_counter() - started
    print(json.dumps({"objects": len(snapshot.resources), "seconds": spent, "peak": _peak()}))


def _peak() -> int:
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024


def measure(shape: str, mib: int) -> str:
    """Write a dump of that shape and size, have it read by a fresh process, and give one row of the table."""
    writers = {"folder": write_folder, "list": write_list, "yaml": write_yaml, "archive": write_archive}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "dump.tgz" if shape == "archive" else "dump")
        size = writers[shape](path, mib * 2**20)
        done = subprocess.run(
            [sys.executable, "-m", "benches.bench_dump", "--read", str(path)], capture_output=True, check=True
        )
    cost = json.load(io.BytesIO(done.stdout))
    return (
        f"{shape:<8} {size / 2**20:>7.0f} {cost['objects']:>9,} {cost['seconds']:>8.1f}"
        f" {cost['peak'] / 2**20:>9.0f} {cost['peak'] / size:>6.2f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--mib", type=int, default=QUICK_MIB, help="size of each dump")
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=["folder", "list", "yaml", "archive"])
    parser.add_argument("--read", metavar="PATH", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        read(given.read)
        return
    print("shape        MiB   objects  seconds  peak MiB  ratio")
    for shape in given.shape:
        print(measure(shape, given.mib), flush=True)


if __name__ == "__main__":
    main()
