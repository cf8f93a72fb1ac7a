"""Settles outcomes nobody knows: after a lost answer or a crash the object is read back, and the finding is journaled."""

from __future__ import annotations

from copilot.changing.history import Record, unsettled
from guardrails.journal import Journal, Kind
from guardrails.plan import ClusterId, Plan
from tools.change.readback import Reading, read_back
from tools.cluster.transport import Transport


def settle(reader: Transport, journal: Journal, record: Record) -> list[Reading]:
    """Read back every step of a plan whose outcome is unknown, and put the findings on record."""
    readings = []
    for index in record.unknown:
        of_step = [entry for entry in record.entries if entry.step == index]
        sent = next((entry.at for entry in reversed(of_step) if entry.kind is Kind.INTENT), record.plan.not_before)
        reading = read_back(reader, record.plan.steps[index - 1], sent)
        finding = {"state": reading.state.value, "text": reading.text, "uid": reading.uid}
        if of_step[-1].detail != finding:  # what stays unknown is looked at every time, and noted once
            journal.append(Kind.SETTLED, record.plan.id, finding, step=index)
        readings.append(reading)
    return readings


def settle_all(reader: Transport, journal: Journal, cluster: ClusterId) -> list[tuple[Plan, Reading]]:
    """Settle every open plan of this cluster."""
    return [
        (record.plan, reading)
        for record in unsettled(journal)
        if (record.plan.cluster.uid, record.plan.cluster.server_ca_sha256) == (cluster.uid, cluster.server_ca_sha256)
        for reading in settle(reader, journal, record)
    ]
