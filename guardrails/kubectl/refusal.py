"""How kubectl text is refused: the reason, and the nearest form that would be accepted."""

from __future__ import annotations

from guardrails.errors import ChangeRefused


class KubectlRefused(ChangeRefused):
    """The command is not one this program takes.

    Args:
        reason: one sentence: what about it is not accepted.
        nearest: a command, or words, that would be accepted instead. "" when nothing is near.
        never: whether the command is known and of the tier that is never carried out.
    """

    def __init__(self, reason: str, nearest: str = "", *, never: bool = False) -> None:
        super().__init__(reason, nearest)
        self.reason = reason
        self.nearest = nearest
        self.never = never


class TextRefused(KubectlRefused):
    """The text cannot be cut into words. `nearest` is only what stood before the place, which may be another command."""


class FlagRefused(KubectlRefused):
    """One flag is not accepted; without it the command may be. `at` are the positions of its words, `flag` its full name."""

    def __init__(self, reason: str, at: tuple[int, ...], flag: str = "") -> None:
        super().__init__(reason)
        self.at = at
        self.flag = flag
