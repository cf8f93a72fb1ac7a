"""Tells a secret from a word that merely stands where one could. Pure functions over one value."""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise

# What stands after `password:` in messages and manifests without being one.
_WORDS = frozenset(
    """true false yes no on off null none nil undefined unset empty required optional missing invalid incorrect wrong
    expired changed rejected accepted ok okay failed failure error denied is was not must may should cannot set has
    found mismatch authentication authorization for from in at of and or to a an the with by redacted hidden masked
    removed omitted string str bytes object type format enabled disabled default""".split()  # noqa: SIM905 -- a word list reads best as words
)
_TEMPLATE = re.compile(
    r"^(?:<[^>]*>?|\$\{[^}]*\}?|\$\([^)]*\)?|\$[A-Z_][A-Z0-9_]*|\{\{.*|%[sdvq]|%\(.*|[*x.•]{2,}|\[.*\]?)$"
)
_SIZE = re.compile(r"^\d+ bytes$")  # what `kubectl describe secret` shows in place of a value
_DNS_NAME = re.compile(r"^[a-z0-9]([a-z0-9.\-]*[a-z0-9])?(?:/[a-z0-9]([a-z0-9.\-]*[a-z0-9])?)*$")
_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.IGNORECASE)
_CONSONANTS = re.compile(r"(?i)[^aeiouy]{6}")  # in a row: words have five at most, where they meet included
_CAMEL = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_VOWELS = "aeiouyAEIOUY"
_OPAQUE_LENGTH = 16  # characters: shorter runs without a digit are words


def never_harmless(value: str) -> bool:
    """The pattern alone proves a secret."""
    return bool(value.strip())


def not_a_word(value: str) -> bool:
    """Count a value unless it is empty, a template, or an ordinary word of messages."""
    value = value.strip().rstrip(".,:;)]}")
    if not value or value == "\\n" or _TEMPLATE.match(value) or value.startswith("<set to "):
        return False
    if _SIZE.match(value):
        return False
    return value.split()[0].lower().strip("\"'") not in _WORDS and not _is_path(value)


def not_a_flag(value: str) -> bool:
    """After `--password `: a word that is no flag of its own."""
    return not value.startswith("-") and not_a_word(value)


def _is_path(value: str) -> bool:
    """Whether a value that starts with a slash reads as a path; a long run of mixed characters is base64."""
    return value.startswith("/") and not (
        len(value) >= 2 * _OPAQUE_LENGTH and any(map(str.isdigit, value)) and value.lower() != value != value.upper()
    )


def not_a_name(value: str) -> bool:
    """After a weak word such as `secret:`: neither a word, nor a number, nor the name of an object."""
    if not not_a_word(value) or len(value) < 6:
        return False
    if _UUID.match(value):
        return True
    return is_opaque(value)


def is_opaque(value: str) -> bool:
    """Whether a run of characters looks made by a machine: long with a digit, or mixed case with digits or symbols."""
    core = value.strip("\"'.,;:()[]{}").rstrip("=")
    if len(core) < 6 or not not_a_word(core):
        return False
    digits = sum(character.isdigit() for character in core)
    if digits == len(core):
        return len(core) >= _OPAQUE_LENGTH
    lower = any(character.islower() for character in core)
    upper = any(character.isupper() for character in core)
    if "=" in value.rstrip("=") or core.count(".") > 3:
        return False
    if _DNS_NAME.match(core) and ("-" in core or "/" in core or "." in core) and not _UUID.match(core):
        return len(core) >= 2 * _OPAQUE_LENGTH and digits * 5 >= len(core)
    if digits:
        return len(core) >= 8 or (lower and upper)
    if core.isalpha() and lower and upper and _is_unspeakable(core):
        return True
    return (lower and upper and len(core) >= _OPAQUE_LENGTH) or any(character in core for character in "!@#$%^*+~")


def _is_unspeakable(letters: str) -> bool:
    """Letters of both cases that make no words: `InvalidToken` changes case three times and has its vowels."""
    if len(letters) < 10 or not letters.isascii():
        return False
    if (letters[-1].isupper() and letters[-2].islower()) or _CONSONANTS.search(letters):
        return True
    words = _CAMEL.findall(letters)
    vowels = sum(letter in _VOWELS for letter in letters)
    changes = sum(one.isupper() != other.isupper() for one, other in pairwise(letters))
    return vowels * 7 <= len(letters) or (changes * 5 >= (len(letters) - 1) * 2 and not all(map(_is_word, words)))


def _is_word(word: str) -> bool:
    """`Back` and `TLS` are words, `B` and `Bck` are none."""
    return len(word) > 1 and (word.isupper() or any(letter in _VOWELS for letter in word))


def is_basic_credential(value: str) -> bool:
    """Whether the word after `Basic` is base64 of `user:password`."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and all(byte >= 0x20 or byte in b"\t" for byte in decoded)
