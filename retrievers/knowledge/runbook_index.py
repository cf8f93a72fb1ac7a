"""Which runbook explains which cause. Derived from the front-matter of the pages, so that the two cannot disagree."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from retrievers.knowledge.runbooks import Runbook, runbooks


@cache
def _by_cause() -> Mapping[str, Runbook]:
    """Cause id → page; the first page in name order wins should two claim one cause (a test says that none do)."""
    index: dict[str, Runbook] = {}
    for page in runbooks():
        for cause in page.causes:
            index.setdefault(cause, page)
    return index


def runbook_for(cause: str) -> str | None:
    """The slug of the page that explains a cause, or None where there is none."""
    page = page_for(cause)
    return page.slug if page else None


def page_for(cause: str) -> Runbook | None:
    """The parsed page of a cause, else of its family: `pod.probe.liveness.port` is explained by `pod.probe.liveness`."""
    while cause:
        page = _by_cause().get(cause)
        if page:
            return page
        cause = cause.rpartition(".")[0]
    return None
