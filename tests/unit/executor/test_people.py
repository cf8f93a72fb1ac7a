"""Who may ask and who may agree, from what the kernel and the executor's operator say."""

from __future__ import annotations

import grp
from pathlib import Path

import pytest

from copilot.model import UsageError
from guardrails.errors import ChangeRefused
from guardrails.plan import Requester
from tests.unit.executor.company import ALICE, BOB, MALLORY, MAPPING, ROOT
from tools.executor.people import ActsAs, Peer, People, group_number, load_mapping

ITSELF = Requester("os", "daemon", "alice@example.com", "g")
NOBODY = Peer(4_000_000_000, 4_000_000_000)


def test_without_a_mapping_the_owner_asks_and_everyone_who_may_connect_agrees_but_root() -> None:
    people = People(ALICE.uid, ITSELF)
    assert [people.may_request(each) for each in (ALICE, BOB, ROOT)] == [True, False, False]
    assert [people.may_approve(each) for each in (ALICE, BOB, ROOT)] == [True, True, False]
    assert People(0, ITSELF).may_approve(ROOT)
    assert (people.requester(ALICE), people.requester(BOB)) == (ITSELF, Requester("os", "bin", "", ""))
    assert people.acts_as(ALICE) is None
    with pytest.raises(ChangeRefused, match="bin may not ask"):
        people.acts_as(BOB)
    assert (people.count, People(0, ITSELF, shared=True).count) == (1, 2)


def test_with_a_mapping_whoever_is_not_in_it_is_nobody() -> None:
    people = People(ROOT.uid, ITSELF, MAPPING)
    assert [people.may_request(each) for each in (ALICE, BOB, MALLORY, ROOT, NOBODY)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [people.may_approve(each) for each in (ALICE, BOB, MALLORY, ROOT, NOBODY)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert people.acts_as(ALICE) == ActsAs("alice@example.com", ("ops", "dev"))
    assert people.requester(ALICE).k8s_user == "alice@example.com"
    assert people.requester(MALLORY).k8s_user == ""
    assert people.requester(ALICE).groups_sha != people.requester(BOB).groups_sha


def test_named_approvers_and_a_group_are_the_only_ones() -> None:
    assert [People(0, ITSELF, approvers=frozenset({"bin"})).may_approve(each) for each in (ALICE, BOB, ROOT)] == [
        False,
        True,
        False,
    ]
    own = grp.getgrgid(ALICE.gid).gr_name
    grouped = People(0, ITSELF, approver_group=own)
    assert [grouped.may_approve(each) for each in (ALICE, BOB, NOBODY)] == [True, False, False]
    both = People(0, ITSELF, approvers=frozenset({"bin"}), approver_group=own)
    assert [both.may_approve(each) for each in (ALICE, BOB, ROOT)] == [True, True, False]
    assert not People(0, ITSELF, approver_group="no-such-group").may_approve(ALICE)


def test_an_account_without_a_name_is_its_number() -> None:
    assert (NOBODY.name, ROOT.name) == ("4000000000", "root")


def test_a_group_that_is_not_there_is_an_error() -> None:
    assert group_number("root") == 0
    with pytest.raises(UsageError, match="no group"):
        group_number("no-such-group")


def test_a_mapping_names_users_and_groups(tmp_path: Path) -> None:
    file = tmp_path / "users.yaml"
    file.write_text("alice: {user: a@example.com, groups: [ops]}\n4711: {user: bot}\n".replace("4711", '"4711"'))
    assert load_mapping(file) == {"alice": ActsAs("a@example.com", ("ops",)), "4711": ActsAs("bot")}


@pytest.mark.parametrize(
    "content",
    [
        "a: {user: 'system:admin'}", "a: {user: x, groups: ['system:masters']}", "a: {user: ''}", "a: {user: ' '}",
        "a: {user: x, groups: ['']}", 'a: {user: "x\\nImpersonate-Group: y"}', "a: {user: é}", "a: {user: x, extra: 1}",
        "a: x", "- a", "{", "a: {groups: [x]}", "\udc80",
    ],
    ids=range(13),
)  # fmt: skip
def test_a_mapping_to_an_identity_of_the_cluster_or_to_nonsense_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "users.yaml"
    file.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError):
        load_mapping(file)


@pytest.mark.parametrize("mode", [0o660, 0o606, 0o666])
def test_a_mapping_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "users.yaml"
    file.write_text("a: {user: x}")
    file.chmod(mode)
    with pytest.raises(UsageError, match="Others may write"):
        load_mapping(file)


def test_a_mapping_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_mapping(tmp_path / "none")


@pytest.mark.parametrize("verb", ["impersonate", "impersonate:user-info"])
def test_credentials_that_may_become_the_clusters_masters_are_refused_at_the_start(tmp_path: Path, verb: str) -> None:
    from copilot.changing.serving import Rules, open_service
    from copilot.settings import Settings
    from copilot.target import Target
    from tests.small_api import serve

    with serve() as api:
        api.denied |= {("impersonate", "groups"), ("impersonate:user-info", "groups")} - {(verb, "groups")}
        target = Target(kubeconfig=str(api.kubeconfig(tmp_path)))
        with pytest.raises(UsageError, match="system:masters"):
            open_service(target, Settings(data_dir=tmp_path / "other"), Rules(mapping=MAPPING), 0)
