"""The program's settings, read once from the environment at the edge. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from copilot.model.errors import UsageError

ENV_DATA = "COPILOT_DATA_DIR"
ENV_ALLOW = "COPILOT_ALLOW_CHANGES"
ENV_POLICY = "COPILOT_POLICY"
ENV_EXECUTOR = "COPILOT_EXECUTOR"
ENV_PROMETHEUS = "COPILOT_PROMETHEUS_URL"
ENV_ANCHOR_FILE = "COPILOT_ANCHOR_FILE"
ENV_ANCHOR_URL = "COPILOT_ANCHOR_URL"
ENV_ANCHOR_EVERY = "COPILOT_ANCHOR_EVERY"
ENV_ANCHOR_REQUIRED = "COPILOT_ANCHOR_REQUIRED"
ANCHOR_EVERY = 50  # entries: about eight changes
_TRUE = frozenset({"1", "true", "yes", "on"})


class Settings(msgspec.Struct, frozen=True):
    """What a user may set."""

    data_dir: Path
    """Folder of the index, the journal and the keys (`COPILOT_DATA_DIR`; the user's data folder by default)."""

    allow_changes: bool = False
    """Whether `do` may change the cluster without `--allow-changes` (`COPILOT_ALLOW_CHANGES=1`); off by default."""

    executor: Path | None = None
    """The socket of an executor that runs apart and through which changes go (`COPILOT_EXECUTOR`); none by default."""

    policy_file: Path | None = None
    """The site policy that every change is held against (`COPILOT_POLICY`); none by default."""

    prometheus_url: str = ""
    """Where a live cluster's Prometheus answers (`COPILOT_PROMETHEUS_URL`, or `why --prometheus URL`); none by default."""

    anchor_file: Path | None = None
    """A file in another folder that the journal's head is noted in (`COPILOT_ANCHOR_FILE`); none by default."""

    anchor_url: str = ""
    """A webhook that the journal's head and break-glass pages are posted to (`COPILOT_ANCHOR_URL`); none by default."""

    anchor_every: int = ANCHOR_EVERY
    """After how many entries, and after every change, the head is noted (`COPILOT_ANCHOR_EVERY`)."""

    anchor_required: bool = False
    """Whether nothing more is changed while a head could not be noted (`COPILOT_ANCHOR_REQUIRED=1`); off by default."""


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's own when None)."""
    env = os.environ if environ is None else environ
    given = env.get(ENV_DATA)
    if given:
        folder = Path(given).expanduser()
    else:
        import platformdirs  # noqa: PLC0415 - only when the default is needed: --help must not pay for it

        folder = Path(platformdirs.user_data_dir("cluster-copilot", appauthor=False))
    policy = env.get(ENV_POLICY)
    return Settings(
        data_dir=folder,
        allow_changes=env.get(ENV_ALLOW, "").strip().lower() in _TRUE,
        executor=Path(executor).expanduser() if (executor := env.get(ENV_EXECUTOR, "").strip()) else None,
        policy_file=Path(policy).expanduser() if policy else None,
        prometheus_url=env.get(ENV_PROMETHEUS, "").strip(),
        anchor_file=Path(anchor).expanduser() if (anchor := env.get(ENV_ANCHOR_FILE, "").strip()) else None,
        anchor_url=env.get(ENV_ANCHOR_URL, "").strip(),
        anchor_every=_number(env.get(ENV_ANCHOR_EVERY, "")),
        anchor_required=env.get(ENV_ANCHOR_REQUIRED, "").strip().lower() in _TRUE,
    )


def _number(given: str) -> int:
    """A number of entries.

    Raises:
        UsageError: it is none from 1 to a million.
    """
    if not given.strip():
        return ANCHOR_EVERY
    if not given.strip().isdecimal() or not 0 < int(given) <= 1_000_000:
        raise UsageError(f"{ENV_ANCHOR_EVERY} is {given!r}", "Give a number of entries from 1 to 1000000.")
    return int(given)
