"""The object a command is about, as typed: `KIND/NAME`, `KIND NAME` or a bare name. One reading for all commands."""

from __future__ import annotations

from copilot.model import UsageError

_ALONE = "Ask about one object, or about its namespace with -n."


def object_words(objects: tuple[str, ...], command: str, hint: str = _ALONE) -> str:
    """The words as one argument `KIND/NAME`; `hint` says what `command` takes instead of several objects.

    Raises:
        UsageError: more than one object was named.
    """
    if len(objects) == 1:
        return objects[0]
    if len(objects) == 2 and "/" not in objects[0]:
        return f"{objects[0]}/{objects[1]}"
    raise UsageError(f"{command} takes one object, not {len(objects)}: {' '.join(objects)}", hint)
