"""The grammar that comes with the program: what it holds, and how a line falls into it as it does in kubectl."""

from __future__ import annotations

import pytest

from guardrails.kubectl.grammar import grammar, parse
from guardrails.kubectl.refusal import KubectlRefused
from guardrails.kubectl.tokens import cut
from guardrails.kubectl.verbs import EVERYWHERE, NEVER, VERBS, never


def test_the_grammar_holds_kubectl_from_1_28_to_the_newest() -> None:
    known = grammar()
    assert known.minors[0] == "1.28"
    assert len(known.minors) >= 10
    assert len(known.commands) >= 105
    assert sum(len(command.flags) for command in known.commands.values()) >= 897


def test_every_command_is_either_taken_or_refused_by_its_own_reason() -> None:
    groups = grammar().groups()
    unjudged = [path for path in grammar().commands if path not in VERBS and never(path) is None and path not in groups]
    assert unjudged == []


def test_what_is_taken_or_never_taken_exists_in_kubectl() -> None:
    assert set(VERBS) <= set(grammar().commands)
    assert set(NEVER) - set(grammar().commands) <= {"options"}


def test_every_flag_that_is_taken_exists_in_kubectl() -> None:
    unknown = [
        (path, name)
        for path, verb in VERBS.items()
        for name in (*verb.flags, *EVERYWHERE)
        if name not in grammar().commands[path].flags
    ]
    assert unknown == []


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("kubectl get po -nshop -owide", {"namespace": "shop", "output": "wide"}),
        ("kubectl get po -n=shop -o=wide", {"namespace": "shop", "output": "wide"}),
        ("kubectl get po -Aw", {"all-namespaces": "true", "watch": "true"}),
        ("kubectl get po -Ao wide", {"all-namespaces": "true", "output": "wide"}),
        ("kubectl get po --watch=false", {"watch": "false"}),
        ("kubectl get -n shop po", {"namespace": "shop"}),
        ("kubectl -n shop get po", {"namespace": "shop"}),
        ("kubectl rollout -n shop restart deploy/web", {"namespace": "shop"}),
        ("kubectl top po -A", {"all-namespaces": "true"}),
    ],
)
def test_flags_are_read_as_kubectl_reads_them(line: str, values: dict[str, str]) -> None:
    read = parse(cut(line))
    assert {given.flag.name: read.value(given.flag.name) for given in read.given} == values


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("kubectl get --watch po --watch", "given twice"),
        ("kubectl get po --output", "needs a value"),
        ("kubectl get po --watch=maybe", "true or false"),
        ("kubectl get po --nmespace x", "did you mean --namespace"),
        ("kubectl --output yaml get po", "may not stand before"),
        ("kubectl rollout --to-revision 3 undo deploy/web", "has no flag"),
        ("kubectl get po -z", "has no flag -z"),
        ("kubectl gte po", "did you mean kubectl get"),
        ("kubectl rollout restrat deploy/web", "did you mean kubectl rollout restart"),
        ("kubectl rollout", "needs one of"),
        ("kubectl", "names no command"),
    ],
)
def test_what_the_grammar_does_not_have_is_refused_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(KubectlRefused, match=reason):
        parse(cut(line))


def test_a_word_that_could_mean_secrets_is_no_kind() -> None:
    from guardrails.kubectl.kinds import kind_of

    for word in ("secret", "secrets", "Secrets", "secrets.v1", "secrets.v1.core", "secret.anything.example", "SECRET"):
        with pytest.raises(KubectlRefused, match="Secrets are never read"):
            kind_of(word)
