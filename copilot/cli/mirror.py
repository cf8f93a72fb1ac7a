"""`kubectl copilot mirror`: keep a copy of the resource graph in Neo4j, and ask it there. Nothing in a cluster is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from copilot.cli.mirror_options import cluster_option, neo4j_option
from copilot.cli.naming import object_words
from copilot.cli.options import Target, cluster_options, output_option
from copilot.cli.printing import print_json
from copilot.model import CopilotError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from copilot.app import Copilot
    from copilot.model import Ref
    from retrievers.graph import Edge, Reached
    from retrievers.graph.mirror import Mirror, MirroredGraph, Totals

SCHEMA = "cluster-copilot/mirror/v1"
NO_WAY = 1  # exit code when two objects are not connected
_GATHER_SECONDS = 0.5  # changes come in bursts: a rollout is one transaction, not forty
_GATHER_MOST = 1_000  # objects looked at by one transaction


@click.group(name="mirror")
def COMMAND() -> None:  # noqa: N802 - the name every command module exports
    """Keep a copy of the resource graph in Neo4j, and ask it there.

    The server is named by --neo4j or COPILOT_NEO4J_URL, the user by COPILOT_NEO4J_USER, the password by
    COPILOT_NEO4J_PASSWORD or a file of mode 0600 that COPILOT_NEO4J_PASSWORD_FILE names.
    """


@COMMAND.command(name="sync")
@neo4j_option
@click.option("--verify", is_flag=True, help="Write everything anew, whatever the server says it holds.")
@click.option("--watch", is_flag=True, help="Go on following the live cluster until interrupted.")
@cluster_options
@output_option("text", "json")
def sync(url: str | None, target: Target, output: str, *, verify: bool, watch: bool) -> int:
    """Make the copy of this cluster equal to what is there now. Interrupted, it goes on the next time.

    With --watch it heals by itself after broken connections and expired watches. Ctrl-C ends it with exit code 130; where
    nothing may be followed any more, as after a token has run out, it ends with exit code 69.

    \b
    Examples:
      kubectl copilot mirror sync --neo4j bolt://127.0.0.1:7687
      kubectl copilot mirror sync --watch
      kubectl copilot mirror sync --from dump/
    """
    from copilot.app import open_copilot
    from copilot.cli.mirror_options import identity, link_to
    from retrievers.graph.mirror import Mirror

    if watch and target.paths:
        raise UsageError("A recording does not change: --watch needs a live cluster.", "Leave --from or --watch out.")
    with link_to(url) as link:
        copilot = open_copilot(target)
        mirror = Mirror(link, *identity(copilot))
        totals, written = _synced(mirror, copilot, verify=verify)
        if output == "json":
            document = {"schema": SCHEMA, "cluster": mirror.cluster, "name": mirror.name, "written": written}
            print_json({**document, "nodes": totals.nodes, "edges": totals.edges, "generation": totals.generation})
        else:
            said = ", ".join(f"{count:,} {part} written" for part, count in written.items()) or "nothing had changed"
            click.echo(f"{_shown(mirror.name)}: {totals.nodes:,} objects and {totals.edges:,} edges mirrored; {said}.")
        if watch:
            _follow(mirror, copilot)
    return 0


def _synced(mirror: Mirror, copilot: Copilot, *, verify: bool) -> tuple[Totals, dict[str, int]]:
    from retrievers.graph.mirror import Written

    written: dict[str, int] = {}
    totals = None
    for step in mirror.sync(copilot.objects, verify=verify):
        if isinstance(step, Written):
            name = "objects" if step.part == "nodes" else step.part.value
            written[name] = written.get(name, 0) + step.count
        else:
            totals = step
    assert totals is not None
    return totals, written


def _follow(mirror: Mirror, copilot: Copilot) -> None:
    """Write each burst of changes as it comes, until interrupted.

    Raises:
        CopilotError: every watch has given up, as when the credentials are not accepted any more.
    """
    from retrievers.graph.mirror import Follower, TamperedError
    from tools.cluster.live import LiveSource
    from tools.cluster.watch import ChangeType

    assert isinstance(copilot.source, LiveSource)
    follower = Follower(copilot.objects, mirror)
    with copilot.source.watch() as watch:
        while (change := watch.next()) is not None:
            while change is not None:
                if change.type is ChangeType.DELETED:
                    follower.remove(change.resource.ref)
                else:
                    follower.put(change.resource)
                change = watch.next(_GATHER_SECONDS) if follower.waiting < _GATHER_MOST else None
            try:
                done = follower.flush()
            except TamperedError:
                _synced(mirror, copilot, verify=True)
                follower = Follower(copilot.objects, mirror)
                continue
            if done.nodes or done.edges or done.removed:
                click.echo(f"{done.nodes} objects, {done.edges} edges written; {done.removed} objects removed.")
        for why in dict.fromkeys(watch.ended()):
            click.echo(why, err=True)
    raise CopilotError(
        "Nothing of the cluster may be followed any more.", "Log in again and start it again: it goes on from the copy."
    )


@COMMAND.command(name="status")
@neo4j_option
@output_option("text", "json")
def status(url: str | None, output: str) -> int:
    """Say which clusters are mirrored, how large and how old each copy is."""
    from copilot.cli.mirror_options import link_to
    from retrievers.graph.mirror import clusters

    with link_to(url) as link:
        held = clusters(link)
        version = link.version
    if output == "json":
        print_json({"schema": SCHEMA, "server": version, "clusters": held})
        return 0
    click.echo(f"Neo4j {version}: {len(held)} {'cluster' if len(held) == 1 else 'clusters'} mirrored")
    for one in held:
        state = (
            f"{one.nodes:,} objects, {one.edges:,} edges, synced {one.synced}"
            if one.complete
            else "not complete: sync it"
        )
        click.echo(f"  {_shown(one.name)}  ({_shown(one.cluster)})  {state}")
    return 0


@COMMAND.command(name="forget")
@click.argument("cluster")
@neo4j_option
def forget_cluster(cluster: str, url: str | None) -> int:
    """Remove the copy of one cluster, by name or key. Other clusters and foreign nodes stay."""
    from copilot.cli.mirror_options import link_to, mirrored_cluster
    from retrievers.graph.mirror import forget

    with link_to(url) as link:
        removed = forget(link, mirrored_cluster(link, cluster, Target()))
    click.echo(f"{removed:,} objects of {_shown(cluster)} removed from Neo4j; the cluster itself is as it was.")
    return 0


@COMMAND.command(name="show")
@click.argument("objects", metavar="[KIND/NAME | KIND NAME]", nargs=-1)
@click.option("--path-to", metavar="KIND/NAME", help="Show the shortest way to this object.")
@neo4j_option
@cluster_option
@cluster_options
@output_option("text", "json")
def show(
    objects: tuple[str, ...], path_to: str | None, url: str | None, given: str | None, target: Target, output: str
) -> int:
    """Say what an object depends on and who suffers with it, from the copy alone.

    Without an object: every reference to something that does not exist. Exit code 1 when --path-to finds no way.

    \b
    Examples:
      kubectl copilot mirror show deploy/web -n shop
      kubectl copilot mirror show ing/shop --path-to cm/web-config -n shop
      kubectl copilot mirror show --cluster prod
    """
    from copilot.cli.mirror_options import link_to, mirrored_cluster
    from retrievers.graph.mirror import MirroredGraph

    with link_to(url) as link:
        graph = MirroredGraph(link, mirrored_cluster(link, given, target))
        if not objects:
            return _print_edges(graph.dangling(), output, "refers to what does not exist")
        root = _find(graph, object_words(objects, "mirror show"), target.namespace)
        if path_to is not None:
            end = _find(graph, path_to, target.namespace)
            edges = graph.path(root, end)
            _print_edges(edges, output, "way")
            return 0 if edges or root == end else NO_WAY
        walks = {"depends_on": graph.dependencies(root), "blast_radius": graph.dependants(root)}
        owners = graph.owners(root)
    _print_walks(root, owners, walks, output)
    return 0


def _find(graph: MirroredGraph, words: str, namespace: str | None) -> Ref:
    from copilot.model.kinds import resolve_kind

    kind, slash, name = words.partition("/")
    if not slash:
        raise UsageError(f"{words!r} names no kind.", "Name the object as KIND/NAME.")
    known = resolve_kind(kind)
    if known is not None:
        return graph.find(known.kind, name, namespace)
    plain, dot, group = kind.partition(".")
    return graph.find(plain, name, namespace, group if dot else None)


def _print_walks(root: Ref, owners: Sequence[Ref], walks: dict[str, list[Reached]], output: str) -> None:
    if output == "json":
        told = {
            name: [{"object": found.ref.as_json(), "distance": found.distance} for found in walk]
            for name, walk in walks.items()
        }
        print_json({"schema": SCHEMA, "object": root.as_json(), "owners": [ref.as_json() for ref in owners], **told})
        return
    click.echo(_shown(str(root)))
    if owners:
        click.echo(f"  owned by: {', '.join(_shown(str(ref)) for ref in owners)}")
    for title, walk in (("depends on", walks["depends_on"]), ("suffers when it is ill", walks["blast_radius"])):
        click.echo(f"  {title} ({len(walk)})")
        for found in walk:
            click.echo(f"    {found.distance}  {_shown(str(found.ref))}")


def _print_edges(edges: Sequence[Edge], output: str, title: str) -> int:
    from retrievers.graph.drawing import edge_document

    if output == "json":
        print_json({"schema": SCHEMA, "edges": [edge_document(edge) for edge in edges]})
        return 0
    click.echo(f"{title} ({len(edges)})")
    for edge in edges:
        click.echo(
            f"  {_shown(str(edge.source))} {edge.kind.value} {_shown(str(edge.target))}  {_shown(edge.field)}".rstrip()
        )
    return 0


def _shown(text: str) -> str:
    from retrievers.graph.condition import one_line

    return one_line(text, 300)
