"""Where the runbooks that come with the program stand: inside the installed package, or in a source checkout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from retrievers.knowledge.markdown import Page, parse_page
from retrievers.knowledge.sources import Found

ROOT = "runbooks"  # how the shipped pages are addressed: `runbooks/<slug>.md`


class Runbook(msgspec.Struct, frozen=True):
    """One shipped page: its slug (the file name without `.md`), and its parsed content."""

    slug: str
    page: Page

    @property
    def causes(self) -> tuple[str, ...]:
        """The ids of the causes this page explains."""
        return _strings(self.page.front.get("causes"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The Kubernetes kinds it is about."""
        return _strings(self.page.front.get("kinds"))


def _strings(value: object) -> tuple[str, ...]:
    """The strings of a front-matter list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def folder() -> Path | None:
    """The folder of the shipped pages, or None where the installation lacks them."""
    packaged = Path(str(files("retrievers.knowledge"))) / "runbooks"
    checkout = Path(__file__).parents[2] / "docs" / "runbooks"
    return next((path for path in (packaged, checkout) if path.is_dir()), None)


def shipped() -> Iterator[Found]:
    """Yield the shipped pages under their stable addresses, in name order."""
    where = folder()
    for path in sorted(where.glob("*.md")) if where else ():
        yield Found(path=f"{ROOT}/{path.name}", content=path.read_bytes())


@cache
def _texts() -> Mapping[str, str]:
    """The text of every shipped page by slug, in name order; read once a process."""
    return {found.path.removeprefix(f"{ROOT}/").removesuffix(".md"): found.text for found in shipped()}


@cache
def _parsed(slug: str) -> Runbook:
    return Runbook(slug=slug, page=parse_page(_texts()[slug], slug.replace("-", " ")))


def runbooks() -> tuple[Runbook, ...]:
    """All shipped pages, parsed."""
    return _with_causes(_texts())


def runbooks_naming(cause: str) -> tuple[Runbook, ...]:
    """The shipped pages whose text names a cause, parsed: to find the page of one cause, a hundred others need not be."""
    return _with_causes(slug for slug, text in _texts().items() if cause in text)


def _with_causes(slugs: Iterable[str]) -> tuple[Runbook, ...]:
    return tuple(page for page in map(_parsed, slugs) if "causes" in page.page.front)
