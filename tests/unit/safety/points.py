"""Every request of a change, one after the other, meets every kind of bad weather: no point of the pipeline is left out."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from copilot.model import CopilotError
from guardrails.plan import Plan, Tier
from tests.direct_api import Weather
from tests.unit.safety.world import BOB, MEMORY, World, kubeconfig_folder

POINT_WORDS = ("scale web to 3", "restart web", "label deploy/web note=x", "cordon n1", "evict web-0", "drain n1",
               "set image deploy/web app=nginx:2", "scale db to 0", "delete deploy/db")  # fmt: skip


def asked(world: World, words: str) -> Plan:
    """Plan a change as an executor that serves two people would: what is said of a second person is left out."""
    return noted(world, world.desk.plan(words))


def noted(world: World, plan: Plan) -> Plan:
    """Put a plan on record without what is said of a second person."""
    left = tuple(each for each in plan.computed.refusals if "two people" not in each)
    plan = msgspec.structs.replace(plan, computed=msgspec.structs.replace(plan.computed, refusals=left))
    world.door.note_planned(plan)
    return plan


def carried_out(world: World, words: str) -> Plan:
    """Plan, agree and carry out, with as many people as it needs."""
    plan = asked(world, words)
    agreed_and_done(world, plan)
    return plan


def agreed_and_done(world: World, plan: Plan) -> None:
    """Let as many people agree as the plan needs, and carry it out."""
    people = (None, BOB) if plan.computed.tier is Tier.TWO_PEOPLE else (None,)
    world.carry_out(plan, *(world.yes(plan, who) for who in people))


def struck(words: str, weather: Weather | None, point: int, *, writes: bool) -> tuple[int, list[str]]:
    """Carry a change out while one request meets the weather. How many requests of that sort there were, what is wrong."""
    folder = tempfile.mkdtemp(prefix="point-", dir=MEMORY)
    world = World(Path(folder), kubeconfig_folder())
    met = 0

    def sky(_number: int, method: str, _path: str) -> Weather | None:
        nonlocal met
        met += writes == (method != "GET")
        return weather if met == point and writes == (method != "GET") else None

    world.pool.weather = sky
    with world.calm(), suppress(CopilotError):
        carried_out(world, words)
    with world.calm():
        world.settle()
    wrong = world.problems() + world.untold()
    shutil.rmtree(folder)
    return met, wrong


def points(words: str) -> Iterator[tuple[str, bool, int]]:
    """Every request of this change: those that read, then those that do not."""
    for writes in (False, True):
        count, _ = struck(words, None, 0, writes=writes)
        yield from ((words, writes, number) for number in range(1, count + 1))
