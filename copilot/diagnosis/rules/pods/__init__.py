"""How a pod starts, runs and ends: references, images, init containers, probes, crashes, configuration."""

from copilot.diagnosis.rules.pods import (
    children,
    configuration,
    crash,
    creation,
    images,
    inits,
    probes,
    references,
    rejected,
    stopping,
    symptoms,
)

RULES = tuple(
    rule
    for module in (
        children,
        configuration,
        crash,
        creation,
        images,
        inits,
        probes,
        references,
        rejected,
        stopping,
        symptoms,
    )
    for rule in module.RULES
)
