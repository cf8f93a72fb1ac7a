"""The policy evaluator says what a slow reading of the API's definition says, on clusters nobody thought of."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.diagnosis.policy_match import End
from copilot.diagnosis.reach import State, judge
from copilot.diagnosis.view import View
from copilot.model import Ref
from tests.deep import DEEP
from tests.unit.diagnosis.cluster import Cluster
from tests.unit.diagnosis.policy_reference import World

pytestmark = pytest.mark.proof

CASES = 2_000 if DEEP else 120
KEYS = ("app", "tier", "team")
VALUES = ("a", "b", "c")
PORTS = (53, 80, 443, 8080)
PROTOCOLS = ("TCP", "UDP")
NAMES = ("http", "dns", "admin")
OUTSIDE = ("8.8.8.8", "203.0.113.7", "10.0.0.200")
BLOCKS = ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/25", "10.0.1.0/24", "8.8.0.0/16", "203.0.113.0/24", "10.0.0.3/32")
Json = dict[str, Any]


class Maker:
    """Random objects that the API server would take."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def some(self, items: Any, most: int) -> list[Any]:
        return self.rng.sample(list(items), self.rng.randint(0, most))

    def labels(self) -> Json:
        return {key: self.rng.choice(VALUES) for key in self.some(KEYS, 3)}

    def selector(self) -> Json:
        found: Json = {}
        if self.chance(0.6):
            found["matchLabels"] = {key: self.rng.choice(VALUES) for key in self.some(KEYS, 1)}
        if self.chance(0.3):
            operator = self.rng.choice(("In", "NotIn", "Exists", "DoesNotExist"))
            one: Json = {"key": self.rng.choice(KEYS), "operator": operator}
            if operator in ("In", "NotIn"):
                one["values"] = self.rng.sample(VALUES, self.rng.randint(1, 2))
            found["matchExpressions"] = [one]
        return found

    def place_selector(self) -> Json:
        if self.chance(0.2):
            return {"matchLabels": {"kubernetes.io/metadata.name": self.rng.choice(("ns0", "ns1", "ns2"))}}
        return self.selector()

    def block(self) -> Json:
        found: Json = {"cidr": self.rng.choice(BLOCKS)}
        if self.chance(0.4):
            found["except"] = self.some(BLOCKS[1:], 2)
        return found

    def peer(self) -> Json:
        kind = self.rng.randint(0, 3)
        if kind == 0:
            return {"ipBlock": self.block()}
        return {
            **({"podSelector": self.selector()} if kind in (1, 3) else {}),
            **({"namespaceSelector": self.place_selector()} if kind in (2, 3) else {}),
        }

    def port(self) -> Json:
        found: Json = {"protocol": self.rng.choice(PROTOCOLS)} if self.chance(0.7) else {}
        kind = self.rng.randint(0, 3)
        if kind == 1:
            found["port"] = self.rng.choice(NAMES)
        elif kind:
            found["port"] = self.rng.choice(PORTS)
            if kind == 3:
                found["endPort"] = found["port"] + self.rng.choice((0, 100, 8000))
        return found

    def rule(self, peers: str) -> Json:
        found: Json = {}
        if self.chance(0.8):
            found[peers] = [self.peer() for _ in range(self.rng.randint(0, 2))]
        if self.chance(0.7):
            found["ports"] = [self.port() for _ in range(self.rng.randint(0, 2))]
        return found

    def policy(self, i: int) -> Json:
        spec: Json = {"podSelector": self.selector()}
        if self.chance(0.6):
            spec["policyTypes"] = self.rng.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"]))
        if self.chance(0.8):
            spec["ingress"] = [self.rule("from") for _ in range(self.rng.randint(0, 3))]
        if self.chance(0.6):
            spec["egress"] = [self.rule("to") for _ in range(self.rng.randint(0, 3))]
        return {"metadata": {"name": f"p{i}", "namespace": self.rng.choice(("ns0", "ns1", "ns2"))}, "spec": spec}

    def chooser(self) -> Json:
        if self.chance(0.5):
            return {"namespaces": self.place_selector()}
        return {"pods": {"namespaceSelector": self.place_selector(), "podSelector": self.selector()}}

    def admin_port(self) -> Json:
        protocol, first = self.rng.choice(PROTOCOLS), self.rng.choice(PORTS)
        return self.rng.choice((
            {"namedPort": self.rng.choice(NAMES)},
            {"portNumber": {"protocol": protocol, "port": first}},
            {"portRange": {"protocol": protocol, "start": first, "end": first + 400}},
        ))  # fmt: skip

    def admin_rule(self, way: str, actions: tuple[str, ...]) -> Json:
        peers = [self.chooser() for _ in range(self.rng.randint(1, 2))]
        if way == "egress" and self.chance(0.4):
            peers.append({"networks": self.rng.sample(BLOCKS, 1)})
        found: Json = {"action": self.rng.choice(actions), "to" if way == "egress" else "from": peers}
        if self.chance(0.5):
            found["ports"] = [self.admin_port() for _ in range(self.rng.randint(1, 2))]
        return found

    def admin(self, priority: int, actions: tuple[str, ...]) -> Json:
        spec: Json = {"subject": self.chooser(), "priority": priority}
        for way in ("ingress", "egress"):
            spec[way] = [self.admin_rule(way, actions) for _ in range(self.rng.randint(0, 2))]
        return {"metadata": {"name": f"a{priority}"}, "spec": spec}

    def pod(self, i: int) -> Json:
        ports = [
            {"containerPort": self.rng.choice(PORTS), "name": name, "protocol": self.rng.choice(PROTOCOLS)}
            for name in self.some(NAMES, 2)
        ]
        meta = {"name": f"pod{i}", "namespace": self.rng.choice(("ns0", "ns1", "ns2")), "labels": self.labels()}
        return {"metadata": meta, "spec": {"containers": [{"name": "c", "image": "i", "ports": ports}]},
                "status": {"phase": "Running", "podIP": f"10.0.{i % 2}.{i + 1}"}}  # fmt: skip

    def world(self) -> World:
        admin = [self.admin(i, ("Allow", "Deny", "Pass")) for i in self.some(range(20), 3)] if self.chance(0.5) else []
        baseline = [self.admin(0, ("Allow", "Deny"))] if self.chance(0.4) else []
        return World(
            {name: self.labels() for name in ("ns0", "ns1", "ns2")},
            [self.pod(i) for i in range(5)],
            [self.policy(i) for i in range(self.rng.randint(0, 6))],
            admin,
            baseline,
        )


def view_of(world: World) -> tuple[View, list[End]]:
    cluster = Cluster()
    for name, labels in world.namespaces.items():
        cluster.add("Namespace", name, labels=labels)
    for pod in world.pods:
        meta = pod["metadata"]
        cluster.add(
            "Pod", meta["name"], meta["namespace"], labels=meta["labels"], spec=pod["spec"], status=pod["status"]
        )
    for policy in world.policies:
        meta = policy["metadata"]
        cluster.add("NetworkPolicy", meta["name"], meta["namespace"], api="networking.k8s.io/v1", spec=policy["spec"])
    for kind, found in (("AdminNetworkPolicy", world.admin), ("BaselineAdminNetworkPolicy", world.baseline)):
        for one in found:
            cluster.add(kind, one["metadata"]["name"], api="policy.networking.k8s.io/v1alpha1", spec=one["spec"])
    view = cluster.view()
    refs = [Ref("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in world.pods]
    return view, [End(pod=view.graph.get(ref)) for ref in refs]


@settings(max_examples=CASES)
@given(st.integers(min_value=0, max_value=2**40))
def test_the_evaluator_agrees_with_the_definition(seed: int) -> None:
    world = Maker(seed).world()
    view, ends = view_of(world)
    near = list(zip(world.pods, ends, strict=True))
    far = [(ip, End(ip=ip)) for ip in OUTSIDE]
    for source, start in (*near, *far):
        for target, end in (*near, *far):
            if isinstance(source, str) and isinstance(target, str):
                continue
            for port in PORTS:
                for protocol in PROTOCOLS:
                    wanted = world.passes(source, target, port, protocol)
                    found = judge(view, start, end, port, protocol).state
                    assert found is (State.ALLOWED if wanted else State.REFUSED), (source, target, port, protocol)


@settings(max_examples=CASES // 5)
@given(st.integers(min_value=0, max_value=2**40))
def test_what_was_not_read_never_makes_the_evaluator_wrong(seed: int) -> None:
    """A policy and a namespace are left out: what is then still said firmly is what is true of the whole cluster."""
    maker = Maker(seed)
    world = maker.world()
    shown = World(
        {name: labels for name, labels in world.namespaces.items() if maker.chance(0.6)},
        world.pods,
        [policy for policy in world.policies if maker.chance(0.6)],
        world.admin,
        world.baseline,
    )
    view, ends = partial_view(shown)
    for source, start in zip(world.pods, ends, strict=True):
        for target, end in zip(world.pods, ends, strict=True):
            for port in PORTS[:2]:
                found = judge(view, start, end, port, "TCP").state
                wanted = State.ALLOWED if world.passes(source, target, port, "TCP") else State.REFUSED
                assert found in (wanted, State.UNKNOWN)


def partial_view(shown: World) -> tuple[View, list[End]]:
    cluster = Cluster(unread=["NetworkPolicy", "Namespace"])
    full, _ = view_of(shown)
    cluster.bodies = [(resource.body, resource.detail) for resource in full.graph.resources()]
    view = cluster.view()
    refs = [Ref("Pod", pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in shown.pods]
    return view, [End(pod=view.graph.get(ref)) for ref in refs]
