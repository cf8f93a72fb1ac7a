"""What the question is about: one object, one namespace, or the whole cluster."""

from __future__ import annotations

import msgspec

from copilot.model import Ref


class Scope(msgspec.Struct, frozen=True):
    """`object` narrows to one object and what it depends on; `namespaces` to their members; neither means everything."""

    object: Ref | None = None
    namespaces: tuple[str, ...] = ()
