"""Opens the knowledge base in a data folder with every part that is installed. Works with none of the optional ones."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec

from guardrails.provenance.signing import SignatureError, SignedPages, load_signed, save_signed
from guardrails.redaction import Redactor, install_key
from retrievers.knowledge.embedder import presence
from retrievers.knowledge.library import DenseLeg, Library
from retrievers.knowledge.store import KnowledgeError

FOLDER = "knowledge"  # below the data folder


class Meaning(msgspec.Struct, frozen=True):
    """Where vectors come from and where they are searched, when not from the files of this installation.

    `key` reads the endpoint's key when it is sent. `server` is the URL of a Chroma server.
    """

    url: str = ""
    model: str = ""
    key: Callable[[], str] = str
    seconds: float = 20.0
    server: str = ""


_LOCAL = Meaning()


def open_library(data_dir: Path, *, dense: bool = True, read_only: bool = True, meaning: Meaning = _LOCAL) -> Library:
    """Open the library below `data_dir`.

    Args:
        data_dir: The data folder; created on first use.
        dense: Rank by meaning as well, where the embedding model is installed. Costs about two seconds a process.
        read_only: Nothing will be indexed: where the folder cannot be written, the shipped runbooks are served
            from memory instead of failing.
        meaning: An embeddings endpoint or a Chroma server, where the operator named one.

    Raises:
        KnowledgeError: the folder cannot be written, and `read_only` is false.
    """
    folder = data_dir / FOLDER
    try:
        key = install_key(data_dir)
        return Library(folder, Redactor(key), _dense(folder, meaning) if dense else None, _signed(data_dir, key))
    except (KnowledgeError, OSError) as error:
        if not read_only:
            raise KnowledgeError(
                f"The knowledge base in {folder} cannot be written: {error}",
                "Set COPILOT_DATA_DIR to a folder you may write to.",
            ) from error
        return Library(None, Redactor(secrets.token_bytes(32)))


def sign_folder(library: Library, data_dir: Path, folder: str, *, away: bool = False) -> int:
    """Vouch for every page of a folder as it is indexed now, or (`away`) for none any more; how many are signed.

    Raises:
        SignatureError: the list that is there was altered.
    """
    key = install_key(data_dir)
    root = str(Path(folder).expanduser().absolute())
    folders = {name: pages for name, pages in load_signed(data_dir, key).folders.items() if name != root}
    pages = {} if away else library.store.known(root)
    save_signed(data_dir, key, folders | ({root: pages} if pages else {}))
    return len(pages)


def _signed(data_dir: Path, key: bytes) -> SignedPages:
    """The signed pages. A list that was altered vouches for nothing; `index --sign` tells."""
    try:
        return load_signed(data_dir, key)
    except SignatureError:
        return SignedPages()


def _dense(folder: Path, meaning: Meaning) -> DenseLeg | None:
    """The dense leg, where its packages are installed; an endpoint needs no more of them than Chroma and numpy."""
    if meaning.url:
        return _by_endpoint(folder, meaning)
    if not presence(folder / "models").ready:
        return None
    from retrievers.knowledge.chroma_index import ChromaIndex  # noqa: PLC0415 - optional
    from retrievers.knowledge.embedder import MiniLm  # noqa: PLC0415 - optional

    return ChromaIndex(folder / "chroma", MiniLm(folder / "models"), meaning.server)


def _by_endpoint(folder: Path, meaning: Meaning) -> DenseLeg | None:
    if find_spec("chromadb") is None or find_spec("numpy") is None:
        return None
    from retrievers.knowledge.chroma_index import ChromaIndex  # noqa: PLC0415 - optional
    from retrievers.knowledge.endpoint_embedder import EndpointEmbedder  # noqa: PLC0415 - optional

    embedder = EndpointEmbedder(meaning.url, meaning.model, meaning.key, meaning.seconds)
    return ChromaIndex(folder / "chroma", embedder, meaning.server)
