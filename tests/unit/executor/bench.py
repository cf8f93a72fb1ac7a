"""An executor on a small API server, with everything real but the cluster."""

from __future__ import annotations

from pathlib import Path

import msgspec

from guardrails.approval import Method
from guardrails.gate import Gate
from guardrails.journal import Journal
from guardrails.plan import ClusterId, ObjectRef, Plan, Step
from guardrails.steps import ApprovedStep, RehearsalStep
from tests.small_api import SYSTEM_UID, SmallApi
from tests.unit.guardrails.plans import ALICE, Clock, make_plan, scale_step
from tools.cluster.kubeconfig import connect
from tools.executor import Executor, Wire

REF = ObjectRef("apps", "v1", "deployments", "Deployment", "shop", "web", "uid-shop-web", "100")


class Bench:
    """The parts, for a test to take."""

    def __init__(self, api: SmallApi, folder: Path) -> None:
        self.api = api
        self.clock = Clock()
        self.journal = Journal(folder / "journal.sqlite3", self.clock)
        self.gate = Gate(b"k" * 32, self.journal, self.clock)
        self.wire = Wire(connect(str(api.kubeconfig(folder))))
        self.executor = Executor(self.wire, self.gate, self.journal, "cluster-copilot/0.0.0")
        self.cluster = ClusterId(SYSTEM_UID, "", api.url, "small")

    def plan(self, after: int = 3) -> Plan:
        """A plan to scale shop/web."""
        return make_plan(cluster=self.cluster, steps=(scale_step(2, after, REF),), rollback=())

    def approved(self, plan: Plan | None = None) -> ApprovedStep:
        """An approved step, fresh from the gate."""
        plan = plan or self.plan()
        (step,) = self.gate.consume(plan, (self.gate.approve(plan, ALICE, Method.TERMINAL),), ALICE)
        return step

    def rehearsal(self) -> RehearsalStep:
        """The same step, for a dry run."""
        return RehearsalStep("0123456789ab", 1, self.cluster, scale_step(2, 3, REF))

    def forged(self, approved: ApprovedStep, step: Step) -> ApprovedStep:
        """Another step under a seal that holds: what only the holder of the key could make."""
        return self.gate._sealed(msgspec.structs.replace(approved, step=step, seal=""))
