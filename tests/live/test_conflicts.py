"""What comes between a yes and its change on a real API server: webhooks that only deny the real thing, budgets, other managers."""

import base64
import copy
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from copilot.changing.document import intent_of
from copilot.changing.history import PlanState, find_record
from guardrails.errors import ChangeRefused, PlanChanged
from guardrails.plan import Tier
from guardrails.steps import SendState
from tests.deep import DEEP
from tests.live.test_change import Scene, _carry_out, _workload, _yes
from tests.live.test_operations import SETTINGS, _agreed, _noted
from tests.live.testbed.cluster import Cluster
from tests.loopback import LoopbackServer


@pytest.fixture
def scene(live_cluster: Cluster, namespace: str, tmp_path: Path) -> Scene:
    scene = Scene(live_cluster, namespace, tmp_path)
    scene.apply(_workload("web"), copy.deepcopy(SETTINGS))
    scene.settled()
    return scene


class _Webhook(BaseHTTPRequestHandler):
    """Lets every dry run pass. The real request it denies, or leaves without an answer."""

    answers = True

    def do_POST(self) -> None:
        """Judge one request."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        real = not asked.get("dryRun")
        if real and not self.answers:
            self.close_connection = True
            return
        verdict: dict[str, Any] = {"uid": asked["uid"], "allowed": not real}
        verdict |= {"status": {"code": 403, "message": "not during the sale"}} if real else {}
        body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": verdict}
        said = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _SilentWebhook(_Webhook):
    answers = False


@contextmanager
def _in_the_way(scene: Scene, handler: type[_Webhook]) -> Iterator[None]:
    """A webhook of the shared cluster that is asked about Deployments of this namespace."""
    pki = scene.cluster.state / "pki"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*_pair(pki))
    server = LoopbackServer(("127.0.0.1", 0), handler)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    name = f"{handler.__name__.strip('_').lower()}-{scene.namespace}"
    scene.cluster.apply({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name},
        "webhooks": [{
            "name": "sale.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 5,
            "clientConfig": {"url": f"https://127.0.0.1:{server.server_port}/",
                             "caBundle": base64.b64encode((pki / "ca.crt").read_bytes()).decode()},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": scene.namespace}},
            # Only the copilot's own requests: the Deployment's controller goes on with its work.
            "matchConditions": [{"name": "people", "expression": "request.userInfo.username == 'operator'"}],
            "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments", "deployments/scale"]}],
        }],
    })  # fmt: skip
    try:
        yield
    finally:
        scene.cluster.kubectl("delete", "validatingwebhookconfiguration", name)
        server.shutdown()
        server.server_close()
        thread.join()


def _pair(pki: Path) -> tuple[Path, Path]:
    from tests.live.testbed.certs import Pki

    files = Pki(pki)
    return files.certificate, files.key


def _refused_for_real(scene: Scene) -> bool:
    """Whether the API server asks the webhook already: a person's own change is denied."""
    from tests.live.testbed.cluster import KubectlError

    try:
        scene.cluster.kubectl(
            "annotate", "deployment", "web", "-n", scene.namespace, "probe=x", "--overwrite", user="operator"
        )
    except KubectlError:
        return True
    return False


def test_a_webhook_that_denies_only_the_real_change_leaves_everything_as_it_was(scene: Scene) -> None:
    with _in_the_way(scene, _Webhook):
        scene.cluster.wait_for(lambda: _refused_for_real(scene), 20, "the webhook to be asked")
        workshop = scene.workshop()
        plan = scene.plan(workshop)
        assert plan.computed.refusals == ()  # the dry run passed
        with pytest.raises(ChangeRefused, match="not during the sale"):
            _carry_out(workshop, plan)
        assert scene.get()["spec"]["replicas"] == 2
        assert find_record(workshop.journal, plan.id).state not in (PlanState.APPLIED, PlanState.UNKNOWN)
        again = _yes(workshop, plan) if plan.computed.tier is Tier.ONE_YES else None
        with pytest.raises(Exception, match=r"used|carried out|already"):
            _carry_out(workshop, plan, again)  # nothing is tried a second time


def test_a_webhook_that_breaks_on_the_real_change_is_an_unknown_outcome_that_is_read_back(scene: Scene) -> None:
    with _in_the_way(scene, _SilentWebhook):
        scene.cluster.wait_for(lambda: _refused_for_real(scene), 20, "the webhook to be asked")
        workshop = scene.workshop()
        plan = scene.plan(workshop)
        carried = _carry_out(workshop, plan)
        assert carried.state is SendState.UNKNOWN
        assert "Read back" in carried.text
        assert scene.get()["spec"]["replicas"] == 2
    assert find_record(workshop.journal, plan.id).state is not PlanState.APPLIED


def test_a_budget_that_appears_after_the_yes_voids_the_eviction(scene: Scene) -> None:
    name = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"][0]["metadata"]["name"]
    workshop = scene.workshop()
    plan = _noted(workshop, workshop.desk.plan(f"evict {name}", scene.namespace))
    yes = _yes(workshop, plan)
    scene.apply({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    })  # fmt: skip
    scene.cluster.wait_for(
        lambda: scene.get("pdb", "web").get("status", {}).get("currentHealthy") == 2, 30, "the budget"
    )
    with pytest.raises(PlanChanged, match="disruption budget"):
        _carry_out(workshop, plan, yes)
    assert "deletionTimestamp" not in scene.get("pod", name)["metadata"]


@pytest.mark.parametrize("manager", ["release-pipeline", "argocd-controller"])
def test_an_apply_against_another_manager_names_it_and_its_field(scene: Scene, manager: str) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared", "namespace": scene.namespace}}
    scene.cluster.kubectl(
        "apply", "--server-side", f"--field-manager={manager}", "-f", "-", input=json.dumps({**theirs, "data": {"level": "info"}})
    )  # fmt: skip
    workshop = scene.workshop()
    plan = workshop.desk.plan_intent(intent_of({**theirs, "data": {"level": "debug"}}), "apply x.yaml", scene.namespace)
    assert any(manager in refusal and "level" in refusal for refusal in plan.computed.refusals), plan.computed.refusals
    assert scene.get("configmap", "shared")["data"] == {"level": "info"}


def test_a_manager_that_takes_a_field_after_the_yes_stops_the_apply(scene: Scene) -> None:
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared", "namespace": scene.namespace}}
    workshop = scene.workshop()
    intent = intent_of({**theirs, "data": {"level": "debug"}})
    plan = _noted(workshop, _agreed(workshop.desk.plan_intent(intent, "apply x.yaml", scene.namespace)))
    yes = _yes(workshop, plan)
    scene.cluster.kubectl(
        "apply", "--server-side", "--field-manager=pipeline", "-f", "-", input=json.dumps({**theirs, "data": {"level": "info"}})
    )  # fmt: skip
    with pytest.raises(PlanChanged, match="has been made in the meantime"):
        _carry_out(workshop, plan, yes)
    assert scene.get("configmap", "shared")["data"] == {"level": "info"}


@pytest.mark.skipif(not DEEP, reason="the autoscaler looks every 15 s: COPILOT_DEEP=1 waits for it")
def test_an_autoscaler_that_scales_after_the_yes_voids_the_plan(scene: Scene) -> None:
    workshop = scene.workshop()
    plan = scene.plan(workshop)
    yes = _yes(workshop, plan)
    scene.apply({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 4, "maxReplicas": 6},
    })  # fmt: skip
    scene.cluster.wait_for(lambda: scene.get()["spec"]["replicas"] == 4, 60, "the autoscaler")
    with pytest.raises(PlanChanged, match="changed"):
        _carry_out(workshop, plan, yes)
    assert scene.get()["spec"]["replicas"] == 4
