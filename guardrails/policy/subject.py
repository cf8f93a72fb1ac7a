"""What a site policy sees of a change: a plain document made from the plan alone, with every field always there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec

from copilot.model import dig
from guardrails.operations.args import ApplyArgs, CreateJobArgs, EditArgs, EvictArgs, ScaleArgs
from guardrails.operations.edits import value_of
from guardrails.operations.op import Op
from guardrails.plan import DryRunState, Plan, Step


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Its field names are those that expressions and fixtures use."""


class SeenObject(_Seen, frozen=True, kw_only=True):
    """One object that the change touches, and how."""

    operation: Op
    kind: str
    name: str
    group: str = ""
    namespace: str = ""


class SeenCluster(_Seen, frozen=True, kw_only=True):
    """The cluster, as the kubeconfig and the cluster's own uid name it."""

    context: str = ""
    server: str = ""
    uid: str = ""


class Replicas(_Seen, frozen=True, kw_only=True):
    """Replicas wanted before and after; the same number where the change does not set it."""

    before: int = 0
    after: int = 0


class Pods(_Seen, frozen=True, kw_only=True):
    """Pods of the object now, those ready, and those that the change ends."""

    now: int = 0
    ready: int = 0
    disrupted: int = 0


class SeenChange(_Seen, frozen=True, kw_only=True):
    """One field before and after, as JSON text with secrets taken out; "" means absent."""

    path: str
    before: str = ""
    after: str = ""


class Subject(_Seen, frozen=True, kw_only=True):
    """A change as rules see it. `tier` is the one it has without the site policy; `objects` begin with its own."""

    operation: Op
    kind: str
    name: str
    group: str = ""
    namespace: str = ""
    objects: tuple[SeenObject, ...] = ()
    cluster: SeenCluster = SeenCluster()
    tier: Annotated[int, msgspec.Meta(ge=1, le=4)] = 1
    words: str = ""
    replicas: Replicas = Replicas()
    pods: Pods = Pods()
    dependants: tuple[SeenObject, ...] = ()
    images: tuple[str, ...] = ()
    changes: tuple[SeenChange, ...] = ()
    managers: tuple[str, ...] = ()
    rehearsed: bool = False
    undo: bool = False

    @property
    def touched(self) -> tuple[SeenObject, ...]:
        """Its own object and all others that the steps name."""
        own = SeenObject(
            operation=self.operation, kind=self.kind, name=self.name, group=self.group, namespace=self.namespace
        )
        return (own, *(each for each in self.objects if each != own))

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of all steps."""
        return tuple(dict.fromkeys(each.operation.value for each in self.touched))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of all objects."""
        return tuple(dict.fromkeys(each.kind for each in self.touched))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of all objects; a Namespace is in itself."""
        inside = (each.name if each.kind == "Namespace" else each.namespace for each in self.touched)
        return tuple(dict.fromkeys(name for name in inside if name))

    @property
    def variables(self) -> dict[str, Any]:
        """The document that expressions read as `plan`."""
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document | {
            "objects": msgspec.to_builtins(self.touched),
            "operations": list(self.operations),
            "kinds": list(self.kinds),
            "namespaces": list(self.namespaces),
        }


def subject_of(plan: Plan) -> Subject:
    """What a policy sees of a plan."""
    target, computed = plan.target, plan.computed
    evicts = any(isinstance(step.args, EvictArgs) for step in plan.steps)
    operation = Op.DRAIN if plan.steps[0].op is Op.CORDON and evicts else plan.steps[0].op
    rehearsals = [run for run in computed.dry_run if run.purpose == "change"]
    return Subject(
        operation=operation,
        kind=target.kind,
        name=target.name,
        group=target.group,
        namespace=target.namespace,
        objects=tuple(map(_object, plan.steps)),
        cluster=SeenCluster(context=plan.cluster.context, server=plan.cluster.server, uid=plan.cluster.uid),
        tier=int(plan.tier_without_policy or computed.tier),
        words=plan.intent.words,
        replicas=_replicas(plan),
        pods=Pods(
            now=computed.blast.pods_now, ready=computed.blast.pods_ready, disrupted=computed.blast.pods_disrupted
        ),
        dependants=tuple(
            SeenObject(operation=operation, kind=each.kind, name=each.name, namespace=each.namespace)
            for each in computed.blast.dependants
        ),
        images=tuple(dict.fromkeys(image for step in plan.steps for image in _images(step))),
        changes=tuple(SeenChange(path=each.path, before=each.before, after=each.after) for each in computed.changes),
        managers=tuple(banner.manager for banner in computed.banners),
        rehearsed=bool(rehearsals) and all(run.state is DryRunState.DONE for run in rehearsals),
        undo=bool(plan.undoes),
    )


def _replicas(plan: Plan) -> Replicas:
    """The replicas that the change sets, by whichever operation it does so."""
    now = plan.computed.blast.pods_now
    match plan.steps[0].args:
        case ScaleArgs(before=before, after=after):
            return Replicas(before=before, after=after)
        case EditArgs(edits=edits):
            wanted = [value_of(edit.after) for edit in edits if edit.pointer == "/spec/replicas"]
        case ApplyArgs(document=document):
            wanted = [dig(msgspec.json.decode(document), "spec", "replicas")]
        case _:
            wanted = []
    numbers = [each for each in wanted if isinstance(each, int)]
    return Replicas(before=now, after=numbers[-1] if numbers else now)


def _object(step: Step) -> SeenObject:
    ref = step.ref
    return SeenObject(operation=step.op, kind=ref.kind, name=ref.name, group=ref.group, namespace=ref.namespace)


def _images(step: Step) -> Iterator[str]:
    """The images that a step writes, wherever in the object it writes them."""
    match step.args:
        case EditArgs(edits=edits):
            for edit in edits:
                value = value_of(edit.after)
                if edit.pointer.endswith("/image") and isinstance(value, str):
                    yield value
                yield from _images_in(value)
        case ApplyArgs(document=document) | CreateJobArgs(document=document):
            yield from _images_in(msgspec.json.decode(document))


def _images_in(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, dict):
            if isinstance(each.get("image"), str):
                yield each["image"]
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)
