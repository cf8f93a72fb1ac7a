"""The one change that a person's words ask for: a sentence, or kubectl text. Both end in the same typed intent."""

from __future__ import annotations

from guardrails.errors import IntentError
from guardrails.intent import parse_intent
from guardrails.kubectl.commands import ReadCommand
from guardrails.kubectl.compiling import compiled
from guardrails.kubectl.grammar import FIRST
from guardrails.kubectl.tokens import checked, cut, joined
from guardrails.operations import ChangeIntent


def asked(words: tuple[str, ...]) -> tuple[ChangeIntent, str]:
    """The typed change, and the words on one line as they go on record.

    Raises:
        IntentError: the sentence is not understood, or the command only looks.
        KubectlRefused: the command is not one that is taken.
    """
    line = words[0].strip(" ") if len(words) == 1 else ""
    if words[:1] != (FIRST,) and line.split(" ", 1)[0] != FIRST:
        sentence = " ".join(words)
        return parse_intent(sentence), sentence
    command_words = checked(words) if len(words) > 1 else cut(line)
    command = compiled(command_words)
    if isinstance(command, ReadCommand):
        raise IntentError(
            f"kubectl {command.verb} only looks, so there is nothing to change",
            'Ask what you want to know: kubectl copilot ask "why is deploy/web down?"',
        )
    return command.intent, joined(command_words)
