"""What the operator's own words ask for: which operations, in which words. What they quote or paste asks for nothing.

It reads plain English loosely, and only ever to find that a change was asked for: what it misses makes a plan louder,
never quieter. Questions, negations, and what stands in quotes, fences or after `>` are no request.
"""

from __future__ import annotations

import re

import msgspec

from guardrails.operations.op import Op

_FENCE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|^[ \t]*>.*$", re.DOTALL | re.MULTILINE)
_QUOTED = re.compile(r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|(?<!\w)'[^'\n]*'(?!\w)")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSE = re.compile(r",\s+|\s+(?:and then|then|but|after that|afterwards)\s+|\s+and\s+(?!\d)")
_QUESTION = re.compile(
    r"^(?:so |and |but |ok |hi |hey |hello )*(?:why|what|which|who|whose|where|when|how|is|are|was|were|does|did|do(?! (?:it|that|this|so)\b)|has|have|had|should)\b"
)
_REQUEST = re.compile(r"\b(?:can|could|would|will) you\b|\bplease\b|\bi (?:want|need|would like)\b")
_NEGATED = re.compile(
    r"\b(?:don'?t|do not|never|not|no|without|avoid|stop short of|instead of|rather than|shouldn'?t|must not|mustn'?t|cannot|can'?t|won'?t)\b"
)
_NOUN = re.compile(
    r"\b(?:the|a|an|last|latest|recent|after|since|every|each|this|that|failed|during)\s+(?:restart|rollback|scale|drain|patch|label|taint|delete|apply)\b(?!\s+(?:\w+/|deploy|all))"
)
_VERB = (
    r"(?:set|change|update|increase|decrease|raise|lower|reduce|bump|give|make|put|use|switch|add|adjust|edit|modify)"
)
_WORDS: dict[Op, str] = {
    Op.SCALE: rf"\bscale\b|\bresize\b|\b{_VERB}\b.*\b(?:replicas?|instances?|pods|copies)\b|\brun \w+ (?:replicas|instances|pods|copies)\b|\b(?:double|triple|halve)\b",
    Op.RESTART: r"\brestart\b|\bbounce\b|\brecycle\b|\breboot\b",
    Op.ROLLBACK: r"\broll[ -]?back\b|\broll\b.{1,40}\bback\b|\brollout undo\b|\brevert\b|\bgo back to\b|\bundo\b",
    Op.SET_IMAGE: rf"\b{_VERB}\b.*\b(?:image|version|tag)\b|\bset image\b|\bupgrade\b|\bdowngrade\b|\bdeploy (?:version|image|tag)\b|\b(?:update|switch|move|bump)\b.* to ",
    Op.SET_RESOURCES: rf"\b{_VERB}\b.*\b(?:memory|cpu|limits?|requests?|resources|ephemeral-storage)\b|\bset resources\b",
    Op.SET_ENV: rf"\b{_VERB}\b.*(?:\benv\b|\benvironment\b|\bvariables?\b|\b[A-Z][A-Z0-9_]+\b)|\b(?:unset|remove|drop)\b.*(?:\benv\b|\bvariables?\b|\b[A-Z][A-Z0-9_]+\b)",
    Op.PATCH: rf"\bpatch\b|\b{_VERB}\b",
    Op.LABEL: r"\b(?:re)?label\b",
    Op.ANNOTATE: r"\bannotate\b|\bannotation\b",
    Op.CORDON: r"\bcordon\b|\bunschedulable\b",
    Op.UNCORDON: r"\buncordon\b|(?<!un)\bschedulable\b",
    Op.DRAIN: r"\bdrain\b|\bevacuate\b|\bempty\b.*\bnode\b",
    Op.EVICT: r"\bevict\b|\b(?:delete|kill|remove|restart)\b.*\bpods?\b",
    Op.TAINT: r"\b(?:un)?taint\b",
    Op.PAUSE: r"\bpause\b|\bhold\b",
    Op.RESUME: r"\bresume\b|\bunpause\b|\bcontinue\b",
    Op.DELETE: r"\bdelete\b|\bremove\b|\bget rid of\b|\btear down\b",
    Op.SUSPEND: r"\bsuspend\b|\bstop\b|\bdisable\b|\bpause\b",
    Op.UNSUSPEND: r"\bunsuspend\b|\bresume\b|\benable\b|\blet\b.*\brun again\b",
    Op.CREATE_JOB: r"\b(?:run|trigger|start|kick off|launch)\b|\bcreate\b.*\bjob\b",
    Op.APPLY: r"\bapply\b|\bcreate\b",
}
_OPS = {op: re.compile(pattern, 0 if op is Op.SET_ENV else re.IGNORECASE) for op, pattern in _WORDS.items()}
_GENERAL = re.compile(
    rf"\b(?:fix|repair|solve|resolve|mitigate|remediate|heal|handle|sort it out|clean up|bring .* back|go ahead|do it|do that|yes|proceed|get .* (?:running|working|up)|{_VERB})\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|zero)\b", re.IGNORECASE)
_FOLLOW_UP = 6  # words: "make it 5 then", "5 please"


class Ask(msgspec.Struct, frozen=True):
    """One request. `ops` empty: a change is asked for, and which one is left open. `words` are the operator's own."""

    ops: frozenset[Op]
    words: str


def own_words(message: str) -> tuple[str, tuple[str, ...]]:
    """What the operator wrote, and what they pasted (fences, quoted lines)."""
    pasted = tuple(match[0] for match in _FENCE.finditer(message))
    return _FENCE.sub(" ", message), pasted


def asks_of(message: str, earlier: tuple[Ask, ...] = ()) -> tuple[Ask, ...]:
    """The requests of one message, in order. A short follow-up with a number belongs to the last request before it."""
    words, _ = own_words(message)
    found: list[Ask] = []
    for sentence in _SENTENCE.split(words):
        found += _of_sentence(sentence)
    follows = earlier and not any(ask.ops for ask in found) and len(words.split()) <= _FOLLOW_UP
    if follows and _NUMBER.search(words) and not _QUESTION.match(words.strip().lower()):
        last = earlier[-1]
        return (Ask(last.ops, f"{last.words} {words.strip()}"),)
    return tuple(found)


def _of_sentence(sentence: str) -> list[Ask]:
    if not _is_request(sentence):
        return []
    found: list[Ask] = []
    goes_on = False
    for clause in _CLAUSE.split(sentence):
        spoken = _NOUN.sub(" ", _QUOTED.sub(" ", clause)).strip()
        if _NEGATED.search(spoken.lower()) or not _is_request(spoken):
            goes_on = False
            continue
        ops = frozenset(op for op, pattern in _OPS.items() if pattern.search(spoken))
        if ops or _GENERAL.search(spoken):
            found.append(Ask(ops, clause))
            goes_on = True
        elif goes_on:
            found[-1] = Ask(found[-1].ops, f"{found[-1].words} and {clause}")
    return found


def _is_request(text: str) -> bool:
    low = text.strip().lower()
    return bool(_REQUEST.search(low)) or not (_QUESTION.match(low) or low.endswith("?"))
