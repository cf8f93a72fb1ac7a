"""An endpoint's key stays where it belongs, and what is wrong with an address is said before anything is sent."""

from __future__ import annotations

import pytest

from copilot.llm import Endpoint, Secret, check_endpoint, read_key_file
from copilot.llm.transcript import Called, Fault, Turn, read_transcript, transcript_text
from copilot.model import InputError, UsageError
from copilot.settings import load_settings

KEY = "sk-planted-key-4711"


def test_a_key_is_in_no_repr_and_no_error():
    endpoint = Endpoint("http://models.example/v1", "m", Secret(KEY))
    assert KEY not in repr(endpoint)
    with pytest.raises(UsageError) as refused:
        check_endpoint(endpoint)
    assert KEY not in f"{refused.value.title}{refused.value.hint}"


@pytest.mark.parametrize("url", ["ftp://x/v1", "not a url", "http://", "http://h:99999/v1", "http://user:pw@h/v1", ""])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(UsageError):
        check_endpoint(Endpoint(url, "m"))


def test_a_key_travels_in_the_clear_only_on_this_machine():
    near = check_endpoint(Endpoint("http://127.0.0.1:8000/v1/", "m", Secret(KEY)))
    assert near.url == "http://127.0.0.1:8000/v1"
    for far in ("10.0.0.8", "127.models.example", "127.0.0.1.models.example", "localhost.models.example"):
        with pytest.raises(UsageError, match="unencrypted"):
            check_endpoint(Endpoint(f"http://{far}:8000/v1", "m", Secret(KEY)))


def test_a_key_file_that_others_can_read_is_refused(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    file.chmod(0o640)
    with pytest.raises(InputError, match="read by others"):
        read_key_file(file)
    file.chmod(0o600)
    assert read_key_file(file).reveal() == KEY


@pytest.mark.parametrize("content", [b"", b"two words\n", b"\xff\xfe", b"a" * 5000])
def test_a_key_file_holds_one_key(tmp_path, content):
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(InputError):
        read_key_file(file)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COPILOT_MODEL_MODE", "wild"),
        ("COPILOT_MODEL_CONTEXT", "-1"),
        ("COPILOT_MODEL_PRICES", "cheap"),
        ("COPILOT_MODEL_SECONDS", "nan"),
    ],
)
def test_a_setting_that_cannot_be_is_told_by_its_name(name, value):
    with pytest.raises(UsageError, match=name):
        load_settings({"COPILOT_DATA_DIR": "/nowhere", name: value})


def test_a_transcript_reads_back_as_it_was_written(tmp_path):
    turns = (Turn("hello"), Turn(calls=(Called("diagnose", "{{"),)), Turn(fault=Fault.DISCONNECT))
    file = tmp_path / "t.jsonl"
    file.write_text(transcript_text("m", turns))
    assert read_transcript(file).turns == turns


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": "other"}', '{"schema": "cluster-copilot/transcript/v1"}\n{"say": 3}']
)
def test_a_file_that_is_no_transcript_is_told_with_its_line(tmp_path, text):
    file = tmp_path / "t.jsonl"
    file.write_text(text)
    with pytest.raises(InputError):
        read_transcript(file)
