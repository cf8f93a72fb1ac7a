"""A small API server on loopback for tests: a handful of kinds, real merge patches with preconditions, and a record of
every request. It stores what it is told to store, so a test can also ask what a request did."""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import LoopbackServer

KINDS = {
    "": {
        "pods": "Pod",
        "services": "Service",
        "resourcequotas": "ResourceQuota",
        "namespaces": "Namespace",
        "nodes": "Node",
        "configmaps": "ConfigMap",
    },
    "apps": {
        "deployments": "Deployment",
        "statefulsets": "StatefulSet",
        "daemonsets": "DaemonSet",
        "replicasets": "ReplicaSet",
    },
    "batch": {"jobs": "Job", "cronjobs": "CronJob"},
    "policy": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "autoscaling": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
}
VERSIONS = {"": "v1", "apps": "v1", "batch": "v1", "policy": "v1", "autoscaling": "v2"}
SYSTEM_UID = "11111111-2222-3333-4444-555555555555"


def deployment(name: str = "web", namespace: str = "shop", replicas: int = 2, **spec: Any) -> dict[str, Any]:
    """A healthy Deployment."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", "resourceVersion": "100", "generation": 1,
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "nginx"}]}},
            **spec,
        },
        "status": {
            "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "readyReplicas": replicas,
            "availableReplicas": replicas,
        },
    }  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class SmallApi:
    """The server's state, for a test to set and to look at."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    denied: set[tuple[str, str]] = field(default_factory=set)  # (verb, resource or resource/subresource)
    user: str = "alice"
    rollouts: bool = True  # the status follows the spec at once
    lose_answer: bool = False  # a change is stored, and the connection dropped before the answer
    deaf: bool = False  # every connection is closed without an answer
    hidden: set[str] = field(default_factory=set)  # plurals that may not be listed
    drop_before: bool = False  # the connection is dropped before a change is stored
    fail_with: tuple[int, str] | None = None  # what a real (not dry-run) change is answered with
    dry_run_fails: tuple[int, str] | None = None
    admission: dict[str, Any] | None = None  # merged into every patched object
    stuck: set[str] = field(default_factory=set)  # pods that a budget lets nobody evict
    before_send: Any = None  # called just before a real change is looked at
    url: str = ""
    version: int = 100
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, body: dict[str, Any]) -> None:
        """Store an object under its path."""
        kinds = {kind: (group, plural) for group, plurals in KINDS.items() for plural, kind in plurals.items()}
        group, plural = kinds[body["kind"]]
        namespace = body["metadata"].get("namespace")
        self.objects[f"{collection(group, plural, namespace)}/{body['metadata']['name']}"] = body

    def touch(self, name: str = "web", namespace: str = "shop", **spec: Any) -> None:
        """Change an object as somebody else would."""
        with self.lock:
            body = self.objects[f"{collection('apps', 'deployments', namespace)}/{name}"]
            body["spec"].update(spec)
            self.bump(body)

    def bump(self, body: dict[str, Any]) -> None:
        """Give an object its next version."""
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)

    def writes(self) -> list[Seen]:
        """Requests that could store something."""
        return [
            one
            for one in self.seen
            if one.method != "GET" and "selfsubject" not in one.path and "dryRun" not in one.query
        ]

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig that leads here."""
        path = folder / "kubeconfig"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "small",
            "clusters": [{"name": "small", "cluster": {"server": self.url}}],
            "users": [{"name": "alice", "user": {"token": "a-token"}}],
            "contexts": [{"name": "small", "context": {"cluster": "small", "user": "alice", "namespace": "shop"}}],
        }))  # fmt: skip
        return path


def collection(group: str, plural: str, namespace: str | None) -> str:
    """The path of a list."""
    base = f"/apis/{group}/{VERSIONS[group]}" if group else "/api/v1"
    return f"{base}/namespaces/{namespace}/{plural}" if namespace else f"{base}/{plural}"


@contextmanager
def serve(*objects: dict[str, Any], handler: type[_Handler] | None = None) -> Iterator[SmallApi]:
    """Run a server with these objects until the block ends; `handler` may serve more than the small one does."""
    api = SmallApi()
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": SYSTEM_UID}})
    api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "uid": "ns-shop"}})
    for body in objects:
        api.put(body)
    server = LoopbackServer(("127.0.0.1", 0), type("Handler", (handler or _Handler,), {"api": api}))
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    api: SmallApi
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: a second small one would wait for the client's delayed ACK

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        self._note(b"")
        if self.api.deaf:
            return self._drop()
        parts = urlsplit(self.path)
        if parts.path.rpartition("/")[2] in self.api.hidden:
            return self._status(403, "not for you")
        with self.api.lock:
            if parts.path in ("/api", "/apis"):
                return self._answer(200, _discovery(core=parts.path == "/api"))
            found = self.api.objects.get(parts.path)
            if found is not None:
                return self._answer(200, found)
            items = [body for path, body in self.api.objects.items() if parts.path in _lists_of(path)]
            if any(parts.path.endswith(f"/{plural}") for plurals in KINDS.values() for plural in plurals):
                return self._answer(200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items})
            return self._status(404, "not found")

    def do_POST(self) -> None:
        body = self._note(self._body())
        sent = json.loads(body)
        if self.path.endswith("selfsubjectreviews"):
            info = {"username": self.api.user, "groups": ["devs"]}
            return self._answer(201, {**sent, "status": {"userInfo": info}})
        if "selfsubject" not in self.path:
            return self._create(sent)
        if self.path.endswith("selfsubjectaccessreviews"):
            asked = sent["spec"]["resourceAttributes"]
            what = f"{asked['resource']}/{asked['subresource']}" if asked.get("subresource") else asked["resource"]
            return self._answer(201, {**sent, "status": {"allowed": (asked["verb"], what) not in self.api.denied}})
        return self._status(405, "only reviews are posted here")

    def do_PATCH(self) -> None:
        body = self._note(self._body())
        parts = urlsplit(self.path)
        dry = dict(parse_qsl(parts.query)).get("dryRun") == "All"
        with self.api.lock:
            if self._interfered(dry=dry):
                return None
            scale = parts.path.endswith("/scale")
            path = parts.path.removesuffix("/scale")
            stored = self.api.objects.get(path)
            applies = self.headers["Content-Type"] == "application/apply-patch+yaml"
            if stored is None and not applies:
                return self._status(404, "not found")
            try:
                changed = self._patched(stored, json.loads(body))
            except _RefusedError as refused:
                return self._status(*refused.args)
            if self.api.admission:
                changed = _merged(changed, self.api.admission)
            if not dry:
                self._store(path, changed, scale=scale)
                if self.api.lose_answer:
                    return self._drop()
            return self._answer(200 if stored else 201, _scale(changed) if scale else changed)

    def do_DELETE(self) -> None:
        options = json.loads(self._note(self._body()) or b"{}")
        path = urlsplit(self.path).path
        with self.api.lock:
            # As the real server: with a body, the options in the query are not looked at.
            return self._removed(path, options, dry=options.get("dryRun") == ["All"])

    def _create(self, sent: dict[str, Any]) -> None:
        parts = urlsplit(self.path)
        dry = dict(parse_qsl(parts.query)).get("dryRun") == "All"
        with self.api.lock:
            if parts.path.endswith("/eviction"):
                pod = parts.path.removesuffix("/eviction")
                if pod.rpartition("/")[2] in self.api.stuck and not self._interfered(dry=dry):
                    return self._status(429, "Cannot evict pod as it would violate the pod's disruption budget.")
                return self._removed(pod, sent["deleteOptions"], dry=dry)
            if self._interfered(dry=dry):
                return None
            path = f"{parts.path}/{sent['metadata']['name']}"
            if path in self.api.objects:
                return self._status(409, "it exists already")
            made = copy.deepcopy(sent)
            made["metadata"] |= {"uid": f"uid-{self.api.version}", "generation": 0}
            if not dry:
                self._store(path, made, scale=False)
            return self._answer(201, made)

    def _removed(self, path: str, options: dict[str, Any], *, dry: bool) -> None:
        if self._interfered(dry=dry):
            return None
        stored = self.api.objects.get(path)
        if stored is None:
            return self._status(404, "not found")
        wanted = options.get("preconditions", {})
        if any(stored["metadata"][key] != value for key, value in wanted.items()):
            return self._status(409, "the precondition does not match")
        if not dry:
            del self.api.objects[path]
            if self.api.lose_answer:
                return self._drop()
        return self._answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})

    def _interfered(self, *, dry: bool) -> bool:
        """Do what a test has set up to go wrong; True when the request is over with that."""
        if not dry and self.api.before_send:
            self.api.before_send()
        failure = self.api.dry_run_fails if dry else self.api.fail_with
        if failure:
            self._status(*failure)
            return True
        if not dry and self.api.drop_before:
            self._drop()
            return True
        return False

    def _patched(self, stored: dict[str, Any] | None, patch: Any) -> dict[str, Any]:
        if self.headers["Content-Type"] == "application/json-patch+json":
            assert stored is not None
            changed = _json_patched(copy.deepcopy(stored), patch)
            given = changed["metadata"]
        else:
            given = patch.get("metadata", {})
            changed = _merged(copy.deepcopy(stored) or {}, {**patch, "metadata": {} if stored else patch["metadata"]})
        if stored is None:
            changed["metadata"] |= {"uid": f"uid-{self.api.version}", "generation": 0}
        elif given.get("resourceVersion") != stored["metadata"]["resourceVersion"]:
            raise _RefusedError(409, "the object has been modified")
        return changed

    def _store(self, path: str, changed: dict[str, Any], *, scale: bool) -> None:
        self.api.bump(changed)
        entry = {"manager": "cluster-copilot", "operation": "Update", "time": "2999-01-01T00:00:00Z"}
        changed["metadata"]["managedFields"] = [{**entry, "subresource": "scale"} if scale else entry]
        changed["metadata"]["generation"] = changed["metadata"].get("generation", 0) + 1
        if self.api.rollouts and "replicas" in changed.get("spec", {}):
            count = changed["spec"]["replicas"]
            names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            changed["status"] = {"observedGeneration": changed["metadata"]["generation"], **dict.fromkeys(names, count)}
        self.api.objects[path] = changed

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _note(self, body: bytes) -> bytes:
        parts = urlsplit(self.path)
        self.api.seen.append(Seen(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body))
        return body

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _status(self, code: int, message: str) -> None:
        self._answer(
            code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
        )

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _lists_of(path: str) -> tuple[str, str]:
    """The lists that an object is in: its namespace's, and the whole cluster's."""
    inside = path.rpartition("/")[0]
    return inside, re.sub(r"/namespaces/[^/]+(?=/)", "", inside)


class _RefusedError(Exception):
    """Status and message of a refusal."""


def _json_patched(body: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """RFC 6902, as far as it is used; a test of null holds where there is nothing, as on the real server."""
    for each in operations:
        *parents, last = [step.replace("~1", "/").replace("~0", "~") for step in each["path"].split("/")[1:]]
        here: Any = body
        for step in parents:
            here = here[int(step)] if isinstance(here, list) else here.get(step)
            if here is None:
                raise _RefusedError(422, "the server rejected our request due to an error in our request")
        key: Any = int(last) if isinstance(here, list) else last
        present = (here[key] if key < len(here) else None) if isinstance(here, list) else here.get(key)
        if each["op"] == "test":
            if present != each["value"]:
                raise _RefusedError(422, "the server rejected our request due to an error in our request")
        elif each["op"] == "remove":
            del here[key]
        elif each["op"] == "add" and isinstance(here, list):
            here.insert(key, each["value"])
        else:
            here[key] = each["value"]
    return body


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merged(result.get(key), value)
    return result


def _scale(body: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "namespace", "uid", "resourceVersion")
    metadata = {name: body["metadata"][name] for name in names}
    spec = {"replicas": body["spec"]["replicas"]} if body["spec"]["replicas"] else {}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec}


def _discovery(*, core: bool) -> dict[str, Any]:
    items = []
    for group, plurals in KINDS.items():
        if (group == "") is core:
            resources = [
                {"resource": plural, "responseKind": {"kind": kind}, "verbs": ["get", "list"],
                 "scope": "Cluster" if kind in ("Namespace", "Node") else "Namespaced"}
                for plural, kind in plurals.items()
            ]  # fmt: skip
            items.append(
                {"metadata": {"name": group}, "versions": [{"version": VERSIONS[group], "resources": resources}]}
            )
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items}
