"""Slow, heavy, disturbed: what is measured, what queues up, and what is injected on purpose by experiments, meshes and flags."""

from copilot.diagnosis.rules.performance import experiments, flags, mesh, speed

RULES = tuple(rule for module in (speed, experiments, mesh, flags) for rule in module.RULES)
