"""The shape of a site policy file. What is not in it cannot be said in one: no field lowers a tier or allows anything."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

import msgspec

from guardrails.operations.op import Op

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
_Names = Annotated[tuple[_Name, ...], msgspec.Meta(min_length=1)]
_Clock = Annotated[str, msgspec.Meta(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]


class EnvironmentClass(Enum):
    """What a part of a cluster is for, strictest first."""

    PROD = "prod"
    STAGING = "staging"
    DEV = "dev"


class Day(Enum):
    """A day of the week, Monday first as `datetime.weekday` counts."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class SimpleEffect(Enum):
    """What a violated validation does."""

    DENY = "deny"
    RAISE = "raise"


class _Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is misspelt is refused, so that no rule is silently left out."""


class AtLeast(_Shape, frozen=True, kw_only=True):
    """The change needs this tier or a higher one. Four is said with deny."""

    at_least: Literal[2, 3]


class Match(_Shape, frozen=True, kw_only=True):
    """Which changes a rule is about. Each list that is given must match; `namespaces` are patterns with * and ?."""

    operations: Annotated[tuple[Op, ...], msgspec.Meta(min_length=1)] | None = None
    kinds: _Names | None = None
    namespaces: _Names | None = None
    environments: Annotated[tuple[EnvironmentClass, ...], msgspec.Meta(min_length=1)] | None = None


class Validation(_Shape, frozen=True, kw_only=True):
    """One CEL expression that must be true; where it is not, `effect` follows and `message` says why."""

    expression: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    message: _Name
    effect: SimpleEffect | AtLeast = SimpleEffect.DENY


class PolicyRule(_Shape, frozen=True, kw_only=True):
    """A named rule."""

    name: _Name
    match: Match = Match()
    validations: Annotated[tuple[Validation, ...], msgspec.Meta(min_length=1)]


class Environment(_Shape, frozen=True, kw_only=True):
    """Clusters (by context name, server address or uid) and namespaces that have one class. A list not given means all."""

    environment: EnvironmentClass = msgspec.field(name="class")
    clusters: _Names | None = None
    namespaces: _Names | None = None


class FreezeWindow(_Shape, frozen=True, kw_only=True):
    """A time in which nothing is changed. One that ends before it begins goes over midnight, into the next day."""

    name: _Name
    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1)]
    begin: _Clock = msgspec.field(name="from")
    end: _Clock = msgspec.field(name="to")
    time_zone: str
    reason: _Name
    environments: Annotated[tuple[EnvironmentClass, ...], msgspec.Meta(min_length=1)] | None = None


class ChangeWindow(_Shape, frozen=True, kw_only=True):
    """A time for changes. Where one is named for an environment, outside of all of its windows only tier 1 is left."""

    name: _Name
    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1)]
    begin: _Clock = msgspec.field(name="from")
    end: _Clock = msgspec.field(name="to")
    time_zone: str
    environments: Annotated[tuple[EnvironmentClass, ...], msgspec.Meta(min_length=1)] | None = None


class BreakGlassRules(_Shape, frozen=True, kw_only=True):
    """Who may go past windows and the second person in an emergency. Names are whole names, never patterns.

    `people` are names of the API server or of this machine, `groups` those that the API server tells. A review that is
    open for more than `review_days` closes it for everybody.
    """

    people: tuple[_Name, ...] = ()
    groups: tuple[_Name, ...] = ()
    minutes: Annotated[int, msgspec.Meta(ge=1, le=30)] = 30
    review_days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 3


class PolicyDocument(_Shape, frozen=True, kw_only=True):
    """A whole site policy. `environments` None: the policy tells nothing of environments."""

    version: Literal[1]
    environments: Annotated[tuple[Environment, ...], msgspec.Meta(min_length=1)] | None = None
    protected_namespaces: tuple[_Name, ...] = ()
    freeze_windows: tuple[FreezeWindow, ...] = ()
    change_windows: tuple[ChangeWindow, ...] = ()
    break_glass: BreakGlassRules | None = None
    rules: tuple[PolicyRule, ...] = ()
