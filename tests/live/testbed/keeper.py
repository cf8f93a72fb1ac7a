"""The process that holds servers: it ends them when told to, when one of them dies, or when its owner dies.

Promise: however the keeper ends, even by kill -9, none of its servers is left behind.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import TestbedError
from .processes import ProcessName, exit_code, spawn_detached, stop_all
from .waiting import until

READY_FILE = "ready.json"
FAILURE_FILE = "failure.txt"
KEEPER_LOG = "keeper.log"


def hold(children: Mapping[str, subprocess.Popen[bytes]], owner: int | None) -> str:
    """Wait until there is a reason to end the children, end them, and return the reason."""
    reason = _wait_for_reason(children, owner)
    stop_all(list(children.values()))
    return reason


def stop_on_signals() -> None:
    """From now on SIGTERM and SIGINT raise KeyboardInterrupt, so that `finally` blocks run."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGINT, interrupt)


def _wait_for_reason(children: Mapping[str, subprocess.Popen[bytes]], owner: int | None) -> str:
    watched: dict[int, str] = {}
    try:
        for name, process in children.items():
            watched[os.pidfd_open(process.pid)] = f"{name} ended by itself"
        if owner is not None:
            watched[os.pidfd_open(owner)] = f"its owner, process {owner}, ended"
        ended, _, _ = select.select(list(watched), [], [])
        return watched[ended[0]]
    except KeyboardInterrupt:
        return "told to stop"
    except ProcessLookupError:
        return f"its owner, process {owner}, was already gone"
    finally:
        for each in watched:
            os.close(each)


def keeper_facts(state: Path) -> dict[str, Any]:
    """What a keeper wrote into `state` when its servers were ready; empty where it does not live any more."""
    try:
        facts: dict[str, Any] = json.loads((state / READY_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return facts if ProcessName(*facts["keeper"]).is_alive() else {}


def start_keeper(package: str, arguments: list[str], state: Path, environment: dict[str, str], limit: float) -> None:
    """Start `python -m package keep ...` on its own and return when it has written its ready file.

    Raises TestbedError with the keeper's own words where it failed, or after `limit` seconds.
    """
    state.mkdir(parents=True, exist_ok=True)
    for left_over in (READY_FILE, FAILURE_FILE):
        (state / left_over).unlink(missing_ok=True)
    command = [sys.executable, "-m", package, "keep", "--state", str(state), *arguments]
    pid = spawn_detached(command, state / KEEPER_LOG, environment)
    keeper = ProcessName.of(pid)
    codes: list[int | None] = []

    def settled() -> bool:
        codes[:] = [exit_code(pid)]
        return codes[0] is not None or (state / READY_FILE).exists()

    if not until(settled, limit):
        if keeper is not None:
            keeper.stop()
        raise TestbedError(f"not ready after {limit:.0f} s", f"read {state / KEEPER_LOG}")
    if codes[0] is not None:
        failure = state / FAILURE_FILE
        words = (state / KEEPER_LOG).read_text(errors="replace").strip().rpartition("\n")[2]
        text = failure.read_text() if failure.exists() else f"the keeper ended with code {codes[0]}: {words}"
        raise TestbedError(text, f"read {state / KEEPER_LOG}")
