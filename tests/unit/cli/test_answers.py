"""One recorded incident, asked about in every way the command line offers."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from copilot.cli.main import main
from tests.unit.cli.conftest import INCIDENT, Run

WHY = ["why"]
ASK = ["ask", "why is heron down?"]
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"},
       "spec": {"nodeName": "n1", "containers": [{"name": "web", "image": "web:1"}]},
       "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                  "containerStatuses": [{"name": "web", "ready": True, "state": {"running": {}}}]}}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [WHY, [*WHY, "deploy/heron", "-n", "concerts"], ASK, ["ask", "what depends on svc/falcon?"]],
    ids=["why", "why-object", "ask", "ask-dependants"],
)
def test_what_a_person_reads(ask_incident: Run, words: list[str], snapshot: SnapshotAssertion) -> None:
    assert ask_incident(*words).out == snapshot


@pytest.mark.parametrize("given", ["objects", "pasted"])
def test_what_is_piped_in_is_read_like_a_file(run: Run, given: str, request: pytest.FixtureRequest) -> None:
    ran = run("why", "--from", "-", stdin=request.getfixturevalue(given))
    assert ran.code == 1
    assert "change Service concerts/falcon" in ran.out
    assert not ran.err


def test_an_object_may_be_named_in_one_word_or_two(ask_incident: Run) -> None:
    one, two = ask_incident("why", "svc/falcon"), ask_incident("why", "service", "falcon")
    assert one == two
    assert one.code == 1


def test_the_graph_shows_who_depends_on_the_culprit(ask_incident: Run) -> None:
    ran = ask_incident("graph", "svc/falcon", "--blast-radius")
    assert ran.code == 0
    assert "suffers when it is ill" in ran.out


def test_a_cause_is_found_in_the_catalogue_by_a_word(run: Run) -> None:
    ran = run("causes", "svc.targetport")
    assert ran.code == 0
    assert "svc.targetport  (Service)" in ran.out


def test_a_runbook_is_found_by_what_went_wrong(run: Run) -> None:
    ran = run("search", "--lexical", "service", "targetPort", "is", "no", "port", "of", "its", "pods")
    assert ran.code == 0
    assert "runbooks/service-target-port.md:" in ran.out


DOCUMENTS = {
    "why": WHY,
    "answer": ASK,
    "graph": ["graph", "svc/falcon"],
    "changes": ["changes"],
    "timeline": ["timeline", "deploy/heron"],
}


@pytest.mark.parametrize(("name", "words"), DOCUMENTS.items(), ids=list(DOCUMENTS))
def test_the_document_for_machines_carries_its_schema(ask_incident: Run, name: str, words: list[str]) -> None:
    ran = ask_incident(*words, "-o", "json")
    schema = {"why": "diagnosis"}.get(name, name)
    assert json.loads(ran.out)["schema"] == f"cluster-copilot/{schema}/v1"
    assert ran.code == ask_incident(*words).code


@pytest.mark.parametrize(
    ("name", "words"),
    [("causes", ["causes"]), ("search", ["search", "--lexical", "oom"]), ("audit", ["audit"]), ("doctor", ["doctor"])],
)
def test_commands_without_a_cluster_have_documents_too(run: Run, name: str, words: list[str]) -> None:
    assert json.loads(run(*words, "-o", "json").out)["schema"] == f"cluster-copilot/{name}/v1"


def test_the_diagnosis_for_machines_has_the_promised_fields(ask_incident: Run) -> None:
    found = json.loads(ask_incident("why", "-o", "json").out)
    assert {"schema", "cluster", "observed_at", "verdict", "root_causes", "coverage"} <= set(found)
    first = found["root_causes"][0]
    promised = {
        "rank",
        "cause",
        "title",
        "object",
        "confidence",
        "since",
        "evidence",
        "chain",
        "affected",
        "next_steps",
    }
    assert promised <= set(first)
    assert first["object"] == {"kind": "Service", "namespace": "concerts", "name": "falcon"}
    assert {"object", "path", "text", "source"} <= set(first["evidence"][0])
    assert {step["kind"] for step in first["next_steps"]} <= {"read", "change"}


def test_a_plan_is_shown_and_not_carried_out(ask_incident: Run) -> None:
    ran = ask_incident("do", "scale deploy/heron to 2", "-n", "concerts")
    assert ran.code == 77
    assert "replicas 1 -> 2" in ran.out
    assert "nothing can be changed from here" in ran.out


def listed(*objects: dict[str, object]) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}).encode()


def test_a_sound_cluster_is_healthy(run: Run) -> None:
    ran = run("why", "--from", "-", stdin=listed(POD))
    assert ran.code == 0
    assert "HEALTHY" in ran.out


def test_what_cannot_be_told_is_neither_healthy_nor_a_fault(run: Run) -> None:
    waiting = {**POD, "status": {"phase": "Pending"}}
    ran = run("why", "--from", "-", stdin=listed(waiting))
    assert ran.code == 2
    assert "UNKNOWN" in ran.out


EVERY = [WHY, ASK, ["graph", "svc/falcon"], ["graph"], ["changes"], ["timeline", "deploy/heron"]]


@pytest.mark.parametrize("words", EVERY, ids=[" ".join(words[:2]) for words in EVERY])
def test_a_pipe_gets_plain_lines(ask_incident: Run, words: list[str]) -> None:
    out = ask_incident(*words).out
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if line != line.rstrip()] == []


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("no_color", [True, False])
def test_a_terminal_gets_colours_unless_no_color_is_set(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    main([*WHY, "--from", str(INCIDENT)])
    coloured = re.search(r"\x1b\[[0-9;]*?\b(?:3[0-7]|4[0-7]|9[0-7])\b[0-9;]*m", screen.getvalue())
    assert (coloured is None) == no_color


class ClosedPipe(io.StringIO):
    """A stream whose reader has gone, as behind `| head`."""

    number = 0

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return self.number


@pytest.mark.parametrize("words", [WHY, ["graph", "svc/falcon"], ["causes"]], ids=["why", "graph", "causes"])
def test_a_reader_that_leaves_early_is_no_verdict(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = ClosedPipe()
    with (tmp_path / "pipe").open("w") as file:
        pipe.number = file.fileno()
        monkeypatch.setattr(sys, "stdout", pipe)
        source = [] if words == ["causes"] else ["--from", str(INCIDENT)]
        assert main([*words, *source]) == 141
