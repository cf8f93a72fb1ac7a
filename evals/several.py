"""Cases with several independent faults, made from recordings with one each: as if all had been one cluster at one moment.

Only recordings with namespaces of their own are joined. Times are shifted so that all were observed together; nothing else is touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from copilot.model import ContainerLog, Resource, Snapshot, Verdict
from copilot.model.moment import parse_time, stamp
from evals.case import RECORDINGS, Case, Material, load_cases
from evals.truth import Truth
from tools.cluster.merge import merge
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope

# Faults of one kind and of unlike kinds, two to five at once, with and without quiet neighbours.
COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("config-map-missing", "image-tag-missing"),
    ("quota-pods", "container-oom"),
    ("service-selector-mismatch", "volume-claim-missing"),
    ("probe-readiness-wrong-path", "job-deadline", "secret-key-missing"),
    ("node-disk-pressure", "image-registry-needs-login"),
    ("node-silent", "app-host-name-wrong", "rollout-paused"),
    ("schedule-node-cordoned", "container-module-missing"),
    ("ingress-service-missing", "container-panic", "healthy-old-restarts"),
    ("volume-storage-class-missing", "limit-range-maximum", "app-config-file-invalid"),
    ("service-target-port-name-wrong", "dependency-not-ready"),
    ("pod-security-restricted", "init-container-fails", "service-account-missing", "healthy-cronjob-suspended"),
    ("ingress-backend-scaled-to-zero", "app-credentials-rejected"),
    ("quota-cpu", "quota-must-specify-limits", "job-refused-by-quota"),
    ("webhook-backend-scaled-to-zero", "probe-liveness-wrong-port"),
    ("shop-down", "secret-volume-missing", "cronjob-forbid-previous-runs"),
    ("admission-policy-refuses", "image-pull-rate-limit", "volume-bound-to-another-claim", "job-backoff-limit",
     "statefulset-headless-service-missing"),
)  # fmt: skip

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


class Joined(msgspec.Struct, frozen=True):
    """One made case: its name, what there is to see, and all faults."""

    name: str
    snapshot: Snapshot
    truth: Truth


def several(combinations: Sequence[Sequence[str]] = COMBINATIONS, folder: Path = RECORDINGS) -> Iterator[Joined]:
    """Join the recordings of each combination.

    Raises:
        InputError: a recording cannot be read.
        KeyError: there is no recording of that name.
    """
    cases = {case.name: case for case in load_cases(folder)}
    for names in combinations:
        yield _joined([cases[name] for name in names])


def _joined(cases: Sequence[Case]) -> Joined:
    snapshots = [_objects_of(case) for case in cases]
    now = max(one.observed_at for one in snapshots)
    faults = tuple(fault for case in cases for fault in case.truth.faults)
    innocent = tuple(pattern for case in cases for pattern in case.truth.must_not)
    return Joined(
        "+".join(case.name for case in cases),
        merge([_moved(one, now - one.observed_at) for one in snapshots]),
        Truth(Verdict.FAULT, faults, innocent),
    )


def _objects_of(case: Case) -> Snapshot:
    return open_path(str(case.path), skip=lambda name: case.left_out(Material.OBJECTS, name)).snapshot(Scope())


def _moved(snapshot: Snapshot, by: timedelta) -> Snapshot:
    """The same observation, so much later."""
    if not by:
        return snapshot
    return msgspec.structs.replace(
        snapshot,
        observed_at=snapshot.observed_at + by,
        resources=tuple(_resource(one, by) for one in snapshot.resources),
        logs=tuple(_log(one, by) for one in snapshot.logs),
    )


def _resource(resource: Resource, by: timedelta) -> Resource:
    return msgspec.structs.replace(resource, body=_value(resource.body, by))


def _log(log: ContainerLog, by: timedelta) -> ContainerLog:
    return msgspec.structs.replace(log, text=_TIME.sub(lambda found: _later(found[0], by), log.text))


def _value(value: Any, by: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _value(inner, by) for key, inner in value.items()}
    if isinstance(value, list):
        return [_value(inner, by) for inner in value]
    return _TIME.sub(lambda found: _later(found[0], by), value) if isinstance(value, str) else value


def _later(words: str, by: timedelta) -> str:
    moment: datetime | None = parse_time(words)
    return words if moment is None else stamp(moment + by)
