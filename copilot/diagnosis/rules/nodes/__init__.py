"""Nodes, what runs on them for all, and the control plane."""

from copilot.diagnosis.rules.nodes import admission, conditions, control_plane, devices, sandbox, services

RULES = tuple(
    rule for module in (control_plane, conditions, admission, devices, sandbox, services) for rule in module.RULES
)
