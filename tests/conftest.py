"""How thorough a run is: quick by default, or with COPILOT_DEEP=1 many more examples of every property."""

from __future__ import annotations

import gc

from hypothesis import settings

from tests.deep import DEEP

# No deadline: a loaded machine is slow, and no property here is about time.
settings.register_profile("quick", max_examples=50, deadline=None)
settings.register_profile("deep", max_examples=1_000, deadline=None)
settings.load_profile("deep" if DEEP else "quick")


def pytest_collection_finish() -> None:
    """Spare the collector what stays for the whole run: it would walk thousands of modules and tests again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
