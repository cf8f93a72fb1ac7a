"""From a line of kubectl text to a typed command: grammar, then verb, then flags, then values. The one way in."""

from __future__ import annotations

from guardrails.kubectl.commands import Accepted
from guardrails.kubectl.grammar import FIRST, parse
from guardrails.kubectl.refusal import FlagRefused, KubectlRefused
from guardrails.kubectl.tokens import joined
from guardrails.kubectl.verbs import EVERYWHERE, FLAGS_NEVER, VERBS, Never, never

_STEPS = 6  # words taken away at most in search of a command that would be accepted


def compiled(words: tuple[str, ...]) -> Accepted:
    """The typed command that some words are.

    Raises:
        KubectlRefused: they are none; `nearest` is a command, or a form, that would be.
    """
    try:
        return _compiled(words)
    except KubectlRefused as refused:
        raise KubectlRefused(refused.reason, _nearest(words, refused), never=refused.never) from None


def _compiled(words: tuple[str, ...]) -> Accepted:
    _not_never(words)
    line = parse(words)
    path = line.command.path
    verb = VERBS.get(path)
    if verb is None:
        why = never(path) or Never(f"kubectl {path} is not taken here", "kubectl get KIND [NAME] [-n NAMESPACE]")
        raise KubectlRefused(why.reason, why.nearest, never=why.tier4)
    for given in line.given:
        name = given.flag.name
        read = verb.flags.get(name) or EVERYWHERE.get(name)
        if read is None:
            raise FlagRefused(_why_not(path, name), given.at)
        if given.flag.takes == "optional" and given.value is None:
            continue  # its own default, which `optional` flags that are taken say nothing new with
        wrong = read("true" if given.value is None else given.value)
        if wrong:
            raise FlagRefused(f"--{name}: {wrong}", given.at)
    try:
        return verb.build(line)
    except FlagRefused:
        raise
    except KubectlRefused as refused:
        raise KubectlRefused(refused.reason, refused.nearest or verb.form, never=refused.never) from None


def _not_never(words: tuple[str, ...]) -> None:
    """What begins like a command that is never taken is refused as that, whatever else is wrong with it."""
    if words[:1] != (FIRST,):
        return
    pair, single = " ".join(words[1:3]), " ".join(words[1:2])
    if pair in VERBS:
        return
    why = never(pair) or never(single)
    if why is not None:
        raise KubectlRefused(why.reason, why.nearest, never=why.tier4)


def _why_not(path: str, name: str) -> str:
    why = FLAGS_NEVER.get(name)
    return f"--{name} is not accepted: {why}" if why else f"--{name} is not accepted for kubectl {path}"


def _nearest(words: tuple[str, ...], refused: KubectlRefused) -> str:
    """The same words without the flags that are refused, where that is a command; else the verb's own form.

    A read may lose a flag and still be what was meant. A change may not: it is shown as its form.
    """
    if refused.nearest:
        return refused.nearest
    trying = words
    problem: KubectlRefused = refused
    for _ in range(_STEPS):
        if not isinstance(problem, FlagRefused):
            break
        gone = set(problem.at)
        trying = tuple(word for at, word in enumerate(trying) if at not in gone)
        try:
            _compiled(trying)
        except KubectlRefused as again:
            problem = again
        else:
            return joined(trying)
    return problem.nearest or _form(words)


def _form(words: tuple[str, ...]) -> str:
    """The form of the verb that the words begin with; "" when they begin with none."""
    for size in (3, 2):
        verb = VERBS.get(" ".join(words[1:size])) if words[:1] == (FIRST,) else None
        if verb is not None:
            return verb.form
    return "kubectl get KIND [NAME] [-n NAMESPACE]"
