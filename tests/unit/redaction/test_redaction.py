"""What redaction promises: secrets go, ordinary lines stay, twice is once, and nothing makes it fail."""

import gzip
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.safety.secret_texts import CONTEXTS, FREE_CONTEXTS, NAMES, SELF_EVIDENT, leaks, planted
from guardrails.redaction import Redactor, clean_text, install_key, redact, redact_body
from guardrails.redaction_rules import RULES, compiled
from tests.deep import DEEP
from tests.shared import shared

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REDACTOR = Redactor(b"a key of this test" * 2)


@pytest.mark.proof
def test_at_least_99_percent_of_planted_secrets_leave_the_text():
    seen = leaked = 0
    for _, text, secret in planted(seed=20260101, rounds=8 if DEEP else 1):
        seen += 1
        leaked += leaks(REDACTOR.text(text), secret)
    assert seen > 400
    assert leaked <= seen * 0.01


def test_at_most_one_percent_of_real_log_lines_are_touched():
    seen = touched = 0
    for path in sorted(shared("datasets", "loghub").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as stream:
            for _, record in zip(range(1_000), stream, strict=False):
                line = clean_text(json.loads(record)["line"])
                seen += 1
                touched += REDACTOR.text(line) != line
    assert seen >= 5_000
    assert touched <= seen * 0.01


@pytest.mark.parametrize(
    "line",
    [
        'MountVolume.SetUp failed for volume "certs" : secret "web-tls" not found',
        "      DB_PASSWORD:  <set to the key 'password' in secret 'db'>  Optional: false",
        "    TokenExpirationSeconds:  3607",
        "    SecretName:  web-tls",
        "imagePullSecrets:\n- name: registry-login",
        "  - key: node-role.kubernetes.io/control-plane\n    operator: Exists",
        "checksum/secret: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "automountServiceAccountToken: false",
        "Error: invalid token: unexpected end of file",
        'FATAL:  password authentication failed for user "shop"',
        "no basic auth credentials",
        "Warning: BasicAuthentication is deprecated; bearer authentication preferred",
        "tls.key:  1679 bytes",
        "password:  16 bytes",
        "max_tokens: 4096, prompt tokens=15",
        "http://10.0.0.1:8080/healthz?email=a@b.example",
        "image sha256:4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1",
        "uid: 550e8400-e29b-41d4-a716-446655440000",
        'reflector.go: "secret"="shop/web-tls" watch closed',
        "PWD=/usr/src/app",
        "pod-template-hash=5d4f8c7b9d",
    ],
)  # fmt: skip
def test_text_that_only_speaks_about_secrets_stays(line):
    assert redact(line) == line


@given(st.text(max_size=300))
def test_redacting_any_text_twice_is_redacting_it_once(text):
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


_PIECES = st.sampled_from(
    [
        "password", "token", "secret", "api_key", "=", ": ", ":", "=>", '"', "'", "\\", "\n", " ", ",", "{", "}", "<", ">", "@",
        "://", "user:", "Bearer ", "Basic ", "Authorization", "name", "value", "hunter2", "AKIA" + "A" * 16, "ghp_" + "a" * 36,
        "<secret:token:12ab>", "<secret:", "eyJhbGciOiJ.eyJzdWIiOiI.abc", "last-applied-configuration", "--", "\x1b[31m", "\u200b",
        "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "MIIE", "Aa1!", "\u202e", "curl -u ", "auth", "kind: Secret",
    ]
)  # fmt: skip


@settings(max_examples=3_000 if DEEP else 150)
@given(st.lists(_PIECES, max_size=14).map("".join))
def test_redacting_secret_shaped_text_twice_is_redacting_it_once(text):
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@given(
    st.sampled_from(CONTEXTS + FREE_CONTEXTS),
    st.sampled_from(sorted(SELF_EVIDENT)),
    st.sampled_from(NAMES),
    st.randoms(),
)
def test_a_recognisable_secret_leaves_every_context(context, kind, name, chance):
    secret = SELF_EVIDENT[kind](chance)
    if "\n" in secret:
        return
    redacted = REDACTOR.text(context[1](name, secret))
    assert not leaks(redacted, secret)
    assert REDACTOR.text(redacted) == redacted


def test_equal_secrets_get_equal_placeholders_and_other_keys_give_others():
    first, again = REDACTOR.text("password=hunter22"), REDACTOR.text("db.password: hunter22")
    assert first.partition("=")[2] == again.partition(" ")[2]
    others = {Redactor(bytes([key]) * 32).text("password=hunter22") for key in range(8)}
    assert len(others) > 1


def test_a_secret_behind_invisible_characters_is_found():
    assert "hunter22" not in redact("pass\u200bword=hunter22")
    assert "hunter22" not in redact("\x1b[33mpassword\x1b[0m=\x1b[32mhunter22\x1b[0m")


def test_the_values_of_a_secret_go_whatever_they_look_like():
    body = {
        "kind": "Secret",
        "type": "Opaque",
        "data": {"colour": "Ymx1ZQ==", "empty": "", "broken": 7},
        "stringData": {"plain": "blue"},
    }
    redacted = redact_body(body)
    assert redacted["data"]["colour"] == redacted["stringData"]["plain"] != "blue"
    assert redacted["data"]["empty"] == ""
    assert redacted["data"]["broken"] == "<dropped>"
    assert body["stringData"]["plain"] == "blue"


def test_environment_values_go_by_the_name_of_the_variable_and_references_stay():
    container = {
        "env": [
            {"name": "DB_PASSWORD", "value": "blue"},
            {"name": "GREETING", "value": "blue"},
            {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "api", "key": "token"}}},
            {"name": "DATABASE_URL", "value": "postgres://shop:blue@db/shop"},
        ],
        "args": ["--password", "blue", "--verbose", "--token=abcdef123456"],
    }
    redacted = redact_body(container)
    assert redacted["env"][0]["value"].startswith("<secret:password:")
    assert redacted["env"][1]["value"] == "blue"
    assert redacted["env"][2] == container["env"][2]
    assert redacted["env"][3]["value"].startswith("postgres://shop:<secret:")
    assert redacted["args"][1].startswith("<secret:")
    assert redacted["args"][2] == "--verbose"
    assert redacted["args"][3].startswith("--token=<secret:")


def test_references_tolerations_and_projected_tokens_are_no_secrets():
    spec = {
        "serviceAccountToken": {"path": "token", "expirationSeconds": 3607},
        "secretName": "web-tls",
        "existingSecret": "web-tls",
        "authToken": "",
        "topologySpreadConstraints": [{"topologyKey": "topology.kubernetes.io/zone"}],
        "tls": {"certSecret": "shop/web-tls", "passwordKey": "password"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "registry"}],
        "matchExpressions": [{"key": "token", "operator": "In", "values": ["a"]}],
        "volumes": [{"name": "token", "secret": {"secretName": "db", "items": [{"key": "password", "path": "pw"}]}}],
    }
    assert redact_body(spec) == spec


def test_settings_of_custom_resources_go_by_the_name_of_the_field():
    spec = {
        "auth": {"clientSecret": "blue", "apiKey": "blue", "dbPassword": "blue", "sessionSecret": "8fK2mQ9xT4vB7nR1"}
    }
    redacted = redact_body(spec)["auth"]
    assert all(value.startswith("<secret:") for value in redacted.values())


def test_the_objects_of_recorded_clusters_lose_only_what_is_secret():
    lost = []
    for path in sorted(shared("datasets", "incidents").glob("*/objects.json.gz"))[:12]:
        with gzip.open(path) as stream:
            for item in json.load(stream)["items"]:
                if item["kind"] != "Secret":
                    item.get("metadata", {}).get("annotations", {}).pop(LAST_APPLIED, None)
                    lost += [item["kind"]] if redact_body(item) != item else []
    assert lost == []


def test_last_applied_annotations_are_dropped_from_objects_and_from_text():
    body = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": '{"a":1}', "x": "y"}}}
    assert redact_body(body) == {"metadata": {"annotations": {"x": "y"}}}
    described = 'Annotations:  kubectl.kubernetes.io/last-applied-configuration: {"data":{"x":"plain"}}\n  other: y'
    assert "plain" not in redact(described)
    assert redact(described).endswith("other: y")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=20,
    )
)
def test_redacting_any_object_twice_is_redacting_it_once(body):
    once = REDACTOR.body(body)
    assert json.dumps(REDACTOR.body(once)) == json.dumps(once)


def test_an_object_nested_thousands_of_levels_deep_does_not_exhaust_the_stack():
    body: dict = {}
    for _ in range(5_000):
        body = {"a": body}
    assert "<too deep>" in json.dumps(redact_body(body))


def test_matching_time_grows_linearly_with_hostile_text():
    def seconds(size: int) -> float:
        hostile = "password" * size + "\n" + "-----BEGIN PRIVATE KEY-----" * size + "a:" * size + "eyJ" * size
        started = time.process_time()
        REDACTOR.text(hostile)
        return time.process_time() - started

    seconds(100)
    small, large = seconds(500), seconds(4_000)
    assert large < 40 * max(small, 0.002)


@given(st.text(alphabet=st.characters(codec=None), max_size=200))
def test_cleaned_text_holds_nothing_that_a_terminal_obeys_or_hides(text):
    cleaned = clean_text(text)
    assert clean_text(cleaned) == cleaned
    for character in cleaned:
        assert character in "\n\t" or (ord(character) >= 0x20 and not 0x7F <= ord(character) <= 0x9F)
        assert not 0x202A <= ord(character) <= 0x202E
        assert not 0xE0000 <= ord(character) <= 0xE01EF
        assert not 0xD800 <= ord(character) <= 0xDFFF


def test_invisible_characters_are_shown_not_lost():
    assert clean_text("nginx\u200b:1.25") == "nginx\\u200b:1.25"
    assert clean_text("\x1b]8;;http://evil\x07click\x1b]8;;\x07 a\rb\x00") == "click a\\rb\\0"


def test_every_rule_compiles_in_linear_time_matching_and_says_where_its_secret_is():
    assert len(compiled()) == len(RULES)
    for step in compiled():
        assert step.groups, step.rule
        assert all(literal == literal.casefold() for literal in step.rule.needs), step.rule


def test_the_installation_key_is_made_once_and_kept_private(tmp_path):
    key = install_key(tmp_path / "data")
    assert len(key) == 32
    assert install_key(tmp_path / "data") == key
    assert (tmp_path / "data" / "redaction.key").stat().st_mode & 0o777 == 0o600
