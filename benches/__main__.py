"""Run the benches that need no server, one after the other; the live one where a kubeconfig is given."""

from __future__ import annotations

import os
import sys

from benches import bench_ask, bench_diagnosis, bench_dump, bench_graph, bench_retrieval, bench_startup


def main() -> None:
    """Print every table under its name."""
    for module in (bench_startup, bench_ask, bench_graph, bench_diagnosis):
        _title(module.__doc__)
        module.main()
    _title(bench_dump.__doc__)
    sys.argv = [sys.argv[0]]
    bench_dump.main()
    _title(bench_retrieval.__doc__)
    bench_retrieval.main()
    kubeconfig = os.environ.get("BENCH_KUBECONFIG")
    if kubeconfig:
        from benches import bench_live

        _title(bench_live.__doc__)
        bench_live.main(["--kubeconfig", kubeconfig])
    else:
        sys.stdout.write(
            "\nlive reading: not measured; start `make cluster N=200 PODS=10000` and set BENCH_KUBECONFIG to its kubeconfig\n"
        )


def _title(text: str | None) -> None:
    sys.stdout.write(f"\n{(text or '').splitlines()[0]}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
