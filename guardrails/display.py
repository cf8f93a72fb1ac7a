"""Makes text from a cluster safe to show. What cannot be seen is written out, so a name cannot pose as another one.

This is for what a person agrees to: one line, nothing dropped, every code point accounted for. Prose and quoted log
lines, where colour codes may be dropped and line ends stay, go through `guardrails.redaction_text.clean_text`.
"""

from __future__ import annotations

# Characters that Python calls printable and that print nothing: the combining grapheme joiner, Hangul fillers,
# the Mongolian vowel separator, Khmer inherent vowels, variation selectors, the braille blank.
_BLANKS = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, 0xFFA0}
    | {*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _hidden(char: str) -> bool:
    """Control, format (bidi, zero-width, tags), private and unassigned characters, odd spaces, and the blanks."""
    return not char.isprintable() or ord(char) in _BLANKS


def visible(text: str) -> str:
    """Return `text` on one line with every character that prints nothing written as its code point.

    A backslash is doubled, so that written-out and typed code points differ.
    """
    return "".join("\\\\" if char == "\\" else _escaped(char) if _hidden(char) else char for char in text)
