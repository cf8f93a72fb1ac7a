"""What stands behind a Service: what a failure of the thing it serves may come from. Pure."""

from __future__ import annotations

from copilot.diagnosis.view import View
from copilot.model import Ref
from retrievers.graph import EdgeKind

MOST = 20  # pods of one Service that a finding points to


def behind(view: View, service: Ref) -> tuple[Ref, ...]:
    """The Service, the pods it selects and their workloads, so that a finding folds under what is found there."""
    found: dict[Ref, None] = {service: None}
    pods = [edge.target for edge in view.graph.out(service, EdgeKind.SELECTS) if edge.target.kind == "Pod"]
    for ref in pods[:MOST]:
        found[ref] = None
        found[view.graph.top_owner(ref)] = None
    return tuple(found)
