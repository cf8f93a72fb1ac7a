"""Says of any line what would become of it: a read, a change that needs a person's yes, or a refusal with its reason.

Promise: every text gets exactly one verdict, nothing is done, and what is not understood is refused.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from guardrails.display import visible
from guardrails.errors import IntentError
from guardrails.intent import nearest_sentence, parse_intent
from guardrails.kubectl.commands import Accepted, ChangeCommand, ReadCommand
from guardrails.kubectl.compiling import compiled
from guardrails.kubectl.grammar import FIRST
from guardrails.kubectl.refusal import KubectlRefused, TextRefused
from guardrails.kubectl.tokens import MAX_TEXT, checked, cut, joined
from guardrails.kubectl.told import change_line, least_tier, protected_namespace, read_line
from guardrails.kubectl.verbs import VERBS
from guardrails.operations import ChangeIntent
from guardrails.plan import Tier

SCHEMA = "cluster-copilot/check/v1"
MAX_QUESTION = 512  # characters: as long as the longest sentence that asks for a change
_TRIES = 4  # steps from one nearest form to the next
_AUTO = 0  # the tier of what only looks
# "do" alone begins an order as well as a question.
_QUESTION = re.compile(
    r"(why|what|what's|which|who|whose|where|where's|when|how|how's|is|are|was|were|does|did|has|have|had"
    r"|do(?= (i|we|they|you|the|these|those|any|our|my)\b))\b",
    re.IGNORECASE,
)
_ASKED = re.compile(r"[A-Za-z0-9 ,.:/_@%'\"=+?-]*")
_SHELL = re.compile(r"[$`;&|<>~#\\!()\x00-\x1f\x7f]")
_COMMAND_LIKE = re.compile(
    r"\b(sudo|bash|sh|curl|wget|python[0-9.]*|perl|eval|exec|helm|oc|kubectl-[a-z]+)\b", re.IGNORECASE
)
_FORMS = "kubectl get KIND [NAME], scale KIND/NAME to N, restart KIND/NAME, or a question"


class Decision(Enum):
    """What would become of a line."""

    READ = "read"
    APPROVAL = "approval"
    REFUSED = "refused"


class Verdict(msgspec.Struct, frozen=True):
    """One verdict. `tier` is None where a refusal is no tier; `plan` is the typed command, None when refused.

    `input` is the line made visible: on one line, with nothing hidden in it, and cut where it is too long to show.
    """

    input: str
    decision: Decision
    tier: int | None
    reason: str
    nearest: str = ""
    plan: ReadCommand | ChangeCommand | None = None
    schema: str = SCHEMA


def judge_line(line: str) -> Verdict:
    """The verdict on one line of text: kubectl, a sentence, or a question."""
    shown = _shown(line)
    try:
        if line.split(" ", 1)[0] == FIRST or line.strip(" ").split(" ", 1)[0] == FIRST:
            return _accepted(shown, compiled(cut(line.strip(" "))))
        return _words(shown, line.strip(" "))
    except KubectlRefused as refused:
        return _refused(shown, _with_nearest(refused))


def judge_words(words: tuple[str, ...]) -> Verdict:
    """The verdict on words that a shell has cut. One word alone is a whole line."""
    if len(words) == 1:
        return judge_line(words[0])
    if words[:1] != (FIRST,):
        return judge_line(" ".join(words))
    shown = _shown(joined(words))
    try:
        return _accepted(shown, compiled(checked(words)))
    except KubectlRefused as refused:
        return _refused(shown, _with_nearest(refused))


def judge_intent(shown: str, intent: ChangeIntent, command: ChangeCommand | None = None) -> Verdict:
    """The verdict on one typed change."""
    tier = least_tier(intent)
    plan = command or ChangeCommand(verb=intent.__class__.__name__.lower(), intent=intent)
    if tier is Tier.NEVER:
        where = protected_namespace(intent.target)
        return Verdict(
            shown,
            Decision.REFUSED,
            int(tier),
            f"namespace {where} is protected: nothing in it is ever changed from here",
        )
    return Verdict(shown, Decision.APPROVAL, int(tier), change_line(intent), plan=plan)


def _accepted(shown: str, command: Accepted) -> Verdict:
    match command:
        case ReadCommand():
            return Verdict(shown, Decision.READ, _AUTO, read_line(command), plan=command)
        case ChangeCommand(intent=intent):
            return judge_intent(shown, intent, command)


def _words(shown: str, line: str) -> Verdict:
    """A sentence that asks for a change, or a question; nothing else."""
    if not line:
        raise KubectlRefused("it is empty", _FORMS)
    if len(line) > MAX_QUESTION:
        raise KubectlRefused(f"it has {len(line)} characters and is no kubectl command", _FORMS)
    odd = _SHELL.search(line)
    if odd is not None:
        raise KubectlRefused(
            f"it holds the character '{visible(odd[0])}': no shell runs here, and none is guessed at",
            _before(line, odd.start()),
        )
    try:
        return judge_intent(shown, parse_intent(line))
    except IntentError as error:
        if _is_question(line):
            return Verdict(
                shown, Decision.READ, _AUTO, "it is a question: answering it only looks", plan=ReadCommand("ask")
            )
        raise KubectlRefused(_no_words(line, error), _nearest_words(line)) from None


def _before(line: str, at: int) -> str:
    """The words before a refused character, where they are a question alone."""
    head = line[:at].strip(" ")
    return head if head and judge_line(head).decision is Decision.READ else _FORMS


def _is_question(line: str) -> bool:
    """A question by its first word, in plain characters, that brings no other program along."""
    asked = _QUESTION.match(line) and _ASKED.fullmatch(line) and len(line.split(" ")) > 1
    return bool(asked) and not _COMMAND_LIKE.search(line)


def _no_words(line: str, error: IntentError) -> str:
    odd = next((char for char in line if not _ASKED.fullmatch(char)), None)
    if odd is not None:
        return f"it is no kubectl command, and no sentence or question is written with the character '{visible(odd)}'"
    return error.title


def _nearest_words(line: str) -> str:
    """The nearest accepted line: the command behind another first word, or the nearest sentence."""
    head, _, rest = line.partition(" ")
    if head.lower() in ("k", "oc", "kubectl.exe", "/usr/bin/kubectl", "/usr/local/bin/kubectl", "kubectl"):
        return _if_accepted(f"{FIRST} {rest}")
    sentence = nearest_sentence(line)
    return sentence if sentence.split(" ", 1)[0] in line.lower().split(" ") else _FORMS


def _with_nearest(refused: KubectlRefused) -> KubectlRefused:
    """What stood before a refused character is offered only where it is a read: a change cut short is another change."""
    if not isinstance(refused, TextRefused):
        return refused
    return KubectlRefused(refused.reason, _if_accepted(refused.nearest, changes=False), never=refused.never)


def _if_accepted(line: str, *, changes: bool = True) -> str:
    """A line that is accepted, or what is nearest to it and is; else the forms."""
    for _ in range(_TRIES):
        try:
            command = compiled(cut(line))
        except KubectlRefused as refused:
            if not refused.nearest.startswith(f"{FIRST} ") or _is_form(refused.nearest) or _is_ours(refused.nearest):
                return refused.nearest or _FORMS
            line = refused.nearest
        else:
            return line if changes or isinstance(command, ReadCommand) else VERBS[command.verb].form
    return _FORMS


def _is_ours(nearest: str) -> bool:
    """One of this program's own commands."""
    return nearest.startswith(f"{FIRST} copilot ")


def _is_form(nearest: str) -> bool:
    """A form has words in capitals, which stand for what the person knows."""
    return re.search(r"\b[A-Z]{3,}\b", nearest) is not None


def _refused(shown: str, refused: KubectlRefused) -> Verdict:
    tier = int(Tier.NEVER) if refused.never else None
    return Verdict(shown, Decision.REFUSED, tier, refused.reason, refused.nearest)


def _shown(line: str) -> str:
    """The line as it is where nothing is hidden in it, else with everything hidden written out."""
    clipped = line if len(line) <= MAX_TEXT else f"{line[:200]}… ({len(line)} characters)"
    plain = clipped.replace("\\", "")
    return clipped if visible(plain) == plain else visible(clipped)
