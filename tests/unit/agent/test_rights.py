"""Rights are evaluated as the RBAC authorizer does; what was not read is said, and a yes needs nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from copilot.agent.rbac import Request, Subject, grants, reaching
from retrievers.graph import build_graph
from tests.unit.agent.asked import say
from tests.unit.diagnosis.cluster import Cluster

API = "rbac.authorization.k8s.io/v1"


def rule(verbs: list[str], resources: list[str], group: str = "", names: list[str] | None = None) -> dict[str, Any]:
    return {"verbs": verbs, "resources": resources, "apiGroups": [group], **({"resourceNames": names} if names else {})}


def account(name: str, namespace: str = "") -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, **({"namespace": namespace} if namespace else {})}


def rights(unread: list[str] | None = None) -> Cluster:
    cluster = (
        Cluster(unread=unread or [])
        .add("Namespace", "shop")
        .add("Namespace", "ops")
        .add("ServiceAccount", "web", "shop")
    )
    cluster.add("Role", "reader", "shop", api=API, rules=[rule(["get", "list"], ["secrets"])])
    cluster.add("ClusterRole", "logs", api=API, rules=[rule(["get"], ["pods/log"])])
    cluster.add("ClusterRole", "one", api=API, rules=[rule(["get"], ["secrets"], names=["tls"])])
    cluster.add("ClusterRole", "sum", api=API, rules=[], aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"part": "sum"}}]})  # fmt: skip
    cluster.add("ClusterRole", "part", api=API, labels={"part": "sum"}, rules=[rule(["*"], ["deployments"], "apps")])
    cluster.add(
        "ClusterRole", "cluster-admin", api=API, rules=[{"verbs": ["*"], "resources": ["*"], "apiGroups": ["*"]}]
    )
    for name, space, kind, role, subjects in (
        ("a", "shop", "Role", "reader", [account("web")]),  # the namespace is the binding's own
        ("b", "shop", "ClusterRole", "logs", [{"kind": "Group", "name": "system:serviceaccounts:shop"}]),
        ("c", "shop", "ClusterRole", "one", [{"kind": "User", "name": "ben"}]),
        ("d", "", "ClusterRole", "sum", [{"kind": "Group", "name": "system:authenticated"}]),
        ("e", "", "ClusterRole", "cluster-admin", [{"kind": "Group", "name": "admins"}]),
        ("f", "ops", "Role", "gone", [{"kind": "User", "name": "eve"}]),
    ):
        cluster.add("RoleBinding" if space else "ClusterRoleBinding", name, space, api=API,
                    roleRef={"apiGroup": API.partition("/")[0], "kind": kind, "name": role}, subjects=subjects)  # fmt: skip
    return cluster


@pytest.mark.parametrize(
    ("question", "verdict", "proof"),
    [
        ("can serviceaccount web in shop list secrets?", "Yes", "Role shop/reader"),
        ("can serviceaccount web in shop delete secrets?", "No", "Role shop/reader"),
        ("can serviceaccount web list secrets in ops?", "No", "Role"),
        ("can the web service account in shop read logs?", "Yes", "system:serviceaccounts:shop"),
        ("may the web service account create deployments in ops?", "Yes", "system:authenticated"),
        ("can ben get secret tls in shop?", "Yes", "ClusterRole one"),
        ("can ben get secrets in shop?", "No", "only for tls"),
        ("can admins delete nodes?", "Yes", "cluster-admin"),
        ("can user eve delete pods in ops?", "No", "Role ops/gone"),
    ],
)
def test_the_verdict_names_the_role_that_decides(question: str, verdict: str, proof: str) -> None:
    cluster = rights()
    for secret in ("tls", "other"):
        cluster.add("Secret", secret, "shop")
    answer = say(cluster, question)
    assert answer.text.startswith(verdict), answer.text
    assert proof in answer.text
    assert answer.known


def test_everybody_who_may_is_named_with_how() -> None:
    answer = say(rights(), "who can read secrets in shop?")
    for words in ("ServiceAccount shop/web", "User ben, only tls", "Group admins", "3 subjects"):
        assert words in answer.text


def test_a_role_of_one_namespace_gives_nothing_in_another() -> None:
    assert "shop/web" not in say(rights(), "who can read secrets in ops?").text


def test_a_no_without_all_bindings_is_no_certain_no() -> None:
    answer = say(rights(unread=["ClusterRoleBinding"]), "can serviceaccount web in shop delete secrets?")
    assert not answer.known
    assert "ClusterRoleBinding" in answer.text
    assert not answer.text.startswith("No:")


def test_a_yes_stands_whatever_else_was_not_read() -> None:
    answer = say(rights(unread=["ClusterRoleBinding"]), "can serviceaccount web in shop list secrets?")
    assert answer.known
    assert answer.text.startswith("Yes")


def test_who_i_am_is_not_in_the_data() -> None:
    answer = say(rights(), "can I delete pods in shop?")
    assert not answer.known
    assert answer.steps[0].command == "kubectl auth can-i delete pods -n shop"


def test_what_an_account_may_do_lists_each_role_with_its_place() -> None:
    text = say(rights(), "what can serviceaccount web do?").text
    assert "Role shop/reader in namespace shop: get/list on secrets" in text
    assert "ClusterRole sum in the whole cluster: every verb on deployments.apps" in text


def test_subresources_are_rights_of_their_own() -> None:
    found = grants(build_graph(rights().snapshot()))
    mine = [grant for grant, _ in reaching(found, Subject("ServiceAccount", "web", "shop"))]
    assert any(grant.names(Request(("get",), "", "pods/log", "shop")) == [] for grant in mine)
    assert all(grant.names(Request(("get",), "", "pods", "shop")) is None for grant in mine)


def test_who_was_given_a_right_in_the_namespace_comes_before_parts_of_the_system() -> None:
    role = {"apiGroup": API.partition("/")[0], "kind": "ClusterRole", "name": "all"}
    cluster = Cluster().add("Namespace", "shop").add("ClusterRole", "all", api=API, rules=[rule(["list"], ["pods"])])
    for number in range(20):
        part = [{"kind": "Group", "name": f"system:part-{number}"}]
        cluster.add("ClusterRoleBinding", f"a{number}", api=API, roleRef=role, subjects=part)
    cluster.add("RoleBinding", "own", "shop", api=API, roleRef=role, subjects=[{"kind": "User", "name": "zoe"}])
    said = say(build_graph(cluster.snapshot()), "who can list pods in shop?").text
    assert said.index("User zoe") < said.index("system:part-0")
    assert "more." in said
