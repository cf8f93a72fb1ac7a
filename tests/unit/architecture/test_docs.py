"""The docs name everything the code offers, and the code's own reference pages are fresh."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from copilot.cli.main import COMMANDS
from copilot.diagnosis.catalogue import CAUSES
from copilot.settings import (
    ENV_ALLOW,
    ENV_ANCHOR_EVERY,
    ENV_ANCHOR_FILE,
    ENV_ANCHOR_REQUIRED,
    ENV_ANCHOR_URL,
    ENV_DATA,
    ENV_POLICY,
    ENV_PROMETHEUS,
)
from tests import locks, reference

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_reference_pages_are_made_from_the_present_code() -> None:
    assert reference.stale() == []


def _without_section(names: Iterable[str], page: str) -> list[str]:
    sections = set((DOCS / page).read_text(encoding="utf-8").splitlines())
    return [name for name in names if f"## {name}" not in sections]


def test_every_command_stands_in_the_docs() -> None:
    assert _without_section(COMMANDS, "commands.md") == []


def test_every_cause_stands_in_the_docs() -> None:
    assert _without_section(CAUSES, "causes.md") == []


def test_every_setting_stands_in_the_docs() -> None:
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    anchors = (ENV_ANCHOR_EVERY, ENV_ANCHOR_FILE, ENV_ANCHOR_REQUIRED, ENV_ANCHOR_URL)
    assert [name for name in (ENV_ALLOW, ENV_DATA, ENV_POLICY, ENV_PROMETHEUS, *anchors) if name not in settings] == []


def test_locks_agree_with_the_project() -> None:
    assert locks.problems() == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+\.md)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).is_file():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_no_commit_carries_a_machine_path_or_a_registry_host() -> None:
    # Assembled here so that this file does not hold what it looks for.
    forbidden = [
        "/" + "work/",
        "/" + "root/",
        "pypi" + ".org",
        "files.python" + "hosted.org",
        "registry.npm" + "js.org",
        "proxy.golang" + ".org",
    ]
    found = []
    for path in _tracked():
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in forbidden if word in text]
    assert found == []
