"""The manifests of deploy/ on the shared cluster, and its two accounts: their kubeconfigs, and requests in their names.

Promise: what is sent here goes straight to the API server with the account's own token; no code of the program is between.
"""

import fcntl
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import yaml

from tests.live.testbed.api import Api
from tests.live.testbed.cluster import Cluster

DEPLOY = Path(__file__).parents[2] / "deploy"
NAMESPACE = "cluster-copilot"
PLAN_HEADER = f"Impersonate-Extra-{quote('copilot.dev/plan', safe='')}"
MERGE, JSON_PATCH, APPLY = (
    f"application/{kind}" for kind in ("merge-patch+json", "json-patch+json", "apply-patch+yaml")
)
# A role for the resources of the test bed's own kubelets, as a site writes one for the add-ons it runs.
ADD_ONS = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "testbed-add-ons", "labels": {"copilot.dev/aggregate-to-reader": "true"}},
    "rules": [{"apiGroups": ["kwok.x-k8s.io"], "resources": ["*"], "verbs": ["get", "list", "watch"]}],
}
PODS = ("CronJob", "Deployment", "PersistentVolumeClaim")


def manifests(cluster: Cluster, overlay: str) -> list[dict[str, Any]]:
    """The objects of one overlay, as kustomize makes them."""
    return [*yaml.safe_load_all(cluster.kubectl("kustomize", str(DEPLOY / overlay)))]


class Answer(msgspec.Struct, frozen=True):
    """What the API server said."""

    status: int
    body: dict[str, Any]

    @property
    def message(self) -> str:
        """Its words."""
        return str(self.body.get("message", ""))

    @property
    def passed(self) -> bool:
        """Whether it did what was asked."""
        return self.status < http.client.BAD_REQUEST


class Account:
    """One service account of the manifests, with a token of its own."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        """Get a token and write a kubeconfig for it."""
        self.name = f"system:serviceaccount:{NAMESPACE}:{name}"
        token = cluster.kubectl("create", "token", name, "-n", NAMESPACE, "--duration=8h").strip()
        admin = json.loads(cluster.kubeconfig.read_text())
        where = admin["clusters"][0]["cluster"]
        self.kubeconfig = cluster.state / f"{name}.kubeconfig"
        user = {"name": name, "user": {"token": token}}
        context = {"name": name, "context": {"cluster": admin["clusters"][0]["name"], "user": name}}
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(
            json.dumps({**admin, "users": [user], "contexts": [context], "current-context": name})
        )
        self.api = OneUser(int(where["server"].rpartition(":")[2]), Path(where["certificate-authority"]), token)

    def ask(self, method: str, path: str, body: Any = None, kind: str = "", **headers: str) -> Answer:
        """Send one request with the account's token."""
        kind = kind or (MERGE if method == "PATCH" else "application/json")
        return self.api.answer(
            method, path, body, kind, {key.replace("_", "-"): value for key, value in headers.items()}
        )

    def ask_as(self, user: str, plan: str, method: str, path: str, body: Any = None, kind: str = "") -> Answer:
        """Send one request in another user's name; `plan` "" leaves the plan out."""
        headers = {"Impersonate-User": user, "Impersonate-Group": "copilot:operators"}
        headers |= {PLAN_HEADER: plan} if plan else {}
        return self.api.answer(
            method, path, body, kind or (MERGE if method == "PATCH" else "application/json"), headers
        )


class OneUser(Api):
    """An Api that hands every answer out instead of raising, sends more headers, and can be closed."""

    def close(self) -> None:
        """Close this thread's connection."""
        self._connection().close()

    def answer(self, method: str, path: str, body: Any, kind: str, headers: dict[str, str]) -> Answer:
        """Send one request."""
        mine, self._headers = self._headers, {**self._headers, **headers}
        try:
            connection = self._connection()
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {**self._headers, "Content-Type": kind})
            response = connection.getresponse()
            text = response.read().decode()
        except (http.client.HTTPException, OSError):
            self._local.connection = None  # a broken connection is not used again
            raise
        finally:
            self._headers = mine
        try:
            decoded = json.loads(text)
        except ValueError:
            decoded = {"message": text}
        return Answer(response.status, decoded if isinstance(decoded, dict) else {})


def _admin(cluster: Cluster) -> OneUser:
    """The API server, spoken to as the administrator."""
    config = json.loads(cluster.kubeconfig.read_text())
    where = config["clusters"][0]["cluster"]
    (token,) = [user["user"]["token"] for user in config["users"] if user["name"] == "admin"]
    return OneUser(int(where["server"].rpartition(":")[2]), Path(where["certificate-authority"]), token)


class Deployed:
    """The manifests, in force."""

    def __init__(self, cluster: Cluster) -> None:
        """Apply everything, and wait until roles and policies are in force."""
        self.cluster = cluster
        self.admin = _admin(cluster)
        with self._alone():
            # The executor's own rights too: both ways to act are tried. Its pods are only made where a test looks at them.
            objects = [*manifests(cluster, "impersonation"), *manifests(cluster, "executor")]
            cluster.apply(ADD_ONS, *(each for each in objects if each["kind"] not in PODS))
            self.reader = Account(cluster, "reader")
            self.executor = Account(cluster, "executor")
        cluster.wait_for(self._in_force, 30, "roles and policies to be in force")

    def _in_force(self) -> bool:
        """Denials come from the policies, in the reader's and the executor's name, and the aggregated role is filled."""
        config = "/api/v1/namespaces/default/configmaps?dryRun=All"
        body = {"metadata": {"name": "probe", "finalizers": ["example.com/probe"]}}
        listed = self.reader.ask("GET", "/apis/kwok.x-k8s.io/v1alpha1/clusterlogs?limit=1")
        wrote = self.executor.ask("POST", config, body)
        unnamed = self.executor.ask_as("copilot:alice", "", "POST", config, {"metadata": {"name": "probe"}})
        return listed.passed and "finalizers" in wrote.message and "must carry its plan" in unnamed.message

    def close(self) -> None:
        """Give the connections back."""
        for api in (self.admin, self.reader.api, self.executor.api):
            api.close()

    @contextmanager
    def everything_allowed(self) -> Iterator[None]:
        """While this lasts, RBAC allows both accounts everything, and only the admission policies stand."""
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "copilot-taken-over"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE} for name in ("executor", "reader")],
        }  # fmt: skip
        with self._alone():
            self.cluster.apply(binding)
            try:
                self.cluster.wait_for(
                    lambda: self.executor.ask("GET", "/api/v1/secrets?limit=1").passed, 30, "the rights"
                )
                yield
            finally:
                self.cluster.kubectl("delete", "clusterrolebinding", "copilot-taken-over")
                self.cluster.wait_for(
                    lambda: not self.executor.ask("GET", "/api/v1/secrets?limit=1").passed, 30, "the end of the rights"
                )

    @contextmanager
    def as_shipped(self) -> Iterator[None]:
        """While this lasts, the accounts' rights are those of the manifests."""
        with self._locked(fcntl.LOCK_SH):
            yield

    def _alone(self) -> Any:
        return self._locked(fcntl.LOCK_EX)

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with (self.cluster.state / "rights.lock").open("a") as held:
            fcntl.flock(held, how)
            yield
