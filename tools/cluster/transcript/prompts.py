"""Finds the commands in a pasted session and the output of each. Only a line that looks typed starts a new command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from tools.cluster.transcript.invocation import (
    KUBECTL,
    KUBECTL_VERBS,
    PROGRAMS,
    Invocation,
    parse_command,
)

_HEAD = 400  # characters of a line in which a prompt and the program's name must stand

_PROMPTS = re.compile(
    r"""
    (?P<powershell>PS\ [^>\n]{0,120}>\s?)
  | (?P<windows>[A-Za-z]:\\[^>\n]{0,120}>\s?)
  | (?P<bracket>(?:\([\w.:/-]{1,60}\)\ ?)?\[[^\]\n]{1,120}\]\s?[$\#%>]\s?)
  | (?P<user>(?:\([\w.:/-]{1,60}\)\ ?)?[\w.+-]{1,60}@[\w.-]{1,100}[^\n$\#%>|"]{0,120}[$\#%>]\s)
  | (?P<path>(?:[\w.-]{1,60}:)?[~/][\w./~-]{0,100}\s?[$\#%>]\s)
  | (?P<shell>(?:bash|sh|zsh)-[\d.]{1,8}[$\#]\s?)
  | (?P<dollar>\$\s+)
  | (?P<arrow>[❯➜λ»]\s+(?:~\s+)?)
  | (?P<mark>[\#%>]\s+)
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z~./_][\w./+~:-]*(?=\s|$|[;|&])")
_ASSIGNED = re.compile(r"^(?:[A-Z_][A-Z0-9_]{0,40}=\S{0,200}\s+){1,5}")
_HEREDOC = re.compile(r"<<-?\s{0,3}(['\"]?)(\w{1,40})\1")
_ANY_COMMAND = frozenset({"powershell", "windows", "bracket", "user", "path", "shell", "dollar", "arrow"})


class Block(msgspec.Struct, frozen=True, eq=False):
    """A command and what it printed. `line` and `start` are 1-based; `command` is "" for text with no command line."""

    command: str
    line: int
    start: int
    output: list[str]
    prompt: str = ""
    origin: str = ""
    invocations: tuple[Invocation, ...] = ()

    @property
    def text(self) -> str:
        """The output as it was printed."""
        return "\n".join(self.output)


class _Typed(msgspec.Struct, frozen=True):
    command: str
    style: str
    prompt: str


def split_blocks(lines: Sequence[str]) -> Iterator[Block]:
    """Cut a session into commands with their outputs. Text before the first command is a block without one."""
    typed: _Typed | None = None
    line = start = 0
    styles: set[str] = set()
    index = 0
    while index < len(lines):
        found = _typed(
            lines[index],
            fresh=index in (0, start) or not lines[index - 1].strip(),
            styles=styles if _has_word(typed, _LOG_WORDS) else None,
            structured=_has_word(typed, _STRUCTURED_WORDS),
        )
        if found is None:
            index += 1
            continue
        if typed is not None or any(text.strip() for text in lines[start:index]):
            yield _block(typed, line, lines, start, index)
        typed, line = found, index
        styles.add(found.style)
        typed, index = _whole_command(typed, lines, index)
        start = index
    if typed is not None or any(text.strip() for text in lines[start:]):
        yield _block(typed, line, lines, start, len(lines))


def _block(typed: _Typed | None, line: int, lines: Sequence[str], start: int, end: int) -> Block:
    while end > start and not lines[end - 1].strip():
        end -= 1
    output = list(lines[start:end])
    if typed is None:
        return Block(command="", line=start + 1, start=start + 1, output=output)
    return Block(
        command=typed.command,
        line=line + 1,
        start=start + 1,
        output=output,
        prompt=typed.prompt,
        origin=_host(typed),
        invocations=parse_command(typed.command),
    )


def _whole_command(typed: _Typed, lines: Sequence[str], index: int) -> tuple[_Typed, int]:
    """Join continuation lines and a here-document to the command; return it and the first output line's index."""
    command = typed.command
    index += 1
    while command.endswith("\\") and index < len(lines) and len(command) < 8192:
        command = command[:-1] + " " + lines[index].lstrip("> ").strip()
        index += 1
    heredoc = _HEREDOC.search(command[:2000])
    if heredoc:
        for end in range(index, min(index + 2000, len(lines))):
            if lines[end].strip().removeprefix("> ").strip() == heredoc[2]:
                return _Typed(command, typed.style, typed.prompt), end + 1
    return _Typed(command, typed.style, typed.prompt), index


# Commands whose output is free text, in which a line may look like a prompt by chance or on purpose.
_LOG_WORDS = frozenset({"logs", "log", "journalctl", "cat", "dmesg", "kl", "klf", "stern"})
_STRUCTURED_WORDS = _LOG_WORDS | {"describe", "yaml", "-oyaml", "json", "-ojson", "kd", "kdp"}


def _has_word(typed: _Typed | None, words: frozenset[str]) -> bool:
    return typed is not None and not words.isdisjoint(typed.command[:_HEAD].split())


def _typed(line: str, *, fresh: bool, styles: set[str] | None, structured: bool) -> _Typed | None:
    """The command typed on a line, or None.

    `styles` limits the prompts that count (inside a log); in `structured` output, whose values may hold anything, an
    unknown program counts only after an empty line.
    """
    if not line or line[0] in " \t{}\"'-":
        return None
    head = line[:_HEAD]
    match = _PROMPTS.match(head)
    if match:
        style = match.lastgroup or ""
        command = line[match.end() :].strip()
        word = _WORD.match(_ASSIGNED.sub("", command[:_HEAD], count=1))
        if word is None or (styles is not None and style not in styles):
            return None
        if _known(command) or (style in _ANY_COMMAND and (fresh or not structured)):
            return _Typed(command, style, match.group())
        return None
    if styles is not None and "" not in styles:
        return None
    return _Typed(line.strip(), "", "") if _bare(head, fresh) else None


def _known(command: str) -> bool:
    words = _ASSIGNED.sub("", command[:_HEAD], count=1).split() or [""]
    program = words[0].replace("\\", "/").rpartition("/")[2]
    if program in KUBECTL:
        return len(words) > 1 and (words[1] in KUBECTL_VERBS or words[1].startswith("-"))
    return program in PROGRAMS and len(words) > 1


def _bare(head: str, fresh: bool) -> bool:
    """Whether a line without a prompt is a command: kubectl with a verb, or another known program after a gap."""
    words = head.split(maxsplit=3)
    if len(words) < 2:
        return False
    program = words[0].rpartition("/")[2]
    if program in KUBECTL or (words[0] in ("sudo", "watch") and words[1] in KUBECTL):
        verb = words[1] if program in KUBECTL else (words[2] if len(words) > 2 else "")
        return verb in KUBECTL_VERBS or verb.startswith(("-n", "--context", "--namespace", "--kubeconfig", "-A"))
    return fresh and words[0] in PROGRAMS and not words[1].startswith(("(", ":", "=")) and not words[0].endswith(":")


def _host(typed: _Typed) -> str:
    """The host named by a prompt such as `root@worker-1:~#` or `[root@worker-1 ~]#`."""
    if typed.style not in ("user", "bracket"):
        return ""
    match = re.search(r"[\w.+-]{1,60}@([\w.-]{1,100})", typed.prompt)
    return match[1] if match else ""
