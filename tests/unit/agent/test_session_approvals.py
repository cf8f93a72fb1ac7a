"""Approvals inside a conversation: a person sees the card, types the yes, and it is done once, whatever crashes or races."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.agent.session import Sessions
from copilot.agent.session.said import Said
from copilot.changing.once import Came, on_record, standing
from copilot.cli.main import main
from copilot.llm.scripted import faithful
from copilot.llm.transcript import Turn, call
from guardrails.journal import Journal, Kind
from tests.deep import DEEP
from tests.model_server import ModelServer
from tests.small_api import SmallApi, deployment, serve
from tests.terminal import ROOT, Terminal
from tests.unit.agent.approving_process import conversation, do_one, proposal_of
from tests.unit.guardrails.plans import Clock
from tests.unit.safety.crash import Point, Site, _arrived, _wait_for_answers, site
from tests.unit.safety.world import MEMORY, small_cluster
from tests.warm import started

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
PROMPT, QUESTION = "shop> ", "leave it: "

pytestmark = pytest.mark.proof  # whole programs at terminals of their own: seconds each


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment()) as api:
        yield api


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No model, and changes off unless a test says otherwise."""
    for name in ("COPILOT_MODEL", "COPILOT_MODEL_URL", "COPILOT_ALLOW_CHANGES", "COPILOT_EXECUTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))


def chat(api: SmallApi, folder: Path, *more: str, changes: bool = True) -> Terminal:
    allowed = ("--allow-changes", "--soak", "0") if changes else ()
    return Terminal(
        ["chat", "-n", "shop", "--kubeconfig", str(api.kubeconfig(folder)), *allowed, *more], folder / "data"
    )


def types(terminal: Terminal, *lines: str) -> str:
    """Type each line when the prompt is there; what came before the last of them."""
    came = ""
    for line in lines:
        came = terminal.until(PROMPT)
        terminal.type(line)
    return came


def leaves(terminal: Terminal) -> str:
    """Quit; what came before that."""
    came = types(terminal, "/quit")
    assert terminal.ended() == 0, terminal.said
    return came


def replicas(api: SmallApi) -> int:
    return int(api.objects[WEB]["spec"]["replicas"])


def test_a_person_orders_sees_the_card_types_yes_and_the_server_gets_one_patch(api: SmallApi, tmp_path: Path) -> None:
    one = chat(api, tmp_path)
    types(one, "please scale web to 3", "/do")
    card = one.until(QUESTION)
    assert "Scale Deployment shop/web from 2 to 3 replicas" in card
    assert "a model proposed" not in card
    assert '"scale web to 3"' in card
    assert api.writes() == []
    one.type("yes")
    said = one.until("Rollout done")
    assert "the change is applied" in said
    types(one, "/plans")
    assert "1  done" in leaves(one)
    assert [(each.method, each.path) for each in api.writes()] == [("PATCH", f"{WEB}/scale")]
    assert replicas(api) == 3


def test_a_model_that_proposes_is_named_on_the_card_and_cannot_agree(
    api: SmallApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "kubectl scale deployment/web --replicas=3 -n shop"
    turns = itertools.chain([Turn(calls=(call("propose_plan", kubectl=line),))], itertools.repeat(None))

    def model(request: object) -> Turn:
        found = next(turns) or faithful(request)  # type: ignore[arg-type]
        return Turn(f"{found.say}\n/do 1\nyes", found.calls) if found.say else found

    with ModelServer(model) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        monkeypatch.setenv("COPILOT_MODEL", "scripted")
        one = chat(api, tmp_path)
        types(one, "scale deployment web in shop to 3")
        proposed = types(one, "/plans")
        assert "proposal 1: scale Deployment shop/web (tier 1)" in proposed
        assert QUESTION not in proposed  # what the model wrote is no line of the person
        assert "the model: kubectl scale deployment/web --replicas=3 -n shop" in types(one, "/do")
        card = one.until(QUESTION)
        assert "A model proposed this, as your words ask for it." in card
        one.type("yes")
        leaves(one)
    assert replicas(api) == 3
    assert len(api.writes()) == 1


def test_what_a_model_thought_of_by_itself_carries_its_banner_and_its_tier_onto_the_card(
    api: SmallApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "kubectl scale deployment/web --replicas=3 -n shop"
    turns = itertools.chain([Turn(calls=(call("propose_plan", kubectl=line),))], itertools.repeat(None))
    with ModelServer(lambda request: next(turns) or faithful(request)) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        monkeypatch.setenv("COPILOT_MODEL", "scripted")
        one = chat(api, tmp_path)
        types(one, "what is wrong with web?", "/do 1")
        card = leaves(one)
        again = chat(api, tmp_path, "--resume", "last", "--no-model")
        types(again, "/do 1")
        later = leaves(again)
    for shown in (card, later):
        assert "NOT YOUR WORDS" in shown
        assert "tier 3: two people" in shown
        assert "Refused: it needs the agreement of two people" in shown
        assert QUESTION not in shown
    assert "was made in an earlier run" in later
    assert api.writes() == []


def test_what_was_typed_before_the_card_was_shown_does_not_count(api: SmallApi, tmp_path: Path) -> None:
    one = chat(api, tmp_path)
    types(one, "scale web to 3", "/do\nyes")
    one.until(QUESTION)
    one.type("no")
    assert "Not agreed" in types(one, "/plans")
    assert "1  declined" in leaves(one)
    assert api.writes() == []


def test_a_declined_proposal_may_be_taken_up_again(api: SmallApi, tmp_path: Path) -> None:
    one = chat(api, tmp_path)
    types(one, "scale web to 3", "/do")
    one.until(QUESTION)
    one.type("no")
    types(one, "/do")
    one.until(QUESTION)
    one.type("yes")
    leaves(one)
    assert replicas(api) == 3


def test_without_leave_to_change_the_card_is_shown_and_it_says_how_to_allow(api: SmallApi, tmp_path: Path) -> None:
    one = chat(api, tmp_path, changes=False)
    types(one, "scale web to 3", "/do 1")
    said = leaves(one)
    assert "Scale Deployment shop/web from 2 to 3 replicas" in said
    assert "Changes are off" in said
    assert "--allow-changes" in said
    assert QUESTION not in said
    assert all(each.method == "GET" or "selfsubject" in each.path for each in api.seen)


def test_resumed_it_is_not_sent_again_and_an_open_one_may_still_be(api: SmallApi, tmp_path: Path) -> None:
    one = chat(api, tmp_path)
    types(one, "scale web to 3", "/do")
    one.until(QUESTION)
    one.type("yes")
    types(one, "annotate deploy/web note=x")
    leaves(one)
    two = chat(api, tmp_path, "--resume", "last")
    types(two, "/plans")
    listed = types(two, "/do 1")
    assert "1  done" in listed
    assert "2  proposed" in listed
    assert "Proposal 1: done." in types(two, "/do 2")
    two.until(QUESTION)
    two.type("web")
    leaves(two)
    assert [each.path for each in api.writes()] == [f"{WEB}/scale", WEB]


def test_a_lost_answer_is_read_back_by_do_and_nothing_is_sent_twice(api: SmallApi, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    session = conversation(str(api.kubeconfig(tmp_path)), data, "scale web to 3")
    api.before_send = lambda: os.kill(process.pid or 0, signal.SIGKILL)
    process = started(do_one, str(api.kubeconfig(tmp_path)), data, session)
    process.join()
    with api.lock:  # which is held until the change is stored
        api.before_send = None
    assert process.exitcode == -signal.SIGKILL
    assert replicas(api) == 3
    two = chat(api, tmp_path, "--resume", session)
    types(two, "/plans")
    assert "1  unknown" in types(two, "/do 1")
    said = leaves(two)
    assert "Read back: Deployment shop/web carries the change" in said
    assert "Proposal 1: done." in said
    assert len(api.writes()) == 1


def test_of_two_terminals_that_both_show_the_card_one_carries_it_out(api: SmallApi, tmp_path: Path) -> None:
    first = chat(api, tmp_path)
    types(first, "scale web to 3")
    first.until(PROMPT)
    second = chat(api, tmp_path, "--resume", "last")
    first.type("/do 1")
    first.until(QUESTION)
    types(second, "/do 1")
    second.until(QUESTION)
    first.type("yes")
    assert "taken up in another terminal, and nothing was sent from here" in types(first, "/plans")
    second.type("yes")
    second.until("Rollout done")
    leaves(second)
    types(first, "/do 1")
    assert "Proposal 1: done." in leaves(first)
    assert len(api.writes()) == 1


def test_many_terminals_that_take_it_up_at_once_change_it_once(api: SmallApi, tmp_path: Path) -> None:
    kubeconfig, data = str(api.kubeconfig(tmp_path)), str(tmp_path / "data")
    session = conversation(kubeconfig, data, "restart web")
    together = multiprocessing.get_context("forkserver").Barrier(4)
    processes = [started(do_one, kubeconfig, data, session, 0, "", together) for _ in range(4)]
    for process in processes:
        process.join()
    assert [each.exitcode for each in processes] == [0] * 4
    assert len(api.writes()) == 1
    journal = Journal(tmp_path / "data" / "changes.sqlite3", Clock())
    assert [each.kind for each in journal.entries()].count(Kind.CONSUMED) == 1


def test_piped_lines_never_agree(api: SmallApi, tmp_path: Path) -> None:
    arguments = [sys.executable, "-m", "copilot.cli.main", "chat", "-n", "shop", "--allow-changes", "--soak", "0"]
    done = subprocess.run(
        [*arguments, "--kubeconfig", str(api.kubeconfig(tmp_path))],
        input="scale web to 3\n/do 1\nyes\n/do 1\nyes\n/plans\n", capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stderr.count("Nobody is at a terminal to agree") == 2
    assert "1  proposed" in done.stdout
    assert api.writes() == []


def test_a_recording_shows_the_card_and_says_that_it_cannot_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _piped_recording(tmp_path, monkeypatch, capsys, "scale web to 3\n/do\n/plans\n/do 2\n")
    assert "Scale Deployment shop/web from 2 to 3 replicas" in said
    assert "This is a recording: nothing can be changed from here." in said
    assert "1  proposed" in said
    assert "There is no proposal '2'" in said


def test_nothing_is_proposed_by_a_question_or_by_half_an_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "delete everything\nwhy is web down?\nscale nowhere to 3\n/plans\n/do\n"
    said = _piped_recording(tmp_path, monkeypatch, capsys, words)
    assert said.count("Nothing was proposed in this conversation.") == 2
    assert "nowhere" in said
    assert "proposal 1" not in said


def test_a_conversation_that_is_not_stored_proposes_in_memory_and_export_has_nothing(
    api: SmallApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = chat(api, tmp_path, "--forget")
    types(one, "scale web to 3", "/refresh", "/do")
    one.until(QUESTION)
    one.type("yes")
    types(one, "/plans", "/do 1")
    assert "Proposal 1: done." in leaves(one)
    assert len(api.writes()) == 1
    assert main(["sessions", "list"]) == 0
    assert "No conversation is stored" in capsys.readouterr().out
    assert main(["audit"]) == 0
    assert "applied" in capsys.readouterr().out


def test_an_exported_conversation_tells_its_proposals_with_what_became_of_them(
    api: SmallApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = chat(api, tmp_path)
    types(one, "scale web to 3", "/do")
    one.until(QUESTION)
    one.type("yes")
    types(one, "annotate deploy/web note=x")
    leaves(one)
    assert main(["sessions", "export", "last"]) == 0
    told = capsys.readouterr().out
    assert "## Proposed changes" in told
    assert "by the person: `scale web to 3`. **done**: Plan " in told
    assert "**proposed**" in told
    assert main(["sessions", "export", "last", "-o", "json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["proposals"]
    assert (first["number"], first["by"], first["state"], len(first["plans"])) == (1, "person", "done", 1)
    assert first["plan"] == first["plans"][0]
    assert (second["state"], second["plan"]) == ("proposed", None)


def test_a_secret_in_a_proposal_is_not_stored_and_what_is_left_of_it_is_not_planned(
    api: SmallApi, tmp_path: Path
) -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    leaves(chat(api, tmp_path))
    (file,) = (tmp_path / "data" / "sessions").iterdir()
    with Sessions(file, "small") as store:
        session = store.listed()[0].id
        store.proposals(session).add(f"annotate deploy/web aws_access_key_id={secret}", "annotate", Said(), own=True)
    assert secret.encode() not in file.read_bytes()
    one = chat(api, tmp_path, "--resume", session)
    types(one, "/do 1")
    assert "not all that it says was kept" in leaves(one)
    assert api.writes() == []


def _piped_recording(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: str
) -> str:
    """What a conversation about a recorded Deployment says to these lines."""
    import io

    manifest = folder / "web.json"
    manifest.write_text(json.dumps(deployment()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["chat", "--from", str(manifest)]) == 0
    printed = capsys.readouterr()
    return printed.out + printed.err


def test_reading_mode_never_loads_the_executor(api: SmallApi, tmp_path: Path) -> None:
    code = (
        "import sys, io\nfrom copilot.cli.main import main\n"
        "sys.stdin = io.StringIO('scale web to 3\\n/do\\n/plans\\n')\n"
        f"main(['chat', '-n', 'shop', '--kubeconfig', {str(api.kubeconfig(tmp_path))!r}])\n"
        "sys.exit(any(name.startswith('tools.executor') for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Scale Deployment shop/web" in done.stdout
    assert done.returncode == 0, done.stderr


class Deaths:
    """A conversation whose process dies at one point, is resumed, and takes the same proposal up again."""

    def __init__(self, place: Site) -> None:
        self.place = place
        self.wrong: list[str] = []
        self.effects = 0

    def _fresh(self, folder: Path, words: str) -> tuple[str, str, str]:
        self.place.api = small_cluster()
        self.place.api.url = self.place.url
        self.place.killed, self.place.writes = Point("", "", 0), 0
        kubeconfig, data = str(self.place.api.kubeconfig(folder)), str(folder / "data")
        return kubeconfig, data, conversation(kubeconfig, data, words)

    def count(self, words: str) -> int:
        """How many boundaries there are."""
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            folder = Path(name)
            process = started(do_one, *self._fresh(folder, words), 0, str(folder / "count"))
            process.join()
            assert process.exitcode == 0
            return int((folder / "count").read_text())

    def die(self, point: Point) -> None:
        """Die there, resume, `/do 1` again, and once more."""
        with tempfile.TemporaryDirectory(dir=MEMORY) as name:
            folder = Path(name)
            kubeconfig, data, session = self._fresh(folder, point.words)
            self.place.killed = point
            process = started(do_one, kubeconfig, data, session, point.number if point.where == "inside" else 0)
            self.place.pid = process.pid or 0
            process.join()
            if process.exitcode != -signal.SIGKILL:
                self.wrong.append(f"{point}: it did not die ({process.exitcode})")
            _wait_for_answers(self.place)
            self.place.killed = Point("", "", 0)
            journal = Journal(Path(data) / "changes.sqlite3", Clock())
            used_before = any(each.kind is Kind.CONSUMED for each in journal.entries())
            for _ in range(2):
                again = started(do_one, kubeconfig, data, session)
                again.join()
                if again.exitcode != 0:
                    self.wrong.append(f"{point}: resumed, it ended with {again.exitcode}")
            self._judge(point, journal, Path(data), session, used_before=used_before)

    def _judge(self, point: Point, journal: Journal, data: Path, session: str, *, used_before: bool) -> None:
        arrived = _arrived(self.place.api.seen)
        intents = {(each.plan[:8], each.step) for each in journal.entries() if each.kind is Kind.INTENT}
        self.effects += arrived.total()
        came = standing(on_record(journal), proposal_of(data, session).offers).came
        checks = {
            "its effect was doubled": arrived.total() <= 1,
            "an effect is unrecorded": set(arrived) <= intents,
            "the journal is broken": not journal.verify().problems,
            "it was used up twice": sum(each.kind is Kind.CONSUMED for each in journal.entries()) == 1,
            "it was never done": used_before or arrived.total() == 1,
            f"on record it is {came.value}": (came is Came.DONE) == bool(arrived),
        }
        self.wrong += [f"{point}: {wrong}" for wrong, holds in checks.items() if not holds]


def test_death_at_any_boundary_and_a_second_try_have_the_effect_at_most_once_and_on_record() -> None:
    with site() as place:
        deaths = Deaths(place)
        points = [
            Point(words, where, number)
            for words in ("scale web to 3", "restart web")
            for where, count in (("inside", deaths.count(words)), ("arrived", 1), ("stored", 1))
            for number in range(1, count + 1)
        ]
        assert len(points) >= 100
        for point in points if DEEP else [each for each in points if each.where != "inside" or each.number % 4 == 1]:
            deaths.die(point)
    assert deaths.wrong == []
    assert deaths.effects > 10
