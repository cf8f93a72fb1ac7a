"""May A reach B: resolves both ends, judges every pair that differs, and gathers equal answers into groups.

A group is said to be allowed or refused only where nothing that was left unread could change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum

import msgspec

from copilot.diagnosis.policy_match import End, Half, declared_ports
from copilot.diagnosis.reach import blocks
from copilot.diagnosis.reach.judge import Decider, Judgement, Side, State, by_address, judge
from copilot.diagnosis.reach.lead import Dead, Led, Leg, lead_pods, lead_service
from copilot.diagnosis.reach.nearest import nearest_rule
from copilot.diagnosis.reach.party import Party, read_party
from copilot.diagnosis.reach.routed import lead_ingress
from copilot.diagnosis.reach.surroundings import Enforcement, enforcement, names_resolve, not_evaluated, ways_in
from copilot.diagnosis.reach.wanted import Wanted, read_wanted
from copilot.diagnosis.view import View
from copilot.model import number, text
from copilot.model.wording import listed

MAX_PAIRS = 10_000  # pairs of unlike ends that are judged: past it the answer is about the first of them, and says so


class Verdict(Enum):
    """The answer in one word."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    PARTLY = "partly"  # some groups are allowed, some refused
    UNKNOWN = "cannot be told"


class Group(msgspec.Struct, frozen=True, eq=False):
    """Ends for which the same is true. `sources` and `targets` are objects or blocks of addresses, as text."""

    state: State
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    port: int
    protocol: str
    why: tuple[str, ...]
    deciders: tuple[Decider, ...] = ()
    missing: tuple[str, ...] = ()
    change: str = ""
    as_read: State = State.UNKNOWN
    field: str = ""


class Reachability(msgspec.Struct, frozen=True, eq=False):
    """The whole answer."""

    source: str
    target: str
    wanted: Wanted
    verdict: Verdict
    groups: tuple[Group, ...]
    notes: tuple[str, ...]
    not_evaluated: tuple[str, ...]
    enforcement: Enforcement
    cluster: str
    observed_at: datetime


def reach(view: View, source: str, target: str, namespace: str | None) -> Reachability:
    """Judge `source` → `target`, as a person types them.

    Raises:
        UsageError: an end is not found, is several objects, or the port is none.
    """
    wanted = read_wanted(target)
    return reach_between(view, read_party(view, source, namespace), read_party(view, wanted.end, namespace), wanted)


def reach_between(view: View, source: Party, target: Party, wanted: Wanted) -> Reachability:
    """Judge a connection between two parties."""
    led = _lead(view, target, wanted)
    starts, notes = _starts(view, source)
    groups = [_dead(one, source) for one in led.dead]
    groups += _judged(view, source, starts, target, led)
    guard = enforcement(view)
    namespaces = {end.pod.ref.namespace for end in (*starts, *(leg.end for leg in led.legs)) if end.pod is not None}
    said = [source.note, target.note, *notes, *led.notes]
    if target.service is not None or target.outside:
        said += [names_resolve(view, end) for end in starts[:1]]
    return Reachability(
        source=source.name,
        target=target.name,
        wanted=wanted,
        verdict=_verdict(groups),
        groups=tuple(sorted(groups, key=lambda group: (list(State).index(group.state), group.port, group.sources, group.targets))),
        notes=tuple(dict.fromkeys(note for note in said if note)),
        not_evaluated=tuple(not_evaluated(view, namespaces)),
        enforcement=guard,
        cluster=view.snapshot.cluster,
        observed_at=view.now,
    )  # fmt: skip


def _verdict(groups: Sequence[Group]) -> Verdict:
    states = {group.state for group in groups}
    if not states or State.UNKNOWN in states:
        return Verdict.UNKNOWN
    return Verdict.PARTLY if len(states) > 1 else Verdict.ALLOWED if State.ALLOWED in states else Verdict.REFUSED


def _lead(view: View, target: Party, wanted: Wanted) -> Led:
    if target.ingress is not None:
        return lead_ingress(view, target.ingress, target.host)
    if target.service is not None:
        return lead_service(view, target.service, wanted)
    if target.outside or target.block:
        return Led((Leg(End(), wanted.port, wanted.protocol or "TCP", outside=True),))
    return lead_pods(target.ends, wanted)


def _starts(view: View, source: Party) -> tuple[list[End], list[str]]:
    """The pods (or address) that call. A Service does not call: its pods do."""
    if source.service is not None:
        led = lead_service(view, source.service, Wanted(""))
        pods = {leg.end.pod.ref: leg.end for leg in led.legs if leg.end.pod is not None}
        return list(pods.values()), [f"a Service calls nobody: its {len(pods)} pods do"]
    if source.ingress is not None:
        led = lead_ingress(view, source.ingress, source.host, to_controller=True)
        return [leg.end for leg in led.legs], list(led.notes)
    return list(source.ends), []


def _dead(dead: Dead, source: Party) -> Group:
    return Group(
        state=dead.state,
        sources=(source.name,),
        targets=(str(dead.object),),
        port=dead.port,
        protocol=dead.protocol,
        why=(dead.why,),
        change=dead.change,
        as_read=dead.state,
        field=dead.field,
    )


class _Shape(msgspec.Struct, frozen=True):
    """What policies can see of an end: ends of one shape get one answer."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    host: str
    addresses: tuple[str, ...]
    ports: tuple[tuple[str, int, str], ...]
    name: str


def _shape(end: End, *, addressed: bool, hosts: bool) -> _Shape:
    pod = end.pod
    if pod is None:
        return _Shape("", (), end.node, end.addresses, (), "")
    return _Shape(
        pod.ref.namespace,
        tuple(sorted((str(key), str(value)) for key, value in pod.labels.items())),
        f"{end.on_host} {end.host if hosts else ''}",
        end.addresses if addressed or not end.addresses else ("(some)",),
        tuple((text(entry, "name"), number(entry, "containerPort"), text(entry, "protocol")) for entry in declared_ports(pod)),
        pod.detail.value,
    )  # fmt: skip


def _judged(view: View, source: Party, starts: Sequence[End], target: Party, led: Led) -> list[Group]:
    namespaces = {end.pod.ref.namespace for end in (*starts, *(leg.end for leg in led.legs)) if end.pod is not None}
    hosts = any(end.on_host for end in (*starts, *(leg.end for leg in led.legs)))
    addressed = blocks.names_blocks(view, namespaces)
    callers = _callers(view, source, starts, namespaces, addressed=addressed, hosts=hosts)
    served = _served(view, target, led, namespaces, addressed=addressed, hosts=hosts)
    found: dict[tuple[object, ...], list[tuple[_Many, _Many, Judgement]]] = {}
    pairs = 0
    for caller in callers:
        for one in served:
            pairs += 1
            if pairs > MAX_PAIRS:
                break
            end, other = _unlike(caller, one)
            judgement = judge(view, end, other, one.port, one.protocol)
            key = (judgement.state, one.port, one.protocol, *(_key(side) for side in judgement.sides))
            found.setdefault(key, []).append((caller, one, judgement))
    groups = [_group(view, same, whole=len(found) == 1) for same in found.values()]
    groups = [_from_outside(view, group, same, source) for group, same in zip(groups, found.values(), strict=True)]
    if pairs > MAX_PAIRS:
        first = f"only the first {MAX_PAIRS} pairs of unlike pods were judged"
        groups.append(Group(State.UNKNOWN, (source.name,), (target.name,), 0, "TCP", (first,)))
    if not found and not led.dead:
        groups.append(
            Group(State.UNKNOWN, (source.name,), (target.name,), 0, "TCP", (_nobody(source, starts, target),))
        )
    return groups


def _nobody(source: Party, starts: Sequence[End], target: Party) -> str:
    if not starts and not (source.outside or source.block):
        return f"no pod of {source.name} was read"
    return f"nothing was read that {target.name} leads to"


class _Many(msgspec.Struct, frozen=True, eq=False):
    """Ends of one shape with their words; a port where they are called."""

    ends: tuple[End, ...]
    words: tuple[str, ...]
    port: int = 0
    protocol: str = "TCP"
    piece: blocks.Piece | None = None


def _callers(view: View, source: Party, starts: Sequence[End], namespaces: Iterable[str], *, addressed: bool, hosts: bool) -> list[_Many]:  # fmt: skip
    if source.outside or source.block:
        return _pieces(view, source, namespaces, 0, "TCP")
    alike: dict[_Shape, list[End]] = {}
    for end in starts:
        alike.setdefault(_shape(end, addressed=addressed, hosts=hosts), []).append(end)
    return [_Many(tuple(ends), _names(ends)) for ends in alike.values()]


def _served(view: View, target: Party, led: Led, namespaces: Iterable[str], *, addressed: bool, hosts: bool) -> list[_Many]:  # fmt: skip
    alike: dict[tuple[_Shape, int, str], list[End]] = {}
    found: list[_Many] = []
    for leg in led.legs:
        if leg.outside:
            found += _pieces(view, target, namespaces, leg.port, leg.protocol)
        else:
            alike.setdefault((_shape(leg.end, addressed=addressed, hosts=hosts), leg.port, leg.protocol), []).append(leg.end)  # fmt: skip
    return [*found, *(_Many(tuple(ends), _names(ends), port, kind) for (_, port, kind), ends in alike.items())]


def _pieces(view: View, party: Party, namespaces: Iterable[str], port: int, protocol: str) -> list[_Many]:
    """The pieces of a block; a host outside is one address, nobody knows which."""
    if not party.internet and not party.block:
        return [_Many((End(),), (party.name,), port, protocol)]
    cut = blocks.pieces(view, party.block, namespaces)
    return [_Many((piece.end,), (party.name,), port, protocol, piece) for piece in cut]


def _names(ends: Iterable[End]) -> tuple[str, ...]:
    return tuple(
        str(end.pod.ref) if end.pod is not None else (end.node and f"Node {end.node}") or end.ip for end in ends
    )


def _unlike(caller: _Many, served: _Many) -> tuple[End, End]:
    """Two that stand for all, different where they can be: a pod that calls itself says nothing of its neighbours."""
    first = caller.ends[0]
    mine = first.pod.ref if first.pod is not None else None
    other = next((end for end in served.ends if end.pod is None or end.pod.ref != mine), served.ends[0])
    if mine is not None and other.pod is not None and other.pod.ref == mine:
        first = next((end for end in caller.ends if end.pod is not None and end.pod.ref != mine), first)
    return first, other


def _key(side: Side) -> tuple[object, ...]:
    return (side.state, *((decider.policy.ref, decider.rule) for decider in side.deciders), *(() if side.deciders else (side.why,) if side.state is State.UNKNOWN else ()))  # fmt: skip


def _group(view: View, same: Sequence[tuple[_Many, _Many, Judgement]], *, whole: bool) -> Group:
    """Equal answers as one. `whole` says that there is no other group: a block is then named as it was asked for."""
    caller, served, judgement = same[0]
    speaking = [side for side in judgement.sides if side.state is judgement.state] or list(judgement.sides)
    if judgement.state is State.ALLOWED:
        speaking = [side for side in speaking if side.deciders] or [judgement.ingress]
    missing: list[str] = []
    changes: list[str] = []
    ends = _unlike(caller, served)
    for side in speaking if judgement.as_read is State.REFUSED else ():
        if side.as_read is State.REFUSED:
            own, other = ends if side.direction.value == "Egress" else ends[::-1]
            half = Half(side.direction, own, other, ends[1], served.port, served.protocol)
            near = nearest_rule(view, half, side.deciders)
            if near is not None:
                missing += near.missing
                changes.append(near.change)
    return Group(
        judgement.state,
        _all_words([one for one, _, _ in same], whole=whole),
        _all_words([one for _, one, _ in same], whole=whole),
        served.port,
        served.protocol,
        tuple(_because(side) for side in speaking),
        tuple(decider for side in speaking for decider in side.deciders),
        tuple(missing),
        "; and ".join(changes),
        judgement.as_read,
    )


def _because(side: Side) -> str:
    if side.state is State.ALLOWED and not side.deciders:
        return side.why
    return f"{side.direction.field}: {side.why}"


def _all_words(found: Sequence[_Many], *, whole: bool) -> tuple[str, ...]:
    cut = list(dict.fromkeys(one.piece for one in found if one.piece is not None))
    if cut and not whole:
        return tuple(blocks.words_of(cut))
    return tuple(dict.fromkeys(word for one in found for word in one.words))


def _from_outside(view: View, group: Group, same: Sequence[tuple[_Many, _Many, Judgement]], source: Party) -> Group:
    """Whether anything leads from the internet to these pods, and whether the caller's address arrives there as it is."""
    pods = [end.pod for _, one, _ in same for end in one.ends if end.pod is not None]
    if not source.internet or group.state is not State.ALLOWED or not pods:
        return group
    doors, routes = ways_in(view, pods)
    if not doors:
        way = f"; {listed(str(one.ref) for one in routes)} leads to them through its controller" if routes else ""
        why = f"policies let it in, but no Service of type LoadBalancer or NodePort that was read leads to these pods{way}"
        return _unsure(group, why)
    rewritten = [door for door in doors if text(door.spec, "externalTrafficPolicy") != "Local"]
    if rewritten and any(by_address(side) for _, _, judgement in same for side in judgement.sides):
        why = f"{rewritten[0].ref} has no externalTrafficPolicy: Local, so the pods may see a node's address in place of the caller's"  # fmt: skip
        return _unsure(group, why)
    return msgspec.structs.replace(
        group, why=(*group.why, f"{listed(str(one.ref) for one in doors)} leads in from outside")
    )


def _unsure(group: Group, why: str) -> Group:
    return msgspec.structs.replace(group, state=State.UNKNOWN, why=(*group.why, why))


__all__ = ["Group", "Reachability", "Verdict", "reach", "reach_between"]
