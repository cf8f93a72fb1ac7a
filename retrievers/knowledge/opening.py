"""Opens the knowledge base in a data folder with every part that is installed. Works with none of the optional ones."""

from __future__ import annotations

import secrets
from pathlib import Path

from guardrails.redaction import Redactor, install_key
from retrievers.knowledge.embedder import presence
from retrievers.knowledge.library import DenseLeg, Library
from retrievers.knowledge.store import KnowledgeError

FOLDER = "knowledge"  # below the data folder


def open_library(data_dir: Path, *, dense: bool = True, read_only: bool = True) -> Library:
    """Open the library below `data_dir`.

    Args:
        data_dir: The data folder; created on first use.
        dense: Rank by meaning as well, where the embedding model is installed. Costs about two seconds a process.
        read_only: Nothing will be indexed: where the folder cannot be written, the shipped runbooks are served
            from memory instead of failing.

    Raises:
        KnowledgeError: the folder cannot be written, and `read_only` is false.
    """
    folder = data_dir / FOLDER
    try:
        return Library(folder, Redactor(install_key(data_dir)), _dense(folder) if dense else None)
    except (KnowledgeError, OSError) as error:
        if not read_only:
            raise KnowledgeError(
                f"The knowledge base in {folder} cannot be written: {error}",
                "Set COPILOT_DATA_DIR to a folder you may write to.",
            ) from error
        return Library(None, Redactor(secrets.token_bytes(32)))


def _dense(folder: Path) -> DenseLeg | None:
    """The dense leg, where its packages are installed."""
    if not presence().ready:
        return None
    from retrievers.knowledge.chroma_index import ChromaIndex  # noqa: PLC0415 - optional
    from retrievers.knowledge.embedder import MiniLm  # noqa: PLC0415 - optional

    return ChromaIndex(folder / "chroma", MiniLm(folder / "models"))
