"""What a diagnosis is made of: evidence, findings, root causes. The JSON of `why -o json` is made from these."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import msgspec

from copilot.model.coverage import Coverage
from copilot.model.ref import Ref


class Evidence(msgspec.Struct, frozen=True):
    """One fact with its address.

    `path` is the field (`status.containerStatuses[web].lastState.terminated.reason`), `text` the fact in words with
    the value quoted, `source` where it was read (`api`, `pods.json`, `paste:12`, `logs/shop/web-0/web.log:41`).
    """

    object: Ref
    path: str
    text: str
    source: str = ""


class StepKind(Enum):
    """Whether a next step only reads or would change the cluster (and so goes through the guarded door)."""

    READ = "read"
    CHANGE = "change"


class NextStep(msgspec.Struct, frozen=True):
    """What to do next, in words, and the command where there is one."""

    text: str
    kind: StepKind = StepKind.READ
    command: str = ""


class ChainLink(msgspec.Struct, frozen=True):
    """One link from the symptom a person sees to the cause."""

    object: Ref
    text: str


class Finding(msgspec.Struct, frozen=True, eq=False):
    """What one rule found.

    `object` is the object to change (or, for a symptom, the object that shows it). `explains` are the objects whose
    trouble this accounts for, nearest first. `weight` in 0..1 is how sure the evidence alone makes it.
    `doubts` are sentences of evidence against or of what could not be checked; each lowers confidence.
    `points_to` are the objects the evidence blames next: a yielding finding gives way to a cause found there.
    """

    cause: str
    object: Ref
    title: str
    evidence: tuple[Evidence, ...]
    explains: tuple[Ref, ...] = ()
    weight: float = 0.8
    since: datetime | None = None
    steps: tuple[NextStep, ...] = ()
    doubts: tuple[str, ...] = ()
    points_to: tuple[Ref, ...] = ()


class Remembered(msgspec.Struct, frozen=True):
    """What was written down when the same trouble was seen before: a quote with its author, date and track record.

    It is anybody's text. Nothing in it is checked, and nothing may be taken from it as an argument of a change.
    """

    quote: str
    at: str
    tried: int = 0
    worked: int = 0


class RootCause(msgspec.Struct, frozen=True):
    """One answer: the object to change, why, and the proof."""

    rank: int
    cause: str
    title: str
    object: Ref
    confidence: float
    evidence: tuple[Evidence, ...]
    chain: tuple[ChainLink, ...] = ()
    affected: tuple[Ref, ...] = ()
    next_steps: tuple[NextStep, ...] = ()
    since: datetime | None = None
    runbook: str = ""
    doubts: tuple[str, ...] = ()
    remembered: tuple[Remembered, ...] = ()


class Verdict(Enum):
    """The answer in one word; the CLI's exit code follows from it."""

    FAULT = "fault"
    HEALTHY = "healthy"
    UNKNOWN = "unknown"


class GapKind(Enum):
    """What could not be read."""

    REFUSED = "refused"  # the server would not list a kind
    CUT = "cut"  # a list or a log was read in part
    LOGS = "logs"  # no log of a container that failed
    METRICS = "metrics"  # no use of CPU and memory
    STALE = "stale"  # the newest events are much older than the observation
    OTHER = "other"  # said by the source in its own words


class Gap(msgspec.Struct, frozen=True):
    """Something that was not seen, in a sentence. `matters` is true where it lowered the confidence of an answer."""

    kind: GapKind
    text: str
    matters: bool = False


class Diagnosis(msgspec.Struct, frozen=True):
    """The whole answer for one scope. `symptoms` are unhealthy objects no root cause explains, `gaps` what was not seen."""

    verdict: Verdict
    cluster: str
    observed_at: datetime
    root_causes: tuple[RootCause, ...] = ()
    coverage: Coverage = Coverage()
    symptoms: tuple[Evidence, ...] = ()
    collect: tuple[NextStep, ...] = ()
    gaps: tuple[Gap, ...] = ()
