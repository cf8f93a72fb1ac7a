"""Details of the executor and its wire that mutants of them would change unseen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from guardrails.errors import ChangeRefused
from guardrails.plan import Request
from guardrails.steps import SendState
from tests.small_api import deployment, serve
from tests.unit.executor.bench import Bench
from tools.executor import Executor
from tools.executor.wire import CONNECT_SECONDS, MAX_ANSWER, READ_SECONDS, WireAnswer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with serve(deployment()) as api:
        yield Bench(api, tmp_path)


class _Always:
    """A wire that answers the same to everything."""

    def __init__(self, bench: Bench, status: int, body: bytes = b"{}") -> None:
        self.server, self.ca_sha256 = bench.wire.server, bench.wire.ca_sha256
        self.answer = WireAnswer(status, body)

    def send(self, request: Request, user_agent: str) -> WireAnswer:
        del request, user_agent
        return self.answer


def test_a_step_that_was_not_compiled_here_is_told_apart(bench: Bench) -> None:
    step = bench.plan().steps[0]
    bench.executor.require_compiled(bench.cluster, step)
    forged = msgspec.structs.replace(step, request=msgspec.structs.replace(step.request, method="DELETE"))
    with pytest.raises(ChangeRefused):
        bench.executor.require_compiled(bench.cluster, forged)
    elsewhere = msgspec.structs.replace(bench.cluster, server="https://elsewhere")
    with pytest.raises(ChangeRefused):
        bench.executor.require_compiled(elsewhere, step)


@pytest.mark.parametrize(
    ("status", "state"),
    [(199, SendState.REFUSED), (200, SendState.APPLIED), (201, SendState.APPLIED), (299, SendState.APPLIED),
     (300, SendState.REFUSED), (301, SendState.REFUSED), (499, SendState.REFUSED), (500, SendState.UNKNOWN)],
)  # fmt: skip
def test_only_200_to_299_is_applied(bench: Bench, status: int, state: SendState) -> None:
    executor = Executor(_Always(bench, status), bench.gate, bench.journal, "x")
    assert executor.rehearse(bench.rehearsal()).state is state


@pytest.mark.parametrize("length", [499, 500, 501, 5000])
def test_what_the_server_says_is_cut_at_500_characters(bench: Bench, length: int) -> None:
    body = msgspec.json.encode({"message": "x " * length})
    outcome = Executor(_Always(bench, 403, body), bench.gate, bench.journal, "x").rehearse(bench.rehearsal())
    assert len(outcome.message) == 500


def test_a_strict_refusal_begins_at_its_own_words_even_at_the_very_start(bench: Bench) -> None:
    body = msgspec.json.encode({"message": 'strict decoding error: unknown field "spec.y"'})
    outcome = Executor(_Always(bench, 422, body), bench.gate, bench.journal, "x").rehearse(bench.rehearsal())
    assert outcome.message.startswith("strict decoding error")


def test_the_limits_of_the_wire_are_those_that_are_told() -> None:
    assert (CONNECT_SECONDS, READ_SECONDS, MAX_ANSWER) == (10.0, 45.0, 16 * 1024 * 1024)


class _Noting:
    """A pool that notes how it was asked, and gives one answer."""

    def __init__(self) -> None:
        self.asked: dict[str, object] = {}
        self.closed = False
        self.status = 200

    def request(self, method: str, url: str, **options: object) -> _Noting:
        self.asked = {"method": method, "url": url, **options}
        return self

    def read(self, most: int) -> bytes:
        self.asked["read"] = most
        return b"{}"

    def close(self) -> None:
        self.closed = True


def test_a_request_is_sent_once_to_one_place_and_its_answer_is_closed(bench: Bench) -> None:
    pool = _Noting()
    bench.wire._pool = pool  # type: ignore[assignment]
    bench.wire.send(bench.plan().steps[0].request, "x")
    asked = pool.asked
    assert (asked["retries"], asked["redirect"], asked["preload_content"]) == (False, False, False)
    assert (asked["read"], pool.closed) == (MAX_ANSWER, True)
