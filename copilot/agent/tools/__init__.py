"""What a model may call: typed, read-only looks into the observation. Each result is redacted, bounded, and says what was cut.

No tool changes anything, takes a URL or a path, or reaches approval, policy or identity.
"""

from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.toolbox import Limits, Toolbox

__all__ = ["Limits", "Line", "Result", "Tool", "Toolbox"]
