"""Break-glass, reviews and the brake where one executor serves several people: what a client says of itself is not believed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from copilot.changing.break_glass import open_glass
from copilot.changing.desk import Desk, Party
from copilot.changing.history import reviews
from copilot.changing.opening import policy_loader, utc_now
from copilot.changing.serving import Rules, open_service
from copilot.model import UsageError
from guardrails.errors import ApprovalError, ChangeRefused
from guardrails.journal import Kind
from guardrails.plan import Plan, Tier
from guardrails.steps import SendState
from tests.small_api import deployment, serve
from tests.unit.executor.company import ALICE, BOB, MALLORY, MAPPING, ROOT, Asking, Company
from tools.change import frames
from tools.cluster.kubeconfig import connect
from tools.cluster.live import LiveSource

_POLICY = """version: 1
freezeWindows:
  - {name: always, days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00", timeZone: UTC, reason: quarter}
breakGlass:
  people: [alice@example.com]
"""


class Emergency(Company):
    """An executor in a freeze, whose policy lets Alice use break-glass."""

    def in_freeze(self) -> Emergency:
        file = self.folder / "policy.yaml"
        file.write_text(_POLICY)
        self.settings = msgspec.structs.replace(self.settings, policy_file=file)
        self.service = open_service(self.target, self.settings, Rules(mapping=MAPPING, shared=True), ROOT.uid)
        self.journal = self.service._journal
        return self

    def broken_glass(self, words: str = "scale web to 0") -> Plan:
        """Alice's plan, as her own reading side makes it."""
        standing = self.ask(ALICE, frames.Status())
        party = Party(
            standing.requester, standing.cluster, standing.people, lambda wanted: self.ask(ALICE, frames.Review(wanted))
        )
        source, policy = LiveSource(connect(self.target.kubeconfig)), policy_loader(self.settings)
        desk = Desk(source, utc_now, Asking(self, ALICE), None, policy, party=party)
        said = ("checkout is down, cannot wait", "INC-1")
        return desk.plan(words, glass=open_glass(desk.reader, desk.requester, policy(), self.journal, said, utc_now()))


@pytest.fixture
def emergency(tmp_path: Path) -> Iterator[Emergency]:
    with serve(deployment()) as api:
        yield Emergency(api, tmp_path).in_freeze()


def test_one_person_carries_a_tier_3_change_out_and_another_one_reviews_it(emergency: Emergency) -> None:
    plan = emergency.broken_glass()
    assert plan.computed.tier is Tier.TWO_PEOPLE
    emergency.ask(ALICE, frames.Submit(plan))
    assert emergency.agree(plan, ALICE).ready
    (outcome,) = emergency.run(plan)
    assert outcome.state is SendState.APPLIED
    with pytest.raises(ChangeRefused, match="their own change"):
        emergency.ask(ALICE, frames.CloseReview(plan.id, "fine"))
    with pytest.raises(ApprovalError, match="may not review"):
        emergency.ask(MALLORY, frames.CloseReview(plan.id, "fine"))
    with pytest.raises(ChangeRefused, match="note must be one line"):
        emergency.ask(BOB, frames.CloseReview(plan.id, ""))
    emergency.ask(BOB, frames.CloseReview(plan.id, "right call"))
    (review,) = reviews(emergency.journal)
    assert (review.closed_by, review.note) == ("bob@example.com", "right call")
    with pytest.raises(UsageError, match="is closed already"):
        emergency.ask(BOB, frames.CloseReview(plan.id, "again"))


@pytest.mark.parametrize(
    "forged",
    [
        {"granted_by": "person bob@example.com"},
        {"until": "2999-01-01T00:00:00Z"},
        {"person": "bob@example.com"},
        {"incident": ""},
    ],
)
def test_leave_that_a_client_wrote_itself_is_refused(emergency: Emergency, forged: dict[str, str]) -> None:
    plan = emergency.broken_glass()
    assert plan.break_glass is not None
    altered = msgspec.structs.replace(plan, break_glass=msgspec.structs.replace(plan.break_glass, **forged))
    with pytest.raises(ChangeRefused):
        emergency.ask(ALICE, frames.Submit(altered))
    assert emergency.journal.entries() == []


def test_looking_is_noted_for_who_the_kernel_says(emergency: Emergency) -> None:
    emergency.ask(BOB, frames.Looked("the quota was full"))
    (entry,) = emergency.journal.entries()
    assert (entry.kind, entry.detail["by"]["sub"]) == (Kind.LOOKED, "bin")
