"""The shipped pages: complete, correct in form, found by cause, and safe to follow."""

import re
import shlex
import time

import pytest

from copilot.diagnosis.catalogue import CAUSES
from guardrails.intent import parse_intent
from guardrails.redaction import Redactor, redact
from retrievers.knowledge import Library, Trust, page_for, runbook_for
from retrievers.knowledge.runbooks import folder, runbooks
from tests.shared import shared

SECTIONS = ["Symptom", "How to confirm", "What to do", "How to prevent"]
CORE = {
    "containers: termination", "container creation", "images", "probes", "sandbox, network, runtime", "volumes",
    "scheduling (FailedScheduling, parsed into counts)", "eviction, disruption", "nodes", "controllers", "network",
    "admission, policy, quota", "certificates", "Kueue", "DRA",
}  # fmt: skip
READING = {
    "get",
    "describe",
    "logs",
    "top",
    "explain",
    "api-resources",
    "auth can-i",
    "rollout history",
    "rollout status",
}


@pytest.fixture(scope="module")
def shipped():
    """The shipped pages in memory."""
    with Library(None, Redactor(b"k" * 32)) as library:
        yield library


def upstream_rules():
    lines = shared("knowledge", "rules.tsv").read_text().splitlines()[1:]
    return [line.split("\t")[:2] for line in lines if line]


def body(page):
    return (folder() / f"{page.slug}.md").read_text()


def confirm_commands(page):
    for section in page.page.sections:
        if section.heading == "How to confirm":
            for block in re.findall(r"```sh\n(.*?)```", section.text, re.DOTALL):
                yield from (line for line in block.splitlines() if line.strip())


def test_there_are_at_least_45_pages():
    assert len(runbooks()) >= 45


@pytest.mark.parametrize("page", runbooks(), ids=lambda page: page.slug)
def test_a_page_has_its_title_kinds_and_the_four_sections_in_order(page):
    assert page.page.front["title"] == page.page.title
    assert page.kinds
    assert [line.removeprefix("## ") for line in body(page).splitlines() if line.startswith("## ")] == SECTIONS
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", page.slug)


@pytest.mark.parametrize("page", runbooks(), ids=lambda page: page.slug)
def test_the_commands_that_confirm_only_read(page):
    commands = list(confirm_commands(page))
    assert any(command.startswith(("kubectl copilot why", "kubectl copilot graph")) for command in commands)
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "kubectl", command
        if words[1] == "copilot":
            assert words[2] in {"why", "graph", "changes", "timeline"}, command
        else:
            assert words[1] in READING or " ".join(words[1:3]) in READING, command


@pytest.mark.parametrize("page", runbooks(), ids=lambda page: page.slug)
def test_every_offered_change_is_one_that_this_program_can_plan(page):
    for sentence in re.findall(r'kubectl copilot do "([^"]+)"', body(page)):
        assert parse_intent(sentence.replace("NAME", "web").replace("DEPLOYMENT", "web")).target.name


def test_no_two_pages_claim_one_cause():
    causes = [cause for page in runbooks() for cause in page.causes]
    assert sorted(causes) == sorted(set(causes))


def test_every_cause_a_page_claims_is_a_known_one():
    # `pod.probe.startup` and the like are families: the catalogue has its members.
    known = {rule for rule, _ in upstream_rules()} | set(CAUSES)
    families = {cause.rpartition(".")[0] for cause in CAUSES}
    unknown = [(page.slug, cause) for page in runbooks() for cause in page.causes if cause not in known | families]
    assert unknown == []


def test_every_cause_that_the_program_can_find_has_a_page():
    """Name the cause in the front-matter of the page that explains it, or write one."""
    assert [cause for cause in CAUSES if runbook_for(cause) is None] == []


def test_every_cause_of_the_core_sections_has_a_page():
    missing = [rule for rule, section in upstream_rules() if section in CORE and runbook_for(rule) is None]
    assert missing == []


def test_a_cause_leads_to_its_page():
    assert runbook_for("pod.oomkilled.limit") == "out-of-memory"
    assert page_for("svc.targetport").page.title.startswith("Service sends traffic")
    assert runbook_for("pod.probe.liveness.port") == runbook_for("pod.probe.liveness")
    assert runbook_for("no.such.cause") is None


def test_redaction_leaves_every_page_as_it_was_written():
    for page in runbooks():
        assert redact(body(page)) == body(page), page.slug


def test_the_shipped_pages_answer_at_once_on_a_cold_start(tmp_path):
    started = time.process_time()
    with Library(tmp_path, Redactor(b"k" * 32)) as library:
        hits = library.search("container killed because it used too much memory")
        assert time.process_time() - started < 1.0
        assert hits[0].source_path == "runbooks/out-of-memory.md"
        assert hits[0].trust is Trust.SHIPPED
        assert library.store.counts()[Trust.SHIPPED] == len(runbooks())


@pytest.mark.parametrize(
    ("symptom", "slug"),
    [
        ("CrashLoopBackOff exit code 1", "crash-loop"),
        ("pod is Pending 0/3 nodes are available: 3 Insufficient cpu", "scheduling-resources"),
        ("Multi-Attach error for volume", "volume-multi-attach"),
        ("x509 certificate signed by unknown authority image pull", "image-network-tls"),
        ("could not resolve host", "dns-failure"),
    ],
)
def test_a_pasted_symptom_finds_its_page_among_the_first_three(symptom, slug, shipped):
    assert f"runbooks/{slug}.md" in [hit.source_path for hit in shipped.search(symptom, k=3)]


@pytest.mark.parametrize("page", runbooks(), ids=lambda page: page.slug)
def test_the_page_of_a_cause_is_found_without_parsing_the_others(page):
    for cause in page.causes:
        assert page_for(cause) == page
        assert page_for(f"{cause}.of_nobody") == page
