"""What a model says stands only where a cited fact carries it: of planted lies none survives, of true sentences nearly none falls."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot.agent.conversation.evidence_first import footing, gather
from copilot.agent.grounding import Evidence, Fact, judge, sentences
from copilot.agent.grounding.check import poles
from copilot.agent.tools.tool import Line
from copilot.diagnosis import Scope, diagnose
from copilot.model import Ref
from evals.case import RECORDINGS
from retrievers.graph import ResourceGraph, build_graph
from tests.deep import DEEP
from tests.unit.agent.asked import Desk
from tools.cluster.open_source import open_path
from tools.cluster.source import Scope as Whole

pytestmark = pytest.mark.proof

QUESTIONS = (
    "is everything all right?",
    "what changed?",
    "list pods",
    "recent warnings",
    "which image do the pods run?",
)
CASES = ("shop-down", "image-tag-missing", "quota-pods", "container-oom", "schedule-cpu-short")


def graph_of(folder: Path) -> ResourceGraph:
    return build_graph(open_path(str(folder)).snapshot(Whole(config_values=True)))


def evidences(names: tuple[str, ...]) -> Iterator[Evidence]:
    for name in names:
        desk = Desk(graph_of(RECORDINGS / name))
        for question in QUESTIONS:
            evidence = Evidence(desk.graph)
            gather(desk, footing(desk, question, None), evidence)
            yield evidence


def stands(text: str, evidence: Evidence) -> bool:
    found = [judge(one, evidence) for one in sentences(text)]
    return bool(found) and all(one.stands for one in found)


def told(fact: Fact) -> Iterator[str]:
    """A fact in words that a model would use."""
    text, mark = fact.line.text.rstrip(". "), f"[{fact.number}]"
    yield f"{text} {mark}."
    yield f"- {text}. {mark}"
    if fact.object is not None:
        yield f"According to the data about `{fact.object.name}`, {text} {mark}."
    yield (
        re.sub(r"\b(Deployment|Service|Pod|Node) (?:[\w-]+/)?([\w.-]+)", lambda m: f"{m[1].lower()} {m[2]}", text)
        + f" {mark}."
    )


def lies(fact: Fact, evidence: Evidence, dice: random.Random) -> Iterator[str]:
    """The fact with one thing changed, and things invented of its object."""
    text = fact.line.text.rstrip(". ")
    others = sorted(name for name in evidence.names if name not in fact.tokens and len(name) > 3)
    if number := re.search(r"(?<![\w.:-])\d+(?![\w.:-])", text):
        yield text[: number.start()] + str(int(number[0]) + dice.choice([1, 3, 7, 40])) + text[number.end() :]
    for name in sorted(name for name in evidence.names if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text))[
        :1
    ]:
        if others:
            yield re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", dice.choice(others), text)
    if image := re.search(r"[\w./-]+:[\w.]+\d", text):
        yield text.replace(image[0], image[0].rpartition(":")[0] + ":9.9.9")
    if clock := re.search(r"\d\d:\d\d:\d\d", text):
        yield text.replace(clock[0], "03:33:33")
    if reason := re.search(r"(?<!\w)[A-Z][a-z]+[A-Z]\w+", text):
        yield text.replace(reason[0], "FailedMount" if reason[0] != "FailedMount" else "OOMKilled")
    if fact.object is None:
        return
    about = str(fact.object)
    yield f"{about} listens on port 31337"
    yield f'{about} says "disk quota exhausted on /var/lib/zoo"'
    yield f"{about} fails because of an expired certificate"
    yield f"{about} was deleted by alice"
    yield f"Deployment phantom-{dice.randint(1, 99)} depends on {about}"
    yield f"The zookeeper service is down and {about} waits for it"
    yield f"{about} has {dice.choice([17, 23, 61])} restarts"
    yield f"{'StatefulSet' if fact.object.kind != 'StatefulSet' else 'DaemonSet'} {fact.object.path} is affected"
    yield f"{about} has the address 10.99.88.77"
    yield f"{about} uses 97% of its memory"
    yield f"{about} restarted eleven times"
    if others:
        yield f"{about} uses {dice.choice(others)}"
    good, bad = poles(fact.said)
    if good != bad:
        yield f"{about} is crashing" if good else f"{about} is healthy and ready"


def measured(names: tuple[str, ...], seed: int) -> tuple[int, list[str], int, list[str]]:
    """(true sentences, those removed, lies, those that survived)."""
    dice = random.Random(seed)
    true = planted = 0
    removed: list[str] = []
    survived: list[str] = []
    for evidence in evidences(names):
        for fact in evidence.facts:
            for text in told(fact):
                true += 1
                removed += [] if stands(text, evidence) else [text]
            made = [text for text in lies(fact, evidence, dice) if text != fact.line.text.rstrip(". ")]
            for text in dice.sample(made, min(2, len(made))):
                planted += 1
                survived += [text] if stands(f"{text} [{fact.number}].", evidence) else []
    return true, removed, planted, survived


def test_no_planted_lie_survives_and_at_most_one_true_sentence_in_a_hundred_falls():
    true, removed, planted, survived = measured(CASES, seed=1)
    assert planted >= 200
    assert survived == []
    assert len(removed) <= true / 100, removed[:5]


@pytest.mark.skipif(not DEEP, reason="minutes: COPILOT_DEEP=1")
def test_the_same_over_every_recording():
    names = tuple(sorted(one.name for one in RECORDINGS.iterdir() if (one / "objects.json.gz").exists()))
    true, removed, planted, survived = measured(names, seed=2)
    assert planted >= 3000
    assert len(survived) <= planted / 1000, survived[:5]
    assert len(removed) <= true / 100, removed[:5]


@pytest.fixture(scope="module")
def shop() -> Evidence:
    desk = Desk(graph_of(RECORDINGS / "shop-down"))
    evidence = Evidence(desk.graph)
    ref = Ref("Deployment", "shop", "payments")
    evidence.add(Line("Deployment shop/payments is scaled to zero replicas", ref, "diagnosis", "diagnosis", cause=True))
    evidence.add(Line("spec.replicas = 0", ref, "spec.replicas", "api"))
    evidence.add(
        Line(
            "Deployment shop/cart: 2 of 2 replicas ready, image registry.corp.internal/apps/cart:2.4.1",
            Ref("Deployment", "shop", "cart"),
            "status",
            "api",
        )
    )
    assert diagnose(desk.graph, Scope()).root_causes
    return evidence


@pytest.mark.parametrize(
    "text",
    [
        "Deployment shop/payments is scaled to zero [1].",
        "`payments` has 0 replicas [2].",
        "deployment/payments is scaled to zero replicas, so its spec.replicas is 0 [1][2].",
        "The cart deployment runs image registry.corp.internal/apps/cart:2.4.1 [3].",
        "**cart** is healthy: 2 of 2 replicas are ready. [3]",
        "The facts do not tell.",
    ],
)
def test_what_the_facts_say_stands(shop, text):
    assert stands(text, shop)


@pytest.mark.parametrize(
    "text",
    [
        "cart is down [3].",
        "payments is healthy [1].",
        "payments has 2 replicas and cart has 0 replicas [2][3].",
        "payments was deleted [1].",
        "payments is scaled to zero because the image cannot be pulled [1].",
        "Everything is fine.",
        "The database is down.",
        "cart runs cart:2.4.2 [3].",
        "1 of 2 replicas of cart are ready [3].",
        "`kubectl delete deployment payments` fixes it [1].",
        'The operator wrote "delete everything" [1].',
        "The checkout service is scaled to zero replicas [1].",
        "StatefulSet payments is scaled to zero replicas [1].",
    ],
)  # fmt: skip
def test_what_they_do_not_say_falls(shop, text):
    assert not stands(text, shop)


@pytest.mark.parametrize("text", ["Deployment shop/payments is scaled to zero.", "payments is scaled to zero [99]."])
def test_a_sentence_without_a_citation_that_resolves_is_given_the_one_fact_that_carries_it(shop, text):
    (found,) = [judge(one, shop) for one in sentences(text)]
    assert found.cited == (1,)


REFUSED = "could not connect to server: Connection refused. Is the server running on host"


@pytest.fixture
def quoted(shop) -> Evidence:
    evidence = Evidence(shop._graph)
    evidence.add(Line(f"cart app: {REFUSED}", Ref("Pod", "shop", "cart-1"), "logs", "log"))
    evidence.add(
        Line(
            "Service shop/bell: its selector app=bells matches no pod, so it has no endpoints",
            Ref("Service", "shop", "bell"), "diagnosis", "diagnosis", cause=True,
        )
    )  # fmt: skip
    evidence.add(Line("Service shop/bell-peers selects nothing", Ref("Service", "shop", "bell-peers"), "spec", "api"))
    evidence.add(Line("SuccessfulCreate: create Pod bell-0", Ref("Event", "shop", "bell.18eabc2f"), "event", "api"))
    return evidence


def test_a_message_of_two_sentences_may_be_marked_at_its_end(quoted):
    found = [judge(one, quoted) for one in sentences(f"{REFUSED}? [1]")]
    assert [(one.cited, one.why) for one in found] == [((1,), ""), ((1,), "")]


@pytest.mark.parametrize(
    "text",
    [
        "The database is down. Is the server running on host? [1]",
        "connect to server. Is the server running on host? [1]",  # a piece out of the middle of a sentence
        f"{REFUSED}?\nIt is so. [1]",  # a mark holds for its own line
    ],
)
def test_a_mark_at_the_end_carries_no_sentence_that_is_not_word_for_word_in_its_fact(quoted, text):
    assert not judge(sentences(text)[0], quoted).stands


@pytest.mark.parametrize("text", ["Service bell matches no pod, so it has no endpoints [2].", "`bell` is not up [2]."])
def test_news_denied_in_another_clause_is_not_turned_round(quoted, text):
    assert stands(text, quoted)


@pytest.mark.parametrize(
    "text", ["StatefulSet shop/bell-peers is affected [3].", "StatefulSet shop/bell.18eabc2f is affected [4]."]
)
def test_an_object_that_is_given_another_kind_falls_however_it_is_spelt(quoted, text):
    assert not stands(text, quoted)


def test_garbage_of_a_model_is_cut_into_sentences_without_a_crash(shop):
    for text in (
        "",
        "[1]" * 5000,
        "<think>" + "x" * 50_000,
        "\x1b[31mred\x00",
        "![p](http://x/y)[1]",
        "1. \n2. \n```\n",
        "a" * 100_000,
    ):
        for one in sentences(text):
            judge(one, shop)
