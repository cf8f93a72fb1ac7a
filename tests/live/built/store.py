"""The etcd of a test bed, as far as building needs it: what stands there, put it, take it away.

Promise: a change that etcd does not accept is a TestbedError.
"""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from tests.live.testbed.errors import TestbedError

ROOT = "/registry/"
_BATCH = 100  # operations of one transaction; etcd takes 128
_TIMEOUT = 30.0  # seconds


class Store:
    """One etcd, spoken to over its JSON gateway."""

    def __init__(self, address: str) -> None:
        self._address = address

    def everything(self) -> dict[str, bytes]:
        """Every key the API server keeps, with its value."""
        answer = self._call("range", {"key": _base64(ROOT), "range_end": _base64(ROOT[:-1] + "0")})
        return {_plain(each["key"]).decode(): _plain(each.get("value", "")) for each in answer.get("kvs", [])}

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write these values."""
        self._change([{"requestPut": {"key": _base64(key), "value": _base64(values[key])}} for key in values])

    def delete(self, keys: Iterable[str]) -> None:
        """Take these keys away."""
        self._change([{"requestDeleteRange": {"key": _base64(key)}} for key in keys])

    def _change(self, operations: list[dict[str, Any]]) -> None:
        for start in range(0, len(operations), _BATCH):
            self._call("txn", {"success": operations[start : start + _BATCH]})

    def _call(self, what: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"{self._address}/v3/kv/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise TestbedError(f"etcd refuses {what}: {error.read().decode()[:300]}", "read its log") from error


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def _plain(value: str) -> bytes:
    return base64.b64decode(value)
