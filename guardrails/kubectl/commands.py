"""What an accepted line becomes: a typed read, or one typed change; with the requests kubectl itself would send for it."""

from __future__ import annotations

import re

import msgspec

from guardrails.kubectl.kinds import ANY, CONTEXT
from guardrails.operations import ChangeIntent


class Predicted(msgspec.Struct, frozen=True, order=True):
    """One request kubectl may send. In `path`, `{namespace}` is the context's namespace and `*` one unknown segment."""

    method: str
    path: str

    def covers(self, method: str, path: str, namespace: str) -> bool:
        """Tell whether a request that was seen is this one. A `*` never stands for Secrets or for a subresource."""
        if method != self.method:
            return False
        expected, seen = self.path.replace(CONTEXT, namespace).split("/"), path.split("/")
        return len(expected) == len(seen) and all(map(_same, expected, seen))


def _same(expected: str, seen: str) -> bool:
    if expected == ANY:
        return seen not in ("", "secrets")
    return expected == seen or (expected.endswith(ANY) and seen.startswith(expected[:-1]))


class ReadCommand(msgspec.Struct, frozen=True, tag="read"):
    """A command that only looks. `kinds` and `names` are what it looks at; `namespace` None is the context's."""

    verb: str
    kinds: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    namespace: str | None = None
    all_namespaces: bool = False
    selector: str | None = None
    requests: tuple[Predicted, ...] = ()


class ChangeCommand(msgspec.Struct, frozen=True, tag="change"):
    """A command that changes one object. `requests` are kubectl's; what is sent here is made from the intent anew."""

    verb: str
    intent: ChangeIntent
    requests: tuple[Predicted, ...] = ()


Accepted = ReadCommand | ChangeCommand

_DISCOVERY = re.compile(
    r"/(api(/v1)?|apis(/[a-z0-9.-]+){0,2}|version|openapi/v[23](/[A-Za-z0-9./-]*)?|swagger-2\.0\.0\.pb-v1)/?"
)


def is_discovery(method: str, path: str) -> bool:
    """Tell whether a request only asks what the server serves: any kubectl command may send it."""
    return method == "GET" and _DISCOVERY.fullmatch(path) is not None
