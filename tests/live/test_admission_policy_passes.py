"""What the admission policies of deploy/ let pass: every operation, sent with the executor's own account, and what carries its plan."""

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from copilot.changing.document import intent_of
from copilot.changing.opening import Workshop, open_changing
from copilot.settings import Settings
from copilot.target import Target
from guardrails.journal import Kind
from guardrails.plan import DryRunState, Plan
from guardrails.steps import SendState
from tests.live.deployed import Deployed
from tests.live.test_change import Scene, _workload, _yes
from tests.live.test_operations import JOB, SETTINGS, _agreed
from tests.live.testbed.cluster import Cluster

PLAN = "0123456789ab"
CONFIGS = "/api/v1/namespaces/default/configmaps"
# How the server says that the object is no longer at the version that was read: a failed test of a JSON Patch has no words.
MOVED = ("has been modified", "due to an error in our request", "Precondition failed", "in the precondition")
OPERATIONS = (
    "annotate deploy/web note=x", "label deploy/web a=b", "scale web to 3", "restart web", "set image deploy/web app=nginx:2",
    "roll back web", "set resources deploy/web requests cpu=10m", "set env deploy/web A=b", "pause web", "resume web",
    "patch deploy/web /spec/minReadySeconds=1", "patch cm/settings /data/level=debug", "label cm/settings a=b", "suspend cj/nightly",
    "unsuspend cj/nightly", "create job now from nightly", "label node {node} a=b", "cordon {node}", "uncordon {node}",
    "taint {node} dedicated=db:NoSchedule", "label pod {pod} a=b", "evict {pod}", "annotate ns {ns} note=x", "annotate sa default note=x",
    "delete cm/settings", "delete deploy/web",
)  # fmt: skip


@pytest.fixture
def scene(live_cluster: Cluster, namespace: str, tmp_path: Path) -> Scene:
    scene = Scene(live_cluster, namespace, tmp_path)
    scene.apply(_workload("web"), copy.deepcopy(JOB), copy.deepcopy(SETTINGS))
    scene.settled()
    return scene


def _workshop(deployed: Deployed, scene: Scene) -> Workshop:
    target = Target(kubeconfig=str(deployed.executor.kubeconfig))
    return open_changing(target, Settings(data_dir=scene.folder / "data"), scene.said.append)


def _passes(scene: Scene, workshop: Workshop, plan: Plan) -> bool:
    """The server rehearses all of the plan, and takes each of its steps. False: a controller wrote in the same moment."""
    assert all(access.allowed for access in plan.computed.ssar), plan.computed.ssar
    assert plan.computed.dry_run
    refused = [run.detail for run in plan.computed.dry_run if run.state is not DryRunState.DONE]
    if refused and all(_moved(said) for said in refused):
        return False
    assert not refused, plan.intent.words
    plan = _agreed(plan)
    assert workshop.gate is not None
    assert workshop.door is not None
    workshop.door.note_planned(plan)
    for step in workshop.gate.consume(plan, (_yes(workshop, plan),), workshop.desk.requester):
        outcome = workshop.door._writer.send(step)
        if outcome.state is SendState.CONFLICT:
            return False
        assert outcome.state is SendState.APPLIED, (plan.intent.words, outcome.message)
    return True


def _moved(said: str) -> bool:
    return any(each in said for each in MOVED)


def test_every_operation_passes_with_the_executors_account_and_is_in_the_audit_log(
    deployed: Deployed, scene: Scene, breakable_node: str
) -> None:
    pod = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"][0]["metadata"]["name"]
    workshop = _workshop(deployed, scene)
    for words in OPERATIONS:
        if "{pod}" in words:  # earlier operations may have replaced the pods
            pods = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"]
            pod = next(each["metadata"]["name"] for each in pods if "deletionTimestamp" not in each["metadata"])
        said = words.format(node=breakable_node, pod=pod, ns=scene.namespace)
        scene.cluster.wait_for(partial(_planned, scene, workshop, said), 30, said)
    body: dict[str, Any] = copy.deepcopy(SETTINGS)
    body["metadata"] = {"name": "limits", "namespace": scene.namespace}
    assert _passes(scene, workshop, workshop.desk.plan_intent(intent_of(body), "apply x.yaml", scene.namespace))
    _joined(deployed, workshop)


def _planned(scene: Scene, workshop: Workshop, words: str) -> bool:
    return _passes(scene, workshop, workshop.desk.plan(words, scene.namespace))


def _joined(deployed: Deployed, workshop: Workshop) -> None:
    """Of each plan: the requests in the server's audit log are those that the journal holds, and no others."""
    intents = [entry for entry in workshop.journal.entries() if entry.kind is Kind.INTENT]
    wanted = sorted((entry.plan[:8], entry.step, entry.detail["path"]) for entry in intents)

    def found() -> bool:
        events = [json.loads(line) for line in deployed.cluster.audit_log.read_text().splitlines()]
        mine = [event for event in events if event["user"]["username"] == deployed.executor.name
                and "dry-run" not in event.get("userAgent", "") and " plan/" in event.get("userAgent", "")
                and event["verb"] in ("patch", "create", "delete")]  # fmt: skip
        seen = []
        for event in mine:
            words = dict(word.split("/", 1) for word in event.get("userAgent", "").split() if "/" in word)
            seen.append((words["plan"], int(words["step"]), event["requestURI"].partition("?")[0]))
        plans = {plan for plan, _, _ in wanted}
        return sorted(each for each in seen if each[0] in plans) == wanted

    deployed.cluster.wait_for(found, 20, "the audit log to hold what the journal holds")
    assert len(wanted) > len(OPERATIONS)


def test_a_change_in_an_operators_name_needs_its_plan_and_the_audit_log_names_it(deployed: Deployed) -> None:
    body = {"metadata": {"name": f"named-{PLAN}"}}
    one = f"{CONFIGS}/named-{PLAN}"
    ask = deployed.executor.ask_as
    gone = f"{CONFIGS}/kube-root-ca.crt"
    for plan in ("", "x", "0123456789A"):
        for method, path, what in (
            ("POST", CONFIGS, body),
            ("PATCH", gone, {"data": {"a": "b"}}),
            ("DELETE", gone, None),
        ):
            answer = ask("copilot:alice", plan, method, path, what)
            assert (answer.status, "denied request" in answer.message) == (403, True), answer
            assert method == "DELETE" or "must carry its plan" in answer.message, answer
    made = ask("copilot:alice", PLAN, "POST", CONFIGS, body)
    assert made.status == 201, made
    assert ask("copilot:alice", PLAN, "PATCH", one, {"data": {"a": "b"}}).passed
    refused = ask("copilot:alice", PLAN, "PATCH", one, {"metadata": {"finalizers": ["example.com/own"]}})
    assert (refused.status, "no finalizers" in refused.message) == (403, True), refused
    assert not ask("copilot:alice", PLAN, "GET", "/api/v1/namespaces/default/secrets").passed
    stamp = {"preconditions": {"uid": made.body["metadata"]["uid"]}}
    assert ask("copilot:alice", PLAN, "DELETE", one, stamp).status == 403  # without the version that was approved
    version = deployed.admin.call("GET", one)["metadata"]["resourceVersion"]
    stamp["preconditions"]["resourceVersion"] = version
    assert ask("copilot:alice", PLAN, "DELETE", one, stamp).passed
    lines = [json.loads(line) for line in deployed.cluster.audit_log.read_text().splitlines() if PLAN in line]
    named = [
        each for each in lines if each.get("impersonatedUser", {}).get("extra", {}).get("copilot.dev/plan") == [PLAN]
    ]
    assert {each["user"]["username"] for each in named} == {deployed.executor.name}
    assert {each["impersonatedUser"]["username"] for each in named} == {"copilot:alice"}


@pytest.mark.parametrize(
    "user", ["alice", "system:admin", "copilot:mallory", "system:serviceaccount:kube-system:default"]
)
def test_the_executor_takes_no_name_that_the_list_does_not_hold(deployed: Deployed, user: str) -> None:
    with deployed.as_shipped():
        answer = deployed.executor.ask_as(user, PLAN, "GET", CONFIGS)
        assert (answer.status, "cannot impersonate" in answer.message) == (403, True), answer


def test_nobody_elses_writes_are_touched(deployed: Deployed, scene: Scene) -> None:
    patch = json.dumps({"metadata": {"finalizers": ["example.com/own"]}})
    for user in ("admin", "operator"):
        scene.cluster.kubectl("patch", "cm", "settings", "-n", scene.namespace, "-p", patch, user=user)
    scene.cluster.kubectl("patch", "cm", "settings", "-n", scene.namespace, "-p", '{"metadata":{"finalizers":null}}')
    assert deployed.cluster.get("cm", "settings", "-n", scene.namespace)["metadata"].get("finalizers") is None
