"""The layout of a recording, for who writes it and who reads it back. Nothing a snapshot holds gets lost between the two.

recording.json      which cluster, when, whether redacted: the folder is a recording because this file is there
coverage.json       what was read, refused, missing
observations.json   usage, alerts, series, probes …: only what the source showed
objects.json        one List; big clusters have objects/<kind>[.<group>].json instead
logs/<namespace>/<pod>/<container>[.previous].log
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec

from copilot.model import (
    Alert,
    Command,
    Coverage,
    Detail,
    InputError,
    NodeService,
    Probe,
    Reading,
    Ref,
    Resource,
    Series,
    Snapshot,
    Usage,
)

MARKER = "recording.json"
COVERAGE = "coverage.json"
OBSERVATIONS = "observations.json"
OBJECTS = "objects.json"
RECORDING_SCHEMA = "cluster-copilot/recording/v1"
COVERAGE_SCHEMA = "cluster-copilot/coverage/v1"
OBSERVATIONS_SCHEMA = "cluster-copilot/observations/v1"


class Header(msgspec.Struct, frozen=True):
    """`recording.json`."""

    schema: str
    cluster: str
    observed_at: datetime
    redacted: bool = True


class CoverageFile(msgspec.Struct, frozen=True):
    """`coverage.json`."""

    schema: str
    readings: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()


class LessDetail(msgspec.Struct, frozen=True):
    """An object that the source did not show in full."""

    ref: Ref
    detail: Detail


class Observations(msgspec.Struct, frozen=True, omit_defaults=True):
    """`observations.json`: everything of a snapshot that is neither an object nor a log."""

    schema: str = ""
    usage: tuple[Usage, ...] = ()
    alerts: tuple[Alert, ...] = ()
    series: tuple[Series, ...] = ()
    services: tuple[NodeService, ...] = ()
    probes: tuple[Probe, ...] = ()
    commands: tuple[Command, ...] = ()
    details: tuple[LessDetail, ...] = ()


_File = TypeVar("_File", Header, CoverageFile, Observations)


def observations_of(snapshot: Snapshot) -> Observations:
    """What `observations.json` says about a snapshot."""
    return Observations(
        schema=OBSERVATIONS_SCHEMA,
        usage=snapshot.usage,
        alerts=snapshot.alerts,
        series=snapshot.series,
        services=snapshot.services,
        probes=snapshot.probes,
        commands=snapshot.commands,
        details=tuple(LessDetail(one.ref, one.detail) for one in snapshot.resources if one.detail is not Detail.FULL),
    )


def is_recording(marker: bytes) -> bool:
    """Tell whether the bytes of a `recording.json` are ours."""
    try:
        return msgspec.json.decode(marker, type=Header).schema == RECORDING_SCHEMA
    except (msgspec.DecodeError, RecursionError):
        return False


def completed(snapshot: Snapshot, files: Mapping[str, bytes], name: str = "the recording") -> Snapshot:
    """Give a snapshot its recorded time, coverage and observations back.

    Args:
        snapshot: The objects and logs of the folder, however they were read.
        files: The bytes of `recording.json`, `coverage.json` and `observations.json`, as far as they are there.
        name: What to call the folder in an error.

    Raises:
        InputError: One of the files is not what the format says.
    """
    header = _decoded(files, MARKER, Header, RECORDING_SCHEMA, name)
    if header is None:
        return snapshot
    coverage = _decoded(files, COVERAGE, CoverageFile, COVERAGE_SCHEMA, name)
    seen = _decoded(files, OBSERVATIONS, Observations, OBSERVATIONS_SCHEMA, name) or Observations()
    less = {one.ref: one.detail for one in seen.details}
    resources = snapshot.resources
    if less:
        resources = tuple(_with_detail(one, less.get(one.ref, one.detail)) for one in resources)
    return Snapshot(
        cluster=header.cluster,
        observed_at=header.observed_at,
        resources=resources,
        coverage=Coverage(coverage.readings, coverage.notes) if coverage else snapshot.coverage,
        logs=snapshot.logs,
        usage=seen.usage,
        alerts=seen.alerts,
        series=seen.series,
        services=seen.services,
        probes=seen.probes,
        commands=seen.commands,
    )


def _with_detail(one: Resource, detail: Detail) -> Resource:
    return one if one.detail is detail else msgspec.structs.replace(one, detail=detail)


def _decoded(files: Mapping[str, bytes], file: str, shape: type[_File], schema: str, name: str) -> _File | None:
    if file not in files:
        return None
    try:
        found = msgspec.json.decode(files[file], type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{name}/{file} is not as recorded: {error}.", "Record again, or restore the file.") from error
    if found.schema != schema:
        raise InputError(
            f"{name}/{file} has schema {found.schema!r}, this program reads {schema!r}.",
            "Record again with this version.",
        )
    return found
