"""The words that the reading side and the executor exchange over a Unix socket, and how they are framed.

Promise: a frame is four bytes of length and one JSON document. What is not exactly one of these requests, down to the
last field, is refused before anything looks at it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from guardrails.journal import Entry
from guardrails.plan import Access, ClusterId, Plan, Requester
from guardrails.steps import ApprovedStep, RehearsalStep

PROTOCOL = 1
MAX_FRAME = 16 * 2**20  # bytes: a plan holds an applied object (1.5 MiB in etcd at most) up to six times
PAGE_BYTES = 2**20  # of journal entries in one answer
SOCKET_FILE = "executor.sock"
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """What came is no frame of this protocol. The text says why, without what was in it."""


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=str.lower):
    """One request. Who asks is never in it: the kernel says that."""


class Status(Ask, frozen=True):
    """Who am I to you, which cluster do you lead to, and who may agree?"""


class Review(Ask, frozen=True):
    """What may the person do there, under the identity that the executor would use?"""

    access: tuple[Access, ...]


class Rehearse(Ask, frozen=True):
    """Try a step with dryRun=All."""

    step: RehearsalStep


class Submit(Ask, frozen=True):
    """Judge this plan again and put it on record, waiting for a yes."""

    plan: Plan


class Decline(Ask, frozen=True):
    """A person does not agree."""

    plan: str


class Approve(Ask, frozen=True):
    """A person agrees: `typed` is what they typed, word for word."""

    plan: str
    digest: str
    typed: str


class Progress(Ask, frozen=True):
    """Who has agreed to a plan so far?"""

    plan: str


class Consume(Ask, frozen=True):
    """Check the plan once more, use its approvals up and hand out the steps."""

    plan: str
    digest: str


class Send(Ask, frozen=True):
    """Send one approved step."""

    step: ApprovedStep


class Void(Ask, frozen=True):
    """Something changed in between: the plan is dead."""

    plan: str
    reason: str


class Watched(Ask, frozen=True):
    """How a step ended, as the reading side saw it."""

    plan: str
    step: int
    end: str
    text: str


class Settle(Ask, frozen=True):
    """Read a step of unknown outcome back and put the finding on record."""

    plan: str
    step: int


class Entries(Ask, frozen=True):
    """Entries of the journal after a number, one page; of one plan if it is named."""

    after: int = 0
    plan: str = ""


class Verify(Ask, frozen=True):
    """Walk the journal's chain."""

    head: str = ""


class Waiting(Ask, frozen=True):
    """Which plans wait for a yes?"""


class CloseReview(Ask, frozen=True):
    """A person has looked at a break-glass change of somebody else."""

    plan: str
    note: str


class Looked(Ask, frozen=True):
    """A person has looked at their failed changes."""

    note: str


AnyAsk = (
    Status | Review | Rehearse | Submit | Decline | Approve | Progress | Consume | Send | Void | Watched | Settle
    | Entries | Verify | Waiting | CloseReview | Looked
)  # fmt: skip


class Standing(msgspec.Struct, frozen=True):
    """The answer to `Status`. `people` is how many people can agree through this executor."""

    protocol: int
    version: str
    cluster: ClusterId
    requester: Requester
    may_request: bool
    may_approve: bool
    people: int
    impersonates: bool


class Agreement(msgspec.Struct, frozen=True):
    """Who has agreed to a plan, and whether it can be carried out. `over` says why it no longer can be."""

    agreed: tuple[str, ...]
    needed: int
    ready: bool
    over: str = ""


class WaitingPlan(msgspec.Struct, frozen=True):
    """One plan that waits for a yes."""

    plan: Plan
    agreed: tuple[str, ...]


class Page(msgspec.Struct, frozen=True):
    """Some entries, and whether there are more."""

    entries: tuple[Entry, ...]
    more: bool


class RefusalKind(Enum):
    """Which of the program's errors a refusal is."""

    DENIED = "denied"
    CHANGED = "changed"
    APPROVAL = "approval"
    CLAIMED = "claimed"
    JOURNAL = "journal"
    USAGE = "usage"
    UNAVAILABLE = "unavailable"


class Refusal(msgspec.Struct, frozen=True):
    """A no, with its reason and what to try."""

    kind: RefusalKind
    title: str
    hint: str = ""


class Reply(msgspec.Struct, frozen=True):
    """An answer: a refusal, or a value of the type that the request asks for."""

    refusal: Refusal | None = None
    value: msgspec.Raw = msgspec.Raw(b"null")


def ask_of(content: bytes) -> AnyAsk:
    """Read one request.

    Raises:
        FrameError: it is none, or it has a field, at any depth, that this version does not know.
    """
    try:
        plain = msgspec.json.decode(content)
        ask: AnyAsk = msgspec.convert(plain, AnyAsk)
        same = msgspec.json.decode(msgspec.json.encode(ask)) == plain
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise FrameError(f"the request cannot be read: {_one_line(error)}") from error
    if not same:
        raise FrameError("the request has fields or spellings that this version does not know")
    return ask


def framed(content: bytes) -> bytes:
    """Put a length before a document.

    Raises:
        FrameError: it is too large.
    """
    if len(content) > MAX_FRAME:
        raise FrameError(f"the document has {len(content)} bytes, and {MAX_FRAME} are the most")
    return _LENGTH.pack(len(content)) + content


def read_frame(receive: Callable[[int], bytes]) -> bytes:
    """Read one frame; `receive` gives up to so many bytes, and none when the other side has closed.

    Raises:
        FrameError: it is too large, or ends too early.
    """
    (length,) = _LENGTH.unpack(_exactly(receive, _LENGTH.size))
    if length > MAX_FRAME:
        raise FrameError(f"a frame of {length} bytes is announced, and {MAX_FRAME} are the most")
    return _exactly(receive, length)


def _exactly(receive: Callable[[int], bytes], count: int) -> bytes:
    parts: list[bytes] = []
    while count:
        part = receive(min(count, 2**16))
        if not part:
            raise FrameError("the frame ends too early")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _one_line(error: Any) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())[:200]
