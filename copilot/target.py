"""Where to read and in which scope, as a person said it on the command line. Pure data."""

from __future__ import annotations

import msgspec


class Target(msgspec.Struct, frozen=True):
    """A live cluster (kubeconfig, context) or recorded material (`paths`), and the scope in it.

    `namespace` None means the context's own namespace when live, and everything when recorded.
    """

    kubeconfig: str | None = None
    context: str | None = None
    namespace: str | None = None
    all_namespaces: bool = False
    paths: tuple[str, ...] = ()
