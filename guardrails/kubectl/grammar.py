"""What kubectl's words are: its commands, aliases and flags over ten minor versions, and how a line falls into them.

The data (`grammar.json`) is read out of kubectl itself by `tests.live.kubectl_grammar`. Promise: a flag is accepted only
as every version that has it reads it; what the versions read differently is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec

from copilot.model.likeness import nearest
from guardrails.display import visible
from guardrails.kubectl.refusal import FlagRefused, KubectlRefused

FIRST = "kubectl"
_BOTH = frozenset({"apply", "cluster-info", "create"})  # commands of their own that hold others too
EARLY = frozenset({"namespace", "request-timeout"})  # the only flags that may stand before the verb is complete


class Flag(msgspec.Struct, frozen=True):
    """One flag. `takes` is value, list, bool or optional (a value only after "="); `minors` is "" for all of them."""

    name: str
    short: str
    takes: str
    minors: str = ""

    @property
    def needs_value(self) -> bool:
        """Whether the next word is its value when there is none after "="."""
        return self.takes in ("value", "list")


class Command(msgspec.Struct, frozen=True):
    """One command by its full path, such as `rollout undo`. `flags` hold the global ones too."""

    path: str
    flags: Mapping[str, Flag]
    shorts: Mapping[str, Flag]
    unsettled: frozenset[str]
    minors: str = ""


class Given(msgspec.Struct, frozen=True):
    """One flag as it was given. `value` is None where there was none; `at` are the positions of its words."""

    flag: Flag
    value: str | None
    at: tuple[int, ...]


class Line(msgspec.Struct, frozen=True):
    """A line that has fallen into its parts: nothing is judged yet but the grammar."""

    command: Command
    arguments: tuple[str, ...]
    given: tuple[Given, ...]

    def value(self, name: str) -> str | None:
        """The value of a flag, "true" for one that stands alone; None when it is not given."""
        for given in self.given:
            if given.flag.name == name:
                return "true" if given.value is None else given.value
        return None

    def on(self, name: str) -> bool:
        """Whether a switch is given and not switched off."""
        return self.value(name) == "true"


class Grammar(msgspec.Struct, frozen=True):
    """All commands by path, and what their aliases stand for."""

    minors: tuple[str, ...]
    commands: Mapping[str, Command]
    aliases: Mapping[str, str]

    def groups(self) -> frozenset[str]:
        """The commands that only hold others."""
        return frozenset(path.rpartition(" ")[0] for path in self.commands) - {""}


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar that comes with this program; read once, when the first line is."""
    data = msgspec.json.decode(resources.files("guardrails.kubectl").joinpath("grammar.json").read_bytes())
    common, unsettled = _flags(data["commands"].pop("options")["flags"])
    commands, aliases = {}, {}
    for path, entry in data["commands"].items():
        own, doubtful = _flags(entry["flags"])
        flags = {**common, **own}
        commands[path] = Command(
            path=path,
            flags=flags,
            shorts={flag.short: flag for flag in flags.values() if flag.short},
            unsettled=unsettled | doubtful,
            minors=entry.get("minors", ""),
        )
        parent = path.rpartition(" ")[0]
        for alias in entry.get("aliases", ()):
            aliases[f"{parent} {alias}".strip()] = path
    return Grammar(tuple(data["minors"]), commands, aliases)


def _flags(entries: Mapping[str, list[list[Any]]]) -> tuple[dict[str, Flag], frozenset[str]]:
    """The flags that every version reads alike, and the names of the others. A short form only some have is still one."""
    settled = {name: flag for name, shapes in entries.items() if (flag := _settled(name, shapes)) is not None}
    return settled, frozenset(entries) - frozenset(settled)


def _settled(name: str, shapes: list[list[Any]]) -> Flag | None:
    flags = [Flag(name, *shape) for shape in shapes]
    shorts = {flag.short for flag in flags} - {""}
    if len({flag.needs_value for flag in flags}) > 1 or len(shorts) > 1:
        return None
    kind = flags[0].takes if len({flag.takes for flag in flags}) == 1 else "value"
    if not flags[0].needs_value and kind == "value":
        return None
    return Flag(name, shorts.pop() if shorts else "", kind, "" if len(flags) > 1 else flags[0].minors)


def parse(words: Sequence[str]) -> Line:
    """Let a line fall into command, arguments and flags, as kubectl would.

    Raises:
        KubectlRefused: it does not start with kubectl, or holds a word that kubectl's grammar does not have.
    """
    if not words or words[0] != FIRST:
        raise KubectlRefused("a command starts with the word kubectl")
    return _Parser(words).line()


class _Parser:
    """One pass over the words. Flags before the whole verb are held to the few early ones."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._grammar = grammar()
        self._path = ""
        self._arguments: list[str] = []
        self._given: dict[str, Given] = {}

    def line(self) -> Line:
        """Read every word once."""
        at = 1
        while at < len(self._words):
            word = self._words[at]
            if word in ("-", "--"):
                raise FlagRefused(f"'{word}' is not accepted: what follows it is for another program", (at,))
            if word.startswith("-"):
                at = self._flag(word, at)
            elif self._complete:
                self._arguments.append(word)
                at += 1
            else:
                self._verb(word)
                at += 1
        if not self._runs:
            raise KubectlRefused(self._unfinished())
        return Line(self._grammar.commands[self._path], tuple(self._arguments), tuple(self._given.values()))

    @property
    def _complete(self) -> bool:
        """Whether the verb is whole: what follows that is no flag is an argument."""
        return self._path in self._grammar.commands and self._path not in self._grammar.groups()

    @property
    def _runs(self) -> bool:
        return self._complete or self._path in _BOTH

    def _verb(self, word: str) -> None:
        path = f"{self._path} {word}".strip()
        path = self._grammar.aliases.get(path, path)
        if path not in self._grammar.commands:
            raise KubectlRefused(self._unknown_verb(word))
        late = next((given for given in self._given.values() if given.flag.name not in EARLY), None)
        if late is not None:
            raise FlagRefused(f"--{late.flag.name} may not stand between {self._path} and {visible(word)}", late.at)
        self._path = path

    def _unknown_verb(self, word: str) -> str:
        start = f"{self._path} ".lstrip()
        known = {path[len(start) :] for path in self._grammar.commands if path.startswith(start)}
        near = nearest(word, {name for name in known if " " not in name})
        offer = f"; did you mean {FIRST} {start}{near}?" if near else "; plugins are not run"
        return f"'{visible(word)}' is no command of {f'{FIRST} {self._path}'.strip()}{offer}"

    def _unfinished(self) -> str:
        start = f"{self._path} ".lstrip()
        inside = sorted(
            path[len(start) :] for path in self._grammar.commands if path.startswith(start) and path != self._path
        )
        if not self._path:
            return "it names no command"
        return f"kubectl {self._path} needs one of: {', '.join(name for name in inside if ' ' not in name)}"

    def _flag(self, word: str, at: int) -> int:
        return self._long(word, at) if word.startswith("--") else self._short(word, at)

    def _long(self, word: str, at: int) -> int:
        name, equals, value = word[2:].partition("=")
        flag = self._known(name, f"--{name}", at)
        if equals:
            return self._give(flag, value, (at,))
        if flag.needs_value:
            return self._give_next(flag, at)
        return self._give(flag, None, (at,))

    def _short(self, word: str, at: int) -> int:
        """One word of short flags, as pflag reads it: `-n shop`, `-nshop`, `-n=shop`, `-Aw`, `-Ao wide`."""
        letters = word[1:]
        while letters:
            flag = self._known_short(letters[0], at)
            rest = letters[1:]
            if len(rest) > 1 and rest[0] == "=":
                return self._give(flag, rest[1:], (at,))
            if not flag.needs_value:
                self._give(flag, None, (at,))
                letters = rest
            elif rest:
                return self._give(flag, rest, (at,))
            else:
                return self._give_next(flag, at)
        return at + 1

    def _known(self, name: str, shown: str, at: int) -> Flag:
        command = self._grammar.commands.get(self._path)
        flags = command.flags if command else self._grammar.commands["get"].flags
        if command and name in command.unsettled:
            raise FlagRefused(f"{visible(shown)} is read differently by different versions of kubectl", (at,))
        found = flags.get(name)
        if found is None:
            raise FlagRefused(
                f"kubectl {self._path} has no flag {visible(shown)}{self._near_flag(name, flags)}", (at,), name
            )
        if not self._runs and name not in EARLY:
            raise FlagRefused(
                f"{shown} may not stand before the command; only -n and --request-timeout may", (at,), name
            )
        return found

    def _known_short(self, letter: str, at: int) -> Flag:
        command = self._grammar.commands.get(self._path) or self._grammar.commands["get"]
        found = command.shorts.get(letter)
        if found is None:
            raise FlagRefused(f"kubectl {self._path} has no flag -{visible(letter)}", (at,))
        return self._known(found.name, f"-{letter}", at)

    @staticmethod
    def _near_flag(name: str, flags: Mapping[str, Flag]) -> str:
        near = nearest(name, flags, 0.75)
        return f"; did you mean --{near}?" if near else ""

    def _give_next(self, flag: Flag, at: int) -> int:
        if at + 1 >= len(self._words):
            raise FlagRefused(f"--{flag.name} needs a value", (at,))
        self._give(flag, self._words[at + 1], (at, at + 1))
        return at + 2

    def _give(self, flag: Flag, value: str | None, at: tuple[int, ...]) -> int:
        if flag.name in self._given:
            raise FlagRefused(f"--{flag.name} is given twice", at)
        if flag.takes == "bool" and value not in (None, "true", "false"):
            raise FlagRefused(f"--{flag.name} is true or false", at)
        self._given[flag.name] = Given(flag, value, at)
        return at[-1] + 1
