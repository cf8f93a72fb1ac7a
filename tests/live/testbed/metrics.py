"""metrics-server as an option: `kubectl top` with numbers that pods state in annotations.

Promise: a cluster without it differs in nothing but the missing metrics.k8s.io API.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import certs
from .paths import LIVE

NAMESPACE = "kube-system"
NAME = "metrics-server"
GROUP = "metrics.k8s.io"
RESOLUTION = 10  # seconds between two readings: the least that metrics-server takes
CRDS = ("Metric", "ClusterResourceUsage")
NODE_ANNOTATION = "metrics.k8s.io/resource-metrics-path"  # where metrics-server finds this node's page


def page(node: str) -> str:
    """Path of a node's metrics on the simulated kubelet."""
    return f"/metrics/nodes/{node}/metrics/resource"


def usages() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the (API path, object) pairs that make kwok play usage."""
    import yaml

    for item in yaml.safe_load_all((LIVE / "metrics" / "usage.yaml").read_text()):
        yield f"/apis/kwok.x-k8s.io/v1alpha1/{item['kind'].lower()}s", item


def registration(port: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the (API path, object) pairs that send metrics.k8s.io to a program on this machine."""
    reference = {"name": NAME, "namespace": NAMESPACE, "port": port}
    service = {"metadata": {"name": NAME}, "spec": {"type": "ExternalName", "externalName": "localhost"}}
    api = {
        "metadata": {"name": f"v1beta1.{GROUP}"},
        "spec": {
            "service": reference,
            "group": GROUP,
            "version": "v1beta1",
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    return [
        (f"/api/v1/namespaces/{NAMESPACE}/services", service),
        ("/apis/apiregistration.k8s.io/v1/apiservices", api),
    ]


def arguments(state: Path, pki: certs.Pki, kubeconfig: Path, port: int) -> list[str]:
    """Return the command line of metrics-server."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={state / 'pki'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-use-node-status-port",
        f"--kubelet-certificate-authority={pki.authority}",
        f"--metric-resolution={RESOLUTION}s",
        f"--kubelet-request-timeout={RESOLUTION // 2}s",
    ]
