"""The servers that the tests of this folder share: one cluster and one Neo4j for the whole run.

Promise: without the binaries these tests skip and name the command that adds them; with COPILOT_REQUIRE_LIVE=1 they
fail instead. Under pytest-xdist all workers share the servers, which end with the process that started the run.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import neo4j
import pytest

from tests.live.deployed import Deployed
from tests.live.neo4j_server import jars
from tests.live.neo4j_server.server import Neo4jServer
from tests.live.testbed import binaries
from tests.live.testbed.cluster import Cluster
from tests.live.testbed.errors import TestbedError

HERE = Path(__file__).parent
NODES = 4
BREAKABLE = "node-4"  # no pod lands here unasked, so that tests may break it
OWN_TAINT = "testbed/breakable"
NODE_GRACE = 24  # seconds until a silent node is Unknown: half of upstream's, enough for four nodes
collect_ignore = [] if binaries.METRICS_SERVER.is_built() else ["test_metrics.py"]  # an option: not part of test-deps
REQUIRE = "COPILOT_REQUIRE_LIVE"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder `live`."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def live_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster of four nodes, shared by all tests; see tests.live.testbed.cluster for what it can do."""
    _require(binaries.require)
    cluster = Cluster(_shared_folder(tmp_path_factory) / "cluster")
    cluster.start(nodes=NODES, node_grace=NODE_GRACE, owner=_owner())
    cluster.kubectl("taint", "node", BREAKABLE, f"{OWN_TAINT}=yes:NoSchedule", "--overwrite")
    yield cluster
    if not _is_worker():
        cluster.stop()


@pytest.fixture
def namespace(live_cluster: Cluster) -> Iterator[str]:
    """A namespace for one test."""
    with live_cluster.namespace() as name:
        yield name


@pytest.fixture(scope="session")
def deployed(live_cluster: Cluster) -> Iterator[Deployed]:
    """The manifests of deploy/, in force, and their two accounts."""
    with closing(Deployed(live_cluster)) as deployed:
        yield deployed


@pytest.fixture
def breakable_node(live_cluster: Cluster) -> Iterator[str]:
    """A node for this test alone to break; sound again afterwards."""
    with (live_cluster.state / f"{BREAKABLE}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield BREAKABLE
        live_cluster.heal_node(BREAKABLE)
        live_cluster.kubectl("uncordon", BREAKABLE)
        for key in _taints(live_cluster) - {OWN_TAINT}:
            if not key.startswith("node.kubernetes.io/"):  # those go by themselves, as the node gets well
                live_cluster.kubectl("taint", "node", BREAKABLE, f"{key}-")
        live_cluster.wait_for(lambda: _taints(live_cluster) == {OWN_TAINT}, 60, f"{BREAKABLE} to be sound again")


def _taints(cluster: Cluster) -> set[str]:
    return {taint["key"] for taint in cluster.get("node", BREAKABLE)["spec"].get("taints", ())}


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bolt address of a Neo4j server without authentication, one per xdist worker (its data cannot be shared)."""
    _require(jars.require)
    server = Neo4jServer(tmp_path_factory.mktemp("neo4j"))
    yield server.start(owner=os.getpid())
    server.stop()


@pytest.fixture
def neo4j_url(neo4j_server: str) -> str:
    """Bolt address of that server, emptied of what the test before left in it."""
    with neo4j.GraphDatabase.driver(neo4j_server) as driver, driver.session() as session:
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 5000 ROWS").consume()
    return neo4j_server


@pytest.fixture(scope="session")
def neo4j_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Neo4jServer]]:
    """Address of a Neo4j server that asks for a password and restricts nothing else, and the server."""
    _require(jars.require)
    server = Neo4jServer(tmp_path_factory.mktemp("neo4j-open"))
    yield server.start("correct-horse", owner=os.getpid(), wide_open=True), server
    server.stop()


def _require(need: Callable[[], object]) -> None:
    """Skip, or fail where nothing may be skipped, when a need is not built."""
    try:
        need()
    except TestbedError as error:
        missing = error
    else:
        return
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{missing} ({REQUIRE}=1 forbids skipping)", pytrace=False)
    pytest.skip(f"{missing.happened}: run `{missing.hint}`")


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


def _owner() -> int:
    """The process that lives as long as the whole run: under xdist, the parent of every worker."""
    return os.getppid() if _is_worker() else os.getpid()


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    return base.parent if _is_worker() else base
