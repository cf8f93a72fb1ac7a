"""Whether what a model wrote is carried by what was read: sentence by sentence, claim by claim, in code. No model judges a model."""

from copilot.agent.grounding.check import Judged, judge
from copilot.agent.grounding.evidence import Evidence, Fact
from copilot.agent.grounding.sentences import sentences

__all__ = ["Evidence", "Fact", "Judged", "judge", "sentences"]
