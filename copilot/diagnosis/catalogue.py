"""All rules and causes, in one place: the catalogue, the docs page, the JSON and the tests are derived from it."""

from __future__ import annotations

from collections.abc import Mapping

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.rules import (
    crash,
    creation,
    images,
    probes,
    references,
    rollouts,
    services,
    symptoms,
)

_MODULES = (crash, creation, images, probes, references, rollouts, services, symptoms)

RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)
CAUSES: Mapping[str, Cause] = {cause.id: cause for rule in RULES for cause in rule.causes}
