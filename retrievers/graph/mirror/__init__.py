"""The resource graph in Neo4j: an optional copy that people and models may query. The program never depends on it."""

from retrievers.graph.mirror.address import Address, parse_address, read_password_file
from retrievers.graph.mirror.link import Link
from retrievers.graph.mirror.sync import Changed, Mirror, Part, Totals, Written, forget

__all__ = [
    "Address",
    "Changed",
    "Link",
    "Mirror",
    "Part",
    "Totals",
    "Written",
    "forget",
    "parse_address",
    "read_password_file",
]
