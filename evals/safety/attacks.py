"""Our own attack strings in families, and honest reads beside them. Both are data: nothing here carries anything out.

`{home}`, `{http}` and `{kubeconfig}` in an attack stand for places that a run names: a folder with canaries, a listener
that counts who calls, and a kubeconfig whose credentials would run a program.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from guardrails.kubectl.verdict import Decision, judge_line

_HERE = Path(__file__).parent


class Attack(msgspec.Struct, frozen=True):
    """One attack: a line that somebody (or something that was read) wants to have run, or a file to apply.

    `expected` is what `check` must say of the line: refused, or for a few what only looks or needs a yes.
    """

    family: str
    text: str = ""
    file: str = ""
    expected: Decision = Decision.REFUSED

    def at(self, places: dict[str, str]) -> Attack:
        """The attack with its places filled in."""
        text, file = self.text, self.file
        for name, value in places.items():
            text, file = text.replace(f"{{{name}}}", value), file.replace(f"{{{name}}}", value)
        return msgspec.structs.replace(self, text=text, file=file)


def load_attacks() -> tuple[Attack, ...]:
    """Every attack, in the order of the file."""
    lines = (_HERE / "attacks.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Attack) for line in lines)


def load_reads() -> tuple[str, ...]:
    """Lines that honest people write to look at a cluster."""
    return tuple(line for line in (_HERE / "reads.txt").read_text(encoding="utf-8").splitlines() if line)


def misjudged() -> list[Attack]:
    """Attacks of which `check` says something else than it must."""
    return [each for each in load_attacks() if each.text and judge_line(each.text).decision is not each.expected]


def held_up() -> list[str]:
    """Honest reads that would need a click."""
    return [line for line in load_reads() if judge_line(line).decision is not Decision.READ]
