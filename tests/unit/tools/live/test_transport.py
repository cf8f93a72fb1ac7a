"""What a person reads when the server cannot be reached."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from copilot.model import CopilotError
from tests.unit.tools.live.api_server import ApiServer, Reply, kubeconfig, reply, status
from tools.cluster.kubeconfig import connect
from tools.cluster.live import LiveSource
from tools.cluster.transport import Review, Transport
from tools.cluster.transport_errors import ConnectionLostError


def to(tmp_path: Path, server: str) -> Transport:
    return Transport(connect(kubeconfig(tmp_path / "config", server)))


@contextmanager
def listener(answer: bytes = b"", *, hold: bool = False) -> Iterator[int]:
    """A port that accepts one connection after the other, sends `answer` and hangs up, or holds the line."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def serve() -> None:
            while not done.is_set():
                try:
                    peer, _ = listening.accept()
                except TimeoutError:
                    continue
                with peer:
                    peer.sendall(answer)
                    if hold:
                        done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def test_a_refused_connection_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLostError, match="refuses the connection: Connection refused") as caught:
        to(tmp_path, f"https://127.0.0.1:{closed_port()}").get("/api")
    assert "address and port" in caught.value.hint


def test_an_unknown_host_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLostError, match="cannot be resolved"):
        to(tmp_path, "https://no-such-host.invalid").get("/api")


def test_a_server_without_tls_says_so(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConnectionLostError, match="does not speak TLS"):
        to(tmp_path, url.replace("http:", "https:")).get("/api")


def test_a_silent_server_says_so(tmp_path: Path) -> None:
    with listener(hold=True) as port, pytest.raises(ConnectionLostError, match="stopped answering"):
        Transport(connect(kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}")), read_seconds=0.1).get("/api")


def test_a_connection_that_breaks_is_tried_again_and_then_reported(tmp_path: Path) -> None:
    with listener() as port, pytest.raises(ConnectionLostError, match=r"The connection to .* broke"):
        to(tmp_path, f"http://127.0.0.1:{port}").get("/api")


def test_what_speaks_no_http_is_reported(tmp_path: Path) -> None:
    with listener(b"SSH-2.0-OpenSSH_9.9\r\n") as port, pytest.raises(CopilotError, match="broke"):
        to(tmp_path, f"http://127.0.0.1:{port}").get("/api")


def test_an_unusable_proxy_is_named(tmp_path: Path, url: str) -> None:
    document = Path(kubeconfig(tmp_path / "config", "https://10.255.255.1:6443"))
    proxied = document.read_text().replace('"server":', f'"proxy-url": "http://127.0.0.1:{closed_port()}", "server":')
    document.write_text(proxied)
    with pytest.raises(ConnectionLostError, match="The proxy on the way to"):
        Transport(connect(str(document))).get("/api")


def test_no_message_shows_an_objects_address(tmp_path: Path) -> None:
    with pytest.raises(CopilotError) as caught:
        to(tmp_path, f"http://127.0.0.1:{closed_port()}").get("/api")
    assert "0x" not in caught.value.title


def test_a_compressed_answer_is_read(live: LiveSource, server: ApiServer) -> None:
    assert server.compress
    assert live.transport.get("/api").json()["kind"] == "APIGroupDiscoveryList"


def test_connections_are_kept(live: LiveSource) -> None:
    for _ in range(5):
        live.transport.get("/api")
    pool = live.transport.connection.client.rest_client.pool_manager.connection_from_url(live.connection.server)
    assert (pool.num_connections, pool.num_requests) == (1, 5)


def test_an_unavailable_add_on_without_a_time_to_wait_is_not_asked_again(live: LiveSource, server: ApiServer) -> None:
    server.special["/apis/metrics.k8s.io/v1beta1/pods"] = lambda _: status(503, "down")
    assert live.transport.get("/apis/metrics.k8s.io/v1beta1/pods").status == 503
    assert len(server.seen) == 1


def test_a_servers_message_is_shown_in_one_printable_line(live: LiveSource, server: ApiServer) -> None:
    server.special["/x"] = lambda _: Reply(500, b"line one\nline\x1b[31m two\x00" + b"." * 9000, "text/plain")
    reason = live.transport.get("/x").reason
    assert reason.isprintable()
    assert len(reason) <= 300


def test_a_missing_or_odd_date_is_none(live: LiveSource, server: ApiServer) -> None:
    server.special["/x"] = lambda _: reply({}, headers={"Date": "yesterday"})
    assert live.transport.get("/x").date is None


def test_a_review_is_the_only_thing_that_is_posted(live: LiveSource, server: ApiServer) -> None:
    server.special[Review.ACCESS.path] = lambda _: reply({"status": {"allowed": True}})
    live.transport.review(Review.ACCESS, {"resourceAttributes": {"verb": "get"}})
    assert [(request.method, request.path) for request in server.seen] == [("POST", Review.ACCESS.path)]
    methods = {name for name in dir(Transport) if not name.startswith("_")}
    assert methods == {"get", "review", "stream"}
