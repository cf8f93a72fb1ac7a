"""The judgement: does a sentence say only what the facts it cites say? What fails is named with its reason; nothing is believed.

Held against the cited facts: every quote, time, image, address, name, reason and number; numbers with the object they are said
of; good and bad news; the kind of trouble; causes only from a diagnosis. A sentence without a citation is given one where a
single fact carries all of it, else it fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from copilot.agent.grounding.advice import advising, claims_a_deed, not_ordering, orders, settles
from copilot.agent.grounding.claims import Claim, Kind, claims
from copilot.agent.grounding.evidence import Evidence, Fact, plain_number
from copilot.agent.grounding.sentences import Sentence
from copilot.agent.grounding.words import BAD, CAUSAL, GOOD, GROUPS, NEGATED, RELATIONS, STRONG

_HEDGE = re.compile(
    r"\b(?:(?:do|does|did|can|could) ?not (?:know|tell|say|show|determine)|cannot (?:know|tell|say|be (?:told|known|determined))|don't know|not known|no (?:fact|evidence)|nothing that was read|unclear|not (?:enough )?evidence|is unknown)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"\s*(?:;|, (?:and|but|while|whereas|so)\b|\bbut\b|\bwhile\b|\bwhereas\b| — | – )\s*", re.IGNORECASE
)
_NEAR = 4  # tokens between a number and what it counts
_HEADING_WORDS = 8
_OVERLAP = 0.6  # of the words of a sentence that a fact holds before it is taken for its source
_STRICT = frozenset({Kind.QUOTE, Kind.TIME, Kind.TOKEN, Kind.NAME, Kind.REASON, Kind.NUMBER, Kind.PAIR})


class Judged(msgspec.Struct, frozen=True):
    """One sentence with the facts that carry it; `why` is empty where it stands."""

    text: str
    cited: tuple[int, ...] = ()
    why: str = ""

    @property
    def stands(self) -> bool:
        """Whether it may be shown."""
        return not self.why


def judge(sentence: Sentence, evidence: Evidence) -> Judged:
    """Judge one sentence."""
    cited = [fact for fact in map(evidence.get, sentence.cited) if fact is not None]
    if not sentence.cited:  # the first half of a message that is marked at its end
        cited = [
            fact for fact in map(evidence.get, sentence.ahead) if fact is not None and _repeats(sentence.text, fact)
        ]
    carrying, why = _held_back(sentence.text, cited, evidence)
    if why:
        return Judged(sentence.text, tuple(fact.number for fact in cited), why)
    cited = carrying
    found = claims(sentence.text, evidence.names)
    if not cited and _is_glue(sentence, found):
        return Judged(sentence.text)
    if not cited:
        carrier = next((one for one in evidence.facts if _carries(one, sentence.text, found)), None)
        return Judged(sentence.text, (carrier.number,)) if carrier else Judged(sentence.text, (), "it cites no fact")
    return Judged(sentence.text, tuple(fact.number for fact in cited), _fault(sentence.text, found, cited))


def _held_back(text: str, cited: list[Fact], evidence: Evidence) -> tuple[list[Fact], str]:
    """The facts that may carry a sentence that advises or settles something; and why none may."""
    if claims_a_deed(text):
        return [], "it says that you did something, and you can do nothing"
    told = orders(text, evidence.names)
    if told:
        advice = advising(cited or evidence.facts, told)
        return (
            advice,
            ""
            if advice
            else f"it tells somebody to {told[0]!r}, which no step of the diagnosis and no signed runbook that it cites does",
        )
    if cited and settles(text):
        rest = not_ordering(cited, evidence.names)
        return rest, "" if rest else "what it says is only asked for, by a text that anybody may have written"
    return cited, ""


def _is_glue(sentence: Sentence, found: Sequence[Claim]) -> bool:
    """A heading, or the admission that something is not known: neither states a fact."""
    if any(claim.kind in _STRICT for claim in found):
        return False
    if sentence.heading and len(sentence.text.split()) <= _HEADING_WORDS:
        return not BAD.search(sentence.text) and not GOOD.search(sentence.text)
    return bool(_HEDGE.search(sentence.text)) and not CAUSAL.search(sentence.text) and len(sentence.text.split()) <= 30


def _repeats(text: str, fact: Fact) -> bool:
    """Whether a text is whole sentences of a fact, word for word; a piece out of the middle of one may mean something else."""
    words = " ".join(text.lower().split()).strip(" .!?")
    return len(words.split()) >= 3 and bool(re.search(rf"(?:^|[.!?:;] ){re.escape(words)}(?:[.!?;]|$)", fact.said))


def _carries(fact: Fact, text: str, found: Sequence[Claim]) -> bool:
    """Whether one fact carries a whole sentence that has something to check."""
    named = any(claim.kind in (Kind.NAME, Kind.TOKEN, Kind.REASON, Kind.QUOTE) for claim in found)
    if (
        not named
        or len(found) < 2
        or any(STRONG[name].search(text) for name in RELATIONS)
        or _fault(text, found, [fact])
    ):
        return False
    words = re.findall(r"[a-z]{4,}", text.lower())
    return sum(word.removesuffix("s") in fact.lowered for word in words) >= _OVERLAP * len(words)


def _fault(text: str, found: Sequence[Claim], cited: Sequence[Fact]) -> str:
    """Why the facts do not carry the sentence; "" where they do."""
    if not cited:
        return "it cites no fact"
    for claim in found:
        if not any(_holds(claim, fact, cited) for fact in cited):
            return f"{claim.value!r} does not stand in the facts it cites"
    if any(_is_altered(text, fact) for fact in cited):
        return "it repeats a fact with another number"
    return next(_unbound(found, cited), "") or _wrong_group(text, cited) or next(_wrong_pole(text, found, cited), "")


# Claim against fact


def _holds(claim: Claim, fact: Fact, cited: Sequence[Fact]) -> bool:
    match claim.kind:
        case Kind.QUOTE:
            return _quoted(claim.value, fact)
        case Kind.TIME:
            return claim.value in fact.lowered.replace(" ", "t") or claim.value in fact.lowered
        case Kind.TOKEN:
            return _is_token(claim.value, fact)
        case Kind.NAME:
            return claim.value in fact.tokens and _of_kind(claim, fact)
        case Kind.REASON:
            return bool(
                re.search(rf"(?<![a-z0-9]){re.escape(claim.value.removesuffix('s'))}s?(?![a-z0-9])", fact.lowered)
            )
        case Kind.NUMBER:
            return _counted(claim, fact, cited)
        case Kind.PAIR:
            first, second = claim.value.split()
            return bool(
                re.search(rf"(?<![\d.]){first}\s*(?:/|of|out of)\s*(?:the |its )?{second}(?![\d.])", fact.lowered)
            )
        case Kind.SUBJECT:
            stem = re.escape(claim.value.removesuffix("s"))
            return bool(re.search(rf"(?<![a-z0-9]){stem}", fact.lowered)) and _of_kind(claim, fact)


def _quoted(value: str, fact: Fact) -> bool:
    """A quote stands word for word; left-out parts are marked by dots."""
    parts = [part.strip(" .,:;") for part in re.split(r"\.{3}|…", value)]
    return all(_bounded(part, fact.lowered) for part in parts if part)


def _bounded(part: str, body: str) -> bool:
    return bool(re.search(rf"(?<![a-z0-9]){re.escape(part)}(?![a-z0-9])", body))


def _is_token(value: str, fact: Fact) -> bool:
    if value in fact.tokens or re.search(rf"(?<![\w./])(?<!\w-){re.escape(value)}(?![\w-])(?!\.\w)", fact.lowered):
        return True
    pieces = re.split(r"[/=]", value)  # deployment/web where the fact says "Deployment shop/web"
    return len(pieces) > 1 and "/" in value and all(_is_word(piece, fact) for piece in pieces if piece)


def _is_word(piece: str, fact: Fact) -> bool:
    return piece in fact.tokens or piece.removesuffix("s") in fact.tokens


def _of_kind(claim: Claim, fact: Fact) -> bool:
    """A name said to be of a kind: the fact speaks of that kind too, unless it speaks of none."""
    if not claim.of:
        return True
    pairs = re.findall(rf"\b([a-z]+) (?:[\w.-]+/)?{re.escape(claim.value)}(?![\w-])(?!\.\w)", fact.lowered)
    kinds = {one for one in pairs if one in _KINDS}
    return not kinds or claim.of.lower() in kinds


_GLUE = frozenset(
    [
        "of",
        "and",
        "or",
        "a",
        "an",
        "the",
        "in",
        "on",
        "at",
        "by",
        "for",
        "from",
        "with",
        "has",
        "have",
        "had",
        "is",
        "are",
        "was",
        "were",
        "only",
        "about",
        "than",
    ]
)
_KINDS = frozenset(
    [
        "deployment",
        "service",
        "statefulset",
        "daemonset",
        "pod",
        "node",
        "job",
        "cronjob",
        "configmap",
        "secret",
        "ingress",
        "namespace",
        "replicaset",
        "persistentvolumeclaim",
        "serviceaccount",
        "networkpolicy",
        "horizontalpodautoscaler",
        "poddisruptionbudget",
        "resourcequota",
        "event",
    ]
)


def _counted(claim: Claim, fact: Fact, cited: Sequence[Fact]) -> bool:
    """A number stands in the fact; where the fact counts the same things, it is the number beside them."""
    number = re.match(r"[\d.]+", claim.value)
    bare = number[0] if number else claim.value
    unit = claim.value[len(bare) :]
    if unit:
        pattern = rf"(?<![\d.,]){re.escape(bare)}\s?{re.escape(unit)}(?![a-z0-9])"
        return bool(re.search(pattern, fact.lowered.replace(",", "")))
    if bare not in fact.numbers:
        objects = {one.object for one in cited}
        return bool(claim.noun) and len(cited) > 1 and bare == str(len(cited)) and len(objects) == len(cited)
    led = _after(claim.lead, fact.said)
    if led and bare not in led:
        return False
    if not claim.noun:
        return True
    beside = _beside(claim.noun, fact.said)
    return not beside or bare in beside


def _after(word: str, body: str) -> set[str]:
    """The numbers that follow a word: of `cause 1` in a fact nobody makes `cause 4`."""
    if not word or word in _GLUE:
        return set()
    spelt = re.findall(rf"(?<![a-z]){re.escape(word)}[ :=]+(?:is |of )?([\d,.]+)", body)
    return {plain_number(one) for one in spelt}


def _beside(noun: str, body: str) -> set[str]:
    """The numbers that stand near a noun."""
    words = re.findall(r"[a-z]+|\d[\d,]*(?:\.\d+)?", body)
    stem = noun.removesuffix("s")
    found: set[str] = set()
    for place, word in enumerate(words):
        if word.removesuffix("s") == stem:
            near = words[max(place - _NEAR, 0) : place] + words[place + 1 : place + 3]
            found.update(one.replace(",", "") for one in near if one[0].isdigit())
    return found


# Claims against each other


def _is_altered(text: str, fact: Fact) -> bool:
    """Whether a sentence is a fact's own words with a digit changed."""
    words = " ".join(text.lower().split()).strip(" .")
    shape = re.sub(r"\d+", "#", words)
    return shape in re.sub(r"\d+", "#", fact.said) and words not in fact.said


def _unbound(found: Sequence[Claim], cited: Sequence[Fact]) -> Iterator[str]:
    """Numbers, reasons and images belong to the object they are said of: one fact holds both."""
    names = [claim for claim in found if claim.kind is Kind.NAME]
    if len(cited) < 2 or not names:
        return
    for claim in found:
        if claim.kind not in (Kind.NUMBER, Kind.PAIR, Kind.REASON, Kind.TIME):
            continue
        before = [name for name in names if name.at < claim.at]
        owner = before[-1] if before else names[0]
        holders = [fact for fact in cited if _holds(claim, fact, cited)]
        speaking = [fact for fact in cited if owner.value in fact.tokens]
        counted = claim.kind is Kind.NUMBER and claim.value == str(len(cited))
        if speaking and holders and not counted and not any(fact in speaking for fact in holders):
            yield f"{claim.value!r} is not said of {owner.value!r}"


def _wrong_group(text: str, cited: Sequence[Fact]) -> str:
    """A kind of trouble that no cited fact speaks of; a cause where no cited fact comes from the diagnosis."""
    body = " ".join(f"{fact.said} {fact.object or ''}".lower() for fact in cited)
    for name, strong in STRONG.items():
        match = strong.search(text)
        if match is not None and not GROUPS[name].search(body):
            return f"{match[0]!r}: no fact it cites speaks of that"
    causal = CAUSAL.search(text)
    if causal is not None and not any(fact.line.cause or CAUSAL.search(fact.said) for fact in cited):
        return f"{causal[0]!r}: no fact it cites is a finding of the diagnosis"
    return ""


def _wrong_pole(text: str, found: Sequence[Claim], cited: Sequence[Fact]) -> Iterator[str]:
    """Good news from bad facts, or the reverse; told clause by clause of the objects that the clause names."""
    for clause in _CLAUSE.split(text):
        good, bad = poles(clause)
        if good == bad:
            continue
        named = {claim.value for claim in found if claim.kind is Kind.NAME and claim.value in clause.lower()}
        speaking = [fact for fact in cited if named & fact.tokens] or list(cited)
        facts = [poles(fact.said) for fact in speaking]
        if good and not any(one for one, _ in facts):
            yield "it says all is well where the facts do not"
        if bad and not any(one for _, one in facts):
            yield "it says something is wrong where the facts do not"


def poles(text: str) -> tuple[bool, bool]:
    """(speaks well, speaks ill) of a text; a denied word of one side belongs to the other."""
    good = bad = False
    for pattern, is_good in ((GOOD, True), (BAD, False)):
        for match in pattern.finditer(text):
            denied = _is_denied(text, match.start(), match[0]) or _is_false(text, match.end())
            if _is_partial(text, match.start()):
                good = bad = True
            elif denied != is_good:
                good = True
            else:
                bad = True
    return good, bad


def _is_denied(text: str, start: int, word: str) -> bool:
    """Whether a word is denied just before it, within its own clause; `no endpoints` denies by itself."""
    if word.lower().startswith(("no ", "not ", "do ", "does ")):
        return False
    before = re.split(r"[,;:.()]\s", text[max(start - 24, 0) : start])[-1]
    return bool(NEGATED.search(before))


def _is_false(text: str, end: int) -> bool:
    return bool(re.match(r"\s*(?:=|:|is|was)?\s*(?:false|0\b(?! of)|unknown\b)", text[end : end + 12], re.IGNORECASE))


def _is_partial(text: str, start: int) -> bool:
    """`1 of 3 ready` is both; `0 of 3 ready` is bad, `3 of 3 ready` good."""
    match = re.search(
        r"(\d+)(?:/| of | out of )(?:the |its )?(\d+)(?: [a-z]+){0,2} ?$",
        text[max(start - 40, 0) : start],
        re.IGNORECASE,
    )
    return match is not None and 0 < int(match[1]) < int(match[2])
