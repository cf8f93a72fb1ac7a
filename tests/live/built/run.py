"""Builds many recordings one after the other on one server.

Promise: what the server refuses is told and leaves its old recording as it was.
"""

import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.live.testbed.errors import TestbedError

from . import described
from .build import build, refusal, truth
from .chosen import CLASS_OF
from .kinds import Kinds
from .server import served

_BROKEN = (TypeError, KeyError, IndexError, AttributeError, ValueError, StopIteration)  # a description being written
FOLDER = "built"  # below the recordings


def run(names: Iterable[str], state: Path, into: Path, *, only_check: bool = False) -> list[str]:
    """Build these, or all that are chosen; returns the names of those that were refused."""
    known = described.everything()
    wanted = list(names) or (list(known) if only_check else list(CLASS_OF))
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(parents=True)
    refused = []
    with served(state) as server:
        kinds = Kinds(server.api)
        kinds.read()
        for name in wanted:
            began = time.monotonic()
            one = known[name]
            try:
                if only_check:
                    said = refusal(one, server, kinds)
                else:
                    build(one.build(), truth(one, CLASS_OF.get(name, "")), server, kinds, into / FOLDER / name)
                    said = ""
            except TestbedError as error:
                said = error.happened
            except _BROKEN as error:
                said = f"the description itself fails: {error!r}"
            refused += [name] if said else []
            if said or not only_check:
                _say(f"{name}: {said or f'{time.monotonic() - began:.1f} s'}")
    return refused


def _say(line: str) -> None:
    print(line.replace("\n", " "), file=sys.stderr, flush=True)
