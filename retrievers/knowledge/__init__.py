"""Runbooks and the user's documents: indexed, searched and cited. Everything stored is redacted first."""

from retrievers.knowledge.indexing import IndexReport, Note
from retrievers.knowledge.library import Hit, Library
from retrievers.knowledge.opening import Meaning, open_library, sign_folder
from retrievers.knowledge.runbook_index import page_for, runbook_for
from retrievers.knowledge.store import KnowledgeError, Trust, Where

__all__ = [
    "Hit",
    "IndexReport",
    "KnowledgeError",
    "Library",
    "Meaning",
    "Note",
    "Trust",
    "Where",
    "open_library",
    "page_for",
    "runbook_for",
    "sign_folder",
]
