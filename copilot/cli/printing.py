"""Prints a document for machines: one JSON value with its schema id, indented for eyes. The same from every command."""

from __future__ import annotations

from typing import Any

import click
import msgspec


def print_json(document: Any) -> None:
    """Print a document made of built-in types, Structs, enums and times."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
