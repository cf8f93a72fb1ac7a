"""A small real HTTP server on loopback that answers as a Kubernetes API server does, well or badly, as a test tells it to."""

from __future__ import annotations

import gzip
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import LoopbackServer

DATE = "Tue, 03 Mar 2026 10:15:00 GMT"


@dataclass
class Reply:
    """One answer. `lines` are sent one chunk each; `hold` keeps the stream open after them until the server stops."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    claimed_length: int | None = None
    lines: list[Any] | None = None
    hold: bool = False


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any = None


def status(code: int, message: str, **metadata: Any) -> Reply:
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": metadata,
        "status": "Failure",
        "message": message,
        "code": code,
    }
    return Reply(code, json.dumps(document).encode())


def reply(document: Any, **more: Any) -> Reply:
    return Reply(body=json.dumps(document).encode(), **more)


class ApiServer:
    """Serves `objects` (list path without namespace -> objects) and `special` (path -> what to answer instead)."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.kinds: dict[str, tuple[str, bool]] = {}
        self.special: dict[str, Callable[[Request], Reply | None]] = {}
        self.seen: list[Request] = []
        self.compress = True
        self.version = "1000"
        self.date = DATE
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    def serve(self, path: str, kind: str, objects: Iterable[dict[str, Any]] = (), *, namespaced: bool = True) -> None:
        """Serve a kind at `/api/v1/pods` or `/apis/GROUP/VERSION/plural`."""
        self.kinds[path] = (kind, namespaced)
        self.objects[path] = list(objects)

    def refuse(self, path: str) -> None:
        self.special[path] = lambda _: status(403, f'cannot list resource at {path}: User "someone" may not')

    def script(self, path: str, *replies: Reply) -> None:
        """Answer a path with these replies in turn, then as usual."""
        waiting = list(replies)

        def next_reply(_: Request) -> Reply | None:
            with self._lock:
                return waiting.pop(0) if waiting else None

        self.special[path] = next_reply

    def paths(self) -> list[str]:
        return [request.path for request in self.seen]

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self.seen.append(request)
        if (special := self.special.get(request.path)) and (found := special(request)) is not None:
            return found
        if request.path in ("/api", "/apis"):
            return self._discovery(core=request.path == "/api")
        for path in self.objects:
            namespace = _namespace_of(path, request.path)
            if namespace is not None:
                if request.query.get("watch"):
                    return Reply(lines=[], hold=True)
                return self._list(path, namespace, request)
        return status(404, "the server could not find the requested resource")

    def _discovery(self, *, core: bool) -> Reply:
        groups: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for path, (kind, namespaced) in self.kinds.items():
            parts = path.strip("/").split("/")
            if (parts[0] == "api") is core:
                group, version = ("", parts[1]) if core else (parts[1], parts[2])
                scope = "Namespaced" if namespaced else "Cluster"
                groups[group][version].append(
                    {
                        "resource": parts[-1],
                        "responseKind": {"kind": kind},
                        "scope": scope,
                        "verbs": ["get", "list", "watch"],
                    }
                )
        items = [
            {"metadata": {"name": name}, "versions": [{"version": v, "resources": r} for v, r in versions.items()]}
            for name, versions in groups.items()
        ]
        return reply({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": items})

    def _list(self, path: str, namespace: str, request: Request) -> Reply:
        kind, _ = self.kinds[path]
        found = [one for one in self.objects[path] if namespace in ("", one["metadata"].get("namespace", ""))]
        start, limit = int(request.query.get("continue", "0")), int(request.query.get("limit", "0")) or len(found)
        metadata: dict[str, Any] = {"resourceVersion": self.version}
        if start + limit < len(found):
            metadata["continue"] = str(start + limit)
        return reply(
            {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": found[start : start + limit]}
        )


def _namespace_of(path: str, asked: str) -> str | None:
    """ "" for the list itself, the namespace for the list in one, None for another path."""
    root, _, plural = path.rpartition("/")
    if asked == path:
        return ""
    if asked.startswith(f"{root}/namespaces/") and asked.endswith(f"/{plural}"):
        return asked.removeprefix(f"{root}/namespaces/").removesuffix(f"/{plural}")
    return None


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body leave at once: the client's delayed ACK would cost 40 ms

        def do_GET(self) -> None:
            self._handle(None)

        def do_POST(self) -> None:
            self._handle(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _handle(self, body: Any) -> None:
            parts = urlsplit(self.path)
            headers = {name: ", ".join(self.headers.get_all(name, [])) for name in self.headers}
            request = Request(self.command, parts.path, dict(parse_qsl(parts.query)), headers, body)
            found = server.answer(request)
            self.send_response_only(found.status)
            for name, value in {"Date": server.date, "Content-Type": found.content_type, **found.headers}.items():
                self.send_header(name, value)
            if found.lines is not None:
                self._stream(found)
                return
            content = found.body
            if server.compress and "gzip" in self.headers.get("Accept-Encoding", ""):
                content = gzip.compress(content, 1)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(found.claimed_length or len(content)))
            self.end_headers()
            self.wfile.write(content)
            if found.claimed_length:
                self.close_connection = True

        def _stream(self, found: Reply) -> None:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in found.lines or ():
                content = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
            self.wfile.flush()
            if found.hold:
                server.stopping.wait(20)
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def running(server: ApiServer) -> Iterator[str]:
    """Run the server; yields its URL."""
    http = LoopbackServer(("127.0.0.1", 0), _handler(server))
    http.block_on_close = False
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        server.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join(5)


def kubeconfig(path: Path, server: str, *, user: dict[str, Any] | None = None, namespace: str = "") -> str:
    """Write a kubeconfig with the one context `fake`; returns its path."""
    context = {"cluster": "fake", "user": "someone", **({"namespace": namespace} if namespace else {})}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": server}}],
        "users": [{"name": "someone", "user": user if user is not None else {"token": "t0ken"}}],
        "contexts": [{"name": "fake", "context": context}],
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def pod(name: str, namespace: str = "shop", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}", "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {"containers": [{"name": "web"}]}, "status": {"phase": "Running"}, **more}


def cluster() -> ApiServer:
    """A server with a few kinds and two namespaces."""
    server = ApiServer()
    namespaces = [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in ("kube-system", "shop", "bank")]
    server.serve("/api/v1/namespaces", "Namespace", namespaces, namespaced=False)
    server.serve("/api/v1/nodes", "Node", [{"metadata": {"name": "node-1"}}], namespaced=False)
    server.serve("/api/v1/pods", "Pod", [pod("web-0"), pod("ledger", "bank"), pod("coredns", "kube-system")])
    server.serve(
        "/api/v1/configmaps", "ConfigMap", [{"metadata": {"name": "cfg", "namespace": "shop"}, "data": {"a": "1"}}]
    )
    server.serve(
        "/api/v1/secrets", "Secret", [{"metadata": {"name": "pw", "namespace": "shop"}, "data": {"a": "aGk="}}]
    )
    server.serve("/api/v1/events", "Event")
    server.serve("/apis/apps/v1/deployments", "Deployment")
    server.serve("/apis/coordination.k8s.io/v1/leases", "Lease")
    server.serve(
        "/apis/example.com/v1beta1/widgets", "Widget", [{"metadata": {"name": "w", "namespace": "shop"}, "spec": {}}]
    )
    return server
