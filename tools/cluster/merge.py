"""Makes one Snapshot of several observations of the same cluster. Of two views of an object the fuller, then the newer, stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from copilot.model import ContainerLog, Coverage, Detail, Ref, Resource, Snapshot
from copilot.model.moment import EPOCH
from tools.cluster.files_coverage import folded

_FULLNESS = {Detail.FULL: 2, Detail.DESCRIBED: 1, Detail.ROW: 0}


def merge(snapshots: Sequence[Snapshot]) -> Snapshot:
    """Merge observations; "now" is the newest of theirs, the cluster's name the first that is known."""
    if len(snapshots) == 1:
        return snapshots[0]
    return Snapshot(
        cluster=next((one.cluster for one in snapshots if one.cluster), ""),
        observed_at=max((one.observed_at for one in snapshots), default=EPOCH),
        resources=unified(resource for one in snapshots for resource in one.resources),
        coverage=Coverage(
            readings=folded(reading for one in snapshots for reading in one.coverage.readings),
            notes=tuple(dict.fromkeys(note for one in snapshots for note in one.coverage.notes)),
        ),
        logs=unified_logs(log for one in snapshots for log in one.logs),
        usage=tuple({(use.ref, use.container): use for one in snapshots for use in one.usage}.values()),
        alerts=tuple(alert for one in snapshots for alert in one.alerts),
        series=tuple(series for one in snapshots for series in one.series),
        services=tuple(service for one in snapshots for service in one.services),
        probes=tuple(probe for one in snapshots for probe in one.probes),
        commands=tuple(command for one in snapshots for command in one.commands),
    )


def unified(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """Keep one view of every object."""
    best: dict[Ref, Resource] = {}
    for resource in resources:
        known = best.get(resource.ref)
        if known is None or _better(resource, known):
            best[resource.ref] = resource
    return tuple(best.values())


def _better(new: Resource, known: Resource) -> bool:
    if new.detail is not known.detail:
        return _FULLNESS[new.detail] > _FULLNESS[known.detail]
    if new.created and known.created and new.created != known.created:
        return new.created > known.created
    return _version(new) > _version(known)


def _version(resource: Resource) -> int:
    """The server's counter; opaque by contract, a growing integer in every server there is."""
    version = resource.resource_version
    return int(version) if version.isdecimal() and len(version) < 20 else -1


def unified_logs(logs: Iterable[ContainerLog]) -> tuple[ContainerLog, ...]:
    """Keep the longest text of every container's run."""
    best: dict[tuple[str, str, str, bool], ContainerLog] = {}
    for log in logs:
        key = (log.namespace, log.pod, log.container, log.previous)
        known = best.get(key)
        if known is None or len(log.text) > len(known.text):
            best[key] = log
    return tuple(best.values())
