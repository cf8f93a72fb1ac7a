"""All rules and causes, in one place: the catalogue, the docs page, the JSON and the tests are derived from it."""

from __future__ import annotations

from collections.abc import Mapping

from copilot.diagnosis.cause import Cause, Rule
from copilot.diagnosis.rules import (
    admission,
    admission_rbac,
    autoscaling,
    configuration,
    control_plane,
    crash,
    creation,
    custom,
    custom_gateway,
    custom_kueue,
    custom_kueue_jobs,
    disruption,
    dns,
    gateway,
    images,
    namespaces,
    netpol,
    nodes,
    nodes_admission,
    nodes_devices,
    nodes_sandbox,
    nodes_services,
    probes,
    references,
    rollouts,
    scheduling,
    scheduling_devices,
    services,
    storage,
    storage_lifecycle,
    storage_mount,
    symptoms,
)

_MODULES = (
    admission,
    admission_rbac,
    autoscaling,
    configuration,
    control_plane,
    crash,
    creation,
    custom,
    custom_gateway,
    custom_kueue,
    custom_kueue_jobs,
    disruption,
    dns,
    gateway,
    images,
    namespaces,
    netpol,
    nodes,
    nodes_admission,
    nodes_devices,
    nodes_sandbox,
    nodes_services,
    probes,
    references,
    rollouts,
    scheduling,
    scheduling_devices,
    services,
    storage,
    storage_lifecycle,
    storage_mount,
    symptoms,
)

RULES: tuple[Rule, ...] = tuple(rule for module in _MODULES for rule in module.RULES)
CAUSES: Mapping[str, Cause] = {cause.id: cause for rule in RULES for cause in rule.causes}
