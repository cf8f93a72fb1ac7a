"""The resource graph in Neo4j: an optional copy that people and models may query. The program never depends on it."""

from retrievers.graph.mirror.address import Address, parse_address, read_password_file
from retrievers.graph.mirror.cypher import Table, query
from retrievers.graph.mirror.cypher_text import prepare
from retrievers.graph.mirror.errors import QueryFailedError, QueryRefusedError, SupersededError, TamperedError
from retrievers.graph.mirror.follow import Follower
from retrievers.graph.mirror.link import Link
from retrievers.graph.mirror.posture import Hole, holes
from retrievers.graph.mirror.queries import MirroredGraph
from retrievers.graph.mirror.sync import Changed, Mirror, Mirrored, Part, Totals, Written, clusters, forget

__all__ = [
    "Address",
    "Changed",
    "Follower",
    "Hole",
    "Link",
    "Mirror",
    "Mirrored",
    "MirroredGraph",
    "Part",
    "QueryFailedError",
    "QueryRefusedError",
    "SupersededError",
    "Table",
    "TamperedError",
    "Totals",
    "Written",
    "clusters",
    "forget",
    "holes",
    "parse_address",
    "prepare",
    "query",
    "read_password_file",
]
