"""What kubectl prints of every built-in kind reads back as the object that the API server holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from copilot.model import Detail, ReadState, Ref, Snapshot, parse_time
from tests.unit.tools.transcript.compare import objects_of, wrong
from tools.cluster.transcript import parse_transcript

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = ("1.32", "1.37")
OBJECTS = objects_of(GOLDEN / "objects.json.gz")

# kubectl prints one rule for each resource; the API keeps them together.
# A creation time made from an age is as exact as the text's own "now".
DESCRIBED_APART = {".rules", ".metadata.creationTimestamp"}


@cache
def session(name: str) -> Snapshot:
    return parse_transcript((GOLDEN / name).read_text(), name)


def find(snapshot: Snapshot, kind: str, name: str) -> dict[str, Any]:
    return next(item.body for item in snapshot.resources if item.ref.kind == kind and item.ref.name == name)


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_read_from_a_description_differs_from_the_api(version: str) -> None:
    assert wrong(session(f"describe-{version}.txt"), OBJECTS, DESCRIBED_APART) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_every_described_object_is_found(version: str) -> None:
    seen = {item.ref for item in session(f"describe-{version}.txt").resources if item.detail is Detail.DESCRIBED}
    assert sorted(ref for ref in OBJECTS if ref.kind != "Event" and ref not in seen) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_described_pod_keeps_every_part_of_its_containers(version: str) -> None:
    read = find(session(f"describe-{version}.txt"), "Pod", "everything")
    real = OBJECTS[Ref("Pod", "golden", "everything")]
    for index, container in enumerate(read["spec"]["containers"]):
        api = real["spec"]["containers"][index]
        kept = {
            key for key in api if key not in ("imagePullPolicy", "terminationMessagePath", "terminationMessagePolicy")
        }
        assert kept == set(container)
        assert [variable["name"] for variable in container.get("env", [])] == [
            variable["name"] for variable in api.get("env", [])
        ]
    assert read["spec"]["initContainers"][0]["command"] == real["spec"]["initContainers"][0]["command"]
    assert {volume["name"] for volume in read["spec"]["volumes"]} == {
        volume["name"] for volume in real["spec"]["volumes"]
    }
    assert all(len(volume) == 2 for volume in read["spec"]["volumes"])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_termination_message_of_many_lines_does_not_hide_what_follows(version: str) -> None:
    read = find(session(f"describe-{version}.txt"), "Pod", "everything")
    web = next(entry for entry in read["status"]["containerStatuses"] if entry["name"] == "web")
    ended = web["lastState"]["terminated"]
    assert ended["message"] == "panic: out of memory\ngoroutine 1 [running]:\nmain.main()\n  /src/main.go:12"
    assert (ended["exitCode"], ended["signal"], ended["reason"]) == (137, 9, "OOMKilled")
    assert web["restartCount"] == 7


@pytest.mark.parametrize("version", VERSIONS)
def test_config_values_that_look_like_kubectl_output_stay_values(version: str) -> None:
    read = session(f"describe-{version}.txt")
    assert find(read, "ConfigMap", "settings")["data"] == OBJECTS[Ref("ConfigMap", "golden", "settings")]["data"]
    assert not [command for command in read.commands if command.command == "not a prompt"]
    assert find(read, "ConfigMap", "settings")["dataKeys"] == ["logo.png", "no-end", "one-line", "script.sh"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_secrets_keys_are_read_and_never_a_value(version: str) -> None:
    body = find(session(f"describe-{version}.txt"), "Secret", "keys")
    assert body["dataKeys"] == ["api_token", "password"]
    assert "data" not in body


@pytest.mark.parametrize("version", VERSIONS)
def test_described_rules_grant_what_the_role_grants(version: str) -> None:
    read = session(f"describe-{version}.txt")
    granted = {
        (group, resource, name, verb)
        for rule in find(read, "Role", "reader")["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in rule["verbs"]
    }
    assert granted == {
        ("", "pods", "", "get"),
        ("", "pods", "", "list"),
        ("", "pods/log", "", "get"),
        ("", "pods/log", "", "list"),
        ("apps", "deployments", "api", "get"),
        ("apps", "deployments", "api", "patch"),
    }
    urls = {
        url for rule in find(read, "ClusterRole", "golden-metrics")["rules"] for url in rule.get("nonResourceURLs", [])
    }
    assert urls == {"/metrics", "/healthz"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_custom_object_reads_back_with_its_field_names(version: str) -> None:
    read = find(session(f"describe-{version}.txt"), "RollUp", "weekly")
    real = OBJECTS[Ref("RollUp", "golden", "weekly", "golden.example.com")]
    assert read["spec"] == real["spec"]
    assert read["status"] == real["status"]


@pytest.mark.parametrize("version", VERSIONS)
def test_described_events_are_the_apis_events(version: str) -> None:
    real = {
        (item["involvedObject"]["kind"], item["involvedObject"]["name"], item["reason"], item["message"].strip()): item
        for ref, item in OBJECTS.items()
        if ref.kind == "Event"
    }
    read = [item.body for item in session(f"describe-{version}.txt").resources if item.ref.kind == "Event"]
    assert len(read) >= 20
    for event in read:
        key = (event["involvedObject"]["kind"], event["involvedObject"]["name"], event["reason"], event["message"])
        if key not in real:
            continue  # a combined event that changed between the two commands
        assert event["type"] == real[key]["type"]
        assert event.get("source", {}).get("component") in (
            real[key]["source"].get("component"),
            real[key].get("reportingComponent"),
        )


@pytest.mark.parametrize("version", VERSIONS)
def test_now_is_found_from_times_and_ages(version: str) -> None:
    recorded = parse_time((GOLDEN / "recorded.txt").read_text().strip())
    assert recorded is not None
    assert abs((session(f"describe-{version}.txt").observed_at - recorded).total_seconds()) < 180  # both took a while


# What a row shows less exactly than the API: rounded, cut, or only a part of a list.
ROW_ROUNDED = {
    ".spec.metrics",
    ".spec.rules",
    ".subsets",
    ".apiVersion",
    ".metadata.creationTimestamp",
    ".status.startTime",
    ".status.containerStatuses[].lastState.terminated.finishedAt",
    ".status.containerStatuses",
    ".metadata.labels",
}


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_read_from_a_row_differs_from_the_api(version: str) -> None:
    assert wrong(session(f"tables-{version}.txt"), OBJECTS, ROW_ROUNDED) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_whole_tables_count_as_read_and_named_ones_do_not(version: str) -> None:
    coverage = session(f"tables-{version}.txt").coverage
    assert coverage.was_read("Pod", "golden")
    assert coverage.was_read("RollUp", "golden", "golden.example.com")
    assert not coverage.was_read("Pod", "default")
    assert not coverage.was_read("Node")
    assert next(item for item in coverage.readings if item.kind == "Node").state is ReadState.PARTIAL


@pytest.mark.parametrize("version", VERSIONS)
def test_every_command_of_the_session_was_understood(version: str) -> None:
    for name in (f"describe-{version}.txt", f"tables-{version}.txt"):
        assert [command.command for command in session(name).commands if not command.read] == []
