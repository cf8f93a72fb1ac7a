"""Custom resources: conditions of any kind, and the kinds worth a rule of their own."""

from copilot.diagnosis.rules.custom import conditions, gateway, kueue, kueue_jobs, secrets

RULES = tuple(rule for module in (conditions, gateway, kueue, kueue_jobs, secrets) for rule in module.RULES)
