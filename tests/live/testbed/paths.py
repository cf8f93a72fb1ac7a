"""Where things lie: sources in this package, everything made from them in the user's cache.

Promise: nothing is ever written inside the clone.
"""

import os
from pathlib import Path

LIVE = Path(__file__).resolve().parent.parent
GO_MODULE = LIVE / "go"
GO_METRICS_MODULE = LIVE / "go-metrics"
STAGES = LIVE / "stages"


def cache() -> Path:
    """The cache folder of this project, by the XDG rule; it may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "cluster-copilot"


def testbed_cache() -> Path:
    """Where binaries (by key) and the states of named clusters are kept."""
    return cache() / "testbed"


def default_state() -> Path:
    """State folder of the cluster that `make cluster` starts."""
    return testbed_cache() / "clusters" / "default"


def module_environment(package: str) -> dict[str, str]:
    """Return this process's environment, with which `python -m package` finds the package from any folder."""
    root = Path(__file__).resolve().parents[len(package.split("."))]
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{known}" if known else str(root)}
