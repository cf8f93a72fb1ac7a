"""Which recordings a test of many looks at: all under COPILOT_DEEP=1, else a part, always the same one."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from evals.case import Case
from tests.deep import DEEP


def part(cases: Sequence[Case], what: str, one_of: int) -> list[Case]:
    """One of so many recordings: another part for each `what`."""
    return [case for case in cases if DEEP or zlib.crc32(f"{what} {case.name}".encode()) % one_of == 0]


def by_name(case: Case) -> str:
    """The id of a recording's test."""
    return case.name
