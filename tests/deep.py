"""Whether this run is a deep one: `COPILOT_DEEP=1` tries more examples and the slow variants, in minutes and not seconds."""

from __future__ import annotations

import os

DEEP = os.environ.get("COPILOT_DEEP", "") not in ("", "0")
