"""What was typed on a node or in a pod is read as services, logs and connectivity tests of that place."""

from __future__ import annotations

import pytest

from copilot.model import Probe
from tools.cluster.transcript import parse_transcript

KUBELET = """● kubelet.service - kubelet: The Kubernetes Node Agent
     Loaded: loaded (/lib/systemd/system/kubelet.service; enabled; preset: enabled)
     Active: failed (Result: exit-code) since Mon 2026-11-23 14:00:00 UTC; 5min ago

Nov 23 14:00:00 worker-1 kubelet[1]: E1123 failed to load kubeconfig"""


@pytest.mark.parametrize(
    "text",
    [
        f"$ ssh worker-1 systemctl status kubelet\n{KUBELET}",
        f"root@worker-1:~# systemctl status kubelet\n{KUBELET}",
        f"$ ssh root@worker-1\nWelcome\n# systemctl status kubelet\n{KUBELET}\n# exit\n",
        f"$ kubectl debug node/worker-1 -it -- chroot /host systemctl status kubelet\n{KUBELET}",
        KUBELET,
    ],
)
def test_a_failed_unit_is_found_with_its_node(text: str) -> None:
    (service,) = parse_transcript(text).services
    assert (service.node, service.unit, service.active) == ("worker-1", "kubelet.service", "failed")
    assert "failed to load kubeconfig" in service.text


def test_a_unit_that_does_not_exist_is_inactive() -> None:
    (service,) = parse_transcript(
        "$ ssh n1 systemctl status docker\nUnit docker.service could not be found.\n"
    ).services
    assert (service.unit, service.active) == ("docker.service", "inactive")


def test_a_journal_is_a_log_of_its_node() -> None:
    (log,) = parse_transcript("$ ssh n1 journalctl -u kubelet -n 5\nNov 23 14:00:00 n1 kubelet[1]: boom\n").logs
    assert (log.namespace, log.pod, log.container) == ("", "n1", "kubelet")


def probe(command: str, output: str) -> Probe:
    (found,) = parse_transcript(f"$ kubectl exec -n shop web-0 -- {command}\n{output}\n").probes
    return found


@pytest.mark.parametrize(
    ("command", "output", "host", "port", "outcome", "status"),
    [
        ("nc -zv db 5432", "nc: connect to db port 5432 (tcp) failed: Connection refused", "db", 5432, "refused", None),
        ("nc -zv -w 2 db 5432", "db (10.0.0.1:5432) open", "db", 5432, "ok", None),
        ("nc -zv db 5432", "Connection to db 5432 port [tcp/*] succeeded!", "db", 5432, "ok", None),
        (
            "nc -zvw3 db 5432",
            "nc: connect to db port 5432 (tcp) timed out: Operation now in progress",
            "db",
            5432,
            "timeout",
            None,
        ),
        (
            "curl -m 5 http://api:8080/x",
            "curl: (28) Connection timed out after 5001 milliseconds",
            "api",
            8080,
            "timeout",
            None,
        ),
        (
            "curl https://api/x",
            "curl: (60) SSL certificate problem: unable to get local issuer certificate",
            "api",
            443,
            "tls-error",
            None,
        ),
        ("curl http://api", "curl: (6) Could not resolve host: api", "api", 80, "not-resolved", None),
        (
            "curl http://api",
            "curl: (7) Failed to connect to api port 80: Connection refused",
            "api",
            80,
            "refused",
            None,
        ),
        ("curl -v http://api", "* Connected to api\n< HTTP/1.1 503 Service Unavailable", "api", 80, "http-error", 503),
        ("curl -sI http://api", "HTTP/2 200\nserver: x", "api", 80, "ok", 200),
        ("curl -s -o /dev/null -w '%{http_code}' http://api", "404", "api", 80, "http-error", 404),
        ("curl http://api", "<html><title>502 Bad Gateway</title></html>", "api", 80, "http-error", 502),
        ("curl http://api", '{"note": "Connection refused yesterday"}', "api", 80, "ok", None),
        ("wget -qO- http://api:9000", "wget: bad address 'api:9000'", "api", 9000, "not-resolved", None),
        (
            "nslookup db.shop",
            "Server: 10.96.0.10\n\n** server can't find db.shop: NXDOMAIN",
            "db.shop",
            None,
            "not-resolved",
            None,
        ),
        (
            "nslookup db",
            "Server:  10.96.0.10\nAddress: 10.96.0.10:53\n\nName: db.shop.svc\nAddress: 10.1.1.1",
            "db",
            None,
            "ok",
            None,
        ),
        ("nslookup db", ";; connection timed out; no servers could be reached", "db", None, "not-resolved", None),
        ("getent hosts db", "10.1.1.1   db.shop.svc.cluster.local", "db", None, "ok", None),
        (
            "ping -c 1 10.0.0.1",
            "1 packets transmitted, 0 received, 100% packet loss",
            "10.0.0.1",
            None,
            "timeout",
            None,
        ),
        (
            "ping -c 1 10.0.0.1",
            "64 bytes from 10.0.0.1: seq=0 ttl=64\n1 received, 0% packet loss",
            "10.0.0.1",
            None,
            "ok",
            None,
        ),
    ],
)
def test_a_connectivity_test_tells_what_came_of_it(
    command: str, output: str, host: str, port: int | None, outcome: str, status: int | None
) -> None:
    found = probe(command, output)
    assert (found.origin, found.host, found.port, found.outcome, found.status) == (
        "shop/web-0",
        host,
        port,
        outcome,
        status,
    )


def test_an_interactive_shell_in_a_pod_is_followed_until_it_ends() -> None:
    text = "$ kubectl exec -it web-0 -n shop -- sh\n/ # nc -zv db 5432\nnc: db (10.0.0.1:5432): Connection refused\n/ # exit\n$ nc -zv api 80\nopen\n"
    first, second = parse_transcript(text).probes
    assert (first.origin, first.outcome) == ("shop/web-0", "refused")
    assert second.origin == ""


def test_logs_are_kept_by_pod_and_container() -> None:
    text = "$ kubectl logs -n shop -l app=web --prefix --all-containers\n[pod/web-0/app] one\n[pod/web-1/app] two\n[pod/web-0/app] three\n"
    logs = {(log.pod, log.container): log.text for log in parse_transcript(text).logs}
    assert logs == {("web-0", "app"): "one\nthree\n", ("web-1", "app"): "two\n"}


def test_a_previous_log_says_so() -> None:
    (log,) = parse_transcript("$ kubectl logs web-0 -c app -n shop -p --tail=5\npanic: boom\n").logs
    assert (log.pod, log.container, log.previous, log.truncated) == ("web-0", "app", True, True)


def test_a_log_that_cannot_be_had_is_a_note() -> None:
    reply = 'Error from server (BadRequest): container "app" in pod "web-0" is waiting to start: ContainerCreating'
    snapshot = parse_transcript(f"$ kubectl logs web-0 -n shop\n{reply}\n")
    assert snapshot.logs == ()
    assert snapshot.coverage.notes == (f"paste:2: {reply}",)


def test_usage_is_read_in_cores_and_bytes() -> None:
    text = "$ kubectl top pods -n shop --containers\nPOD     NAME   CPU(cores)   MEMORY(bytes)\nweb-0   app    250m         64Mi\n"
    (usage,) = parse_transcript(text).usage
    assert (usage.ref.name, usage.container, usage.cpu, usage.memory) == ("web-0", "app", 0.25, 64 * 2**20)
