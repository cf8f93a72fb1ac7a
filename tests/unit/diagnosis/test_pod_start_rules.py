"""What a kubelet or runtime says of a container that does not start is read as its cause; odd words never mislead."""

import pytest

from copilot.diagnosis.rules.pods import children, creation, images, rejected, stopping
from copilot.diagnosis.rules.pods.image_messages import classify, proxy_named
from copilot.diagnosis.rules.pods.refusals import refusal
from copilot.model import NodeService
from tests.unit.diagnosis.cluster import Cluster, ref

START = "OCI runtime create failed: runc create failed: unable to start container process: "


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (START + 'error during container init: exec: "app": executable file not found in $PATH: unknown', "pod.crashloop.exit127"),
        (START + 'exec: "/app": stat /app: no such file or directory: unknown', "pod.crashloop.exit127"),
        (START + 'exec: "/run.sh": permission denied: unknown', "pod.crashloop.exit126"),
        (START + "exec /app: exec format error: unknown", "pod.exec.format"),
        (START + 'error mounting "/var/lib/x" to rootfs at "/etc/app": mount src=/var/lib/x: not a directory: unknown', "pod.create.mount"),
        (START + 'error mounting "/var/lib/x" to rootfs at "/data": create mountpoint: read-only file system: unknown', "pod.create.mount"),
        (START + 'chdir to cwd ("/srv") set in config.json failed: no such file or directory: unknown', "pod.create.workdir"),
        (START + "exec /bin/app: argument list too long: unknown", "pod.create.too_long"),
        (START + "container init was OOM-killed (memory limit too low?): unknown", "pod.create.memory_too_small"),
        ("unable to find user web: no matching entries in passwd file", "pod.create.user_unknown"),
        ("failed to generate spec: no command specified", "pod.create.no_command"),
        ('failed to reserve container name "a_b_c_1": name "a_b_c_1" is reserved for "77"', "pod.create.name_reserved"),
        ("failed to prepare extraction snapshot: mkdir /var/lib/containerd/x: no space left on device", "pod.create.node_disk"),
        ("container has runAsNonRoot and image will run as root", "pod.create.run_as_nonroot"),
        ('cannot load seccomp profile "/var/lib/kubelet/seccomp/x.json": no such file or directory', "pod.create.apparmor"),
        ('failed to prepare subPath for volumeMount "d" of container "m"', "pod.create.subpath"),
    ],
)  # fmt: skip
def test_what_a_runtime_says_is_read_as_its_cause(message, cause):
    found = refusal(message)
    assert found is not None
    assert found.cause.id == cause


@pytest.mark.parametrize("message", ["", "\x00\x1b[31m{name}{0}", "something new happened", "{" * 5000])
def test_what_nobody_knows_is_no_known_refusal(message):
    assert refusal(message) is None


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("http: server gave HTTP response to HTTPS client", "pod.image.http"),
        ("proxyconnect tcp: dial tcp 10.3.0.9:3128: connect: connection refused", "pod.image.proxy"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "pod.image.x509"),
        ("unexpected status from HEAD request to https://r/v2/a/manifests/1: 503 Service Unavailable", "pod.image.registry_error"),
        ("unexpected status code [manifests 1]: 500 Internal Server Error", "pod.image.registry_error"),
        ("context deadline exceeded", "pod.image.timeout"),
        ("pull QPS exceeded", "pod.image.ratelimit"),
        ('image operating system "windows" cannot be used on this platform', "pod.image.arch"),
        ("unexpected media type application/vnd.cncf.helm.config.v1+json for sha256:77: not found", "pod.image.format"),
        ("failed to resolve reference: r/a@sha256:77: not found", "pod.image.tag_missing"),
        ("pull access denied, repository does not exist or may require authorization", "pod.image.notfound_or_denied"),
        ("a message of tomorrow", "pod.image.pull_failed"),
    ],
)  # fmt: skip
def test_each_way_a_pull_fails_has_its_cause(message, cause):
    assert classify("r/a:1", "ErrImagePull", message)[0].id == cause


def test_the_proxy_is_named_as_the_message_names_it():
    assert proxy_named("proxyconnect tcp: dial tcp 10.3.0.9:3128: connect: refused") == " (10.3.0.9:3128)"
    assert proxy_named("no proxy here") == ""


def pulling(image, message, **more):
    cluster = Cluster().node().deployment("web", have=1)
    spec = {"containers": [{"name": "main", "image": image}], **more}
    status = {"containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": message}}}]}  # fmt: skip
    return cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", phase="Pending", spec=spec, status=status)  # fmt: skip


def test_a_registry_behind_a_node_port_is_the_service_of_the_cluster():
    cluster = pulling("localhost:30500/web:1", "dial tcp 127.0.0.1:30500: connect: connection refused")
    cluster.add("Service", "registry", "kube-system", spec={"type": "NodePort", "ports": [{"port": 5000, "nodePort": 30500}]})  # fmt: skip
    found = cluster.only(images.RULES)
    assert (found.cause, found.object) == ("pod.image.registry_in_cluster", ref("Service", "kube-system/registry"))


def test_a_pull_secret_of_the_wrong_type_is_told():
    cluster = pulling("quay.io/a/web:1", "401 Unauthorized", imagePullSecrets=[{"name": "cred"}])
    found = cluster.add("Secret", "cred", "shop", type="Opaque").only(images.RULES)
    assert found.cause == "pod.image.unauthorized"
    assert "of type Opaque" in found.title


def test_a_missing_pull_secret_offers_the_nearest_or_the_other_namespace():
    near = pulling("quay.io/a/web:1", "401 Unauthorized", imagePullSecrets=[{"name": "regcred"}])
    assert "there is reg-cred" in near.add("Secret", "reg-cred", "shop").only(images.RULES).title
    away = pulling("quay.io/a/web:1", "401 Unauthorized", imagePullSecrets=[{"name": "regcred"}])
    assert "namespace platform has one" in away.add("Secret", "regcred", "platform").only(images.RULES).title


def test_a_kubelets_rejection_that_no_other_rule_knows_is_told():
    cluster = Cluster().node().deployment("web", have=1)
    status = {"reason": "NewFeatureMissing", "message": "Pod was rejected: the node cannot do this"}
    cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", phase="Failed", status=status)
    found = cluster.only(rejected.RULES)
    assert (found.cause, found.object) == ("pod.rejected", ref("Deployment", "shop/web"))


def test_an_eviction_is_left_to_the_rules_of_evictions():
    cluster = Cluster().node().deployment("web", have=1)
    status = {"reason": "Evicted", "message": "The node was low on resource: memory."}
    cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", phase="Failed", status=status)
    assert cluster.find(rejected.RULES) == []


def test_a_refused_configuration_is_read_from_the_event_when_the_status_says_nothing():
    cluster = Cluster().node().deployment("web", have=1)
    cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", phase="Pending", waiting="CreateContainerConfigError")  # fmt: skip
    cluster.event("Pod", "web-abc-1", "shop", "Failed", "Error: container has runAsNonRoot and image will run as root")
    assert cluster.only(creation.RULES).cause == "pod.create.run_as_nonroot"


def kernel(uid, times):
    line = f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/kubepods.slice/kubepods-pod{uid.replace('-', '_')}.slice,task=worker,pid=77,uid=0\n"
    return NodeService(node="n1", unit="kernel", active="", text=line * times)


def test_the_kernels_killings_in_a_pods_own_limit_are_told_of_its_workload():
    uid = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"
    cluster = Cluster().node().deployment("web", have=1, ready=1)
    cluster.pod("web-abc-1", owner=("ReplicaSet", "web-abc"), node="n1", metadata={"uid": uid})
    cluster.services.append(kernel(uid, 3))
    found = cluster.only(children.RULES)
    assert (found.cause, found.object) == ("pod.oomkilled.child", ref("Deployment", "shop/web"))
    cluster.services[:] = [kernel(uid, 1)]
    assert cluster.find(children.RULES) == []


def test_a_hook_that_fails_at_the_end_of_pods_is_remarked_and_not_blamed():
    cluster = Cluster().node().deployment("web", have=1, ready=1).running("web", "n1", name="web-abc-1")
    cluster.event("Pod", "web-abc-1", "shop", "FailedPreStopHook", "PreStopHook failed")
    found = cluster.only(stopping.RULES)
    assert found.cause == "pod.hook.prestop"
    assert found.weight < 0.5
