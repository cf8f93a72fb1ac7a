"""Reads a terminal session, or any part of one, as a person pastes it. What it cannot read stays quotable text."""

from __future__ import annotations

import msgspec

from copilot.model import Command, Snapshot
from copilot.model.collector import paused_gc
from tools.cluster.transcript.clean import clean_lines
from tools.cluster.transcript.collect import snapshot_of
from tools.cluster.transcript.facts import Context, Fact
from tools.cluster.transcript.invocation import Invocation
from tools.cluster.transcript.prompts import Block, split_blocks
from tools.cluster.transcript.session import read_block, understood

_SNIFF_LIMIT = 200_000  # characters looked at to tell a transcript from other text

__all__ = ["looks_like_transcript", "parse_transcript"]


def parse_transcript(text: str, source: str = "paste") -> Snapshot:
    """Read a pasted session as a Snapshot.

    Args:
        text: The session: commands with or without prompts and what they printed, or output alone.
        source: How the text is cited: evidence names `source:LINE`.

    Raises:
        InputError: The text is binary.
    """
    with paused_gc():
        return _parsed(text, source)


def _parsed(text: str, source: str) -> Snapshot:
    facts: list[Fact] = []
    commands: list[Command] = []
    context = Context(source=source)
    for block in split_blocks(clean_lines(text, source)):
        context = _entered(block, context)
        facts.extend(read_block(block, context))
        commands.append(
            Command(command=block.command, output=block.text, source=context.at(block.line), read=understood(block))
        )
    return snapshot_of(facts, commands, source)


def looks_like_transcript(text: str) -> bool:
    """Tell whether a text holds a command of this field, or output that one of them prints."""
    head = text[:_SNIFF_LIMIT]
    if "\0" in head:
        return False
    return any(understood(block) for block in split_blocks(clean_lines(head, "")))


def _entered(block: Block, context: Context) -> Context:
    """The session after a command that changes where the next ones run: `ssh`, `exit`, a namespace switch."""
    for invocation in block.invocations:
        if invocation.program == "ssh":
            context = msgspec.structs.replace(context, origin=_place(invocation.origin, context))
        elif invocation.program in ("exit", "logout"):
            context = msgspec.structs.replace(context, origin="")
        elif invocation.program == "kubectl":
            context = _switched(invocation, context)
    return context


def _place(origin: str, context: Context) -> str:
    return context.namespace + origin if origin.startswith("/") else origin


def _switched(invocation: Invocation, context: Context) -> Context:
    words = invocation.args
    namespace = ""
    if invocation.verb == "config" and words[:1] in (("set-context",), ("set",)):
        namespace = invocation.namespace
    elif invocation.verb in ("ns", "project") and len(words) == 1 and words[0] != "-":
        namespace = words[0]
    return msgspec.structs.replace(context, namespace=namespace) if namespace else context
