"""What the rules judge: the change, the object, and what stands around it. Pure data, read by others."""

from __future__ import annotations

import msgspec

from guardrails.managers import Manager
from guardrails.plan import Access, Dependant, DryRunState, ObjectRef, RestartArgs, ScaleArgs
from guardrails.workload import WorkloadState


class Autoscaler(msgspec.Struct, frozen=True):
    """A HorizontalPodAutoscaler that sets the replicas. `place` is where its bounds are kept."""

    name: str
    least: int
    most: int
    place: str


class Budget(msgspec.Struct, frozen=True):
    """A PodDisruptionBudget over the pods. `absolute` is False when it wants a share, which moves with the replicas."""

    name: str
    healthy: int
    wanted: int
    absolute: bool


class ServiceReach(msgspec.Struct, frozen=True):
    """A Service that sends traffic to the pods: all its ready endpoints, and how many of them are these pods."""

    name: str
    ready: int
    ready_here: int


class QuotaRoom(msgspec.Struct, frozen=True):
    """How many more of these pods one line of a ResourceQuota has room for."""

    name: str
    resource: str
    pods: int


class Surroundings(msgspec.Struct, frozen=True):
    """What the resource graph shows around the object.

    `unread` names relevant kinds that could not be read in full; `unjudged` what was seen but is not computed.
    """

    services: tuple[ServiceReach, ...] = ()
    budgets: tuple[Budget, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    quotas: tuple[QuotaRoom, ...] = ()
    dependants: tuple[Dependant, ...] = ()
    single_writer_volume: bool = False
    unread: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    age_seconds: int = 0


class Case(msgspec.Struct, frozen=True):
    """One change to judge.

    `rehearsed` and `way_back` (the rehearsal of the rollback) are None while nothing was sent to the server.
    `moved_on` says, for an undo, what has happened to the object since.
    """

    ref: ObjectRef
    args: ScaleArgs | RestartArgs
    state: WorkloadState
    around: Surroundings
    managers: tuple[Manager, ...] = ()
    access: tuple[Access, ...] = ()
    rehearsed: DryRunState | None = None
    rehearsal_detail: str = ""
    way_back: DryRunState | None = None
    changed_lately: bool = False
    is_undo: bool = False
    moved_on: str = ""
