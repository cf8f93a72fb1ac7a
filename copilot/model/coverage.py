"""What was read, what was refused, how old it is. Absence is evidence only where coverage says the kind was read."""

from __future__ import annotations

from enum import Enum

import msgspec


class ReadState(Enum):
    """The outcome of reading one kind in one scope."""

    READ = "read"  # the whole list was seen: absence counts
    PARTIAL = "partial"  # some objects were seen: absence proves nothing
    REFUSED = "refused"  # the server said no
    MISSING = "missing"  # the server or the dump does not have this kind


class Reading(msgspec.Struct, frozen=True):
    """One kind in one scope.

    `namespace` is "*" for all namespaces (and for cluster-scoped kinds). `detail` is a sentence for people.
    """

    kind: str
    group: str = ""
    namespace: str = "*"
    state: ReadState = ReadState.READ
    count: int = 0
    detail: str = ""


class Coverage(msgspec.Struct, frozen=True):
    """Everything that is known about what the source showed."""

    readings: tuple[Reading, ...] = ()
    notes: tuple[str, ...] = ()

    def was_read(self, kind: str, namespace: str = "", group: str | None = None) -> bool:
        """Tell whether the whole list of `kind` was seen in `namespace` ("" for cluster-scoped kinds)."""
        return any(
            reading.state is ReadState.READ
            and reading.kind == kind
            and reading.namespace in ("*", namespace)
            and group in (None, reading.group)
            for reading in self.readings
        )

    def was_refused(self, kind: str, namespace: str | None) -> bool:
        """Tell whether a list of `kind` was refused that would show `namespace`, or any namespace when None."""
        places = ("*", namespace)
        return any(one.kind == kind and (namespace is None or one.namespace in places) for one in self.refused())

    def refused(self) -> tuple[Reading, ...]:
        """The readings the server refused."""
        return tuple(reading for reading in self.readings if reading.state is ReadState.REFUSED)
