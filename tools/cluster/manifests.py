"""Decodes files of JSON or YAML into documents, lists item by item. An error names file and line; memory stays below 2× the text."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from copilot.model import InputError
from tools.cluster import manifests_yaml
from tools.cluster.sniff import Buffer, count_lines

SHARE_ABOVE = 32 * 2**20  # bytes of input: from here on equal parts are kept once (half the memory, twice the time)
SHARED_PART = 200  # bytes: larger parts are taken apart; measured best on real pods between 100 and 1,000
SHARED_PARTS = 65_536  # parts remembered, about 20 MB; then the memory starts anew

_DOCUMENT = msgspec.json.Decoder(dict[str, Raw])
_ARRAY = msgspec.json.Decoder(list[Raw])
_ANY = msgspec.json.Decoder()
_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_BYTE = re.compile(r"\(byte (\d+)\)")
_SPACE = re.compile(rb"[\s\x1e]+")  # RFC 7464 text sequences separate records by 0x1e
_LOG_START = b"==== START logs"
_LOG_BLOCK = re.compile(
    rb"^==== START logs for container (\S+) of pod ([^\s/]+)/(\S+) ====\r?\n(.*?)(?:^==== END logs for container \1 of pod \2/\3 ====\r?$|\Z)",
    re.MULTILINE | re.DOTALL,
)

_RELEASE = 64 * 2**20  # bytes of a mapped file after which the pages already decoded are handed back
_TAIL = 65_536  # bytes in which the end of a cut text is looked for


@dataclass(frozen=True)
class Document:
    """One value of a file. `body` is the decoded value, without the items of a list: those are in `items`."""

    body: Any
    items: Iterator[Any] | None = None


@dataclass(frozen=True)
class LogBlock:
    """A container's log inside a stream of documents, as `kubectl cluster-info dump` writes it."""

    namespace: str
    pod: str
    container: str
    text: bytes


def log_blocks(data: Buffer) -> Iterator[LogBlock]:
    """Yield the log blocks of a text that has nothing else in it (`<namespace>/<pod>/logs.txt`)."""
    for block in _LOG_BLOCK.finditer(data):
        yield _log_block(block)


def _log_block(block: re.Match[bytes]) -> LogBlock:
    container, namespace, pod = (block[i].decode("latin-1") for i in (1, 2, 3))
    return LogBlock(namespace, pod, container, block[4])


def json_documents(data: Buffer, name: str, parts: Parts) -> Iterator[Document | LogBlock]:
    """Yield every JSON value of a file: one, several on end, one a line, with log blocks between them or not.

    Raises:
        InputError: at the first byte that is no JSON; what came before has been yielded.
    """
    parts.expect(len(data))
    view = memoryview(data)
    at = 0
    while True:
        if space := _SPACE.match(data, at):
            at = space.end()
        if at >= len(data):
            return
        if data[at : at + len(_LOG_START)] == _LOG_START and (block := _LOG_BLOCK.match(data, at)):
            yield _log_block(block)
            at = block.end()
            continue
        end = _value_end(view, at, data, name)
        yield _json_document(view[at:end], data, at, name, parts)
        at = end


def _value_end(view: memoryview, at: int, data: Buffer, name: str) -> int:
    """Where the JSON value that starts at `at` ends (with the space behind it)."""
    try:
        msgspec.json.decode(view[at:], type=Raw)
    except msgspec.DecodeError as error:
        trailing = _TRAILING.search(str(error))
        if trailing is None:
            raise _not_json(error, data, at, name) from error
        return at + int(trailing[1]) - 1  # msgspec counts the first trailing byte as read
    except RecursionError as error:
        raise InputError(f"{name}:{_line(data, at)}: nests too deep to be an API object") from error
    return len(data)


def _json_document(value: memoryview, data: Buffer, at: int, name: str, parts: Parts) -> Document:
    first = bytes(value[:1])
    try:
        if first == b"{":
            fields = _DOCUMENT.decode(value)
            items = fields.get("items")
            listed = items is not None and "apiVersion" in fields and bytes(memoryview(items)[:1]) == b"["
            body = {
                key: _item(part, data, name, parts) for key, part in fields.items() if not (listed and key == "items")
            }
            return Document(body, _json_items(items, data, name, parts) if listed and items is not None else None)
        if first == b"[":
            return Document([], _json_items(Raw(value), data, name, parts))
        return Document(_ANY.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(error, data, at, name) from error


def _json_items(items: Raw, data: Buffer, name: str, parts: Parts) -> Iterator[Any]:
    """Decode one item after the other, handing back the pages of a mapped file behind them."""
    done = released = 0
    for part in _ARRAY.decode(items):
        yield _item(part, data, name, parts)
        done += len(memoryview(part))
        if done - released > _RELEASE:
            released = _release(data, done)


def _release(data: Buffer, done: int) -> int:
    """Hand back the pages of a mapping up to a place; they come again from the file when they are looked at."""
    whole = done // mmap.PAGESIZE * mmap.PAGESIZE
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.madvise(mmap.MADV_DONTNEED, 0, whole)
    return whole


def _item(part: Raw, data: Buffer, name: str, parts: Parts) -> Any:
    """Decode one part; bytes that are no UTF-8 are taken for Latin-1."""
    try:
        return parts.decode(part)
    except UnicodeDecodeError:
        return _ANY.decode(bytes(part).decode("latin-1").encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error, data, max(data.find(bytes(part)), 0), name) from error


def _not_json(error: Exception, data: Buffer, at: int, name: str) -> InputError:
    where = _BYTE.search(str(error))
    if where is None and "truncated" in str(error):
        tail = data[-_TAIL:]
        end = len(data) - len(tail) + len(tail.rstrip())
        return InputError(
            f"{name}:{_line(data, end)}: the JSON ends in the middle of a value", "The file is cut short."
        )
    what = str(error).removeprefix("JSON is malformed: ").split(" (byte")[0]
    line = _line(data, at + (int(where[1]) if where else 0))
    return InputError(f"{name}:{line}: not valid JSON: {what}", "Look at that line of the file.")


def _line(data: Buffer, at: int) -> int:
    return 1 + count_lines(data, 0, at)


class Parts:
    """Decodes the parts of one input. Once the input is large, equal small parts are kept once.

    Bodies then share dicts and lists: nobody may change what is below the top of one.
    """

    def __init__(self, share_above: int = SHARE_ABOVE) -> None:
        self._left = share_above
        self._known: dict[bytes, Any] = {}

    def decode(self, part: Raw) -> Any:
        """Decode one JSON value.

        Raises:
            msgspec.DecodeError: it is not valid JSON.
        """
        return self._shared(part) if self._left < 0 else _ANY.decode(part)

    def shared(self, value: Any) -> Any:
        """Give a value that is decoded already the same treatment, where that pays."""
        if self._left < 0:
            return self._shared(Raw(msgspec.json.encode(value)))
        return value

    def expect(self, size: int) -> None:
        """Say that a text of so many bytes comes next."""
        self._left -= size

    def _shared(self, part: Raw) -> Any:
        """Take large parts apart and look small ones up."""
        text = bytes(part)
        if len(text) <= SHARED_PART:
            found = self._known.get(text, self)
            if found is self:
                if len(self._known) >= SHARED_PARTS:
                    self._known.clear()
                found = self._known[text] = _ANY.decode(text)
            return found
        if text[:1] == b"{":
            return {key: self._shared(value) for key, value in _DOCUMENT.decode(text).items()}
        if text[:1] == b"[":
            return [self._shared(value) for value in _ARRAY.decode(text)]
        return _ANY.decode(text)


def yaml_documents(data: Buffer, name: str, parts: Parts) -> Iterator[Document | LogBlock]:
    """Yield every document of a YAML stream, with log blocks between them or not.

    Raises:
        InputError: at the first document that is not YAML; what came before has been yielded.
    """
    parts.expect(len(data))
    at, line = 0, 1
    blocks = _LOG_BLOCK.finditer(data) if data.find(_LOG_START) >= 0 else iter(())
    for block in blocks:
        yield from _yaml_stream(data, at, block.start(), line, name, parts)
        yield _log_block(block)
        line += count_lines(data, at, block.end())
        at = block.end()
    yield from _yaml_stream(data, at, len(data), line, name, parts)


def _yaml_stream(data: Buffer, at: int, stop: int, first_line: int, name: str, parts: Parts) -> Iterator[Document]:
    for start, end, line in manifests_yaml.documents(data, at, stop, first_line):
        cut = manifests_yaml.split_list(data, start, end)
        if cut is None:
            yield _whole(manifests_yaml.load(bytes(data[start:end]), name, line), parts)
        else:
            head, spans = cut
            yield Document(manifests_yaml.load(head, name, line), _yaml_items(data, spans, start, line, name, parts))


def _whole(body: Any, parts: Parts) -> Document:
    if isinstance(body, dict) and isinstance(body.get("items"), list) and "apiVersion" in body:
        return Document({k: v for k, v in body.items() if k != "items"}, map(parts.shared, body["items"]))
    if isinstance(body, list):
        return Document([], map(parts.shared, body))
    return Document(parts.shared(body))


def _yaml_items(
    data: Buffer, spans: list[tuple[int, int]], start: int, line: int, name: str, parts: Parts
) -> Iterator[Any]:
    counted = released = start
    for first, last in spans:
        line += count_lines(data, counted, first)
        counted = first
        if first - released > _RELEASE:
            released = _release(data, first)
        loaded = manifests_yaml.load(bytes(data[first:last]), name, line)
        if isinstance(loaded, list):
            yield from map(parts.shared, loaded)
