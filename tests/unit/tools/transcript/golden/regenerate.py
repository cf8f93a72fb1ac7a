"""Stores what kubectl prints of objects.yaml beside what the API holds. Run by hand, against a throw-away cluster.

python regenerate.py KUBECONFIG VERSION=PATH_OF_KUBECTL ...
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
NAMESPACED = [
    "pod",
    "deploy",
    "rs",
    "sts",
    "ds",
    "rc",
    "job",
    "cronjob",
    "svc",
    "endpoints",
    "endpointslice",
    "ingress",
    "netpol",
    "cm",
    "secret",
    "pvc",
    "quota",
    "limits",
    "hpa",
    "pdb",
    "sa",
    "role",
    "rolebinding",
    "lease",
    "rollups.golden.example.com",
]
CLUSTER = {
    "node": ["golden-node"],
    "ns": ["golden"],
    "pv": ["golden-nfs", "golden-local", "golden-csi"],
    "sc": ["golden-fast"],
    "ingressclass": ["golden-nginx"],
    "clusterrole": ["golden-metrics"],
    "clusterrolebinding": ["golden-metrics"],
    "pc": ["golden-high"],
    "runtimeclass": ["golden-sandbox"],
    "csidriver": ["golden.csi.example.com"],
    "csinode": ["golden-node"],
    "volumeattachment": ["golden-attachment"],
    "validatingwebhookconfiguration": ["golden-guard"],
    "mutatingwebhookconfiguration": ["golden-inject"],
    "crd": ["rollups.golden.example.com"],
    "apiservice": ["v1.apps"],
}


def run(kubectl: str, kubeconfig: str, *words: str) -> str:
    """Run kubectl; what it printed."""
    done = subprocess.run([kubectl, "--kubeconfig", kubeconfig, *words], capture_output=True, text=True, check=False)
    return done.stdout + (done.stderr if not done.stdout else "")


def main(kubeconfig: str, versions: dict[str, str]) -> None:
    """Write one session for each version, and the objects."""
    newest = list(versions.values())[-1]
    items = []
    for kind in (*NAMESPACED, "events"):
        items += json.loads(run(newest, kubeconfig, "get", kind, "-n", "golden", "-o", "json"))["items"]
    for kind, names in CLUSTER.items():
        for name in names:
            items.append(json.loads(run(newest, kubeconfig, "get", kind, name, "-o", "json")))
    for item in items:
        if item["kind"] == "Secret":
            item["data"] = dict.fromkeys(item.get("data", {}), "")
        item.get("metadata", {}).pop("managedFields", None)
        (item.get("metadata", {}).get("annotations") or {}).pop(
            "kubectl.kubernetes.io/last-applied-configuration", None
        )
    with gzip.GzipFile(HERE / "objects.json.gz", "wb", mtime=0) as file:
        file.write(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).encode())
    (HERE / "recorded.txt").write_text(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n")
    for version, kubectl in versions.items():
        described, tables = [], []
        for kind in NAMESPACED:
            described.append((f"describe {kind} -n golden", ["describe", kind, "-n", "golden"]))
            tables.append((f"get {kind} -n golden -o wide", ["get", kind, "-n", "golden", "-o", "wide"]))
        tables.append(("get events -n golden", ["get", "events", "-n", "golden"]))
        tables.append(("get events -n golden -o wide", ["get", "events", "-n", "golden", "-o", "wide"]))
        tables.append(("events -n golden", ["events", "-n", "golden"]))
        tables.append(("get all -n golden --show-labels", ["get", "all", "-n", "golden", "--show-labels"]))
        for kind, names in CLUSTER.items():
            described.append((f"describe {kind} {' '.join(names)}", ["describe", kind, *names]))
            tables.append((f"get {kind} {' '.join(names)} -o wide", ["get", kind, *names, "-o", "wide"]))
        for stem, commands in (("describe", described), ("tables", tables)):
            parts = [f"$ kubectl {line}\n{run(kubectl, kubeconfig, *words)}\n" for line, words in commands]
            (HERE / f"{stem}-{version}.txt").write_text("".join(parts))


if __name__ == "__main__":
    main(sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:]))
