"""A judged connection as the document machines read: schema `cluster-copilot/reach/v1`. Stable field names and order."""

from __future__ import annotations

from typing import Any

from copilot.diagnosis.reach.answer import Group, Reachability
from copilot.model.moment import stamp

SCHEMA = "cluster-copilot/reach/v1"


def document(found: Reachability) -> dict[str, Any]:
    """The JSON value of a judged connection."""
    return {
        "schema": SCHEMA,
        "cluster": found.cluster,
        "observed_at": stamp(found.observed_at),
        "source": found.source,
        "target": found.target,
        "port": found.wanted.port or found.wanted.port_name or None,
        "protocol": found.wanted.protocol or None,
        "verdict": found.verdict.value,
        "groups": [_group(group) for group in found.groups],
        "notes": list(found.notes),
        "enforcement": {"enforced": found.enforcement.enforced, "text": found.enforcement.words},
        "not_evaluated": list(found.not_evaluated),
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "state": group.state.value,
        "as_read": group.as_read.value,
        "sources": list(group.sources),
        "targets": list(group.targets),
        "port": group.port or None,
        "protocol": group.protocol,
        "why": list(group.why),
        "field": group.field or None,
        "decided_by": [
            {
                "policy": decider.policy.ref.as_json(),
                "direction": decider.direction.value,
                "rule": decider.rule or None,
                "field": decider.place,
                "source": decider.policy.source,
            }
            for decider in group.deciders
        ],
        "missing": list(group.missing),
        "nearest_change": group.change or None,
    }
