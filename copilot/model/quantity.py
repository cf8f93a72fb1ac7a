"""Kubernetes quantities as exact numbers (apimachinery pkg/api/resource): `250m` CPU, `64Mi` memory."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from math import isfinite

Quantity = Fraction

_FORM = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d{1,3})|([numkKMGTPE]i?))?$")
_SUFFIX = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1),
    "k": Fraction(10**3), "K": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9),
    "T": Fraction(10**12), "P": Fraction(10**15), "E": Fraction(10**18),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40),
    "Pi": Fraction(2**50), "Ei": Fraction(2**60),
}  # fmt: skip


@lru_cache(maxsize=16384)
def _parse(value: str) -> Fraction | None:
    match = _FORM.match(value.strip())
    if match is None:
        return None
    sign, digits, exponent, suffix = match.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _SUFFIX.get(suffix or "")
    if scale is None:
        return None
    return Fraction(digits if digits[0] != "." else "0" + digits) * scale * (-1 if sign == "-" else 1)


def parse_quantity(value: object) -> Fraction | None:
    """Read a quantity from a field of any type; None when it is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    if isinstance(value, float):
        return Fraction(str(value)) if isfinite(value) else None
    return _parse(value) if isinstance(value, str) else None


def format_cpu(cores: Fraction) -> str:
    """Write CPU cores as kubectl does: `250m`, `2`."""
    milli = round(cores * 1000)
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def format_bytes(amount: Fraction) -> str:
    """Write bytes with the largest binary suffix that keeps one decimal at most: `64Mi`, `1.5Gi`."""
    size = float(amount)
    for suffix in ("", "Ki", "Mi", "Gi", "Ti", "Pi"):
        if abs(size) < 1024 or suffix == "Pi":
            rounded = round(size, 1)
            return f"{int(rounded)}{suffix}" if rounded == int(rounded) else f"{rounded}{suffix}"
        size /= 1024
    raise AssertionError("unreachable: the last suffix always returns")


def format_amount(resource: str, amount: Fraction) -> str:
    """Write an amount of a named resource in that resource's usual unit."""
    name = resource.removeprefix("requests.").removeprefix("limits.")
    if name == "cpu":
        return format_cpu(amount)
    if name in ("memory", "storage", "ephemeral-storage") or name.startswith("hugepages-"):
        return format_bytes(amount)
    return str(amount.numerator) if amount.denominator == 1 else f"{float(amount):g}"
