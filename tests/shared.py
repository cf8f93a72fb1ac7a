"""Where the shared material stands. Read in place, never copied; a test that needs it skips, saying so, where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[2] / "shared"


def shared(*parts: str) -> Path:
    """Return the path of shared material, or skip the calling test.

    `COPILOT_SHARED` names the folder; without it, it is looked for beside the checkout.
    """
    root = Path(os.environ.get("COPILOT_SHARED", _BESIDE))
    path = root.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared material {'/'.join(parts)} is not beside the checkout (set COPILOT_SHARED)")
    return path
