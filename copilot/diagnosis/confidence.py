"""From the weight of evidence to the confidence that is printed, so that answers said with 0.8 are right about eight times in ten.

The scale was fitted on first answers to failures described before their rules were read; docs/evals.md tells how, and
`python -m benches.reliability` draws what came of it. It never moves an answer across even odds, nor past another.
"""

from __future__ import annotations

FAULT_THRESHOLD = 0.5  # below even odds, naming a cause would be a guess in a firm voice
DOUBT = 0.07  # what one sentence of doubt costs
LEAST = 0.05  # an answer that is given at all is not impossible
CERTAIN = 0.98  # no reading of a cluster is proof beyond this
CORROBORATED = 0.6  # the most that a complaint of others adds: they say where it hurts, not why
SCALE = 1.0  # how far above even odds the printed confidence goes, for each step of the evidence's weight


def confidence_of(weight: float, doubts: int) -> float:
    """The confidence of an answer with this weight of evidence and this many doubts."""
    raw = max(LEAST, min(CERTAIN, weight - DOUBT * doubts))
    return round(raw if raw < FAULT_THRESHOLD else FAULT_THRESHOLD + (raw - FAULT_THRESHOLD) * SCALE, 2)
