"""The one error of the test bed: what happened, and what to try.

Promise: its text is two short lines a person can act on.
"""


class TestbedError(Exception):
    """Something the person at the keyboard can act on."""

    __test__ = False  # pytest would take a class named Test... for a test

    def __init__(self, happened: str, hint: str) -> None:
        """Say what happened, to which object, and what to try next."""
        super().__init__(f"{happened}\n  try: {hint}")
        self.happened = happened
        self.hint = hint
