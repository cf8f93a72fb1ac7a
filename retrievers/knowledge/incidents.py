"""Remembered incidents as documents. What people wrote is external text, and seen by who may get the object alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from guardrails.provenance.labels import Source
from guardrails.redaction import Redactor
from retrievers.history import Incident
from retrievers.knowledge.rights import Need, resource_of
from retrievers.knowledge.store import Chunk, Document, Trust, section_sha


def root_of(cluster: str) -> str:
    """What the incidents of a cluster are filed under."""
    return f"incidents/{cluster}"


def render_incidents(entries: Sequence[Incident], cluster: str, redactor: Redactor) -> Iterator[Document]:
    """One document for each entry of the cluster."""
    for entry in entries:
        if entry.cluster != cluster:
            continue
        title = redactor.text(f"Remembered: {entry.cause} on {entry.ref}")
        words = entry.quote  # redacted when it was written and when it was read
        sha = section_sha(Source.EXTERNAL, title, "", words)
        need = Need(cluster, resource_of(entry.kind, entry.group), entry.namespace)
        chunk = Chunk("", words, 1, sha, Source.EXTERNAL, (need,))
        yield Document(f"{root_of(cluster)}/{entry.id}", root_of(cluster), title, Trust.INCIDENTS, sha, (chunk,))
