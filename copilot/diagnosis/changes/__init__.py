"""What changed, when and by whom, as far as objects and events reveal it. Pure: reads a graph, asks no cluster and no clock."""

from copilot.diagnosis.changes.change import Aspect, Change, newest_first
from copilot.diagnosis.changes.collect import around, changes_in, changes_of

__all__ = ["Aspect", "Change", "around", "changes_in", "changes_of", "newest_first"]
