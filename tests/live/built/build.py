"""Makes a recording of a described situation: its objects through an API server, the rest as it was described.

Promise: the recording is written whole or not at all, and building it again gives the same but for uids and seconds.
"""

import contextlib
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from copilot.cli.record import COMMAND
from copilot.model import Detail
from tests.live import recording
from tests.live.testbed.errors import TestbedError
from tests.unit.diagnosis.unseen import Case
from tools.cluster.record_format import OBSERVATIONS, observations_of

from . import paste
from .described import Described
from .kinds import Kinds, Refusal
from .naming import real_names
from .place import place
from .server import Server

_ENCODER = msgspec.json.Encoder(order="sorted")


def build(case: Case, truth: dict[str, Any], server: Server, kinds: Kinds, folder: Path) -> None:
    """Write the recording of a case; an older one is replaced. Raises Refusal."""
    _check(case)
    case, truth = real_names(case, truth)
    server.clean()
    by = _since(case)
    place([body for body, _ in case.bodies], server, kinds, by)
    work = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(case, truth, server, kinds, work, by)
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _check(case: Case) -> None:
    if case.unread or any(detail is not Detail.FULL for _, detail in case.bodies):
        raise Refusal("a situation of what could not be read is no recording of a whole cluster", "test it as it is")


def _write(case: Case, truth: dict[str, Any], server: Server, kinds: Kinds, work: Path, by: timedelta) -> None:
    values = any(body["kind"] == "ConfigMap" and body.get("data") for body, _ in case.bodies)
    _record(server.kubeconfig, work, ["--config-values"] if values else [])
    pasted = paste.printed(case, server)
    used = {(body["apiVersion"].rpartition("/")[0], body["kind"]) for body, _ in case.bodies}
    recording.tidy(work, frozenset(kinds.added - used))
    recording.name_cluster(work / "recording.json", "test")
    for path in work.glob("*.json"):
        path.write_text(recording.shifted_text(path.read_text(), -by))
    (work / "transcript.txt").write_text(recording.shifted_text(pasted, -by) + "\n" + paste.told(case))
    for log in case.logs:
        name = f"{log.container}.previous.log" if log.previous else f"{log.container}.log"
        path = work / "logs" / log.namespace / log.pod / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(log.text)
    seen = msgspec.structs.replace(observations_of(case.snapshot()), details=())
    if len(msgspec.json.decode(_ENCODER.encode(seen))) > 1:  # more than its schema
        (work / OBSERVATIONS).write_bytes(_ENCODER.encode(seen))
    (work / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    recording.compress(work / "objects.json")


def _record(kubeconfig: Path, folder: Path, more: list[str]) -> None:
    """`kubectl copilot record`, in this process: hundreds are made."""
    words = ["-o", str(folder), "-A", "--kubeconfig", str(kubeconfig), *more]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        COMMAND.main(words, standalone_mode=False)


def truth(one: Described, kind_of_failure: str) -> dict[str, Any]:
    """The truth of a described cluster, as docs/evals.md has it."""
    facts: dict[str, Any] = {
        "verdict": "fault" if one.failure else "healthy", "class": kind_of_failure, "written_before_rule": True,
        "cause": one.name.removeprefix("healthy-").replace("-", " "),
    }  # fmt: skip
    if one.failure:
        first, *others = [_pattern(entry) for entry in one.failure.objects]
        facts |= {"object": first, "keywords": list(one.failure.words), "also_accept": others}
    return facts | {"must_not": []}


def _pattern(entry: str) -> dict[str, str]:
    kind, _, path = entry.partition(" ")
    namespace, _, name = path.rpartition("/")
    return {"kind": kind, "namespace": namespace, "name": name}


def refusal(one: Described, server: Server, kinds: Kinds) -> str:
    """What the server refuses of a described cluster, or nothing; nothing is recorded."""
    case = one.build()
    server.clean()
    try:
        _check(case)
        case, _ = real_names(case, {})
        place([body for body, _ in case.bodies], server, kinds, _since(case))
    except TestbedError as error:
        return error.happened
    return ""


def _since(case: Case) -> timedelta:
    return timedelta(seconds=round((datetime.now(UTC) - case.now).total_seconds()))
