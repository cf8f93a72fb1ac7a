"""The command line of the test bed: build, start, stop, status, env, logs.

Promise: every failure is one or two lines on stderr and a code other than 0.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from . import binaries, control_plane, population
from .cluster import Cluster
from .errors import TestbedError
from .keeper import FAILURE_FILE, READY_FILE, hold, stop_on_signals
from .paths import default_state
from .processes import ProcessName, stop_all


def main() -> int:
    """Run one command."""
    arguments = _parser().parse_args()
    try:
        return int(COMMANDS[arguments.command](arguments) or 0)
    except TestbedError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.live.testbed", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the control plane (10 minutes once, then kept in the cache)")
    build.add_argument("--metrics", action="store_true", help="build metrics-server too")
    for name, text in (
        ("start", "start a cluster that goes on running"), ("stop", "stop it"), ("status", "say whether it runs"),
        ("env", "print the shell line that points kubectl at it"), ("logs", "read lines from stdin into a pod log file"),
        ("keep", "hold a cluster in this process (what start runs)"),
    ):  # fmt: skip
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "--state", type=Path, default=default_state(), help="state folder (default: in the user's cache)"
        )
        if name in ("start", "keep"):
            command.add_argument("--nodes", type=int, default=5)
            command.add_argument("--pods", type=int, default=0)
            command.add_argument("--metrics", action="store_true", help="run metrics-server too (for kubectl top)")
            command.add_argument("--grace", type=int, help="seconds until a silent node is Unknown (default 50)")
            command.add_argument("--owner", type=int, help="id of a process with which the cluster ends")
        if name == "logs":
            command.add_argument("name", help="what pods name in testbed/logs")
    return parser


def _build(arguments: argparse.Namespace) -> None:
    for module in (binaries.CONTROL_PLANE, *([binaries.METRICS_SERVER] if arguments.metrics else [])):
        print(binaries.build(module), file=sys.stderr)


def _start(arguments: argparse.Namespace) -> None:
    _build(arguments)
    cluster = Cluster(arguments.state)
    began = time.monotonic()
    facts = cluster.start(arguments.nodes, arguments.pods, arguments.grace, arguments.owner, arguments.metrics)
    print(f"cluster at {facts['server']} after {time.monotonic() - began:.1f} s", file=sys.stderr)
    print(f"export KUBECONFIG={cluster.kubeconfig}")


def _stop(arguments: argparse.Namespace) -> None:
    print("stopped" if Cluster(arguments.state).stop() else "no cluster runs here", file=sys.stderr)


def _status(arguments: argparse.Namespace) -> int:
    cluster = Cluster(arguments.state)
    facts = cluster.facts()
    if not facts:
        print(f"no cluster runs in {arguments.state}\n  try: make cluster")
        return 3
    print(json.dumps({"kubeconfig": str(cluster.kubeconfig), **facts}, indent=1))
    return 0


def _env(arguments: argparse.Namespace) -> None:
    cluster = Cluster(arguments.state)
    if not cluster.is_running():
        raise TestbedError(f"no cluster runs in {arguments.state}", "make cluster")
    print(f"export KUBECONFIG={cluster.kubeconfig} PATH={binaries.require()}:$PATH")


def _logs(arguments: argparse.Namespace) -> None:
    Cluster(arguments.state).add_log(arguments.name, sys.stdin)


def _keep(arguments: argparse.Namespace) -> int:
    """Start the control plane as children of this process and wait until there is a reason to end."""
    stop_on_signals()
    state: Path = arguments.state
    grace = arguments.grace or control_plane.Shape().node_grace
    shape = control_plane.Shape(grace, arguments.metrics)
    try:
        plane = control_plane.start(binaries.require(), state.absolute(), shape)
    except TestbedError as error:
        (state / FAILURE_FILE).write_text(error.happened)
        raise
    try:
        population.create_nodes(plane.api, arguments.nodes)
        population.create_pods(plane.api, arguments.pods)
        _write_ready_file(plane, arguments)
    except BaseException:
        stop_all(list(plane.processes.values()))
        raise
    print(f"the cluster ends: {hold(plane.processes, arguments.owner)}", flush=True)
    (state / READY_FILE).unlink(missing_ok=True)
    return 0


def _write_ready_file(plane: control_plane.ControlPlane, arguments: argparse.Namespace) -> None:
    processes = {name: ProcessName.of(process.pid) for name, process in plane.processes.items()}
    me = ProcessName.of(os.getpid())
    assert me is not None
    facts = {
        "server": plane.server,
        "nodes": arguments.nodes,
        "pods": arguments.pods,
        "keeper": [me.pid, me.started],
        "processes": {name: [found.pid, found.started] for name, found in processes.items() if found is not None},
        "binaries": str(plane.home),
    }
    partial = plane.state / f"{READY_FILE}.new"
    partial.write_text(json.dumps(facts))
    partial.replace(plane.state / READY_FILE)


COMMANDS = {
    "build": _build,
    "start": _start,
    "stop": _stop,
    "status": _status,
    "env": _env,
    "logs": _logs,
    "keep": _keep,
}

if __name__ == "__main__":
    sys.exit(main())
