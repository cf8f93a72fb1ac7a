"""Who is at the other end of the socket, as the kernel tells, and what the executor's operator lets them do.

Promise: nothing that a client says counts here. Who is not named by the mapping is nobody to the cluster.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

import msgspec

from copilot.model import UsageError
from guardrails.canonical import canonical_json, sha256_hex
from guardrails.errors import ChangeRefused
from guardrails.plan import Requester

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_MAX_FILE = 2**20  # bytes: thousands of people


class ActsAs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who a person is to the cluster."""

    user: str
    groups: tuple[str, ...] = ()


class Peer(msgspec.Struct, frozen=True):
    """The account of the process at the other end."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The account's name, or its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)


def peer_of(connection: socket.socket) -> Peer:
    """Ask the kernel who connected (SO_PEERCRED: the account at the time of connect)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, gid = _CREDENTIALS.unpack(raw)
    return Peer(uid, gid)


class People(msgspec.Struct, frozen=True):
    """What is set at the start.

    Args:
        owner: the account that the executor runs under.
        itself: the owner as a requester, with the name that the cluster has for the executor's own credentials.
        mapping: account to Kubernetes user and groups; None when the executor acts as its own kubeconfig.
        approvers: the accounts that may agree; None for everyone who may connect, but root only if it runs this.
        approver_group: a group whose members may agree besides.
        shared: whether others than the owner can connect.
    """

    owner: int
    itself: Requester
    mapping: Mapping[str, ActsAs] | None = None
    approvers: frozenset[str] | None = None
    approver_group: str = ""
    shared: bool = False

    @property
    def count(self) -> int:
        """How many people can agree: one, or (as far as it matters) two."""
        return 2 if self.shared else 1

    def requester(self, peer: Peer) -> Requester:
        """The person, with who they are to the cluster where that is known."""
        if self.mapping is not None:
            acts = self.mapping.get(peer.name)
            groups = sha256_hex(canonical_json(sorted(acts.groups))) if acts else ""
            return Requester("os", peer.name, acts.user if acts else "", groups)
        return self.itself if peer.uid == self.owner else Requester("os", peer.name, "", "")

    def acts_as(self, peer: Peer) -> ActsAs | None:
        """Whom to act as for this person; None for the executor's own credentials.

        Raises:
            ChangeRefused: the person may not ask for changes here.
        """
        if not self.may_request(peer):
            raise ChangeRefused(
                f"{peer.name} may not ask for changes through this executor",
                "Its operator names who may, in the file given with --as-users.",
            )
        return self.mapping[peer.name] if self.mapping is not None else None

    def may_request(self, peer: Peer) -> bool:
        """Tell whether the person may ask for changes: who is mapped, or without a mapping the owner alone."""
        return peer.uid == self.owner if self.mapping is None else peer.name in self.mapping

    def may_approve(self, peer: Peer) -> bool:
        """Tell whether the person's yes counts."""
        if self.mapping is not None and peer.name not in self.mapping:
            return False
        if self.approvers is None and not self.approver_group:
            return peer.uid != 0 or self.owner == 0
        return peer.name in (self.approvers or ()) or (bool(self.approver_group) and _is_in(peer, self.approver_group))


def load_mapping(path: Path) -> dict[str, ActsAs]:
    """Read the mapping: a YAML file that names, for each account, a Kubernetes user and groups.

    Raises:
        UsageError: it cannot be read, others may write it, or it names an identity of the cluster's own.
    """
    try:
        with path.open("rb") as file:
            about, content = os.fstat(file.fileno()), file.read(_MAX_FILE)
        mapping = msgspec.yaml.decode(content, type=dict[str, ActsAs])
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "Check --as-users.") from error
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UsageError(
            f"{path} is no mapping of accounts: {error}", "Write lines such as: alice: {user: alice@example.com}"
        ) from error
    if about.st_uid not in (0, os.geteuid()) or stat.S_IMODE(about.st_mode) & 0o022:
        raise UsageError(f"Others may write {path}, which says who is who", "Run: chmod go-w on it.")
    for name, acts in mapping.items():
        own = [each for each in (acts.user, *acts.groups) if not each.strip() or each.startswith("system:")]
        if own or not all(each.isprintable() and each.isascii() for each in (acts.user, *acts.groups)):
            raise UsageError(
                f"{path} lets {name!r} act as {own[0] if own else acts.user!r}", "No one acts as system:… through here."
            )
    return mapping


def group_number(name: str) -> int:
    """The number of a group.

    Raises:
        UsageError: there is no such group.
    """
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise UsageError(f"There is no group {name!r} on this machine", "See getent group.") from error


def _is_in(peer: Peer, group: str) -> bool:
    try:
        number = grp.getgrnam(group).gr_gid
        return number in os.getgrouplist(peer.name, peer.gid)
    except (KeyError, OSError):
        return False
