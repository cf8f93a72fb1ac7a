"""What a cause is: declared once, and everything else (catalogue, docs, JSON, tests) is derived from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum

import msgspec

from copilot.diagnosis.view import View
from copilot.model import Finding


class Severity(IntEnum):
    """How much it hurts when it is true; orders root causes of equal confidence and reach."""

    NOTICE = 1  # works, but not as meant
    DEGRADED = 2  # part of the capacity or of the function is missing
    OUTAGE = 3  # the object does not work at all


class Cause(msgspec.Struct, frozen=True):
    """One cause of the catalogue.

    `id` is the rule's stable name. `secondary` marks a symptom: a link in a chain, never an answer by itself.
    `yields` marks a cause that may itself be the consequence of something deeper (an application that cannot reach
    its database yields to the database that is down); a cause with hard evidence of its own does not yield.
    `brings_about` marks a cause made on purpose (an experiment, an injected fault, a flag): beginnings of the ids of what
    it does to the objects it explains and to who calls them; those give way to it, even where they do not yield.
    `fields` are the evidence fields, `steps` what to do in words, `citation` the upstream source of the fact.
    """

    id: str
    title: str
    kind: str
    fields: tuple[str, ...]
    severity: Severity = Severity.OUTAGE
    secondary: bool = False
    yields: bool = False
    brings_about: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    citation: str = ""


class Rule(msgspec.Struct, frozen=True):
    """A pure function and the causes it may find."""

    find: Callable[[View], Iterable[Finding]]
    causes: tuple[Cause, ...]
