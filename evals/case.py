"""A case: recorded material and the truth about it. A case's material never includes its truth."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import msgspec

from copilot.model import InputError
from evals.truth import FILE, Truth, load_truth

RECORDINGS = Path(__file__).parent / "recordings"
DEPTH = 4  # folders below the given one in which cases are looked for: <set>/<group>/<case>
_TEXT = ".txt"


class Material(Enum):
    """Which part of a case's folder the solver is given."""

    OBJECTS = "objects"  # everything but pasted text at the top of the folder
    TRANSCRIPT = "transcript"  # only pasted text at the top of the folder
    BOTH = "both"


class Case(msgspec.Struct, frozen=True):
    """One recorded situation. `path` is a folder that `--from` takes."""

    name: str
    path: Path
    truth: Truth

    def left_out(self, material: Material, name: str) -> bool:
        """Tell whether a file of the folder is kept from the solver."""
        if name == FILE:
            return True
        pasted = "/" not in name and name.endswith(_TEXT)
        return (material is Material.OBJECTS and pasted) or (material is Material.TRANSCRIPT and not pasted)

    def has(self, material: Material) -> bool:
        """Tell whether the folder holds anything of that kind."""
        files = [entry for entry in self.path.iterdir() if entry.name != FILE and not entry.name.startswith(".")]
        return any(not self.left_out(material, entry.name + ("/" if entry.is_dir() else "")) for entry in files)


def load_cases(folder: Path) -> tuple[Case, ...]:
    """Load every folder with a `truth.json` at or below `folder`, by name.

    Raises:
        InputError: there is none, or a truth cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder", "Give a folder of cases; docs/evals.md describes one.")
    found = sorted(path.parent for depth in range(DEPTH) for path in folder.glob("*/" * depth + FILE))
    if not found:
        raise InputError(
            f"{folder}: no case in it", f"A case is a folder with {FILE} beside the recording; see docs/evals.md."
        )
    return tuple(Case(_name(path, folder), path, load_truth(path / FILE)) for path in found)


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else folder.resolve().name
