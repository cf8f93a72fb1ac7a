"""How a pod starts and runs: references, images, init containers, probes, crashes, configuration."""

from copilot.diagnosis.rules.pods import configuration, crash, creation, images, inits, probes, references, symptoms

RULES = tuple(
    rule
    for module in (configuration, crash, creation, images, inits, probes, references, symptoms)
    for rule in module.RULES
)
