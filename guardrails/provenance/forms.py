r"""The forms in which one value can hide in a text: case, look-alike letters, nothing-characters, line breaks, encodings.

`readings(text)` gives the text as a reader who undoes each trick would see it. It is for finding, never for showing:
what no reading holds is still not trusted, since an argument must be explained and not merely be unsuspicious.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

MAX_TEXT = 1_000_000  # characters of one text that are looked through
_ROUNDS = 3  # encodings inside one another
_SHORT = 4  # characters: anything shorter stands in nearly every text, so it must stand there as a word
# Letters of other scripts that look like ASCII ones (Unicode TR39 confusables; those of Cyrillic, Greek, Armenian, Latin).
_ALIKE = {
    ord(char): letter
    for letter, chars in {
        "a": "\u0430\u03b1\u0251", "c": "\u0441\u1d04\u03f2", "d": "\u0501", "e": "\u0435\u0454\u1d07", "g": "\u0261\u0581\u050d",
        "h": "\u04bb\u0570", "i": "\u0456\u03b9\u0131\u0269\u04cf\u0457", "j": "\u0458\u03f3", "k": "\u043a\u03ba", "l": "\u2113\u01c0",
        "m": "\u043c", "n": "\u0578\u03b7", "o": "\u043e\u03bf\u0585\u03c3", "p": "\u0440\u03c1", "q": "\u051b",
        "r": "\u0433", "s": "\u0455\ua731", "t": "\u0442\u03c4", "u": "\u03c5\u057d", "v": "\u03bd\u0475",
        "w": "\u051d\u03c9", "x": "\u0445\u03c7", "y": "\u0443\u03b3\u04af", "z": "\u1d22",
        "/": "\u2215\u2044", ":": "\uff1a\u2236\ua789", ".": "\u2024", "-": "\u2010\u2011\u2012\u2013\u2014\u2212",
    }.items()
    for char in chars
}  # fmt: skip
_NOTHING = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]")  # fmt: skip
_TAGS = re.compile("[\U000e0020-\U000e007e]")
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?|.)?", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")
_BASE32 = re.compile(r"\b[A-Z2-7]{8,}={0,6}")
_HEX = re.compile(r"\b(?:[0-9a-fA-F]{2}[ :]?){4,}\b")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\u\{([0-9a-fA-F]{1,6})\}|\\U([0-9a-fA-F]{8})")
_SPACE = re.compile(r"[\s\"'`\\|+_,;*]+")
_TOKEN = re.compile(r"[a-z0-9]+")


def plain(text: str) -> str:
    """Lower case, one script, nothing that prints nothing."""
    if not text.isascii() or not text.isprintable():
        text = _TAGS.sub(lambda match: chr(ord(match[0]) - 0xE0000), text)
        text = _NOTHING.sub("", _TERMINAL.sub("", text))
        text = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
        text = text.translate(_ALIKE)
    return text.casefold().translate(_ALIKE)


@lru_cache(maxsize=512)
def readings(text: str) -> tuple[str, ...]:
    """The plain readings of a text, the text as it stands first; each once."""
    found: dict[str, None] = {}
    waiting = [text[:MAX_TEXT]]
    for _ in range(_ROUNDS):
        inner: list[str] = []
        for each in waiting:
            found[plain(each)] = None
            inner += [decoded for decoded in _decoded(each) if decoded != each]
        waiting = inner
    found[plain(text[:MAX_TEXT])[::-1]] = None
    return tuple(found)


def holds(text: str, value: str) -> bool:
    """Tell whether a text holds a value, in any of its readings."""
    wanted = plain(value).strip()
    if not wanted:
        return False
    if len(wanted) < _SHORT or wanted.isdecimal():
        word = re.compile(rf"(?<![a-z0-9]){re.escape(wanted)}(?![a-z0-9])")
        return any(word.search(each) for each in readings(text))
    squeezed = _SPACE.sub("", wanted)
    return any(wanted in each or (squeezed and squeezed in _SPACE.sub("", each)) for each in readings(text))


def words_of(text: str) -> frozenset[str]:
    """The words of a text, plain."""
    return frozenset(_TOKEN.findall(plain(text)))


def _decoded(text: str) -> list[str]:
    """What the encodings in a text say. Every one that fits is tried; a wrong guess finds nothing."""
    found = []
    if "%" in text:
        found.append(unquote(text))
    if "&" in text:
        found.append(html.unescape(text))
    if "\\" in text:
        found.append(_ESCAPE.sub(_unescaped, text))
    found += [_bytes(_base64(match[0])) for match in _BASE64.finditer(text)]
    unbroken = re.sub(r"\s+", "", text)
    if unbroken != text:
        found += [_bytes(_base64(match[0])) for match in _BASE64.finditer(unbroken)]
    found += [_bytes(_base32(match[0])) for match in _BASE32.finditer(text)]
    found += [_bytes(bytes.fromhex(re.sub(r"[ :]", "", match[0]))) for match in _HEX.finditer(text)]
    return [each for each in found if each]


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1] or match[2] or match[3] or match[4], 16)
    return chr(code) if code < 0x110000 else ""


def _base64(word: str) -> bytes:
    word = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(word[: len(word) - (len(word) % 4 == 1)] + "=" * (-len(word) % 4), validate=False)
    except (binascii.Error, ValueError):
        return b""


def _base32(word: str) -> bytes:
    word = word.rstrip("=")
    try:
        return base64.b32decode(word + "=" * (-len(word) % 8))
    except (binascii.Error, ValueError):
        return b""


def _bytes(content: bytes) -> str:
    """Decoded bytes as text, where most of them are."""
    decoded = content.decode("utf-8", "ignore")
    return decoded if len(decoded) >= _SHORT and sum(map(str.isprintable, decoded)) * 10 >= len(decoded) * 8 else ""
