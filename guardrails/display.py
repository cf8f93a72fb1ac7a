"""Makes text from a cluster safe to show. What cannot be seen is written out, so a name cannot pose as another one."""

from __future__ import annotations

import unicodedata

# Categories that print nothing or move the cursor: control, format (bidi, zero-width, tags), surrogate, private,
# unassigned, line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Letters and marks of other categories that also print nothing: the combining grapheme joiner, Hangul fillers,
# the Mongolian vowel separator, Khmer inherent vowels, variation selectors, the braille blank.
_BLANKS = frozenset({0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x2800, 0x3164, 0xFFA0})


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _hidden(char: str) -> bool:
    code = ord(char)
    if code < 0x7F:
        return code < 0x20
    return (
        unicodedata.category(char) in _UNSEEN
        or code in _BLANKS
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
        or (char.isspace() and char != " ")
    )


def visible(text: str) -> str:
    """Return `text` on one line with every character that prints nothing written as its code point.

    A backslash is doubled, so that written-out and typed code points differ.
    """
    return "".join("\\\\" if char == "\\" else _escaped(char) if _hidden(char) else char for char in text)
