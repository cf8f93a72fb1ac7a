"""The words of one sentence, taken one after the other. What is left over at the end makes the sentence refused."""

from __future__ import annotations

import re
from collections.abc import Callable

from guardrails.kinds import Changeable, able_to, changeable_of_word, guessed
from guardrails.operations import Op, Target

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_COUNT = re.compile(r"[0-9]{1,10}")
MOST = 2**31 - 1  # the API's int32


class NotUnderstoodError(Exception):
    """Why a sentence was not accepted."""


class Words:
    """What is left of a sentence."""

    def __init__(self, tokens: list[str]) -> None:
        self._left = list(tokens)
        self._namespace: str | None = None

    def __bool__(self) -> bool:
        return bool(self._left)

    def peek(self) -> str:
        """The next word in lower case, "" at the end."""
        return self._left[0].lower() if self._left else ""

    def take(self, wanted: str) -> str:
        """The next word as it was written."""
        if not self._left:
            raise NotUnderstoodError(wanted)
        return self._left.pop(0)

    def skip(self, *phrases: tuple[str, ...]) -> bool:
        """Pass over one of some phrases, if it comes next."""
        for phrase in phrases:
            if tuple(word.lower() for word in self._left[: len(phrase)]) == phrase:
                del self._left[: len(phrase)]
                return True
        return False

    def take_clause(self, word: str, wanted: str) -> str | None:
        """The word after `word`, wherever the two stand; None when they do not."""
        places = [index for index, token in enumerate(self._left) if token.lower() == word and index > 0]
        if not places:
            return None
        if len(places) > 1 or places[0] + 1 >= len(self._left):
            raise NotUnderstoodError(wanted)
        _, value = self._left[places[0]], self._left[places[0] + 1]
        del self._left[places[0] : places[0] + 2]
        return value

    def take_namespace(self) -> None:
        """Take `in [namespace] NAME` out, wherever it stands after the first word."""
        places = [index for index, token in enumerate(self._left) if token.lower() == "in" and index > 0]
        if not places:
            return
        if len(places) > 1:
            raise NotUnderstoodError("it names two namespaces")
        start = places[0]
        end = start + 1
        if [token.lower() for token in self._left[end : end + 1]] == ["namespace"] and len(self._left) > end + 1:
            end += 1
        name = self._left[end] if end < len(self._left) else ""
        if not NAMESPACE.fullmatch(name):
            raise NotUnderstoodError("'in' needs a namespace's name after it")
        self._namespace = name
        del self._left[start : end + 1]

    def take_target(self, op: Op) -> Target:
        """The object: `KIND/NAME`, `KIND NAME` or `NAME`."""
        head = self.take(f"{_verb(op)} what?")
        if "/" in head:
            word, _, name = head.partition("/")
            return self._target(_kind(word, op), name)
        # `restart deployment web` names a kind first; `restart deploy` alone names an object called deploy.
        if changeable_of_word(head) is not None and self._left and not _starts_clause(self._left[0]):
            return self._target(_kind(head, op), self.take("which one?"))
        if self._namespace is not None and not any(kind.namespaced for kind in guessed(op)):
            raise NotUnderstoodError("a Node is in no namespace")
        return self._target(None, head)

    def take_count(self, wanted: str) -> int:
        """A whole number in digits."""
        word = self.take(wanted)
        if not _COUNT.fullmatch(word) or int(word) > MOST:
            raise NotUnderstoodError(wanted)
        return int(word)

    def take_rest(self, stop: Callable[[str], bool] = lambda _: False) -> list[str]:
        """All words up to one that stops."""
        taken = []
        while self._left and not stop(self._left[0].lower()):
            taken.append(self._left.pop(0))
        return taken

    def end(self) -> None:
        """Nothing may be left."""
        if self._left:
            raise NotUnderstoodError(f"'{' '.join(self._left)}' is left over; one request is one change")

    def _target(self, kind: Changeable | None, name: str) -> Target:
        if not NAME.fullmatch(name):
            raise NotUnderstoodError(f"'{name}' is not an object's name")
        if kind is not None and not kind.namespaced and self._namespace is not None:
            raise NotUnderstoodError(f"a {kind.kind} is in no namespace")
        return Target(name, kind.kind if kind else None, self._namespace)


def _starts_clause(word: str) -> bool:
    return word.lower() in ("to", "from", "in") or "=" in word or word.startswith("/")


def _kind(word: str, op: Op) -> Changeable:
    known = changeable_of_word(word)
    if known is None or op not in known.ops:
        raise NotUnderstoodError(f"cannot {_verb(op)} a '{word}'; can {_verb(op)}: {able_to(op)}")
    return known


_VERB = {
    Op.SET_IMAGE: "set the image of", Op.SET_RESOURCES: "set resources of", Op.SET_ENV: "set the environment of",
    Op.PATCH: "patch", Op.DELETE: "delete", Op.CREATE_JOB: "create a job from", Op.APPLY: "apply", Op.ROLLBACK: "roll back",
}  # fmt: skip


def _verb(op: Op) -> str:
    return _VERB.get(op, op.value)
