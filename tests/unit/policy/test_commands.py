"""The policy at work: `policy check|test|explain`, `do`, `check`, and the door that asks it again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.changing.opening import open_changing
from copilot.cli.main import main
from copilot.settings import Settings
from copilot.target import Target
from guardrails.approval import Method
from guardrails.errors import PlanChanged
from guardrails.plan import Tier
from tests.small_api import SmallApi, deployment, serve

_POLICY = """version: 1
protectedNamespaces: [vault]
rules:
  - name: few
    validations:
      - expression: plan.replicas.after <= 3
        message: no more than three
        effect: raise
"""
_FIXTURE = """name: four
request: {operation: scale, kind: Deployment, namespace: shop, name: web, replicas: {before: 2, after: 4}}
expect: {decision: approval, tier: 2, rules: [few]}
"""


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(_POLICY)
    monkeypatch.setenv("COPILOT_POLICY", str(file))
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    return file


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(deployment()))
    return file


@pytest.fixture
def api() -> Iterator[SmallApi]:
    with serve(deployment()) as small:
        yield small


def test_check_names_file_and_line_of_a_mistake(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "check"]) == 0
    policy.write_text(_POLICY.replace("<= 3", "<="))
    assert main(["policy", "check", str(policy)]) == 1
    assert f"{policy}:6: the expression cannot be read" in capsys.readouterr().out


def test_the_policy_and_the_fixture_of_the_docs_work_as_they_stand(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "policy.md").read_text()
    policy, fixture = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "policy.yaml").write_text(policy)
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "one.yaml").write_text(fixture)
    assert main(["policy", "check", str(tmp_path / "policy.yaml")]) == 0
    assert main(["policy", "test", str(tmp_path / "policy.yaml"), "--fixtures", str(tmp_path / "cases")]) == 0


def test_check_finds_a_name_that_no_change_has(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy.write_text(_POLICY.replace("plan.replicas", "plan.replica"))
    assert main(["policy", "check"]) == 1
    assert f"{policy}:6: rule few: the expression fails on every change" in capsys.readouterr().out


def test_fixtures_pass_as_long_as_the_policy_decides_what_they_expect(
    policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    assert main(["policy", "test", "--fixtures", str(folder)]) == 65
    (folder / "four.yaml").write_text(_FIXTURE)
    assert main(["policy", "test", "--fixtures", str(folder)]) == 0
    policy.write_text(_POLICY.replace("<= 3", "<= 9"))
    assert main(["policy", "test", "--fixtures", str(folder)]) == 1
    assert "FAIL four: expected tier 2, got 1; expected to hear few, heard none" in capsys.readouterr().out
    (folder / "four.yaml").write_text(_FIXTURE.replace("rules", "rule"))
    assert main(["policy", "test", "--fixtures", str(folder)]) == 65
    assert "four.yaml:3: expect.rule" in capsys.readouterr().err


@pytest.mark.usefixtures("policy")
def test_explain_tells_who_speaks_and_the_tier_before_and_after(dump: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["policy", "explain", "--from", str(dump), "-o", "json"]
    words = ["--", "kubectl", "scale", "deploy/web", "--replicas=4", "-n", "shop"]
    assert main([*arguments, *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tier_after"] == told["tier_before"] + 1
    assert [each["rule"] for each in told["opinions"]] == ["few"]


def test_do_shows_what_the_policy_says_on_the_card(
    policy: Path, dump: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["do", "scale web to 4 in shop", "--from", str(dump), "-o", "json"]
    main(words)
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert "site policy, rule few: no more than three" in plan["computed"]["reasons"]
    policy.write_text("version: 1\nrulez: []\n")
    main(words)
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert any("mistake in line 2" in each for each in plan["computed"]["refusals"])


def test_check_refuses_what_the_policy_protects_with_and_without_a_cluster(
    policy: Path, dump: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "scale web to 3 in vault"]) == 77
    assert "namespace vault is protected by the site policy" in capsys.readouterr().out
    assert main(["check", "scale web to 3 in shop"]) == 1
    policy.write_text(_POLICY.replace("vault", "shop"))
    assert main(["check", "--from", str(dump), "scale web to 3 in shop"]) == 77
    policy.unlink()
    assert main(["check", "scale web to 3 in other"]) == 77


def test_a_plan_is_void_when_the_policy_file_changes_between_yes_and_send(
    policy: Path, api: SmallApi, tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path / "data", policy_file=policy)
    shop = open_changing(Target(kubeconfig=str(api.kubeconfig(tmp_path))), settings, lambda _: None)
    assert shop.door is not None
    assert shop.gate is not None
    plan = shop.desk.plan("scale web to 3")
    assert (plan.computed.tier, plan.tier_without_policy) == (Tier.ONE_YES, Tier.ONE_YES)
    shop.door.note_planned(plan)
    approval = shop.gate.approve(plan, shop.desk.requester, Method.TERMINAL)
    policy.write_text(_POLICY + "# one byte more\n")
    with pytest.raises(PlanChanged, match="the site policy has changed"):
        shop.door.carry_out(plan, approval)
    assert api.writes() == []
