"""The loopback API server and a source connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.tools.live.api_server import ApiServer, cluster, kubeconfig, running
from tools.cluster.live import LiveSource, open_live


@pytest.fixture
def server() -> ApiServer:
    return cluster()


@pytest.fixture
def url(server: ApiServer) -> Iterator[str]:
    with running(server) as address:
        yield address


@pytest.fixture
def live(url: str, tmp_path: Path) -> Iterator[LiveSource]:
    source = open_live(kubeconfig(tmp_path / "config", url))
    yield source
    source.close()
