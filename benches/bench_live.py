"""Times a whole answer from the live API against curl and kubectl on the same server. Medians and ratios of one run.

    python -m benches.bench_live --kubeconfig FILE [--context NAME] [--runs 5]

`curl` fetches exactly the lists the snapshot reads, unpaged, without printing or parsing: the limit. It names itself as
no browser, so that the server does not indent for it.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from copilot.diagnosis import Scope as Question
from copilot.diagnosis import diagnose
from retrievers.graph import build_graph
from tools.cluster.discovery import discover
from tools.cluster.live import open_live
from tools.cluster.live_read import plan
from tools.cluster.source import Scope

Times = dict[str, list[float]]


def _timed(times: Times, name: str, work: Callable[[], object]) -> object:
    started = time.perf_counter()
    found = work()
    times.setdefault(name, []).append(time.perf_counter() - started)
    return found


def _curl_config(kubeconfig: str, context: str | None, folder: Path) -> Path:
    """A curl config with every list, and the credentials kept off the command line."""
    source = open_live(kubeconfig, context)
    settings = source.connection.client.configuration
    lines = ["silent", "show-error", "fail", 'user-agent = "bench"']
    for option, value in (("cacert", settings.ssl_ca_cert), ("cert", settings.cert_file), ("key", settings.key_file)):
        lines += [f'{option} = "{value}"'] if value else []
    token = settings.get_api_key_with_prefix("BearerToken", alias="authorization")
    lines += [f'header = "Authorization: {token}"'] if token else []
    for request in plan(discover(source.transport).kinds, Scope()):
        url = f"{source.connection.server}{request.kind.path(request.namespace)}"
        lines += [f'url = "{url}"', 'output = "/dev/null"']
    path = folder / "curl.conf"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _run(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _answer(times: Times, kubeconfig: str, context: str | None) -> int:
    started = time.perf_counter()
    source = open_live(kubeconfig, context)
    snapshot = source.snapshot(Scope())
    fetched = time.perf_counter()
    graph = build_graph(snapshot)
    built = time.perf_counter()
    diagnose(graph, Question())
    done = time.perf_counter()
    for name, took in (
        ("fetch", fetched - started),
        ("graph", built - fetched),
        ("rules", done - built),
        ("whole answer", done - started),
    ):
        times.setdefault(name, []).append(took)
    return len(snapshot.resources)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--context")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args(arguments)
    which = ["--kubeconfig", options.kubeconfig, *(["--context", options.context] if options.context else [])]
    times: Times = {}
    objects = 0
    with tempfile.TemporaryDirectory() as folder:
        config = str(_curl_config(options.kubeconfig, options.context, Path(folder)))
        for _ in range(options.runs):  # taken in turn: what else the machine does then hits all alike
            objects = _answer(times, options.kubeconfig, options.context)
            _timed(times, "curl, one list after the other", _run("curl", "--config", config))
            _timed(times, "curl, gzip", _run("curl", "--compressed", "--config", config))
            _timed(times, "curl, 8 at once", _run("curl", "--http1.1", "--parallel", "--parallel-max", "8", "--config", config))  # fmt: skip
            _timed(times, "kubectl get pods -A -o json", _run("kubectl", *which, "get", "pods", "-A", "-o", "json"))
    whole = statistics.median(times["whole answer"])
    print(f"{objects} objects, {options.runs} runs, seconds")
    print(f"{'':32}{'median':>8}{'least':>8}{'most':>8}   whole answer is")
    for name, took in times.items():
        median = statistics.median(took)
        ratio = "" if name in ("fetch", "graph", "rules", "whole answer") else f"   {whole / median:.2f}x"
        print(f"{name:32}{median:8.2f}{min(took):8.2f}{max(took):8.2f}{ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
