"""The writer sends exactly what was approved, once, after the intent is on disk, and nothing else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from guardrails.errors import ApprovalError, ChangeRefused, JournalError
from guardrails.journal import AlreadyClaimed, Kind
from guardrails.plan import Request, RestartArgs, ScaleArgs
from guardrails.steps import SendState
from tests.small_api import deployment, serve
from tests.unit.executor.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with serve(deployment()) as api:
        yield Bench(api, tmp_path)


def _kinds(bench: Bench) -> list[Kind]:
    return [entry.kind for entry in bench.journal.entries()]


def test_the_bytes_that_arrive_are_the_bytes_that_were_approved(bench: Bench) -> None:
    step = bench.approved()
    assert bench.executor.send(step).state is SendState.APPLIED
    (arrived,) = bench.api.writes()
    approved = step.step.request
    assert (arrived.method, arrived.path, arrived.body.decode()) == (approved.method, approved.path, approved.body)
    assert arrived.query == dict(approved.query)
    assert arrived.headers["Content-Type"] == approved.content_type
    intent = bench.journal.entries()[-2].hash  # the server's own audit log anchors the journal
    assert arrived.headers["User-Agent"] == f"cluster-copilot/0.0.0 plan/01234567 step/1 journal/{intent[:12]}"
    assert arrived.headers["Authorization"] == "Bearer a-token"
    assert bench.api.objects["/apis/apps/v1/namespaces/shop/deployments/web"]["spec"]["replicas"] == 3


def test_the_intent_is_in_the_journal_before_the_request_arrives_and_the_result_after(bench: Bench) -> None:
    then: list[list[Kind]] = []
    bench.api.before_send = lambda: then.append(_kinds(bench))
    bench.executor.send(bench.approved())
    assert then == [[Kind.APPROVED, Kind.CONSUMED, Kind.INTENT]]
    assert _kinds(bench)[-1] is Kind.RESULT
    assert bench.journal.entries()[-1].detail == {
        "state": "applied",
        "status": 200,
        "message": "",
        "uid": "uid-shop-web",
    }


def test_a_step_is_sent_once_however_often_it_is_handed_over(bench: Bench) -> None:
    step, outcomes = bench.approved(), []
    start = threading.Barrier(8)

    def send() -> None:
        start.wait()
        try:
            outcomes.append(bench.executor.send(step).state)
        except AlreadyClaimed:
            outcomes.append(None)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(SendState.APPLIED) == 1
    assert outcomes.count(None) == 7
    assert len(bench.api.writes()) == 1


def test_a_step_with_a_forged_seal_sends_nothing(bench: Bench) -> None:
    with pytest.raises(ApprovalError):
        bench.executor.send(msgspec.structs.replace(bench.approved(), seal="0" * 64))
    assert bench.api.seen == []


def test_an_expired_step_sends_nothing(bench: Bench) -> None:
    step = bench.approved()
    bench.clock.forward(minutes=16)
    with pytest.raises(ApprovalError, match="expired"):
        bench.executor.send(step)
    assert bench.api.seen == []


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"method": "DELETE"}, "method"),
        ({"path": "/apis/apps/v1/namespaces/shop/deployments/db/scale"}, "path"),
        ({"query": (("fieldManager", "cluster-copilot"),)}, "query"),
        ({"content_type": "application/json-patch+json"}, "content type"),
        ({"body": "{}"}, "body"),
        ({"body_sha": "0" * 64}, "body"),
    ],
)
@pytest.mark.parametrize("way", ["send", "rehearse"])
def test_a_request_that_is_not_what_its_typed_step_means_is_not_sent(
    bench: Bench, way: str, change: dict[str, Any], part: str
) -> None:
    step = bench.approved()
    forged = msgspec.structs.replace(step.step, request=msgspec.structs.replace(step.step.request, **change))
    # Even whoever holds the key cannot have other bytes sent than the typed step compiles to.
    sealed, dry = bench.forged(step, forged), msgspec.structs.replace(bench.rehearsal(), step=forged)
    with pytest.raises(ChangeRefused, match=part):
        bench.executor.rehearse(dry) if way == "rehearse" else bench.executor.send(sealed)
    assert bench.api.seen == []


def test_a_body_with_its_own_hash_is_still_not_the_approved_one(bench: Bench) -> None:
    step = bench.approved()
    approved = step.step.request
    other = Request.of(
        approved.method, approved.path, approved.query, approved.content_type, b'{"spec":{"replicas":0}}'
    )
    with pytest.raises(ChangeRefused, match="body"):
        bench.executor.send(bench.forged(step, msgspec.structs.replace(step.step, request=other)))
    assert bench.api.seen == []


@pytest.mark.parametrize("change", [{"server": "https://elsewhere:6443"}, {"server_ca_sha256": "00"}])
def test_a_plan_for_another_cluster_is_not_sent_here(bench: Bench, change: dict[str, str]) -> None:
    elsewhere = msgspec.structs.replace(bench.cluster, **change)
    with pytest.raises(ChangeRefused, match="The plan is for"):
        bench.executor.rehearse(msgspec.structs.replace(bench.rehearsal(), cluster=elsewhere))
    plan = msgspec.structs.replace(bench.plan(), cluster=elsewhere)
    with pytest.raises(ChangeRefused, match="The plan is for"):
        bench.executor.send(bench.approved(plan))
    assert bench.api.seen == []


def test_a_rehearsal_is_a_dry_run_and_stores_nothing(bench: Bench) -> None:
    outcome = bench.executor.rehearse(bench.rehearsal())
    assert (outcome.state, outcome.body["spec"]) == (SendState.APPLIED, {"replicas": 3})
    (arrived,) = bench.api.seen
    assert arrived.query["dryRun"] == "All"
    assert arrived.headers["User-Agent"].endswith("plan/01234567 step/1 dry-run")
    assert bench.api.objects["/apis/apps/v1/namespaces/shop/deployments/web"]["spec"]["replicas"] == 2
    assert bench.journal.entries() == []


def test_an_object_that_changed_in_between_is_a_conflict_and_stays_as_it_is(bench: Bench) -> None:
    step = bench.approved()
    bench.api.touch(replicas=7)
    outcome = bench.executor.send(step)
    assert (outcome.state, outcome.status) == (SendState.CONFLICT, 409)
    assert bench.api.objects["/apis/apps/v1/namespaces/shop/deployments/web"]["spec"]["replicas"] == 7


@pytest.mark.parametrize(
    ("status", "state"),
    [(400, SendState.REFUSED), (403, SendState.REFUSED), (422, SendState.REFUSED), (429, SendState.REFUSED), (302, SendState.REFUSED),
     (408, SendState.UNKNOWN), (500, SendState.UNKNOWN), (503, SendState.UNKNOWN), (504, SendState.UNKNOWN)],
)  # fmt: skip
def test_a_no_is_told_apart_from_not_knowing(bench: Bench, status: int, state: SendState) -> None:
    bench.api.fail_with = (status, "because\n\x1b[31mof this")
    outcome = bench.executor.send(bench.approved())
    assert (outcome.state, outcome.status, outcome.message) == (state, status, "because [31mof this")
    assert len(bench.api.writes()) == 1


def test_a_lost_answer_is_unknown_and_the_request_is_not_repeated(bench: Bench) -> None:
    bench.api.lose_answer = True
    assert bench.executor.send(bench.approved()).state is SendState.UNKNOWN
    assert len(bench.api.writes()) == 1
    assert bench.journal.entries()[-1].detail["state"] == "unknown"


def test_without_a_connection_it_is_known_that_nothing_was_sent(tmp_path: Path) -> None:
    with serve(deployment()) as api:
        bench = Bench(api, tmp_path)
        step = bench.approved()
    assert bench.executor.send(step).state is SendState.NOT_SENT
    assert api.seen == []


def test_without_a_journal_nothing_is_sent(bench: Bench) -> None:
    step = bench.approved()
    bench.journal.path.write_bytes(b"damaged" * 999)
    with pytest.raises(JournalError):
        bench.executor.send(step)
    assert bench.api.seen == []


def test_an_answer_that_is_no_json_or_no_object_does_not_break_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tools.executor.wire import WireAnswer

    for content in (b"<html>", b"[1]", b"[" * 5000, b""):
        monkeypatch.setattr(bench.wire, "send", lambda *_, content=content: WireAnswer(502, content))
        outcome = bench.executor.rehearse(bench.rehearsal())
        assert (outcome.state, outcome.body, outcome.message) == (SendState.UNKNOWN, {}, "HTTP 502")


def test_a_restart_is_sent_to_the_object_itself(bench: Bench) -> None:
    from guardrails.plan import Step
    from guardrails.requests import compile_request
    from tests.unit.executor.bench import REF

    args: ScaleArgs | RestartArgs = RestartArgs("2026-03-01T12:00:00Z")
    plan = msgspec.structs.replace(bench.plan(), steps=(Step(REF, args, compile_request(REF, args)),))
    assert bench.executor.send(bench.approved(plan)).state is SendState.APPLIED
    (arrived,) = bench.api.writes()
    assert arrived.path == "/apis/apps/v1/namespaces/shop/deployments/web"
    assert json.loads(arrived.body)["metadata"]["resourceVersion"] == "100"


def test_a_connection_without_a_token_sends_none_and_impersonation_goes_along(bench: Bench, tmp_path: Path) -> None:
    config = json.loads((tmp_path / "kubeconfig").read_text())
    config["users"][0]["user"] = {"as": "bob"}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    from tools.cluster.kubeconfig import connect
    from tools.executor import Executor, Wire

    executor = Executor(Wire(connect(str(tmp_path / "kubeconfig"))), bench.gate, bench.journal, "cluster-copilot/0.0.0")
    executor.rehearse(bench.rehearsal())
    (arrived,) = bench.api.seen
    assert "Authorization" not in arrived.headers
    assert arrived.headers["Impersonate-User"] == "bob"


class _Answering:
    """A wire that leads nowhere and always answers the same."""

    def __init__(self, bench: Bench, status: int, body: dict[str, Any]) -> None:
        self.server, self.ca_sha256 = bench.wire.server, bench.wire.ca_sha256
        self.answer = (status, json.dumps(body).encode())

    def send(self, request: Request, user_agent: str) -> Any:
        del request, user_agent
        from tools.executor.wire import WireAnswer

        return WireAnswer(*self.answer)


def _rehearsed(bench: Bench, name: str, status: int, body: dict[str, Any]) -> Any:
    from guardrails.plan import Step
    from guardrails.requests import compile_request
    from guardrails.steps import RehearsalStep
    from tests.unit.guardrails.test_requests import STEPS
    from tools.executor import Executor

    step = Step(*STEPS[name], compile_request(*STEPS[name]))
    executor = Executor(_Answering(bench, status, body), bench.gate, bench.journal, "x")
    return executor.rehearse(RehearsalStep("0123456789ab", 1, bench.cluster, step))


_REJECTED = {"message": "the server rejected our request due to an error in our request"}
_CAUSES = {"message": "spec.replicas: Invalid value", "details": {"causes": [{"field": "spec.replicas"}]}}


@pytest.mark.parametrize(
    ("name", "status", "body", "state"),
    [
        ("label", 422, _REJECTED, SendState.CONFLICT),  # a test of an old value did not hold
        ("label", 422, _CAUSES, SendState.REFUSED),
        ("scale", 422, _REJECTED, SendState.REFUSED),
        ("apply", 409, {"message": 'Apply failed with 1 conflict: conflict with "helm"'}, SendState.CONFLICT),
        ("apply", 500, {"message": "failed to create typed patch object (x): .spec.y: field not declared in schema"}, SendState.REFUSED),
        ("apply", 500, {"message": "etcdserver: request timed out"}, SendState.UNKNOWN),
        ("label", 500, {"message": "failed to create typed patch object"}, SendState.UNKNOWN),
        ("evict", 429, {"message": "Cannot evict pod"}, SendState.REFUSED),
    ],
)  # fmt: skip
def test_what_an_answer_means_depends_on_what_was_sent(
    bench: Bench, name: str, status: int, body: dict[str, Any], state: SendState
) -> None:
    assert _rehearsed(bench, name, status, body).state is state


def test_the_object_that_a_strict_refusal_repeats_is_left_out(bench: Bench) -> None:
    said = ' "" is invalid: patch: Invalid value: "{\\"data\\":{\\"x\\":\\"private\\"}}": strict decoding error: unknown field "spec.y"'
    assert _rehearsed(
        bench, "label", 422, {"message": said, **_CAUSES, "reason": "Invalid"} | {"message": said}
    ).message == ('strict decoding error: unknown field "spec.y"')


def test_the_uid_of_what_a_step_made_is_on_record(bench: Bench) -> None:
    bench.executor.send(bench.approved())
    assert bench.journal.entries()[-1].detail["uid"] == "uid-shop-web"
