"""Decodes files of JSON or YAML into documents, lists item by item. An error names file and line; memory stays below 2× the text."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from copilot.model import InputError
from tools.cluster import manifests_yaml
from tools.cluster.sniff import Buffer

SHARE_ABOVE = 32 * 2**20  # bytes: from here on equal parts are kept once (half the memory for twice the time)
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

Decode = Callable[[Raw], Any]
_RELEASE = 64 * 2**20  # bytes of a mapped file after which the pages already decoded are handed back
_LINES = 16 * 2**20  # bytes counted at a time


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


def json_documents(data: Buffer, name: str) -> Iterator[Document | LogBlock]:
    """Yield every JSON value of a file: one, several on end, one a line, with log blocks between them or not.

    Raises:
        InputError: at the first byte that is no JSON; what came before has been yielded.
    """
    decode = _sharing() if len(data) > SHARE_ABOVE else _ANY.decode
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
        yield _json_document(view[at:end], data, at, name, decode)
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


def _json_document(value: memoryview, data: Buffer, at: int, name: str, decode: Decode) -> Document:
    first = bytes(value[:1])
    try:
        if first == b"{":
            parts = _DOCUMENT.decode(value)
            items = parts.get("items")
            listed = items is not None and "apiVersion" in parts and bytes(memoryview(items)[:1]) == b"["
            body = {
                key: _item(part, data, name, decode) for key, part in parts.items() if not (listed and key == "items")
            }
            return Document(body, _json_items(items, data, name, decode) if listed and items is not None else None)
        if first == b"[":
            return Document([], _json_items(Raw(value), data, name, decode))
        return Document(_ANY.decode(value))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _not_json(error, data, at, name) from error


def _json_items(items: Raw, data: Buffer, name: str, decode: Decode) -> Iterator[Any]:
    """Decode one item after the other, handing back the pages of a mapped file behind them."""
    done = released = 0
    for part in _ARRAY.decode(items):
        yield _item(part, data, name, decode)
        done += len(memoryview(part))
        if done - released > _RELEASE and isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            released = done // mmap.PAGESIZE * mmap.PAGESIZE
            data.madvise(mmap.MADV_DONTNEED, 0, released)


def _item(part: Raw, data: Buffer, name: str, decode: Decode) -> Any:
    """Decode one part; bytes that are no UTF-8 are taken for Latin-1."""
    try:
        return decode(part)
    except UnicodeDecodeError:
        return _ANY.decode(bytes(part).decode("latin-1").encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error, data, max(data.find(bytes(part)), 0), name) from error


def _not_json(error: Exception, data: Buffer, at: int, name: str) -> InputError:
    where = _BYTE.search(str(error))
    if where is None and "truncated" in str(error):
        end = len(data) - (len(data[-_LINES:]) - len(data[-_LINES:].rstrip()))
        return InputError(
            f"{name}:{_line(data, end)}: the JSON ends in the middle of a value", "The file is cut short."
        )
    what = str(error).removeprefix("JSON is malformed: ").split(" (byte")[0]
    line = _line(data, at + (int(where[1]) if where else 0))
    return InputError(f"{name}:{line}: not valid JSON: {what}", "Look at that line of the file.")


def _line(data: Buffer, at: int) -> int:
    return 1 + sum(data[start : min(start + _LINES, at)].count(b"\n") for start in range(0, at, _LINES))


def _sharing() -> Decode:
    """A decoder that keeps equal small parts once. Bodies then share dicts and lists: nobody may change them."""
    known: dict[bytes, Any] = {}

    def build(part: Raw) -> Any:
        """Decode by taking large parts apart and looking small ones up."""
        text = bytes(part)
        if len(text) <= SHARED_PART:
            found = known.get(text)
            if found is None:
                if len(known) >= SHARED_PARTS:
                    known.clear()
                found = known[text] = _ANY.decode(text)
            return found
        if text[:1] == b"{":
            return {key: build(value) for key, value in _DOCUMENT.decode(text).items()}
        if text[:1] == b"[":
            return [build(value) for value in _ARRAY.decode(text)]
        return _ANY.decode(text)

    return build


def yaml_documents(data: bytes, name: str) -> Iterator[Document | LogBlock]:
    """Yield every document of a YAML stream, with log blocks between them or not.

    Raises:
        InputError: at the first document that is not YAML; what came before has been yielded.
    """
    at, line = 0, 1
    blocks = _LOG_BLOCK.finditer(data) if _LOG_START in data else iter(())
    for block in blocks:
        yield from _yaml_stream(data, at, block.start(), line, name)
        yield _log_block(block)
        line += data.count(b"\n", at, block.end())
        at = block.end()
    yield from _yaml_stream(data, at, len(data), line, name)


def _yaml_stream(data: bytes, at: int, stop: int, first_line: int, name: str) -> Iterator[Document]:
    for start, end, line in manifests_yaml.documents(data, at, stop, first_line):
        cut = manifests_yaml.split_list(data, start, end)
        if cut is None:
            yield _whole(manifests_yaml.load(data[start:end], name, line))
        else:
            head, spans = cut
            yield Document(manifests_yaml.load(head, name, line), _yaml_items(data, spans, start, line, name))


def _whole(body: Any) -> Document:
    if isinstance(body, dict) and isinstance(body.get("items"), list) and "apiVersion" in body:
        return Document({k: v for k, v in body.items() if k != "items"}, iter(body["items"]))
    if isinstance(body, list):
        return Document([], iter(body))
    return Document(body)


def _yaml_items(data: bytes, spans: list[tuple[int, int]], start: int, line: int, name: str) -> Iterator[Any]:
    counted = start
    for first, last in spans:
        line += data.count(b"\n", counted, first)
        counted = first
        loaded = manifests_yaml.load(data[first:last], name, line)
        if isinstance(loaded, list):
            yield from loaded
