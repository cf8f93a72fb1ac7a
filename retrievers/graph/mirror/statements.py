"""The Cypher that keeps the mirror: every statement of it stands here. Names come from enums or a checked pattern, values from parameters."""

from __future__ import annotations

from retrievers.graph.edge import EdgeKind

SCHEMA = (
    "CREATE CONSTRAINT copilot_resource IF NOT EXISTS FOR (n:Resource) REQUIRE (n.cluster, n.uid) IS UNIQUE",
    "CREATE CONSTRAINT copilot_mirror IF NOT EXISTS FOR (m:CopilotMirror) REQUIRE m.cluster IS UNIQUE",
    "CREATE INDEX copilot_name IF NOT EXISTS FOR (n:Resource) ON (n.cluster, n.name)",
)
AWAIT_INDEXES = "CALL db.awaitIndexes(60)"

BEGIN = (
    "MERGE (m:CopilotMirror {cluster: $cluster}) "
    "SET m.generation = coalesce(m.generation, 0) + 1, m.complete = false, m.name = $name, "
    "m.format = coalesce(m.format, $format), m.begun = datetime() "
    "RETURN m.generation AS generation, m.format AS format"
)
# The SET takes the lock, so that what is returned is what no other sync can change before this transaction ends.
HOLD = "MATCH (m:CopilotMirror {cluster: $cluster}) SET m.batches = coalesce(m.batches, 0) + 1 RETURN m.generation AS generation"
FINISH = (
    "MATCH (m:CopilotMirror {cluster: $cluster}) "
    "SET m.complete = true, m.synced = datetime(), m.observed = $observed, m.nodes = $nodes, m.edges = $edges"
)
KNOWN = (
    "MATCH (n:Resource {cluster: $cluster}) WHERE n.uid > '' "
    "RETURN n.uid AS uid, n.print AS print, n.edges AS edges, COUNT { (n)-->() } AS degree, "
    "[label IN labels(n) WHERE label <> 'Resource'] AS labels"
)
DELETE_NODES = (
    "UNWIND $uids AS uid MATCH (n:Resource {cluster: $cluster, uid: uid}) WHERE coalesce(n.generation, 0) <= $generation "
    "DETACH DELETE n RETURN count(*) AS changed"
)
# Edges of a source that it no longer has; `keep` is all it has.
DELETE_OTHER_EDGES = (
    "UNWIND $sources AS s MATCH (a:Resource {cluster: $cluster, uid: s.uid})-[r]->() WHERE NOT coalesce(r.id, '') IN s.keep "
    "DELETE r RETURN count(*) AS changed"
)
DELETE_EDGES = (
    "UNWIND $sources AS s MATCH (a:Resource {cluster: $cluster, uid: s.uid})-[r]->() WHERE r.id IN s.gone "
    "DELETE r RETURN count(*) AS changed"
)
MARK_EDGES = "UNWIND $sources AS s MATCH (a:Resource {cluster: $cluster, uid: s.uid}) SET a.edges = s.print RETURN count(*) AS changed"
CLUSTERS = (
    "MATCH (m:CopilotMirror) RETURN m.cluster AS cluster, m.name AS name, m.complete AS complete, m.generation AS generation, "
    "toString(m.synced) AS synced, m.observed AS observed, m.nodes AS nodes, m.edges AS edges ORDER BY m.name, m.cluster"
)
FORGET = "MATCH (n:Resource {cluster: $cluster}) WHERE n.uid > '' WITH n LIMIT $batch DETACH DELETE n RETURN count(*) AS changed"
FORGET_MIRROR = "MATCH (m:CopilotMirror {cluster: $cluster}) DELETE m RETURN count(*) AS changed"


def upsert_nodes(label: str) -> str:
    """Write nodes of one label. `label` has been checked against a pattern; "" is for kinds that are no name for one."""
    labelled = f" SET n:`{label}`" if label else ""
    return (
        "UNWIND $rows AS row MERGE (n:Resource {cluster: $cluster, uid: row.uid}) "
        "SET n = row.properties, n.cluster = $cluster, n.uid = row.uid, n.print = row.print, n.edges = row.edges, "
        f"n.generation = $generation{labelled} RETURN count(*) AS changed"
    )


def write_edges(kind: EdgeKind, *, fresh: bool) -> str:
    """Write edges of one kind, as [id, source, target, place of the properties in $said].

    The id covers every property, so an edge that is there is as it should be. `fresh` sources have no edges yet: nothing
    has to be looked for, which saves a third of the time.
    """
    ends = (
        "UNWIND $rows AS row MATCH (a:Resource {cluster: $cluster, uid: row[1]}) "
        "MATCH (b:Resource {cluster: $cluster, uid: row[2]}) "
    )
    if fresh:
        edge = f"CREATE (a)-[r:{kind.value} {{id: row[0]}}]->(b) SET r += $said[row[3]], r.generation = $generation "
    else:
        edge = (
            f"MERGE (a)-[r:{kind.value} {{id: row[0]}}]->(b) "
            "ON CREATE SET r += $said[row[3]], r.generation = $generation "
        )
    return f"{ends}{edge}RETURN count(*) AS changed"
