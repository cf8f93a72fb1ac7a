"""The three options of a break-glass change, which `do` and `undo` share: they go together or not at all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from copilot.changing.opening import Workshop
    from guardrails.plan import BreakGlass

_OPTIONS = (
    click.option("--break-glass", "broken", is_flag=True,
                 help="In an emergency: go past freeze windows and the second person. Needs --reason and --incident."),
    click.option("--reason", metavar="TEXT", help="With --break-glass: what is broken and why it cannot wait."),
    click.option("--incident", metavar="ID", help="With --break-glass: the incident that this is for."),
)  # fmt: skip


class GlassWords(msgspec.Struct, frozen=True):
    """What a person gave for it."""

    reason: str
    incident: str


def break_glass_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options, and pass them as one keyword `glass: GlassWords | None`."""

    @functools.wraps(command)
    def with_glass(*args: Any, **kwargs: Any) -> Any:
        """Fold the separate options into one value."""
        kwargs["glass"] = _together(kwargs.pop("broken"), kwargs.pop("reason"), kwargs.pop("incident"))
        return command(*args, **kwargs)

    for option in reversed(_OPTIONS):
        with_glass = option(with_glass)
    return with_glass


def _together(broken: bool, reason: str | None, incident: str | None) -> GlassWords | None:
    from copilot.model import UsageError

    if broken and reason and incident:
        return GlassWords(reason, incident)
    if broken or reason is not None or incident is not None:
        raise UsageError(
            "--break-glass, --reason and --incident go together",
            'Try: --break-glass --reason "checkout is down, the fix cannot wait" --incident INC-1234',
        )
    return None


def leave_for(workshop: Workshop, glass: GlassWords | None) -> BreakGlass | None:
    """The leave that a person is given for what they wrote; None where they did not ask.

    Raises:
        ChangeRefused: they have none.
    """
    from copilot.changing.break_glass import open_glass

    if glass is None:
        return None
    desk, words = workshop.desk, (glass.reason, glass.incident)
    return open_glass(desk.reader, desk.requester, desk.policy(), workshop.journal, words, desk.clock())


def needs_changes(glass: GlassWords | None) -> None:
    """Refuse break-glass where nothing can be changed anyway.

    Raises:
        UsageError: it was asked for.
    """
    from copilot.model import UsageError

    if glass is not None:
        raise UsageError(
            "--break-glass is for a change that is carried out on a live cluster",
            "Give --allow-changes too, and no --from.",
        )
