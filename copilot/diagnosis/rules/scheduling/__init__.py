"""Why a pod finds no node: the arithmetic of each filter, from the objects."""

from copilot.diagnosis.rules.scheduling import autoscaler, devices, unschedulable

RULES = tuple(rule for module in (unschedulable, devices, autoscaler) for rule in module.RULES)
