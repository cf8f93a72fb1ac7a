"""From a question to a stream of events: evidence, text, refusals. Answers come from the graph, the rules and the runbooks."""

from copilot.agent.events import Answer, Answered, Citation, EvidenceFound, Refused, Step, StreamEvent
from copilot.agent.reader import answer_question

__all__ = ["Answer", "Answered", "Citation", "EvidenceFound", "Refused", "Step", "StreamEvent", "answer_question"]
