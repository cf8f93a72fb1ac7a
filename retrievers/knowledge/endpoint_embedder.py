"""Vectors from an OpenAI-compatible embeddings endpoint that the operator names. Gets redacted text only; any fault is one error."""

from __future__ import annotations

import hashlib
import json
import math
import struct
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from copilot.model import UsageError
from copilot.model.hosts import is_near
from retrievers.knowledge.store import KnowledgeError

SECONDS = 20.0  # one batch; a search waits for one
_BATCH = 64  # texts a call: below the limits of the servers in use
_MOST_BYTES = 64 << 20  # of an answer: 64 vectors of 4,096 numbers are about 5 MiB
_MOST_CHARACTERS = 8_000  # of a text: about 2,000 tokens, what small embedding models read at most
_HINT = "Searching by words works without it. Check COPILOT_EMBEDDINGS_URL and COPILOT_EMBEDDINGS_MODEL."


class EndpointEmbedder:
    """Vectors of length 1 from `POST URL/embeddings`. The first answer fixes the dimension; another one later is an error.

    Raises:
        UsageError: the address is no http(s) URL, holds a password, or would carry a key unencrypted to another machine.
    """

    prepared = True

    def __init__(self, url: str, model: str, key: Callable[[], str] = str, seconds: float = SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not model:
            raise UsageError("The embeddings endpoint needs an http(s) URL and a model.", _HINT)
        if parts.username or parts.password:
            raise UsageError("The embeddings address holds a user or a password.", "Use COPILOT_EMBEDDINGS_KEY_FILE.")
        self._url = url.strip().rstrip("/").removesuffix("/embeddings") + "/embeddings"
        self._near = is_near(parts.hostname)
        self._model = model
        self._key = key
        self._seconds = seconds
        self._dimension = 0
        self.name = f"endpoint-{hashlib.sha256(f'{self._url} {model}'.encode()).hexdigest()[:12]}"

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """Little-endian float32 vectors, in order.

        Raises:
            KnowledgeError: the endpoint fails, is too slow, or answers with something else than vectors of one dimension.
        """
        vectors: list[bytes] = []
        for start in range(0, len(texts), _BATCH):
            vectors += self._ask([text[:_MOST_CHARACTERS] for text in texts[start : start + _BATCH]])
        return vectors

    def _ask(self, texts: list[str]) -> list[bytes]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := self._key():
            if self._url.startswith("http:") and not self._near:
                raise KnowledgeError("The embeddings key would travel unencrypted.", "Use an https address, or no key.")
            headers["Authorization"] = f"Bearer {key}"
        body = json.dumps({"model": self._model, "input": texts, "encoding_format": "float"}).encode()
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - http(s), checked above
        try:
            with urllib.request.build_opener(_Stay()).open(request, timeout=self._seconds) as answer:
                raw = answer.read(_MOST_BYTES + 1)
            return self._vectors(json.loads(raw[:_MOST_BYTES]), len(texts))
        except urllib.error.HTTPError as error:
            error.close()
            raise KnowledgeError(f"The embeddings endpoint answers {error.code}.", _HINT) from error
        except (OSError, HTTPException) as error:
            reason = "does not answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
            raise KnowledgeError(f"The embeddings endpoint {reason}.", _HINT) from error
        except (ValueError, RecursionError, TypeError, KeyError, struct.error, OverflowError) as error:
            raise KnowledgeError(f"The embeddings endpoint answers with no vectors: {error}", _HINT) from error

    def _vectors(self, answer: Any, count: int) -> list[bytes]:
        """Take an answer apart.

        Raises:
            ValueError: a vector is missing, empty, not finite, of length 0, or of another dimension.
        """
        placed: dict[int, list[float]] = {int(one["index"]): [float(each) for each in one["embedding"]] for one in answer["data"]}  # fmt: skip
        if sorted(placed) != list(range(count)):
            raise ValueError(f"{len(placed)} vectors for {count} texts")
        return [self._unit(placed[index]) for index in range(count)]

    def _unit(self, vector: list[float]) -> bytes:
        self._dimension = self._dimension or len(vector)
        if len(vector) != self._dimension or not vector:
            raise ValueError(f"a vector of {len(vector)} numbers where {self._dimension} were expected")
        length = math.sqrt(sum(value * value for value in vector))
        if not math.isfinite(length) or length == 0:
            raise ValueError("a vector without a direction")
        return struct.pack(f"<{len(vector)}f", *(value / length for value in vector))


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: another host must not be handed the key and the text."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse it; the answer counts as an error."""
        return
