"""What holds for every text whatever: one verdict, no crash, and nothing dangerous ever passes."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from guardrails.kubectl.grammar import grammar
from guardrails.kubectl.tokens import MAX_TEXT, cut, joined
from guardrails.kubectl.verbs import VERBS
from guardrails.kubectl.verdict import Decision, judge_line, judge_words
from tests.unit.kubectl.test_decisions import HONEST

pytestmark = pytest.mark.proof

WORDS = sorted(
    {word for path in grammar().commands for word in path.split(" ")}
    | {"web", "deploy/web", "pods", "-n", "shop", "-A", "--all"}
)
CHANGES = [
    "kubectl scale deploy/web --replicas=3 -n shop", "kubectl rollout restart deploy/web", "kubectl delete pod web-0",
    "kubectl set image deploy/web web=repo/app:2", "kubectl label pod web a=b", "kubectl cordon n1",
]  # fmt: skip
ACCEPTED = st.sampled_from([line for line in HONEST if judge_line(line).decision is Decision.READ] + CHANGES)
DANGER = st.sampled_from(
    [";", "|", "&", "&&", "$(id)", "`id`", "> x", "< x", "$HOME", "~", "#", "\n", "\r", "\x00", "\u200b", "\u202e", "é"]
)
# Each brings another cluster, identity, file or program into a command, in every way of writing a flag.
FOREIGN = st.sampled_from([
    "--kubeconfig=x", "--kubeconfig x", "--context=x", "--context x", "--cluster x", "--server=x", "-s x", "-sx", "--token=x", "--token x",
    "--user=x", "--username x", "--password=x", "--as=x", "--as x", "--as-group=x", "--as-uid=x", "--as-user-extra=a=b", "--client-key=x",
    "--client-certificate x", "--certificate-authority=x", "--insecure-skip-tls-verify", "--tls-server-name=x", "--proxy-url=x", "--cache-dir=x",
    "--raw=/x", "--raw /x", "-f x", "-fx", "--filename=x", "-k x", "--kustomize x", "--kuberc=x", "--profile=cpu", "-v=9", "--dry-run=client",
    "--force", "--local", "-- id", "-",
])  # fmt: skip


@given(st.text(max_size=300))
@settings(max_examples=400)
def test_every_text_gets_one_verdict(text: str) -> None:
    assert judge_line(text).decision in Decision


@given(st.text(max_size=200))
@settings(max_examples=400)
def test_every_text_after_kubectl_gets_one_verdict(text: str) -> None:
    assert judge_line(f"kubectl {text}").decision in Decision


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=12)), max_size=9))
@settings(max_examples=600)
def test_every_row_of_words_gets_one_verdict(words: list[str]) -> None:
    assert judge_words(("kubectl", *words)).decision in Decision


@given(st.text(alphabet="\x00\n\r\t\x1b\x7f\x85\u2028\u200b\u202e\ud800\U000e0041", min_size=1, max_size=20), ACCEPTED)
def test_a_hidden_character_refuses_any_command(hidden: str, line: str) -> None:
    assert judge_line(f"{line} {hidden}x").decision is Decision.REFUSED


def test_a_text_of_a_megabyte_is_refused_and_not_repeated() -> None:
    verdict = judge_line("kubectl get pods " + "a" * 2**20)
    assert verdict.decision is Decision.REFUSED
    assert len(verdict.input) < MAX_TEXT


@given(ACCEPTED, DANGER, st.integers(min_value=0, max_value=200))
@settings(max_examples=600)
def test_no_line_with_a_shell_character_passes(line: str, danger: str, at: int) -> None:
    changed = f"{line[:at]}{danger}{line[at:]}"
    assert judge_line(changed).decision is Decision.REFUSED


@given(ACCEPTED, FOREIGN, st.integers(min_value=1, max_value=12))
@settings(max_examples=500)
def test_no_command_brings_a_cluster_an_identity_a_file_or_a_program(line: str, foreign: str, at: int) -> None:
    assume(not ("logs" in cut(line) and foreign.startswith("-f")))  # there it is --follow
    words = list(cut(line))
    at = min(at, len(words))
    changed = (*words[:at], *foreign.split(" "), *words[at:])
    verdict = judge_words(changed)
    # As the value of the flag before it, it is only a word, and a word of that shape is no value of any flag.
    assert verdict.decision is Decision.REFUSED, changed


@given(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12),
    st.lists(st.sampled_from(WORDS), max_size=3),
)
def test_no_plugin_passes(verb: str, rest: list[str]) -> None:
    if not any(path == verb or path.startswith(f"{verb} ") for path in grammar().commands):
        assert judge_words(("kubectl", verb, *rest)).decision is Decision.REFUSED


@given(ACCEPTED, st.data())
@settings(max_examples=400)
def test_quoting_changes_nothing(line: str, data: st.DataObject) -> None:
    words = cut(line)
    quoted = [data.draw(st.sampled_from(_ways(word))) for word in words[1:]]
    again = judge_line(" ".join(["kubectl", *quoted]))
    before = judge_line(line)
    assert (again.decision, again.tier, again.plan) == (before.decision, before.tier, before.plan)
    assert cut(joined(words)) == words


def _ways(word: str) -> list[str]:
    """The ways to write one word that every shell reads alike."""
    ways = [joined([word])]
    if "'" not in word:
        ways.append(f"'{word}'")
    if '"' not in word:
        ways.append(f'"{word}"')
    half = len(word) // 2
    if "'" not in word and word.isalnum():
        ways.append(f"{word[:half]}'{word[half:]}'")
    return ways


@given(st.sampled_from(sorted(VERBS)), st.integers(min_value=1, max_value=3))
def test_an_abbreviated_flag_is_unknown(path: str, cut_off: int) -> None:
    for name in VERBS[path].flags:
        short = name[:-cut_off]
        if len(short) > 2 and short not in grammar().commands[path].flags:
            assert judge_line(f"kubectl {path} --{short}=x web").decision is Decision.REFUSED
