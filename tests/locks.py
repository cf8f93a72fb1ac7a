"""Says when pyproject.toml and the locks under requirements/ disagree: each lock names the digest of what it was made from.

`python tests/locks.py --write` records the digest (`make lock` calls it); without it the digest is compared.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("base", "extras", "dev")
_MARK = "# made from pyproject "


def digest() -> str:
    """The digest of everything in pyproject.toml that decides a lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    deciding = [
        project["project"]["dependencies"],
        project["project"]["optional-dependencies"],
        project["project"]["requires-python"],
        project["dependency-groups"],
        project["tool"]["uv"],
    ]
    return hashlib.sha256(repr(deciding).encode()).hexdigest()[:16]


def problems() -> list[str]:
    """What is wrong with the locks, one sentence each."""
    found = []
    for name in LOCKS:
        path = ROOT / "requirements" / f"{name}.txt"
        if not path.is_file():
            found.append(f"requirements/{name}.txt is missing: run `make lock`")
            continue
        text = path.read_text(encoding="utf-8")
        if f"{_MARK}{digest()}" not in text:
            found.append(f"requirements/{name}.txt was made from another pyproject.toml: run `make lock`")
        if re.search(r"https?://|--(?:extra-)?index-url", text):
            found.append(f"requirements/{name}.txt names a host")
    return found


def write() -> None:
    """Put the digest at the head of each lock."""
    for name in LOCKS:
        path = ROOT / "requirements" / f"{name}.txt"
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(_MARK)]
        path.write_text("\n".join([f"{_MARK}{digest()}", *lines]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    for problem in problems():
        sys.stderr.write(problem + "\n")
    sys.exit(1 if problems() else 0)
