"""What is sent to a model: the rules, the numbered facts, the question. Untrusted text is fenced and marked; all of it is redacted."""

from copilot.agent.prompting.prompt import Earlier, Prompt, fact_line, facts_text, result_text, user_text
from copilot.agent.prompting.rules import CHOOSING, REPAIR, TOOLS, WRITING

__all__ = [
    "CHOOSING",
    "REPAIR",
    "TOOLS",
    "WRITING",
    "Earlier",
    "Prompt",
    "fact_line",
    "facts_text",
    "result_text",
    "user_text",
]
