"""What was secret once is secret everywhere, behind encodings too; and what a cluster calls its objects never is."""

import base64
import io
import json
import random
from contextlib import redirect_stderr
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copilot.cli.main import main
from guardrails.redaction import Redactor, learn, redact
from guardrails.redaction_entropy import is_random
from guardrails.redaction_key import install_key, keep_key_in, note
from guardrails.redaction_memory import Memory
from guardrails.redaction_tokens import FORMATS, kind_of_token

SECRET = 'p4ss"w&rd<x>K9z'


def _redactor() -> Redactor:
    return Redactor(b"k" * 32)


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        json.dumps(SECRET),
        json.dumps(json.dumps({"x": SECRET})),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"shop/{SECRET}/x".encode()).decode(),
        SECRET.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
    ],
)
def test_a_value_that_was_redacted_once_is_redacted_without_context_in_every_form(written):
    redactor = _redactor()
    before = redactor.text(f"got {written} here")
    redactor.body({"env": [{"name": "DB_PASSWORD", "value": SECRET}]})
    after = redactor.text(f"got {written} here")
    assert written in before
    assert written not in after
    assert "<secret:" in after


def test_a_known_value_keeps_the_placeholder_it_has_with_context():
    redactor = _redactor()
    first = redactor.text("db.password=Zq8xK2mQ9xT4").partition("=")[2]
    assert redactor.text("got Zq8xK2mQ9xT4!") == f"got {first}!"


def test_a_value_that_stands_before_the_field_that_gives_it_away_is_redacted_too():
    body = {"log": "unexpected Zq8xK2mQ9xT4", "later": {"clientSecret": "Zq8xK2mQ9xT4"}}
    assert "Zq8xK2mQ9xT4" not in json.dumps(_redactor().body(body))


@pytest.mark.parametrize("word", ["postgres", "admin", "shop-db.shop.svc", "changeme", "AuthenticationFailed", "2026"])
def test_a_password_that_is_an_ordinary_word_takes_no_word_out_of_other_lines(word):
    redactor = _redactor()
    redactor.text(f"password={word}")
    line = f"connecting to {word} on port 5432"
    assert redactor.text(line) == line


def test_the_memory_is_bounded_and_holds_no_value():
    memory = Memory(lambda: b"k" * 32, most=100)
    for number in range(1_000):
        memory.learn(f"Zq8xK2mQ9x{number:05}", "<secret:key:0000>", sure=True)
    assert memory.replaced("Zq8xK2mQ9x00999") == "<secret:key:0000>"
    assert memory.replaced("Zq8xK2mQ9x00001") == "Zq8xK2mQ9x00001"
    assert "Zq8xK2mQ9x" not in repr(memory)


def test_values_that_pods_are_given_are_known_before_a_log_is_quoted():
    pod = {"env": [{"name": "SESSION_SECRET", "value": "pCUCGAyebMCE"}], "args": ["--token", "Zq8xK2mQ9xT4vB"]}
    jobs = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": [pod]}}}}}}
    learn([jobs, {}, {"spec": 7}, {"spec": {"containers": [None, {"env": "x", "args": {}}]}}])
    assert "pCUCGAyebMCE" not in redact("panic: pCUCGAyebMCE")
    assert "Zq8xK2mQ9xT4vB" not in redact("panic: Zq8xK2mQ9xT4vB")


@given(st.binary(max_size=60), st.integers(0, 3))
def test_garbage_in_base64_of_any_depth_is_left_alone_or_redacted_but_never_fails(raw, depth):
    text = raw.decode("latin-1")
    for _ in range(depth):
        text = base64.b64encode(text.encode()).decode()
    redactor = _redactor()
    once = redactor.text(f"payload {text} end %zz %C3%28 \\u00zz")
    assert redactor.text(once) == once


@pytest.mark.parametrize(
    "hostile",
    [
        "A" * 500_000,
        "<secret:token:12ab>" * 4_000,
        "password=x1 " * 5_000,
        "eyJ" * 100_000 + ".",
        "%41" * 30_000,
        "\\u0041" * 20_000,
        "error " + "aB1" * 40 + " " * 100_000,
        "--password " * 5_000,
        '{"a":"' * 10_000,
        "\x00\xff\ufffd\ud800" * 20_000,
    ],
    ids=range(10),
)
def test_huge_and_hostile_lines_come_to_an_end(hostile):
    assert isinstance(_redactor().text(hostile), str)


def test_names_hashes_and_versions_of_a_cluster_are_never_taken_for_secrets():
    chance = random.Random(7)
    redactor = _redactor()
    for _ in range(150):
        hexes = f"{chance.getrandbits(256):064x}"
        pod = f"sk-web-{hexes[:9]}-{''.join(chance.choices('bcdfghjklmnpqrstvwxz2456789', k=5))}"
        uid = f"{hexes[:8]}-{hexes[8:12]}-{hexes[12:16]}-{hexes[16:20]}-{hexes[20:32]}"
        for line in (
            f"Error: pod {pod} failed: uid {uid} not found",
            f"failed to pull image registry.example.com/shop/app@sha256:{hexes}: invalid",
            f"containerID containerd://{hexes} resourceVersion {chance.randrange(10**9)} error",
            f"MountVolume.SetUp failed for volume pvc-{uid} /var/lib/kubelet/pods/{uid}/volumes/kubernetes.io~csi/pvc-{uid}/mount",
            f"commit {hexes[:40]} key-{pod} etag {hexes[:32]} unexpected",
            f"I0102 03:04:05.678 reflector.go:561] k8s.io/client-go/informers/factory.go:160: failed to list *v1.StorageClass {pod}",
        ):
            assert redactor.text(line) == line


def test_there_are_at_least_sixty_token_formats_and_each_has_a_kind_and_an_issuer():
    assert len({each.issuer for each in FORMATS}) == len(FORMATS) >= 60
    assert kind_of_token("AKIA" + "A" * 16) == "aws-key"


def test_randomness_counts_only_in_lines_that_tell_of_an_error():
    value = "Zq8xK2mQ9xT4vB7nR1wLp5Yd"
    assert is_random(value)
    assert not is_random("StatefulSetAutoDeletePVC2Handler1")
    assert redact(f"cached {value} for 5m") == f"cached {value} for 5m"
    assert value not in redact(f"panic: unexpected value {value}")


def test_a_helm_release_is_dropped_whichever_kind_holds_it():
    body = {"kind": "ConfigMap", "metadata": {"name": "sh.helm.release.v1.web.v1"}, "data": {"release": "abc"}}
    assert _redactor().body(body)["data"] == {"release": "<dropped>"}


def test_placeholders_are_equal_in_every_run_of_one_installation(tmp_path, monkeypatch):
    seen = set()
    for _ in range(2):
        keep_key_in(lambda: tmp_path)
        seen.add(redact("password=Zq8xK2mQ9xT4"))
        assert note() == ""
    assert len(seen) == 1
    assert len(install_key(tmp_path)) == 32


def test_where_no_key_may_be_kept_a_key_of_the_process_stands_in_and_the_user_is_told(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    dump = tmp_path / "pods.json"
    status = {"waiting": {"reason": "CreateContainerConfigError", "message": "password=Zq8xK2mQ9xT4 refused"}}
    pod = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"containers": [
            {"name": "web", "image": "web", "env": [{"name": "DB_PASSWORD", "value": "Zq8xK2mQ9xT4"}]}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "web", "state": status}]},
    }  # fmt: skip
    dump.write_text(json.dumps(pod))
    monkeypatch.setenv("COPILOT_DATA_DIR", str(blocked / "data"))
    said = io.StringIO()
    with redirect_stderr(said):
        main(["why", "--from", str(dump), "-A"])
    assert "note: the placeholders of secrets differ from those of other runs" in said.getvalue()


def test_a_damaged_key_is_not_used(tmp_path: Path):
    (tmp_path / "redaction.key").write_bytes(b"short")
    with pytest.raises(OSError, match="damaged"):
        install_key(tmp_path)


def test_what_an_error_quotes_is_redacted(tmp_path):
    said = io.StringIO()
    with redirect_stderr(said):
        assert main(["why", "--from", str(tmp_path / "password=Zq8xK2mQ9xT4")]) != 0
    assert "Zq8xK2mQ9xT4" not in said.getvalue()
