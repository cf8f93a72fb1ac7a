"""The admission policies of deploy/ against a stolen credential: RBAC allows everything, and the API server refuses all the same.

Each request goes straight to the API server with the account's own token.
"""

import base64
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.live.deployed import NAMESPACE, Account, Answer, Deployed
from tests.live.test_change import Scene, _workload
from tests.live.test_operations import JOB, SETTINGS
from tests.live.testbed.cluster import Cluster

POLICY = "ValidatingAdmissionPolicy 'cluster-copilot-"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def scene(live_cluster: Cluster, deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with live_cluster.namespace("stolen") as name:
        scene = Scene(live_cluster, name, tmp_path_factory.mktemp("stolen"))
        scene.apply(_workload("web"), copy.deepcopy(JOB), copy.deepcopy(SETTINGS))
        scene.settled()
        yield scene


@pytest.fixture(scope="module")
def taken_over(deployed: Deployed, scene: Scene) -> Iterator[Deployed]:
    """Both accounts may do everything as far as RBAC goes."""
    with deployed.everything_allowed():
        yield deployed


def _ids(requests: tuple[tuple[str, str, Any], ...]) -> list[str]:
    return [
        f"{number} {method} {path.rpartition('}/')[2]}" for number, (method, path, _) in enumerate(requests, start=1)
    ]


def _pod(**spec: Any) -> dict[str, Any]:
    containers = [{"name": "app", "image": "nginx:1", **each} for each in spec.pop("containers", [{}])]
    return {"spec": {"template": {"spec": {"containers": containers, **spec}}}}


def _secured(**context: Any) -> dict[str, Any]:
    return _pod(containers=[{"securityContext": context}])


def _volume(**source: Any) -> dict[str, Any]:
    return _pod(volumes=[{"name": "added", **source}])


def _named(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **fields}


CORE, APPS = "/api/v1/namespaces/{ns}", "/apis/apps/v1/namespaces/{ns}"
WEB = f"{APPS}/deployments/web"
OWNER = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "settings", "uid": "0"}]
POD = _named("own", spec={"containers": [{"name": "app", "image": "nginx:1"}]})
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
# method, path, body: tier 4, all of it. {ns} is the namespace of the scene, {pod} one of its pods.
KINDS: tuple[tuple[str, str, Any], ...] = (
    ("POST", f"{CORE}/secrets", _named("own")),
    ("PATCH", f"{CORE}/secrets/kept", {"data": {"key": "b3du"}}),
    ("DELETE", f"{CORE}/secrets/kept", None),
    ("POST", f"{CORE}/serviceaccounts/default/token", {"spec": {"audiences": []}}),
    ("POST", f"{CORE}/serviceaccounts", _named("own")),
    ("PATCH", f"{CORE}/serviceaccounts/default", {"automountServiceAccountToken": True}),
    ("PATCH", f"{CORE}/serviceaccounts/default", {"imagePullSecrets": [{"name": "own"}]}),
    ("POST", f"{CORE}/pods", POD),
    ("PATCH", f"{CORE}/pods/{{pod}}", {"spec": {"containers": [{"name": "app", "image": "own:1"}]}}),
    ("DELETE", f"{CORE}/pods/{{pod}}", None),
    ("DELETE", f"{CORE}/pods/{{pod}}", {"gracePeriodSeconds": 0}),
    ("POST", f"{CORE}/pods/{{pod}}/exec?command=id&stdout=true", None),
    ("GET", f"{CORE}/pods/{{pod}}/exec?command=id&stdout=true", None),
    ("POST", f"{CORE}/pods/{{pod}}/attach?stdout=true", None),
    ("POST", f"{CORE}/pods/{{pod}}/portforward?ports=80", None),
    ("GET", f"{CORE}/pods/{{pod}}/proxy/", None),
    ("GET", f"{CORE}/services/web/proxy/", None),
    ("GET", "/api/v1/nodes/node-1/proxy/pods", None),
    ("PATCH", f"{CORE}/pods/{{pod}}/ephemeralcontainers",
     {"spec": {"ephemeralContainers": [{"name": "own", "image": "own:1"}]}}),
    ("PATCH", f"{CORE}/pods/{{pod}}/status", {"status": {"phase": "Failed"}}),
    ("POST", f"{CORE}/pods/{{pod}}/binding", {"target": {"kind": "Node", "name": "node-1"}, **_named("{pod}")}),
    ("POST", f"{CORE}/pods/{{pod}}/eviction", _named("{pod}", deleteOptions={"gracePeriodSeconds": 0})),
    ("POST", f"{CORE}/pods/{{pod}}/eviction", _named("{pod}")),
    ("DELETE", f"{CORE}/configmaps", None),
    ("DELETE", f"{APPS}/deployments", None),
    ("DELETE", f"{CORE}/pods?labelSelector=app%3Dweb", None),
    ("DELETE", f"{CORE}/persistentvolumeclaims/none", None),
    ("DELETE", WEB, None),
    ("DELETE", WEB, {"gracePeriodSeconds": 0}),
    ("DELETE", WEB, {"preconditions": {"uid": "{uid}"}}),
    ("PATCH", f"{WEB}/status", {"status": {"conditions": [{"type": "own", "status": "True"}]}}),
    ("PATCH", WEB, {"metadata": {"finalizers": ["example.com/own"]}}),
    ("PATCH", WEB, {"metadata": {"ownerReferences": OWNER}}),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "own", "finalizers": ["example.com/own"]}}),
    ("POST", f"{CORE}/configmaps", {"metadata": {"name": "own", "ownerReferences": OWNER}}),
    ("POST", "/api/v1/namespaces", _named("own")),
    ("DELETE", "/api/v1/namespaces/{ns}", None),
    ("PUT", "/api/v1/namespaces/{ns}/finalize", {**_named("{ns}"), "spec": {"finalizers": []}}),
    ("PATCH", "/api/v1/namespaces/{ns}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}),
    ("PATCH", "/api/v1/namespaces/kube-system", {"metadata": {"labels": {"own": "yes"}}}),
    ("PATCH", f"/api/v1/namespaces/{NAMESPACE}", {"metadata": {"labels": {"own": "yes"}}}),
    ("POST", "/api/v1/namespaces/kube-system/configmaps", _named("own")),
    ("POST", "/api/v1/namespaces/kube-public/configmaps", _named("own")),
    ("POST", "/api/v1/namespaces/kube-node-lease/configmaps", _named("own")),
    ("POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", _named("own")),
    ("DELETE", "/api/v1/nodes/node-1", None),
    ("POST", "/api/v1/nodes", _named("own")),
    ("PATCH", "/api/v1/nodes/node-1/status", {"status": {"phase": "Running"}}),
    ("PATCH", "/api/v1/nodes/node-1", {"spec": {"providerID": "own://1"}}),
    ("POST", "/api/v1/persistentvolumes",
     _named("own", spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/"}})),
    ("DELETE", "/api/v1/persistentvolumes/kept", None),
    ("PATCH", "/api/v1/persistentvolumes/kept", {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}),
    ("POST", f"{RBAC}/namespaces/{{ns}}/roles", _named("own", rules=[])),
    ("POST", f"{RBAC}/namespaces/{{ns}}/rolebindings", _named("own", roleRef=ROLE)),
    ("POST", f"{RBAC}/clusterroles", _named("own", rules=[])),
    ("POST", f"{RBAC}/clusterrolebindings", _named("own", roleRef=ROLE)),
    ("PATCH", f"{RBAC}/clusterroles/cluster-copilot-executor", {"rules": []}),
    ("DELETE", f"{RBAC}/clusterrolebindings/testbed-readers", None),
    ("PATCH", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/logs.kwok.x-k8s.io", {"metadata": {"labels": {"own": "yes"}}}),
    ("DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/logs.kwok.x-k8s.io", None),
    ("POST", "/apis/apiregistration.k8s.io/v1/apiservices",
     _named("v1.own.example.com", spec={"group": "own.example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1,
                                        "insecureSkipTLSVerify": True, "service": {"name": "own", "namespace": "{ns}"}})),
    ("DELETE", "/apis/apiregistration.k8s.io/v1/apiservices/v1.apps", None),
    ("PATCH", "/apis/scheduling.k8s.io/v1/priorityclasses/system-node-critical", {"metadata": {"labels": {"own": "yes"}}}),
    ("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests",
     _named("own", spec={"request": "{csr}", "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]})),
    ("POST", "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases", _named("own")),
    ("POST", "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices", {**_named("own"), "addressType": "IPv4", "endpoints": []}),
    ("POST", f"{CORE}/events", {**_named("own"), "involvedObject": {"namespace": "{ns}"}}),
    ("PUT", f"{CORE}/configmaps/settings", {**_named("settings"), "metadata": {"name": "settings", "finalizers": ["example.com/own"]}}),
)  # fmt: skip
# Powers that a pod template would gain.
POWERS: tuple[tuple[str, str, Any], ...] = (
    *(("PATCH", WEB, body) for body in (
        _secured(privileged=True), _secured(allowPrivilegeEscalation=True), _secured(runAsUser=0), _secured(runAsNonRoot=False),
        _secured(capabilities={"add": ["SYS_ADMIN"]}), _secured(capabilities={"add": ["NET_BIND_SERVICE", "NET_RAW"]}),
        _secured(seccompProfile={"type": "Unconfined"}), _secured(seLinuxOptions={"level": "s0"}),
        _pod(hostNetwork=True, containers=[{"securityContext": {"windowsOptions": {"hostProcess": True}}}]),
        _pod(hostNetwork=True), _pod(hostPID=True), _pod(hostIPC=True), _pod(shareProcessNamespace=True),
        _pod(serviceAccountName="other"), _pod(automountServiceAccountToken=True), _pod(nodeName="node-1"),
        _pod(priorityClassName="system-node-critical"), _pod(tolerations=[{"operator": "Exists"}]),
        _pod(tolerations=[{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]),
        _pod(securityContext={"runAsUser": 0}), _pod(securityContext={"seccompProfile": {"type": "Unconfined"}}),
        _pod(securityContext={"supplementalGroups": [1]}), _pod(securityContext={"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]}),
        _volume(hostPath={"path": "/"}), _volume(nfs={"server": "own", "path": "/"}), _volume(csi={"driver": "own.example.com"}),
        _volume(projected={"sources": [{"serviceAccountToken": {"path": "token"}}]}),
        _pod(containers=[{"ports": [{"containerPort": 80, "hostPort": 80}]}]),
        _pod(initContainers=[{"name": "own", "image": "own:1", "securityContext": {"privileged": True}}]),
    )),
    ("POST", f"{APPS}/daemonsets", {**_named("own"), "spec": {
        "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, **_pod(hostPID=True)["spec"]["template"]}}}),
    ("POST", "/apis/batch/v1/namespaces/{ns}/jobs", _named("own", spec={"template": {
        "spec": {"restartPolicy": "Never", "hostNetwork": True, "containers": [{"name": "job", "image": "busybox:1"}]}}})),
    ("PATCH", "/apis/batch/v1/namespaces/{ns}/cronjobs/nightly",
     {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"hostPID": True}}}}}}),
)  # fmt: skip


@pytest.fixture(scope="module")
def names(scene: Scene) -> dict[str, str]:
    """What stands for the words in braces."""
    web = scene.get()["metadata"]
    pod = scene.cluster.get("pods", "-n", scene.namespace, "-l", "app=web")["items"][0]["metadata"]["name"]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "own")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    pem = base64.b64encode(csr.public_bytes(serialization.Encoding.PEM)).decode()
    return {
        "{csr}": pem,
        "{ns}": scene.namespace,
        "{pod}": pod,
        "{uid}": web["uid"],
        "{version}": web["resourceVersion"],
    }


def _send(
    account: Account, names: dict[str, str], request: tuple[str, str, Any], user: str = "", plan: str = ""
) -> Answer:
    text = json.dumps(request)
    for word, name in names.items():
        text = text.replace(word, name)
    method, path, body = json.loads(text)
    kind = "application/strategic-merge-patch+json" if method == "PATCH" else ""
    return account.ask_as(user, plan, method, path, body, kind) if user else account.ask(method, path, body, kind)


@pytest.fixture(scope="module", autouse=True)
def kept(scene: Scene) -> None:
    """A Secret, a volume and a Service, so that what is refused is refused for what it is and not for a missing object."""
    volume = {
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "kept"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/none"},
                 "persistentVolumeReclaimPolicy": "Retain"},
    }  # fmt: skip
    claim = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "none"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "absent"},
    }  # fmt: skip
    scene.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "kept"}}, claim)
    scene.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})
    scene.cluster.apply(volume)


@pytest.mark.parametrize("request_", KINDS, ids=_ids(KINDS))
def test_a_stolen_credential_with_every_right_is_refused_tier_4(
    taken_over: Deployed, names: dict[str, str], request_: tuple[str, str, Any]
) -> None:
    answer = _send(taken_over.executor, names, request_)
    assert answer.status == 403, answer
    assert POLICY in answer.message, answer


@pytest.mark.parametrize("request_", POWERS, ids=_ids(POWERS))
def test_a_stolen_credential_with_every_right_gives_no_pod_a_power(
    taken_over: Deployed, names: dict[str, str], request_: tuple[str, str, Any]
) -> None:
    answer = _send(taken_over.executor, names, request_)
    assert answer.status == 403, answer
    assert f"{POLICY}powers'" in answer.message, answer


@pytest.mark.parametrize("place", ["configmaps", "secrets", "pods", "serviceaccounts"])
def test_the_readers_credential_writes_nothing_even_with_every_right(
    taken_over: Deployed, scene: Scene, place: str
) -> None:
    answer = taken_over.reader.ask("POST", f"/api/v1/namespaces/{scene.namespace}/{place}", POD)
    assert (answer.status, "only reads" in answer.message) == (403, True), answer
    answer = taken_over.reader.ask("GET", f"/api/v1/namespaces/{scene.namespace}/pods/any/exec?command=id")
    assert (answer.status, "only reads" in answer.message) == (403, True), answer
