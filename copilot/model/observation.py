"""What a source can show besides API objects: logs, usage, alerts, series, probes, node services, quotable text."""

from __future__ import annotations

from datetime import datetime

import msgspec

from copilot.model.ref import Ref


class ContainerLog(msgspec.Struct, frozen=True, eq=False):
    """Log text of one container. `text` is untrusted and may be cut at its start (`truncated`)."""

    namespace: str
    pod: str
    container: str
    text: str
    previous: bool = False
    source: str = ""
    truncated: bool = False


class Usage(msgspec.Struct, frozen=True):
    """Use of one pod's container (or a pod, `container` "") or a node, from `kubectl top` or metrics.k8s.io.

    `cpu` in cores, `memory` in bytes; None where the source did not say.
    """

    ref: Ref
    container: str = ""
    cpu: float | None = None
    memory: float | None = None
    source: str = ""


class Alert(msgspec.Struct, frozen=True):
    """One alert of the Alertmanager v2 API (`GET /api/v2/alerts`)."""

    name: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: str = "active"
    starts_at: datetime | None = None
    source: str = ""


class Series(msgspec.Struct, frozen=True, eq=False):
    """One Prometheus series of `query` or `query_range`: `points` are (unix seconds, value), oldest first."""

    name: str
    labels: dict[str, str]
    points: tuple[tuple[float, float], ...]
    source: str = ""


class NodeService(msgspec.Struct, frozen=True):
    """A systemd unit as `systemctl status` showed it on a node; `node` may be "" when the text does not say.

    `active` is systemd's word: active, inactive, failed, activating.
    """

    node: str
    unit: str
    active: str
    text: str = ""
    source: str = ""


class Probe(msgspec.Struct, frozen=True):
    """A connectivity test that a person ran (`nc -zv`, `curl`, `nslookup`) and what came of it.

    `origin` is the pod or node it ran in when known; `outcome` is one of: ok, refused, timeout, no-route,
    not-resolved, tls-error, http-error, error. `status` is the HTTP status when there was one.
    """

    origin: str
    host: str
    outcome: str
    port: int | None = None
    status: int | None = None
    text: str = ""
    source: str = ""


class Command(msgspec.Struct, frozen=True, eq=False):
    """One command of a transcript with its output, kept as quotable text. `read` tells whether it was understood."""

    command: str
    output: str
    source: str = ""
    read: bool = False
