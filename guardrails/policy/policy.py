"""Loads a site policy. A file that cannot be read whole is a policy that refuses everything; it is never skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from guardrails.canonical import sha256_hex
from guardrails.kinds import CHANGEABLE
from guardrails.policy.document import ChangeWindow, FreezeWindow, PolicyDocument
from guardrails.policy.expressions import BadExpression, EngineMissing, Expression
from guardrails.policy.lines import Document, Problem, Unreadable
from guardrails.policy.windows import zone_of

MAX_BYTES = 2**20


class Policy(msgspec.Struct, frozen=True, eq=False):
    """A loaded policy. `sha` is that of the file's bytes, "" where there is none. Any problem refuses every change.

    `expressions` holds those of each rule, in the order of the file, as far as they can be compiled.
    """

    sha: str = ""
    document: PolicyDocument = PolicyDocument(version=1)
    expressions: tuple[tuple[Expression | None, ...], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def configured(self) -> bool:
        """Tell whether there is a policy file, readable or not."""
        return bool(self.sha or self.problems)


NO_POLICY = Policy()


def load_policy(path: Path | None) -> Policy:
    """Read the policy file; without one there is no policy."""
    if path is None:
        return NO_POLICY
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "no usable file name"
        return Policy(problems=(Problem(1, f"the file {path} cannot be read: {said}"),))
    if len(content) > MAX_BYTES:
        return Policy(problems=(Problem(1, f"the file {path} is larger than 1 MiB"),))
    return policy_of(content)


def policy_of(content: bytes) -> Policy:
    """The policy that some YAML says."""
    sha = sha256_hex(content)
    try:
        source = Document(content)
    except Unreadable as unreadable:
        return Policy(sha, problems=(unreadable.problem,))
    try:
        document = msgspec.convert(source.value, PolicyDocument)
    except msgspec.ValidationError as error:
        return Policy(sha, problems=(source.problem(error),))
    except RecursionError:
        return Policy(sha, problems=(Problem(1, "it is nested too deeply"),))
    problems = [*_odd_names(document, source), *_odd_windows(document, source), *_odd_glass(document, source)]
    expressions: list[tuple[Expression | None, ...]] = []
    try:
        for number, rule in enumerate(document.rules):
            compiled = []
            for place, validation in enumerate(rule.validations):
                at = ("rules", number, "validations", place, "expression")
                compiled.append(_compiled(validation.expression, source, at, problems))
            expressions.append(tuple(compiled))
    except EngineMissing as missing:
        problems.append(Problem(source.line("rules"), f"{missing.title}. {missing.hint}"))
        return Policy(sha, msgspec.structs.replace(document, rules=()), (), tuple(problems))
    return Policy(sha, document, tuple(expressions), tuple(problems))


def _compiled(text: str, source: Document, at: tuple[str | int, ...], problems: list[Problem]) -> Expression | None:
    try:
        return Expression(text)
    except BadExpression as bad:
        problems.append(
            Problem(
                source.line(*at, offset=min(bad.line, text.rstrip().count("\n"))),
                f"the expression cannot be read: {bad.text}",
            )
        )
        return None


def _odd_names(document: PolicyDocument, source: Document) -> Iterator[Problem]:
    """Names that stand twice, and kinds that no change is ever about: a rule for them would never speak."""
    known = {each.kind for each in CHANGEABLE}
    seen: set[str] = set()
    for number, rule in enumerate(document.rules):
        if rule.name in seen:
            yield Problem(source.line("rules", number, "name"), f"there are two rules named {rule.name!r}")
        seen.add(rule.name)
        for place, kind in enumerate(rule.match.kinds or ()):
            if kind not in known:
                yield Problem(
                    source.line("rules", number, "match", "kinds", place), f"{kind!r} is no kind that can be changed"
                )
    for number, entry in enumerate(document.environments or ()):
        if entry.clusters is None and entry.namespaces is None:
            yield Problem(source.line("environments", number), "an environment names clusters, namespaces or both")


def _odd_windows(document: PolicyDocument, source: Document) -> Iterator[Problem]:
    sections: tuple[tuple[str, tuple[FreezeWindow | ChangeWindow, ...]], ...] = (
        ("freezeWindows", document.freeze_windows),
        ("changeWindows", document.change_windows),
    )
    for section, windows in sections:
        for number, window in enumerate(windows):
            try:
                zone_of(window)
            except ValueError as error:
                yield Problem(source.line(section, number, "timeZone"), str(error))
            if window.begin in (window.end, "24:00"):
                yield Problem(
                    source.line(section, number, "from"),
                    f"a window from {window.begin} to {window.end} has no length; a whole day is 00:00 to 24:00",
                )


def _odd_glass(document: PolicyDocument, source: Document) -> Iterator[Problem]:
    """Leave for everybody, or for nobody, is a mistake: a star is no name, and the system's own groups hold everybody."""
    glass = document.break_glass
    if glass is None:
        return
    if not glass.people and not glass.groups:
        yield Problem(source.line("breakGlass"), "breakGlass names people, groups or both")
    for section, names in (("people", glass.people), ("groups", glass.groups)):
        for number, name in enumerate(names):
            if "*" in name or "?" in name or name.startswith("system:"):
                yield Problem(
                    source.line("breakGlass", section, number),
                    f"{name!r} is no person or group of yours: name them one by one",
                )
