"""Details of who is who at the executor's socket that mutants of them would change unseen."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from copilot.model import UsageError
from tests.unit.guardrails.plans import ALICE
from tools.executor.people import People, load_mapping, peer_of

MAPPING = "alice: {user: alice@example.com, groups: [devs]}\n"


def test_the_kernel_says_who_is_at_the_other_end() -> None:
    one, other = socket.socketpair()
    with one, other:
        peer = peer_of(one)
    assert (peer.uid, peer.gid) == (os.geteuid(), os.getegid())


def test_nobody_is_in_a_group_that_is_not_there() -> None:
    one, other = socket.socketpair()
    with one, other:
        peer = peer_of(one)
    people = People(owner=peer.uid, itself=ALICE, approver_group="no-such-group-anywhere")
    assert people.may_approve(peer) is False


def test_a_mapping_that_others_may_run_or_read_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(MAPPING)
    path.chmod(0o755)
    assert load_mapping(path)["alice"].user == "alice@example.com"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("owner", [1, 65534])
def test_a_mapping_that_belongs_to_somebody_else_is_refused(tmp_path: Path, owner: int) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(MAPPING)
    path.chmod(0o600)
    os.chown(path, owner, -1)
    with pytest.raises(UsageError, match="Others may write"):
        load_mapping(path)


def test_a_mapping_is_read_up_to_a_mebibyte_and_not_further(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(MAPPING + "#" * (2**20 - len(MAPPING)))
    path.chmod(0o600)
    assert list(load_mapping(path)) == ["alice"]
    path.write_text("#" * (2**20 - 1) + "\n" + MAPPING)
    with pytest.raises(UsageError):
        load_mapping(path)
