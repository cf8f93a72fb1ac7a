"""Blocks of addresses cut where policies cut them: on each piece every rule says the same of every address."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from copilot.diagnosis.policy_match import GROUP, Direction, End, Network, parse_network, peers_of, rules_of
from copilot.diagnosis.reach.admin import ADMIN, BASELINE
from copilot.diagnosis.reach.admin import GROUP as ADMIN_GROUP
from copilot.diagnosis.view import View
from copilot.model import Resource, mapping, text, texts

MAX_PIECES = 2_000  # pieces of one block: more would be a question about a list of addresses, not about a block
SHOWN = 6  # blocks named for one piece
# RFC 6890 and its registry: what is no host of the internet.
_NOT_PUBLIC = ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
               "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3")  # fmt: skip
_PUBLIC_V6 = "2000::/3"


class Piece(msgspec.Struct, frozen=True):
    """Addresses `first` to `last`, as numbers of one family."""

    first: int
    last: int
    version: int

    @property
    def end(self) -> End:
        """An address that stands for all of them."""
        words = ", ".join(words_of([self]))
        return End(ip=str(_address(self.first, self.version)), words=words)


def pieces(view: View, block: str, namespaces: Iterable[str], *, v6: bool = False) -> list[Piece]:
    """The pieces of a block, or of the internet when `block` is empty; no pieces where there would be too many."""
    network = parse_network(block) if block else None
    if network is not None:
        version, spans = network.version, [(int(network[0]), int(network[-1]))]
    else:
        version, spans = (6, [_span(_PUBLIC_V6)]) if v6 else (4, list(_public()))
    cuts = _cuts(view, set(namespaces), version)
    found = [
        Piece(first, last - 1, version)
        for low, high in spans
        for first, last in pairwise(sorted({low, high + 1, *(cut for cut in cuts if low < cut <= high)}))
    ]
    return found if len(found) <= MAX_PIECES else []


def words_of(found: list[Piece]) -> list[str]:
    """The pieces as blocks, neighbours joined; past the first few they are counted."""
    joined: list[list[int]] = []
    for piece in sorted(found, key=lambda one: one.first):
        if joined and joined[-1][1] + 1 == piece.first:
            joined[-1][1] = piece.last
        else:
            joined.append([piece.first, piece.last])
    version = found[0].version
    blocks = [
        str(block)
        for first, last in joined
        for block in ipaddress.summarize_address_range(_address(first, version), _address(last, version))
    ]
    rest = len(blocks) - SHOWN
    return [*blocks[:SHOWN], f"{rest} more blocks"] if rest > 0 else blocks


def names_blocks(view: View, namespaces: Iterable[str]) -> bool:
    """Whether a policy that may decide names addresses: only then do the pods' own addresses matter."""
    return any(words for policy in _policies(view, set(namespaces)) for words in _blocks_of(policy))


def _address(value: int, version: int) -> Any:
    return ipaddress.IPv4Address(value) if version == 4 else ipaddress.IPv6Address(value)


def _span(block: str) -> tuple[int, int]:
    network = ipaddress.ip_network(block)
    return int(network[0]), int(network[-1])


def _public() -> Iterator[tuple[int, int]]:
    low = 0
    for first, last in sorted(_span(block) for block in _NOT_PUBLIC):
        if low < first:
            yield low, first - 1
        low = last + 1


def _cuts(view: View, namespaces: set[str], version: int) -> set[int]:
    """Where a block of a policy begins or ends."""
    found: set[int] = set()
    for policy in _policies(view, namespaces):
        for words in _blocks_of(policy):
            network = parse_network(words)
            if network is not None and network.version == version:
                found |= {int(network[0]), int(network[-1]) + 1}
    return found


def _policies(view: View, namespaces: set[str]) -> Iterator[Resource]:
    for namespace in sorted(namespaces):
        yield from view.graph.of_kind("NetworkPolicy", namespace, GROUP)
    for kind in (ADMIN, BASELINE):
        yield from view.graph.of_kind(kind, group=ADMIN_GROUP)


def _blocks_of(policy: Resource) -> Iterator[str]:
    for direction in Direction:
        for rule in rules_of(policy, direction):
            for peer in peers_of(rule, direction):
                block = mapping(peer, "ipBlock")
                yield text(block, "cidr")
                yield from texts(block, "except")
                yield from texts(peer, "networks")


__all__ = ["Network", "Piece", "names_blocks", "pieces", "words_of"]
