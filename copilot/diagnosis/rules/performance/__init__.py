"""Slow, heavy, disturbed: what is measured, what queues up, and what is injected on purpose by experiments, meshes and flags."""

from copilot.diagnosis.rules.performance import backlog, experiments, flags, latency, leaks, load, machines, mesh, usage

RULES = tuple(
    rule
    for module in (usage, leaks, latency, machines, backlog, load, experiments, mesh, flags)
    for rule in module.RULES
)
