"""The command lines of a control plane, and the order in which its programs start.

Promise: everything listens on 127.0.0.1, on ports that were free; when `start` fails, nothing is left running.
"""

import http.client
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import access, certs, metrics, podlogs, stages
from .api import Api, ApiError
from .binaries import CONTROL_PLANE, KWOK_CRDS, METRICS_SERVER, module_version, require
from .errors import TestbedError
from .processes import free_ports, require_running, spawn, stop_all
from .waiting import until

READY_WITHIN = 120.0  # seconds; 3-4 when idle, a minute on a machine busy with a build
SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.1/16"
CONTROLLER_QPS = 300  # requests a second: 20 is the default and makes 5,000 pods slow
MANAGED_LABEL = "testbed/kubelet=running"
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": list(access.COPILOT_ACCOUNTS)},
        {"level": "None", "users": [user.name for user in (access.ADMIN, *access.COMPONENTS)]},
        {"level": "None", "userGroups": ["system:serviceaccounts", "system:masters"]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class Shape:
    """What may differ between two clusters."""

    node_grace: int = 50  # seconds until a silent node is Unknown; shorter ones lapse under load at 200 nodes
    metrics: bool = False  # whether metrics-server runs

    @property
    def lease(self) -> int:
        """Seconds that a node's lease lasts: a little less than the grace, as upstream."""
        return self.node_grace * 4 // 5

    @property
    def crds(self) -> tuple[str, ...]:
        """The kwok resources that are served; never Exec, which would run commands on this machine."""
        return ("Logs", "ClusterLogs", *(metrics.CRDS if self.metrics else ()))


@dataclass
class ControlPlane:
    """A running control plane: its processes, and how to reach it."""

    home: Path
    state: Path
    shape: Shape
    processes: dict[str, subprocess.Popen[bytes]]
    port: int
    tokens: dict[str, str]

    @property
    def api(self) -> Api:
        """The API server, spoken to as admin."""
        return Api(self.port, self.state / "pki" / "ca.crt", self.tokens[access.ADMIN.name])

    @property
    def server(self) -> str:
        """Address of the API server."""
        return f"https://127.0.0.1:{self.port}"


def start(home: Path, state: Path, shape: Shape) -> ControlPlane:
    """Start all programs and return when the API is ready and kubelets are played; raises TestbedError."""
    for folder in ("components", "pod-logs"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    pki = certs.make(state / "pki")
    etcd, peer, secure, scheduler, kubelets = free_ports(5)
    plane = ControlPlane(home, state, shape, {}, secure, access.new_tokens())
    access.write_token_file(state / "pki" / "tokens.csv", plane.tokens)
    for name, users in (("admin", access.CONTEXTS), *((user.name, (user,)) for user in access.COMPONENTS)):
        access.write_kubeconfig(_kubeconfig(state, name), plane.server, pki.authority, plane.tokens, users)
    try:
        _run(plane, "etcd", _etcd(state, etcd, peer))
        _run(plane, "kube-apiserver", _api_server(state, pki, shape, etcd, secure))
        _until_ready(plane)
        _run(plane, "kube-controller-manager", _controller_manager(state, pki, shape))
        _run(plane, "kube-scheduler", _scheduler(state, scheduler))
        _prepare(plane)
        _run(plane, "kwok", _kwok(state, pki, shape, kubelets))
        if shape.metrics:
            _run_metrics_server(plane, pki)
    except BaseException:
        stop_all(list(plane.processes.values()))
        raise
    return plane


def start_server_only(home: Path, state: Path, more: Sequence[str], controllers: str) -> ControlPlane:
    """Start etcd, the API server with these flags more, and these controllers alone."""
    (state / "components").mkdir(parents=True, exist_ok=True)
    pki = certs.make(state / "pki")
    etcd, peer, secure = free_ports(3)
    plane = ControlPlane(home, state, Shape(), {}, secure, access.new_tokens())
    access.write_token_file(state / "pki" / "tokens.csv", plane.tokens)
    for name, users in (("admin", (access.ADMIN,)), *((user.name, (user,)) for user in access.COMPONENTS)):
        access.write_kubeconfig(_kubeconfig(state, name), plane.server, pki.authority, plane.tokens, users)
    try:
        _run(plane, "etcd", _etcd(state, etcd, peer))
        _run(plane, "kube-apiserver", [*_api_server(state, pki, plane.shape, etcd, secure), *more])
        _until_ready(plane)
        some = [*_controller_manager(state, pki, plane.shape), f"--controllers={controllers}"]
        _run(plane, "kube-controller-manager", some)
    except BaseException:
        stop_all(list(plane.processes.values()))
        raise
    return plane


def _kubeconfig(state: Path, name: str) -> Path:
    return state / ("kubeconfig" if name == "admin" else f"pki/{name}.kubeconfig")


def _run(plane: ControlPlane, name: str, arguments: list[str]) -> None:
    plane.processes[name] = spawn([str(plane.home / name), *arguments], plane.state / "components" / f"{name}.log")


def _run_metrics_server(plane: ControlPlane, pki: certs.Pki) -> None:
    (port,) = free_ports(1)
    for path, item in metrics.registration(port):
        plane.api.create(path, item)
    command = metrics.arguments(plane.state, pki, _kubeconfig(plane.state, "metrics-server"), port)
    log = plane.state / "components" / "metrics-server.log"
    plane.processes["metrics-server"] = spawn([str(require(METRICS_SERVER) / "metrics-server"), *command], log)


def _until_ready(plane: ControlPlane) -> None:
    api = plane.api

    def ready() -> bool:
        for name, process in plane.processes.items():
            require_running(process, name, plane.state / "components" / f"{name}.log")
        return api.is_ready()

    if not until(ready, READY_WITHIN):
        raise TestbedError(
            f"the API server was not ready after {READY_WITHIN:.0f} s",
            f"read {plane.state / 'components' / 'kube-apiserver.log'}",
        )


def _prepare(plane: ControlPlane) -> None:
    """Create what must be there before kwok starts: its log resources, the rights of the users, the stages."""
    import yaml

    api = plane.api
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for kind in plane.shape.crds:
        plural = f"{kind.lower()}s".replace("logss", "logs")
        api.create(definitions, yaml.safe_load((plane.home / KWOK_CRDS / f"kwok.x-k8s.io_{plural}.yaml").read_text()))
    for path, item in access.grants():
        api.create(path, item)

    def ready() -> bool:
        try:
            served = {item["kind"] for item in api.get("/apis/kwok.x-k8s.io/v1alpha1")["resources"]}
            return served.issuperset(plane.shape.crds)
        except (ApiError, OSError, http.client.HTTPException):
            return False

    if not until(ready, READY_WITHIN):
        raise TestbedError(
            "the API server does not serve kwok's Logs", f"read {plane.state / 'components' / 'kube-apiserver.log'}"
        )
    for path, item in metrics.usages() if plane.shape.metrics else ():
        api.create(path, item)
    silent = podlogs.write(plane.state / "pod-logs", podlogs.SILENT, [])
    api.create("/apis/kwok.x-k8s.io/v1alpha1/clusterlogs", podlogs.default_for_all_pods(silent))
    version = module_version(CONTROL_PLANE, "k8s.io/kubernetes") or "v1.37.2"
    (plane.state / "kwok.yaml").write_text(stages.configuration(plane.state / "pod-logs", version))


def _etcd(state: Path, client: int, peer: int) -> list[str]:
    return [
        "--name=testbed",
        f"--data-dir={state / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=testbed=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _api_server(state: Path, pki: certs.Pki, shape: Shape, etcd: int, port: int) -> list[str]:
    import json

    policy = state / "audit-policy.json"
    policy.write_text(json.dumps(AUDIT_POLICY))
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",
        # Calls to Services go to their endpoints, never to an address nobody owns. That knows no ExternalName, which is
        # how metrics-server on this machine is reached.
        f"--enable-aggregator-routing={str(not shape.metrics).lower()}",
        f"--tls-cert-file={pki.certificate}",
        f"--tls-private-key-file={pki.key}",
        f"--token-auth-file={state / 'pki' / 'tokens.csv'}",
        "--anonymous-auth=false",
        "--authorization-mode=Node,RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki.service_accounts}",
        f"--service-account-signing-key-file={pki.service_accounts}",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki.authority}",
        f"--requestheader-client-ca-file={pki.authority}",
        f"--requestheader-allowed-names={certs.PROXY_NAME}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki.proxy}",
        f"--proxy-client-key-file={pki.proxy.with_suffix('.key')}",
        "--max-requests-inflight=1000",
        "--max-mutating-requests-inflight=500",
        "--profiling=false",
        "--allow-privileged=true",  # as installers set it: who may run such pods is for Pod Security and policies
        f"--audit-policy-file={policy}",
        f"--audit-log-path={state / 'audit.jsonl'}",
    ]


def _controller_manager(state: Path, pki: certs.Pki, shape: Shape) -> list[str]:
    return [
        f"--kubeconfig={_kubeconfig(state, 'controller-manager')}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--root-ca-file={pki.authority}",
        f"--service-account-private-key-file={pki.service_accounts}",
        f"--node-monitor-grace-period={shape.node_grace}s",
        f"--kube-api-qps={CONTROLLER_QPS}",
        f"--kube-api-burst={2 * CONTROLLER_QPS}",
        "--concurrent-deployment-syncs=10",
        "--concurrent-replicaset-syncs=10",
        "--profiling=false",
    ]


def _scheduler(state: Path, port: int) -> list[str]:
    import json

    path = state / "scheduler.json"
    configuration = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(_kubeconfig(state, "scheduler")), "qps": CONTROLLER_QPS, "burst": 2 * CONTROLLER_QPS
        },
        "leaderElection": {"leaderElect": False},
    }  # fmt: skip
    path.write_text(json.dumps(configuration))
    kubeconfig = _kubeconfig(state, "scheduler")
    return [
        f"--config={path}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={state / 'pki'}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
    ]


def _kwok(state: Path, pki: certs.Pki, shape: Shape, port: int) -> list[str]:
    return [
        f"--kubeconfig={_kubeconfig(state, 'kubelets')}",
        f"--config={state / 'kwok.yaml'}",
        f"--manage-nodes-with-label-selector={MANAGED_LABEL}",
        "--node-ip=127.0.0.1",
        f"--node-port={port}",
        f"--server-address=127.0.0.1:{port}",
        f"--tls-cert-file={pki.certificate}",
        f"--tls-private-key-file={pki.key}",
        f"--cidr={POD_RANGE}",
        f"--node-lease-duration-seconds={shape.lease}",
        f"--enable-crds={','.join(shape.crds)}",
    ]
