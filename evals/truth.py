"""What is true of a case, and whether an answer agrees. The format is documented in docs/evals.md."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec

from copilot.model import InputError, Ref, Verdict

FILE = "truth.json"


class Pattern(msgspec.Struct, frozen=True):
    """An object, or several where `*` stands in a field; an empty or missing field of `namespace` matches only itself."""

    kind: str
    name: str
    namespace: str = ""

    def matches(self, ref: Ref) -> bool:
        """Tell whether the object is meant."""
        return (
            fnmatchcase(ref.kind.lower(), self.kind.lower())
            and fnmatchcase(ref.namespace, self.namespace)
            and fnmatchcase(ref.name, self.name)
        )

    def __str__(self) -> str:
        """`Deployment shop/web`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong: the object to change, objects that are as good an answer, and words of a right title."""

    object: Pattern
    cause: str = ""
    keywords: tuple[str, ...] = ()
    also_accept: tuple[Pattern, ...] = ()
    same_chain: tuple[Pattern, ...] = ()

    def names(self, ref: Ref) -> bool:
        """Tell whether the object is an accepted answer."""
        return any(pattern.matches(ref) for pattern in (self.object, *self.also_accept, *self.same_chain))

    def says(self, words: str) -> bool:
        """Tell whether a text holds one of the keywords. Without keywords any text will do."""
        low = words.lower()
        return not self.keywords or any(word.lower() in low for word in self.keywords)


class Asked(msgspec.Struct, frozen=True):
    """What the solver is asked about: one object, one namespace, or (neither) the whole cluster."""

    object: Pattern | None = None
    namespace: str = ""


class Truth(msgspec.Struct, frozen=True):
    """The truth of a case: nothing is wrong (`faults` empty), or these faults, worst first."""

    verdict: Verdict
    faults: tuple[Fault, ...] = ()
    must_not: tuple[Pattern, ...] = ()
    asked: Asked = Asked()
    notes: str = ""

    def innocent(self, ref: Ref) -> bool:
        """Tell whether blaming the object is wrong whatever the reason."""
        return any(pattern.matches(ref) for pattern in self.must_not)


class _File(msgspec.Struct, frozen=True):
    """`truth.json` as it is written."""

    verdict: Verdict
    object: Pattern | None = None
    cause: str = ""
    keywords: tuple[str, ...] = ()
    also_accept: tuple[Pattern, ...] = ()
    same_chain: tuple[Pattern, ...] = ()
    must_not: tuple[Pattern, ...] = ()
    second: Fault | tuple[Fault, ...] | None = None
    asked: Asked = Asked()
    notes: str = ""


def load_truth(path: Path) -> Truth:
    """Read a `truth.json`.

    Raises:
        InputError: it is missing, no JSON, lacks a field, or says "fault" without an object.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}", "docs/evals.md describes the fields of truth.json.") from error
    if found.verdict is Verdict.FAULT and found.object is None:
        raise InputError(f"{path}: the verdict is fault, but no object is named", "Add object, or say healthy.")
    return Truth(found.verdict, _faults(found), found.must_not, found.asked, found.notes)


def _faults(found: Any) -> tuple[Fault, ...]:
    if found.object is None or found.verdict is not Verdict.FAULT:
        return ()
    first = Fault(found.object, found.cause, found.keywords, found.also_accept, found.same_chain)
    more: Sequence[Fault] = (
        () if found.second is None else (found.second,) if isinstance(found.second, Fault) else found.second
    )
    return (first, *more)
