"""Which runbook explains which cause. Derived from the front-matter of the pages, so that the two cannot disagree."""

from __future__ import annotations

from functools import cache

from retrievers.knowledge.runbooks import Runbook, runbooks_naming


@cache
def _page_of(cause: str) -> Runbook | None:
    """The page that claims exactly this cause; the first in name order should two do (a test says that none do)."""
    return next((page for page in runbooks_naming(cause) if cause in page.causes), None)


def runbook_for(cause: str) -> str | None:
    """The slug of the page that explains a cause, or None where there is none."""
    page = page_for(cause)
    return page.slug if page else None


def page_for(cause: str) -> Runbook | None:
    """The parsed page of a cause, else of its family: `pod.probe.liveness.port` is explained by `pod.probe.liveness`."""
    while cause:
        page = _page_of(cause)
        if page:
            return page
        cause = cause.rpartition(".")[0]
    return None
