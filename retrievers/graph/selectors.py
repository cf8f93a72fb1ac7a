"""Label selectors with the API's full meaning. Compiled once, matched many times; hostile selectors match nothing.

Upstream: apimachinery pkg/apis/meta/v1 (LabelSelectorAsSelector) and pkg/labels/selector.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from copilot.model import children, text, texts


class Operator(StrEnum):
    """Operators of `matchExpressions`; node selectors add the two comparisons."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


class Requirement(msgspec.Struct, frozen=True):
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, Any]) -> bool:
        """Tell whether the labels satisfy it. A key that is absent satisfies NotIn and DoesNotExist only."""
        value = labels.get(self.key)
        present = isinstance(value, str)
        match self.operator:
            case Operator.IN:
                return present and value in self.values
            case Operator.NOT_IN:
                return not present or value not in self.values
            case Operator.EXISTS:
                return present
            case Operator.DOES_NOT_EXIST:
                return not present
            case Operator.GT | Operator.LT:
                return present and self._compares(str(value))

    def _compares(self, value: str) -> bool:
        bound = _integer(next(iter(self.values), ""))
        number = _integer(value)
        if bound is None or number is None:
            return False
        return number > bound if self.operator is Operator.GT else number < bound


def _integer(value: str) -> int | None:
    digits = value[1:] if value[:1] in ("-", "+") else value
    return int(value) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


class Selector(msgspec.Struct, frozen=True):
    """A compiled selector: all of `equal` and all of `requirements`. With neither, it selects everything."""

    equal: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()

    @property
    def selects_everything(self) -> bool:
        """Tell whether the selector is empty."""
        return not self.equal and not self.requirements

    def matches(self, labels: Mapping[str, Any]) -> bool:
        """Tell whether an object with these labels is selected."""
        for key, value in self.equal:
            if labels.get(key) != value:
                return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        """As kubectl's `-l` takes it."""
        parts = [f"{key}={value}" for key, value in self.equal]
        for need in self.requirements:
            values = ",".join(sorted(need.values))
            match need.operator:
                case Operator.IN:
                    parts.append(f"{need.key} in ({values})")
                case Operator.NOT_IN:
                    parts.append(f"{need.key} notin ({values})")
                case Operator.EXISTS:
                    parts.append(need.key)
                case Operator.DOES_NOT_EXIST:
                    parts.append(f"!{need.key}")
                case Operator.GT:
                    parts.append(f"{need.key}>{values}")
                case Operator.LT:
                    parts.append(f"{need.key}<{values}")
        return ",".join(parts)


def parse_label_selector(selector: Any) -> Selector | None:
    """Compile a LabelSelector (`matchLabels`, `matchExpressions`).

    None selects nothing: no selector at all, or one that the API would refuse. `{}` selects everything.
    """
    if not isinstance(selector, dict):
        return None
    equal = _equal(selector.get("matchLabels"))
    requirements = parse_requirements(selector.get("matchExpressions"))
    return None if equal is None or requirements is None else Selector(equal, requirements)


def parse_map_selector(selector: Any) -> Selector | None:
    """Compile a plain map of labels (`Service.spec.selector`): absent or empty selects nothing."""
    if not isinstance(selector, dict) or not selector:
        return None
    equal = _equal(selector)
    return None if equal is None else Selector(equal)


def _equal(labels: Any) -> tuple[tuple[str, str], ...] | None:
    if labels is None:
        return ()
    if not isinstance(labels, dict):
        return None
    pairs = tuple(labels.items())
    return pairs if all(isinstance(key, str) and isinstance(value, str) for key, value in pairs) else None


def parse_requirements(expressions: Any, *, comparisons: bool = False) -> tuple[Requirement, ...] | None:
    """Compile a list of expressions; None when one of them is not valid, for then the whole selector is not.

    `comparisons` allows Gt and Lt, which only node selectors have.
    """
    if expressions is None:
        return ()
    if not isinstance(expressions, list):
        return None
    found = []
    for expression in children(expressions):
        requirement = parse_requirement(expression)
        if requirement is None or (requirement.operator in _COMPARISONS and not comparisons):
            return None
        found.append(requirement)
    return tuple(found) if len(found) == len(expressions) else None


_COMPARISONS = (Operator.GT, Operator.LT)
_OPERATORS = {operator.value: operator for operator in Operator}
_VALUE_COUNT = {
    Operator.IN: range(1, 1 << 31),
    Operator.NOT_IN: range(1, 1 << 31),
    Operator.EXISTS: range(1),
    Operator.DOES_NOT_EXIST: range(1),
    Operator.GT: range(1, 2),
    Operator.LT: range(1, 2),
}


def parse_requirement(expression: Mapping[str, Any]) -> Requirement | None:
    """Compile one expression; None when its operator or number of values is not allowed."""
    operator = _OPERATORS.get(text(expression, "operator"))
    key = text(expression, "key")
    values = texts(expression, "values")
    if operator is None or not key or len(values) not in _VALUE_COUNT[operator]:
        return None
    return Requirement(key, operator, frozenset(values))
