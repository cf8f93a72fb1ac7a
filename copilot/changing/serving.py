"""Puts the executor process together: whose connection it uses, and how it judges a client's plan again.

Promise: a plan goes on record only if this process, reading the cluster as the plan's requester would, finds nothing
against it and no higher tier; the requests, the field changes and the rehearsals must be the ones that it finds itself.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from copilot import __version__
from copilot.changing.desk import Desk, Party
from copilot.changing.history import find_record
from copilot.changing.objections import objection as objection_to
from copilot.changing.opening import KEY_FILE, open_journal, policy_loader, require_whole, utc_now
from copilot.model import CopilotError, UsageError
from copilot.settings import Settings
from copilot.target import Target
from guardrails.gate import Gate
from guardrails.keyfile import load_or_create_key
from guardrails.plan import ClusterId, Plan
from tools.access import AccessQuestion, may
from tools.change.identity import identify_cluster, local_person
from tools.change.review import who_am_i
from tools.cluster.kubeconfig import Connection, connect
from tools.cluster.live import LiveSource
from tools.cluster.transport import Transport
from tools.executor import Executor, Wire
from tools.executor.people import ActsAs, People
from tools.executor.service import Hands, Service, Shop

# The one group that RBAC does not bind. The second spelling is that of constrained impersonation (KEP-5284).
_MASTERS = (
    AccessQuestion("impersonate", "groups", "", "", "system:masters"),
    AccessQuestion("impersonate:user-info", "groups", "authentication.k8s.io", "", "system:masters"),
)


class Rules(msgspec.Struct, frozen=True):
    """What the executor's operator chose on the command line."""

    mapping: dict[str, ActsAs] | None = None
    approvers: frozenset[str] | None = None
    approver_group: str = ""
    shared: bool = False


def open_service(target: Target, settings: Settings, rules: Rules, owner: int) -> Service:
    """Open the executor's side of the door.

    Raises:
        UsageError: its credentials may impersonate the cluster's masters, or are an impersonation themselves.
        JournalError: the journal was tampered with.
    """
    connection = connect(target.kubeconfig, target.context)
    reader = Transport(connection)
    if rules.mapping is not None:
        _require_modest(connection, reader)
    journal = open_journal(settings)
    require_whole(journal)
    gate = Gate(load_or_create_key(Path(settings.data_dir) / KEY_FILE), journal, utc_now)
    people = People(
        owner=owner,
        itself=who_am_i(reader, local_person()) if rules.mapping is None else local_person(),
        mapping=rules.mapping,
        approvers=rules.approvers,
        approver_group=rules.approver_group,
        shared=rules.shared,
    )

    def hands(acts: ActsAs | None, plan_id: str) -> Hands:
        """What acts for one identity on one plan."""
        own = connection if acts is None else acting_as(connection, acts, plan_id)
        return Hands(Executor(Wire(own), gate, journal, f"cluster-copilot/{__version__}"), Transport(own))

    policy, cluster = policy_loader(settings), _cluster(connection, rules)

    def objection(plan: Plan, hands: Hands) -> str:
        """Judge again, as the requester of the plan."""
        party = Party(plan.requester, cluster, people.count)
        desk = Desk(LiveSource(hands.reader.connection), utc_now, hands.executor, journal, policy, party)
        return objection_to(desk, journal, plan, find_record(journal, plan.undoes) if plan.undoes else None)

    shop = Shop(gate, journal, people, cluster, __version__, utc_now, hands, objection)
    return Service(shop)


def acting_as(connection: Connection, acts: ActsAs, plan_id: str) -> Connection:
    """The same connection under another identity. The plan's id goes along, into the server's audit log and to its policies."""
    headers = [("Impersonate-User", acts.user), *(("Impersonate-Group", group) for group in acts.groups)]
    if plan_id:
        headers.append(("Impersonate-Extra-copilot.dev%2Fplan", plan_id))
    return msgspec.structs.replace(connection, headers=tuple(headers))


def _cluster(connection: Connection, rules: Rules) -> ClusterId:
    """Which cluster it is, read by the first who may: credentials that only impersonate read nothing themselves."""
    identities = [None] if rules.mapping is None else [None, *rules.mapping.values()]
    found = ClusterId("", "", "", "")
    for acts in identities:
        found = identify_cluster(Transport(connection if acts is None else acting_as(connection, acts, "")))
        if found.uid:
            return found
    raise UsageError(
        f"The cluster at {found.server} cannot be told from others: the namespace kube-system cannot be read",
        "Allow get on that namespace to the executor, or to the users that it acts as.",
    )


def _require_modest(connection: Connection, reader: Transport) -> None:
    """Stop where taking over this process would mean taking over the cluster."""
    if connection.headers:
        raise UsageError(
            "The executor's kubeconfig impersonates somebody already, so it cannot act as others",
            "Give it credentials of its own.",
        )
    for question in _MASTERS:
        try:
            answer = may(reader, question)
        except CopilotError as error:
            raise UsageError(
                f"Whether the executor may impersonate system:masters is not known: {error.title}", error.hint
            ) from error
        if answer.allowed or answer.doubt:
            raise UsageError(
                "The executor's credentials may impersonate system:masters, which nothing in the cluster can stop",
                "Give them impersonate on named users and groups only (deploy/impersonation).",
            )
