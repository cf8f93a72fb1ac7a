"""What the rules judge: the change, the object, and what stands around it. Pure data, read by others."""

from __future__ import annotations

import msgspec

from guardrails.managers import Manager
from guardrails.operations.args import EditArgs, RestartArgs, ScaleArgs, StepArgs, operation_of
from guardrails.operations.op import Op
from guardrails.plan import Access, Dependant, DryRunState, ObjectRef
from guardrails.privilege import TemplateChange
from guardrails.provenance.labels import Taint
from guardrails.workload import WorkloadState


class Autoscaler(msgspec.Struct, frozen=True):
    """A HorizontalPodAutoscaler that sets the replicas. `place` is where its bounds are kept."""

    name: str
    least: int
    most: int
    place: str


class Budget(msgspec.Struct, frozen=True):
    """A PodDisruptionBudget over the pods. `absolute` is False when it wants a share, which moves with the replicas.

    `allowed` is how many evictions it lets through now; None when it does not say.
    """

    name: str
    healthy: int
    wanted: int
    absolute: bool
    allowed: int | None = None


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

    `selected_keys` are label keys that selectors use, `registries` those that images of the namespace come from.
    `unread` names relevant kinds that could not be read in full; `unjudged` what was seen but is not computed.
    `troubled` are lines about what the object depends on and that is ill right now.
    """

    services: tuple[ServiceReach, ...] = ()
    budgets: tuple[Budget, ...] = ()
    autoscalers: tuple[Autoscaler, ...] = ()
    quotas: tuple[QuotaRoom, ...] = ()
    dependants: tuple[Dependant, ...] = ()
    single_writer_volume: bool = False
    selected_keys: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    age_seconds: int = 0
    troubled: tuple[str, ...] = ()


class Eviction(msgspec.Struct, frozen=True):
    """One pod to evict. `owner` is what makes it again ("" when nothing does); `scratch` is an emptyDir volume."""

    namespace: str
    name: str
    ready: bool
    owner: str
    scratch: bool


class Case(msgspec.Struct, frozen=True):
    """One change to judge.

    `args` are those of the first step; a drain is a cordon with `evictions` behind it. `rehearsed` is the worst of the
    rehearsals and `way_back` that of the rollback; both are None while nothing was sent to the server.
    `moved_on` says, for an undo, what has happened to the object since. `rolls_out` means that pods are replaced.
    `replicas` are those before and after where anything but a scale changes their number.
    `failed_lately` is how many changes of the person were sent within an hour and did not work.
    `people` is how many people can agree to it here: two where an executor serves several.
    `taint` is how a model came to propose it, None where a person wrote it.
    `found` are refusals that the draft brought along, `steering` the control labels among the keys that change.
    """

    ref: ObjectRef
    args: StepArgs
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
    evictions: tuple[Eviction, ...] = ()
    template: TemplateChange = TemplateChange()
    steering: tuple[str, ...] = ()
    rolls_out: bool = False
    noted: bool = False
    own_creation: bool = False
    found: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    replicas: tuple[int, int] | None = None
    failed_lately: int = 0
    people: int = 1
    taint: Taint | None = None

    @property
    def scaling(self) -> tuple[int, int] | None:
        """The replicas before and after, where the change sets their number: a scale, or a document that has one."""
        return (self.args.before, self.args.after) if isinstance(self.args, ScaleArgs) else self.replicas

    @property
    def op(self) -> Op:
        """What the person asked for."""
        op = operation_of(self.args)
        return Op.DRAIN if op is Op.CORDON and self.evictions else op

    @property
    def replaces_pods(self) -> bool:
        """Tell whether pods are replaced by new ones, a few at a time."""
        return isinstance(self.args, RestartArgs) or (isinstance(self.args, EditArgs) and self.rolls_out)
