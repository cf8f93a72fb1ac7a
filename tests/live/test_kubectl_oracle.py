"""The test bed's own kubectl, against the recorder: its words are in our grammar, and it sends what was foretold."""

from pathlib import Path

import pytest

from guardrails.kubectl.grammar import grammar
from tests.live.kubectl_grammar import Kubectl, walk
from tests.live.kubectl_oracle.__main__ import work
from tests.live.kubectl_oracle.recorder import recording_api
from tests.live.kubectl_oracle.runs import run_kubectl, scratch_home, unforetold
from tests.live.testbed import binaries
from tests.live.testbed.errors import TestbedError

CASES = 60
SEED = 7


@pytest.fixture(scope="module")
def kubectl() -> str:
    try:
        return str(binaries.require() / "kubectl")
    except TestbedError as missing:
        pytest.skip(str(missing))


def test_the_newest_kubectl_has_no_command_and_no_flag_that_the_grammar_lacks(kubectl: str, tmp_path: Path) -> None:
    known = grammar().commands
    missing = [
        f"{' '.join(path)} {flag}"
        for path, page in walk(Kubectl(kubectl, str(tmp_path)))
        for flag in ("", *page.flags)
        if path and (" ".join(path) not in known or (flag and flag not in known[" ".join(path)].flags))
    ]
    assert missing == []


def test_it_sends_nothing_that_was_not_foretold(kubectl: str) -> None:
    tally, _ = work(kubectl, SEED, CASES)
    assert tally.cases == CASES
    assert tally.requests > CASES / 2
    assert tally.wrong == []


def test_the_recorder_sees_a_write_so_that_silence_is_no_proof_of_itself(kubectl: str, tmp_path: Path) -> None:
    from guardrails.kubectl.commands import ReadCommand

    words = ("kubectl", "delete", "pod", "web")
    with recording_api() as (address, api):
        run = run_kubectl(kubectl, words, scratch_home(tmp_path, address), api)
    sent = [(one.method, one.path) for one in run.requests]
    assert ("DELETE", "/api/v1/namespaces/home/pods/web") in sent
    assert unforetold(ReadCommand("get"), sent) == sent
