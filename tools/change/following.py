"""Follows one step to its end, whatever it was: a rollout, a field that must hold, an object that goes or comes.

Each watch is made before its step is sent, so it knows what was there before. It only looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, assert_never

import msgspec

from copilot.model import children, dig, number, text
from guardrails.kinds import changeable
from guardrails.operations.args import (
    ApplyArgs,
    CreateJobArgs,
    DeleteArgs,
    EditArgs,
    EvictArgs,
    RestartArgs,
    ScaleArgs,
)
from guardrails.operations.edits import json_text, value_at
from guardrails.operations.op import Op
from guardrails.plan import ObjectRef, Step
from tools.change.objects import read_object
from tools.change.rollout import Phase, progress
from tools.change.watch import LOOK_EVERY, End, RolloutWatch, Watched
from tools.cluster.transport import Transport
from tools.cluster.transport_errors import ConnectionLostError

HOLD_SECONDS = 5.0  # a controller that writes a field back does so at once: its watch tells it of the change
GOING_SECONDS = 60.0  # beyond the grace period: the kubelet's own delays, and finalizers that are let go quickly
DEFAULT_GRACE = 30  # seconds: the API's default terminationGracePeriodSeconds
REPLACED_SECONDS = 120.0  # a new pod is scheduled, pulls its image and becomes ready; longer is worth a person's look
STARTING_SECONDS = 60.0  # a Job's first pod exists within seconds, unless a quota or a policy forbids it
_ROLLING = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_TEMPLATE = frozenset({Op.SET_IMAGE, Op.SET_RESOURCES, Op.SET_ENV, Op.ROLLBACK, Op.PATCH, Op.RESTORE, Op.RESUME})
_MAKERS = ("ReplicaSet", "StatefulSet")


class Watch(Protocol):
    """What follows one step."""

    def follow(self) -> Watched:
        """Look until it ended."""
        ...


class Eyes(msgspec.Struct, frozen=True):
    """How a watch looks: the reading transport, seconds that never go back, a way to wait, and whom it tells.

    `soak` is for how many seconds a finished rollout must stay well.
    """

    reader: Transport
    clock: Callable[[], float]
    pause: Callable[[float], None]
    say: Callable[[str], None]
    soak: float = 0.0

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        """Read one object."""
        return read_object(self.reader, changeable(kind), namespace, name)

    def until(self, seconds: float, look: Callable[[], Watched | None]) -> Watched | None:
        """Look again and again until there is an end; None when the time is over. A server that is away is waited for."""
        start = self.clock()
        while True:
            try:
                if ended := look():
                    return ended
            except ConnectionLostError:
                if self.clock() - start > seconds:
                    raise
            if self.clock() - start > seconds:
                return None
            self.pause(LOOK_EVERY)


def watch_of(step: Step, eyes: Eyes) -> Watch:
    """The watch for a step that is about to be sent."""
    match step.args:
        case ScaleArgs() | RestartArgs():
            return _rollout(step.ref, eyes)
        case EditArgs(operation=operation):
            rolls = step.ref.kind in _ROLLING and operation in _TEMPLATE
            held = rolls and operation is not Op.RESUME and _waits(eyes, step.ref)
            return _rollout(step.ref, eyes) if rolls and not held else FieldWatch(step, eyes)
        case EvictArgs() | DeleteArgs():
            return GoneWatch(step, eyes)
        case CreateJobArgs(job=job):
            return JobWatch(step.ref.namespace, job, eyes)
        case ApplyArgs():
            return ApplyWatch(step.ref, eyes)
        case _:
            assert_never(step.args)


class FieldWatch:
    """Looks that the fields stay as they were written, for as long as a controller takes to write them back."""

    def __init__(self, step: Step, eyes: Eyes) -> None:
        self._ref = step.ref
        self._edits = step.args.edits if isinstance(step.args, EditArgs) else ()
        self._eyes = eyes

    def follow(self) -> Watched:
        """Look for a few seconds."""
        ended = self._eyes.until(HOLD_SECONDS, self._look)
        return ended or _ended(End.DONE, f"{self._ref.title} is as it was asked for, and stays so")

    def _look(self) -> Watched | None:
        body = self._eyes.read(self._ref.kind, self._ref.namespace, self._ref.name)
        if body is None or text(body, "metadata", "uid") != self._ref.uid:
            return _ended(End.REPLACED, f"{self._ref.title} was deleted or made anew by someone else")
        for edit in self._edits:
            listed = edit.pointer.rpartition("/")[2].isdigit()
            now = json_text(value_at(body, edit.pointer))
            if not listed and edit.before != edit.after and now == edit.before and edit.before != "":
                return _ended(End.REVERTED, f"someone put {edit.pointer} of {self._ref.title} back")
        return None


class GoneWatch:
    """Looks until an object is gone, and for a pod until its owner is whole again."""

    def __init__(self, step: Step, eyes: Eyes) -> None:
        self._ref = step.ref
        self._eyes = eyes
        body = eyes.read(self._ref.kind, self._ref.namespace, self._ref.name) or {}
        asked = getattr(step.args, "grace_seconds", None)
        grace = (
            asked if asked is not None else number(body, "spec", "terminationGracePeriodSeconds", default=DEFAULT_GRACE)
        )
        self._patience = grace + GOING_SECONDS
        owners = [owner for owner in children(body, "metadata", "ownerReferences") if owner.get("controller") is True]
        self._owner = next(
            ((text(each, "kind"), text(each, "name")) for each in owners if text(each, "kind") in _MAKERS), None
        )
        self._whole = self._owner is not None and self._is_whole(self._owner)

    def follow(self) -> Watched:
        """Look until it is gone and, where its owner was whole before, until the owner is whole again."""
        gone = self._eyes.until(self._patience, self._look)
        if gone is None:
            return _ended(End.STUCK, f"{self._ref.title} is still there after {self._patience:.0f} s{self._held()}")
        if self._owner is None or not self._whole:
            return gone
        kind, name = self._owner
        back = _ended(End.DONE, f"{self._ref.title} is gone, and {kind} {name} is whole again")
        self._eyes.say(f"{self._ref.title} is gone; waiting for {kind} {name} to be whole again")
        found = self._eyes.until(REPLACED_SECONDS, lambda: back if self._is_whole((kind, name)) else None)
        late = f"{self._ref.title} is gone, but {kind} {name} is not whole again after {REPLACED_SECONDS:.0f} s"
        return found or _ended(End.STUCK, late)

    def _look(self) -> Watched | None:
        body = self._eyes.read(self._ref.kind, self._ref.namespace, self._ref.name)
        if body is None or text(body, "metadata", "uid") != self._ref.uid:
            return _ended(End.DONE, f"{self._ref.title} is gone")
        return None

    def _is_whole(self, owner: tuple[str, str]) -> bool:
        body = self._eyes.read(owner[0], self._ref.namespace, owner[1])
        return body is None or progress(owner[0], body).phase is Phase.DONE

    def _held(self) -> str:
        body = self._eyes.read(self._ref.kind, self._ref.namespace, self._ref.name)
        held = dig(body, "metadata", "finalizers") or []
        return f", held by {', '.join(str(each) for each in held)}" if held else ""


class JobWatch:
    """Looks until a Job has started, or said why it cannot."""

    def __init__(self, namespace: str, name: str, eyes: Eyes) -> None:
        self._where = (namespace, name)
        self._eyes = eyes

    def follow(self) -> Watched:
        """Look until its first pod runs or ended."""
        title = f"Job {'/'.join(self._where)}"
        late = _ended(End.STUCK, f"{title} has no pod after {STARTING_SECONDS:.0f} s")
        return self._eyes.until(STARTING_SECONDS, lambda: self._look(title)) or late

    def _look(self, title: str) -> Watched | None:
        body = self._eyes.read("Job", *self._where)
        if body is None:
            return _ended(End.REPLACED, f"{title} is gone")
        for condition in children(body, "status", "conditions"):
            if text(condition, "type") == "Failed" and text(condition, "status") == "True":
                return _ended(End.FAILED, f"{title} failed: {text(condition, 'message')}")
        running, done = number(body, "status", "active"), number(body, "status", "succeeded")
        return (
            _ended(End.DONE, f"{title} has started ({running} active, {done} succeeded)") if running or done else None
        )


class ApplyWatch:
    """Looks at what was applied: its rollout where it has pods, else that it is there."""

    def __init__(self, ref: ObjectRef, eyes: Eyes) -> None:
        self._ref = ref
        self._eyes = eyes
        self._rollout = _rollout(ref, eyes) if ref.kind in _ROLLING and ref.uid else None

    def follow(self) -> Watched:
        """Follow the rollout, or look once."""
        if self._rollout is not None:
            return self._rollout.follow()
        body = self._eyes.read(self._ref.kind, self._ref.namespace, self._ref.name)
        if body is None:
            return _ended(End.REPLACED, f"{self._ref.title} is gone")
        if self._ref.kind in _ROLLING:
            fresh = msgspec.structs.replace(self._ref, uid=text(body, "metadata", "uid"))
            return _rollout(fresh, self._eyes).follow()
        return _ended(End.DONE, f"{self._ref.title} is applied")


def _ended(end: End, text_of_it: str) -> Watched:
    return Watched(end, text_of_it, what="Outcome")


def _rollout(ref: ObjectRef, eyes: Eyes) -> RolloutWatch:
    return RolloutWatch(eyes.reader, ref, eyes.clock, eyes.pause, eyes.say, eyes.soak)


def _waits(eyes: Eyes, ref: ObjectRef) -> bool:
    """Tell whether a changed template is not rolled out by itself: paused, or OnDelete."""
    body = eyes.read(ref.kind, ref.namespace, ref.name)
    return dig(body, "spec", "paused") is True or text(body, "spec", "updateStrategy", "type") == "OnDelete"
