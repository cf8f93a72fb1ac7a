"""Waiting for a condition with a deadline.

Promise: returns as soon as the condition holds; never later than the deadline plus one check.
"""

import time
from collections.abc import Callable

CHECK_EVERY = 0.1  # seconds: short beside anything waited for here, long beside one API call


def until(predicate: Callable[[], bool], seconds: float, every: float = CHECK_EVERY) -> bool:
    """Whether the predicate came true within that time."""
    deadline = time.monotonic() + seconds
    while not predicate():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(every, left))
    return True
