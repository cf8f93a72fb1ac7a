"""Which cluster is chosen, and what is said when none can be."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from copilot.model import CopilotError, InputError, UsageError
from tests.unit.tools.live.api_server import ApiServer, kubeconfig, running
from tools.cluster.kubeconfig import connect
from tools.cluster.transport import Transport


def write(path: Path, document: Any) -> Path:
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def contexts(*names: str, current: str = "", server: str = "https://10.0.0.1:6443") -> dict[str, Any]:
    return {
        "current-context": current,
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [
            {"name": name, "context": {"cluster": "c", "user": "u", "namespace": f"ns-{name}"}} for name in names
        ],
    }


def plugin(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def exec_user(command: str, **more: Any) -> dict[str, Any]:
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": [], **more}}


def test_the_current_context_gives_server_and_namespace(tmp_path: Path) -> None:
    found = connect(str(write(tmp_path / "c", contexts("prod", "test", current="prod"))))
    assert (found.name, found.server, found.namespace) == ("prod", "https://10.0.0.1:6443", "ns-prod")
    assert found.label == "prod (https://10.0.0.1:6443)"


def test_a_named_context_wins_over_the_current_one(tmp_path: Path) -> None:
    assert connect(str(write(tmp_path / "c", contexts("prod", "test", current="prod"))), "test").namespace == "ns-test"


def test_an_unknown_context_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no context 'prdo'") as caught:
        connect(str(write(tmp_path / "c", contexts("prod", "test", current="prod"))), "prdo")
    assert caught.value.hint == "Did you mean prod?"


def test_without_a_current_context_the_choices_are_listed(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        connect(str(write(tmp_path / "c", contexts("prod", "test"))))
    assert "prod, test" in caught.value.hint


def test_the_environment_names_several_files_and_the_first_current_context_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "a", {**contexts("prod"), "current-context": ""})
    second = write(tmp_path / "b", {**contexts("test", current="test"), "clusters": [], "users": []})
    both = {"KUBECONFIG": f"{first}{os.pathsep}{second}{os.pathsep}{tmp_path / 'absent'}"}
    assert connect(environ=both).name == "test"
    assert connect(context="prod", environ=both).name == "prod"


def test_no_kubeconfig_names_the_place_that_was_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CopilotError, match=r"No kubeconfig found: .*\.kube/config does not exist"):
        connect(environ={"HOME": str(tmp_path)})


def test_a_given_file_that_is_absent_never_falls_back_to_another(tmp_path: Path) -> None:
    with pytest.raises(CopilotError, match="absent does not exist"):
        connect(str(tmp_path / "absent"), environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1"})


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("clusters: [", "is not valid YAML"),
        ("just words", "holds no mapping"),
        ("", "holds no mapping"),
        ({"clusters": "x"}, "clusters must be a list"),
        ({"users": [{"user": {}}]}, "users must be a list of named entries"),
        (contexts("a", current="a", server=""), "has no server"),
        ({"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "c"}}]}, "has no server"),
    ],
)
def test_a_broken_kubeconfig_is_one_clear_error(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        connect(str(write(tmp_path / "c", document)))


def test_a_binary_file_is_no_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"\x80\x81\xff")
    with pytest.raises(InputError, match="not text"):
        connect(str(tmp_path / "c"))


def test_a_certificate_that_is_no_base64_is_an_input_error(tmp_path: Path) -> None:
    document = contexts("a", current="a")
    document["clusters"][0]["cluster"]["certificate-authority-data"] = "%%%not base64"
    with pytest.raises(InputError, match="cannot be loaded"):
        connect(str(write(tmp_path / "c", document)))


def test_a_missing_token_file_is_an_input_error(tmp_path: Path) -> None:
    document = contexts("a", current="a")
    document["users"][0]["user"] = {"tokenFile": "nowhere"}
    with pytest.raises(InputError, match="cannot be loaded"):
        connect(str(write(tmp_path / "c", document)))


def asked_with(server: ApiServer, path: Path, user: dict[str, Any]) -> dict[str, str]:
    with running(server) as url:
        Transport(connect(kubeconfig(path, url, user=user))).get("/version")
    return server.seen[-1].headers


def test_the_token_is_sent(tmp_path: Path, server: ApiServer) -> None:
    assert asked_with(server, tmp_path / "c", {"token": "abc"})["Authorization"] == "Bearer abc"


def test_user_and_password_are_sent_as_basic_authentication(tmp_path: Path, server: ApiServer) -> None:
    headers = asked_with(server, tmp_path / "c", {"username": "u", "password": "p"})
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"u:p").decode()


def test_impersonation_is_sent_for_every_group(tmp_path: Path, server: ApiServer) -> None:
    user = {"token": "t", "as": "viewer", "as-groups": ["a", "b"], "as-user-extra": {"scopes": ["view"]}}
    headers = asked_with(server, tmp_path / "c", user)
    assert headers["Impersonate-User"] == "viewer"
    assert headers["Impersonate-Extra-scopes"] == "view"
    assert headers["Impersonate-Group"] == "a, b"


def test_a_credential_plugin_gives_the_token(tmp_path: Path, server: ApiServer) -> None:
    credential = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"fresh"}}'
    user = exec_user(plugin(tmp_path / "login", f"echo '{credential}'"))
    assert asked_with(server, tmp_path / "c", user)["Authorization"] == "Bearer fresh"


def test_a_missing_credential_plugin_is_named_with_its_install_hint(tmp_path: Path) -> None:
    document = contexts("a", current="a")
    document["users"][0]["user"] = exec_user("cloud-login-helper", installHint="Get it from the cloud.\nmore")
    with pytest.raises(CopilotError, match="'cloud-login-helper', which is not installed") as caught:
        connect(str(write(tmp_path / "c", document)))
    assert caught.value.hint == "Get it from the cloud."


@pytest.mark.parametrize("script", ["echo expired session >&2; exit 3", "echo no json", "echo '{}'"])
def test_a_credential_plugin_that_fails_says_why_and_prints_nothing(
    tmp_path: Path, script: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = contexts("a", current="a")
    document["users"][0]["user"] = exec_user(plugin(tmp_path / "login", script))
    with pytest.raises(CopilotError, match="gave no credentials for context 'a': exec: "):
        connect(str(write(tmp_path / "c", document)))
    assert capsys.readouterr() == ("", "")


def test_a_plugins_path_starts_at_the_kubeconfigs_folder(tmp_path: Path, server: ApiServer) -> None:
    credential = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"near"}}'
    (tmp_path / "bin").mkdir()
    plugin(tmp_path / "bin" / "login", f"echo '{credential}'")
    assert asked_with(server, tmp_path / "c", exec_user("./bin/login"))["Authorization"] == "Bearer near"


def test_a_pod_without_a_service_account_is_told_so() -> None:
    with pytest.raises(CopilotError, match="service account cannot be used"):
        connect(environ={"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOME": "/nonexistent"})
