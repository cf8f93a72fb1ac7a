"""Decides which lists make up a scope and reads them side by side. A refused cluster-wide list is read by namespace instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import msgspec

from copilot.model import Reading, ReadState, Resource, UsageError
from copilot.model.collector import paused_gc
from copilot.model.fields import children, text
from copilot.model.likeness import alike
from copilot.model.wording import listed
from tools.cluster.discovery import Discovery, discover
from tools.cluster.discovery_known import LEASE_NAMESPACES, WELL_KNOWN, ApiKind, is_built_in
from tools.cluster.live_lists import Lister, ListOutcome, ListRequest
from tools.cluster.source import Scope
from tools.cluster.transport import Transport

WORKERS = 8  # lists at once: hides the round trips of ~60 kinds; the API server's fairness gives a user few seats more
_MANY_NAMESPACES = 8  # from here on one cluster-wide list is cheaper than one list per namespace
_MAX_FALLBACK = 50  # namespaces read one by one after a refused cluster-wide list: 30 kinds each are 1,500 requests
_SYSTEM = "kube-system"  # cluster DNS, network and storage add-ons: what every namespace depends on


class ClusterRead(msgspec.Struct, frozen=True, eq=False):
    """Every list of one observation."""

    outcomes: tuple[ListOutcome, ...]
    discovery: Discovery
    notes: tuple[str, ...] = ()
    config_values: bool = False

    def resources(self) -> Iterator[Resource]:
        """The objects, each once, in a fixed order."""
        seen: set[tuple[ApiKind, str]] = set()
        for outcome in self.outcomes:
            if (outcome.request.kind, outcome.request.namespace) not in seen:
                seen.add((outcome.request.kind, outcome.request.namespace))
                yield from outcome.resources

    def readings(self) -> tuple[Reading, ...]:
        """What was read, refused and missing."""
        return (*(outcome.reading for outcome in self.outcomes), *self.discovery.readings)

    def date(self) -> datetime | None:
        """The server's clock at the last answer."""
        return max((outcome.date for outcome in self.outcomes if outcome.date), default=None)


def read_cluster(transport: Transport, scope: Scope, home: str) -> ClusterRead:
    """Read every list of `scope`. `home` is the context's own namespace, read when nothing wider is allowed.

    Raises:
        UsageError: A namespace of the scope does not exist.
        CopilotError: The server cannot be reached, or does not accept the credentials.
    """
    with paused_gc():
        discovery = discover(transport)
        lister = Lister(transport, config_values=scope.config_values)
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="list") as pool:
            outcomes = list(pool.map(lister.read, plan(discovery.kinds, scope)))
            _stop_when_nothing_was_read(outcomes)
            _check_namespaces(transport, scope, outcomes)
            fallback, notes = _by_namespace(outcomes, scope, home)
            outcomes += pool.map(lister.read, fallback)
            if scope.namespaces is not None:
                outcomes += _around(pool, lister, discovery, outcomes)
    return ClusterRead(tuple(outcomes), discovery, (*discovery.notes, *notes), scope.config_values)


def plan(kinds: Iterable[ApiKind], scope: Scope) -> list[ListRequest]:
    """The first round of lists, the longest first so that none of them is waited for alone."""
    wide = scope.namespaces is None or len(scope.namespaces) >= _MANY_NAMESPACES
    requests = []
    for kind in kinds:
        if kind.kind == "Lease" and kind.group == "coordination.k8s.io":
            requests += [ListRequest(kind, namespace) for namespace in LEASE_NAMESPACES]
        elif wide or not kind.namespaced:
            requests.append(ListRequest(kind))
        else:
            requests += [ListRequest(kind, namespace) for namespace in scope.namespaces or ()]
    size = {(kind.group, kind.kind): position for position, kind in enumerate(WELL_KNOWN)}
    last = len(size)
    return sorted(requests, key=lambda one: (size.get((one.kind.group, one.kind.kind), last), one))


def _stop_when_nothing_was_read(outcomes: list[ListOutcome]) -> None:
    errors = [outcome.error for outcome in outcomes if outcome.error]
    if errors and not any(outcome.state in (ReadState.READ, ReadState.REFUSED) for outcome in outcomes):
        raise errors[0]


def _namespaces(outcomes: list[ListOutcome]) -> list[str] | None:
    """The names of all namespaces; None when they could not be listed."""
    for outcome in outcomes:
        if outcome.request.kind.kind == "Namespace" and outcome.state is ReadState.READ:
            return [one.ref.name for one in outcome.resources]
    return None


def _check_namespaces(transport: Transport, scope: Scope, outcomes: list[ListOutcome]) -> None:
    """A list in a namespace that does not exist is empty, not an error: without this, a typing error looks healthy."""
    names = _namespaces(outcomes)
    for wanted in scope.namespaces or ():
        if names is not None:
            exists = wanted in names
        else:
            exists = (
                transport.get(ApiKind("", "v1", "namespaces", "Namespace", False).path() + f"/{wanted}").status != 404
            )
        if not exists:
            near = alike(wanted, names or ())
            hint = f"Did you mean {' or '.join(near)}?" if near else "kubectl get namespaces lists them."
            raise UsageError(f"Namespace {wanted!r} does not exist.", hint)


def _by_namespace(outcomes: list[ListOutcome], scope: Scope, home: str) -> tuple[list[ListRequest], list[str]]:
    """The lists to read instead of refused cluster-wide ones."""
    refused = [
        outcome.request.kind
        for outcome in outcomes
        if outcome.state is ReadState.REFUSED and outcome.request.kind.namespaced and not outcome.request.namespace
    ]
    if not refused:
        return [], []
    names = list(scope.namespaces or _namespaces(outcomes) or (home,))
    tried = names[:_MAX_FALLBACK]
    where = listed(tried)
    note = f"{len(refused)} kinds may not be listed in the whole cluster: they were read in namespace {where} instead."
    return [ListRequest(kind, namespace) for kind in refused for namespace in tried], [note]


def _around(
    pool: ThreadPoolExecutor, lister: Lister, discovery: Discovery, outcomes: list[ListOutcome]
) -> list[ListOutcome]:
    """Read what a namespace depends on elsewhere: the system namespace, and where webhooks and API add-ons run."""
    done = {outcome.request for outcome in outcomes}
    places = dict.fromkeys([_SYSTEM, *_service_namespaces(outcomes)])
    kinds = [kind for kind in discovery.kinds if kind.namespaced and is_built_in(kind) and kind.kind != "Lease"]
    pods = [kind for kind in kinds if kind.kind == "Pod" and not kind.group]
    allowed: list[str] = []
    found: list[ListOutcome] = []
    # One list tells whether the user may look there at all: 30 refusals would say nothing more.
    for outcome in pool.map(lister.read, [r for p in places for k in pods if (r := ListRequest(k, p)) not in done]):
        found.append(outcome)
        if outcome.state is ReadState.READ:
            allowed.append(outcome.request.namespace)
    rest = [ListRequest(kind, place) for place in allowed for kind in kinds if kind not in pods]
    return [*found, *pool.map(lister.read, [request for request in rest if request not in done])]


def _service_namespaces(outcomes: list[ListOutcome]) -> Iterator[str]:
    for outcome in outcomes:
        for one in outcome.resources if not outcome.request.kind.namespaced else ():
            yield from filter(None, (text(one.spec, "service", "namespace"),))  # APIService
            yield from filter(None, (text(one.spec, "conversion", "webhook", "clientConfig", "service", "namespace"),))
            for webhook in children(one.body, "webhooks"):
                yield from filter(None, (text(webhook, "clientConfig", "service", "namespace"),))
