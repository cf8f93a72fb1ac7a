"""What the API server and its gatekeepers refuse: quota, limits, policies, webhooks, rights."""

from copilot.diagnosis.rules.admission import api_versions, defaults, rbac, refused

RULES = tuple(rule for module in (refused, rbac, api_versions, defaults) for rule in module.RULES)
