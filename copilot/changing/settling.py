"""Settles outcomes nobody knows: after a lost answer or a crash the object is read back, and the finding is journaled."""

from __future__ import annotations

from copilot.changing.history import unsettled
from guardrails.journal import Journal, Kind
from guardrails.plan import ClusterId, Plan
from tools.change.readback import Reading, read_back
from tools.cluster.transport import Transport


def settle(reader: Transport, journal: Journal, plan: Plan) -> Reading:
    """Read back one plan whose request went out, and put the finding on record."""
    entries = journal.entries(plan.id)
    intents = [entry for entry in entries if entry.kind is Kind.INTENT]
    reading = read_back(reader, plan.steps[0], intents[-1].at if intents else plan.not_before)
    finding = {"state": reading.state.value, "text": reading.text}
    if entries[-1].detail != finding:  # what stays unknown is looked at every time, and noted once
        journal.append(Kind.SETTLED, plan.id, finding, step=1)
    return reading


def settle_all(reader: Transport, journal: Journal, cluster: ClusterId) -> list[tuple[Plan, Reading]]:
    """Settle every open plan of this cluster."""
    return [
        (record.plan, settle(reader, journal, record.plan))
        for record in unsettled(journal)
        if (record.plan.cluster.uid, record.plan.cluster.server_ca_sha256) == (cluster.uid, cluster.server_ca_sha256)
    ]
