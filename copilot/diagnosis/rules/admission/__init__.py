"""What the API server and its gatekeepers refuse: quota, limits, policies, webhooks, rights."""

from copilot.diagnosis.rules.admission import rbac, refused

RULES = tuple(rule for module in (refused, rbac) for rule in module.RULES)
