"""When a certificate that stands in the objects begins and ends. Reads PEM and the validity of DER (RFC 5280), nothing else.

Hostile or cut text reads as no certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----\s*([A-Za-z0-9+/=\s]{64,20000}?)-----END CERTIFICATE-----")
_SEQUENCE, _EXPLICIT, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18
MAX_CERTIFICATES = 8  # of one value: a longer list is a bundle of public authorities


class Validity(msgspec.Struct, frozen=True):
    """From when until when a certificate counts."""

    begins: datetime
    ends: datetime


def validities(text: str) -> list[Validity]:
    """The validity of each PEM certificate in a text; empty for a bundle of many authorities."""
    blocks = _PEM.findall(text)
    if len(blocks) > MAX_CERTIFICATES:
        return []
    return [found for block in blocks if (found := _validity(block)) is not None]


def decoded(bundle: str) -> str:
    """The PEM text of a base64 field such as `caBundle`, or nothing."""
    try:
        return base64.b64decode(bundle, validate=True).decode("ascii", "replace")
    except (binascii.Error, ValueError):
        return ""


def _validity(block: str) -> Validity | None:
    try:
        der = base64.b64decode("".join(block.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    certificate = next(_items(der), None)
    body = next(_items(certificate[1]), None) if certificate else None
    if body is None or certificate is None or certificate[0] != _SEQUENCE:
        return None
    fields = [item for item in _items(body[1]) if item[0] != _EXPLICIT]
    if len(fields) < 4:  # serial, algorithm, issuer, validity
        return None
    times = [_time(tag, value) for tag, value in _items(fields[3][1])]
    if len(times) != 2 or times[0] is None or times[1] is None:
        return None
    return Validity(times[0], times[1])


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, content) of each DER element; ends at the first that does not fit."""
    at = 0
    while at + 2 <= len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            if not 0 < size <= 4 or at + size > len(data):
                return
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            return
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, value: bytes) -> datetime | None:
    text = value.decode("ascii", "replace")
    if tag == _UTC_TIME and len(text) == 13 and text[:2].isdigit():
        text = ("20" if int(text[:2]) < 50 else "19") + text  # RFC 5280 section 4.1.2.5.1
    elif tag != _GENERALIZED_TIME:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
