"""A running test bed as its users see it: start, stop, kubectl, logs, broken nodes.

Promise: a Cluster object is only a state folder; any process may make one for a cluster that another started.
"""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from . import binaries, podlogs, stages
from .errors import TestbedError
from .keeper import KEEPER_LOG, READY_FILE, keeper_facts, start_keeper
from .paths import module_environment
from .population import LABEL_KEY, LABEL_VALUE
from .processes import ProcessName
from .waiting import until

STARTS_WITHIN = 900.0  # seconds; covers 5,000 pods on a slow machine
KUBECTL_LIMIT = 120.0  # seconds for one kubectl command
NODE_FAILURES = ("not-ready", "disk-pressure", "memory-pressure", "pid-pressure", "unknown")

Found = TypeVar("Found")


class KubectlError(Exception):
    """A kubectl command failed; its text is what kubectl wrote on stderr."""

    def __init__(self, arguments: tuple[str, ...], code: int, stderr: str) -> None:
        """Keep the exit code and the error text apart."""
        super().__init__(f"kubectl {' '.join(arguments)} ended with {code}: {stderr.strip()}")
        self.code = code
        self.stderr = stderr


@dataclass(frozen=True)
class Cluster:
    """A cluster, named by its state folder."""

    state: Path

    @property
    def kubeconfig(self) -> Path:
        """File with the contexts admin (current), operator, reader and powerless."""
        return self.state / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON line per request of operator, reader and powerless."""
        return self.state / "audit.jsonl"

    def facts(self) -> dict[str, Any]:
        """What the keeper wrote when the cluster was ready; empty where none runs."""
        return keeper_facts(self.state)

    def is_running(self) -> bool:
        """Whether its keeper lives; the keeper ends when any of its programs does."""
        return bool(self.facts())

    def start(
        self,
        nodes: int = 3,
        pods: int = 0,
        node_grace: int | None = None,
        owner: int | None = None,
        metrics: bool = False,
    ) -> dict[str, Any]:
        """Start the cluster, or find it running; it ends with the process `owner`, if one is given.

        Raises TestbedError: the binaries are not built, or a cluster of another size runs in this folder.
        """
        for module in (binaries.CONTROL_PLANE, *([binaries.METRICS_SERVER] if metrics else [])):
            binaries.require(module)
        self.state.mkdir(parents=True, exist_ok=True)
        with _lock(self.state / "start.lock"):
            if not self.is_running():
                self._wipe()
                arguments = ["--nodes", str(nodes), "--pods", str(pods)]
                arguments += ["--grace", str(node_grace)] if node_grace else []
                arguments += ["--owner", str(owner)] if owner else []
                arguments += ["--metrics"] if metrics else []
                package = __package__ or "tests.live.testbed"
                start_keeper(package, arguments, self.state, module_environment(package), STARTS_WITHIN)
        facts = self.facts()
        if not facts:
            self._require_running()
        if (facts["nodes"], facts["pods"]) != (nodes, pods):
            raise TestbedError(
                f"a cluster of {facts['nodes']} nodes and {facts['pods']} pods runs here already",
                "make cluster-stop, then start again",
            )
        return facts

    def stop(self) -> bool:
        """End every process of the cluster; False where none ran."""
        facts = self.facts()
        if not facts:
            return False
        names = [ProcessName(*pair) for pair in facts["processes"].values()]
        ProcessName(*facts["keeper"]).stop()
        for name in names:  # the keeper has ended them; this only matters where it was killed
            name.stop()
        (self.state / READY_FILE).unlink(missing_ok=True)
        return True

    def kubectl(self, *arguments: str, input: str | None = None, user: str | None = None) -> str:  # noqa: A002
        """Run kubectl and return its stdout; `user` picks another context. Raises KubectlError."""
        command = [str(binaries.require() / "kubectl"), f"--kubeconfig={self.kubeconfig}"]
        command += [f"--context={user}"] if user else []
        outcome = subprocess.run(
            [*command, *arguments], input=input, capture_output=True, text=True, check=False, timeout=KUBECTL_LIMIT,
            env={**os.environ, "KUBECTL_KUBERC": "false"},
        )  # fmt: skip
        if outcome.returncode != 0:
            raise KubectlError(arguments, outcome.returncode, outcome.stderr)
        return outcome.stdout

    def get(self, *arguments: str) -> Any:
        """Objects as `kubectl get ... -o json` gives them."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> None:
        """Create or update objects."""
        self.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))

    def events(self, namespace: str, name: str | None = None) -> list[dict[str, Any]]:
        """Events of a namespace, or of one object in it, the oldest first."""
        items: list[dict[str, Any]] = self.get("events", "-n", namespace)["items"]
        chosen = [item for item in items if name is None or item["involvedObject"]["name"] == name]
        return sorted(chosen, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def wait_for(
        self, predicate: Callable[[], Found | None], timeout: float = 60.0, what: str = "the condition"
    ) -> Found:
        """Call `predicate` until it returns something true, and return that; raises TestbedError at the deadline.

        A KubectlError inside the predicate counts as "not yet" while the cluster runs.
        """
        found: list[Found] = []
        refusals: list[str] = [""]

        def check() -> bool:
            try:
                value = predicate()
                found[:] = [value] if value else []
            except KubectlError as error:
                refusals[0] = f" ({error})"
                found.clear()
                self._require_running()
            return bool(found)

        if not until(check, timeout, every=0.2):
            raise TestbedError(
                f"{what} did not come true in {timeout:.0f} s{refusals[0]}",
                f"kubectl --kubeconfig={self.kubeconfig} get events -A",
            )
        return found[0]

    def _require_running(self) -> None:
        if not self.is_running():
            log = self.state / KEEPER_LOG
            last = (
                log.read_text(errors="replace").strip().rpartition("\n")[2]
                if log.exists()
                else "no word from its keeper"
            )
            raise TestbedError(f"the cluster no longer runs: {last}", f"read {self.state / 'components'}/")

    def wait_for_accounts(self, namespace: str) -> None:
        """Wait until pods may be created in a new namespace."""
        self.wait_for(
            lambda: self.get("serviceaccount", "default", "-n", namespace), what=f"service account of {namespace}"
        )

    @contextmanager
    def namespace(self, prefix: str = "test") -> Iterator[str]:
        """Make a namespace of a name no other test has; it is deleted at the end, without waiting."""
        name = f"{prefix}-{os.urandom(4).hex()}"
        self.kubectl("create", "namespace", name)
        self.wait_for_accounts(name)
        try:
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--wait=false")

    def add_log(self, name: str, lines: Iterable[str], stream: str = "stdout") -> None:
        """Write the log file that pods name in `testbed/logs` or `testbed/logs-previous`."""
        podlogs.write(self.state / "pod-logs", name, lines, stream)

    def fail_node(self, name: str, failure: str, message: str | None = None) -> None:
        """Break a node: not-ready, disk-pressure, memory-pressure, pid-pressure or unknown (its kubelet falls silent)."""
        if failure not in NODE_FAILURES:
            raise TestbedError(f"no stage plays the node failure {failure!r}", f"one of {', '.join(NODE_FAILURES)}")
        annotations = [
            f"testbed/node-failure={failure}",
            f"testbed/message={message}" if message else "testbed/message-",
        ]
        self.kubectl("annotate", "node", name, "--overwrite", *annotations)

    def heal_node(self, name: str) -> None:
        """Undo `fail_node`."""
        self.kubectl("annotate", "node", name, "testbed/node-failure-", "testbed/message-")
        self.kubectl("label", "node", name, "--overwrite", f"{LABEL_KEY}={LABEL_VALUE}")

    @staticmethod
    def failure(name: str, **parameters: str) -> dict[str, str]:
        """Annotations that make a pod play a failure; raises TestbedError where no stage plays it."""
        return stages.as_annotations(name, **parameters)

    def _wipe(self) -> None:
        """Remove what an earlier cluster left in the folder; log files of pods stay."""
        for name in ("etcd", "pki", "components"):
            shutil.rmtree(self.state / name, ignore_errors=True)
        for name in ("audit.jsonl", "kwok.yaml", "kubeconfig", KEEPER_LOG, READY_FILE):
            (self.state / name).unlink(missing_ok=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
