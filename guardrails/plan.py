"""The plan: inert, typed data about one change. Nothing in it is ever parsed again as a command."""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

import msgspec

from guardrails.canonical import digest, sha256_hex
from guardrails.operations.args import RestartArgs, ScaleArgs, StepArgs, operation_of
from guardrails.operations.op import Op
from guardrails.provenance.labels import Taint

__all__ = ["Op", "RestartArgs", "ScaleArgs", "StepArgs"]
SCHEMA = 2
FIELD_MANAGER = "cluster-copilot"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"  # kubectl's own key: `kubectl rollout restart` writes it


class Tier(IntEnum):
    """How much agreement a change needs (safety design, tiers)."""

    ONE_YES = 1
    TYPED_NAME = 2
    TWO_PEOPLE = 3
    NEVER = 4


class ClusterId(msgspec.Struct, frozen=True):
    """Which cluster. `uid` is that of the namespace kube-system; `server_ca_sha256` is "" without a private CA.

    A recording has no server: nothing can be sent to it.
    """

    uid: str
    server_ca_sha256: str
    server: str
    context: str

    @property
    def key(self) -> str:
        """What tells this cluster from every other: its uid, or to who may not read that its address and certificates."""
        return self.uid or self.address_key

    @property
    def address_key(self) -> str:
        """The address with its certificates: contexts of one name are common, and so is one address for several clusters."""
        return f"address-{digest([self.server, self.server_ca_sha256])[:24]}"


class Requester(msgspec.Struct, frozen=True):
    """Who asked: `iss` and `sub` name the person here, `k8s_user` is who the cluster takes them for ("" if unknown)."""

    iss: str
    sub: str
    k8s_user: str
    groups_sha: str


class Intent(msgspec.Struct, frozen=True):
    """What the person said, word for word, and which message it was."""

    operator_message_id: str
    words: str


class ObjectRef(msgspec.Struct, frozen=True):
    """One object, pinned to the version that the plan was made from.

    `group` is "" for the core group, `namespace` "" for kinds without namespaces. An object that is yet to be made has
    neither uid nor version.
    """

    group: str
    version: str
    resource: str
    kind: str
    namespace: str
    name: str
    uid: str
    resource_version: str

    @property
    def title(self) -> str:
        """The object in full: `Deployment shop/web`, `Node n1`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @property
    def path(self) -> str:
        """The object's path on the API server."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{base}{inside}/{self.resource}/{self.name}"


class Request(msgspec.Struct, frozen=True):
    """The exact request: what is approved is these bytes."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    content_type: str
    body: str
    body_sha: str

    @staticmethod
    def of(method: str, path: str, query: tuple[tuple[str, str], ...], content_type: str, body: bytes) -> Request:
        """Make a request and note its body's SHA-256."""
        return Request(method, path, query, content_type, body.decode("ascii"), sha256_hex(body))


class Step(msgspec.Struct, frozen=True):
    """One request with what it means. Its operation is that of its arguments, so the two cannot differ."""

    ref: ObjectRef
    args: StepArgs
    request: Request

    @property
    def op(self) -> Op:
        """The operation."""
        return operation_of(self.args)


class Preimage(msgspec.Struct, frozen=True):
    """The object before: a hash of all of it, and the values of only the fields that the plan changes."""

    ref: ObjectRef
    body_sha: str
    fields: tuple[tuple[str, str], ...]


class FieldChange(msgspec.Struct, frozen=True):
    """One field before and after, as JSON text; "" means absent. `asked` is False for what admission changed."""

    path: str
    before: str
    after: str
    asked: bool


class DryRunState(Enum):
    """Whether the server rehearsed a step."""

    DONE = "done"
    NOT_DONE = "not done"
    REFUSED = "refused"


class DryRun(msgspec.Struct, frozen=True):
    """What the server said to a rehearsal of one step. `result_sha` is of the normalised result."""

    purpose: str
    state: DryRunState
    changes: tuple[FieldChange, ...]
    result_sha: str
    detail: str


class Access(msgspec.Struct, frozen=True):
    """One answer of the server's access review. `allowed` None means that it was not asked."""

    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    allowed: bool | None
    reason: str


class Dependant(msgspec.Struct, frozen=True):
    """An object whose health depends on the one to change, and one line about it."""

    kind: str
    namespace: str
    name: str
    note: str


class Blast(msgspec.Struct, frozen=True):
    """How far the change reaches, in numbers."""

    pods_now: int
    pods_ready: int
    pods_disrupted: int
    dependants: tuple[Dependant, ...]


class Banner(msgspec.Struct, frozen=True):
    """Who else writes this object, and the place to change instead."""

    manager: str
    effect: str
    place: str


class Computed(msgspec.Struct, frozen=True):
    """Everything the checks found.

    `changes` is the field diff: the server's own when it rehearsed the change, else what the request alone says.
    `refusals` not empty means: nobody may approve this plan. `way_back` says what undo would do where that is no step
    that can be compiled yet, such as deleting what the plan creates.
    """

    tier: Tier
    reasons: tuple[str, ...]
    refusals: tuple[str, ...]
    banners: tuple[Banner, ...]
    blast: Blast
    changes: tuple[FieldChange, ...]
    dry_run: tuple[DryRun, ...]
    ssar: tuple[Access, ...]
    irreversible: tuple[str, ...]
    not_checked: tuple[str, ...]
    way_back: str = ""


class BreakGlass(msgspec.Struct, frozen=True):
    """Leave to go past freeze windows and the second person in an emergency, and past nothing else.

    `person` is who has it and `granted_by` which entry of the site policy says so; it ends at `until`. `passed` names
    what it went past.
    """

    reason: str
    incident: str
    person: str
    granted_by: str
    until: str
    passed: tuple[str, ...] = ()


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change: what, to which objects, who asked, what the checks found, and until when it is good.

    `policy_sha` is the SHA-256 of the site policy's file, and `tier_without_policy` the tier before it spoke. Where there
    is none, neither is written, so that the digests of earlier plans stay what they were. `taint` is how the plan came
    about where a model proposed it; None where a person wrote it.
    """

    schema: int
    id: str
    cluster: ClusterId
    requester: Requester
    intent: Intent
    steps: tuple[Step, ...]
    rollback: tuple[Step, ...]
    preimages: tuple[Preimage, ...]
    computed: Computed
    not_before: str
    expires: str
    undoes: str
    policy_sha: str = ""
    tier_without_policy: Tier | None = None
    break_glass: BreakGlass | None = None
    taint: Taint | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 of the canonical JSON of the whole plan."""
        return digest(self)

    @property
    def target(self) -> ObjectRef:
        """The object of the first step."""
        return self.steps[0].ref

    @property
    def removes(self) -> bool:
        """Tell whether it takes objects away and changes no field."""
        return all(step.op in (Op.EVICT, Op.DELETE) for step in self.steps)


def plan_of(document: bytes | str | dict[str, Any]) -> Plan:
    """Read a plan back from its JSON.

    Raises:
        msgspec.ValidationError: the document is not a plan of this schema.
    """
    if isinstance(document, dict):
        return msgspec.convert(document, Plan)
    return msgspec.json.decode(document, type=Plan)
