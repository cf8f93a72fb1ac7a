"""Claims, volumes, drivers and mounts."""

from copilot.diagnosis.rules.storage import backends, claims, ephemeral, lifecycle, mount, snapshots

RULES = tuple(rule for module in (backends, claims, ephemeral, lifecycle, mount, snapshots) for rule in module.RULES)
