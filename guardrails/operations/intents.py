"""What a person asks for, as typed data: one struct for each operation. Nothing in them is ever parsed again.

Sentences (`guardrails.intent`), kubectl text and files are all read into these. An intent names things; whether they
are there, and at which version, is found out when the plan is made from it.
"""

from __future__ import annotations

from enum import Enum

import msgspec


class Target(msgspec.Struct, frozen=True):
    """The object as it was named.

    `kind` is the API's own word ("Deployment", "Node"), None where the words name no kind; `namespace` is None where they
    name none, and always for kinds without namespaces. `name` is an RFC 1123 name.
    """

    name: str
    kind: str | None = None
    namespace: str | None = None


class _Intent(msgspec.Struct, frozen=True, tag_field="op"):
    """Every intent is about one object. `create job` is about its CronJob, `apply` about the object in the document."""

    target: Target


class Scale(_Intent, frozen=True, tag="scale"):
    """`scale deploy/web to 3`. `replicas` is 0 to 2**31-1."""

    replicas: int


class Restart(_Intent, frozen=True, tag="restart"):
    """`restart deploy/web`: new pods from the same template."""


class Rollback(_Intent, frozen=True, tag="rollback"):
    """`rollout undo`: the pod template of an earlier revision. `revision` 0 means the one before the present one."""

    revision: int = 0


class ContainerImage(msgspec.Struct, frozen=True):
    """The image for one container (or init container), by the container's name. No wildcard."""

    container: str
    image: str


class SetImage(_Intent, frozen=True, tag="set_image"):
    """`set image deploy/web web=repo/app:2`. Each container is named once.

    One entry with container "" means: the only container there is (two would be a question).
    """

    images: tuple[ContainerImage, ...]


class Amount(msgspec.Struct, frozen=True):
    """One resource with its quantity: `cpu`, `500m`. A quantity of "" takes the entry away."""

    resource: str
    quantity: str


class SetResources(_Intent, frozen=True, tag="set_resources"):
    """`set resources deploy/web -c web --requests=cpu=1 --limits=memory=1Gi`.

    `containers` empty means all containers of the pod template (not its init containers), as in kubectl.
    """

    containers: tuple[str, ...] = ()
    requests: tuple[Amount, ...] = ()
    limits: tuple[Amount, ...] = ()


class EnvValue(msgspec.Struct, frozen=True):
    """One environment variable with its literal value; None takes the variable away."""

    name: str
    value: str | None


class SetEnv(_Intent, frozen=True, tag="set_env_literal"):
    """`set env deploy/web -c web LOG_LEVEL=debug OLD-`. `containers` empty means all containers, as in kubectl."""

    variables: tuple[EnvValue, ...]
    containers: tuple[str, ...] = ()


class FieldValue(msgspec.Struct, frozen=True):
    """One field by its JSON pointer (RFC 6901), and its new value as JSON text. "" takes the field away."""

    pointer: str
    value: str


class PatchFields(_Intent, frozen=True, tag="patch_fields"):
    """`patch`: fields from the allow-list of the kind (`guardrails.operations.patchable`), and no others."""

    fields: tuple[FieldValue, ...]


class Mark(msgspec.Struct, frozen=True):
    """One label or annotation; a value of None takes it away."""

    key: str
    value: str | None


class Label(_Intent, frozen=True, tag="label"):
    """`label deploy/web tier=front old-`. Without `overwrite` a label that has another value already is refused."""

    marks: tuple[Mark, ...]
    overwrite: bool = False


class Annotate(_Intent, frozen=True, tag="annotate"):
    """`annotate deploy/web note=x old-`. `overwrite` as for labels."""

    marks: tuple[Mark, ...]
    overwrite: bool = False


class Cordon(_Intent, frozen=True, tag="cordon"):
    """`cordon n1`: no new pods on the node."""


class Uncordon(_Intent, frozen=True, tag="uncordon"):
    """`uncordon n1`."""


class Drain(_Intent, frozen=True, tag="drain"):
    """`drain n1`: cordon it, then evict a fixed list of pods by name, the ones that are there when the plan is made.

    The three leaves are kubectl's: `ignore_daemonsets` passes over pods of DaemonSets, `delete_emptydir_data` evicts
    pods with emptyDir volumes, `unmanaged` (--force) evicts pods that nothing makes again. `grace_seconds` None means
    each pod's own. A grace period of 0 is never accepted.
    """

    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    unmanaged: bool = False
    grace_seconds: int | None = None


class Evict(_Intent, frozen=True, tag="evict"):
    """`evict pod web-0`, and `delete pod web-0`: a pod is only ever removed through the eviction API."""

    grace_seconds: int | None = None


class TaintEffect(Enum):
    """What a taint does."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class NewTaint(msgspec.Struct, frozen=True):
    """`key=value:effect`; `value` may be ""."""

    key: str
    value: str
    effect: TaintEffect


class OldTaint(msgspec.Struct, frozen=True):
    """`key:effect-`, or `key-` for every effect of the key (`effect` None)."""

    key: str
    effect: TaintEffect | None = None


class Taint(_Intent, frozen=True, tag="taint"):
    """`taint node n1 dedicated=db:NoSchedule`. Without `overwrite` a taint of the same key and effect is refused."""

    add: tuple[NewTaint, ...] = ()
    remove: tuple[OldTaint, ...] = ()
    overwrite: bool = False


class Pause(_Intent, frozen=True, tag="pause"):
    """`rollout pause deploy/web`."""


class Resume(_Intent, frozen=True, tag="resume"):
    """`rollout resume deploy/web`."""


class Cascade(Enum):
    """What becomes of the objects below a deleted one."""

    BACKGROUND = "Background"
    FOREGROUND = "Foreground"
    ORPHAN = "Orphan"


class Delete(_Intent, frozen=True, tag="delete_workload"):
    """`delete deploy/web`: workloads only. A Pod is not deleted but evicted: use `Evict`."""

    cascade: Cascade = Cascade.BACKGROUND
    grace_seconds: int | None = None


class Suspend(_Intent, frozen=True, tag="suspend"):
    """Suspend a CronJob or a Job."""


class Unsuspend(_Intent, frozen=True, tag="unsuspend"):
    """Let a suspended CronJob or Job run again."""


class CreateJob(_Intent, frozen=True, tag="create_job_from"):
    """`create job NAME --from=cronjob/TARGET`. `job` is the new Job's name."""

    job: str


class Apply(_Intent, frozen=True, tag="apply_object"):
    """`apply -f FILE`: one object, applied on the server with force=false.

    `document` is the whole object as JSON text; `target` repeats its kind, namespace and name.
    """

    document: str


ChangeIntent = (
    Scale
    | Restart
    | Rollback
    | SetImage
    | SetResources
    | SetEnv
    | PatchFields
    | Label
    | Annotate
    | Cordon
    | Uncordon
    | Drain
    | Evict
    | Taint
    | Pause
    | Resume
    | Delete
    | Suspend
    | Unsuspend
    | CreateJob
    | Apply
)
