"""From a line of kubectl text to a typed command: grammar, then verb, then flags, then values. The one way in."""

from __future__ import annotations

from guardrails.kubectl.commands import Accepted, ReadCommand
from guardrails.kubectl.grammar import FIRST, parse
from guardrails.kubectl.refusal import FlagRefused, KubectlRefused
from guardrails.kubectl.tokens import joined
from guardrails.kubectl.verbs import EVERYWHERE, FLAGS_NEVER, VERBS, Never, never

_STEPS = 6  # words taken away at most in search of a command that would be accepted
# Without these a change is to the same object and does the same to it.
_SAME_CHANGE = frozenset(
    {"dry-run", "output", "force", "now", "grace-period", "field-manager", "validate", "save-config"}
)


def compiled(words: tuple[str, ...]) -> Accepted:
    """The typed command that some words are.

    Raises:
        KubectlRefused: they are none; `nearest` is a command, or a form, that would be.
    """
    try:
        return _compiled(words)
    except KubectlRefused as refused:
        raise KubectlRefused(_reason(refused), _nearest(words, refused), never=refused.never) from None


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
            raise FlagRefused(_why_not(path, name), given.at, name)
        if given.flag.takes == "optional" and given.value is None:
            continue  # its own default, which `optional` flags that are taken say nothing new with
        wrong = read("true" if given.value is None else given.value)
        if wrong:
            raise FlagRefused(f"--{name}: {wrong}", given.at, name)
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


def _reason(refused: KubectlRefused) -> str:
    """A flag that no command may have is refused for what it is, wherever it stands."""
    why = FLAGS_NEVER.get(refused.flag) if isinstance(refused, FlagRefused) else None
    return f"--{refused.flag} is not accepted: {why}" if why and isinstance(refused, FlagRefused) else refused.reason


def _why_not(path: str, name: str) -> str:
    why = FLAGS_NEVER.get(name)
    return f"--{name} is not accepted: {why}" if why else f"--{name} is not accepted for kubectl {path}"


def _nearest(words: tuple[str, ...], refused: KubectlRefused) -> str:
    """The same words without the flags that are refused, where that is a command; else the verb's own form.

    A read may lose any flag and still be worth a look. A change may lose only what leaves it the same change.
    """
    if refused.nearest:
        return refused.nearest
    trying = words
    problem: KubectlRefused = refused
    harmless = True
    for _ in range(_STEPS):
        if not isinstance(problem, FlagRefused):
            break
        harmless = harmless and problem.flag in _SAME_CHANGE
        ways = _without(trying, problem.at)
        for shorter in ways:
            try:
                command = _compiled(shorter)
            except KubectlRefused as again:
                problem = again if shorter is ways[0] else problem
            else:
                return joined(shorter) if harmless or isinstance(command, ReadCommand) else _form(shorter)
        trying = ways[0]
    return problem.nearest or _form(words)


def _without(words: tuple[str, ...], at: tuple[int, ...]) -> list[tuple[str, ...]]:
    """The words without a flag; and, where its value is not known to be one, without the word after it too."""
    ways = [set(at)]
    if len(at) == 1 and "=" not in words[at[0]]:
        ways.append({at[0], at[0] + 1})
    return [tuple(word for index, word in enumerate(words) if index not in gone) for gone in ways]


def _form(words: tuple[str, ...]) -> str:
    """The form of the verb that the words begin with; "" when they begin with none."""
    for size in (3, 2):
        verb = VERBS.get(" ".join(words[1:size])) if words[:1] == (FIRST,) else None
        if verb is not None:
            return verb.form
    return "kubectl get KIND [NAME] [-n NAMESPACE]"
