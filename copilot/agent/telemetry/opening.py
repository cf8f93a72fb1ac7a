"""Whether anything is told about a turn, decided from the settings."""

from __future__ import annotations

import importlib.util

from copilot.agent.telemetry.telemetry import Telemetry
from copilot.model import CopilotError
from copilot.settings import Settings


def open_telemetry(settings: Settings) -> Telemetry:
    """What the settings ask for.

    Raises:
        CopilotError: telemetry is wanted, and the extra `otel` is not installed.
    """
    if not settings.otel:
        return Telemetry()
    # `find_spec` of a submodule imports its parents, so the top is looked for first.
    if not all(importlib.util.find_spec(name) for name in ("opentelemetry", "opentelemetry.sdk")):
        raise CopilotError("COPILOT_OTEL is set, but OpenTelemetry is not installed.", "Install it: pip install 'cluster-copilot[otel]'")  # fmt: skip
    from copilot.agent.telemetry.delivery import open_otel  # noqa: PLC0415 - of the extra `otel`

    return open_otel(content=settings.otel_content)
