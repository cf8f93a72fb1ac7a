"""From the weight of evidence to the confidence that is printed: answers said with 0.8 should be right about eight times in ten.

`python -m benches.reliability` holds that against first answers to failures that were described before their rules were read.
No further scale is applied: one fitted on half of those answers made the other half no better (docs/evals.md).
"""

from __future__ import annotations

FAULT_THRESHOLD = 0.5  # below even odds, naming a cause would be a guess in a firm voice
DOUBT = 0.07  # what one sentence of doubt costs
LEAST = 0.05  # an answer that is given at all is not impossible
CERTAIN = 0.98  # no reading of a cluster is proof beyond this
CORROBORATED = 0.6  # the most that a complaint of others adds: they say where it hurts, not why


def confidence_of(weight: float, doubts: int) -> float:
    """The confidence of an answer with this weight of evidence and this many doubts."""
    return round(max(LEAST, min(CERTAIN, weight - DOUBT * doubts)), 2)
