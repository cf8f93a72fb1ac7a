"""An API server on loopback that serves discovery and made-up objects, and notes every request. It keeps nothing but deletions."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import LoopbackServer

from .bodies import body

_DISCOVERY = Path(__file__).with_name("discovery.json")
_VERSION = {"major": "1", "minor": "33", "gitVersion": "v1.33.0", "gitCommit": "", "gitTreeState": "clean",
            "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1", "compiler": "gc", "platform": "linux/amd64"}  # fmt: skip
_WATCH_SECONDS = 0.3  # long enough that a client which begins anew does so a few times, not hundreds
_ALL_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_CUSTOM = {
    "cert-manager.io/v1": [
        ("certificates", "Certificate", True, ["cert", "certs"]),
        ("clusterissuers", "ClusterIssuer", False, []),
    ],
    "argoproj.io/v1alpha1": [
        ("applications", "Application", True, ["app", "apps"]),
        ("rollouts", "Rollout", True, ["ro"]),
    ],
    "metrics.k8s.io/v1beta1": [("pods", "PodMetrics", True, []), ("nodes", "NodeMetrics", False, [])],
    "example.com/v1": [("widgets", "Widget", True, [])],
}


@dataclass(frozen=True)
class Seen:
    """One request."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: str


@dataclass
class Api:
    """What the server knows: the kinds, the requests so far, what was deleted."""

    resources: dict[str, list[dict[str, Any]]]
    seen: list[Seen] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    token: str = ""

    def expect(self, token: str) -> None:
        """Begin anew, for requests with this token only."""
        with self.lock:
            self.seen, self.deleted, self.token = [], set(), token

    def note(self, seen: Seen, authorization: str) -> None:
        """Note a request, unless it is one of an earlier run. One that says nothing of who it is counts too."""
        with self.lock:
            if authorization in ("", f"Bearer {self.token}"):
                self.seen.append(seen)

    def answer(self, method: str, path: str, query: dict[str, str], sent: str) -> tuple[int, Any]:
        found = self._about(path)
        if found is not None:
            return 200, found
        parts = path.strip("/").split("/")
        version, rest = ("v1", parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
        if version not in self.resources:
            return 404, _failure(404, "no such group")
        namespace = None
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        entry = next((one for one in self.resources[version] if one["name"] == rest[0]), None) if rest else None
        if entry is None:
            return 404, _failure(404, "no such resource")
        return self._object(method, path, version, entry, namespace, rest[1:], query, sent)

    def _about(self, path: str) -> Any:
        """Discovery: the old kind, which every version of kubectl reads."""
        if path == "/version":
            return _VERSION
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": self._groups()}
        version = path.removeprefix("/apis/") if path.startswith("/apis/") else path.removeprefix("/api/")
        if version in self.resources:
            return {
                "kind": "APIResourceList",
                "apiVersion": "v1",
                "groupVersion": version,
                "resources": self.resources[version],
            }
        if path == "/openapi/v3":
            return {
                "paths": {
                    _root(one)[1:]: {"serverRelativeURL": f"/openapi/v3{_root(one)}?hash=1"} for one in self.resources
                }
            }
        if path.startswith("/openapi/v3/"):
            return self._openapi(path.removeprefix("/openapi/v3"))
        return None

    def _groups(self) -> list[dict[str, Any]]:
        groups: dict[str, list[str]] = {}
        for version in self.resources:
            if "/" in version:
                groups.setdefault(version.partition("/")[0], []).append(version)
        made = []
        for name, versions in groups.items():
            entries = [
                {"groupVersion": one, "version": one.partition("/")[2]} for one in sorted(versions, reverse=True)
            ]
            made.append({"name": name, "versions": entries, "preferredVersion": entries[0]})
        return made

    def _openapi(self, root: str) -> Any:
        version = root.removeprefix("/apis/") if root.startswith("/apis/") else root.removeprefix("/api/")
        if version not in self.resources:
            return None
        group, _, short = version.rpartition("/")
        names = ("dryRun", "fieldManager", "fieldValidation", "force")
        parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
        paths = {
            f"{root}/{one['name']}/{{name}}": {
                "patch": {"parameters": parameters,
                          "x-kubernetes-group-version-kind": {"group": group, "version": short, "kind": one["kind"]}}
            }
            for one in self.resources[version] if "/" not in one["name"]
        }  # fmt: skip
        return {
            "openapi": "3.0.0",
            "info": {"title": "recorder", "version": "1"},
            "paths": paths,
            "components": {"schemas": {}},
        }

    def _object(
        self, method: str, path: str, version: str, entry: dict[str, Any], namespace: str | None, rest: list[str],
        query: dict[str, str], sent: str,
    ) -> tuple[int, Any]:  # fmt: skip
        kind = entry["kind"]
        if method == "POST" and len(rest) < 2:
            return 201, _created(kind, version, namespace, sent)
        if not rest:
            names = _names(kind, query.get("fieldSelector", ""))
            place = (namespace or "home") if entry["namespaced"] else None
            items = [body(kind, version, place, name) for name in names if f"{path}/{name}" not in self.deleted]
            return 200, {
                "apiVersion": version,
                "kind": f"{kind}List",
                "metadata": {"resourceVersion": "9"},
                "items": items,
            }
        own = "/".join(path.split("/")[: len(path.split("/")) - len(rest) + 1])
        if own in self.deleted:
            return 404, _failure(404, f'{entry["name"]} "{rest[0]}" not found')
        if method == "DELETE" or rest[1:] == ["eviction"]:
            self.deleted.add(own)
            return 201, {"apiVersion": "v1", "kind": "Status", "status": "Success"}
        if rest[1:] == ["scale"]:
            meta = {"name": rest[0], "namespace": namespace, "resourceVersion": "7", "uid": f"uid-{rest[0]}"}
            return 200, {
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": meta,
                "spec": {"replicas": 2},
                "status": {"replicas": 2},
            }
        return 200, body(kind, version, namespace if entry["namespaced"] else None, rest[0])


def _root(version: str) -> str:
    return "/api/v1" if version == "v1" else f"/apis/{version}"


def _names(kind: str, field_selector: str) -> list[str]:
    for part in field_selector.split(","):
        if part.startswith("metadata.name="):
            return [part.removeprefix("metadata.name=")]
    return ["n1", "n2"] if kind == "Node" else ["web-1", "web-2"]


def _created(kind: str, version: str, namespace: str | None, sent: str) -> dict[str, Any]:
    try:
        made = json.loads(sent)
    except ValueError:
        made = {}
    if "Review" in kind:
        rules = {"resourceRules": [], "nonResourceRules": [], "incomplete": False, "allowed": True}
        return {**made, "apiVersion": version, "kind": kind, "status": {**rules, "userInfo": {"username": "somebody"}}}
    return made or body(kind, version, namespace, "made")


def _failure(code: int, message: str) -> dict[str, Any]:
    reason = "NotFound" if code == 404 else "BadRequest"
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: Api

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Print nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.api.note(
            Seen(self.command, url.path, tuple(sorted(query.items())), sent), self.headers.get("Authorization") or ""
        )
        if url.path.endswith("/log"):
            self._send(200, b"one line\n", "text/plain")
        elif query.get("watch") in ("true", "1"):
            self._stream(self._events(url.path, query))
        else:
            code, document = self.api.answer(self.command, url.path, query, sent)
            self._send(code, json.dumps(document).encode(), "application/json")

    def _events(self, path: str, query: dict[str, str]) -> bytes:
        """A watch that tells each object once and that these were all; or that the one asked for is gone."""
        _, listed = self.api.answer("GET", path, query, "")
        if not isinstance(listed, dict) or not listed.get("kind", "").endswith("List"):
            return b""
        kind, version = listed["kind"].removesuffix("List"), listed["apiVersion"]
        events = [{"type": "ADDED", "object": item} for item in listed["items"]]
        if not events:
            name = query.get("fieldSelector", "").rpartition("=")[2] or "web"
            events = [{"type": "DELETED", "object": body(kind, version, "home", name)}]
        if query.get("sendInitialEvents") == "true":
            all_told = {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}
            events.append({"type": "BOOKMARK", "object": {"apiVersion": version, "kind": kind, "metadata": all_told}})
        return "".join(f"{json.dumps(event)}\n" for event in events).encode()

    def _stream(self, content: bytes) -> None:
        """Send a watch and leave it open for a moment, as a quiet cluster would."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
        self.close_connection = True
        self.api.closing.wait(_WATCH_SECONDS)

    def _send(self, code: int, content: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve  # noqa: N815 - the base class's names


@contextmanager
def recording_api() -> Iterator[tuple[str, Api]]:
    """A running server: its address, and what it has seen."""
    resources: dict[str, list[dict[str, Any]]] = json.loads(_DISCOVERY.read_text(encoding="utf-8"))
    for version, kinds in _CUSTOM.items():
        resources[version] = [
            {
                "name": plural,
                "singularName": kind.lower(),
                "kind": kind,
                "namespaced": namespaced,
                "verbs": _ALL_VERBS,
                "shortNames": shorts,
            }
            for plural, kind, namespaced, shorts in kinds
        ]
    api = Api(resources)
    server = LoopbackServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": api}))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", api
    finally:
        api.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
