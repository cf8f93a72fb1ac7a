"""kill -9 at every numbered boundary of a change: a real process dies there, and what it left behind is judged.

A boundary is every statement that the journal gives to SQLite (before and after it) and every request on the wire
(before it, when it has arrived, when it is stored, after it). The server lives on in this process.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from copilot.changing.history import records, unsettled
from copilot.changing.settling import settle_all
from copilot.model import CopilotError
from guardrails import journal as journal_module
from guardrails.approval import Approval, Method
from guardrails.gate import Gate
from guardrails.journal import Journal, Kind
from guardrails.plan import Plan, Tier, plan_of
from guardrails.steps import SendState
from tests.direct_api import DirectPool, direct
from tests.loopback import LoopbackServer
from tests.small_api import Seen, SmallApi, _Handler
from tests.unit.guardrails.plans import Clock
from tests.unit.safety.points import noted
from tests.unit.safety.world import BOB, KEY, World, kubeconfig_folder, small_cluster
from tests.warm import started
from tools.cluster.kubeconfig import connect
from tools.cluster.transport import Transport
from tools.executor import Executor, Wire

_AGENT = re.compile(r"plan/(\S+) step/(\d+)(?!.*dry-run)")


@dataclass(frozen=True)
class Point:
    """Where the process dies: at its own n-th boundary, or when its n-th write has `arrived` or is `stored`."""

    words: str
    where: str  # "inside", "arrived", "stored"
    number: int


@dataclass
class Verdict:
    """What was found after the deaths at some points."""

    runs: int = 0
    points: int = 0
    unrecorded: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    effects: int = 0


class Site:
    """One server for all deaths; the cluster in it is made anew for each."""

    def __init__(self) -> None:
        self.api = SmallApi()
        self.killed = Point("", "", 0)
        self.pid = 0
        self.writes = 0
        self.serving = threading.Lock()
        site = self

        class Handler(_Handler):
            """The small server, which kills its client at the wanted moment."""

            @property
            def api(self) -> SmallApi:  # type: ignore[override]
                return site.api

            def do_PATCH(self) -> None:  # noqa: N802 - the library's name
                self._deadly(super().do_PATCH)

            def do_POST(self) -> None:  # noqa: N802 - the library's name
                self._deadly(super().do_POST)

            def _deadly(self, serve: Any) -> None:
                with site.serving, suppress(OSError):
                    self._serve(serve)

            def _serve(self, serve: Any) -> None:
                # All of it has come before anybody dies: half a request has no effect, here as on a real server.
                real = _AGENT.search(self.headers["User-Agent"])
                site.writes += bool(real)
                due = real and site.writes == site.killed.number
                whole = self._body()
                self._body = lambda: whole  # type: ignore[method-assign]
                if due and site.killed.where == "arrived":
                    os.kill(site.pid, signal.SIGKILL)
                if due and site.killed.where == "stored":
                    # The answer is made when all is stored: the client is dead by the time it would read it.
                    answer = self._answer
                    self._answer = lambda *parts: (os.kill(site.pid, signal.SIGKILL), answer(*parts))  # type: ignore[method-assign,assignment]
                try:
                    serve()
                finally:
                    del self._body  # one handler serves every request of its connection

        self.server = LoopbackServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def site() -> Iterator[Site]:
    """Run the server until the block ends."""
    place = Site()
    thread = threading.Thread(target=place.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield place
    finally:
        place.server.shutdown()
        place.server.server_close()
        thread.join()


def agree_and_send(plan_text: bytes, folder: str, boundary: int, count_to: str) -> None:
    """In a process of its own: put a plan on record, agree, use the agreement up, send every step. Die on the way."""
    passed = 0

    def pass_one() -> None:
        nonlocal passed
        passed += 1
        if passed == boundary:
            os.kill(os.getpid(), signal.SIGKILL)

    class Watched(sqlite3.Connection):
        """SQLite with a boundary before and after every statement that writes."""

        def execute(self, statement: str, *parts: Any) -> sqlite3.Cursor:
            if not statement.startswith(("BEGIN", "INSERT", "COMMIT")):
                return super().execute(statement, *parts)
            pass_one()
            done = super().execute(statement, *parts)
            pass_one()
            return done

    class Sqlite:
        """The module as the journal knows it."""

        Error, IntegrityError, Connection = sqlite3.Error, sqlite3.IntegrityError, sqlite3.Connection

        @staticmethod
        def connect(*parts: Any, **named: Any) -> sqlite3.Connection:
            return sqlite3.connect(*parts, factory=Watched, **named)

    journal_module.sqlite3 = Sqlite  # type: ignore[attr-defined]
    real = Wire.send

    def send(wire: Wire, *parts: Any) -> Any:
        pass_one()
        answer = real(wire, *parts)
        pass_one()
        return answer

    Wire.send = send  # type: ignore[method-assign]
    plan, clock = plan_of(plan_text), Clock()
    journal = Journal(Path(folder) / "journal.sqlite3", clock)
    gate = Gate(KEY, journal, clock)
    executor = Executor(Wire(connect(str(Path(folder) / "kubeconfig"))), gate, journal, "x/0")
    journal.append(Kind.PLANNED, plan.id, {"plan": msgspec.to_builtins(plan), "digest": plan.digest})
    people = [plan.requester] + [BOB] * (plan.computed.tier is Tier.TWO_PEOPLE)
    approvals = tuple(gate.approve(plan, person, Method.TERMINAL) for person in people)
    for step in gate.consume(plan, approvals, plan.requester):
        if executor.send(step).state is not SendState.APPLIED:
            break
    if count_to:
        Path(count_to).write_text(str(passed))


def _planned(words: str, place: Site, folder: Path) -> Plan:
    """Plan in this process, without sockets, on the cluster that the server shows."""
    place.api = small_cluster()
    place.api.url = place.url
    scratch = folder / "scratch"
    scratch.mkdir()
    world = World(scratch, kubeconfig_folder())
    world.api = world.pool.api = place.api
    place.api.kubeconfig(folder)
    plan = noted(world, world.desk.plan(words))
    return msgspec.structs.replace(plan, cluster=msgspec.structs.replace(plan.cluster, server=place.url))


def boundaries(words: str, place: Site) -> list[Point]:
    """Every point of a change where its process can die."""
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    plan = _planned(words, place, folder)
    place.killed, place.writes, place.api.seen = Point("", "", 0), 0, []
    process = started(agree_and_send, msgspec.json.encode(plan), str(folder), 0, str(folder / "count"))
    process.join()
    assert process.exitcode == 0, "the change itself must work"
    inside, writes = int((folder / "count").read_text()), place.writes
    shutil.rmtree(folder)
    points = [Point(words, "inside", number) for number in range(1, inside + 1)]
    return points + [Point(words, where, number) for where in ("arrived", "stored") for number in range(1, writes + 1)]


def die(point: Point, place: Site, verdict: Verdict) -> None:
    """Let a process die at a point, then come back: read back what is unknown, and try the same plan once more."""
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    plan = _planned(point.words, place, folder)
    place.killed, place.writes, place.api.seen = point, 0, []
    boundary = point.number if point.where == "inside" else 0
    process = started(agree_and_send, msgspec.json.encode(plan), str(folder), boundary, "")
    place.pid = process.pid or 0
    process.join()
    if process.exitcode != -signal.SIGKILL:
        verdict.other.append(f"{point}: it did not die ({process.exitcode})")
    _wait_for_answers(place)
    _judge(point, place, folder, plan, verdict)
    verdict.runs += 1
    shutil.rmtree(folder)


def _wait_for_answers(place: Site) -> None:
    """A request that was under way when its client died is still being served: wait for the lock that serving it holds."""
    with place.serving:
        pass


def _judge(point: Point, place: Site, folder: Path, plan: Plan, verdict: Verdict) -> None:
    clock = Clock()
    journal = Journal(folder / "journal.sqlite3", clock)
    if journal.verify().problems:
        verdict.other.append(f"{point}: the journal is broken: {journal.verify().problems[0]}")
    intents = {(each.plan, each.step) for each in journal.entries() if each.kind is Kind.INTENT}
    arrived = _arrived(place.api.seen)
    verdict.effects += len(arrived)
    verdict.unrecorded += [
        f"{point}: {each}" for each in arrived if each not in {(one[0][:8], one[1]) for one in intents}
    ]
    pool = DirectPool(place.api)
    connection = direct(pool, folder)
    reader = Transport(connection)
    settle_all(reader, journal, plan.cluster)
    for record in [each for each in unsettled(journal) if each.unknown]:
        verdict.other.append(f"{point}: step {record.unknown} stays unknown")
    for record in records(journal):
        told = {(record.plan.id[:8], index) for index in record.applied}
        if told != set(arrived):
            verdict.other.append(f"{point}: on record as applied {told}, really {set(arrived)}")
    _again(plan, journal, Executor(Wire(connection), Gate(KEY, journal, clock), journal, "x/0"), clock)
    later = _arrived([Seen(one.method, one.path, {}, one.headers, one.body) for one in pool.writes()])
    both = arrived + later
    verdict.doubled += [f"{point}: {each} {count} times" for each, count in both.items() if count > 1]


def _again(plan: Plan, journal: Journal, executor: Executor, clock: Clock) -> None:
    """Use every approval on record once more, as somebody would who does not know how far it came."""
    given = tuple(
        msgspec.convert(each.detail["approval"], Approval) for each in journal.entries() if each.kind is Kind.APPROVED
    )
    gate = Gate(KEY, journal, clock)
    with suppress(CopilotError):
        for step in gate.consume(plan, given, plan.requester):
            executor.send(step)


def _arrived(seen: list[Seen]) -> Counter[tuple[str, int]]:
    """How often each step of each plan reached the server."""
    found = (_AGENT.search(one.headers["User-Agent"]) for one in seen if one.method != "GET")
    return Counter((each[1], int(each[2])) for each in found if each)
