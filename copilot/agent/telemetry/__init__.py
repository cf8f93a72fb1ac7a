"""Traces, metrics and logs of the agent by OpenTelemetry's gen_ai conventions. Off unless asked for; no content unless asked for twice."""

from copilot.agent.telemetry.telemetry import Degraded, Span, Telemetry, TurnSpan

__all__ = ["Degraded", "Span", "Telemetry", "TurnSpan"]
