"""An API server and its etcd with nothing beside them that would change what is stored.

Only the controller runs that says which pods stand behind a Service, for no cluster is without that.

Promise: `clean` leaves the server as it was when it started, but for the kinds that were added meanwhile.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.testbed import binaries, control_plane
from tests.live.testbed.api import Api
from tests.live.testbed.cluster import KUBECTL_LIMIT
from tests.live.testbed.errors import TestbedError
from tests.live.testbed.processes import stop_all
from tests.live.testbed.waiting import until

from .store import Store

# What would refuse, default or finalize objects of a cluster whose controllers are not there.
_NO_ADMISSION = (
    "NamespaceLifecycle", "LimitRanger", "ServiceAccount", "TaintNodesByCondition", "PodSecurity", "Priority",
    "DefaultTolerationSeconds", "DefaultStorageClass", "StorageObjectInUseProtection", "PersistentVolumeClaimResize",
    "RuntimeClass", "CertificateApproval", "CertificateSigning", "CertificateSubjectRestriction", "DefaultIngressClass",
    "ClusterTrustBundleAttest", "MutatingAdmissionPolicy", "MutatingAdmissionWebhook", "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook", "ResourceQuota",
)  # fmt: skip
_FLAGS = (f"--disable-admission-plugins={','.join(_NO_ADMISSION)}", "--allow-privileged=true")
_CONTROLLER = "endpointslice-controller"
_LAST_MADE = "/registry/services/specs/default/kubernetes"
_SETTLES_WITHIN = 60.0  # seconds
_KEPT = (
    "/registry/apiextensions.k8s.io/",
    "/registry/apiregistration.k8s.io/",
    "/registry/leases/kube-system/apiserver-",
)


@dataclass(frozen=True)
class Server:
    """A running API server, its store, and what stood there from the start."""

    api: Api
    store: Store
    kubeconfig: Path
    base: dict[str, bytes] = field(default_factory=dict)

    def clean(self) -> None:
        """Take away what was put there, and put back what was changed."""
        now = self.store.everything()
        self.store.delete(key for key in now if key not in self.base and not key.startswith(_KEPT))
        self.store.put(
            {key: value for key, value in self.base.items() if now.get(key) != value and not key.startswith(_KEPT)}
        )

    def kubectl(self, *arguments: str) -> str:
        """What kubectl prints, errors included."""
        command = [str(binaries.require() / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments]
        both = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=KUBECTL_LIMIT,
            env={**os.environ, "KUBECTL_KUBERC": "false", "TZ": "UTC"},
        )  # fmt: skip
        return both.stdout


@contextmanager
def served(state: Path) -> Iterator[Server]:
    """A server of one's own, which ends with the block."""
    plane = control_plane.start_server_only(binaries.require(), state, _FLAGS, _CONTROLLER)
    try:
        words = [str(word) for word in plane.processes["etcd"].args]  # type: ignore[union-attr]
        address = next(word for word in words if word.startswith("--listen-client-urls=")).partition("=")[2]
        yield Server(plane.api, Store(address), state / "kubeconfig", _settled(Store(address)))
    finally:
        stop_all(list(plane.processes.values()))


def _settled(store: Store) -> dict[str, bytes]:
    """What stands there when the server has made all that every cluster has."""
    seen: list[dict[str, bytes]] = [{}]

    def is_settled() -> bool:
        seen.append(store.everything())
        return _LAST_MADE in seen[-1] and seen[-1].keys() == seen[-2].keys()

    if not until(is_settled, _SETTLES_WITHIN, every=1.0):
        raise TestbedError(f"the server was not settled after {_SETTLES_WITHIN:.0f} s", "read its log")
    return seen[-1]
