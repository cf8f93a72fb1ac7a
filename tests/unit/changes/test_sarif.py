"""The SARIF log has what SARIF 2.1.0 requires, and says no less than the diagnosis."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from copilot.cli.main import main
from copilot.diagnosis import diagnose
from copilot.diagnosis.catalogue import CAUSES
from copilot.diagnosis.sarif import DOCS, UNEXPLAINED, sarif
from copilot.model import Coverage, Diagnosis, Evidence, Reading, ReadState, RootCause, Verdict
from retrievers.graph import build_graph
from tests.unit.diagnosis.cluster import NOW, Cluster, ref

WEB = ref("Deployment", "shop/web")


def cause(source: str = "api", confidence: float = 0.9, **more: Any) -> RootCause:
    piece = Evidence(WEB, "spec.replicas", "spec.replicas = 0", source)
    return RootCause(
        rank=1,
        cause="deploy.scaled_to_zero",
        title="web is scaled to zero",
        object=WEB,
        confidence=confidence,
        evidence=(piece,),
        **more,
    )


def log(*causes: RootCause, **more: Any) -> dict[str, Any]:
    found = sarif(Diagnosis(Verdict.FAULT, "c", NOW, root_causes=causes, **more), CAUSES, "1.2.3")
    written: dict[str, Any] = json.loads(msgspec.json.encode(found))
    check(written)
    return written


def check(document: dict[str, Any]) -> None:
    """The required structure of SARIF 2.1.0 and its rules between properties (sections in brackets)."""
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    for run in document["runs"]:
        driver = run["tool"]["driver"]
        assert driver["name"]
        assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
        rules = driver["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules), "rule ids are unique [3.19.23]"
        for rule in rules:
            assert rule["shortDescription"]["text"]
            if "helpUri" in rule:
                assert rule["helpUri"].startswith("https://"), "helpUri is absolute [3.49.12]"
            assert rule.get("defaultConfiguration", {}).get("level", "none") in ("none", "note", "warning", "error")
        for call in run["invocations"]:
            assert isinstance(call["executionSuccessful"], bool)
            assert all(note["message"]["text"] for note in call["toolExecutionNotifications"])
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"], "index and id agree [3.27.6]"
            assert result["level"] in ("none", "note", "warning", "error")
            assert result["kind"] == "fail" or result["level"] == "none", "only a failure has a level [3.27.10]"
            assert result["message"]["text"]
            assert -1 <= result.get("rank", 0) <= 100
            related = result.get("relatedLocations", [])
            assert len({place["id"] for place in related}) == len(related), "location ids are unique [3.28.2]"
            for place in [*result["locations"], *related]:
                assert place["logicalLocations"][0]["fullyQualifiedName"]
                if "physicalLocation" in place:
                    uri = place["physicalLocation"]["artifactLocation"]["uri"]
                    assert " " not in uri
                    assert uri.startswith("file:///") or not uri.startswith("/")
                    assert place["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1


def physical(source: str) -> Any:
    return log(cause(source))["runs"][0]["results"][0]["locations"][0].get("physicalLocation")


def test_a_file_with_a_line_becomes_a_physical_location() -> None:
    assert physical("deploy/my app/web.yaml:12") == {
        "artifactLocation": {"uri": "deploy/my%20app/web.yaml"},
        "region": {"startLine": 12},
    }


def test_an_absolute_file_becomes_a_file_uri() -> None:
    assert physical("/srv/web.yaml:3")["artifactLocation"]["uri"] == "file:///srv/web.yaml"


@pytest.mark.parametrize("source", ["api", "listed", "", "stdin:4", "paste:12"])
def test_what_is_no_file_has_no_physical_location(source: str) -> None:
    assert physical(source) is None


@pytest.mark.parametrize(("confidence", "level"), [(0.9, "error"), (0.4, "note")])
def test_the_level_comes_from_severity_and_confidence(confidence: float, level: str) -> None:
    assert log(cause(confidence=confidence))["runs"][0]["results"][0]["level"] == level


def test_rules_carry_the_catalogues_words_and_lead_to_the_runbook() -> None:
    rule = log(cause(runbook="scaled-to-zero"))["runs"][0]["tool"]["driver"]["rules"][0]
    assert (rule["shortDescription"]["text"], rule["helpUri"]) == (
        CAUSES["deploy.scaled_to_zero"].title,
        f"{DOCS}/runbooks/scaled-to-zero/",
    )


def test_the_fingerprint_survives_another_wording_but_not_another_object() -> None:
    one, reworded, other = (
        log(each)["runs"][0]["results"][0]["partialFingerprints"]
        for each in (
            cause(),
            msgspec.structs.replace(cause(), title="x"),
            msgspec.structs.replace(cause(), object=ref("Deployment", "shop/api")),
        )
    )
    assert one == reworded != other


def test_symptoms_without_a_cause_are_open_and_refusals_are_notifications() -> None:
    refused = Reading("Secret", state=ReadState.REFUSED, detail="forbidden")
    run = log(symptoms=(Evidence(WEB, "status", "web is not available"),), coverage=Coverage((refused,), ("cut",)))[
        "runs"
    ][0]
    assert (run["results"][0]["ruleId"], run["results"][0]["kind"]) == (UNEXPLAINED, "open")
    assert [note["message"]["text"] for note in run["invocations"][0]["toolExecutionNotifications"]] == [
        "refused: Secret in all namespaces: forbidden",
        "cut",
    ]


def test_the_documentation_address_is_the_projects() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["urls"]["Documentation"] == DOCS


def test_why_prints_a_valid_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Cluster().node("n1", cpu="1").pending("web", "0/1 nodes are available: 1 Insufficient cpu.", spec={
        "containers": [{"name": "m", "image": "a:1", "resources": {"requests": {"cpu": "3"}}}]})  # fmt: skip
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [body for body, _ in cluster.bodies]}))
    assert main(["why", "--from", str(path), "-o", "sarif"]) == 1
    document = json.loads(capsys.readouterr().out)
    check(document)
    first = diagnose(build_graph(cluster.snapshot())).root_causes[0]
    assert [result["ruleId"] for result in document["runs"][0]["results"]] == [first.cause]
