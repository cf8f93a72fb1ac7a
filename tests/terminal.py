"""Runs a command of ours with a terminal at both ends, and types answers when it asks."""

from __future__ import annotations

import os
import pty
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUESTION = b"leave it: "


def at_a_terminal(arguments: list[str], data: Path, answers: list[str], interrupt_at: bytes = b"") -> tuple[int, str]:
    """Return exit code and everything printed. With `interrupt_at`, press Ctrl-C when that text appears."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.environ["COPILOT_DATA_DIR"] = str(data)
        os.execv(sys.executable, [sys.executable, "-m", "copilot.cli.main", *arguments])
    seen, asked, waiting = b"", 0, list(answers)
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # the child closed its end
            break
        if not chunk:
            break
        seen += chunk
        if seen.count(QUESTION) > asked and waiting:
            asked += 1
            os.write(terminal, waiting.pop(0).encode() + b"\n")
        if interrupt_at and interrupt_at in seen:
            interrupt_at = b""
            os.kill(child, signal.SIGINT)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), seen.decode()
