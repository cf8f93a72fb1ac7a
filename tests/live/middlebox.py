"""A proxy between a program and the API server, as networks have them: it can break connections, expire watches and go away.

Promise: what passes is the API server's own answer, byte for byte; the program's token travels on, over loopback only.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from tests.loopback import LoopbackServer

GONE = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410,
        "message": "too old resource version"}  # fmt: skip


class Middlebox:
    """For a `with` block. `watches` are the running watch streams."""

    def __init__(self, kubeconfig: Path) -> None:
        self._config: dict[str, Any] = json.loads(kubeconfig.read_text())
        cluster = self._config["clusters"][0]["cluster"]
        self.upstream = urlsplit(cluster["server"]).netloc
        self.trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.away = threading.Event()  # set: it closes every connection at once
        self.nameless = threading.Event()  # set: it loses the program's token, so that the API server knows nobody
        self.watches: set[Any] = set()
        self.cuts = 0  # how often every watch was ended: one that was asked for before and opens after is ended too
        self.lock = threading.Lock()
        self._server = LoopbackServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"box": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where the program reaches it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def kubeconfig(self, folder: Path) -> Path:
        """The same users, by way of this proxy."""
        path = folder / "through-the-middlebox"
        cluster = {"name": self._config["clusters"][0]["name"], "cluster": {"server": self.url}}
        path.write_text(json.dumps({**self._config, "clusters": [cluster]}))
        return path

    def expire(self) -> int:
        """Tell every running watch that the past it follows from is gone (410), and close it; how many there were."""
        event = json.dumps({"type": "ERROR", "object": GONE}).encode() + b"\n"
        return self._end(b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event))

    def cut(self) -> int:
        """Close every watch that was asked for until now, in the middle of whatever it says; how many ran."""
        return self._end(b"")

    def _end(self, last: bytes) -> int:
        with self.lock:
            streams, self.watches = self.watches, set()
            self.cuts += 1
        for stream in streams:
            with stream.sending:
                stream.ended = True
                if last:
                    stream.wfile.write(last)
                stream.connection.shutdown(socket.SHUT_RDWR)
            stream.source.shutdown(socket.SHUT_RDWR)
        return len(streams)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    box: Middlebox
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.sending, self.ended = threading.Lock(), False

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        self.close_connection = True
        self.cuts_before = self.box.cuts
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.box.away.is_set():
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        upstream = http.client.HTTPSConnection(self.box.upstream, context=self.box.trust, timeout=60)
        try:
            lost = ("host", "connection", *(("authorization",) if self.box.nameless.is_set() else ()))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in lost}
            upstream.request(self.command, self.path, body or None, kept)
            answer = upstream.getresponse()
            watching = "watch=true" in self.path and answer.status == 200
            whole = b"" if watching else answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding", "Date"):
                if answer.headers.get(name):
                    self.send_header(name, answer.headers[name])
            self.send_header(*(("Transfer-Encoding", "chunked") if watching else ("Content-Length", str(len(whole)))))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(whole)
            if watching:
                self._stream(upstream, answer)
        finally:
            upstream.close()

    def _stream(self, upstream: http.client.HTTPSConnection, answer: http.client.HTTPResponse) -> None:
        """Pass on each piece as it comes, until either side ends."""
        assert upstream.sock is not None
        self.source = upstream.sock
        self.source.settimeout(330)
        with self.box.lock:
            if self.cuts_before != self.box.cuts:
                return
            self.box.watches.add(self)
        try:
            while part := answer.read1(65536):
                with self.sending:
                    if self.ended:
                        return
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        except (OSError, http.client.HTTPException):
            return  # one of the two has ended
        finally:
            with self.box.lock:
                self.box.watches.discard(self)
