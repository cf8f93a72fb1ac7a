"""A conversation in a process of its own, with a person who agrees to every card, that dies at a numbered boundary.

A boundary is every statement that the journal or the conversation's file gives to SQLite (before and after it), every commit
of the latter, and every request on the wire that could store something.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import suppress
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import tui.consent
from copilot.agent.session import Proposed, Sessions, every_session
from copilot.app import open_copilot
from copilot.changing.once import TakenUp
from copilot.cli.approving import Approvals, Heard
from copilot.cli.talking import open_talk
from copilot.settings import Settings, load_settings
from copilot.target import Target
from guardrails.approval import wanted_word
from guardrails.plan import Plan
from tools.executor import Wire


def conversation(kubeconfig: str, data: str, words: str) -> str:
    """A stored conversation in which somebody ordered this, and left; its id."""
    settings = Settings(data_dir=Path(data))
    copilot = open_copilot(Target(kubeconfig=kubeconfig, namespace="shop"), settings)
    with open_talk(copilot, settings, model=None, resume=None, keep=True) as talk:
        approvals = Approvals(talk, copilot.target, settings, Heard(), allow=True, soak=0.0)
        for event in talk.ask(words):
            approvals.order(words, event)  # type: ignore[arg-type]
        assert talk.session is not None
        return talk.session.id


def do_one(kubeconfig: str, data: str, session: str, boundary: int = 0, count_to: str = "", together: Barrier | None = None) -> None:  # fmt: skip
    """Resume, `/do 1`, agree. With `boundary`, die there; with `count_to`, note how many there are; `together` with others."""
    os.environ["COPILOT_DATA_DIR"] = data
    settings = load_settings()
    tui.consent.is_attended = lambda: True
    tui.consent.ask = agrees
    copilot = open_copilot(Target(kubeconfig=kubeconfig, namespace="shop"), settings)
    with open_talk(copilot, settings, model=None, resume=session, keep=True) as talk:
        approvals = Approvals(talk, copilot.target, settings, Heard(), allow=True, soak=0.0)
        passed = deadly(boundary)
        talk._store = Sessions.of_cluster(settings.data_dir, copilot.snapshot.cluster, copilot.identity)
        if together is not None:
            together.wait()
        with suppress(TakenUp):  # which `chat` tells the person
            approvals.do("1")
    if count_to:
        Path(count_to).write_text(str(passed[0]))


def agrees(plan: Plan) -> str:
    """A person who has read the card and means it."""
    return wanted_word(plan)


def deadly(boundary: int) -> list[int]:
    """From here on the process dies at its n-th boundary; the list holds how many it has passed."""
    passed = [0]

    def pass_one() -> None:
        passed[0] += 1
        if passed[0] == boundary:
            os.kill(os.getpid(), signal.SIGKILL)

    class Watched(sqlite3.Connection):
        """SQLite with a boundary before and after everything that writes."""

        def execute(self, statement: str, *parts: Any) -> sqlite3.Cursor:
            if not statement.startswith(("BEGIN", "INSERT", "COMMIT")):
                return super().execute(statement, *parts)
            pass_one()
            done = super().execute(statement, *parts)
            pass_one()
            return done

        def __exit__(self, *parts: object) -> Any:
            pass_one()
            done = super().__exit__(*parts)  # type: ignore[arg-type]
            pass_one()
            return done

    real_connect, real_send = sqlite3.connect, Wire.send

    def send(wire: Wire, *parts: Any) -> Any:
        pass_one()
        answer = real_send(wire, *parts)
        pass_one()
        return answer

    sqlite3.connect = lambda *parts, **named: real_connect(*parts, **{**named, "factory": Watched})  # type: ignore[assignment]
    Wire.send = send  # type: ignore[method-assign]
    return passed


def proposal_of(data: Path, session: str) -> Proposed:
    """The first proposal of a stored conversation."""
    (found,) = [one for _, one in every_session(data) if one.id == session]
    return found.proposals[0]
