"""The second batch about starting: written after the first was mended, before any of it was run."""

from __future__ import annotations

from tests.unit.diagnosis.blind_storage_kit import busy, creating, mounted, pods_of, pull, say, vol
from tests.unit.diagnosis.unseen import Case, put, quiet, situation, svc

GAR = "europe-docker.pkg.dev/acme-prod/apps/billing:4.4"
START = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "


@situation("Deployment shop/billing", "denied|credential|permission|authoriz", "pod.image")
def artifact_registry_denies_the_download() -> Case:
    return pull(busy(), "billing", GAR, f'rpc error: code = PermissionDenied desc = failed to pull and unpack image "{GAR}": failed to resolve reference "{GAR}": unexpected status from HEAD request to https://europe-docker.pkg.dev/v2/acme-prod/apps/billing/manifests/4.4: 403 Forbidden: denied: Permission "artifactregistry.repositories.downloadArtifacts" denied on resource "projects/acme-prod/locations/europe/repositories/apps" (or it may not exist)')  # fmt: skip


@situation("Deployment harbor/harbor-core", "database|postgres|refused|connect|harbor-db", "")
def registry_behind_an_ingress_of_the_cluster_is_down() -> Case:
    made = busy().add("Namespace", "harbor", status={"phase": "Active"})
    put(made, "harbor-core", ns="harbor", states="crash:1", logs="2026-03-01T11:58:01Z [FATAL] [/core/main.go:184]: failed to initialize database: register db Ping `default`, failed to connect to `host=harbor-db.internal.lan user=postgres database=registry`: dial error (dial tcp 10.9.0.4:5432: connect: connection refused)\n")  # fmt: skip
    svc(made, "harbor-core", 80, 8080, ns="harbor", ip="10.96.55.1")
    made.add("Ingress", "harbor", "harbor", api="networking.k8s.io/v1", spec={"rules": [{"host": "harbor.acme.io", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "harbor-core", "port": {"number": 80}}}}]}}]}, status={"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}})  # fmt: skip
    for app in ("cart", "coupon", "wishlist"):
        image = f"harbor.acme.io/shop/{app}:2"
        pull(made, app, image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": unexpected status from HEAD request to https://harbor.acme.io/v2/shop/{app}/manifests/2: 503 Service Unavailable')  # fmt: skip
    return made


@situation("Deployment shop/cart", "qps|rate|limit", "pod.image")
def kubelets_own_pull_rate_is_exceeded_for_an_hour() -> Case:
    return pull(busy(), "cart", "registry.example/cart:9", "pull QPS exceeded")


@situation("Deployment shop/quote", "type|opaque|secret", "pod.image")
def pull_secret_was_made_as_an_opaque_secret() -> Case:
    made = busy().add("Secret", "regcred", "shop", type="Opaque", dataKeys=["username", "password"])
    why = 'rpc error: code = Unknown desc = failed to pull and unpack image "registry.gitlab.com/acme/quote:7": failed to resolve reference "registry.gitlab.com/acme/quote:7": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials'
    return pull(made, "quote", "registry.gitlab.com/acme/quote:7", why, spec={"imagePullSecrets": [{"name": "regcred"}]})  # fmt: skip


@situation("Deployment shop/quote", "format|not an image|media type|artifact|chart", "pod.image")
def a_helm_chart_is_named_as_image() -> Case:
    image = "registry.example/charts/quote:1.2.0"
    return pull(busy(), "quote", image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to unpack image on snapshotter overlayfs: unexpected media type application/vnd.cncf.helm.config.v1+json for sha256:77aa: not found')  # fmt: skip


@situation("Deployment shop/api", "entrypoint.sh|interpreter|no such file|line end", "")
def script_with_windows_line_ends() -> Case:
    return put(busy(), "api", containers={"api": {"command": ["/app/entrypoint.sh"]}}, states="crash:255", logs="exec /app/entrypoint.sh: no such file or directory\n", previous=True)  # fmt: skip


@situation("Deployment shop/api", "glibc|library|libc", "")
def binary_wants_a_newer_libc() -> Case:
    return put(busy(), "api", states="crash:1", logs="/app/server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /app/server)\n", previous=True)  # fmt: skip


@situation("Node n2", "sandbox|runtime|cgroup", "")
def one_nodes_runtime_makes_no_sandboxes() -> Case:
    made = busy()
    for app in ("cart", "coupon", "wishlist"):
        creating(made, app, "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox "8c1e": failed to create containerd task: failed to create shim task: cgroups: cgroup mountpoint does not exist: unknown', nodes=("n2",), count=40)  # fmt: skip
    return made


@situation("StatefulSet shop/search", "permission|chown|permitted", "")
def chown_in_an_init_container_is_not_permitted() -> Case:
    init = {"fix-rights": {"image": "busybox:1.36", "command": ["chown", "-R", "1000:1000", "/usr/share/data"], "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}}}}  # fmt: skip
    return put(busy(), "search", kind="StatefulSet", init=init, states={"fix-rights": "crash:1"}, logs={"fix-rights": "chown: /usr/share/data: Operation not permitted\n"})  # fmt: skip


@situation("Deployment shop/edge|Pod shop/edge*|Node n1", "apparmor", "")
def app_armor_blocks_the_pod_at_admission() -> Case:
    said = 'Cannot enforce AppArmor: profile "k8s-edge" is not loaded'
    made = put(busy(), "edge", phase="Failed", states="wait:ContainerCreating", pod_status={"containerStatuses": [], "reason": "AppArmor", "message": f"Pod was rejected: {said}", "podIP": ""})  # fmt: skip
    return say(made, "edge", "AppArmor", said)


@situation("Node n2|Deployment shop/cart", "name|runtime|earlier|disk|reserve", "")
def container_names_stay_reserved_on_a_slow_node() -> Case:
    made = busy()
    for app in ("cart", "coupon"):
        message = f'failed to reserve container name "{app}_{app}-abc-x0_shop_77aa_3": name "{app}_{app}-abc-x0_shop_77aa_3" is reserved for "9c11"'
        put(made, app, nodes=("n2",), states=f"wait:CreateContainerError:{message}")
        say(made, app, "Failed", "Error: context deadline exceeded", count=9)
        say(made, app, "Failed", f"Error: {message}", count=22)
    return made


@situation("Deployment shop/site", "image", "pod.image")
def app_waits_for_a_file_of_a_sidecar_whose_image_is_missing() -> Case:
    image = "registry.example/render-config:0.9-rc"
    parts = {"site": {"volumeMounts": [mounted("shared", "/shared")]}, "render": {"image": image, "volumeMounts": [mounted("shared", "/shared")]}}  # fmt: skip
    made = put(busy(), "site", containers=parts, spec={"volumes": [vol("shared", emptyDir={})]}, states={"site": "crash:1", "render": f'wait:ImagePullBackOff:Back-off pulling image "{image}": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'},
               logs={"site": "Error: ENOENT: no such file or directory, open '/shared/config.json'\n    at Object.openSync (node:fs:601:3)\n"})  # fmt: skip
    return say(made, "site", "Failed", f'Failed to pull image "{image}": rpc error: code = NotFound desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found', count=6)  # fmt: skip


@situation("Deployment shop/api", "memory", "")
def memory_limit_is_four_mebibytes() -> Case:
    message = START + "container init was OOM-killed (memory limit too low?): unknown"
    return put(busy(), "api", containers={"api": {"resources": {"limits": {"memory": "4Mi"}}}}, states=f"crash:StartError/128:{message}")  # fmt: skip


@situation("Deployment shop/api", "user|appuser", "")
def image_has_no_user_of_that_name() -> Case:
    message = "failed to create containerd container: mount callback failed on /tmp/containerd-mount1: no users found"
    made = put(busy(), "api", states=f"wait:CreateContainerError:{message}")
    return say(made, "api", "Failed", f"Error: {message}")


@situation("Deployment shop/api", "command|entrypoint", "")
def image_from_scratch_has_no_command() -> Case:
    message = 'failed to generate container "11aa" spec: failed to generate spec: no command specified'
    made = put(busy(), "api", states=f"wait:CreateContainerError:{message}")
    return say(made, "api", "Failed", f"Error: {message}")


@situation("Deployment shop/api", "gunicorrn|not found|command", "")
def shell_does_not_find_the_misspelt_program() -> Case:
    return put(busy(), "api", containers={"api": {"command": ["sh", "-c", "exec gunicorrn app:app"]}}, states="crash:127", logs="sh: 1: exec: gunicorrn: not found\n", previous=True)  # fmt: skip


@situation("Deployment shop/api", "jar", "")
def jar_is_not_where_the_command_looks() -> Case:
    return put(busy(), "api", containers={"api": {"command": ["java", "-jar", "/opt/app/app.jar"]}}, states="crash:1", logs="Error: Unable to access jarfile /opt/app/app.jar\n", previous=True)  # fmt: skip


@situation("Deployment shop/proxy", "image|tag|not found", "pod.image")
def image_of_a_native_sidecar_is_missing() -> Case:
    image = "registry.example/mesh-proxy:77"
    made = put(busy(), "proxy", init={"mesh": {"image": image, "restartPolicy": "Always"}}, states={"mesh": f'wait:ImagePullBackOff:Back-off pulling image "{image}": ErrImagePull: failed to resolve reference "{image}": {image}: not found'})  # fmt: skip
    assert pods_of(made, "proxy")
    return made


@quiet
def the_pull_rate_was_exceeded_once_at_a_rollout() -> Case:
    made = put(busy(), "cart", age=800)
    return say(made, "cart", "Failed", 'Failed to pull image "registry.example/cart:1.4.2": pull QPS exceeded', count=1, first=780, last=780)  # fmt: skip


@quiet
def a_pod_of_a_job_that_failed_was_followed_by_one_that_succeeded() -> Case:
    made = put(busy(), "etl", kind="Job", spec={"restartPolicy": "Never"}, states="done", phase="Succeeded", status={"succeeded": 1, "failed": 1, "conditions": [{"type": "Complete", "status": "True"}]})  # fmt: skip
    return made.add("Pod", "etl-z9", "shop", labels={"app": "etl"}, metadata={"ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": "etl", "uid": "uid-Job-shop-etl", "controller": True}]},
                    spec={"nodeName": "n1", "restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/etl:1.4.2"}]},
                    status={"phase": "Failed", "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "image": "i", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]})  # fmt: skip
