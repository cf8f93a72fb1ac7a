r"""Makes untrusted text safe to print: no terminal commands, no reordering, nothing invisible.

Nothing is lost silently: what cannot be shown is written out as an escape such as `\u200b`.
"""

from __future__ import annotations

import re

# ECMA-48: CSI (colours, cursor), OSC (titles, links), other two-byte sequences, and their 8-bit forms.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]?"
)
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # all of C0 and C1 but tab and newline
# Bidi controls and marks, zero-width characters, line/paragraph separators, interlinear marks, tag characters,
# variation selectors of the supplementary plane (used to smuggle text), lone surrogates.
_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e01ef"
)
_UNSAFE = re.compile(f"[{_CONTROL}{_HIDDEN}]")
_INVISIBLE = re.compile(f"[{_HIDDEN}]")
_SHORT = {"\r": "\\r", "\x0b": "\\v", "\x0c": "\\f", "\x00": "\\0"}


def clean_text(text: str) -> str:
    """Drop terminal sequences and write out control, bidi, zero-width and tag characters as visible escapes.

    Newline and tab stay; CRLF becomes newline. `clean_text(clean_text(x)) == clean_text(x)`.
    """
    if text.isprintable() or not _UNSAFE.search(text):
        return text
    text = _TERMINAL.sub("", text.replace("\r\n", "\n"))
    return _UNSAFE.sub(_escape, text)


def without_invisible(text: str) -> str:
    """Drop terminal sequences and invisible characters altogether: what a matcher must see."""
    if text.isprintable() or not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(_escape, _INVISIBLE.sub("", _TERMINAL.sub("", text.replace("\r\n", "\n"))))


def _escape(match: re.Match[str]) -> str:
    """The visible form of one character."""
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
