"""Plans for tests, made the way the program makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from copilot.model.moment import stamp
from guardrails.plan import (
    Blast,
    ClusterId,
    Computed,
    FieldChange,
    Intent,
    ObjectRef,
    Plan,
    Preimage,
    Requester,
    ScaleArgs,
    Step,
    Tier,
)
from guardrails.requests import compile_request

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALICE = Requester("os", "alice", "alice@example.com", "g")
REF = ObjectRef("apps", "v1", "deployments", "Deployment", "shop", "web", "u-1", "100")
CLUSTER = ClusterId("k-1", "ca", "https://10.0.0.1:6443", "prod-eu")
COMPUTED = Computed(
    tier=Tier.ONE_YES,
    reasons=("it adds 1 pod",),
    refusals=(),
    banners=(),
    blast=Blast(2, 2, 0, ()),
    changes=(FieldChange("/spec/replicas", "2", "3", asked=True),),
    dry_run=(),
    ssar=(),
    irreversible=(),
    not_checked=(),
)


def scale_step(before: int = 2, after: int = 3, ref: ObjectRef = REF) -> Step:
    """One scale."""
    args = ScaleArgs(before, after)
    return Step(ref, args, compile_request(ref, args))


def make_plan(**changes: Any) -> Plan:
    """A plan to scale shop/web from 2 to 3."""
    plan = Plan(
        schema=2,
        id="0123456789ab",
        cluster=CLUSTER,
        requester=ALICE,
        intent=Intent("cli/1", "scale web to 3"),
        steps=(scale_step(),),
        rollback=(scale_step(3, 2),),
        preimages=(Preimage(REF, "sha", (("/spec/replicas", "2"),)),),
        computed=COMPUTED,
        not_before=stamp(NOW),
        expires=stamp(NOW + timedelta(minutes=15)),
        undoes="",
    )
    return msgspec.structs.replace(plan, **changes)


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)
