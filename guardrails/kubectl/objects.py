"""The objects that a command's arguments name: `pods`, `deploy/web`, `pods,svc`, `node n1 n2`; and their addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from guardrails.kubectl import values
from guardrails.kubectl.commands import Predicted
from guardrails.kubectl.grammar import Line
from guardrails.kubectl.kinds import ALL, ANY, CONTEXT, KubeKind, kind_of, known
from guardrails.kubectl.refusal import KubectlRefused


class Named(msgspec.Struct, frozen=True):
    """One kind, and the object's name; None is all of the kind."""

    kind: KubeKind
    name: str | None = None


class Place(msgspec.Struct, frozen=True):
    """Where a command looks. `namespace` None is the context's."""

    namespace: str | None = None
    everywhere: bool = False

    def roots(self, kind: KubeKind) -> Iterator[str]:
        """The addresses of a kind's list: two where only the cluster knows whether it has namespaces."""
        if kind.namespaced is not True or self.everywhere:
            yield kind.root(None)
        if kind.namespaced is not False and not self.everywhere:
            yield kind.root(self.namespace or CONTEXT)

    def item_roots(self, kind: KubeKind) -> Iterator[str]:
        """The addresses under which its objects stand, each in its own namespace when all are looked at."""
        if self.everywhere and kind.namespaced is not False:
            yield kind.root(ANY)
        yield from self.roots(kind)


def place_of(line: Line) -> Place:
    """Where a line looks."""
    return Place(line.value("namespace"), line.on("all-namespaces"))


def objects_of(arguments: Sequence[str], *, takes_all: bool = False) -> tuple[Named, ...]:
    """What arguments name, for a read: any number of kinds and names.

    Raises:
        KubectlRefused: they are none, or mix the two ways of naming.
    """
    if not arguments:
        raise KubectlRefused("it names no kind")
    slashed = [word for word in arguments if "/" in word]
    if slashed:
        if len(slashed) < len(arguments):
            raise KubectlRefused("write every object as KIND/NAME, or the kind once and then the names")
        return tuple(_slashed(word) for word in arguments)
    kinds = [each for word in arguments[0].split(",") for each in _kinds(word, takes_all=takes_all)]
    if len(arguments) == 1:
        return tuple(Named(kind) for kind in kinds)
    if "all" in arguments[0].split(","):
        raise KubectlRefused("'all' is many kinds, so it goes without a name")
    return tuple(Named(kind, checked_name(name)) for kind in kinds for name in arguments[1:])


def one_object(arguments: Sequence[str]) -> tuple[Named, tuple[str, ...]]:
    """The one object that the first arguments name, for a change, and the arguments after it.

    Raises:
        KubectlRefused: they name none, or a kind without a name.
    """
    if not arguments:
        raise KubectlRefused("it names no object")
    if "/" in arguments[0]:
        return _exact(_slashed(arguments[0])), tuple(arguments[1:])
    if "," in arguments[0]:
        raise KubectlRefused("a change is for one object of one kind")
    kind = kind_of(arguments[0])
    if len(arguments) < 2:
        raise KubectlRefused(f"it names the kind {kind.title} and no object; a change is for one object by its name")
    return _exact(Named(kind, checked_name(arguments[1]))), tuple(arguments[2:])


def checked_name(word: str) -> str:
    """A name as the API would take it.

    Raises:
        KubectlRefused: no object can have it.
    """
    wrong = values.loose_name(word)
    if wrong:
        raise KubectlRefused(wrong)
    return word


def reading(*paths: str) -> tuple[Predicted, ...]:
    """Requests that only read."""
    return tuple(dict.fromkeys(Predicted("GET", path) for path in paths))


def _exact(named: Named) -> Named:
    wrong = values.name(named.name or "")
    if wrong:
        raise KubectlRefused(wrong)
    return named


def _slashed(word: str) -> Named:
    kind, _, name = word.partition("/")
    if not kind or "," in word or "/" in name:
        raise KubectlRefused(f"write one object as KIND/NAME, not as {word[:80]!r}")
    return Named(kind_of(kind), checked_name(name))


def _kinds(word: str, *, takes_all: bool) -> list[KubeKind]:
    if word == "all" and takes_all:
        return [known(kind) for kind in ALL]
    return [kind_of(word)]
