"""What the user may do is what the cluster says, and nothing else counts as a yes."""

from __future__ import annotations

from typing import Any

import pytest

from copilot.model import CopilotError
from tests.unit.tools.live.api_server import ApiServer, reply, status
from tools import access
from tools.access import AccessQuestion
from tools.cluster.live import LiveSource
from tools.cluster.transport import Review

SCALE = AccessQuestion("patch", "deployments", "apps", "shop", "web", "scale")


def test_a_question_is_sent_with_every_attribute_that_is_set(live: LiveSource, server: ApiServer) -> None:
    server.special[Review.ACCESS.path] = lambda _: reply({"status": {"allowed": True, "reason": "RBAC: allowed by x"}})
    answer = access.may(live.transport, SCALE)
    assert (answer.allowed, answer.reason) == (True, "RBAC: allowed by x")
    assert server.seen[-1].body["spec"]["resourceAttributes"] == {
        "verb": "patch", "resource": "deployments", "group": "apps",
        "namespace": "shop", "name": "web", "subresource": "scale",
    }  # fmt: skip


@pytest.mark.parametrize(
    "answer", [{}, {"allowed": False}, {"allowed": "true"}, {"allowed": True, "denied": True}, {"allowed": 1}, []]
)
def test_anything_but_a_clear_yes_is_a_no(live: LiveSource, server: ApiServer, answer: Any) -> None:
    server.special[Review.ACCESS.path] = lambda _: reply({"status": answer})
    assert not access.may(live.transport, SCALE).allowed


def test_a_cluster_that_does_not_answer_is_an_error_and_no_answer(live: LiveSource, server: ApiServer) -> None:
    server.special[Review.ACCESS.path] = lambda _: status(403, "not even that")
    with pytest.raises(CopilotError, match="does not say what you may do: HTTP 403 not even that"):
        access.may(live.transport, SCALE)


def test_every_answer_belongs_to_its_question(live: LiveSource, server: ApiServer) -> None:
    def answer(request: Any) -> Any:
        return reply({"status": {"allowed": request.body["spec"]["resourceAttributes"]["verb"] == "get"}})

    server.special[Review.ACCESS.path] = answer
    verbs = ["get", "delete", "get", "update"]
    answers = [access.may(live.transport, AccessQuestion(verb, "pods")) for verb in verbs]
    assert [(one.question.verb, one.allowed) for one in answers] == [(verb, verb == "get") for verb in verbs]


def test_the_rules_of_a_namespace_are_listed(live: LiveSource, server: ApiServer) -> None:
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["web-0"]}, 7]
    server.special[Review.RULES.path] = lambda _: reply({"status": {"resourceRules": rules, "incomplete": True}})
    found = access.rules(live.transport, "shop")
    assert found.rules == (access.AccessRule(("get",), ("",), ("pods",), ("web-0",)),)
    assert not found.complete


def test_a_question_reads_as_kubectl_would_say_it() -> None:
    assert str(SCALE) == "patch deployments.apps/scale web in namespace shop"
    assert str(AccessQuestion("list", "nodes")) == "list nodes"
