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
    r"^(?:so |and |but |ok |hi |hey |hello )*(?:why|what|which|who|whose|where|when|how|is|are|was|were|does|did|do(?= (?:i|we|they|you|the|these|those|any|our|my)\b)|has|have|had|should)\b"
)
_REQUEST = re.compile(
    r"\b(?:can|could|would|will) you\b|\btry\b|\bconsider\b|\bplease\b|\b(?:i|we) (?:want|need|would like)\b|\b(?:i|we)'d like\b|\blet'?s\b|\b(?:should|must|ought to|has to|have to) (?:be|have|go|run|log|use|get)\b|\bwants?\b|\bneeds?\b|\bgo ahead\b"
)
_TELLS = re.compile(r"\b(?:has|had|have|shows|showed|saw|was|were|is|are|got|gets|reports|said|says|failed|fails)\b")
# What a request is about where it has no verb of its own: "web: 5 replicas please".
_NOUNS: tuple[tuple[Op, re.Pattern[str]], ...] = (
    (
        Op.SCALE,
        re.compile(
            r"\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten|twelve)\s+(?:more |extra |additional )?(?:replicas?|pods|instances?|copies|of (?:them|those|it))\b",
            re.IGNORECASE,
        ),
    ),
    (Op.SET_RESOURCES, re.compile(r"\b(?:memory|cpu|limits?|requests?)\b.*\d", re.IGNORECASE)),
    (Op.SET_IMAGE, re.compile(r"[\w.-]+/[\w./-]+:[\w.-]+")),
    (Op.RESTART, re.compile(r"\brestart\b", re.IGNORECASE)),
    (Op.ROLLBACK, re.compile(r"\broll[ -]?back\b", re.IGNORECASE)),
    (Op.SET_ENV, re.compile(r"\b[A-Z][A-Z0-9_]*=\S")),
)
_GERUND = re.compile(
    r"\b(restart|drain|cordon|evict|taint|suspend|label|roll|delet|remov|scal|paus|resum|updat|increas|chang|mov|upgrad|annotat)ing\b"
)
# "I want it restarted": where something is wanted, the participle asks for it. Told without a wish, it is history.
_BASES = {
    "restarted": "restart", "rolled back": "roll back", "scaled": "scale", "deleted": "delete", "removed": "remove", "drained": "drain",
    "cordoned": "cordon", "evicted": "evict", "paused": "pause", "resumed": "resume", "suspended": "suspend", "labelled": "label",
    "labeled": "label", "annotated": "annotate", "tainted": "taint",
}  # fmt: skip
_DONE = re.compile(rf"(?<!was )(?<!were )(?<!been )(?<!has )(?<!had )\b({'|'.join(_BASES)})\b", re.IGNORECASE)
_WITH_E = frozenset(
    {"delet", "remov", "scal", "paus", "resum", "updat", "increas", "chang", "mov", "upgrad", "annotat"}
)
_NEGATED = re.compile(
    r"\b(?:don'?t|do not|never|not|no|without|avoid|stop short of|instead of|rather than|shouldn'?t|must not|mustn'?t|cannot|can'?t|won'?t)\b"
)
_NOUN = re.compile(
    r"\b(?:the|an?|last|latest|recent|after|since|every|each|this|that|failed|during)\s+(?:restart|rollback|scale|drain|patch|delete|apply)\b(?!\s+(?:\w+/|deploy|all))",
    re.IGNORECASE,
)
_VERB = r"(?:set|change|update|increase|decrease|raise|lower|reduce|bump|give|make|put|use|switch|add|adjust|edit|modify|bring|get|take|need|want|run|pin|point)"
_COUNT = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)"
_WORDS: dict[Op, str] = {
    Op.SCALE: rf"\bscale\b|\b(?:raise|lower|bring|take|increase|decrease|reduce|grow|shrink)\b.*\bto {_COUNT}(?![\w.%])|\bgo (?:up |down )?to {_COUNT} (?:replicas|pods|instances|copies)\b|\b(?:make|set|put|bring|take) (?:it|them|that) (?:up |down )?(?:to )?{_COUNT}\b|\bresize\b|\b{_VERB}\b.*\b(?:replicas?|instances?|pods|copies)\b|\brun \w+ (?:replicas|instances|pods|copies)\b|\b(?:double|triple|halve)\b",
    Op.RESTART: r"\brestart\b|\bbounce\b|\brecycle\b|\breboot\b",
    Op.ROLLBACK: r"\bback (?:on|to)\b.*\b(?:revision|version|release|before|previous)\b|\broll[ -]?back\b|\broll\b.{1,40}\bback\b|\brollout undo\b|\brevert\b|\bgo back to\b|\bundo\b",
    Op.SET_IMAGE: rf"\b{_VERB}\b.*\b(?:image|version|tag)\b|\bset image\b|\bupgrade\b|\bdowngrade\b|\bdeploy (?:version|image|tag)\b|\b(?:update|switch|move|bump|pin)\b.* to |\bdeploy\b.*[/:]|\b(?:image|version|tag)\b.*\bplease\b",
    Op.SET_RESOURCES: rf"\b{_VERB}\b.*\b(?:memory|cpu|limits?|requests?|resources|ephemeral-storage)\b|\bset resources\b",
    Op.SET_ENV: rf"\b[A-Z][A-Z0-9_]*=|\b{_VERB}\b.*(?:\benv\b|\benvironment\b|\bvariables?\b|\b[A-Z][A-Z0-9_]+\b)|\b(?:unset|remove|drop)\b.*(?:\benv\b|\bvariables?\b|\b[A-Z][A-Z0-9_]+\b)",
    Op.PATCH: rf"\bpatch\b|\b[a-z]+[A-Z]\w+\b|\b{_VERB}\b",
    Op.LABEL: r"\b(?:re)?label\b",
    Op.ANNOTATE: r"\bannotate\b|\bannotation\b",
    Op.CORDON: r"\bcordon\b|\bunschedulable\b",
    Op.UNCORDON: r"\buncordon\b|(?<!un)\bschedulable\b",
    Op.DRAIN: r"\bdrain\b|\bevacuate\b|\bempty\b.*\bnode\b",
    Op.EVICT: r"\bevict\b|\b(?:delete|kill|remove|get rid of|throw away)\b|\brestart\b.*\bpods?\b",
    Op.TAINT: r"\b(?:un)?taint\b",
    Op.PAUSE: r"\bpause\b|\bhold\b",
    Op.RESUME: r"\bresume\b|\bunpause\b|\bcontinue\b",
    Op.DELETE: r"\bdelete\b|\bremove\b|\bget rid of\b|\btear down\b",
    Op.SUSPEND: r"\bsuspend\b|\bstop\b|\bdisable\b|\bpause\b",
    Op.UNSUSPEND: r"\bunsuspend\b|\bresume\b|\benable\b|\blet\b.*\brun again\b",
    Op.CREATE_JOB: r"\b(?:run|trigger|start|kick off|launch)\b|\bcreate\b.*\bjob\b",
    Op.APPLY: r"\bapply\b|\bcreate\b",
}
_OPS = {op: re.compile(pattern, 0 if op in (Op.SET_ENV, Op.PATCH) else re.IGNORECASE) for op, pattern in _WORDS.items()}
_GENERAL = re.compile(
    rf"\b(?:fix|repair|solve|resolve|mitigate|remediate|heal|handle|sort it out|clean up|bring .* back|go ahead|do it|do that|yes|proceed|get .* (?:running|working|up)|{_VERB})\b",
    re.IGNORECASE,
)
_NEEDS = re.compile(
    r"\b(?:needs?|do|perform|trigger|want|force|requires?)\s+(?:an?\s+|to be\s+)?(?:rolling\s+|rollout\s+|quick\s+|full\s+)?(restart|rollback|drain)(?:ed)?\b",
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
    spoken = _QUOTED.sub(" ", words).lower()
    # So few words that tell nothing and ask nothing are an order: "web: 5 replicas".
    wanted = bool(_REQUEST.search(spoken)) or (len(words.split()) <= _FOLLOW_UP and not _TELLS.search(spoken))
    goes_on = False
    for sentence in _SENTENCE.split(words):
        goes_on = _read_sentence(sentence, found, wanted=wanted, goes_on=goes_on)
    follows = earlier and not any(ask.ops for ask in found) and len(words.split()) <= _FOLLOW_UP
    if follows and _NUMBER.search(words) and not _QUESTION.match(words.strip().lower()):
        last = earlier[-1]
        return (Ask(last.ops, f"{last.words} {words.strip()}"),)
    return tuple(found)


def _read_sentence(sentence: str, found: list[Ask], *, wanted: bool, goes_on: bool) -> bool:
    """Add the requests of a sentence. What has no verb of its own goes on with the request before it."""
    if not _is_request(sentence):
        return False
    for clause in _CLAUSE.split(sentence):
        spoken = _NEEDS.sub(r"\1", _QUOTED.sub(" ", clause))
        spoken = _NOUN.sub(" ", spoken).strip()
        if _NEGATED.search(spoken.lower()) or not _is_request(spoken):
            goes_on = False
            continue
        if wanted:
            spoken = _DONE.sub(lambda match: _BASES[match[1].lower()], spoken)
            spoken = _GERUND.sub(lambda match: match[1] + "e" * (match[1] in _WITH_E), spoken)
        ops = frozenset(op for op, pattern in _OPS.items() if pattern.search(spoken))
        if wanted and (_REQUEST.search(clause.lower()) or not _TELLS.search(clause.lower())):
            ops |= {op for op, pattern in _NOUNS if pattern.search(_QUOTED.sub(" ", clause))}
        if ops or _GENERAL.search(spoken):
            found.append(Ask(ops, clause))
            goes_on = True
        elif goes_on and found:
            found[-1] = Ask(found[-1].ops, f"{found[-1].words} and {clause}")
    return goes_on


def _is_request(text: str) -> bool:
    low = text.strip().lower()
    return bool(_REQUEST.search(low)) or not (_QUESTION.match(low) or low.endswith("?"))
