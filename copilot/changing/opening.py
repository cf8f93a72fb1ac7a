"""Puts the parts together for one command. The executor is imported here, and only when changes are allowed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from copilot import __version__
from copilot.changing.anchoring import anchoring_of
from copilot.changing.desk import Desk, Party
from copilot.changing.door import Door
from copilot.settings import Settings
from copilot.target import Target
from guardrails.errors import JournalError
from guardrails.gate import Gate
from guardrails.journal import Journal
from guardrails.keyfile import load_or_create_key
from guardrails.plan import Step
from guardrails.policy.policy import Policy, load_policy
from tools.change.following import Eyes, Watch, watch_of
from tools.change.remote import RemoteExecutor, RemoteJournal
from tools.cluster.kubeconfig import connect
from tools.cluster.live import LiveSource

JOURNAL_FILE = "changes.sqlite3"
KEY_FILE = "approval.key"


class Workshop(msgspec.Struct, frozen=True, eq=False):
    """The open parts. In read-only mode `door` is None, and so are `gate` and `remote`, of which else one is there.

    `remote` is an executor that runs as a process of its own, and then `journal` is that one's.
    """

    desk: Desk
    journal: Journal
    door: Door | None = None
    gate: Gate | None = None
    remote: RemoteExecutor | None = None


def utc_now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def open_journal(settings: Settings) -> Journal:
    """The journal of this user."""
    return Journal(Path(settings.data_dir) / JOURNAL_FILE, utc_now, anchoring_of(settings))


def open_records(settings: Settings) -> Journal:
    """The journal to read from: the executor's, where one is named."""
    return RemoteJournal(RemoteExecutor(settings.executor)) if settings.executor else open_journal(settings)


def policy_loader(settings: Settings) -> Callable[[], Policy]:
    """Loads the site policy anew at every call, so that a change of the file is seen."""
    return partial(load_policy, settings.policy_file)


def open_reading(target: Target, settings: Settings) -> Workshop:
    """Open what plans without being able to change anything."""
    return Workshop(Desk(_source(target), utc_now, policy=policy_loader(settings)), open_journal(settings))


def open_changing(target: Target, settings: Settings, say: Callable[[str], None], soak: float = 0.0) -> Workshop:
    """Open the whole door. The writer gets a connection of its own; `say` is told how the rollout goes.

    `soak` is for how many seconds a finished rollout is watched on.

    Raises:
        JournalError: the journal was tampered with: what was approved and used up can no longer be known.
    """
    if settings.executor is not None:
        return open_remote(target, settings.executor, settings, say, soak)
    from tools.executor import Executor, Wire  # noqa: PLC0415 - read-only mode must not even import it

    journal = open_journal(settings)
    require_whole(journal)
    gate = Gate(load_or_create_key(Path(settings.data_dir) / KEY_FILE), journal, utc_now)
    source = _source(target)
    wire = Wire(connect(target.kubeconfig, target.context))
    executor = Executor(wire, gate, journal, f"cluster-copilot/{__version__}")
    desk = Desk(source, utc_now, executor, journal, policy_loader(settings))

    return Workshop(desk, journal, Door(desk, executor, gate, journal, _watcher(desk, say, soak), say), gate)


def open_remote(
    target: Target, path: Path, settings: Settings, say: Callable[[str], None], soak: float = 0.0
) -> Workshop:
    """Open the door of an executor that runs apart. This process reads; whatever is written, that one writes.

    Raises:
        ChangeRefused: the person may not ask for changes there, or it leads to another cluster.
        CopilotError: there is no executor.
    """
    remote = RemoteExecutor(path)
    standing = remote.standing()
    party = Party(standing.requester, standing.cluster, standing.people, remote.review)
    journal = RemoteJournal(remote)
    desk = Desk(_source(target), utc_now, remote, journal, policy_loader(settings), party)
    return Workshop(desk, journal, Door(desk, remote, remote, journal, _watcher(desk, say, soak), say), remote=remote)


def _watcher(desk: Desk, say: Callable[[str], None], soak: float) -> Callable[[Step], Watch]:
    """Watches with the real clock."""
    return lambda step: watch_of(step, Eyes(desk.reader, time.monotonic, time.sleep, say, soak))


def require_whole(journal: Journal) -> None:
    """Stop where the journal's chain is broken.

    Raises:
        JournalError: it is.
    """
    problems = journal.verify().problems
    if problems:
        raise JournalError(
            f"The journal {journal.path} is broken: {problems[0]}",
            "See kubectl copilot audit verify. Moved away, a new one is started, and earlier changes cannot be undone through here.",
        )


def _source(target: Target) -> LiveSource:
    return LiveSource(connect(target.kubeconfig, target.context))
