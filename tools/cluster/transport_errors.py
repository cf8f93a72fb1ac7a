"""What can go wrong between here and an API server, in words. Every one names the server and what to try."""

from __future__ import annotations

import ssl

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from copilot.model import CopilotError
from copilot.model.errors import DeniedError


class ConnectionLostError(CopilotError):
    """The server cannot be reached, or stopped answering. `passing` means that asking again may help."""

    def __init__(self, title: str, hint: str, *, passing: bool = False) -> None:
        super().__init__(title, hint)
        self.passing = passing


class UnauthorizedError(DeniedError):
    """The server does not accept the credentials (HTTP 401)."""

    def __init__(self, server: str, said: str) -> None:
        super().__init__(
            f"{server} does not accept the credentials{f' ({said})' if said else ''}.",
            "Log in again, or choose another user with --context; kubectl get nodes should then work.",
        )


class HugeAnswerError(CopilotError):
    """An answer is larger than any real one."""

    def __init__(self, path: str, limit: int) -> None:
        super().__init__(f"The answer to {path} is larger than {limit // 2**20} MiB.", "Read one namespace with -n.")


class NotAnApiError(CopilotError):
    """Something answers, but it is no Kubernetes API server."""

    def __init__(self, server: str, status: int, content_type: str) -> None:
        kind = content_type.partition(";")[0].strip() or "no content type"
        super().__init__(
            f"{server} does not answer as a Kubernetes API server (HTTP {status}, {kind}).",
            "Check the server address of the context; a proxy or a login page may stand in between.",
        )


def lost(error: HTTPError | OSError, server: str) -> CopilotError:
    """Say what a failure of the HTTP library means."""
    cause: BaseException | None = error
    if isinstance(error, ProxyError):
        return ConnectionLostError(
            f"The proxy on the way to {server} cannot be used: {_said(error.original_error)}.",
            "Check proxy-url of the cluster in the kubeconfig, and HTTPS_PROXY and NO_PROXY.",
        )
    if isinstance(error, NameResolutionError):
        return ConnectionLostError(
            f"The host name of {server} cannot be resolved.", "Check the address, your DNS and your VPN."
        )
    if isinstance(error, ReadTimeoutError):
        return ConnectionLostError(
            f"{server} stopped answering in the middle of a request.", "Try again, or read less with -n.", passing=False
        )
    if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
        return ConnectionLostError(
            f"{server} does not answer: connecting timed out.", "Check the address, your VPN and the firewall."
        )
    if isinstance(error, NewConnectionError):
        return ConnectionLostError(
            f"{server} refuses the connection: {_said(error)}.",
            "Check that the API server runs and that the address and port are right.",
        )
    if isinstance(error, (SSLError, ssl.SSLError)):
        return _tls(error, server)
    return ConnectionLostError(f"The connection to {server} broke: {_said(cause)}.", "Try again.", passing=True)


def _tls(error: HTTPError | OSError, server: str) -> ConnectionLostError:
    said = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in said:
        reason = said.partition("certificate verify failed:")[2].partition("(_ssl")[0].strip() or "not trusted"
        return ConnectionLostError(
            f"The certificate of {server} cannot be trusted: {reason}.",
            "Check certificate-authority (or tls-server-name) of the cluster in the kubeconfig.",
        )
    if "WRONG_VERSION_NUMBER" in said or "record layer failure" in said.lower():
        return ConnectionLostError(
            f"{server} does not speak TLS.", "Check that the address should start with https://."
        )
    return ConnectionLostError(
        f"No TLS connection to {server}: {_said(error)}.", "Check the client certificate and key in the kubeconfig."
    )


def _said(error: BaseException | None) -> str:
    """The innermost message, without the library's object addresses."""
    while error is not None and (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    strerror = getattr(error, "strerror", None)
    said = strerror if isinstance(strerror, str) and strerror else str(error)
    return said.rpartition("object at 0x")[2].partition(">: ")[2] or said.strip(" .") or type(error).__name__
