"""What `mirror` and `cypher` share: where Neo4j is, who asks, and which cluster's part of it is meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from copilot.model import UsageError

if TYPE_CHECKING:
    from copilot.app import Copilot
    from copilot.target import Target
    from retrievers.graph.mirror import Link


def neo4j_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--neo4j URL`; the password never comes from the command line."""
    return click.option(
        "--neo4j",
        "url",
        metavar="URL",
        help="The server, as bolt://HOST:7687 or neo4j+s://HOST; else COPILOT_NEO4J_URL.",
    )(command)


def cluster_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--cluster NAME`."""
    return click.option(
        "--cluster",
        "given",
        metavar="NAME",
        help="The mirrored cluster, by name or key; else the one that is connected.",
    )(command)


def link_to(url: str | None) -> Link:
    """A connection to the server that the option or the settings name; not opened yet.

    Raises:
        CopilotError: no address is given, or it or the password cannot be used.
    """
    from copilot.settings import load_settings, neo4j_password
    from retrievers.graph.mirror import Link, parse_address, read_password_file

    settings = load_settings().neo4j
    address = url or settings.url
    if not address:
        raise UsageError("No Neo4j server is named.", "Give --neo4j URL, or set COPILOT_NEO4J_URL.")
    password = neo4j_password()
    if not password and settings.password_file is not None:
        password = read_password_file(settings.password_file)
    return Link(parse_address(address, settings.user, password))


def identity(copilot: Copilot) -> tuple[str, str]:
    """The key and the name of a cluster: of a live one the uid of kube-system, of a recording what it says or its path."""
    from tools.change.identity import identify_cluster
    from tools.cluster.live import LiveSource

    if isinstance(copilot.source, LiveSource):
        known = identify_cluster(copilot.source.transport)
        return known.key, known.context
    name = copilot.snapshot.cluster or Path(copilot.target.paths[0]).name or "stdin"
    return f"recorded:{name}", name


def mirrored_cluster(link: Link, given: str | None, target: Target) -> str:
    """The key of the cluster that is meant.

    Raises:
        UsageError: no mirrored cluster has that name, or several have.
    """
    from copilot.app import open_copilot
    from retrievers.graph.mirror import clusters

    if given is None:
        return identity(open_copilot(target))[0]
    held = clusters(link)
    found = [one.cluster for one in held if given in (one.cluster, one.name)]
    if len(found) != 1:
        names = ", ".join(one.name if not found else one.cluster for one in held) or "none"
        what = "Several mirrored clusters are" if found else "No mirrored cluster is"
        raise UsageError(f"{what} called {given!r}.", f"Mirrored are: {names}")
    return found[0]
