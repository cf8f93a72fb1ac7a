"""The agent on a real cluster, as a person uses it: conversations, rights, what is stored, what is remembered, the mirror, a model."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from copilot.app import open_copilot
from copilot.cli.knowing import open_knowledge
from copilot.cli.main import main
from copilot.llm.scripted import faithful
from copilot.llm.transcript import Turn, call
from copilot.model import CopilotError
from copilot.target import Target
from retrievers.graph.mirror import Link, parse_address
from tests.live.middlebox import Middlebox
from tests.live.scenarios.ageing import make_old
from tests.live.testbed.cluster import Cluster, KubectlError
from tests.model_server import ModelServer
from tests.small_api import serve
from tests.terminal import at_a_terminal, in_background

WRITING = {"create", "update", "patch", "delete", "deletecollection"}
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews")


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


class Typed(io.TextIOBase):
    """Lines that a person types; a function among them is what happens meanwhile."""

    def __init__(self, lines: tuple[str | Callable[[], object], ...]) -> None:
        self.lines = list(lines)

    def isatty(self) -> bool:
        return False

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        while self.lines:
            line = self.lines.pop(0)
            if isinstance(line, str):
                return f"{line}\n"
            line()
        return ""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("COPILOT_MODEL")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COPILOT_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def run(live_cluster: Cluster, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command as a user of the cluster; `typed` are the lines of a conversation."""

    def run(*words: str, config: Path | None = None, typed: tuple[str | Callable[[], object], ...] = (), user: str = "") -> Ran:  # fmt: skip
        monkeypatch.setattr(sys, "stdin", Typed(typed))
        capsys.readouterr()
        which = ["--kubeconfig", str(config or live_cluster.kubeconfig), *(["--context", user] if user else [])]
        code = main([*words, *(which if words[0] != "sessions" else [])])
        return Ran(code, *capsys.readouterr())

    return run


@pytest.fixture
def other(live_cluster: Cluster) -> Iterator[str]:
    """A second namespace."""
    with live_cluster.namespace() as name:
        yield name


def workload(name: str, namespace: str, replicas: int = 1, annotations: dict[str, str] | None = None, **pod: Any) -> dict[str, Any]:  # fmt: skip
    labels = {"app": name}
    spec = {"containers": [{"name": "app", "image": "nginx:1"}], **pod}
    template = {"metadata": {"labels": labels, "annotations": annotations or {}}, "spec": spec}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }  # fmt: skip


def service(name: str, namespace: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def entrance(name: str, namespace: str) -> tuple[dict[str, Any], ...]:
    """A Service of that name, and an Ingress that leads to it."""
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rules = [{"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    way = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name, "namespace": namespace}}
    return service(name, namespace), {**way, "spec": {"rules": rules}}


def settled(cluster: Cluster, *names: str, namespace: str) -> None:
    for name in names:
        cluster.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, "--timeout=60s")


def few_rights(cluster: Cluster, namespace: str, folder: Path, resources: str) -> Path:
    """The kubeconfig of a service account that may look at these resources of one namespace and at nothing else."""
    cluster.kubectl("create", "serviceaccount", "few", "-n", namespace)
    cluster.kubectl("create", "role", "few", "-n", namespace, "--verb=get,list,watch", f"--resource={resources}")
    cluster.kubectl("create", "rolebinding", "few", "-n", namespace, "--role=few", f"--serviceaccount={namespace}:few")
    token = cluster.kubectl("create", "token", "few", "-n", namespace).strip()
    config = json.loads(cluster.kubeconfig.read_text())
    context = {"cluster": config["clusters"][0]["name"], "user": "few", "namespace": namespace}
    config |= {
        "users": [{"name": "few", "user": {"token": token}}],
        "contexts": [{"name": "few", "context": context}],
        "current-context": "few",
    }
    path = folder / "few"
    path.write_text(json.dumps(config))
    first = resources.partition(",")[0]
    cluster.wait_for(lambda: may(cluster, namespace, "list", first), 20, "the rights of a new account")
    return path


def may(cluster: Cluster, namespace: str, verb: str, resource: str) -> bool:
    """Whether the account of `few_rights` may, as the authorizer sees it now."""
    try:
        cluster.kubectl("auth", "can-i", verb, resource, "-n", namespace, f"--as=system:serviceaccount:{namespace}:few")
    except KubectlError:
        return False
    return True


def test_a_conversation_moves_between_clusters_and_namespaces_and_reads_again_when_told(
    live_cluster: Cluster, namespace: str, run: Run, tmp_path: Path
) -> None:
    live_cluster.apply(service("first", namespace))
    with serve() as api:
        config = json.loads(live_cluster.kubeconfig.read_text())
        small = json.loads(api.kubeconfig(tmp_path).read_text())
        both = tmp_path / "both"
        both.write_text(json.dumps({**config, **{key: config[key] + small[key] for key in ("clusters", "users", "contexts")}}))  # fmt: skip
        count = f"how many services are in {namespace}?"
        later = lambda: live_cluster.apply(service("second", namespace))  # noqa: E731
        ran = run("chat", config=both, typed=(
            count, later, count, "/refresh", count, "/context small", "how many namespaces are there?", "/context admni",
            "/context admin", f"/ns {namespace}", "how many services are there?",
        ))  # fmt: skip
        stored = json.loads(run("sessions", "list", "-o", "json").out)["sessions"]
        on_small = next(one["id"] for one in stored if one["cluster"].startswith("small"))
        elsewhere = run("chat", "--resume", on_small, config=both)
    assert ran.code == 0
    assert ran.out.count(f"There is 1 Service in namespace {namespace}.") == 2
    assert ran.out.count(f"There are 2 Services in namespace {namespace}.") == 2
    admin = f"cluster admin ({config['clusters'][0]['cluster']['server']})"
    scopes = [line for line in ran.out.splitlines() if line.startswith("(cluster ")]
    assert scopes == [*[f"({admin})"] * 3, f"(cluster small ({api.url}))", f"({admin}, namespace {namespace})"]
    assert "error: The kubeconfig has no context 'admni'." in ran.err
    assert {one["cluster"] for one in stored} == {admin.removeprefix("cluster "), f"small ({api.url})"}
    assert elsewhere.code == 64
    assert elsewhere.err.splitlines()[0] == f"error: No conversation about {admin} begins with {on_small!r}."


def test_logs_are_read_when_asked_for_and_a_refusal_is_one_sentence(
    live_cluster: Cluster, namespace: str, run: Run, tmp_path: Path
) -> None:
    live_cluster.add_log(f"{namespace}-log", ["listening on :8080", "took 3 orders"])
    live_cluster.apply(
        workload("talks", namespace, annotations={"testbed/logs": f"{namespace}-log"}), workload("mute", namespace)
    )
    settled(live_cluster, "talks", "mute", namespace=namespace)
    live_cluster.wait_for(lambda: live_cluster.kubectl("logs", "deployment/talks", "-n", namespace), 30, "the log")
    told = run("ask", "show the last log lines of talks", "-n", namespace)
    assert told.code == 0
    assert "took 3 orders" in told.out
    assert "it has printed nothing" in run("ask", "logs of mute", "-n", namespace).out
    few = few_rights(live_cluster, namespace, tmp_path, "pods,deployments,replicasets")
    refused = run("ask", "logs of talks", "-n", namespace, config=few)
    assert refused.code == 2
    said = " ".join(refused.out.split())
    assert f"The log of {namespace}/talks-" in said
    assert "could not be read: HTTP 403" in said
    assert "Traceback" not in refused.err


def test_rights_are_the_api_servers_word_and_what_may_not_be_read_is_called_so(
    live_cluster: Cluster, namespace: str, other: str, run: Run, tmp_path: Path
) -> None:
    live_cluster.apply(workload("web", namespace), service("web", namespace), workload("web", other))
    settled(live_cluster, "web", namespace=namespace)
    few = few_rights(live_cluster, namespace, tmp_path, "pods")

    def ask(question: str, *words: str) -> tuple[int, str]:
        ran = run("ask", question, *(words or ("-n", namespace)), config=few)
        return ran.code, " ".join(ran.out.split())

    def says(question: str, code: int, sentence: str) -> None:
        got = ask(question)
        assert (got[0], sentence in got[1]) == (code, True), (question, got)

    says(f"can I list pods in {namespace}?", 0, f"Yes, you may list pods in namespace {namespace}")
    says(f"can I delete pods in {namespace}?", 0, f"No, you may not delete pods in namespace {namespace}")
    says(f"can I list pods in {other}?", 0, f"No, you may not list pods in namespace {other}")
    says("how many pods are there?", 0, "There is 1 Pod")
    says("how many services are there?", 2, "Service objects were not read")
    says("why is the deployment web down?", 2, "You may not read Deployment objects")
    says(f"who can delete pods in {namespace}?", 2, "I cannot tell who may delete pods")
    says(f"how many pods are in {other}?", 2, f"Nothing of namespace {other} was read")
    says("is everything all right?", 0, "You may not read Deployment")
    code, said = ask("is everything all right?", "-n", other)
    assert (code, "so I cannot tell" in said) == (2, True), said
    assert run("why", "-n", other, config=few).code == 2
    holders = run("ask", f"who can list pods in {namespace}?").out
    assert f"ServiceAccount {namespace}/few" in holders
    assert "subjects may list pods" in holders
    assert "system:masters" in run("ask", "who can delete nodes?", user="reader").out


def test_clusters_whose_uid_may_not_be_read_are_kept_apart(
    live_cluster: Cluster, namespace: str, run: Run, tmp_path: Path
) -> None:
    few = few_rights(live_cluster, namespace, tmp_path, "pods")
    with Middlebox(few) as box:
        away = box.kubeconfig(tmp_path)
        keys = [open_copilot(Target(kubeconfig=str(one))).memory_key for one in (few, few, away)]
        assert run("chat", config=few, typed=("how many pods are there?",)).code == 0
        resumed = run("chat", "--resume", "last", config=few, typed=("how many pods are there?",))
        apart = run("chat", "--resume", "last", config=away)
    assert keys[0] == keys[1] != keys[2]
    assert all(key.startswith("live/address-") for key in keys)
    known = open_copilot(Target(kubeconfig=str(live_cluster.kubeconfig))).memory_key
    assert known == f"live/{live_cluster.get('namespace', 'kube-system')['metadata']['uid']}"
    assert resumed.code == 0
    assert (apart.code, apart.err.splitlines()[0]) == (64, f"error: No conversation about cluster few ({box.url}) is stored.")  # fmt: skip


SEEN_BY_FEW = "pods,deployments,replicasets,services,events,configmaps"


def test_what_is_stored_is_found_only_by_whom_the_api_server_lets_read_it_now(
    live_cluster: Cluster, namespace: str, other: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_cluster.apply(workload("zirconium", namespace), workload("vanadium", other))
    settled(live_cluster, "zirconium", namespace=namespace)
    settled(live_cluster, "vanadium", namespace=other)
    few = few_rights(live_cluster, namespace, tmp_path, SEEN_BY_FEW)
    monkeypatch.setattr(
        "copilot.cli.index.open_knowledge", partial(open_knowledge, dense=False)
    )  # vectors of all pages: 9 s
    assert run("index", "--objects").code == 0

    def found(config: Path | None = None) -> set[str]:
        out = "".join(run("search", f"Deployment {word}", "--objects", "--lexical", config=config).out for word in ("zirconium", "vanadium"))  # fmt: skip
        return {word for word in ("zirconium", "vanadium") for place in (namespace, other) if f"{place}/{word}" in out}

    assert found() == {"zirconium", "vanadium"}
    assert found(few) == {"zirconium"}

    def player(request: Any) -> Turn:
        asks = request["messages"][-1]["role"] == "user"
        return Turn(calls=(call("search", words="Deployment replicas", among="state"),)) if asks else faithful(request)

    def revoke() -> None:
        live_cluster.kubectl("delete", "rolebinding", "few", "-n", namespace)
        live_cluster.wait_for(lambda: not may(live_cluster, namespace, "get", "deployments"), 20, "the rights to go")

    monkeypatch.setenv("COPILOT_MODEL", "scripted")
    with ModelServer(player) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        ran = run("chat", "-n", namespace, config=few, typed=("is everything all right?", revoke, "is web down here?", "is all of it well?"))  # fmt: skip
    assert ran.code == 0, ran.err
    looked = [str(message["content"]) for request in server.requests for message in request["messages"] if message["role"] == "tool"]  # fmt: skip
    assert looked
    assert f"{namespace}/zirconium" in looked[0].replace("\u02c6", " ")
    assert "zirconium" not in looked[-1]
    assert "vanadium" not in json.dumps(server.requests)
    assert found(few) == set()


def carry_out(cluster: Cluster, data: Path, words: str, answer: str) -> tuple[int, str]:
    where = ["--kubeconfig", str(cluster.kubeconfig), "--context", "operator", "--allow-changes", "--soak", "0"]
    code, said = at_a_terminal(["do", words, *where], data, [answer])
    return code, " ".join(said.split())


def test_what_a_plan_mended_is_remembered_and_offered_for_the_very_same_trouble_only(
    live_cluster: Cluster, namespace: str, other: str, run: Run, data: Path
) -> None:
    live_cluster.apply(workload("orders", namespace, 0), *entrance("orders", namespace))
    missing = [{"name": "app", "image": "nginx:1", "envFrom": [{"configMapRef": {"name": "orders"}}]}]
    marks = live_cluster.failure("config-error-configmap")
    live_cluster.apply(workload("orders", other, 1, marks, containers=missing), service("orders", other))
    why = ("ask", "why is orders down?", "-n")
    live_cluster.wait_for(lambda: "scaled to zero" in run(*why, namespace).out, 30, "the trouble to be found")
    code, said = carry_out(live_cluster, data, f"scale deploy/orders to 1 in {namespace}", "orders")
    assert code == 0, said
    assert "Remembered: deploy.scaled_to_zero is gone after this." in said
    live_cluster.kubectl("scale", "deployment/orders", "-n", namespace, "--replicas=0")
    live_cluster.wait_for(lambda: "scaled to zero" in run(*why, namespace).out, 30, "the trouble to be back")
    again = " ".join(run(*why, namespace).out.split())
    entry = json.loads(capture(run, "remember", "list", "-o", "json"))["incidents"][0]
    assert f"Seen before, quoted and not checked: {entry['at'][:10]}, the program, after a plan wrote: cause “Deployment {namespace}/orders is scaled to zero" in again  # fmt: skip
    assert "(worked 1 of 1 times)" in again
    alike = live_cluster.wait_for(lambda: out if "ConfigMap" in (out := run(*why, other).out) else None, 60, "the other trouble")  # fmt: skip
    assert "Seen before" not in alike


def capture(run: Run, *words: str) -> str:
    ran = run(*words)
    assert ran.code == 0, ran.err
    return ran.out


def test_a_change_of_a_node_is_remembered_by_the_trouble_that_it_ended(
    live_cluster: Cluster, namespace: str, breakable_node: str, run: Run, data: Path
) -> None:
    pinned = {
        "nodeSelector": {"kubernetes.io/hostname": breakable_node},
        "tolerations": [{"key": "testbed/breakable", "operator": "Exists"}],
    }
    live_cluster.kubectl("cordon", breakable_node)
    live_cluster.apply(workload("pinned", namespace, **pinned))
    live_cluster.wait_for(lambda: "Unschedulable" in live_cluster.kubectl("get", "pods", "-n", namespace, "-o", "yaml"), 30, "the pod to wait")  # fmt: skip
    make_old(
        live_cluster, (namespace,), timedelta(minutes=2), keep_events=True
    )  # a pod that waits for seconds is no trouble
    live_cluster.wait_for(lambda: run("why", f"node/{breakable_node}").code == 1, 60, "the cordon to be blamed")
    code, said = carry_out(live_cluster, data, f"uncordon {breakable_node}", "yes")
    assert code == 0, said
    assert "Remembered: sched.unschedulable is gone after this." in said
    entry = json.loads(capture(run, "remember", "list", "-o", "json"))["incidents"][0]
    assert (entry["object"]["kind"], entry["object"]["name"]) == ("Node", breakable_node)
    assert entry["fix"].startswith("uncordon the Node")
    assert (entry["tried"], entry["worked"]) == (1, 1)


def test_the_mirror_follows_the_cluster_over_broken_connections_until_ctrl_c(
    live_cluster: Cluster, namespace: str, neo4j_url: str, tmp_path: Path, data: Path
) -> None:
    out = tmp_path / "mirror.log"
    with Middlebox(live_cluster.kubeconfig) as box, Link(parse_address(neo4j_url)) as link:

        def mirrored(name: str) -> bool:
            found = link.rows("MATCH (n:ConfigMap {namespace: $s, name: $n}) WHERE n.read RETURN n.name AS name", s=namespace, n=name)  # fmt: skip
            return bool(found)

        def follows(name: str) -> None:
            live_cluster.wait_for(lambda: mirrored(name), 30, f"{name} in the mirror; {out.read_text()[-300:]}")

        def make(name: str) -> None:
            live_cluster.kubectl("create", "configmap", name, "-n", namespace)

        words = ["mirror", "sync", "--watch", "--neo4j", neo4j_url, "--kubeconfig", str(box.kubeconfig(tmp_path))]
        process = in_background(words, data, out)
        try:
            live_cluster.wait_for(lambda: out.exists() and "mirrored;" in out.read_text(), 60, "the first sync")
            make("one")
            follows("one")
            live_cluster.kubectl("delete", "configmap", "one", "-n", namespace)
            live_cluster.wait_for(lambda: not mirrored("one"), 30, "the deletion in the mirror")
            live_cluster.wait_for(lambda: len(box.watches) > 10, 30, "the watches")
            assert box.cut() > 10
            make("two")
            follows("two")
            live_cluster.wait_for(lambda: len(box.watches) > 10, 30, "the watches to be back")
            box.away.set()
            assert box.expire() > 10
            make("three")
            live_cluster.kubectl("delete", "configmap", "two", "-n", namespace)
            box.away.clear()
            follows("three")
            live_cluster.wait_for(lambda: not mirrored("two"), 30, "what was deleted meanwhile to go")
            assert process.pid is not None
            os.kill(process.pid, signal.SIGINT)
            process.join(20)
            assert (process.exitcode, out.read_text().splitlines()[-1]) == (130, "Interrupted.")
        finally:
            process.kill()
            process.join()
    assert "Traceback" not in out.read_text()


def test_a_mirror_that_may_follow_nothing_any_more_says_so_and_fails(
    live_cluster: Cluster, namespace: str, neo4j_url: str, tmp_path: Path, data: Path
) -> None:
    few, out = few_rights(live_cluster, namespace, tmp_path, "configmaps,pods"), tmp_path / "mirror.log"
    with Middlebox(few) as box:
        words = ["mirror", "sync", "--watch", "--neo4j", neo4j_url, "--kubeconfig", str(box.kubeconfig(tmp_path))]
        process = in_background(words, data, out)
        try:
            live_cluster.wait_for(lambda: out.exists() and "mirrored;" in out.read_text(), 60, "the first sync")
            live_cluster.wait_for(lambda: box.watches, 30, "a watch")
            box.nameless.set()
            box.cut()
            process.join(30)
        finally:
            process.kill()
            process.join()
    assert process.exitcode == CopilotError.exit_code
    assert "error: Nothing of the cluster may be followed any more." in out.read_text()
    assert "HTTP 401" in out.read_text()


def test_a_model_cites_what_it_says_and_the_change_it_is_asked_for_stays_a_proposal(
    live_cluster: Cluster, namespace: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_cluster.apply(workload("orders", namespace, 0), *entrance("orders", namespace))
    live_cluster.wait_for(lambda: run("why", "-n", namespace).code == 1, 30, "the trouble to be found")
    order = f"kubectl scale deployment/orders --replicas=1 -n {namespace}"

    def player(request: Any) -> Turn:
        newest = request["messages"][-1]
        if newest["role"] != "user":
            return faithful(request)
        ordered = "scale deployment orders" in str(newest["content"]).replace("\u02c6", " ")
        return Turn(calls=(call("propose_plan", kubectl=order) if ordered else call("diagnose", object="deployment/orders"),))  # fmt: skip

    before = len(writes(live_cluster))
    monkeypatch.setenv("COPILOT_MODEL", "scripted")
    with ModelServer(player) as server:
        monkeypatch.setenv("COPILOT_MODEL_URL", server.url)
        ran = run("chat", "-n", namespace, user="operator", typed=(
            "why is orders down?", f"scale deployment orders in {namespace} to 1",
        ))  # fmt: skip
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert f"Deployment {namespace}/orders is scaled to zero replicas" in said
    assert "scripted: " in said
    assert "[1]" in said
    assert all("tools" in request for request in server.requests[:1])
    assert order.removeprefix("kubectl ") in said + ran.err
    assert live_cluster.get("deployment", "orders", "-n", namespace)["spec"]["replicas"] == 0
    end = f"metadata.name={namespace}"
    live_cluster.kubectl("get", "configmaps", "-n", namespace, "--field-selector", end, user="operator")
    live_cluster.wait_for(lambda: end.replace("=", "%3D") in live_cluster.audit_log.read_text(), 20, "the audit log")
    assert writes(live_cluster)[before:] == []


def writes(cluster: Cluster) -> list[str]:
    """What the operator asked the API server to change, reviews of their own rights aside."""
    events = [json.loads(line) for line in cluster.audit_log.read_text().splitlines()]
    return [
        event["requestURI"]
        for event in events
        if event["verb"] in WRITING
        and event["user"]["username"] == "operator"
        and event.get("objectRef", {}).get("resource") not in REVIEWS
        and event.get("userAgent", "").startswith("kubectl-copilot")
    ]
