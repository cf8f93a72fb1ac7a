"""Reads the values of a few named ConfigMaps: those that a diagnosis needs as configuration of a failing path, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from copilot.model import CopilotError, Ref, Resource
from tools.cluster.resources import resource
from tools.cluster.source import ConfigsRead
from tools.cluster.transport import Transport

READERS = 4  # at once
CONFIG_SECONDS = 10.0  # for one: an object of at most 1 MiB


def read_configs(transport: Transport, refs: Sequence[Ref]) -> ConfigsRead:
    """Read each ConfigMap with its values."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="config") as pool:
        answers = list(pool.map(lambda ref: _read(transport, ref), dict.fromkeys(refs)))
    return ConfigsRead(
        tuple(answer for answer in answers if isinstance(answer, Resource)),
        tuple(answer for answer in answers if isinstance(answer, str)),
    )


def _read(transport: Transport, ref: Ref) -> Resource | str:
    path = f"/api/v1/namespaces/{quote(ref.namespace, safe='')}/configmaps/{quote(ref.name, safe='')}"
    try:
        answer = transport.get(path, read_seconds=CONFIG_SECONDS)
    except CopilotError as error:
        return f"The values of {ref} could not be read: {error.title}"
    body = answer.json()
    if not answer.ok or not isinstance(body, dict):
        return f"The values of {ref} could not be read: HTTP {answer.status} {answer.reason}"
    found = resource({"apiVersion": "v1", "kind": "ConfigMap", **body}, "api", config_values=True)
    return found if found.ref == ref else f"The values of {ref} could not be read: another object came"
