"""Judgements the program computes: rights, room for more, what a change would do. The model only reads the outcome."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from copilot.agent.answers.fit import answer_fit
from copilot.agent.answers.rights import answer_rights
from copilot.agent.answers.what_if import answer_what_if
from copilot.agent.draft import Draft
from copilot.agent.intents import Intent
from copilot.agent.question import Question, read_question
from copilot.agent.tools.looking import Object, Space
from copilot.agent.tools.tool import Line, Result, Tool
from copilot.agent.tools.workplace import AccessAsker, Workplace, answer_lines, drafted
from copilot.model import UsageError
from guardrails.provenance import Source

Verb = Annotated[str, Meta(description="get, list, create, update, patch, delete, exec, scale …", pattern="^[A-Za-z -]{1,40}$")]  # fmt: skip
Plural = Annotated[str, Meta(description="What it is done to, for example pods, secrets", pattern="^[A-Za-z0-9. /-]{1,80}$")]  # fmt: skip


class WhoArguments(msgspec.Struct, frozen=True):
    """Arguments of who_can."""

    verb: Verb
    resource: Plural
    namespace: Space = ""


class CanArguments(msgspec.Struct, frozen=True):
    """Arguments of can_i."""

    verb: Verb
    resource: Plural
    namespace: Space = ""
    account: Annotated[str, Meta(description="A service account as namespace/name or a user; empty: the person who asks", pattern="^[A-Za-z0-9._:@/-]{0,200}$")] = ""  # fmt: skip


def who_can(place: Workplace, given: WhoArguments) -> Result:
    """Every subject whose roles allow it."""
    space = place.scope(given.namespace)
    words = f"who can {given.verb} {given.resource}" + (f" in namespace {space}" if space else "")
    return _rights(place, words, space)


def can_i(place: Workplace, given: CanArguments) -> Result:
    """Whether an account may; for the person who asks, the API server's own answer where there is one."""
    space = place.scope(given.namespace)
    where = f" in namespace {space}" if space else ""
    if given.account:
        return _rights(place, f"can serviceaccount {given.account} {given.verb} {given.resource}{where}", space)
    said = place.desk.may_i(given.verb, given.resource, space or "", "") if isinstance(place.desk, AccessAsker) else ""
    if said:
        return Result(
            f"may you {given.verb} {given.resource}{where}",
            "the API server's authorizer",
            (Line(said, None, "SelfSubjectAccessReview", "api", Source.K8S_STRUCTURED),),
        )
    return _rights(place, f"can i {given.verb} {given.resource}{where}", space)


def _rights(place: Workplace, words: str, space: str | None) -> Result:
    draft = drafted(place, words)
    question = msgspec.structs.replace(read_question(words, place.asking, space), intent=Intent.RIGHTS)
    answer_rights(place.asking, question, draft)
    return _judged(words, "roles and bindings that were read", draft)


def _judged(asked: str, searched: str, draft: Draft) -> Result:
    answer = draft.finish()
    return Result(asked, searched, tuple(answer_lines(answer)), "" if answer.known else "The data does not tell for certain.")  # fmt: skip


class CapacityArguments(msgspec.Struct, frozen=True):
    """Arguments of capacity."""

    object: Annotated[str, Meta(description="A workload as kind/name")]
    namespace: Space = ""
    more: Annotated[int, Meta(description="How many more replicas", ge=1, le=10_000)] = 1


def capacity(place: Workplace, given: CapacityArguments) -> Result:
    """Whether more replicas fit: quota, limit ranges, devices, every node."""
    ref = place.find(given.object, given.namespace)
    words = f"would {given.more} more {ref.name} fit"
    draft = drafted(place, words)
    answer_fit(place.asking, Question(words, Intent.FIT, ref.kind, (ref,), ref.namespace), draft)
    return _judged(words, "quotas, limit ranges, devices, every node", draft)


class Action(StrEnum):
    """What might be done."""

    DRAIN = "drain"
    DELETE = "delete"
    SCALE = "scale"
    RESTART = "restart"


class WhatIfArguments(msgspec.Struct, frozen=True):
    """Arguments of what_if."""

    action: Action
    object: Object
    namespace: Space = ""
    replicas: Annotated[int, Meta(description="For scale: to how many", ge=0, le=100_000)] = 0


def what_if(place: Workplace, given: WhatIfArguments) -> Result:
    """What would happen. Nothing is done."""
    ref = place.find(given.object, given.namespace)
    if given.action is Action.DRAIN and ref.kind != "Node":
        raise UsageError(f"Only a node can be drained, not {ref}.", "Use delete, scale or restart.")
    to = f" to {given.replicas}" if given.action is Action.SCALE else ""
    words = f"what happens if i {given.action.value} {ref.name}{to}"
    draft = drafted(place, words)
    answer_what_if(place.asking, Question(words, Intent.WHAT_IF, ref.kind, (ref,), ref.namespace), draft)
    return _judged(f"{words} ({ref})", "owners, budgets, Services, room on other nodes", draft)


JUDGING: tuple[Tool[Any], ...] = (
    Tool("who_can", "Who may do something (RBAC).", WhoArguments, who_can),
    Tool("can_i", "Whether the person who asks, or an account, may do something.", CanArguments, can_i),
    Tool("capacity", "Whether more replicas of a workload would fit.", CapacityArguments, capacity),
    Tool("what_if", "What draining, deleting, scaling or restarting would do. Nothing is done.", WhatIfArguments, what_if),
)  # fmt: skip
