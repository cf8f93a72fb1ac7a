"""The program's settings, read once from the environment at the edge. Nothing else reads the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

ENV_DATA = "COPILOT_DATA_DIR"
ENV_ALLOW = "COPILOT_ALLOW_CHANGES"
ENV_POLICY = "COPILOT_POLICY"
ENV_PROMETHEUS = "COPILOT_PROMETHEUS_URL"
_TRUE = frozenset({"1", "true", "yes", "on"})


class Settings(msgspec.Struct, frozen=True):
    """What a user may set."""

    data_dir: Path
    """Folder of the index, the journal and the keys (`COPILOT_DATA_DIR`; the user's data folder by default)."""

    allow_changes: bool = False
    """Whether `do` may change the cluster without `--allow-changes` (`COPILOT_ALLOW_CHANGES=1`); off by default."""

    policy_file: Path | None = None
    """The site policy that every change is held against (`COPILOT_POLICY`); none by default."""

    prometheus_url: str = ""
    """Where a live cluster's Prometheus answers (`COPILOT_PROMETHEUS_URL`, or `why --prometheus URL`); none by default."""


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
        policy_file=Path(policy).expanduser() if policy else None,
        prometheus_url=env.get(ENV_PROMETHEUS, "").strip(),
    )
