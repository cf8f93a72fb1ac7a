"""Every described situation of the test suite, failures and quiet ones, by name.

Promise: each name stands once; a situation's twin, the same cluster without the fault, is a quiet one.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.unit import diagnosis
from tests.unit.diagnosis.unseen import Case, Situation

_FILES = ("unseen*.py", "blind_*.py")


@dataclass(frozen=True)
class Described:
    """One described cluster; `failure` is None where nothing is wrong."""

    name: str
    build: Callable[[], Case]
    failure: Situation | None = None


def everything() -> dict[str, Described]:
    """All of them, by name; a name that two files use is kept by the first."""
    found: dict[str, Described] = {}
    for module in list(_modules()):  # all are imported first: some share one list
        for each in _in(module):
            found.setdefault(each.name, each)
    return found


def _modules() -> Iterator[ModuleType]:
    folder = Path(next(iter(diagnosis.__path__)))
    for path in sorted({path for pattern in _FILES for path in folder.glob(pattern)}):
        yield importlib.import_module(f"{diagnosis.__name__}.{path.stem}")


def _in(module: ModuleType) -> Iterator[Described]:
    for value in vars(module).values():
        for entry in list(value) if isinstance(value, list) else ():
            if isinstance(entry, Situation):
                yield Described(_name(entry.name), entry.build, entry)
                if entry.twin:
                    yield Described(f"healthy-{_name(entry.name)}", entry.twin)
            elif isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[0], str) and callable(entry[1]):
                yield Described(f"healthy-{_name(entry[0])}", entry[1])


def _name(name: str) -> str:
    return name.replace("_", "-")
