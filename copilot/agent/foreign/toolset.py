"""The foreign tools of one conversation. Nothing is started before a model is about to be asked, and all of it ends with `close`.

What a tool says of itself counts as untrusted text that the model has read: a plan proposed afterwards is traced to it.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from copilot.agent.foreign.offers import Offer, Verdict, judge
from copilot.agent.foreign.pins import Pins
from copilot.agent.foreign.reply import result_of
from copilot.agent.foreign.schema import misfit
from copilot.agent.foreign.servers import Server, read_servers
from copilot.agent.tools.tool import Result, Tool
from copilot.agent.tools.toolbox import OWN_NAMES
from copilot.agent.tools.workplace import Workplace
from copilot.model import CopilotError
from copilot.settings import Settings
from guardrails.provenance import SessionProvenance, Source, spotlight
from guardrails.provenance.fields import chunk_of
from guardrails.provenance.forms import readings

if TYPE_CHECKING:
    from copilot.agent.foreign.link import Budget, Link, Links

MAX_ARGUMENTS = 8_192  # characters of one call
MOST_OFFERED = 24  # tools: each takes a part of the model's context in every request
INSTALL = "pip install 'cluster-copilot[mcp]'"
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{1,20}:)?//[^\s\"'<>`]+|\bwww\.[^\s\"'<>`]+|\b(?:data|javascript|mailto):[^\s\"'<>`]+", re.IGNORECASE)  # fmt: skip


class _NoArguments(msgspec.Struct, frozen=True):
    """A foreign tool's arguments stand in its own schema."""


class ForeignTool(Tool[Any]):
    """One tool of a server, as the toolbox takes it."""

    def __init__(self, offer: Offer, link: Link, session: SessionProvenance) -> None:
        told = spotlight([chunk_of(offer.words, Source.EXTERNAL, f"what {offer.tool} says of itself")])
        super().__init__(offer.name, f"A read tool of the MCP server {offer.server}.\n{told}", _NoArguments, self._ask)
        self._offer = offer
        self._link = link
        self._session = session

    def schema(self) -> dict[str, Any]:
        """The part of the server's schema that is offered."""
        return self._offer.takes

    def run(self, place: Workplace, given: Any) -> Result:
        """Ask the server, with arguments as a model wrote them."""
        return self.look(place, given)

    def _ask(self, place: Workplace, given: Any) -> Result:
        """Check the arguments, ask the server, and make lines of what it says."""
        del place
        where = f"{self._offer.server}.{self._offer.tool}"
        words = json.dumps(given, ensure_ascii=False, default=str)
        asked = f"{where} {words[:300]}"
        if len(words) > MAX_ARGUMENTS:
            return Result(where, "nothing", trouble=f"The arguments have more than {MAX_ARGUMENTS:,} characters.")
        if why := misfit(given, self._offer.takes):
            return Result(asked, "nothing", trouble=f"The arguments do not fit: {why}.")
        if stray := stray_address(given, self._session.words):
            return Result(asked, "nothing", trouble=f"The address {stray[:200]} is not given to a server: the operator did not write it.")  # fmt: skip
        return result_of(self._link.call(self._offer.tool, given), asked, where, self._offer.server)


def stray_address(given: Any, said: str) -> str:
    """The first address in the arguments, however it is written, that is none of those in the operator's own words."""
    known = set(_addresses(said))
    for word in _strings(given):
        rest = _ADDRESS.sub(
            " ", word
        )  # the readings undo encodings and turn words around: known ones are none of their business
        for reading in (word, rest, unquote(unquote(rest)), *readings(rest)):
            found = next((one for one in _addresses(reading) if one not in known), "")
            if found:
                return found
    return ""


def _addresses(text: str) -> Iterator[str]:
    for match in _ADDRESS.findall(text):
        yield match.rstrip(".,;:!?)]}").casefold()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield str(key)
            yield from _strings(below)
    elif isinstance(value, list):
        for below in value:
            yield from _strings(below)


class ForeignTools:
    """The servers of one conversation, from the first question that a model gets to `close`."""

    def __init__(self, servers: Sequence[Server], pins: Pins, budget: Budget | None = None) -> None:
        self.notes: tuple[str, ...] = ()
        self._servers = servers
        self._pins = pins
        self._budget = budget
        self._links: Links | None = None

    def tools(self, session: SessionProvenance) -> tuple[Tool[Any], ...]:
        """The tools that may be used in this turn. `notes` then says which servers are missing, and which tools changed."""
        if not is_installed():
            self.notes = (f"MCP servers are named, but the client is not installed: {INSTALL}",)
            return ()
        notes: list[str] = []
        tools: list[Tool[Any]] = []
        try:
            for link, offers in self.offered():
                notes += [link.trouble] if link.trouble else []
                notes += [_note(offer) for offer in offers if offer.verdict in (Verdict.CHANGED, Verdict.WRITES, Verdict.UNFIT)]  # fmt: skip
                kept = [offer for offer in offers if offer.verdict is Verdict.OFFERED]
                self._pins.keep(link.server.name, {offer.tool: offer.sha for offer in kept})
                tools += [ForeignTool(offer, link, session) for offer in kept]
                for offer in kept:
                    session.read(chunk_of(f"{offer.words}\n{json.dumps(offer.takes)}", Source.EXTERNAL, f"what the tool {offer.name} says of itself"))  # fmt: skip
        except CopilotError as error:
            self.notes = (f"No MCP server is used: {error.title} {error.hint}",)
            return ()
        if len(tools) > MOST_OFFERED:
            notes.append(f"{len(tools) - MOST_OFFERED} tools of MCP servers were left out: {MOST_OFFERED} are used at once.")  # fmt: skip
        self.notes = tuple(notes)
        return tuple(tools[:MOST_OFFERED])

    def offered(self) -> list[tuple[Link, tuple[Offer, ...]]]:
        """Every server with its tools as they stand now.

        Raises:
            InputError: what was kept of them cannot be read.
        """
        from copilot.agent.foreign.link import Budget, Links  # noqa: PLC0415 - of the extra `mcp`, and a second of import

        if self._links is None:
            self._links = Links(self._servers, self._budget or Budget())
        else:
            self._links.mend()
        known = self._pins.known()
        return [(link, judge(link.server, link.tools, known.get(link.server.name, {}), OWN_NAMES) if link.open else ()) for link in self._links]  # fmt: skip

    def close(self) -> None:
        """End every server."""
        if self._links is not None:
            self._links.close()
            self._links = None


def _note(offer: Offer) -> str:
    how = f" To allow it again: kubectl copilot tools allow {offer.server} {offer.tool}" if offer.verdict is Verdict.CHANGED else ""  # fmt: skip
    return f"The tool {offer.tool} of the MCP server {offer.server} was left out: {offer.why}{how}"


def is_installed() -> bool:
    """Whether the extra `mcp` is there; imports nothing of it."""
    return importlib.util.find_spec("mcp") is not None


def open_foreign(settings: Settings) -> ForeignTools | None:
    """The foreign tools that the settings name; None where they allow none. Starts nothing.

    Raises:
        InputError: the file that names them is not understood.
    """
    if settings.mcp_file is None:
        return None
    servers = tuple(one for one in read_servers(settings.mcp_file, OWN_NAMES) if one.allow)
    return ForeignTools(servers, Pins(settings.data_dir)) if servers else None


def every_server(settings: Settings) -> ForeignTools | None:
    """The servers that the settings name, to be looked at by a person; None where they name none.

    Raises:
        CopilotError: the file is not understood, or the extra is missing.
    """
    if settings.mcp_file is None:
        return None
    servers = read_servers(settings.mcp_file, OWN_NAMES)
    if not is_installed():
        raise CopilotError("MCP servers are named, but the client is not installed.", f"Install it: {INSTALL}")
    return ForeignTools(servers, Pins(settings.data_dir))
