"""A whole workshop on the server without sockets, with a witness: every request that would store something is held
against the journal at the moment it arrives. What the witness objects to stands in `broken`."""

from __future__ import annotations

import atexit
import json
import re
import shutil
import tempfile
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import msgspec

from copilot.changing.desk import Desk
from copilot.changing.door import Carried, Door
from copilot.changing.history import PlanState, find_record, records
from copilot.changing.settling import settle_all
from copilot.model import parse_time
from guardrails.approval import Approval, Method, is_genuine
from guardrails.canonical import sha256_hex
from guardrails.gate import RUN_TTL, Gate
from guardrails.journal import Entry, Journal, Kind
from guardrails.kinds import CHANGEABLE
from guardrails.plan import Plan, Requester, Step, Tier, plan_of
from tests.direct_api import Arrived, DirectPool
from tests.small_api import SYSTEM_UID, SmallApi, deployment
from tests.unit.guardrails.plans import Clock
from tools.change.following import Eyes, Watch, watch_of
from tools.cluster.kubeconfig import Connection, connect
from tools.cluster.live import LiveSource
from tools.executor import Executor, Wire

KEY = b"k" * 32
# Keeps the fsyncs of thousands of journals away from the disk; what is on disk when is the crash points' matter.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
BOB = Requester("os", "bob", "bob@example.com", "g")
_AGENT = re.compile(r"x/0 plan/(\S+) step/(\d+)")
_NEVER = re.compile(
    r"/(secrets|roles|rolebindings|clusterroles|clusterrolebindings|customresourcedefinitions|"
    r"validatingwebhookconfigurations|mutatingwebhookconfigurations|apiservices|certificatesigningrequests|"
    r"finalize|token|exec|attach|portforward|proxy|ephemeralcontainers)(/|$)"
    r"|/namespaces/(kube-system|kube-public|kube-node-lease)/"
)
_UNREADABLE = re.compile(r"/(secrets|exec|attach|portforward|proxy|token)(/|$)")


class Ticks:
    """Seconds that only pass when somebody waits for them."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.01)


def pod(name: str, app: str = "web", node: str = "n1") -> dict[str, Any]:
    """A running pod."""
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "100", "labels": {"app": app},
                "ownerReferences": [{"kind": "ReplicaSet", "name": "rs", "uid": "uid-rs", "controller": True, "apiVersion": "apps/v1"}]}  # fmt: skip
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status,
            "spec": {"nodeName": node, "containers": [{"name": "app", "image": "nginx"}]}}  # fmt: skip


def node(name: str = "n1") -> dict[str, Any]:
    """A ready node."""
    metadata = {"name": name, "uid": f"uid-{name}", "resourceVersion": "100"}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}  # fmt: skip


def small_cluster(*more: dict[str, Any]) -> SmallApi:
    """A server with two Deployments, three pods and a node."""
    api = SmallApi(url="http://127.0.0.1:1")
    for name, uid in (("kube-system", SYSTEM_UID), ("shop", "ns-shop")):
        api.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": uid}})
    for body in (deployment(), deployment("db"), node(), pod("web-0"), pod("web-1"), pod("db-0", "db"), *more):
        api.put(body)
    return api


@cache
def kubeconfig_folder() -> Path:
    """One folder for the kubeconfig of all worlds of this process."""
    folder = Path(tempfile.mkdtemp(prefix="kubeconfig-", dir=MEMORY))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _connection(folder: Path) -> Connection:
    return connect(str(SmallApi(url="http://127.0.0.1:1").kubeconfig(folder)))


class World:
    """The parts and the witness. `folder` is for the journal; `shared` holds the kubeconfig of all worlds of a run."""

    def __init__(self, folder: Path, shared: Path, *more: dict[str, Any]) -> None:
        self.api = small_cluster(*more)
        self.pool = DirectPool(self.api, on_write=self._witness)
        self.clock, self.ticks = Clock(), Ticks()
        self.broken: list[str] = []
        self.effects: Counter[tuple[str, int]] = Counter()
        self.journal = Journal(folder / "journal.sqlite3", self.clock)
        self.gate = Gate(KEY, self.journal, self.clock)
        connection = _connection(shared)
        connection.client.rest_client.pool_manager = self.pool
        self.executor = Executor(Wire(connection), self.gate, self.journal, "x/0")
        with self.calm():
            self.desk = Desk(LiveSource(connection), self.clock, self.executor, self.journal)
            self.looking = Desk(LiveSource(connection), self.clock)  # read-only mode: it has no writer
        self.door = Door(self.desk, self.executor, self.gate, self.journal, self._watch, lambda _line: None)

    def calm(self) -> Any:
        """While this is open, the transport's pauses between tries pass at once."""
        return patch("tools.cluster.transport.time", self.ticks)

    def _watch(self, step: Step) -> Watch:
        return watch_of(step, Eyes(self.desk.reader, self.ticks.monotonic, self.ticks.sleep, lambda _line: None))

    def plan(self, words: str) -> Plan:
        """Plan a change and put it on record."""
        plan = self.desk.plan(words)
        self.door.note_planned(plan)
        return plan

    def yes(self, plan: Plan, person: Requester | None = None) -> Approval:
        """A person's yes through the gate."""
        return self.gate.approve(plan, person or self.desk.requester, Method.TERMINAL)

    def carry_out(self, plan: Plan, *approvals: Approval) -> Carried:
        """Through the door."""
        return self.door.carry_out(plan, *approvals)

    def settle(self) -> None:
        """Read back what is unknown, in good weather."""
        self.pool.weather = lambda *_: None
        settle_all(self.desk.reader, self.journal, self.desk.cluster)

    def object(self, name: str = "web") -> dict[str, Any]:
        """A Deployment as it is stored."""
        return self.api.objects[f"/apis/apps/v1/namespaces/shop/deployments/{name}"]

    def _witness(self, one: Arrived) -> None:
        """I1 to I6 and I9, at the moment when a request arrives that would store something."""
        named = _AGENT.match(one.headers.get("User-Agent", ""))
        if not named or "dry-run" in one.headers["User-Agent"]:
            self.broken.append(f"I1: {one.method} {one.path} names no plan")
            return
        index = int(named[2])
        entries = [each for each in self.journal.entries() if each.plan.startswith(named[1])]
        planned = next((each for each in entries if each.kind is Kind.PLANNED), None)
        if planned is None:
            self.broken.append(f"I1: {one.method} {one.path} is of a plan that is not on record")
            return
        plan = plan_of(planned.detail["plan"])
        if one.changed:
            self.effects[plan.id, index] += 1
        wrong = [
            *_same_bytes(one, plan.steps[index - 1]),
            *_foretold(one, entries, index),
            *agreed(plan, entries, self.clock.now),
            *_careful(one),
        ]
        if self.effects[plan.id, index] > 1:
            wrong.append("I9: the step had an effect twice")
        self.broken += [f"{each} ({one.method} {one.path}, plan {plan.id} step {index})" for each in wrong]

    def problems(self) -> list[str]:
        """Everything that does not hold by now, the witness's objections first."""
        wrong = list(self.broken)
        for one in self.pool.arrived:
            if _UNREADABLE.search(one.path):
                wrong.append(f"I10: {one.method} {one.path}")
        wrong += [f"journal: {each}" for each in self.journal.verify().problems]
        return wrong

    def untold(self) -> list[str]:
        """Steps whose state on record contradicts what the server did. To be asked when everything is settled."""
        wrong = []
        for record in records(self.journal):
            for index in range(1, len(record.plan.steps) + 1):
                changed = self.effects[record.plan.id, index]
                if changed and index not in (*record.applied, *record.unknown):
                    wrong.append(
                        f"step {index} of {record.plan.id} had an effect, on record it is {record.state.value}"
                    )
                if not changed and index in record.applied:
                    wrong.append(f"step {index} of {record.plan.id} is on record as applied and had no effect")
        return wrong

    def state(self, plan: Plan) -> PlanState:
        """How far a plan came, by the journal."""
        return find_record(self.journal, plan.id).state


def _same_bytes(one: Arrived, step: Step) -> list[str]:
    """I3: what arrived is what was approved."""
    request = step.request
    came = (one.method, one.path, tuple(parse_qsl(one.query)), one.headers["Content-Type"], one.body.decode())
    meant = (request.method, request.path, request.query, request.content_type, request.body)
    same = came == meant and sha256_hex(one.body) == request.body_sha
    return [] if same else ["I3: other bytes than approved"]


def _foretold(one: Arrived, entries: list[Entry], index: int) -> list[str]:
    """I5: the intent is on disk before, once, and is of these bytes."""
    intents = [each for each in entries if each.kind is Kind.INTENT and each.step == index]
    if len(intents) != 1:
        return [f"I5: {len(intents)} intents on record"]
    detail = intents[0].detail
    told = (detail["method"], detail["path"], detail["body_sha"]) == (one.method, one.path, sha256_hex(one.body))
    return [] if told else ["I5: the intent is of another request"]


def agreed(plan: Plan, entries: list[Entry], now: datetime) -> list[str]:
    """I1 and I6: genuine, fitting, fresh approvals of as many people as the tier needs, used up once."""
    wrong = []
    consumed = [each for each in entries if each.kind is Kind.CONSUMED]
    if len(consumed) != 1:
        return [f"I9: {len(consumed)} approvals used up"]
    nonces = consumed[0].detail.get("nonces", [consumed[0].detail["nonce"]])
    given = [
        msgspec.convert(each.detail["approval"], Approval)
        for each in entries
        if each.kind is Kind.APPROVED and each.detail["approval"]["nonce"] in nonces
    ]
    if not given or not all(is_genuine(each, KEY) and each.digest == plan.digest for each in given):
        wrong.append("I1: no genuine approval of this plan")
    if plan.computed.refusals or plan.computed.tier is Tier.NEVER:
        wrong.append("I1: a plan that nobody may approve")
    people = {(each.approver.iss, each.approver.sub) for each in given}
    strangers = people - {(plan.requester.iss, plan.requester.sub)}
    if plan.computed.tier is Tier.TWO_PEOPLE and not (len(people) == 2 and strangers):
        wrong.append("I6: tier 3 without a second person")
    started = parse_time(consumed[0].at)
    ends = [parse_time(each.expires) for each in given]
    assert started is not None
    good = now < started + RUN_TTL if len(plan.steps) > 1 else all(end is not None and now < end for end in ends)
    return wrong if good else [*wrong, "I1: the approval was over"]


def _careful(one: Arrived) -> list[str]:
    """I2 and I4: no path of tier 4, and every change carries its precondition."""
    wrong = ["I2: a request of tier 4"] if _NEVER.search(one.path) else []
    body: Any = json.loads(one.body)
    kinds = {each.resource for each in CHANGEABLE}
    if not kinds & set(one.path.split("/")):
        wrong.append("I2: a kind that may not be changed")
    metadata = body.get("metadata", {}) if isinstance(body, dict) else {}
    # A creation by name carries its own: the server answers 409 where the name is taken.
    made = (
        one.method == "POST"
        and one.path.rpartition("/")[2] in kinds
        and metadata.get("name")
        and "generateName" not in metadata
    )
    if not made and "resourceVersion" not in json.dumps(body):
        wrong.append("I4: no precondition")
    return wrong
