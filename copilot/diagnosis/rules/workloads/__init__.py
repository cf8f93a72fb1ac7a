"""Controllers of pods: rollouts, disruption, autoscaling, namespaces coming and going."""

from copilot.diagnosis.rules.workloads import autoscaling, disruption, namespaces, rollouts

RULES = tuple(rule for module in (autoscaling, disruption, namespaces, rollouts) for rule in module.RULES)
