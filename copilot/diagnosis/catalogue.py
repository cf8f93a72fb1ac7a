"""All rules and causes, in one place: the catalogue, the docs page, the JSON and the tests are derived from it."""

from __future__ import annotations

from collections.abc import Mapping

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.rules import admission, custom, nodes, performance, pods, routing, scheduling, storage, workloads

_ROOMS = (admission, custom, nodes, performance, pods, routing, scheduling, storage, workloads)

RULES: tuple[Rule, ...] = tuple(rule for room in _ROOMS for rule in room.RULES)
CAUSES: Mapping[str, Cause] = {cause.id: cause for rule in RULES for cause in rule.causes}
