"""Claims, volumes, drivers and mounts."""

from copilot.diagnosis.rules.storage import claims, lifecycle, mount

RULES = tuple(rule for module in (claims, lifecycle, mount) for rule in module.RULES)
