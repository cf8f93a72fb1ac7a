"""Rules over the graph give ranked root causes with evidence, confidence and next steps. Pure: no socket, no clock."""

from copilot.diagnosis.cause import Cause, Rule, Severity
from copilot.diagnosis.engine import diagnose
from copilot.diagnosis.scope import Scope

__all__ = ["Cause", "Rule", "Scope", "Severity", "diagnose"]
