"""Before anything is applied: what would be refused, what would never become ready, with file and line; and what is sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.cli.main import main
from copilot.model import Diagnosis, InputError, Snapshot, Verdict
from copilot.preflight import judge
from copilot.preflight.security import violations
from tests.unit.changes.test_sarif import check
from tests.unit.diagnosis.cluster import Cluster
from tools.cluster.manifest_files import FieldLines, Manifest, Manifests, read_manifests
from tools.cluster.resources import resource

KEYS = ["containers", "template", "spec", "metadata", "labels", "selector", "matchLabels", "name", "image", "ports", "port", "httpGet",
        "livenessProbe", "env", "valueFrom", "configMapKeyRef", "resources", "limits", "requests", "cpu", "hard", "volumes", "configMap",
        "securityContext", "capabilities", "add", "replicas", "minAvailable", "limits", "type", "max", "affinity", "items", "targetPort"]  # fmt: skip
KINDS = [("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"), ("batch/v1", "CronJob"), ("v1", "Pod"), ("v1", "Service"), ("v1", "ResourceQuota"),
         ("v1", "LimitRange"), ("policy/v1", "PodDisruptionBudget"), ("autoscaling/v2", "HorizontalPodAutoscaler"),
         ("networking.k8s.io/v1", "Ingress"), ("apps/v1", "StatefulSet"), ("v1", "Node"), ("v1", "Namespace"), ("x.io/v1", "Thing")]  # fmt: skip
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: REPLICAS
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example/web:1
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
"""


def web(more: str = "", replicas: int = 1, kind: str = "Deployment") -> str:
    """A sound Deployment; `more` is added to its container, eight spaces deep."""
    body = WEB.replace("REPLICAS", str(replicas)).replace("kind: Deployment", f"kind: {kind}")
    return body + "".join(f"        {line}\n" for line in more.splitlines())


def cluster() -> Cluster:
    return (
        Cluster()
        .node("n1", cpu="4")
        .node("n2", cpu="2")
        .add("Namespace", "shop")
        .add("ServiceAccount", "default", "shop")
    )


def judged(folder: Path, text: str, live: Cluster | None = None) -> Diagnosis:
    path = folder / "all.yaml"
    path.write_text(text, encoding="utf-8")
    snapshot: Snapshot | None = live.snapshot() if live is not None else None
    return judge(read_manifests((str(path),)), snapshot, "shop")


def causes(diagnosis: Diagnosis) -> list[str]:
    return [cause.cause for cause in diagnosis.root_causes]


def only(diagnosis: Diagnosis) -> Any:
    assert len(diagnosis.root_causes) == 1, [(cause.cause, cause.title) for cause in diagnosis.root_causes]
    return diagnosis.root_causes[0]


@pytest.mark.parametrize("live", [None, cluster()])
def test_sound_manifests_are_healthy(tmp_path: Path, live: Cluster | None) -> None:
    found = judged(tmp_path, f"{web('ports: [{containerPort: 8080}]', 2)}---\n{SERVICE}", live)
    assert (found.verdict, causes(found)) == (Verdict.HEALTHY, [])


FAULTS = [
    ("manifest.selector_mismatch", web().replace("labels: {app: web}", "labels: {app: wep}"), ":6", "app=wep"),
    ("manifest.probe_port", web("readinessProbe: {httpGet: {port: http}}"), ":15", "no port named http"),
    ("manifest.probe_port", web("ports: [{containerPort: 8080}]\nlivenessProbe:\n  tcpSocket: {port: 8081}"), ":17", "declares 8080"),
    ("pod.image.invalid_name", web().replace("registry.example/web:1", "registry.example/Web:1"), ":14", "not a valid image name"),
    ("manifest.volume_missing", web("volumeMounts: [{name: data, mountPath: /d}]"), ":15", "mounts volume data"),
    ("manifest.bounds", web("resources: {requests: {cpu: 2}, limits: {cpu: 1}}"), ":15", "requests more cpu"),
    ("manifest.port_conflict", web("ports: [{containerPort: 80}]\n").rstrip() + "\n      - {name: b, image: b, ports: [{containerPort: 80}]}\n", ":16", "port 80/TCP"),
    ("manifest.name_twice", web() + "      - {name: web, image: b}\n", ":13", "2 containers are named web"),
    ("manifest.restart_policy", web(kind="Job").replace("apps/v1", "batch/v1").replace("  selector:\n    matchLabels: {app: web}\n", ""), "", "restartPolicy Always"),
    ("manifest.duplicate", f"{web()}---\n{web(replicas=2)}", ":3", "written 2 times"),
    ("manifest.api_removed", "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: c}\nspec: {}\n", ":1", "removed in Kubernetes 1.25"),
    ("manifest.bounds", "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  minReplicas: 3\n  maxReplicas: 2\n  scaleTargetRef: {kind: Deployment, name: web, apiVersion: apps/v1}\n", ":6", "below minReplicas"),
    ("manifest.budget_blocks_all", f"{web(replicas=2)}---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web, namespace: shop}}\nspec:\n  minAvailable: 100%\n  selector: {{matchLabels: {{app: web}}}}\n", ":20", "allows no eviction"),
    ("svc.targetport", f"{web('ports: [{containerPort: 8081}]')}---\n{SERVICE}", ":22", "8080"),
    ("svc.no_endpoints.selector", f"{web()}---\n{SERVICE.replace('app: web', 'app: webb')}", ":20", "app=web"),
    ("pod.create.key_missing", f"{web('env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: mode}}}]')}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: shop}}\ndata: {{mood: x}}\n", ":15", "it has mood"),
    ("hpa.missing_request", f"{web()}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web, namespace: shop}}\nspec:\n  maxReplicas: 5\n  scaleTargetRef: {{kind: Deployment, name: web, apiVersion: apps/v1}}\n  metrics: [{{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 50}}}}}}]\n", ":13", "no cpu request"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cause", "text", "line", "words"), FAULTS, ids=[f"{fault[0]}-{i}" for i, fault in enumerate(FAULTS)]
)
def test_a_fault_of_the_manifests_alone_is_found_with_file_and_line(
    tmp_path: Path, cause: str, text: str, line: str, words: str
) -> None:
    found = judged(tmp_path, text)
    match = [root for root in found.root_causes if root.cause == cause]
    assert match, causes(found)
    assert words in f"{match[0].title} {' '.join(piece.text for piece in match[0].evidence)}"
    assert any(piece.source.endswith(f"all.yaml{line}") or not line for piece in match[0].evidence), [
        p.source for p in match[0].evidence
    ]
    assert found.verdict is Verdict.FAULT


def test_what_may_exist_elsewhere_is_taken_for_granted_and_said(tmp_path: Path) -> None:
    found = judged(tmp_path, web("envFrom: [{secretRef: {name: keys}}]"))
    assert (found.verdict, causes(found)) == (Verdict.HEALTHY, [])
    assert any("Secret shop/keys" in note for note in found.coverage.notes)


def test_a_misspelt_reference_is_found_even_without_a_cluster(tmp_path: Path) -> None:
    text = f"{web('envFrom: [{configMapRef: {name: setings}}]')}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: shop}}\ndata: {{a: b}}\n"
    assert "there is settings" in only(judged(tmp_path, text)).title


REFERENCES = [
    ("pod.create.secret_missing", web("envFrom: [{secretRef: {name: keys}}]"), "Secret keys"),
    ("sa.missing", web().replace("      containers:", "      serviceAccountName: robot\n      containers:"), "ServiceAccount robot"),
    ("priorityclass.missing", web().replace("      containers:", "      priorityClassName: top\n      containers:"), "PriorityClass top"),
    ("sandbox.runtimeclass.unknown", web().replace("      containers:", "      runtimeClassName: gvisor\n      containers:"), "RuntimeClass gvisor"),
    ("pod.image.pullsecret_missing", web().replace("      containers:", "      imagePullSecrets: [{name: reg}]\n      containers:"), "Secret reg"),
    ("sched.volume.pvc_missing", web().replace("      containers:", "      volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]\n      containers:"), "PersistentVolumeClaim data"),
    ("pvc.storageclass.missing", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: d}\nspec: {storageClassName: fast, accessModes: [ReadWriteOnce]}\n", "StorageClass fast"),
    ("manifest.namespace_missing", web().replace("namespace: shop", "namespace: shopp"), "there is shop"),
    ("crd.missing", "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n", "kind Widget"),
    ("ingress.backend_missing", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec:\n  rules:\n  - http:\n      paths:\n      - {path: /, pathType: Prefix, backend: {service: {name: wob, port: {number: 80}}}}\n", "Service wob"),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "text", "words"), REFERENCES, ids=[reference[0] for reference in REFERENCES])
def test_what_neither_cluster_nor_manifests_have_is_missing(tmp_path: Path, cause: str, text: str, words: str) -> None:
    root = only(judged(tmp_path, text, cluster()))
    assert (root.cause, words in root.title) == (cause, True), root.title
    assert "all.yaml:" in root.evidence[0].source


def test_what_the_cluster_has_is_not_missing(tmp_path: Path) -> None:
    live = cluster().add("Secret", "keys", "shop", dataKeys=["a"])
    assert judged(tmp_path, web("envFrom: [{secretRef: {name: keys}}]"), live).verdict is Verdict.HEALTHY


def test_a_quota_is_counted_to_the_replica_that_does_not_fit(tmp_path: Path) -> None:
    live = cluster().add(
        "ResourceQuota",
        "team",
        "shop",
        spec={"hard": {"requests.cpu": "1"}},
        status={"hard": {"requests.cpu": "1"}, "used": {"requests.cpu": "500m"}},
    )
    root = only(judged(tmp_path, web("resources: {requests: {cpu: 200m}}", 3), live))
    assert root.cause == "quota.exceeded"
    assert "requests.cpu 900m of 1 used, 200m more requested" in root.title
    assert any(piece.text.startswith("the API server would refuse:") for piece in root.evidence)


def test_a_replaced_workload_gives_its_quota_back(tmp_path: Path) -> None:
    spec = {
        "containers": [{"name": "web", "image": "registry.example/web:0", "resources": {"requests": {"cpu": "800m"}}}]
    }
    live = cluster().add(
        "ResourceQuota",
        "team",
        "shop",
        spec={"hard": {"requests.cpu": "1"}},
        status={"hard": {"requests.cpu": "1"}, "used": {"requests.cpu": "800m"}},
    )
    live.deployment("web", have=1, ready=1, spec=spec).running("web", "n1", spec=spec)
    assert judged(tmp_path, web("resources: {requests: {cpu: 900m}}"), live).verdict is Verdict.HEALTHY


def test_a_quota_demands_what_no_limit_range_gives(tmp_path: Path) -> None:
    live = cluster().add(
        "ResourceQuota",
        "team",
        "shop",
        spec={"hard": {"limits.memory": "8Gi"}},
        status={"hard": {"limits.memory": "8Gi"}, "used": {}},
    )
    assert causes(judged(tmp_path, web(), live)) == ["quota.must_specify"]
    live.add("LimitRange", "defaults", "shop", spec={"limits": [{"type": "Container", "default": {"memory": "1Gi"}}]})
    assert judged(tmp_path, web(), live).verdict is Verdict.HEALTHY


def test_a_limit_range_bound_is_named_with_both_numbers(tmp_path: Path) -> None:
    live = cluster().add(
        "LimitRange", "bounds", "shop", spec={"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}
    )
    root = only(judged(tmp_path, web("resources: {limits: {memory: 2Gi}}"), live))
    assert (root.cause, "allows at most 1Gi memory" in root.title, "2Gi" in root.title) == (
        "limitrange.max",
        True,
        True,
    )


def test_the_namespaces_pod_security_level_is_applied(tmp_path: Path) -> None:
    live = Cluster().node().add("Namespace", "shop", labels={"pod-security.kubernetes.io/enforce": "baseline"})
    assert causes(judged(tmp_path, web("securityContext: {privileged: true}"), live)) == ["psa.denied"]
    assert judged(tmp_path, web(), live).verdict is Verdict.HEALTHY


def test_the_restricted_level_wants_all_four_fields() -> None:
    bare = {"containers": [{"name": "web"}]}
    good = {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "web", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}]}  # fmt: skip
    assert [text.split(" ")[0] for text in violations(bare, "restricted", {})] == [
        "allowPrivilegeEscalation",
        "unrestricted",
        "runAsNonRoot",
        "seccompProfile",
    ]
    assert violations(good, "restricted", {}) == []


def test_a_pod_that_fits_on_no_node_is_found_by_arithmetic(tmp_path: Path) -> None:
    root = only(judged(tmp_path, web("resources: {requests: {cpu: 5}}"), cluster()))
    assert root.cause == "sched.insufficient.cpu"
    assert any(piece.text.startswith("the scheduler would say:") for piece in root.evidence)
    assert root.object.kind == "Deployment"


def test_the_replica_that_has_no_room_left_is_found(tmp_path: Path) -> None:
    assert judged(tmp_path, web("resources: {requests: {cpu: 1500m}}", 3), cluster()).verdict is Verdict.HEALTHY
    assert causes(judged(tmp_path, web("resources: {requests: {cpu: 1500m}}", 4), cluster())) == [
        "sched.insufficient.cpu"
    ]


def test_a_node_selector_without_a_node_is_found(tmp_path: Path) -> None:
    text = web().replace("      containers:", "      nodeSelector: {disk: ssd}\n      containers:")
    assert causes(judged(tmp_path, text, cluster())) == ["sched.nodeaffinity"]


def test_a_change_of_a_fixed_field_would_be_refused(tmp_path: Path) -> None:
    live = (
        cluster()
        .deployment("web", have=1, ready=1, spec={"containers": [{"name": "web", "image": "a:1"}]})
        .running("web", "n1")
    )
    text = web().replace("{app: web}", "{app: web, tier: front}")
    root = only(judged(tmp_path, text, live))
    assert (root.cause, "spec.selector" in root.title, "cannot be changed" in root.title) == (
        "manifest.immutable",
        True,
        True,
    )
    assert judged(tmp_path, web(), live).verdict is Verdict.HEALTHY


def test_the_clusters_own_troubles_are_not_the_manifests(tmp_path: Path) -> None:
    live = cluster().pending(
        "other",
        "0/2 nodes are available: 2 Insufficient cpu.",
        spec={"containers": [{"name": "m", "image": "a", "resources": {"requests": {"cpu": "9"}}}]},
    )
    assert judged(tmp_path, web(), live).verdict is Verdict.HEALTHY


def test_an_old_pod_of_the_same_workload_does_not_speak_for_the_new_one(tmp_path: Path) -> None:
    live = (
        cluster()
        .deployment("web", have=1)
        .pod("web-abc-x", owner=("ReplicaSet", "web-abc"), node="n1", waiting="CrashLoopBackOff")
    )
    assert judged(tmp_path, web(), live).verdict is Verdict.HEALTHY


def test_lines_are_those_of_the_document_and_of_items_in_lists(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(
        "# head\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n",
        encoding="utf-8",
    )
    first, second = read_manifests((str(path),)).objects
    assert (first.place(), second.place("metadata.name")) == (f"{path}:6", f"{path}:12")


def test_json_manifests_have_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        '{\n "apiVersion": "v1", "kind": "Pod",\n "metadata": {"name": "a"},\n "spec": {\n  "nodeName": "x"}}'
    )
    assert read_manifests((str(path),)).objects[0].place("spec.nodeName") == f"{path}:5"


def test_a_folder_is_read_with_what_is_below_and_its_templates_are_named(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "web.yaml").write_text(web())
    (tmp_path / "chart.yaml").write_text("a: {{ .Values.x }}\nb: [")
    (tmp_path / "notes.md").write_text("kind: Pod")
    found = read_manifests((str(tmp_path),))
    assert [manifest.resource.ref.name for manifest in found.objects] == ["web"]
    assert any("chart.yaml" in note for note in found.notes)


def test_a_single_broken_file_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("kind: Pod\nmetadata: [\n")
    with pytest.raises(InputError, match=r"bad\.yaml:\d"):
        read_manifests((str(path),))


def test_the_command_judges_alone_and_prints_sarif_with_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(web("readinessProbe: {httpGet: {port: http}}"))
    assert main(["why", "-f", str(tmp_path), "--alone", "-o", "sarif"]) == 1
    document = json.loads(capsys.readouterr().out)
    check(document)
    place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("/web.yaml")
    assert place["region"]["startLine"] == 15


def test_the_command_combines_manifests_with_a_recorded_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yaml").write_text(web("envFrom: [{secretRef: {name: keys}}]"))
    kinds = [
        {
            "apiVersion": "v1",
            "kind": "SecretList",
            "metadata": {},
            "items": [{"metadata": {"name": "other", "namespace": space, "uid": space}} for space in ("shop", "b")],
        }
    ]
    (tmp_path / "dump.json").write_text("\n".join(json.dumps(one) for one in kinds))
    assert main(["why", "-f", str(tmp_path / "web.yaml"), "--from", str(tmp_path / "dump.json"), "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["root_causes"][0]["cause"] == "pod.create.secret_missing"


@pytest.mark.parametrize("words", [["why", "--alone"], ["why", "deploy/web", "-f", "x.yaml"]])
def test_manifests_and_objects_are_two_questions(words: list[str]) -> None:
    assert main(words) == 64


def test_anti_affinity_is_asked_with_the_pods_placed_before(tmp_path: Path) -> None:
    term = "{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}"
    rule = f"      affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{term}]}}}}\n"
    two, three = (web(replicas=count).replace("      containers:", f"{rule}      containers:") for count in (2, 3))
    assert judged(tmp_path, two, cluster()).verdict is Verdict.HEALTHY
    assert causes(judged(tmp_path, three, cluster())) == ["sched.podaffinity"]


def test_a_daemon_pod_without_room_on_its_node_is_found_and_a_tainted_node_gets_none(tmp_path: Path) -> None:
    daemon = web("resources: {requests: {cpu: 3}}", kind="DaemonSet").replace("  replicas: 1\n", "")
    tainted = [{"key": "dedicated", "value": "x", "effect": "NoSchedule"}]
    assert (
        judged(
            tmp_path, daemon, Cluster().add("Namespace", "shop").node("n1").node("n2", cpu="1", taints=tainted)
        ).verdict
        is Verdict.HEALTHY
    )
    found = judged(tmp_path, daemon, cluster())
    assert [cause.object.kind for cause in found.root_causes] == ["DaemonSet"]


def test_a_health_port_of_its_own_is_not_called_a_fault(tmp_path: Path) -> None:
    probes = "livenessProbe: {httpGet: {port: 9440}}"
    assert judged(tmp_path, web(f"ports: [{{containerPort: 8080}}]\n{probes}")).verdict is Verdict.HEALTHY


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), JSON, JSON), min_size=1, max_size=3))
def test_hostile_manifests_never_make_the_verdict_fail(parts: list[tuple[tuple[str, str], Any, Any]]) -> None:
    bodies = [
        {"apiVersion": api, "kind": kind, "metadata": {"name": "x", "labels": more}, "spec": spec}
        for (api, kind), spec, more in parts
    ]
    manifests = tuple(Manifest(resource(body, "m.yaml:1"), "m.yaml", FieldLines(None, 1, 1)) for body in bodies)
    for live in (None, cluster().snapshot()):
        found = judge(Manifests(manifests), live, "shop")
        assert all(cause.evidence for cause in found.root_causes)
