"""The one place that writes to the cluster. It takes an approved step, never a string, and sends exactly those bytes.

Nothing else in the program owns a transport that can send PATCH, PUT, POST or DELETE to an object.
"""

from tools.executor.executor import Executor
from tools.executor.wire import Wire, WireAnswer, WireError, WireLost, WireNeverSent

__all__ = ["Executor", "Wire", "WireAnswer", "WireError", "WireLost", "WireNeverSent"]
