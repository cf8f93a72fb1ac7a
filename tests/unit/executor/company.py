"""An executor's service on a small API server, and people who ask it: accounts that every Linux has."""

from __future__ import annotations

import pwd
from pathlib import Path
from typing import Any

import msgspec

from copilot.changing.desk import Desk, Party
from copilot.changing.opening import utc_now
from copilot.changing.serving import Rules, open_service
from copilot.settings import Settings
from copilot.target import Target
from guardrails.approval import wanted_word
from guardrails.plan import Plan
from tests.small_api import SmallApi
from tools.change import frames
from tools.cluster.kubeconfig import connect
from tools.cluster.live import LiveSource
from tools.executor.people import ActsAs, Peer

WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


def account(name: str) -> Peer:
    """The account as the kernel would name it."""
    about = pwd.getpwnam(name)
    return Peer(about.pw_uid, about.pw_gid)


ALICE, BOB, MALLORY, ROOT = account("daemon"), account("bin"), account("sys"), account("root")
MAPPING = {"daemon": ActsAs("alice@example.com", ("ops", "dev")), "bin": ActsAs("bob@example.com")}


class Company:
    """One executor that acts as others, used by Alice and Bob."""

    def __init__(self, api: SmallApi, folder: Path, **rules: Any) -> None:
        self.api = api
        self.folder = folder
        api.denied |= {("impersonate", "groups"), ("impersonate:user-info", "groups")}
        self.target = Target(kubeconfig=str(api.kubeconfig(folder)))
        self.settings = Settings(data_dir=folder / "data")
        given = Rules(**{"mapping": MAPPING, "shared": True, **rules})
        self.service = open_service(self.target, self.settings, given, ROOT.uid)
        self.journal = self.service._journal
        api.seen.clear()

    def ask(self, peer: Peer, ask: Any) -> Any:
        """Ask as the socket would: in bytes and back."""
        return self.service.answer(peer, frames.ask_of(msgspec.json.encode(ask)))

    def plan(self, words: str = "scale web to 3", peer: Peer = ALICE, *, submit: bool = True) -> Plan:
        """What the reading side of a person makes of words, put on record."""
        standing = self.ask(peer, frames.Status())
        party = Party(
            standing.requester, standing.cluster, standing.people, lambda wanted: self.ask(peer, frames.Review(wanted))
        )
        desk = Desk(LiveSource(connect(self.target.kubeconfig)), utc_now, Asking(self, peer), None, party=party)
        plan = desk.plan(words)
        if submit:
            self.ask(peer, frames.Submit(plan))
        return plan

    def agree(self, plan: Plan, *peers: Peer) -> Any:
        """Each person types what the card asks for."""
        state = None
        for peer in peers:
            state = self.ask(peer, frames.Approve(plan.id, plan.digest, wanted_word(plan)))
        return state

    def run(self, plan: Plan, peer: Peer = ALICE) -> list[Any]:
        """Use the approvals up and send every step."""
        steps = self.ask(peer, frames.Consume(plan.id, plan.digest))
        return [self.ask(peer, frames.Send(step)) for step in steps]


class Asking:
    """The reading side's writer: it asks the service."""

    def __init__(self, company: Company, peer: Peer) -> None:
        self._company, self._peer = company, peer

    def rehearse(self, rehearsal: Any) -> Any:
        return self._company.ask(self._peer, frames.Rehearse(rehearsal))

    def send(self, approved: Any) -> Any:
        return self._company.ask(self._peer, frames.Send(approved))
