"""Traces and metrics of the agent by OpenTelemetry's gen_ai conventions. Off unless asked for; no content unless asked for twice."""

from copilot.agent.telemetry.telemetry import Span, Telemetry

__all__ = ["Span", "Telemetry"]
