"""Break-glass and the brake at work, on a small API server: what is sent, what is noted, and what stops the next change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from copilot.changing.break_glass import glass_objection, open_glass
from copilot.changing.history import GOOD_END, close_review, failed_lately, find_record, note_looked, reviews
from copilot.changing.opening import Workshop, open_changing, utc_now
from copilot.cli.main import main
from copilot.model import UsageError
from copilot.settings import Settings
from copilot.target import Target
from guardrails.approval import Method
from guardrails.errors import ApprovalError, ChangeRefused, PlanChanged
from guardrails.journal import Kind
from guardrails.plan import BreakGlass, Plan, Requester, Tier
from tests.small_api import SmallApi, deployment, serve
from tests.terminal import at_a_terminal
from tools.change.watch import End

_WEB = "/apis/apps/v1/namespaces/shop/deployments/web"
_FROZEN = """version: 1
freezeWindows:
  - {name: always, days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00", timeZone: UTC, reason: quarter}
breakGlass:
  groups: [devs]
"""
_BOB = Requester("os", "bob", "bob", "g")
_WORDS = ("checkout is down, cannot wait", "INC-1")


class Site:
    """A cluster in a freeze, and the open door to it."""

    def __init__(self, api: SmallApi, folder: Path, policy: str = _FROZEN) -> None:
        self.api = api
        self.file = folder / "policy.yaml"
        self.file.write_text(policy)
        self.settings = Settings(
            data_dir=folder / "data", policy_file=self.file, anchor_file=folder / "elsewhere" / "heads"
        )
        (folder / "elsewhere").mkdir()
        self.target = Target(kubeconfig=str(api.kubeconfig(folder)))
        self.open: Workshop = open_changing(self.target, self.settings, lambda _: None)

    def glass(self) -> BreakGlass:
        desk = self.open.desk
        return open_glass(desk.reader, desk.requester, desk.policy(), self.open.journal, _WORDS, utc_now())

    def carry_out(self, plan: Plan) -> None:
        door, gate = self.open.door, self.open.gate
        assert door is not None
        assert gate is not None
        door.note_planned(plan)
        door.carry_out(plan, gate.approve(plan, self.open.desk.requester, Method.TERMINAL))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with serve(deployment()) as api:
        yield Site(api, tmp_path)


def test_in_a_freeze_only_break_glass_gets_a_change_through_and_it_is_noted_paged_and_to_be_reviewed(
    site: Site,
) -> None:
    with pytest.raises(ApprovalError):
        site.carry_out(site.open.desk.plan("scale web to 3"))
    plan = site.open.desk.plan("scale web to 0", glass=site.glass())
    assert (plan.computed.tier, plan.computed.refusals) == (Tier.TWO_PEOPLE, ())
    site.carry_out(plan)
    assert site.api.objects[_WEB]["spec"].get("replicas", 0) == 0
    (review,) = reviews(site.open.journal)
    assert (review.is_open, review.glass.granted_by, review.plan) == (True, "group devs", plan.id)
    assert site.settings.anchor_file is not None
    lines = [json.loads(line) for line in site.settings.anchor_file.read_text().splitlines()]
    (page,) = [line for line in lines if line["event"] == "break-glass"]
    assert "INC-1" in page["text"]
    assert site.open.journal.verify().problems == ()


def test_a_right_that_is_missing_stays_missing_behind_the_glass(site: Site) -> None:
    site.api.denied.add(("patch", "deployments/scale"))
    plan = site.open.desk.plan("scale web to 3", glass=site.glass())
    assert any("does not let you" in each for each in plan.computed.refusals)
    assert site.api.writes() == []


def test_only_another_person_closes_a_review_and_only_once(site: Site) -> None:
    plan = site.open.desk.plan("scale web to 3", glass=site.glass())
    site.carry_out(plan)
    journal, record = site.open.journal, find_record(site.open.journal, plan.id)
    for same in (
        plan.requester,
        msgspec.structs.replace(plan.requester, sub="other"),
        msgspec.structs.replace(_BOB, k8s_user="alice"),
    ):
        with pytest.raises(ChangeRefused, match="their own change"):
            close_review(journal, record, same, "fine")
    close_review(journal, record, _BOB, "right call")
    (review,) = reviews(journal)
    assert (review.is_open, review.closed_by, review.note) == (False, "bob", "right call")
    with pytest.raises(UsageError, match="is closed already"):
        close_review(journal, find_record(journal, plan.id), _BOB, "again")


def test_what_was_not_break_glass_has_no_review(site: Site) -> None:
    site.file.write_text("version: 1\n")
    plan = site.open.desk.plan("scale web to 3")
    site.carry_out(plan)
    with pytest.raises(UsageError, match="never opened"):
        close_review(site.open.journal, find_record(site.open.journal, plan.id), _BOB, "fine")


def test_a_group_that_was_left_between_yes_and_send_ends_the_leave(site: Site) -> None:
    plan = site.open.desk.plan("scale web to 3", glass=site.glass())
    site.file.write_text(_FROZEN.replace("devs", "others"))
    with pytest.raises(PlanChanged, match="the site policy has changed"):
        site.carry_out(plan)
    assert site.api.writes() == []


def test_leave_that_a_client_wrote_into_a_plan_is_compared_with_what_its_person_would_be_given(site: Site) -> None:
    glass, desk, journal = site.glass(), site.open.desk, site.open.journal
    plan = desk.plan("scale web to 3", glass=glass)
    later = utc_now() + timedelta(minutes=1)

    def objection(**forged: str) -> str:
        altered = msgspec.structs.replace(plan, break_glass=msgspec.structs.replace(glass, **forged))
        return glass_objection(altered, desk.reader, desk.policy(), journal, later)

    assert objection() == ""
    assert (
        glass_objection(msgspec.structs.replace(plan, break_glass=None), desk.reader, desk.policy(), journal, later)
        == ""
    )
    for forged in (
        {"granted_by": "group sre"},
        {"until": "2999-01-01T00:00:00Z"},
        {"person": "bob"},
        {"reason": "why"},
    ):
        assert objection(**forged), forged
    site.file.write_text(_FROZEN.replace("devs", "others"))
    assert "policy does not give" in objection()


@pytest.mark.parametrize(
    "words",
    [
        ["--break-glass"],
        ["--break-glass", "--reason", "a good reason"],
        ["--reason", "a good reason"],
        ["--incident", "I-1", "--allow-changes"],
        ["--break-glass", "--reason", "a good reason", "--incident", "I-1"],  # without --allow-changes
    ],
)
def test_the_options_go_together_and_with_leave_to_change(
    site: Site, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["do", "scale web to 3", "--kubeconfig", str(site.target.kubeconfig), *words]) == 64
    assert "--break-glass" in capsys.readouterr().err


def test_a_person_at_a_terminal_sees_it_loudly_and_is_told_of_the_review(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPILOT_POLICY", str(site.file))
    monkeypatch.setenv("COPILOT_DATA_DIR", str(site.settings.data_dir))
    asked = ["do", "scale web to 3", "--allow-changes", "--soak", "0", "--kubeconfig", str(site.target.kubeconfig)]
    glass = ["--break-glass", "--reason", _WORDS[0], "--incident", _WORDS[1]]
    code, said = at_a_terminal([*asked, *glass], site.settings.data_dir, ["yes"])
    assert code == 0, said
    assert "BREAK-GLASS for INC-1, by alice (group devs)" in said
    assert "told to nobody but the journal" in said
    assert main(["audit", "reviews"]) == 1
    assert "open" in capsys.readouterr().out
    (plan,) = [each.plan for each in reviews(site.open.journal)]
    assert main(["audit", "close", plan, "--note", "it was me"]) == 77
    assert main(["audit", "close", plan]) == 77
    assert main(["audit", "reviews", "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["reviews"][0]["overdue"] is False


# The brake


def _fail(site: Site, times: int) -> None:
    site.api.fail_with = (403, "quota")
    for _ in range(times):
        with pytest.raises(ChangeRefused):
            site.carry_out(site.open.desk.plan("restart web"))
    site.api.fail_with = None


@pytest.fixture
def free(tmp_path: Path) -> Iterator[Site]:
    with serve(deployment()) as api:
        yield Site(api, tmp_path, "version: 1\n")


def test_after_more_than_three_failures_nothing_is_planned_until_the_person_has_looked(free: Site) -> None:
    _fail(free, 3)
    assert free.open.desk.plan("scale web to 3").computed.refusals == ()
    _fail(free, 1)
    (refusal,) = free.open.desk.plan("scale web to 3").computed.refusals
    assert "4 of your changes have failed" in refusal
    assert "audit failed" in refusal
    note_looked(free.open.journal, _BOB, "not mine")
    assert free.open.desk.plan("scale web to 3").computed.refusals
    note_looked(free.open.journal, free.open.desk.requester, "the quota was full")
    assert free.open.desk.plan("scale web to 3").computed.refusals == ()
    assert free.open.journal.verify().problems == ()


def test_failures_of_others_and_of_earlier_hours_do_not_count(free: Site) -> None:
    _fail(free, 4)
    me, journal = free.open.desk.requester, free.open.journal
    assert len(failed_lately(journal, me, utc_now())) == 4
    assert failed_lately(journal, _BOB, utc_now()) == []
    assert failed_lately(journal, me, utc_now() + timedelta(minutes=61)) == []


def test_what_was_declined_overtaken_before_sending_or_went_well_is_no_failure(free: Site) -> None:
    door, gate = free.open.door, free.open.gate
    assert door is not None
    assert gate is not None
    declined = free.open.desk.plan("scale web to 3")
    door.note_planned(declined)
    door.note_declined(declined)
    overtaken = free.open.desk.plan("scale web to 3")
    free.api.touch(minReadySeconds=5)
    with pytest.raises(PlanChanged):
        free.carry_out(overtaken)
    free.carry_out(free.open.desk.plan("scale web to 3"))
    assert failed_lately(free.open.journal, free.open.desk.requester, utc_now()) == []


def test_a_rollout_that_went_wrong_is_a_failure(free: Site) -> None:
    plan = free.open.desk.plan("scale web to 3")
    free.carry_out(plan)
    assert End.DONE.value == GOOD_END
    free.open.journal.append(Kind.WATCHED, plan.id, {"end": End.STUCK.value, "text": "no progress"}, step=1)
    assert [each.plan.id for each in failed_lately(free.open.journal, free.open.desk.requester, utc_now())] == [plan.id]


def test_the_way_back_is_open_behind_the_brake(free: Site) -> None:
    done = free.open.desk.plan("scale web to 3")
    free.carry_out(done)
    _fail(free, 4)
    assert free.open.desk.plan_undo(find_record(free.open.journal, done.id)).computed.refusals == ()


def test_looking_is_done_at_a_terminal_with_a_note(
    free: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(free.settings.data_dir))
    _fail(free, 4)
    assert main(["audit", "failed"]) == 1
    assert "quota" in capsys.readouterr().out
    assert main(["audit", "failed", "--note", "the quota"]) == 77
    code, said = at_a_terminal(["audit", "failed", "--note", "the quota was full"], free.settings.data_dir, [])
    assert (code, "Changes can be planned again" in said) == (0, True)
    assert free.open.desk.plan("scale web to 3").computed.refusals == ()


# What doctor says


def test_doctor_tells_policy_journal_anchors_and_reviews(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COPILOT_DATA_DIR", str(site.settings.data_dir))
    site.carry_out(site.open.desk.plan("scale web to 3", glass=site.glass()))

    def told() -> dict[str, tuple[bool, str]]:
        main(["doctor", "-o", "json", "--kubeconfig", str(site.target.kubeconfig)])
        checks = json.loads(capsys.readouterr().out)["checks"]
        return {check["name"]: (check["ok"], check["detail"]) for check in checks}

    first = told()
    assert first["site policy"] == (True, "none: changes are judged by the built-in tiers alone")
    assert first["journal"][0]
    assert first["anchors"] == (False, "the journal's head is noted nowhere else")
    assert first["break-glass reviews"][1].startswith("1 open")
    site.file.write_text("version: 1\nrulez: 1\n")
    monkeypatch.setenv("COPILOT_POLICY", str(site.file))
    monkeypatch.setenv("COPILOT_ANCHOR_FILE", str(site.settings.anchor_file))
    site.open.journal.path.unlink()
    second = told()
    assert "every change is refused" in second["site policy"][1]
    assert "is gone" in second["journal"][1]
    assert second["anchors"][0]
