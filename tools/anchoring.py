"""Sends anchors of the journal to the webhook that the operator named. It sends nothing else, and takes no address from a cluster.

Promise: one request for each anchor, within a few seconds, no redirect followed; a failure is an error with its reason.
"""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from copilot.model import UsageError
from guardrails.anchor import AnchorError

SECONDS = 5.0  # for one anchor, name look-up aside: a person waits for it after each change


class WebhookChannel:
    """An address that anchors are posted to, as one JSON object each.

    Raises:
        UsageError: it is no http or https address.
    """

    def __init__(self, url: str) -> None:
        parts = _split(url)
        if parts is None:
            raise UsageError(
                "The webhook for anchors must be https://HOST[:PORT]/… or http://…", "Set COPILOT_ANCHOR_URL."
            )
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
        where = f"{host}:{parts.port}" if parts.port else host
        self._address = parts._replace(netloc=where, fragment="").geturl()
        name = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._headers = urllib3.make_headers(basic_auth=name) if parts.username else {}
        self._place = where

    @property
    def place(self) -> str:
        """Host and port: path and query of a webhook are often its password."""
        return self._place

    def put(self, line: bytes) -> None:
        """Post one anchor.

        Raises:
            AnchorError: there was no answer in time, or another than success.
        """
        headers = {**self._headers, "Content-Type": "application/json", "User-Agent": "cluster-copilot-anchor"}
        try:
            with urllib3.PoolManager(num_pools=1, retries=False) as pool:
                answer = pool.request(
                    "POST",
                    self._address,
                    body=line,
                    headers=headers,
                    timeout=urllib3.Timeout(total=SECONDS),
                    redirect=False,
                    preload_content=False,  # the answer's body says nothing that is needed
                )
                answer.close()
        except (HTTPError, OSError, ValueError) as error:
            raise AnchorError(_said(error)) from error
        if not 200 <= answer.status < 300:
            raise AnchorError(f"it answered HTTP {answer.status}")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if good and url.isprintable() and " " not in url else None


def _said(error: Exception) -> str:
    """The kind of failure: the library's own words repeat the whole address."""
    names = {
        "ConnectTimeoutError": "no connection in time",
        "ReadTimeoutError": "no answer in time",
        "NewConnectionError": "no connection",
        "NameResolutionError": "its name is not known",
        "SSLError": "its certificate is not trusted",
        "ProtocolError": "it broke the connection off",
    }
    return names.get(type(error).__name__, type(error).__name__)
