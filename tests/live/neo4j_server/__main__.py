"""The command line of the Neo4j server: build, start, stop, status.

Promise: every failure is one or two lines on stderr and a code other than 0.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.live.testbed.errors import TestbedError
from tests.live.testbed.keeper import FAILURE_FILE, READY_FILE, hold, stop_on_signals
from tests.live.testbed.processes import ProcessName

from . import jars, server


def main() -> int:
    """Run one command."""
    arguments = _parser().parse_args()
    try:
        return int(COMMANDS[arguments.command](arguments) or 0)
    except TestbedError as error:
        print(f"neo4j: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.neo4j_server", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="fetch the jars (20 seconds once, then kept in the cache)")
    for name, text in (
        ("start", "start an empty server that goes on running"), ("stop", "stop it"), ("status", "say whether it runs"),
        ("keep", "hold a server in this process (what start runs)"),
    ):  # fmt: skip
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--state", type=Path, default=server.default_state(), help="state folder (default: in the user's cache)"
        )
        if name in ("start", "keep"):
            command.add_argument("--password", help="turn authentication on, with this password for the user neo4j")
            command.add_argument("--port", type=int, help="bolt port (default: a free one)")
            command.add_argument("--wide-open", action="store_true", help="leave LOAD CSV and memory unrestricted")
            command.add_argument("--owner", type=int, help="id of a process with which the server ends")
    return parser


def _build(_arguments: argparse.Namespace) -> None:
    jars.build()
    with tempfile.TemporaryDirectory() as folder:
        server.make_archive(Path(folder))
    print(jars.home())


def _start(arguments: argparse.Namespace) -> None:
    jars.build()
    began = time.monotonic()
    url = server.Neo4jServer(arguments.state).start(
        arguments.password, arguments.owner, arguments.port, wide_open=arguments.wide_open
    )
    print(f"Neo4j answers after {time.monotonic() - began:.1f} s", file=sys.stderr)
    print(url)


def _stop(arguments: argparse.Namespace) -> None:
    print("stopped" if server.Neo4jServer(arguments.state).stop() else "no server runs here", file=sys.stderr)


def _status(arguments: argparse.Namespace) -> int:
    facts = server.Neo4jServer(arguments.state).facts()
    print(json.dumps(facts, indent=1) if facts else f"no server runs in {arguments.state}\n  try: make neo4j")
    return 0 if facts else 3


def _keep(arguments: argparse.Namespace) -> int:
    """Start the server as a child of this process and wait until there is a reason to end."""
    stop_on_signals()
    state: Path = arguments.state.absolute()
    try:
        process, url = server.launch(state, arguments.password, arguments.port, wide_open=arguments.wide_open)
    except TestbedError as error:
        (state / FAILURE_FILE).write_text(error.happened)
        raise
    me, java = ProcessName.of(os.getpid()), ProcessName.of(process.pid)
    assert me is not None
    assert java is not None
    facts = {"url": url, "keeper": [me.pid, me.started], "java": [java.pid, java.started]}
    partial = state / f"{READY_FILE}.new"
    partial.write_text(json.dumps(facts))
    partial.replace(state / READY_FILE)
    print(f"Neo4j ends: {hold({'Neo4j': process}, arguments.owner)}", flush=True)
    (state / READY_FILE).unlink(missing_ok=True)
    return 0


COMMANDS = {"build": _build, "start": _start, "stop": _stop, "status": _status, "keep": _keep}

if __name__ == "__main__":
    sys.exit(main())
