"""Runs a command of ours with a terminal at both ends, and types answers when it asks."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.warm import started

ROOT = Path(__file__).resolve().parents[1]
QUESTION = b"leave it: "
_PATIENCE = 60.0  # seconds between two lines: longer than any wait of a command, however loaded the machine


def at_a_terminal(arguments: list[str], data: Path, answers: list[str], interrupt_at: bytes = b"") -> tuple[int, str]:
    """Return exit code and everything printed. With `interrupt_at`, press Ctrl-C when that text appears."""
    ours, theirs = pty.openpty()
    child = started(_command, os.ttyname(theirs), arguments, {**os.environ, "COPILOT_DATA_DIR": str(data)})
    seen, asked, waiting = b"", 0, list(answers)
    while True:
        ready, _, _ = select.select([ours, child.sentinel], [], [], _PATIENCE)
        assert ready, f"nothing happens at the terminal any more, after: {seen.decode()}"
        if ours not in ready:  # it has ended, and everything it printed was read
            break
        seen += os.read(ours, 4096)
        if seen.count(QUESTION) > asked and waiting:
            asked += 1
            os.write(ours, waiting.pop(0).encode() + b"\n")
        if interrupt_at and interrupt_at in seen:
            interrupt_at = b""
            assert child.pid is not None
            os.kill(child.pid, signal.SIGINT)
    child.join()
    os.close(ours)
    os.close(theirs)
    assert child.exitcode is not None
    return child.exitcode, seen.decode()


class Terminal:
    """A person at a terminal of their own, who waits for a text before typing the next line."""

    def __init__(self, arguments: list[str], data: Path) -> None:
        self._ours, self._theirs = pty.openpty()
        environment = {**os.environ, "COPILOT_DATA_DIR": str(data), "TERM": "dumb"}
        self.process = started(_command, os.ttyname(self._theirs), arguments, environment)
        self._seen = b""
        self._mark = 0

    @property
    def said(self) -> str:
        """Everything that stands on the screen."""
        return self._seen.decode(errors="replace").replace("\r\n", "\n")

    def until(self, text: str) -> str:
        """Wait until a text stands below what was waited for before; all that came since then."""
        wanted = text.encode()
        while (place := self._seen.find(wanted, self._mark)) < 0:
            ready, _, _ = select.select([self._ours, self.process.sentinel], [], [], _PATIENCE)
            assert self._ours in ready, f"{text!r} never came, after: {self.said}"
            self._seen += os.read(self._ours, 4096)
        came, self._mark = self._seen[self._mark : place], place + len(wanted)
        return came.decode(errors="replace").replace("\r\n", "\n")

    def type(self, line: str) -> None:
        """Type a line, or several, and press Enter."""
        os.write(self._ours, line.encode() + b"\n")

    def ended(self) -> int:
        """Wait for the command's end; its exit code."""
        while True:
            ready, _, _ = select.select([self._ours, self.process.sentinel], [], [], _PATIENCE)
            assert ready, f"it does not end, after: {self.said}"
            if self._ours not in ready:
                break
            self._seen += os.read(self._ours, 4096)
        self.process.join()
        os.close(self._ours)
        os.close(self._theirs)
        assert self.process.exitcode is not None
        return self.process.exitcode


def in_background(arguments: list[str], data: Path, out: Path) -> ForkServerProcess:
    """Start a command whose output goes to a file; a SIGINT reaches it as Ctrl-C does."""
    return started(_unattended, arguments, {**os.environ, "COPILOT_DATA_DIR": str(data)}, str(out))


def _unattended(arguments: list[str], environment: dict[str, str], out: str) -> None:
    from copilot.cli.main import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    file = os.open(out, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(file, standard)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.exit(main(arguments))


def _command(terminal: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Run one command as a shell would: at the terminal, which is its own from now on."""
    from copilot.cli.main import main

    os.setsid()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a test started in the background ignores it, and so would we
    ends = os.open(terminal, os.O_RDWR)
    for standard in range(3):
        os.dup2(ends, standard)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww"))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.exit(main(arguments))
