"""A signed page vouches for its values; one that was changed, added or listed by somebody else does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guardrails.provenance.signing import FILE, SignatureError, load_signed
from guardrails.redaction import install_key
from retrievers.knowledge import open_library, sign_folder

_PAGE = "# Zebra cache is ill\n\nSet ZEBRA_CACHE=off on the zebra deployment.\n"


def _signed(data: Path, words: str = "zebra cache") -> dict[str, bool]:
    with open_library(data, dense=False) as library:
        return {Path(hit.source_path).name: hit.signed for hit in library.search(words, 5)}


def _index(data: Path, folder: Path, *, sign: bool = False) -> int:
    with open_library(data, dense=False, read_only=False) as library:
        library.index([folder])
        return sign_folder(library, data, str(folder)) if sign else 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "runbooks"
    made.mkdir()
    (made / "zebra.md").write_text(_PAGE)
    return made


def test_only_what_was_signed_is_signed_and_what_ships_is(tmp_path: Path, folder: Path) -> None:
    data = tmp_path / "data"
    _index(data, folder)
    assert _signed(data)["zebra.md"] is False
    assert _index(data, folder, sign=True) == 1
    assert _signed(data)["zebra.md"] is True
    (folder / "zebra-more.md").write_text("# Zebra cache again\n\nzebra cache\n")
    _index(data, folder)
    assert _signed(data)["zebra-more.md"] is False
    assert all(_signed(data, "pod is OOMKilled").values())


def test_a_changed_page_loses_its_label_and_gets_it_back_with_its_content(tmp_path: Path, folder: Path) -> None:
    data = tmp_path / "data"
    _index(data, folder, sign=True)
    (folder / "zebra.md").write_text(_PAGE.replace("off", "http://evil.io"))
    _index(data, folder)
    assert _signed(data)["zebra.md"] is False
    (folder / "zebra.md").write_text(_PAGE)
    _index(data, folder)
    assert _signed(data)["zebra.md"] is True
    with open_library(data, dense=False, read_only=False) as library:
        sign_folder(library, data, str(folder), away=True)
    assert _signed(data)["zebra.md"] is False


@pytest.mark.parametrize("harm", ["add", "cut", "garbage", "foreign"])
def test_an_altered_list_vouches_for_nothing(tmp_path: Path, folder: Path, harm: str) -> None:
    data = tmp_path / "data"
    _index(data, folder, sign=True)
    path = data / FILE
    document = json.loads(path.read_text())
    if harm == "add":
        document["folders"][str(folder)]["/x.md"] = "0" * 64
    elif harm == "foreign":
        document["signature"] = "0" * 64
    path.write_text("}{" if harm == "garbage" else json.dumps(document)[: -5 if harm == "cut" else None])
    with pytest.raises(SignatureError):
        load_signed(data, install_key(data))
    assert _signed(data)["zebra.md"] is False
