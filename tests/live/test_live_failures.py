"""Failures made on a live cluster: `why` names the object and the cause of each, in the words of the command line."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from copilot.cli.main import main
from tests.live.recording import main_namespace
from tests.live.scenarios import NAMED
from tests.live.scenarios.manifests import backdrop, deployment
from tests.live.scenarios.player import clear_namespaces, stand_by, take, until_logs_are_served
from tests.live.scenarios.scenario import Apply, Scenario, Seen, Truth
from tests.live.testbed.cluster import Cluster

AT_ONCE = 4  # scenarios set up side by side: more only wait for two cores
PLAYED = (
    "container-oom",
    "app-host-name-wrong",
    "init-container-fails",
    "config-map-missing",
    "secret-key-missing",
    "image-registry-needs-login",
    "image-tag-missing",
    "volume-claim-missing",
    "ingress-backend-scaled-to-zero",
    "quota-pods",
    "service-account-missing",
    "pod-security-restricted",
    "job-backoff-limit",
    "rollout-bad-image-old-serves",
)
NO_SUCH_NODE = Scenario(
    name="schedule-no-such-node",
    truth=Truth(
        ("Deployment", "aviary", "parrots"), "no node has the label that it selects", ("label", "selector", "node")
    ),
    steps=(
        Apply((deployment("aviary", "parrots", 1, pod={"nodeSelector": {"corp.io/pool": "wings"}}),)),
        Seen("get events -n aviary", "FailedScheduling"),
    ),
)
HARMLESS = Scenario(
    name="harmless", truth=Truth(None, "all is well"), before=backdrop("meadows", "brook", work="mow-1")
)
SCENARIOS = (*(NAMED[name] for name in PLAYED), NO_SUCH_NODE)

Answer = tuple[int, dict[str, Any], str]
Why = Callable[..., Answer]


@pytest.fixture(scope="module")
def troubled(live_cluster: Cluster) -> Iterator[Cluster]:
    """The live cluster with every scenario in its own namespaces."""
    scenarios = (*SCENARIOS, HARMLESS)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda scenario: _play(scenario, live_cluster), scenarios))
    yield live_cluster
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda scenario: clear_namespaces(scenario, live_cluster, wait=False), scenarios))


def _play(scenario: Scenario, cluster: Cluster) -> None:
    stand_by(scenario, cluster)
    for step in scenario.steps:
        take(step, cluster, scenario.namespaces)
    until_logs_are_served(scenario, cluster)


@pytest.fixture
def why(live_cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> Why:
    """Run `why … -o json`; returns (exit code, document or {}, what stands on stderr)."""

    def run(*words: str, context: str = "admin") -> Answer:
        capsys.readouterr()
        code = main(["why", *words, "-o", "json", "--kubeconfig", str(live_cluster.kubeconfig), "--context", context])
        said = capsys.readouterr()
        return code, json.loads(said.out) if said.out.strip() else {}, said.err

    return run


def accepted(truth: Truth) -> list[tuple[str, str, str]]:
    return [thing for thing in (truth.object, *truth.also_accept) if thing is not None]


@pytest.mark.usefixtures("troubled")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_live_failure_is_traced_to_its_object_and_cause(scenario: Scenario, why: Why) -> None:
    code, answer, _ = why("-n", main_namespace(scenario))
    assert (code, answer["verdict"]) == (1, "fault"), json.dumps(answer)
    first = answer["root_causes"][0]
    named = (first["object"]["kind"], first["object"]["namespace"], first["object"]["name"])
    words = f"{first['title']} {first['cause']}".lower()
    assert named in accepted(scenario.truth), words
    assert any(keyword in words for keyword in scenario.truth.keywords), words
    assert first["confidence"] >= 0.5
    assert all(piece["text"] for piece in first["evidence"])


@pytest.mark.usefixtures("troubled")
def test_a_namespace_that_is_well_is_called_healthy_while_others_fail(why: Why) -> None:
    code, answer, _ = why("-n", "meadows")
    assert (code, answer["verdict"], answer["root_causes"]) == (0, "healthy", [])


def test_a_node_without_its_network_is_blamed(live_cluster: Cluster, breakable_node: str, why: Why) -> None:
    live_cluster.fail_node(breakable_node, "not-ready")
    take(Seen("get nodes", rf"^{breakable_node} +NotReady"), live_cluster, ())
    code, answer, _ = why(f"node/{breakable_node}")
    first = answer["root_causes"][0]
    assert (code, first["object"]["kind"], first["object"]["name"]) == (1, "Node", breakable_node)
    assert "network" in first["title"].lower()


def test_a_user_without_rights_is_told_what_was_refused_and_nothing_is_blamed(namespace: str, why: Why) -> None:
    code, answer, said = why("-n", namespace, context="powerless")
    assert code == 2
    assert answer["verdict"] == "unknown"
    assert answer["root_causes"] == []
    assert {"Pod", "Event"} <= {reading["kind"] for reading in answer["coverage"]["refused"]}
    assert "Traceback" not in said
