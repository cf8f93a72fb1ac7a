"""`kubectl copilot graph` answers from recorded material."""

from __future__ import annotations

import json

import pytest

from copilot.cli.main import main

OBJECTS = {"apiVersion": "v1", "kind": "List", "items": [
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": {
        "replicas": 1, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
            "containers": [{"name": "web", "image": "web:1", "envFrom": [{"configMapRef": {"name": "web-config"}}]}]}}}},
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": {
        "selector": {"app": "web"}}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "shop"}},
    {"apiVersion": "x.io/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "shop"}},
]}  # fmt: skip


@pytest.fixture
def ask(tmp_path, capsys):
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(OBJECTS))

    def run(*words):
        code = main(["graph", *words, "--from", str(path)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_tree_shows_both_directions(ask):
    code, out, _ = ask("deploy/web")
    assert code == 0
    assert "Deployment shop/web" in out
    assert "reads ConfigMap shop/web-config" in out
    assert "is selected by Service shop/web" in out


@pytest.mark.parametrize("words", [["deployments.apps/web"], ["deploy", "web"], ["Deployment/web", "-n", "shop"]])
def test_kubectl_ways_of_naming_an_object_are_understood(ask, words):
    assert "Deployment shop/web" in ask(*words)[1]


def test_a_custom_kind_is_named_in_any_case_and_number(ask):
    assert ask("gadgets/g")[1] == ask("GADGET/g")[1]


def test_an_object_that_only_others_name_has_a_blast_radius(ask):
    code, out, _ = ask("cm/web-config", "--blast-radius")
    assert code == 0
    assert "is read by Deployment shop/web" in out
    assert "depends on" not in out


def test_a_way_is_found_or_said_not_to_exist(ask):
    code, out, _ = ask("svc/web", "--path-to", "cm/web-config")
    assert (code, out.count("↳")) == (0, 2)
    code, out, _ = ask("svc/web", "--path-to", "cm/other")
    assert code == 1
    assert "Nothing that was read connects" in out


def test_without_an_object_it_lists_what_is_missing(ask):
    code, out, _ = ask()
    assert code == 0
    assert out


@pytest.mark.parametrize("words", [["deploy/web"], ["svc/web", "--path-to", "deploy/web"], []])
def test_every_question_has_a_document_for_machines(ask, words):
    code, out, _ = ask(*words, "-o", "json")
    assert code == 0
    assert json.loads(out)["schema"] == "cluster-copilot/graph/v1"


def test_the_document_lists_the_whole_reach_with_distances(ask):
    reach = json.loads(ask("cm/web-config", "-o", "json", "--depth", "1")[1])["blast_radius"]
    assert {(found["object"]["kind"], found["distance"]) for found in reach} == {("Deployment", 1), ("Service", 2)}


def test_dot_and_mermaid_are_printed(ask):
    assert ask("deploy/web", "-o", "dot")[1].startswith("digraph")
    assert ask("deploy/web", "-o", "mermaid")[1].startswith("graph LR")


@pytest.mark.parametrize(("words", "hint"), [
    (["deploy/wbe"], "Did you mean deployment/web -n shop?"),
    (["deplyment/web"], "Did you mean deployment/web?"),
    (["--blast-radius"], "KIND/NAME"),
    (["a", "b", "c"], "--path-to"),
])  # fmt: skip
def test_a_typing_mistake_is_answered_with_the_nearest_name(ask, words, hint):
    code, _, err = ask(*words)
    assert code == 64
    assert hint in err
