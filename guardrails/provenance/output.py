"""Makes a model's words safe to show: no picture or link is fetched or followed, nothing steers a terminal, nothing hides.

The words stay: a link keeps its text and shows its address as plain text in a form that no face makes clickable.
"""

from __future__ import annotations

import html
import re

from guardrails.provenance.spotlighting import safe

_IMAGE = re.compile(r"!\[([^\]\n]{0,500})\](?:\([^)\n]{0,4000}\)|\[[^\]\n]{0,500}\])")
_LINK = re.compile(r"\[([^\]\n]{1,500})\]\(\s*<?([^)\s>]{0,4000})>?[^)\n]{0,500}\)")
_REFERENCE = re.compile(r"^[ \t]{0,3}\[[^\]\n]{1,500}\]:[ \t]*\S+.*$", re.MULTILINE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])[^<>]{0,10000}>")
_OPEN_TAG = re.compile(r"<(?=(?:/?[a-z][a-z0-9-]*[\s>/]|!--|\?))", re.IGNORECASE)
_ADDRESS = re.compile(r"\b([a-z][a-z0-9+.-]{1,20})(?::|&#0*58;|&#x0*3a;|&colon;)(//|\\\\)", re.IGNORECASE)
_SCHEME = re.compile(r"\b(javascript|data|vbscript|mailto|tel|file)\s*:(?=\S)", re.IGNORECASE)
_WWW = re.compile(r"(?<![\w.])www\.(?=\w)", re.IGNORECASE)
_MENTION = re.compile(r"<([!@#][^<>\n]{1,200})>|(?<![\w.])@(channel|here|everyone)\b")
_PROTOCOL_RELATIVE = re.compile(r"(?<=[(\s\"'=])//(?=[a-z0-9-]+\.[a-z])", re.IGNORECASE)
_ROUNDS = 5  # taking one thing away may put another together


def clean_output(text: str) -> str:
    """The text without remote pictures and links, tags, terminal sequences and invisible characters. Idempotent."""
    for _ in range(_ROUNDS):
        cleaned = _cleaned(text)
        if cleaned == text:
            return text
        text = cleaned
    return _OPEN_TAG.sub("&lt;", text)


def _cleaned(text: str) -> str:
    text = safe(text)
    if "&" in text and _IMAGE.search(html.unescape(text)):
        text = html.unescape(text)
    text = _IMAGE.sub(lambda match: f"(picture left out: {match[1]})" if match[1] else "(picture left out)", text)
    text = _REFERENCE.sub("", text)
    text = _LINK.sub(lambda match: f"{match[1]} ({match[2]})" if match[2] else match[1], text)
    text = _MENTION.sub(lambda match: f"({match[1]})" if match[1] else f"(at){match[2]}", text)
    text = _TAG.sub(_untagged, text)
    text = _ADDRESS.sub(r"\1[:]\2", text)
    text = _SCHEME.sub(r"\1[:]", text)
    text = _PROTOCOL_RELATIVE.sub("/[/]", text)
    return _WWW.sub("www[.]", text)


def _untagged(match: re.Match[str]) -> str:
    """An autolink keeps its address; a placeholder such as `<none>` or `<pod>` stays; what a page would render goes."""
    inner = match[0][1:-1]
    if "://" in inner or inner.lower().startswith(("mailto:", "www.")):
        return inner
    return match[0] if _PLACEHOLDER.fullmatch(inner) and inner.lower() not in _RENDERED else ""


_PLACEHOLDER = re.compile(r"[A-Za-z][\w-]{0,40}|secret:[\w.-]{1,60}:[0-9a-f]{1,64}")
_RENDERED = frozenset(
    """a abbr address applet area article aside audio b base bdi bdo big blink blockquote body br button canvas center cite
    code col dd del details dialog dir div dl dt em embed fieldset figure font footer form frame frameset h1 h2 h3 h4 h5 h6
    head header hr html i iframe image img input ins kbd label legend li link main map mark marquee math menu meta meter nav
    noscript object ol optgroup option output p param picture plaintext pre progress q s samp script section select slot small
    source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead title tr track tt u ul
    var video wbr xml xmp""".split()  # noqa: SIM905 -- a word list reads best as words
)
