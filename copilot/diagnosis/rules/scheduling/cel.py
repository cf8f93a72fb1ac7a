"""A small reader of the CEL expressions that select devices: comparisons of attributes and capacities, joined by &&.

What it cannot read is neither true nor false: the answer is None, and nothing is concluded from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec

from copilot.model import mapping, parse_quantity, text

_FIELD = r"device\.(?P<section>attributes|capacity)\[\"(?P<domain>[^\"]+)\"\]\.(?P<name>\w+)"
_QUANTITY = re.compile(
    _FIELD
    + r"\.(?:compareTo\(quantity\(\"(?P<amount>[^\"]+)\"\)\)\s*(?P<operator>==|!=|>=|<=|>|<)\s*0|(?P<call>isGreaterThan|isLessThan)\(quantity\(\"(?P<bound>[^\"]+)\"\)\))"
)
_COMPARE = re.compile(_FIELD + r"\s*(?P<operator>==|!=|>=|<=|>|<)\s*(?P<value>\"[^\"]*\"|-?\d+|true|false)")
_BARE = re.compile(r"(?P<negated>!)?" + _FIELD)
_DRIVER = re.compile(r"device\.driver\s*(?P<operator>==|!=)\s*\"(?P<value>[^\"]*)\"")
_MATCHES = re.compile(_FIELD + r"\.(?P<call>matches|startsWith|endsWith|contains)\(\"(?P<value>[^\"]*)\"\)")


class Device(msgspec.Struct, frozen=True, eq=False):
    """One published device."""

    driver: str
    pool: str
    name: str
    node: str
    body: Mapping[str, Any]

    def attribute(self, domain: str, name: str) -> Any:
        """An attribute's value; names without a domain belong to the driver's own."""
        found = self._entry("attributes", domain, name)
        for kind in ("string", "int", "bool", "version"):
            if isinstance(found, dict) and kind in found:
                return found[kind]
        return None

    def capacity(self, domain: str, name: str) -> Fraction | None:
        """A capacity's amount."""
        found = self._entry("capacity", domain, name)
        return parse_quantity(found.get("value") if isinstance(found, dict) else found)

    def _entry(self, section: str, domain: str, name: str) -> Any:
        entries = mapping(self.body, section) or mapping(self.body, "basic", section)
        return entries.get(f"{domain}/{name}", entries.get(name) if domain == self.driver else None)


def evaluate(expression: str, device: Device) -> bool | None:
    """Whether the device satisfies the expression; None where it cannot be told."""
    if "||" in expression or "?" in expression:
        return None
    results = [_part(part.strip(), device) for part in expression.split("&&")]
    if any(result is False for result in results):
        return False
    return True if all(results) else None


def failing(expression: str, device: Device) -> list[str]:
    """The parts of the expression that the device does not satisfy, each with what it has."""
    return [
        f"{_brief(part)} (it has {_have(part, device)})"
        for part in map(str.strip, expression.split("&&"))
        if _part(part, device) is False
    ]


def _brief(part: str) -> str:
    found = _QUANTITY.fullmatch(part)
    if found and found["amount"]:
        return f"{found['name']} {found['operator']} {found['amount']}"
    if compared := _COMPARE.fullmatch(part):
        return f"{compared['name']} {compared['operator']} {compared['value']}"
    return part


def _have(part: str, device: Device) -> str:
    found = re.search(_FIELD, part)
    if found is None:
        return f"driver {device.driver}"
    entries = mapping(device.body, found["section"]) or mapping(device.body, "basic", found["section"])
    entry = entries.get(found["name"], entries.get(f"{found['domain']}/{found['name']}"))
    value = next(iter(entry.values()), "") if isinstance(entry, dict) else entry
    return text(value) or str(value or "none")


def _part(part: str, device: Device) -> bool | None:
    part = part.strip().removeprefix("(").removesuffix(")") if part.startswith("(") and part.count("(") == 1 else part
    if found := _DRIVER.fullmatch(part):
        return (device.driver == found["value"]) is (found["operator"] == "==")
    if found := _QUANTITY.fullmatch(part):
        return _quantity(found, device)
    if found := _MATCHES.fullmatch(part):
        return _text_call(found, device)
    if found := _COMPARE.fullmatch(part):
        have = device.attribute(found["domain"], found["name"])
        return None if have is None else _compare(have, found["operator"], _literal(found["value"]))
    if found := _BARE.fullmatch(part):
        have = device.attribute(found["domain"], found["name"])
        return None if not isinstance(have, bool) else have is not bool(found["negated"])
    return None


def _quantity(found: re.Match[str], device: Device) -> bool | None:
    have = device.capacity(found["domain"], found["name"])
    bound = parse_quantity(found["amount"] or found["bound"])
    if have is None or bound is None:
        return None
    operator = found["operator"] or (">" if found["call"] == "isGreaterThan" else "<")
    return _compare(have, operator, bound)


def _text_call(found: re.Match[str], device: Device) -> bool | None:
    have, value = device.attribute(found["domain"], found["name"]), found["value"]
    if not isinstance(have, str):
        return None
    match found["call"]:
        case "startsWith":
            return have.startswith(value)
        case "endsWith":
            return have.endswith(value)
        case "contains":
            return value in have
        case _:  # a user's pattern is not run: it may be hostile
            return None


def _literal(value: str) -> str | int | bool:
    if value.startswith('"'):
        return value[1:-1]
    return value == "true" if value in ("true", "false") else int(value)


def _compare(have: Any, operator: str, want: Any) -> bool | None:
    if operator == "==":
        return bool(have == want)
    if operator == "!=":
        return bool(have != want)
    if isinstance(have, str) or isinstance(want, str):
        return None
    return bool({">=": have >= want, "<=": have <= want, ">": have > want, "<": have < want}[operator])
