"""Cypher text into words and signs. Comments vanish, and what could be read in two ways is refused.

Outside of quotes only printable ASCII is let through: Cypher folds case and blanks in ways that hide keywords.
"""

from __future__ import annotations

import re
from enum import Enum

import msgspec

from retrievers.graph.mirror.errors import QueryRefusedError

MAX_QUERY = 10_000  # characters: a person's query has a few hundred
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "`": "`", "n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+|//[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)"
    r"|(?P<string>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<quoted>`[^`]*`)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<parameter>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|<>|=~|\.\.|::|\|\||/(?!\*)|[-+*%^=<>(){}\[\],.:;|&!])",
    re.DOTALL,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Sort(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted"  # a name in backticks
    STRING = "string"
    NUMBER = "number"
    PARAMETER = "parameter"
    SIGN = "sign"


class Token(msgspec.Struct, frozen=True):
    """One token. `value` is a word in lower case, a string decoded, else the text itself."""

    sort: Sort
    value: str
    text: str
    spaced: bool  # a blank or a comment stands before it

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.sort is Sort.SIGN and self.value in signs

    def is_word(self, words: frozenset[str]) -> bool:
        """Whether it is one of these words, unquoted."""
        return self.sort is Sort.WORD and self.value in words


def tokens_of(query: str) -> list[Token]:
    """The tokens of a query.

    Raises:
        QueryRefusedError: too long, a character or an escape that is not let through, or an open quote.
    """
    if len(query) > MAX_QUERY:
        raise QueryRefusedError(f"The query has more than {MAX_QUERY} characters.", "Pass long values with --param.")
    if re.search(r"\\[uU]", query):
        raise QueryRefusedError(r"Escapes like \u0041 are not allowed.", "Write the character itself, or use --param.")
    tokens: list[Token] = []
    place, spaced = 0, False
    while place < len(query):
        found = _TOKEN.match(query, place)
        if found is None:
            raise _unreadable(query, place)
        place = found.end()
        if found.lastgroup == "blank":
            spaced = True
            continue
        tokens.append(_token(found, spaced=spaced))
        spaced = False
        if found.lastgroup == "quoted" and query.startswith("`", place):
            raise QueryRefusedError("A name in backticks holds a backtick.", "Use another name.")
        if found.lastgroup == "number" and _NAME.match(query, place):
            raise QueryRefusedError(f"{found[0]!r} runs into a word.", "Put a blank between them.")
    return tokens


def _token(found: re.Match[str], *, spaced: bool) -> Token:
    text = found[0]
    sort = Sort(found.lastgroup)
    if sort is Sort.WORD:
        return Token(sort, text.lower(), text, spaced)
    if sort is Sort.STRING:
        return Token(sort, _decoded(text[1:-1]), text, spaced)
    if sort is Sort.QUOTED and not _NAME.fullmatch(text[1:-1]):
        raise QueryRefusedError(
            f"The name {text[:80]} is not allowed.", "Names in backticks hold letters, digits and underscores."
        )
    return Token(sort, text[1:-1] if sort is Sort.QUOTED else text, text, spaced)


def _decoded(inner: str) -> str:
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in inner):
        raise QueryRefusedError("A text of the query is no valid Unicode.")

    def escape(found: re.Match[str]) -> str:
        letter = _ESCAPES.get(found[1])
        if letter is None:
            raise QueryRefusedError(f"The escape \\{found[1]!s} is not allowed.", "Use --param for unusual texts.")
        return letter

    return re.sub(r"\\(.)", escape, inner, flags=re.DOTALL)


def _unreadable(query: str, place: int) -> QueryRefusedError:
    letter = query[place]
    if letter in "'\"`":
        return QueryRefusedError("A quote in the query is never closed.")
    if query.startswith("/*", place):
        return QueryRefusedError("A comment in the query is never closed.")
    return QueryRefusedError(
        f"The character {letter!r} (U+{ord(letter):04X}) is not allowed outside of quotes.", "Use plain ASCII there."
    )
