"""Which hosts a secret may be sent to without encryption."""

from __future__ import annotations

from ipaddress import ip_address

_INSIDE = (".svc", ".svc.cluster.local")  # names that only a cluster's own network resolves


def is_loopback(host: str) -> bool:
    """Whether a host, as it stands in an address, is this machine. A name that merely begins with `127.` is none."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_near(host: str) -> bool:
    """Whether what is sent to a host stays on this machine or inside a cluster's own network."""
    return is_loopback(host) or host.endswith(_INSIDE)
