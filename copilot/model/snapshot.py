"""Everything one observation of one cluster showed, at one moment."""

from __future__ import annotations

from datetime import datetime

import msgspec

from copilot.model.coverage import Coverage
from copilot.model.moment import EPOCH
from copilot.model.observation import Alert, Command, ContainerLog, NodeService, Probe, Series, Usage
from copilot.model.resource import Resource


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """A cluster as observed. `observed_at` is "now" for every rule: the server's clock or the dump's own time."""

    cluster: str = ""
    observed_at: datetime = EPOCH
    resources: tuple[Resource, ...] = ()
    coverage: Coverage = Coverage()
    logs: tuple[ContainerLog, ...] = ()
    usage: tuple[Usage, ...] = ()
    alerts: tuple[Alert, ...] = ()
    series: tuple[Series, ...] = ()
    services: tuple[NodeService, ...] = ()
    probes: tuple[Probe, ...] = ()
    commands: tuple[Command, ...] = ()
