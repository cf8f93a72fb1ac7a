"""New processes of our own program without its start: one process that has imported it is forked for each of them.

The process forked is a fresh one: its environment is given, and nothing of the test's own process reaches it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "copilot.cli.do",
        "copilot.changing.opening",
        "copilot.app",
        "tools.cluster.live",
        "tui.card",
        "tools.executor",
        "tests.unit.safety.crash",
    ]
)


def started(target: Callable[..., object], *arguments: Any) -> ForkServerProcess:
    """Run a function of an importable module in a new process; its exit code tells how it ended."""
    process = _CONTEXT.Process(target=target, args=arguments)
    process.start()
    return process
