"""Controllers of pods: rollouts, disruption, autoscaling, namespaces coming and going."""

from copilot.diagnosis.rules.workloads import autoscaling, contenders, disruption, held, namespaces, revisions, rollouts

RULES = tuple(
    rule
    for module in (autoscaling, contenders, disruption, held, namespaces, revisions, rollouts)
    for rule in module.RULES
)
