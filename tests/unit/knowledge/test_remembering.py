"""What becomes of a plan is remembered with the trouble that stood there before it, and whether that was gone after it."""

from datetime import UTC, datetime

import msgspec
import pytest

from copilot.changing.desk import plan_recorded
from copilot.changing.door import Carried
from copilot.changing.remembering import remember_outcome, trouble_before
from copilot.model import CopilotError, Resource
from guardrails.plan import ClusterId
from guardrails.steps import SendState
from retrievers.history import History
from tests.shared import shared
from tests.unit.diagnosis.cluster import Cluster
from tools.change.watch import End, Watched
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

NOW = datetime(2026, 3, 4, tzinfo=UTC)
DONE = Carried(SendState.APPLIED, "applied", Watched(End.DONE, "well"))


class Reader:
    """A desk as far as memory looks at one: the source that it reads from. `now` is what the cluster holds."""

    def __init__(self, snapshot):
        self.now = snapshot
        self.source = self

    def snapshot(self, scope):
        """What is observed."""
        assert scope.namespaces
        return self.now


@pytest.fixture(scope="module")
def broken():
    return open_path(str(shared("datasets", "incidents", "node-03"))).snapshot(Scope())


@pytest.fixture
def reader(broken):
    return Reader(broken)


def plan_of(snapshot):
    return plan_recorded(snapshot, "restart deploy/mercury in storefront")


def healthy(snapshot):
    (ill,) = [one for one in snapshot.resources if (one.ref.kind, one.ref.name) == ("Deployment", "mercury")]
    well = Resource(ref=ill.ref, body={**ill.body, "spec": {**ill.spec, "replicas": 0}, "status": {}})
    return msgspec.structs.replace(snapshot, resources=(well,), logs=())


def test_a_trouble_that_is_gone_after_a_plan_counts_as_worked_and_one_that_is_not_as_tried(tmp_path, reader, broken):
    history, plan = History(tmp_path), plan_of(broken)
    trouble = trouble_before(reader, plan)
    assert trouble is not None
    assert "still there" in remember_outcome(reader, plan, trouble, DONE, history, NOW)
    reader.now = healthy(broken)
    second = msgspec.structs.replace(plan, id="another")
    assert "is gone" in remember_outcome(reader, second, trouble, DONE, history, NOW)
    (entry,) = history.like(history.key_of(plan.cluster), trouble.cause)
    assert entry.record == "worked 1 of 2 times"
    assert entry.fix.startswith("restart the Deployment")


@pytest.mark.parametrize("carried", [Carried(SendState.UNKNOWN, "lost"), Carried(SendState.NOT_SENT, "no"), Carried(SendState.APPLIED, "yes")])  # fmt: skip
def test_what_was_not_seen_to_its_end_is_not_remembered(tmp_path, reader, broken, carried):
    plan = plan_of(broken)
    assert remember_outcome(reader, plan, trouble_before(reader, plan), carried, History(tmp_path), NOW) == ""
    assert not History(tmp_path).kept


def test_an_object_without_trouble_leaves_nothing_to_remember(reader, broken):
    reader.now = healthy(broken)
    assert trouble_before(reader, plan_of(broken)) is None


def test_a_cluster_that_cannot_be_read_afterwards_counts_neither_way(tmp_path, reader, broken):
    plan = plan_of(broken)
    trouble = trouble_before(reader, plan)

    class Gone:
        def snapshot(self, _):
            raise CopilotError("The API server does not answer.")

    reader.source = Gone()
    assert remember_outcome(reader, plan, trouble, DONE, History(tmp_path), NOW).startswith("Not remembered: ")
    assert trouble_before(reader, plan) is None
    assert not History(tmp_path).kept


def test_a_memory_that_cannot_be_written_is_a_sentence_and_no_obstacle(tmp_path, reader, broken):
    (tmp_path / "incidents.sqlite3").write_bytes(b"no database" * 999)
    plan = plan_of(broken)
    said = remember_outcome(reader, plan, trouble_before(reader, plan), DONE, History(tmp_path), NOW)
    assert said.startswith("Not remembered: ")


class Everywhere(Reader):
    """A desk that is asked for the whole cluster."""

    def snapshot(self, scope):
        assert scope.namespaces is None
        return self.now


def test_a_change_of_a_node_is_remembered_by_the_pods_that_could_run_nowhere_else(tmp_path):
    message = (
        "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector."
    )
    here = {"nodeSelector": {"kubernetes.io/hostname": "n1"}}
    cluster = Cluster().node("n1", cordoned=True).node("n2").pending("web", message, spec=here)
    ill = cluster.snapshot()
    desk, history = Everywhere(ill), History(tmp_path)
    plan = plan_recorded(ill, "uncordon n1")
    trouble = trouble_before(desk, plan)
    assert trouble is not None
    assert (trouble.cause.object.kind, trouble.cause.object.name) == ("Node", "n1")
    desk.now = Cluster().node("n1").node("n2").snapshot()
    assert "is gone" in remember_outcome(desk, plan, trouble, DONE, history, NOW)
    assert history.entries()[0].fix.startswith("uncordon the Node")


HERE = ClusterId("", "ca-1", "https://10.0.0.1:6443", "prod")


def test_who_may_not_read_the_uid_files_under_the_cluster_that_others_proved_at_the_same_address(tmp_path):
    history = History(tmp_path)
    alone = history.key_of(HERE)
    assert alone == f"live/{HERE.address_key}"
    assert history.key_of(msgspec.structs.replace(HERE, uid="u-1", context="admin")) == "live/u-1"
    assert history.key_of(HERE) == "live/u-1"
    assert (tmp_path / "clusters.json").stat().st_mode & 0o777 == 0o600
    for other in ({"server": "https://10.0.0.2:6443"}, {"server_ca_sha256": "ca-2"}):
        assert history.key_of(msgspec.structs.replace(HERE, **other)) not in ("live/u-1", alone)
    assert history.key_of(msgspec.structs.replace(HERE, uid="u-2")) == "live/u-2"
    assert history.key_of(HERE) == "live/u-2"


def test_an_address_without_a_private_ca_proves_no_cluster(tmp_path):
    history, tunnel = History(tmp_path), msgspec.structs.replace(HERE, server_ca_sha256="")
    history.key_of(msgspec.structs.replace(tunnel, uid="u-1"))
    assert history.key_of(tunnel) == f"live/{tunnel.address_key}"


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": 7}', b"\xff"])
def test_a_broken_list_of_clusters_keeps_them_apart_and_is_mended(tmp_path, content):
    (tmp_path / "clusters.json").write_bytes(content)
    history = History(tmp_path)
    assert history.key_of(HERE) == f"live/{HERE.address_key}"
    history.key_of(msgspec.structs.replace(HERE, uid="u-1"))
    assert history.key_of(HERE) == "live/u-1"
