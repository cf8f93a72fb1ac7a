"""Reads described ConfigMaps and Secrets. A Secret's values are not printed; a token that is, is dropped here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tools.cluster.transcript.describe.lexer import Line

_SIZE = re.compile(r"(\S+): +\d+ bytes$")
_KEY = re.compile(r"([-._a-zA-Z0-9]{1,253}):$")
_RULE = "===="
_VALUE_RULE = "----"


def data_start(lines: Sequence[Line]) -> int | None:
    """The index of the `Data` heading of a ConfigMap or Secret, None where there is none."""
    for index in range(len(lines) - 1):
        if lines[index].text == "Data" and lines[index + 1].text == _RULE:
            return index
    return None


def config_map(lines: Sequence[Line]) -> dict[str, Any]:
    """The values after `Data`: each key is a line of its own, followed by dashes."""
    data: dict[str, str] = {}
    binary: list[str] = []
    key, value = "", list[str]()
    index = 2
    in_binary = False
    while index < len(lines):
        text = lines[index].text
        following = lines[index + 1].text if index + 1 < len(lines) else ""
        match = _KEY.match(text)
        if match and following == _VALUE_RULE:
            _keep(data, key, value, 1)
            key, value = match[1], []
            index += 2
            continue
        if text == "BinaryData" and following == _RULE:
            _keep(data, key, value, 2)
            key, in_binary = "", True
            index += 2
            continue
        if in_binary:
            size = _SIZE.match(text)
            if size:
                binary.append(size[1])
            elif text.startswith("Events:"):
                break
        elif key:
            value.append(text)
        index += 1
    _keep(data, key, value, 1)
    found: dict[str, Any] = {"data": data} if data else {}
    if binary:
        found["binaryData"] = dict.fromkeys(binary, "")
    return found


def _keep(data: dict[str, str], key: str, value: list[str], added: int) -> None:
    """Take off the empty lines kubectl adds (one, and one more before `BinaryData`): what is left of them was in the value."""
    if not key:
        return
    blanks = 0
    while value and not value[-1].strip():
        value.pop()
        blanks += 1
    data[key] = "\n".join(value) + "\n" * max(0, blanks - added)


def secret(lines: Sequence[Line], head: Sequence[Line]) -> dict[str, Any]:
    """The keys after `Data`, and the type before it."""
    keys = [match[1] for line in lines[2:] if (match := _SIZE.match(line.text))]
    keys += [line.text.partition(":")[0] for line in lines[2:] if line.text.startswith("token:")]
    kind = next((line.text[5:].strip() for line in head if line.text.startswith("Type:")), "")
    return {"type": kind, "data": dict.fromkeys(keys, "")}
