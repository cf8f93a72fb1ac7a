"""Nodes, what runs on them for all, and the control plane."""

from copilot.diagnosis.rules.nodes import (
    admission,
    agents,
    conditions,
    control_plane,
    devices,
    displaced,
    gpus,
    reboots,
    sandbox,
    services,
    signing,
    store,
    versions,
)

_MODULES = (
    control_plane,
    store,
    conditions,
    admission,
    devices,
    sandbox,
    services,
    agents,
    reboots,
    signing,
    displaced,
    gpus,
    versions,
)
RULES = tuple(rule for module in _MODULES for rule in module.RULES)
