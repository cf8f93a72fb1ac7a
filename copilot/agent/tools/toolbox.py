"""All tools under one budget. A call never raises: what is wrong with it is a result, and what is too long goes to a handle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.tools.explaining import EXPLAINING
from copilot.agent.tools.judging import JUDGING
from copilot.agent.tools.looking import LOOKING
from copilot.agent.tools.relating import RELATING
from copilot.agent.tools.searching import SEARCHING
from copilot.agent.tools.spill import Spill
from copilot.agent.tools.tool import Line, Result, Tool, redacted
from copilot.agent.tools.workplace import Workplace
from copilot.model import CopilotError
from copilot.model.likeness import nearest

READ_MORE = "read_more"
OWN = (*EXPLAINING, *LOOKING, *RELATING, *JUDGING, *SEARCHING)
OWN_NAMES = frozenset({READ_MORE, "propose_plan", *(tool.name for tool in OWN)})  # no other tool may take one


class Limits(msgspec.Struct, frozen=True):
    """How much a conversation's turn may spend."""

    steps: int = 8  # calls of the model: six looks and two answers
    calls: int = 16  # calls of tools
    tokens: int = 60_000  # in both directions
    seconds: float = 120.0
    result: int = 6_000  # characters of one result: about 1,700 tokens, so that three fit a short context
    repeats: int = 2  # the same call with the same arguments


class MoreArguments(msgspec.Struct, frozen=True):
    """Arguments of read_more."""

    handle: Annotated[str, Meta(description="The handle that a cut result named")]


class Toolbox:
    """The tools over one workplace, and what they have spent."""

    def __init__(
        self,
        place: Workplace,
        limits: Limits | None = None,
        extra: tuple[Tool[Any], ...] = (),
        shown: Callable[[Line], None] = lambda _: None,
    ) -> None:
        self.place = place
        self.limits = limits or Limits()
        self.spill = Spill()
        self.calls = 0
        self._shown = shown
        self._seen: dict[str, int] = {}
        listed = (*OWN, *extra)
        more = Tool(READ_MORE, "The next part of a result that was cut.", MoreArguments, self._more)
        self.tools: dict[str, Tool[Any]] = {tool.name: tool for tool in (*listed, more)}

    def call(self, name: str, given: Mapping[str, Any] | str | None) -> Result:
        """Run one tool with arguments as a model wrote them."""
        tool = self.tools.get(name)
        if tool is None:
            near = nearest(name, self.tools) or ", ".join(self.tools)
            return redacted(
                Result(str(name)[:80], "nothing", trouble=f"There is no tool of that name. Nearest: {near}.")
            )
        self.calls += 1
        if self.calls > self.limits.calls:
            return Result(name, "nothing", trouble="No further looks are allowed. Write the answer from the facts you have.")  # fmt: skip
        try:
            arguments = json.loads(given) if isinstance(given, str) else dict(given or {})
            if not isinstance(arguments, dict):
                return Result(name, "nothing", trouble="The arguments are no JSON object.")
            key = f"{name} {json.dumps(arguments, sort_keys=True, default=str)}"
            self._seen[key] = self._seen.get(key, 0) + 1
            if self._seen[key] > self.limits.repeats:
                return Result(name, "nothing", trouble="You asked exactly this before; the facts stand above.")
            return self._told(self._bounded(redacted(tool.run(self.place, arguments))))
        except msgspec.ValidationError as error:
            return redacted(Result(name, "nothing", trouble=f"The arguments do not fit: {error}."))
        except (ValueError, RecursionError):
            return Result(name, "nothing", trouble="The arguments are no JSON object.")
        except CopilotError as error:
            return redacted(Result(name, "the observation", trouble=f"{error.title} {error.hint}".strip()))

    def _told(self, result: Result) -> Result:
        for line in result.lines:
            self._shown(line)
        return result

    def _bounded(self, result: Result) -> Result:
        """The first lines within the limit; the rest behind a handle, never silently gone."""
        room = self.limits.result
        shown: list[Line] = []
        for line in result.lines:
            room -= len(line.text) + 8
            if room < 0 and shown:
                break
            shown.append(line)
        rest = result.lines[len(shown) :]
        if not rest:
            return result
        handle = self.spill.keep(rest)
        how = f'read_more with handle "{handle}" shows them' if handle else "narrow the question to see them"
        cut = f"{len(rest)} further lines were cut; {how}. {result.cut}".strip()
        return msgspec.structs.replace(result, lines=tuple(shown), cut=cut)

    def _more(self, _: Workplace, given: MoreArguments) -> Result:
        lines = self.spill.read(given.handle)
        if lines is None:
            return Result(READ_MORE, "nothing", trouble="No result has that handle.")
        return Result(f"more of {given.handle}", "the result that was cut", lines)

    def close(self) -> None:
        """Remove what was spilled."""
        self.spill.close()
