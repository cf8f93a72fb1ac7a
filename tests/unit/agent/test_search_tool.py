"""The model's search finds pages, stored objects and past incidents, and of a cluster only what the API server lets the asker get."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration

from copilot.agent import Answered, answer_question
from copilot.agent.asking import ClusterSearcher
from copilot.agent.conversation import Conversation
from copilot.agent.conversation.langchain_writer import LangChainWriter
from copilot.agent.events import ToolCalled
from copilot.agent.tools import Toolbox
from copilot.agent.tools.tool import Result
from copilot.agent.tools.workplace import Workplace
from copilot.app import Copilot, open_copilot
from copilot.llm import Endpoint, Mode
from copilot.llm.openai_chat import http_client
from copilot.llm.scripted import facts_in, faithful
from copilot.llm.transcript import Turn, call
from copilot.model import CopilotError, Coverage, Evidence, Ref, Resource, RootCause, Snapshot
from copilot.settings import Settings
from copilot.target import Target
from evals.case import RECORDINGS
from guardrails.provenance import Source
from retrievers.graph import build_graph
from retrievers.history import History
from retrievers.knowledge import open_library
from tests.model_server import ModelServer
from tests.unit.agent.asked import Desk, say
from tools.cluster.kubeconfig import Connection
from tools.cluster.live import LiveSource

pytestmark = pytest.mark.proof

READ = datetime(2026, 1, 1, 12, tzinfo=UTC)
JOINT = "\u02c6"  # joins the words of untrusted text in a prompt
EVERYTHING = ("deployments.apps", "pods", "events", "namespaces", "nodes")


def resource(kind: str, namespace: str, name: str, group: str = "", **body: Any) -> Resource:
    metadata = {"name": name, "namespace": namespace, **body.pop("metadata", {})}
    return Resource(ref=Ref(kind, namespace, name, group), body={"metadata": metadata, **body})


def team(namespace: str, message: str) -> list[Resource]:
    """A Deployment whose one pod says something."""
    owner = {"ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": True}]}
    waiting = {"name": "web", "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}}}
    return [
        resource("Namespace", "", namespace),
        resource("Deployment", namespace, "web", "apps", spec={"replicas": 1}, status={}),
        resource("Pod", namespace, "web-a", metadata=owner, status={"phase": "Running", "containerStatuses": [waiting]}),
    ]  # fmt: skip


def observed(*resources: Resource) -> Snapshot:
    system = resource("Namespace", "", "kube-system", metadata={"uid": "uid-1"})
    return Snapshot(cluster="prod", observed_at=READ, resources=(system, *resources), coverage=Coverage())


WHOLE = observed(*team("shop", "quota zirconium exceeded"), *team("vault", "quota vanadium exceeded"))


class Api:
    """An API server that reviews access; `granted` holds `resource@namespace`, `resource@` for everywhere."""

    def __init__(self, granted: set[str], *, broken: bool = False) -> None:
        self.granted = granted
        self.broken = broken
        self.asked: list[str] = []

    def review(self, _: object, spec: dict[str, Any]) -> Any:
        given = spec["resourceAttributes"]
        if self.broken:
            raise CopilotError("The cluster does not answer.", "")
        plural = ".".join(filter(None, (given["resource"], given.get("group", ""))))
        self.asked.append(f"{plural}@{given.get('namespace', '')}")
        allowed = self.asked[-1] in self.granted

        class Reply:
            ok = True

            def json(self) -> object:
                return {"status": {"allowed": allowed}}

        return Reply()


class Live(LiveSource):
    """A live cluster as one person reads it."""

    def __init__(self, snapshot: Snapshot, api: Api) -> None:
        self.read = snapshot
        self.transport = api  # type: ignore[assignment]
        self.connection = Connection(ApiClient(Configuration()), "prod", "https://prod.example")

    def snapshot(self, scope: object) -> Snapshot:
        return self.read

    def read_logs(self, wanted: object) -> Any:
        class Nothing:
            logs = ()
            notes = ()

        return Nothing()

    def read_configs(self, refs: object) -> Any:
        raise AssertionError("no mesh here")


def open_as(folder, granted: set[str], *spaces: str, namespace: str | None = None, broken: bool = False) -> Copilot:
    """The copilot of a person who reads these namespaces."""
    seen = [one for one in WHOLE.resources if one.ref.namespace in ("", *spaces)]
    source = Live(observed(*(one for one in seen if one.ref.name != "kube-system")), Api(granted, broken=broken))
    return Copilot(source, Target(), Settings(data_dir=folder), namespace)


@pytest.fixture
def folder(tmp_path):
    """A data folder in which somebody who may read all has stored the cluster and an incident of each namespace."""
    admin = open_as(tmp_path, {f"{one}@" for one in EVERYTHING}, "shop", "vault")
    history = History(tmp_path)
    for namespace, why in (("shop", "zirconium ran out"), ("vault", "vanadium ran out")):
        web = Ref("Deployment", namespace, "web", "apps")
        cause = RootCause(rank=1, cause="pod.crash", object=web, title="crashes", confidence=0.9, evidence=(Evidence(object=web, path="status", text="x"),))  # fmt: skip
        history.remember(admin.memory_key, cause, why, "bought more", "ann", READ)
    with open_library(tmp_path, dense=False, read_only=False) as library:
        library.index_objects(admin.objects, admin.memory_key)
        library.index_incidents(history.entries(admin.memory_key), admin.memory_key)
    return tmp_path


SHOP = {f"{one}@shop" for one in EVERYTHING}


def search(copilot: Copilot, **given: str) -> Result:
    return Toolbox(Workplace(copilot)).call("search", given)


def text(result: Result) -> str:
    return "\n".join(line.text for line in result.lines)


def test_the_composition_root_is_a_desk_that_searches_the_stored_cluster(folder):
    assert isinstance(open_as(folder, SHOP, "shop"), ClusterSearcher)


def test_stored_state_is_found_by_what_it_says_with_the_time_it_was_read_and_its_label(folder):
    result = search(open_as(folder, SHOP, "shop"), words="zirconium exceeded", among="state")
    line = next(line for line in result.lines if "zirconium" in line.text)
    assert line.text.startswith("Deployment shop/web as stored when the cluster was read at 2026-01-01T12:00:00Z")
    assert line.origin is Source.K8S_FREETEXT


def test_a_past_incident_is_found_as_somebodys_words_and_as_nothing_else(folder):
    result = search(open_as(folder, SHOP, "shop"), words="zirconium ran out", among="incidents")
    (line,) = result.lines
    assert "quoted and not checked" in line.text
    assert "ann wrote: cause “zirconium ran out”, fix “bought more”" in line.text
    assert line.origin is Source.EXTERNAL
    assert not line.cause


def test_one_search_finds_pages_state_and_incidents_together(folder):
    result = search(open_as(folder, SHOP, "shop"), words="CrashLoopBackOff zirconium")
    assert {line.origin for line in result.lines} >= {Source.RUNBOOK, Source.K8S_FREETEXT, Source.EXTERNAL}


def test_pages_alone_ask_the_api_server_nothing(folder):
    copilot = open_as(folder, SHOP, "shop")
    assert search(copilot, words="CrashLoopBackOff", among="pages").lines
    assert copilot.source.transport.asked == []


@pytest.mark.parametrize("among", ["all", "state", "incidents"])
@pytest.mark.parametrize("words", ["vanadium", "vault", "Deployment vault/web", "quota exceeded ran out bought more"])
def test_of_a_namespace_that_the_asker_may_not_read_nothing_is_found(folder, words, among):
    result = search(open_as(folder, SHOP, "shop"), words=words, among=among)
    assert "vanadium" not in text(result)
    assert "vault/" not in text(result)


def test_who_may_get_the_deployment_but_not_its_pods_reads_its_summary_and_not_their_words(folder):
    copilot = open_as(folder, {"deployments.apps@vault"}, "shop")
    found = text(search(copilot, words="web vanadium quota exceeded", among="state"))
    assert "Deployment vault/web" in found
    assert "vanadium" not in found


def test_without_any_right_nothing_of_the_cluster_is_found(folder):
    copilot = open_as(folder, set())
    result = search(copilot, words="zirconium vanadium web", among="state")
    assert not result.lines
    assert "Nothing that was searched" in result.trouble


def test_where_the_api_server_does_not_say_nothing_is_found_and_the_pages_still_are(folder):
    result = search(open_as(folder, SHOP, "shop", broken=True), words="CrashLoopBackOff zirconium")
    assert {line.origin for line in result.lines} == {Source.RUNBOOK}
    assert "was not searched: The cluster does not answer." in result.searched


def test_a_conversation_in_a_namespace_finds_nothing_of_another_even_with_the_right(folder):
    every = {f"{one}@" for one in EVERYTHING}
    copilot = open_as(folder, every, "shop", "vault", namespace="shop")
    found = text(search(copilot, words="quota exceeded zirconium vanadium"))
    assert "zirconium" in found
    assert "vanadium" not in found


def test_a_recording_finds_nothing_of_the_live_cluster_whose_name_it_bears(folder):
    recorded = Copilot(Live(WHOLE, Api(set())), Target(paths=("dump",)), Settings(data_dir=folder), None)
    result = search(recorded, words="zirconium vanadium", among="state")
    assert not result.lines
    assert "nothing of this cluster is stored" in result.searched


def test_rights_are_asked_once_for_many_searches_of_one_question(folder):
    copilot = open_as(folder, SHOP, "shop")
    box = Toolbox(Workplace(copilot))
    box.call("search", {"words": "zirconium"})
    asked = len(copilot.source.transport.asked)
    box.call("search", {"words": "quota"})
    assert asked
    assert len(copilot.source.transport.asked) == asked


def test_a_right_that_was_taken_away_counts_no_more_at_the_next_question_of_the_same_conversation(folder):
    copilot = open_as(folder, set(SHOP), "shop")
    conversation = Conversation(copilot)
    *_, before = conversation.ask("any past incidents about zirconium?")
    copilot.source.transport.granted.clear()
    *_, after = conversation.ask("any past incidents about zirconium?")
    assert isinstance(before, Answered)
    assert isinstance(after, Answered)
    assert ["zirconium ran out" in one.answer.text for one in (before, after)] == [True, False]


@pytest.mark.parametrize("given", [{}, {"words": 7}, {"words": "x", "among": "secrets"}, {"words": "\x1b[2J\x00" * 900}, {"words": ""}, {"words": '" OR 1=1 --'}])  # fmt: skip
def test_garbage_is_answered_without_a_crash(folder, given):
    result = Toolbox(Workplace(open_as(folder, SHOP, "shop"))).call("search", given)
    assert "\x1b" not in result.asked + result.searched + result.trouble
    assert "vanadium" not in text(result)


def test_a_desk_that_stores_nothing_says_so():
    box = Toolbox(Workplace(Desk(build_graph(WHOLE))))
    assert "Nothing of a cluster is stored here." in box.call("search", {"words": "zirconium"}).searched


def through_the_model(copilot: Copilot, mode: Mode):
    """A whole conversation in which the model searches for what it may not see; all that the model was sent."""

    def player(request):
        if "tools" in request and request["messages"][-1]["role"] == "user":
            return Turn(calls=(call("search", words="vanadium zirconium quota exceeded vault web"),))
        if "looks at" in json.dumps(request) or "can look at" in json.dumps(request):
            return Turn("F")  # the last line of the menu
        found = [(number, words) for number, words in facts_in(request) if "zirconium" in words]
        return Turn(f"Deployment shop/web was stored with the message `quota zirconium exceeded` [{found[-1][0]}].") if found else faithful(request)  # fmt: skip

    with ModelServer(player) as server:
        given = Endpoint(url=server.url, model="scripted", context=32_000, retries=0, seconds=5.0, mode=mode)
        writer = LangChainWriter(given, http_client(given))
        try:
            events = list(Conversation(copilot, writer).ask("why is web in shop broken?"))
        finally:
            writer.close()
    return events, json.dumps(server.requests, ensure_ascii=False).replace(JOINT, " ")


@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.GUIDED])
def test_through_a_whole_conversation_the_model_is_sent_no_word_of_a_namespace_that_the_asker_may_not_read(folder, mode):  # fmt: skip
    events, sent = through_the_model(open_as(folder, SHOP, "shop"), mode)
    assert [event.name for event in events if isinstance(event, ToolCalled)] == ["search"]
    assert "as stored when the cluster was read at" in sent
    assert "quota zirconium exceeded" in sent
    assert "quota vanadium exceeded" not in sent
    assert "vanadium ran out" not in sent
    assert "vault/web" not in sent
    assert isinstance(events[-1], Answered)


def reader_says(copilot: Copilot, question: str):
    *_, last = answer_question(copilot, question)
    assert isinstance(last, Answered), last
    return last.answer


def test_an_incident_is_found_as_soon_as_it_is_remembered_and_gone_when_it_is_forgotten(folder):
    copilot = open_as(folder, SHOP, "shop")
    web = Ref("Deployment", "shop", "web", "apps")
    cause = RootCause(rank=1, cause="pod.crash", object=web, title="crashes", confidence=0.9, evidence=())
    made = History(folder).remember(copilot.memory_key, cause, "molybdenum leaked", "sealed it", "ben", READ)
    assert "molybdenum leaked" in text(search(copilot, words="molybdenum", among="incidents"))
    History(folder).forget(made.id)
    assert "molybdenum" not in text(search(copilot, words="molybdenum", among="incidents"))


def test_where_the_store_cannot_be_written_what_is_stored_is_found_all_the_same(folder, monkeypatch):
    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("retrievers.knowledge.library.sync_documents", locked)
    assert "zirconium ran out" in text(search(open_as(folder, SHOP, "shop"), words="zirconium", among="incidents"))


@pytest.mark.parametrize("question", ["any past incidents about zirconium?", "show previous incidents of web", "what incidents do we remember?"])  # fmt: skip
def test_the_reader_quotes_past_incidents_that_the_asker_may_get_and_says_that_only_words_agree(folder, question):
    answer = reader_says(open_as(folder, SHOP, "shop"), question)
    assert "ann wrote: cause “zirconium ran out”" in answer.text
    assert "vanadium" not in answer.text
    assert "By its words alone" in answer.text
    assert answer.citations


def test_the_reader_finds_no_incident_of_a_namespace_that_the_asker_may_not_read(folder):
    answer = reader_says(open_as(folder, SHOP, "shop"), "any past incidents about vanadium in vault?")
    assert "vanadium ran out" not in answer.text


def test_whether_it_happened_before_is_answered_by_the_very_same_cause_alone(tmp_path):
    copilot = open_copilot(Target(paths=(str(RECORDINGS / "shop-down"),)), Settings(data_dir=tmp_path))
    cause = next(one for one in copilot.explain(None, None).root_causes if one.object.name == "payments")
    history = History(tmp_path)
    other = msgspec.structs.replace(cause, cause="pod.image.missing")
    history.remember(copilot.memory_key, other, "payments scaled to zero, checkout down", "scaled it", "ann", READ)
    before = reader_says(copilot, "has checkout been down like this before?")
    assert not before.known
    assert "ann wrote" not in before.text  # like words, another cause
    history.remember(copilot.memory_key, cause, "the very same", "turned it", "ben", READ)
    after = reader_says(copilot, "has checkout been down like this before?")
    assert after.known
    assert "ben wrote: cause “the very same”" in after.text
    assert "ann wrote" not in after.text
    listed = reader_says(copilot, "any past incidents about payments?").text
    assert "ann wrote" in listed
    assert listed.count("ben wrote") == 1


@pytest.mark.parametrize("question", ["has this happened before?", "have we seen this before", "did checkout crash before?", "was it down before?", "Has this happened before to checkout?", "did this happen before with the checkout deployment"])  # fmt: skip
def test_where_nothing_is_remembered_the_reader_says_so_and_how_to_remember(question):
    answer = say(build_graph(WHOLE), question)
    assert not answer.known
    assert "remembered" in answer.text
    assert any("kubectl copilot remember" in step.command for step in answer.steps)


def test_what_happened_before_something_is_not_a_question_of_memory():
    assert "remembered" not in say(build_graph(WHOLE), "what happened before the pod crashed?").text
