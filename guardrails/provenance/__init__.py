"""Where text comes from, and what may follow from it: sources, spotlighting, clean output, and tracing of arguments.

The parts are imported when they are asked for: a plan carries labels from here, and needs nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrails.provenance.fields import chunk_of, chunks_of, is_structured
    from guardrails.provenance.labels import ArgOrigin, Chunk, Label, Origin, Role, Source, Taint
    from guardrails.provenance.output import clean_output
    from guardrails.provenance.session import SessionProvenance
    from guardrails.provenance.spotlighting import NOTICE, spotlight

__all__ = [
    "NOTICE",
    "ArgOrigin",
    "Chunk",
    "Label",
    "Origin",
    "Role",
    "SessionProvenance",
    "Source",
    "Taint",
    "chunk_of",
    "chunks_of",
    "clean_output",
    "is_structured",
    "spotlight",
]
_PLACES = {
    "fields": ("chunk_of", "chunks_of", "is_structured"),
    "output": ("clean_output",),
    "session": ("SessionProvenance",),
    "spotlighting": ("NOTICE", "spotlight"),
}


def __getattr__(name: str) -> object:
    """One of the names above."""
    if name not in __all__:
        raise AttributeError(name)
    place = next((place for place, names in _PLACES.items() if name in names), "labels")
    return getattr(import_module(f"{__name__}.{place}"), name)
