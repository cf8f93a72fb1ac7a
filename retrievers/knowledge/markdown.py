"""Splits Markdown into citable sections. Code blocks and tables stay whole, and every piece knows its heading path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import yaml

CHUNK_CHARACTERS = 1_400  # about 300 tokens: a little more than the embedding model reads
_LONGEST_BLOCK = 6_000  # characters: a longer code block or table is cut at line ends
_HEADING = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{3,})[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_FRONT_LIMIT = 16_384  # characters: front-matter is a few lines; anything longer is text


class Section(msgspec.Struct, frozen=True):
    """One piece of a document: its heading path (`Symptom › In the logs`), its text, and the line it starts at."""

    heading: str
    text: str
    line: int


class Page(msgspec.Struct, frozen=True):
    """A parsed document: its title, its front-matter (empty when absent or broken) and its sections in order."""

    title: str
    front: Mapping[str, Any]
    sections: tuple[Section, ...]


class _Block(msgspec.Struct, frozen=True):
    """Lines that belong together: a paragraph, a list, a table or a fenced block."""

    line: int
    text: str


def parse_page(text: str, fallback_title: str) -> Page:
    """Parse one Markdown document; never fails, whatever the text is."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    front, start = _front_matter(lines)
    title = front.get("title") if isinstance(front.get("title"), str) else ""
    path: list[tuple[int, str]] = []
    sections: list[Section] = []
    blocks: list[_Block] = []
    for piece in _pieces(lines, start):
        if isinstance(piece, _Block):
            blocks.append(piece)
            continue
        sections.extend(_sections(path, blocks))
        blocks = []
        level, words = piece
        if level == 1 and not title:
            title = words
        path = [entry for entry in path if entry[0] < level]
        path.append((level, words))
    sections.extend(_sections(path, blocks))
    title = (title or fallback_title).strip()
    return Page(title=title, front=front, sections=tuple(_without_title(sections, title)))


def _front_matter(lines: list[str]) -> tuple[Mapping[str, Any], int]:
    """Read the YAML between the first two `---` lines; broken YAML is skipped, not shown as text."""
    if not lines or lines[0].strip() != "---":
        return {}, 0
    size = 0
    for number, line in enumerate(lines[1:], start=1):
        size += len(line)
        if size > _FRONT_LIMIT:
            return {}, 0
        if line.strip() in {"---", "..."}:
            try:
                loaded = yaml.safe_load("\n".join(lines[1:number]))
            except (yaml.YAMLError, ValueError, RecursionError):
                loaded = None
            return (loaded if isinstance(loaded, dict) else {}), number + 1
    return {}, 0


def _pieces(lines: list[str], start: int) -> Iterator[_Block | tuple[int, str]]:
    """Yield headings as (level, words) and everything between them as blocks."""
    buffer: list[str] = []
    number = first = start
    while number < len(lines):
        line = lines[number]
        fence = _FENCE.match(line)
        heading = _HEADING.match(line)
        underline = bool(buffer) and len(buffer) == 1 and _UNDERLINE.match(line)
        if fence:
            end = _fence_end(lines, number, fence.group(1))
            buffer.extend(lines[number:end])
            number = end
            continue
        if heading or underline:
            if underline:
                words, level = buffer.pop().strip(), 1 if "=" in line else 2
            else:
                assert heading is not None
                words, level = heading.group(2).strip(), len(heading.group(1))
            if buffer:
                yield _Block(first + 1, "\n".join(buffer))
            yield level, words
            buffer, first = [], number + 1
        elif line.strip():
            first = number if not buffer else first
            buffer.append(line.rstrip())
        elif buffer:
            yield _Block(first + 1, "\n".join(buffer))
            buffer = []
        number += 1
        if not buffer:
            first = number
    if buffer:
        yield _Block(first + 1, "\n".join(buffer))


def _fence_end(lines: list[str], start: int, fence: str) -> int:
    """The line after the one that closes a fenced block; the end of the text when none does."""
    for number in range(start + 1, len(lines)):
        closing = lines[number].strip()
        if closing and set(closing) == {fence[0]} and len(closing) >= len(fence):
            return number + 1
    return len(lines)


def _sections(path: list[tuple[int, str]], blocks: list[_Block]) -> Iterator[Section]:
    """Pack the blocks under one heading into sections of readable size, cutting only between blocks."""
    heading = " › ".join(words for _, words in path)
    packed: list[str] = []
    size, line = 0, 0
    for block in (part for whole in blocks for part in _cut(whole)):
        if packed and size + len(block.text) > CHUNK_CHARACTERS:
            yield Section(heading, "\n\n".join(packed), line)
            packed, size = [], 0
        line = line if packed else block.line
        packed.append(block.text)
        size += len(block.text)
    if packed:
        yield Section(heading, "\n\n".join(packed), line)


def _cut(block: _Block) -> Iterator[_Block]:
    """Cut a block that is too long for any reader at line ends, and a line that is too long anywhere."""
    if len(block.text) <= _LONGEST_BLOCK:
        yield block
        return
    lines: list[str] = []
    size, first = 0, block.line
    for offset, line in enumerate(block.text.split("\n")):
        for start in range(0, max(len(line), 1), _LONGEST_BLOCK):
            part = line[start : start + _LONGEST_BLOCK]
            if lines and size + len(part) > _LONGEST_BLOCK:
                yield _Block(first, "\n".join(lines))
                lines, size, first = [], 0, block.line + offset
            lines.append(part)
            size += len(part)
    if lines:
        yield _Block(first, "\n".join(lines))


def _without_title(sections: list[Section], title: str) -> Iterator[Section]:
    """Drop a first heading that only repeats the title: it would say the same in every section."""
    for section in sections:
        head, _, rest = section.heading.partition(" › ")
        yield Section(rest, section.text, section.line) if _letters(head) == _letters(title) else section


def _letters(words: str) -> str:
    """What two spellings of one name have in common: `KubePodCrashLooping`, `Kube Pod crash-looping`."""
    return "".join(filter(str.isalnum, words)).lower()
