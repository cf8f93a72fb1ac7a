"""Starts programs that cannot outlive their keeper, and ends exactly the processes it started.

Promise: a process is named by its id and its start time, so a reused id is never signalled. Linux only.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import TestbedError

STOP_GRACE = 10.0  # seconds between asking a process to end and ending it: etcd and the API server need 1-2
PR_SET_PDEATHSIG = 1  # linux/prctl.h
START_TIME_FIELD = 21  # of /proc/PID/stat, counted from 0: clock ticks after boot
LOG_LINES_SHOWN = 3


@dataclass(frozen=True)
class ProcessName:
    """A process for good: ids are reused, a pair of id and start time is not."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "ProcessName | None":
        """Name the process that has this id now; None where there is none, or only its corpse."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = text.rpartition(")")[2].split()  # the name in brackets may hold spaces
        if fields[0] in ("Z", "X"):
            return None
        return cls(pid, int(fields[START_TIME_FIELD - 2]))

    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return ProcessName.of(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this very process, or to none."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def wait(self, seconds: float) -> bool:
        """Wait until the process is gone; False where it still runs after that time."""
        deadline = time.monotonic() + seconds
        try:
            watched = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            while self.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                select.select([watched], [], [], left)
        finally:
            os.close(watched)
        return True

    def stop(self) -> None:
        """Ask the process to end, and end it where it does not."""
        self.signal(signal.SIGTERM)
        if not self.wait(STOP_GRACE):
            self.signal(signal.SIGKILL)
            self.wait(STOP_GRACE)


def spawn(command: Sequence[str], log: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program that is killed by the kernel when the calling process dies."""
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def die_with_parent() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
            preexec_fn=die_with_parent, process_group=0,  # noqa: PLW1509  (the keeper has one thread)
        )  # fmt: skip


def spawn_detached(command: Sequence[str], log: Path, environment: dict[str, str]) -> int:
    """Start a program in a session of its own, which goes on after the calling process ends; returns its id."""
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    redirects = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), appending, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], list(command), environment, file_actions=redirects, setsid=True)


def exit_code(pid: int) -> int | None:
    """Code with which a child of ours ended; None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def stop_all(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End our own children, the last started first, and reap them."""
    for process in reversed(processes):
        process.terminate()
        try:
            process.wait(STOP_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def require_running(process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Raise TestbedError with the last lines of the log where the process has ended."""
    code = process.poll()
    if code is not None:
        tail = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        raise TestbedError(f"{name} ended with code {code}: {' | '.join(tail)[-600:]}", f"read {log}")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
