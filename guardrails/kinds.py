"""The kinds that can be changed, how people write them, and what may be done to each. Others cannot be in a plan.

Secrets, roles and bindings, service accounts' tokens, custom resource definitions, webhooks and policies are not here,
so no plan can name one.
"""

from __future__ import annotations

import msgspec

from copilot.model.kinds import built_in
from guardrails.operations.op import Op


class Changeable(msgspec.Struct, frozen=True):
    """One kind: where the API keeps it, the words for it, and what may be done to it.

    `template` is the path of its pod template's spec, () where it has none; `noted` kinds shape traffic, limits or
    disruption, and a change of one is for two people.
    """

    kind: str
    resource: str
    words: frozenset[str]
    ops: frozenset[Op]
    group: str
    version: str
    namespaced: bool
    template: tuple[str, ...] = ()
    noted: bool = False

    @property
    def api_version(self) -> str:
        """The apiVersion of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version


_MARKS = (Op.LABEL, Op.ANNOTATE)
_TEMPLATE_OPS = (Op.SET_IMAGE, Op.SET_RESOURCES, Op.SET_ENV, Op.PATCH)
_OBJECT = (*_MARKS, Op.PATCH, Op.APPLY, Op.DELETE, Op.RESTORE)
_POD_TEMPLATE = ("spec", "template")


def _kind(name: str, *ops: Op, template: tuple[str, ...] = (), noted: bool = False) -> Changeable:
    known = built_in(name)
    assert known is not None
    full = (f"{known.kind.lower()}.{known.group}", f"{known.plural}.{known.group}") if known.group else ()
    return Changeable(
        kind=known.kind,
        resource=known.plural,
        words=frozenset((*known.names, *full)),
        ops=frozenset((*_MARKS, *ops)),
        group=known.group,
        version=known.version,
        namespaced=known.namespaced,
        template=template,
        noted=noted,
    )


CHANGEABLE: tuple[Changeable, ...] = (
    _kind("Deployment", Op.SCALE, Op.RESTART, Op.ROLLBACK, Op.PAUSE, Op.RESUME, *_TEMPLATE_OPS, *_OBJECT,
          template=_POD_TEMPLATE),
    _kind("StatefulSet", Op.SCALE, Op.RESTART, Op.ROLLBACK, *_TEMPLATE_OPS, *_OBJECT, template=_POD_TEMPLATE),
    _kind("DaemonSet", Op.RESTART, Op.ROLLBACK, *_TEMPLATE_OPS, *_OBJECT, template=_POD_TEMPLATE),
    _kind("ReplicaSet", Op.SCALE, Op.DELETE, template=_POD_TEMPLATE),
    _kind("Job", Op.SUSPEND, Op.UNSUSPEND, *_OBJECT, template=_POD_TEMPLATE),
    _kind("CronJob", Op.SUSPEND, Op.UNSUSPEND, Op.CREATE_JOB, *_TEMPLATE_OPS, *_OBJECT,
          template=("spec", "jobTemplate", "spec", "template")),
    _kind("Pod", Op.EVICT),
    _kind("Node", Op.CORDON, Op.UNCORDON, Op.DRAIN, Op.TAINT),
    _kind("Namespace"),
    _kind("ConfigMap", *_OBJECT),
    _kind("HorizontalPodAutoscaler", *_OBJECT),
    _kind("Service", *_OBJECT, noted=True),
    _kind("Ingress", *_OBJECT, noted=True),
    _kind("NetworkPolicy", *_OBJECT, noted=True),
    _kind("PodDisruptionBudget", *_OBJECT, noted=True),
    _kind("ResourceQuota", Op.PATCH, Op.APPLY, Op.RESTORE, noted=True),
    _kind("LimitRange", Op.APPLY, Op.RESTORE, noted=True),
    _kind("PersistentVolumeClaim", Op.PATCH, Op.APPLY, Op.DELETE, Op.RESTORE),
    _kind("PersistentVolume"),
    _kind("ServiceAccount"),
    _kind("StorageClass"),
)  # fmt: skip

# A bare name never means a ReplicaSet: nearly all of them belong to a Deployment of a similar name.
_GUESSED = ("Deployment", "StatefulSet", "DaemonSet")
_GUESSED_FOR = {
    Op.EVICT: ("Pod",),
    Op.SUSPEND: ("CronJob", "Job"),
    Op.UNSUSPEND: ("CronJob", "Job"),
    Op.CREATE_JOB: ("CronJob",),
    **dict.fromkeys((Op.CORDON, Op.UNCORDON, Op.DRAIN, Op.TAINT), ("Node",)),
}


def changeable(kind: str) -> Changeable:
    """The entry of this kind.

    Raises:
        KeyError: the kind cannot be changed.
    """
    for known in CHANGEABLE:
        if known.kind == kind:
            return known
    raise KeyError(kind)


def changeable_of_word(word: str) -> Changeable | None:
    """The kind a person means by one word, or None."""
    return next((known for known in CHANGEABLE if word.lower() in known.words), None)


def guessed(op: Op) -> tuple[Changeable, ...]:
    """The kinds that a bare name may mean for an operation."""
    able = (changeable(kind) for kind in _GUESSED_FOR.get(op, _GUESSED))
    return tuple(known for known in able if op in known.ops)


def able_to(op: Op) -> str:
    """The kinds that an operation works for, for a refusal."""
    return ", ".join(known.kind for known in CHANGEABLE if op in known.ops)
