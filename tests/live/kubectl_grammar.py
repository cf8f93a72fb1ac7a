"""Reads the grammar of kubectl out of installed kubectls: commands, aliases, flags, and which flags need a value.

    python -m tests.live.kubectl_grammar --kubectl PATH [PATH ...] [--write]

Promise: no kubectl here ever talks to a server. Every call is a help call, with a scratch home and no kubeconfig; a flag
that needs a value says so before the help is printed, which is how the optional ones are told from the others.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TARGET = Path(__file__).resolve().parents[2] / "guardrails" / "kubectl" / "grammar.json"
_FLAG = re.compile(r"^    (?:-(?P<short>\w), )?--(?P<name>[\w-]+)=(?P<default>.*):$")
_COMMAND = re.compile(r"^  (?P<name>[a-z][a-z0-9-]*)\s{2,}\S")
_NO_ALIASES = re.compile(r"[,\s]+")
_SECONDS = 30  # a help call takes 50 ms; one that hangs is not a kubectl


@dataclass
class Page:
    """What one help page says."""

    aliases: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    flags: dict[str, dict[str, str]] = field(default_factory=dict)


class Kubectl:
    """One installed kubectl, asked for help only."""

    def __init__(self, path: str, home: str) -> None:
        self._path = path
        self._env = {"HOME": home, "KUBECONFIG": f"{home}/none", "PATH": os.defpath}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._path, *words], capture_output=True, text=True, env=self._env, timeout=_SECONDS, check=False
        )

    def minor(self) -> str:
        document = json.loads(self.run("version", "--client", "-o", "json").stdout)["clientVersion"]
        return f"{document['major']}.{document['minor'].rstrip('+')}"

    def page(self, command: tuple[str, ...]) -> Page:
        return read_page(self.run(*command, "--help").stdout)

    def needs_value(self, command: tuple[str, ...], flag: str) -> bool:
        return "flag needs an argument" in self.run(*command, "--help", f"--{flag}").stderr

    def options(self) -> dict[str, dict[str, str]]:
        return read_page(self.run("options").stdout).flags


def read_page(text: str) -> Page:
    """Take a help page apart by its headings."""
    page, section = Page(), ""
    for line in text.splitlines():
        if line and not line.startswith((" ", "\t")):
            if section == "Aliases:":
                page.aliases += [word for word in _NO_ALIASES.split(line) if word]
                section = ""
                continue
            section = line.strip()
        elif found := _FLAG.match(line):
            page.flags[found["name"]] = {"short": found["short"] or "", "default": found["default"]}
        elif (section.endswith(("Commands:", "plugins:")) or "Commands (" in section) and (
            named := _COMMAND.match(line)
        ):
            page.commands.append(named["name"])
    return page


def walk(kubectl: Kubectl, command: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Page]]:
    """Every command of a kubectl with its page, the root first."""
    page = kubectl.page(command)
    yield command, page
    for name in page.commands:
        if (*command, name) != ("help",):
            yield from walk(kubectl, (*command, name))


def grammar_of(kubectl: Kubectl) -> dict[str, dict[str, object]]:
    """`{command: {aliases, flags: {name: {short, takes}}}}`; the global flags stand under "options"."""
    pages = dict(walk(kubectl))
    found: dict[str, dict[str, object]] = {}
    with ThreadPoolExecutor(2) as pool:
        for command, page in pages.items():
            flags = kubectl.options() if not command else page.flags
            names = list(flags)
            needs = pool.map(lambda name, at=command: kubectl.needs_value(at, name), names)
            found[" ".join(command) or "options"] = {
                "aliases": sorted(set(page.aliases) - {command[-1]} if command else ()),
                "flags": {
                    name: {"short": flags[name]["short"], "takes": takes(flags[name]["default"], needed)}
                    for name, needed in zip(names, needs, strict=True)
                },
            }
    return found


def takes(default: str, needed: bool) -> str:
    """`value`: one is needed. `list`: the same, and repeated ones add up. `bool`, `optional`: none is needed, and one is given only with `=`."""
    if needed:
        return "list" if default.startswith("[") else "value"
    return "bool" if default in ("true", "false") else "optional"


def merged(grammars: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    """One grammar of all minors: each command and flag says in which minors it is as that minor has it, unless in all."""
    minors = sorted(grammars, key=lambda minor: [int(part) for part in minor.split(".")])
    commands: dict[str, object] = {}
    for command in sorted({name for grammar in grammars.values() for name in grammar}):
        holding = [minor for minor in minors if command in grammars[minor]]
        entries = [grammars[minor][command] for minor in holding]
        flags: dict[str, list[object]] = {}
        for name in sorted({name for entry in entries for name in entry["flags"]}):  # type: ignore[attr-defined]
            shapes: dict[tuple[str, str], list[str]] = {}
            for minor in holding:
                shape = grammars[minor][command]["flags"].get(name)  # type: ignore[attr-defined]
                if shape is not None:
                    shapes.setdefault((shape["short"], shape["takes"]), []).append(minor)
            flags[name] = [
                [short, kind, *([] if known == holding else [span(known, minors)])]
                for (short, kind), known in shapes.items()
            ]
        aliases = sorted({alias for entry in entries for alias in entry["aliases"]})  # type: ignore[attr-defined]
        commands[command] = {
            **({"aliases": aliases} if aliases else {}),
            **({} if holding == minors else {"minors": span(holding, minors)}),
            "flags": flags,
        }
    return {"schema": "cluster-copilot/kubectl-grammar/v1", "minors": minors, "commands": commands}


def span(some: list[str], minors: list[str]) -> str:
    """`1.31-1.37` where no minor between is missing, else every one."""
    first, last = minors.index(some[0]), minors.index(some[-1])
    return f"{some[0]}-{some[-1]}" if minors[first : last + 1] == some and first < last else ",".join(some)


def rendered(document: dict[str, object]) -> str:
    """Stable text: one line for each command, so that a new minor's differences can be read."""
    commands: dict[str, object] = document["commands"]  # type: ignore[assignment]
    lines = [f"  {json.dumps(name)}: {json.dumps(entry, sort_keys=True)}" for name, entry in commands.items()]
    head = {name: value for name, value in document.items() if name != "commands"}
    return f'{{{json.dumps(head, sort_keys=True)[1:-1]}, "commands": {{\n' + ",\n".join(lines) + "\n}}\n"


def main() -> int:
    """Print what was found; write it with --write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kubectl", nargs="+", required=True, metavar="PATH")
    parser.add_argument("--write", action="store_true", help=f"write {TARGET.name} (else only count)")
    options = parser.parse_args()
    grammars: dict[str, dict[str, dict[str, object]]] = {}
    with tempfile.TemporaryDirectory() as home:
        for path in options.kubectl:
            kubectl = Kubectl(path, home)
            grammar = grammars[kubectl.minor()] = grammar_of(kubectl)
            flags = sum(len(entry["flags"]) for name, entry in grammar.items() if name != "options")  # type: ignore[arg-type]
            known = len(grammar["options"]["flags"])  # type: ignore[arg-type]
            print(f"{kubectl.minor()}: {len(grammar) - 1} commands, {flags} flags, {known} global flags", flush=True)
    text = rendered(merged(grammars))
    json.loads(text)
    if options.write:
        TARGET.write_text(text, encoding="utf-8")
        print(f"{TARGET.name}: {len(text)} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
