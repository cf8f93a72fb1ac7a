"""The claims of a sentence that can be checked: quotes, times, images, addresses, names, reasons, numbers. Each is found once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

import msgspec

from copilot.agent.grounding.evidence import plain_number
from copilot.agent.grounding.words import ACRONYMS, COUNTED, ENGLISH, GENERIC, NUMBER_WORDS
from copilot.model.kinds import resolve_kind


class Kind(Enum):
    """What sort of claim."""

    QUOTE = "quote"
    TIME = "time"
    TOKEN = "token"  # noqa: S105 - no password: an image, an address, a path: it must occur as it stands
    NAME = "name"  # an object's name
    REASON = "reason"  # CrashLoopBackOff, OOMKilled
    NUMBER = "number"
    PAIR = "pair"  # 2 of 3, 2/3
    SUBJECT = "subject"  # a word in the place of a name


class Claim(msgspec.Struct, frozen=True):
    """One claim at a place of the sentence. `noun` is what a number counts, `lead` the word before it, `of` the kind a name is given."""

    kind: Kind
    value: str
    at: int = 0
    noun: str = ""
    of: str = ""
    lead: str = ""


_QUOTE = re.compile(r"`([^`]+)`|\"([^\"]+)\"|“([^”]+)”|(?<![\w])'([^']{2,})'(?!\w)")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?:Z| UTC|[+-]\d\d:\d\d)?|(?<![\d:.])\d{1,2}:\d\d(?::\d\d)?(?![\d:])")  # fmt: skip
_PAIR = re.compile(r"(?<![\w./:-])(\d+)\s*(?:/|of|out of)\s*(?:the |its )?(\d+)(?![\w./:-])", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9][\w./:@+=-]*[\w]")
_CAMEL = re.compile(
    r"\b(?:[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+|[A-Z]{2,}[a-z]\w+|[a-z]+(?:[A-Z][a-z0-9]+)+|[A-Z][A-Z0-9_]{2,})\b"
)
_AMOUNT = re.compile(r"(?<![\w.-])(\d[\d,]*(?:\.\d+)?)(\s?(?:%|percent\b|[KMGTP]i?B?\b|m\b|ms\b|s\b|h\b|d\b|min\b|cores?\b))?(?![\w]*-\w)(?:\s+(?:of the |of its |more |other |further |ready |running |pending |failed |unavailable |available )?([a-z]+))?", re.IGNORECASE)  # fmt: skip
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_PLAIN_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_KINDS = r"(?:deployment|service|statefulset|daemonset|pod|node|job|cronjob|configmap|secret|ingress|namespace|container|replicaset|pvc|persistentvolumeclaim|volume|image|database|workload|serviceaccount|networkpolicy)"
_KIND_NAME = re.compile(
    rf"\b({_KINDS})[\s/]+(?:named\s+|called\s+)?(?:[A-Za-z0-9][\w.-]*/)?([A-Za-z0-9][\w.-]*)", re.IGNORECASE
)
_NAME_KIND = re.compile(rf"\b(?:the|a|an|of|in|on|from|by)\s+([a-z0-9][\w.-]*)\s+({_KINDS})\b", re.IGNORECASE)
_SUBJECT = re.compile(r"(?:^|[,;]\s+|\b(?:and|but|because|while|as|since|that|when)\s+)(?:the\s+|a\s+|an\s+|its\s+|their\s+)?((?:[A-Za-z][\w-]*\s+){0,2}?)([A-Za-z][\w.-]*)\s+(?:is|are|was|were|has|have|had|does|do|did|cannot|can|runs?|uses?|fails?|failed|crashe[sd]|depends?|needs?|serves?|waits?|lacks?|exists?)\b", re.IGNORECASE)  # fmt: skip


_BY = re.compile(r"\b(?:by|from user|by user)\s+(?!the\b|a\b|an\b|its\b|their\b|hand\b|itself\b|default\b|now\b|then\b|far\b)([A-Za-z][\w.@:-]*)(?=$|[\s.,;)])")  # fmt: skip


def claims(sentence: str, names: frozenset[str]) -> list[Claim]:
    """The claims of a sentence, in its order; `names` are the objects that exist, in lower case."""
    found: list[Claim] = []
    rest = sentence
    for reader in (_quotes, _times, _pairs):
        rest = _taken(rest, found, reader(rest))
    for match in _KIND_NAME.finditer(rest):
        found += _named(match[2], match[1], match.start(2), names)
    for match in _NAME_KIND.finditer(rest):
        found += _named(match[1], match[2], match.start(1), names)
    rest = _taken(rest, found, _tokens(rest, names))
    rest = _taken(rest, found, _reasons(rest))
    found += (claim for claim, _ in _numbers(rest))
    found += _subjects(rest, names)
    found += (Claim(Kind.SUBJECT, match[1].lower().rstrip("."), match.start(1)) for match in _BY.finditer(sentence) if not match[1].lower().endswith("ing"))  # fmt: skip
    return sorted(dict.fromkeys(found), key=lambda claim: claim.at)


def _taken(text: str, found: list[Claim], read: Iterator[tuple[Claim, tuple[int, int]]]) -> str:
    """Keep the claims and blank their words, so that nothing is read twice."""
    for claim, (start, end) in list(read):
        found.append(claim)
        text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"
    return text


def _quotes(text: str) -> Iterator[tuple[Claim, tuple[int, int]]]:
    for match in _QUOTE.finditer(text):
        words = next(one for one in match.groups() if one)
        yield Claim(Kind.QUOTE, " ".join(words.lower().split()).strip(" .,"), match.start()), match.span()


def _times(text: str) -> Iterator[tuple[Claim, tuple[int, int]]]:
    for match in _TIME.finditer(text):
        yield Claim(Kind.TIME, match[0].lower().replace(" utc", "").replace(" ", "t").rstrip("z"), match.start()), match.span()  # fmt: skip


def _pairs(text: str) -> Iterator[tuple[Claim, tuple[int, int]]]:
    for match in _PAIR.finditer(text):
        yield Claim(Kind.PAIR, f"{plain_number(match[1])} {plain_number(match[2])}", match.start()), match.span()


def _named(word: str, kind: str, at: int, names: frozenset[str]) -> Iterator[Claim]:
    """A word beside a kind is a name where an object is called so, or where it cannot be English."""
    lowered = word.lower().rstrip(".")
    known = resolve_kind(kind.lower())
    if lowered in names:
        yield Claim(Kind.NAME, lowered, at, of=known.kind if known else "")
    elif lowered not in GENERIC | _AFTER_KIND | ENGLISH and (
        re.search(r"[-.\d]", lowered) or not lowered.endswith(("ed", "ing", "ly", "s"))
    ):
        yield Claim(Kind.SUBJECT, lowered, at, of=known.kind if known else "")


_AFTER_KIND = frozenset(
    ["in", "on", "of", "to", "for", "with", "from", "by", "at", "as", "into", "after", "before", "until", "while", "where", "when", "whose", "who", "if", "not", "no", "never", "also", "still", "will", "would", "should", "could", "may", "might", "must", "can", "cannot", "be", "been", "begin", "began", "name", "spec", "template", "set", "pull", "tag", "limit", "memory", "cpu", "network", "selector", "port", "ready", "unready", "healthy", "unhealthy", "down", "up", "full", "short", "out", "within", "without", "under", "over", "per", "via", "than", "too", "very", "more", "less", "again", "back", "there", "already", "yet", "only", "just", "even", "between", "during", "through", "single", "different", "whole", "entire", "affected", "broken", "faulty"]
)  # fmt: skip


def _tokens(text: str, names: frozenset[str]) -> Iterator[tuple[Claim, tuple[int, int]]]:
    """Names of objects, and whatever has the shape of an image, an address, a path or a generated name."""
    for match in _TOKEN.finditer(text):
        word = match[0].rstrip(".:,-=")
        lowered = word.lower()
        span = (match.start(), match.start() + len(word))
        if lowered in ENGLISH or not word:
            continue
        if lowered in names and not _is_english(word):
            yield Claim(Kind.NAME, lowered, match.start()), span
        elif any(mark in word for mark in "/:@=_") or re.search(r"\w\.\w*[A-Za-z]|\d+\.\d+\.\d+", word):
            if not _PLAIN_NUMBER.fullmatch(word):
                yield Claim(Kind.TOKEN, lowered, match.start()), span
        elif (
            re.fullmatch(r"\d+[a-z]+\d+\w*", lowered)
            or ("-" in word and not re.fullmatch(r"\d+-\d+|\d+-[a-z]+", lowered))
            or (re.fullmatch(r"[a-z]+\d[\w]*|v\d+[\w.]*", lowered) and not _CAMEL.fullmatch(word))
        ):  # 9m2s
            yield Claim(Kind.TOKEN, lowered, match.start()), span


def _is_english(word: str) -> bool:
    """Whether a name of an object is, in a sentence, more likely a word: a Service called `data`."""
    return word.lower() in GENERIC or word.lower() in _AFTER_KIND


def _reasons(text: str) -> Iterator[tuple[Claim, tuple[int, int]]]:
    for match in _CAMEL.finditer(text):
        if match[0] not in ACRONYMS and match[0].rstrip("s") not in ACRONYMS:
            yield Claim(Kind.REASON, match[0].lower(), match.start()), match.span()


def _numbers(text: str) -> Iterator[tuple[Claim, tuple[int, int]]]:
    for match in _AMOUNT.finditer(text):
        unit = (match[2] or "").strip().lower()
        noun = (match[3] or "").lower()
        value = plain_number(match[1]) + ("%" if unit == "percent" else unit if not unit.startswith("core") else "")
        lead = re.search(r"([A-Za-z]+)[ :=]+$", text[: match.start()])
        counted = noun if COUNTED.match(noun) else ""
        yield Claim(Kind.NUMBER, value, match.start(), counted, lead=lead[1].lower() if lead else ""), match.span()
    for match in _WORD.finditer(text):
        word = match[0].lower()
        noun = next(iter(_WORD.findall(text[match.end() :])), "").lower()
        if word in NUMBER_WORDS:
            yield (
                Claim(Kind.NUMBER, NUMBER_WORDS[word], match.start(), noun if COUNTED.match(noun) else ""),
                match.span(),
            )
        elif word in ("one", "single") and COUNTED.match(noun) and not noun.endswith("s"):
            yield Claim(Kind.NUMBER, "1", match.start(), noun), match.span()


def _subjects(text: str, names: frozenset[str]) -> Iterator[Claim]:
    """A word in the place of the subject that is no general noun: whoever it is, something must have been read of it."""
    for match in _SUBJECT.finditer(text):
        word = match[2].lower()
        if word in GENERIC or word in names or word in _AFTER_KIND or not word.strip():
            continue
        if word.endswith(("ing", "ly", "ness", "tion", "ment")):
            continue
        yield Claim(Kind.SUBJECT, word, match.start(2))
