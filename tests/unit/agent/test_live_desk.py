"""What the reader asks of a live cluster beyond the observation: logs that nobody read yet, and what the asker may do."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from copilot.agent import Answer, Answered, answer_question
from copilot.diagnosis import Scope, diagnose
from copilot.diagnosis.needs import MAX_LOGS, wanted_logs
from copilot.model import ContainerLog, CopilotError, Coverage, Reading, ReadState, Ref, Snapshot, Verdict
from retrievers.graph import build_graph
from tests.unit.agent.asked import Desk
from tests.unit.diagnosis.cluster import Cluster


def shop() -> Cluster:
    return Cluster().add("Namespace", "shop").add("Namespace", "ops").pod("web-1", "shop")


class LiveDesk(Desk):
    """A desk whose cluster still answers: `logs` are the texts of its containers, `may` what the asker may do."""

    def __init__(self, logs: dict[str, str] | None = None, notes: tuple[str, ...] = (), may: Sequence[str] | None = None) -> None:  # fmt: skip
        super().__init__(build_graph(shop().snapshot()))
        self.texts, self.notes, self.may, self.asked = logs or {}, notes, may, list[str]()

    def fetch_logs(self, pods: Sequence[Ref]) -> Sequence[str]:
        read = tuple(
            ContainerLog(pod.namespace, pod.name, name, said) for pod in pods for name, said in self.texts.items()
        )
        self.graph.add_logs(read, self.notes)
        return self.notes

    def may_i(self, verb: str, resource: str, namespace: str, name: str) -> str:
        self.asked.append(" ".join(word for word in (verb, resource, namespace, name) if word))
        if self.may is None:
            raise CopilotError("prod does not say what you may do: HTTP 503")
        return f"yes, you may {verb} {resource}" if verb in self.may else f"no, you may not {verb} {resource}"


def ask(desk: Desk, question: str) -> Answer:
    *_, last = answer_question(desk, question)
    assert isinstance(last, Answered), last
    return last.answer


def test_the_log_of_a_healthy_pod_is_read_when_it_is_asked_for() -> None:
    answer = ask(LiveDesk({"app": "listening on :8080\nready"}), "logs of web-1")
    assert answer.known
    assert "ready" in answer.text
    assert answer.citations[0].object == Ref("Pod", "shop", "web-1")


def test_an_empty_log_is_called_empty_and_not_unread() -> None:
    answer = ask(LiveDesk({"app": "\n"}), "logs of web-1")
    assert (answer.known, answer.text) == (True, "shop/web-1, container app: it has printed nothing. [1]")


def test_a_log_that_cannot_be_read_is_told_in_the_one_sentence_that_says_why() -> None:
    answer = ask(LiveDesk(notes=("The log of shop/web-1 app could not be read: HTTP 403 forbidden",)), "logs of web-1")
    assert (answer.known, answer.text) == (False, "The log of shop/web-1 app could not be read: HTTP 403 forbidden")


@pytest.mark.parametrize(
    ("question", "may", "said", "asked"),
    [
        ("can I delete pods in shop?", ["delete"], "Yes, you may delete pods", ["delete pods shop"]),
        ("can I delete pods in shop?", ["get"], "No, you may not delete pods", ["delete pods shop"]),
        ("can I read secrets in ops?", ["list"], "Yes, you may list secrets", ["get secrets ops", "list secrets ops", "watch secrets ops"]),
        ("am I allowed to scale deployments in shop?", ["patch"], "Yes, you may patch deployments.apps/scale", ["update deployments.apps/scale shop", "patch deployments.apps/scale shop"]),
    ],
)  # fmt: skip
def test_can_i_is_answered_by_the_api_server(question: str, may: list[str], said: str, asked: list[str]) -> None:
    desk = LiveDesk(may=may)
    answer = ask(desk, question)
    assert answer.known
    assert answer.text.startswith(said)
    assert answer.citations[0].path == "SelfSubjectAccessReview"
    assert desk.asked == asked


def test_an_api_server_that_does_not_say_is_no_yes_and_no_no() -> None:
    answer = ask(LiveDesk(may=None), "can I delete pods in shop?")
    assert not answer.known
    assert "does not say what you may do" in answer.text
    assert answer.steps[0].command == "kubectl auth can-i delete pods -n shop"


def test_logs_of_the_namespace_that_is_asked_about_come_before_the_trouble_of_all_others() -> None:
    fell = {"phase": "Running", "containerStatuses": [{"name": "main", "ready": False, "restartCount": 3,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1}}}]}  # fmt: skip
    cluster = Cluster()
    for number in range(MAX_LOGS):
        cluster.pod(f"ill-{number:03}", "aaa", node="n1", status=fell)
    cluster.pod("ill", "zzz", node="n1", status=fell)
    graph = build_graph(cluster.snapshot())
    assert "zzz" not in {wanted[0] for wanted in wanted_logs(graph)}
    assert wanted_logs(graph, "zzz")[0][:2] == ("zzz", "ill")


REFUSED = ("Namespace", "Deployment", "Service", "Event", "RoleBinding", "ClusterRoleBinding", "Role", "ClusterRole")


def narrow(*refused: str) -> Snapshot:
    """What somebody reads who may list pods of shop: those kinds were refused everywhere."""
    seen = Cluster().pod("web-1", "shop").snapshot()
    readings = [Reading(kind="Pod", namespace="shop")]
    readings += [Reading(kind=kind, namespace="*", state=ReadState.REFUSED) for kind in (*refused, "Pod")]
    return msgspec.structs.replace(seen, coverage=Coverage(tuple(readings)))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("why is checkout down?", "You may not read Deployment, Service, Event, Namespace objects of namespace shop, so it may be there all the same."),
        ("is everything all right?", "You may not read Deployment, Service, Event, Namespace objects there"),
        ("how many pods are in bank?", "Nothing of namespace bank was read, and you may not list namespaces"),
        ("is everything all right in bank?", "Nothing of namespace bank was read"),
        ("who can delete pods in bank?", "I cannot tell who may delete pods in namespace bank: "),
    ],
)  # fmt: skip
def test_what_the_asker_may_not_read_is_never_told_as_not_there(question: str, said: str) -> None:
    answer = ask(Desk(build_graph(narrow(*REFUSED)), "shop"), question)
    assert said in answer.text
    assert answer.known == (question == "is everything all right?")


def test_a_right_in_a_namespace_that_was_not_read_is_asked_for_there_and_nowhere_else() -> None:
    desk = LiveDesk(may=["list"])
    desk.graph = build_graph(narrow(*REFUSED))
    desk.namespace = "shop"
    ask(desk, "can I list pods in bank?")
    assert desk.asked == ["list pods bank"]


def test_a_right_in_a_namespace_that_does_not_exist_is_no_right() -> None:
    desk = LiveDesk(may=["delete"])
    answer = ask(desk, "can I delete pods in shopp?")
    assert (answer.known, answer.text) == (False, "No namespace named 'shopp' was read. The nearest is shop.")


@pytest.mark.parametrize(("namespace", "verdict"), [("shop", Verdict.HEALTHY), ("bank", Verdict.UNKNOWN)])
def test_a_namespace_of_which_nothing_may_be_read_is_not_called_healthy(namespace: str, verdict: Verdict) -> None:
    assert diagnose(build_graph(narrow(*REFUSED)), Scope(namespaces=(namespace,))).verdict is verdict


def test_a_cluster_of_which_nothing_may_be_read_is_not_called_broken() -> None:
    nothing = msgspec.structs.replace(narrow(*REFUSED), resources=())
    answer = ask(Desk(build_graph(nothing)), "is everything all right?")
    assert not answer.known
    assert answer.text.startswith(
        "The cluster: nothing of it was read, so I cannot tell: you may not read Pod, Deployment"
    )
