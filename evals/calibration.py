"""How far confidence can be believed: Brier score (Brier 1950) and reliability bins. Pure arithmetic on (confidence, right)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

BINS = 10  # tenths, as reliability diagrams have them


class Bin(msgspec.Struct, frozen=True):
    """Answers with a confidence in [low, high): how many, how sure on average, how many of them right."""

    low: float
    high: float
    count: int
    mean_confidence: float
    right: float


class Calibration(msgspec.Struct, frozen=True):
    """`brier` is the mean squared gap between confidence and outcome: 0 is perfect, 0.25 is a coin's.

    `gap` is the expected calibration error: |confidence - share right| averaged over the bins by count.
    """

    answers: int
    brier: float | None
    gap: float | None
    bins: tuple[Bin, ...]


def calibrate(pairs: Sequence[tuple[float, bool]]) -> Calibration:
    """Judge the confidences of answers, each with whether it was right."""
    if not pairs:
        return Calibration(0, None, None, ())
    bins = tuple(one for index in range(BINS) if (one := _bin(pairs, index)) is not None)
    brier = sum((confidence - right) ** 2 for confidence, right in pairs) / len(pairs)
    gap = sum(one.count * abs(one.mean_confidence - one.right) for one in bins) / len(pairs)
    return Calibration(len(pairs), round(brier, 4), round(gap, 4), bins)


def _bin(pairs: Sequence[tuple[float, bool]], index: int) -> Bin | None:
    inside = [pair for pair in pairs if min(int(pair[0] * BINS), BINS - 1) == index]
    if not inside:
        return None
    mean = sum(confidence for confidence, _ in inside) / len(inside)
    right = sum(1 for _, was_right in inside if was_right) / len(inside)
    return Bin(index / BINS, (index + 1) / BINS, len(inside), round(mean, 4), round(right, 4))
