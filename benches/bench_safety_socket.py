"""Throw garbage, forged plans and forged yeses at a real executor's socket, and count what reached the cluster."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.small_api import deployment, serve
from tests.unit.guardrails.plans import make_plan

ROOT = Path(__file__).resolve().parents[1]
_ID, _DIGEST = "0123456789ab", "0" * 64
_WAIT = 30.0  # seconds for the executor to begin to listen


def _framed(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def frames() -> Iterator[bytes]:
    """What nobody honest sends: garbage, wrong lengths, unknown fields, and every request with forged contents."""
    chance = random.Random(7)  # noqa: S311 - a repeatable stream of garbage
    yield b""
    yield b"\0"
    yield b"\xff\xff\xff\xff" + b"A" * 4096
    yield struct.pack(">I", 100) + b"short"
    yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    yield from (_framed(chance.randbytes(chance.randint(0, 4000))) for _ in range(40))
    yield from (
        _framed(text) for text in (b"{}", b"[]", b"null", b"1e999", b"[" * 100_000, b'{"type":"status","type":"send"}')
    )
    plan = msgspec.to_builtins(make_plan())
    step = {"plan_id": _ID, "digest": _DIGEST, "nonce": "0" * 32, "index": 1, "cluster": plan["cluster"], "step": plan["steps"][0],
            "expires": "2099-01-01T00:00:00Z", "seal": "0" * 64}  # fmt: skip
    rehearsal = {
        "plan_id": "../../x\r\nImpersonate-User: admin",
        "index": 1,
        "cluster": plan["cluster"],
        "step": plan["steps"][0],
    }
    asks: list[dict[str, Any]] = [
        {"type": "exec"}, {"type": "STATUS"}, {"type": "status", "user": "root"}, {"type": "status", "uid": 0},
        {"type": "approve", "plan": _ID, "digest": _DIGEST, "typed": "yes"},
        {"type": "approve", "plan": _ID, "digest": _DIGEST, "typed": "yes", "approver": "root"},
        {"type": "approve", "plan": "*", "digest": "*", "typed": "yes"}, {"type": "consume", "plan": _ID, "digest": _DIGEST},
        {"type": "consume", "plan": "", "digest": ""}, {"type": "send", "step": step}, {"type": "send", "step": {**step, "seal": ""}},
        {"type": "submit", "plan": plan}, {"type": "submit", "plan": {**plan, "id": "../../../etc"}},
        {"type": "submit", "plan": {**plan, "computed": {**plan["computed"], "tier": 1, "refusals": []}}},
        {"type": "submit", "plan": {**plan, "requester": {**plan["requester"], "k8s_user": "system:admin"}}},
        {"type": "rehearse", "step": rehearsal}, {"type": "void", "plan": _ID, "reason": "\x1b[2J"}, {"type": "decline", "plan": _ID},
        {"type": "watched", "plan": _ID, "step": 1, "end": "done", "text": "x"}, {"type": "settle", "plan": _ID, "step": 1},
        {"type": "settle", "plan": _ID, "step": -1}, {"type": "entries", "after": -1, "plan": ""}, {"type": "entries", "after": 10**30, "plan": "x"},
        {"type": "progress", "plan": "' OR 1=1 --"},
    ]  # fmt: skip
    yield from (_framed(json.dumps(each).encode()) for each in asks)


def measure() -> dict[str, int]:
    """The figures of one run against an executor in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="sock-") as name, serve(deployment()) as api:
        folder = Path(name)
        (folder / "kube").mkdir()
        path, kubeconfig = folder / "run" / "x.sock", api.kubeconfig(folder / "kube")
        command = [
            sys.executable,
            "-m",
            "copilot.cli.main",
            "executor",
            "--socket",
            str(path),
            "--kubeconfig",
            str(kubeconfig),
        ]
        environment = {**os.environ, "COPILOT_DATA_DIR": str(folder / "data"), "COPILOT_ALLOW_CHANGES": "1"}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _until_listening(path, process)
            thrown = list(frames())
            answers = [_exchange(path, each) for each in thrown]
            alive = b'"protocol"' in _exchange(path, _framed(b'{"type":"status"}'))
        finally:
            process.terminate()
            process.wait(30)
        refused = sum(b'"refusal":{' in each or not each for each in answers)
        stored = [one for one in api.writes() if not one.headers.get("User-Agent", "").endswith("dry-run")]
    return {
        "frames": len(thrown),
        "refused or dropped": refused,
        "requests that store": len(stored),
        "still serving": int(alive),
    }


def _until_listening(path: Path, process: subprocess.Popen[bytes]) -> None:
    begun = time.monotonic()
    while not path.exists():
        if process.poll() is not None or time.monotonic() - begun > _WAIT:
            raise RuntimeError("the executor does not listen")
        time.sleep(0.05)


def _exchange(path: Path, content: bytes) -> bytes:
    """Send bytes as they are, close our half, and read what comes back."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(20)
        client.connect(str(path))
        try:
            client.sendall(content)
            client.shutdown(socket.SHUT_WR)
            parts = []
            while part := client.recv(65536):
                parts.append(part)
        except OSError:
            return b""
    return b"".join(parts)


def main() -> None:
    """Print the figures."""
    for name, value in measure().items():
        sys.stdout.write(f"{name}: {value}\n")


if __name__ == "__main__":
    main()
