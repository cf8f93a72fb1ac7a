"""Follows a rollout to its end: done, failed, stuck, or left. It only looks, so leaving it leaves the change as it is."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import msgspec

from copilot.model import CopilotError
from guardrails.kinds import changeable
from guardrails.plan import ObjectRef
from tools.change.objects import read_object, read_pods, selector_text
from tools.change.rollout import Phase, Trouble, deadline_seconds, progress, same_object, troubles
from tools.cluster.transport import Transport
from tools.cluster.transport_errors import ConnectionLostError

LOOK_EVERY = 1.0  # seconds: one object and one list of pods, which costs the server nothing worth saving
AWAY_PATIENCE = 120.0  # seconds without any answer: longer than one API server of a control plane takes to restart
SOAK_SECONDS = 120.0  # two readiness periods and a crash loop's first back-offs: what goes wrong at once shows by then
TROUBLE_PATIENCE = 30.0  # seconds: a container that cannot start may still be waiting for a volume or a Secret


class End(Enum):
    """How watching ended."""

    DONE = "done"
    FAILED = "failed"
    STUCK = "stuck"  # no progress for the deadline
    REPLACED = "replaced"  # the object was deleted or made anew by someone else
    REVERTED = "reverted"  # someone wrote the old value back


class Watched(msgspec.Struct, frozen=True):
    """How it ended and what stood in its way. `what` is the thing that was watched."""

    end: End
    text: str
    troubles: tuple[Trouble, ...] = ()
    what: str = "Rollout"


class RolloutWatch:
    """Watches one object. It is made before the change is sent, to know which troubles are older than it.

    Args:
        reader: the reading transport.
        ref: the object.
        clock: seconds that never go back.
        pause: waits for some seconds.
        say: is told every new state, one line at a time.
        soak: for how many seconds at least it must stay well after it is done; twice the time that it took, if that is
            longer, and never longer than its progress deadline. 0 means: done is done.
    """

    def __init__(
        self,
        reader: Transport,
        ref: ObjectRef,
        clock: Callable[[], float],
        pause: Callable[[float], None],
        say: Callable[[str], None],
        soak: float = 0.0,
    ) -> None:
        self._reader = reader
        self._soak = soak
        self._started = clock()
        self._well_since: float | None = None
        self._ref = ref
        self._clock = clock
        self._pause = pause
        self._say = say
        self._said = ""
        self._pods_readable = True
        self._since: dict[tuple[str, str, str], float] = {}
        body = self._body()
        self._before = {trouble.key for trouble in self._troubles(body)} if body else set()

    def follow(self) -> Watched:
        """Look until the rollout ended.

        Raises:
            ConnectionLostError: the server was away for as long as the deadline.
        """
        moved = self._clock()
        numbers: tuple[int, ...] = ()
        while True:
            try:
                body = self._body()
                seen = self._troubles(body) if body else frozenset()
            except ConnectionLostError:
                # The change is made; a server that is away for a moment is asked again.
                if self._clock() - moved > AWAY_PATIENCE:
                    raise
                self._tell("the server does not answer; still watching")
                self._pause(LOOK_EVERY)
                continue
            if body is None or not same_object(body, self._ref.uid):
                return Watched(End.REPLACED, f"{self._ref.title} was deleted or made anew by someone else")
            look = progress(self._ref.kind, body)
            new = tuple(sorted(trouble for trouble in seen if trouble.key not in self._before))
            self._tell(look.text)
            if look.phase is Phase.DONE and not new:
                if self._soaked(deadline_seconds(body)):
                    return Watched(End.DONE, look.text)
                moved = self._clock()
            else:
                self._well_since = None
            if look.phase is Phase.FAILED or self._lasting(new):
                return Watched(End.FAILED, look.text, new)
            if look.numbers != numbers:
                moved, numbers = self._clock(), look.numbers
            elif self._clock() - moved > deadline_seconds(body):
                return Watched(End.STUCK, f"no progress for {deadline_seconds(body)} s: {look.text}", new)
            self._pause(LOOK_EVERY)

    def _body(self) -> dict[str, Any] | None:
        return read_object(self._reader, changeable(self._ref.kind), self._ref.namespace, self._ref.name)

    def _troubles(self, body: dict[str, Any]) -> frozenset[Trouble]:
        selector = selector_text(body)
        pods: list[dict[str, Any]] = []
        if selector and self._pods_readable:
            try:
                pods = read_pods(self._reader, self._ref.namespace, selector)
            except ConnectionLostError:
                raise
            except CopilotError as error:
                self._pods_readable = False
                self._say(f"its pods cannot be watched: {error.title}")
        return troubles(body, pods)

    def _soaked(self, deadline: float) -> bool:
        """Tell whether it has been well for long enough."""
        now = self._clock()
        if self._well_since is None:
            self._well_since = now
            if self._soak:
                self._say("done; watching whether it stays well (Ctrl-C leaves it as it is)")
        if not self._soak:
            return True
        return now - self._well_since >= min(deadline, max(self._soak, 2 * (self._well_since - self._started)))

    def _lasting(self, new: tuple[Trouble, ...]) -> bool:
        """Report each new trouble once, and tell whether one has lasted."""
        now = self._clock()
        keys = {trouble.key for trouble in new}
        self._since = {key: since for key, since in self._since.items() if key in keys}
        for trouble in new:
            if trouble.key not in self._since:
                self._since[trouble.key] = now
                self._say(f"trouble: {trouble.line}")
        return any(now - since >= TROUBLE_PATIENCE for since in self._since.values())

    def _tell(self, line: str) -> None:
        if line != self._said:
            self._said = line
            self._say(line)
