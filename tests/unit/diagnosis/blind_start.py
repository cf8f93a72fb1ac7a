"""Failures before a program runs, written before the rules were read: images, registries, references, commands.

First run of this file: see test_blind_c2.
"""

from __future__ import annotations

from tests.unit.diagnosis.blind_storage_kit import busy, creating, disk, mounted, pull, say, vol
from tests.unit.diagnosis.unseen import Case, put, quiet, situation, svc

GHCR = "ghcr.io/acme/billing@sha256:3d1f0c5f9e6b7a2d4c8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f9012345678a"


@situation("Deployment shop/billing", "digest", "pod.image")
def image_digest_was_garbage_collected() -> Case:
    return pull(busy(), "billing", GHCR, f'rpc error: code = NotFound desc = failed to pull and unpack image "{GHCR}": failed to resolve reference "{GHCR}": {GHCR}: not found')  # fmt: skip


@situation("Deployment shop/checkout", "never", "pod.image")
def pull_policy_never_and_image_not_on_node() -> Case:
    image = "checkout:dev"
    made = put(busy(), "checkout", containers={"checkout": {"image": image, "imagePullPolicy": "Never"}}, states=f'wait:ErrImageNeverPull:Container image "{image}" is not present with pull policy of Never')  # fmt: skip
    say(made, "checkout", "ErrImageNeverPull", f'Container image "{image}" is not present with pull policy of Never')
    return say(made, "checkout", "Failed", "Error: ErrImageNeverPull")


@situation("Deployment shop/quote", "credential|rejected|unauthorized|password|pull secret", "pod.image")
def pull_secret_holds_a_revoked_token() -> Case:
    made = busy().add("Secret", "harbor-robot", "shop", type="kubernetes.io/dockerconfigjson", dataKeys=[".dockerconfigjson"])  # fmt: skip
    why = 'rpc error: code = Unknown desc = failed to pull and unpack image "harbor.acme.io/team/quote:7.0.1": failed to resolve reference "harbor.acme.io/team/quote:7.0.1": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://harbor.acme.io/service/token?scope=repository%3Ateam%2Fquote%3Apull&service=harbor-registry: 401 Unauthorized'
    return pull(made, "quote", "harbor.acme.io/team/quote:7.0.1", why, spec={"imagePullSecrets": [{"name": "harbor-robot"}]})  # fmt: skip


@situation("Deployment shop/quote|ServiceAccount shop/quote", "regcred|secret", "pod.image")
def pull_secret_of_the_service_account_lives_in_another_namespace() -> Case:
    made = busy().add("ServiceAccount", "quote", "shop", imagePullSecrets=[{"name": "regcred"}])
    made.add("Secret", "regcred", "platform", type="kubernetes.io/dockerconfigjson", dataKeys=[".dockerconfigjson"])
    why = 'rpc error: code = Unknown desc = failed to pull and unpack image "registry.gitlab.com/acme/quote:7": failed to resolve reference "registry.gitlab.com/acme/quote:7": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed'
    pull(made, "quote", "registry.gitlab.com/acme/quote:7", why, spec={"serviceAccountName": "quote", "imagePullSecrets": [{"name": "regcred"}]})  # fmt: skip
    return say(made, "quote", "FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.")  # fmt: skip


@situation("Deployment shop/search", "no basic auth|credential|secret|private|authent", "pod.image")
def ecr_without_credentials() -> Case:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/search:2024.11"
    return pull(busy(), "search", image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": pulling from host 123456789012.dkr.ecr.eu-west-1.amazonaws.com failed with status code [manifests 2024.11]: 403 Forbidden; no basic auth credentials')  # fmt: skip


@situation("Deployment shop/ledger", "certificate|x509", "pod.image")
def registry_with_a_private_ca() -> Case:
    image = "registry.corp.lan:5443/fin/ledger:3.1"
    return pull(busy(), "ledger", image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: Head "https://registry.corp.lan:5443/v2/fin/ledger/manifests/3.1": tls: failed to verify certificate: x509: certificate signed by unknown authority')  # fmt: skip


@situation("Deployment shop/ledger", "http|tls", "pod.image")
def registry_speaks_plain_http() -> Case:
    image = "10.20.0.4:5000/ledger:3.1"
    return pull(busy(), "ledger", image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: Head "https://10.20.0.4:5000/v2/ledger/manifests/3.1": http: server gave HTTP response to HTTPS client')  # fmt: skip


@situation("Node n2", "proxy", "")
def one_nodes_proxy_is_down() -> Case:
    made = busy()
    for app in ("cart", "wishlist", "coupon"):
        image = f"quay.io/acme/{app}:4"
        pull(made, app, image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: Head "https://quay.io/v2/acme/{app}/manifests/4": proxyconnect tcp: dial tcp 10.3.0.9:3128: connect: connection refused', nodes=("n2",))  # fmt: skip
    return put(made, "faq", containers={"faq": {"image": "quay.io/acme/faq:2"}}, nodes=("n1",), age=300)


@situation("Deployment registry/registry|PersistentVolumeClaim registry/registry-data", "space|full|disk", "")
def in_cluster_registry_is_full_and_nobody_can_pull() -> Case:
    made = busy().add("Namespace", "registry", status={"phase": "Active"})
    disk(made, "registry-data", ns="registry", size="50Gi")
    put(made, "registry", ns="registry", containers={"registry": {"image": "registry:2.8.3", "ports": [{"containerPort": 5000}], "volumeMounts": [mounted("data", "/var/lib/registry")]}},
        spec={"volumes": [vol("data", persistentVolumeClaim={"claimName": "registry-data"})]}, states="crash:2",
        logs='time="2026-03-01T11:58:01Z" level=info msg="redis not configured" go.version=go1.20.8\npanic: write /var/lib/registry/docker/registry/v2/blobs/.tmp: no space left on device\n\ngoroutine 1 [running]:\nmain.main()\n')  # fmt: skip
    svc(made, "registry", 5000, ns="registry", ip="10.96.44.5")
    for app in ("cart", "wishlist", "coupon"):
        image = f"registry.registry.svc:5000/{app}:4"
        pull(made, app, image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": failed to do request: Head "http://registry.registry.svc:5000/v2/{app}/manifests/4": dial tcp 10.96.44.5:5000: connect: connection refused', nodes=("n1", "n2"))  # fmt: skip
    return made


@situation("Deployment shop/thumbs", "architecture|platform|arm64|exec format", "")
def amd64_only_binary_on_arm_nodes() -> Case:
    return put(busy(arch="arm64"), "thumbs", states="crash:255", logs="exec /usr/local/bin/docker-entrypoint.sh: exec format error\n", previous=True)  # fmt: skip


@situation("Deployment shop/thumbs", "platform|operating system|windows", "pod.image")
def windows_image_on_linux() -> Case:
    image = "mcr.microsoft.com/acme/thumbs:ltsc2022"
    return pull(busy(), "thumbs", image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": image operating system "windows" cannot be used on this platform: operating system is not supported')  # fmt: skip


@situation("Deployment shop/thumbs", "signature", "pod.image")
def signature_policy_refuses_the_image() -> Case:
    image = "registry.example/thumbs:5"
    return pull(busy(), "thumbs", image, f"image pull failed for {image} because the signature validation failed: Source image rejected: A signature was required, but no signature exists", state="SignatureValidationFailed")  # fmt: skip


@situation("Node n2", "space|disk", "")
def nodes_image_disk_is_full_while_unpacking() -> Case:
    made = busy()
    for app in ("cart", "coupon"):
        image = f"registry.example/{app}:9"
        pull(made, app, image, f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to extract layer sha256:aa11: write /var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/912/fs/usr/lib/libx.so: no space left on device: unknown', nodes=("n2",))  # fmt: skip
    return made


@situation("Deployment shop/llm", "upper|lower|invalid|name", "pod.image")
def image_reference_has_a_space() -> Case:
    image = "registry.example/llm :2"
    made = put(busy(), "llm", containers={"llm": {"image": image}}, states=f'wait:InvalidImageName:Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid reference format')  # fmt: skip
    return say(made, "llm", "InspectFailed", f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": invalid reference format')  # fmt: skip


@quiet
def a_large_image_is_being_pulled_for_three_minutes() -> Case:
    made = put(busy(), "llm", containers={"llm": {"image": "vllm/vllm-openai:v0.6.3"}}, states="wait:ContainerCreating", age=180, pod_status={"podIP": ""})  # fmt: skip
    return say(made, "llm", "Pulling", 'Pulling image "vllm/vllm-openai:v0.6.3"', type_="Normal", count=1, first=175, last=175)  # fmt: skip


@quiet
def an_image_pull_failed_once_and_then_went_through() -> Case:
    made = put(busy(), "cart")
    say(made, "cart", "Failed", 'Failed to pull image "registry.example/cart:1.4.2": rpc error: code = Unavailable desc = connection reset by peer', count=1, first=3000, last=3000)  # fmt: skip
    return say(made, "cart", "Pulled", 'Successfully pulled image "registry.example/cart:1.4.2" in 8.1s (8.1s including waiting)', type_="Normal", count=1, first=2980, last=2980)  # fmt: skip


@situation("Deployment shop/mailer|Secret shop/mailer-smtp", "mailer-smtp", "")
def env_from_secret_was_made_in_another_namespace() -> Case:
    made = busy().add("Secret", "mailer-smtp", "platform", type="Opaque", dataKeys=["host", "pass"])
    put(made, "mailer", containers={"mailer": {"envFrom": [{"secretRef": {"name": "mailer-smtp"}}]}}, states='wait:CreateContainerConfigError:secret "mailer-smtp" not found')  # fmt: skip
    return say(made, "mailer", "Failed", 'Error: secret "mailer-smtp" not found', count=40)


@situation("Deployment shop/gate|ConfigMap shop/gate-nginx", "nginx.conf", "")
def volume_item_names_a_missing_key() -> Case:
    made = busy().add("ConfigMap", "gate-nginx", "shop", data={"default.conf": "server { listen 8080; }\n"})
    volume = vol("conf", configMap={"name": "gate-nginx", "items": [{"key": "nginx.conf", "path": "nginx.conf"}]})
    return creating(made, "gate", "FailedMount", 'MountVolume.SetUp failed for volume "conf" : configmap references non-existent config key: nginx.conf',
                    containers={"gate": {"volumeMounts": [mounted("conf", "/etc/nginx/conf.d")]}}, spec={"volumes": [volume]})  # fmt: skip


@situation("StatefulSet shop/broker|Secret shop/broker-ca", "broker-ca", "")
def projected_volume_source_missing() -> Case:
    volume = vol("trust", projected={"sources": [{"secret": {"name": "broker-ca"}}, {"configMap": {"name": "storefront-settings"}}]})  # fmt: skip
    made = creating(busy(), "broker", "FailedMount", 'MountVolume.SetUp failed for volume "trust" : secret "broker-ca" not found', kind="StatefulSet",
                    containers={"broker": {"volumeMounts": [mounted("trust", "/trust")]}}, spec={"volumes": [volume]})  # fmt: skip
    return say(made, "broker", "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[trust], unattached volumes=[trust kube-api-access-7gx2v]: timed out waiting for the condition", count=4)  # fmt: skip


@situation("Deployment shop/api", "/app/server|no such file|does not exist|not found", "")
def entrypoint_is_not_in_the_image() -> Case:
    message = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/app/server": stat /app/server: no such file or directory: unknown'
    made = put(busy(), "api", containers={"api": {"command": ["/app/server"]}}, states=f"crash:StartError/128:{message}")  # fmt: skip
    return say(made, "api", "Failed", f"Error: {message}")


@situation("Deployment shop/api", "lisen|flag|argument", "")
def go_program_does_not_know_its_flag() -> Case:
    return put(busy(), "api", containers={"api": {"args": ["serve", "--lisen-address=:8080"]}}, states="crash:1", logs='Error: unknown flag: --lisen-address\nUsage:\n  api serve [flags]\n\nFlags:\n      --listen-address string   address (default ":8080")\n', previous=True)  # fmt: skip


@situation("Deployment shop/api", "workes|argument", "")
def python_program_does_not_know_its_argument() -> Case:
    return put(busy(), "api", containers={"api": {"command": ["python", "-m", "api"], "args": ["--workes", "4"]}}, states="crash:2", logs="usage: api [-h] [--workers WORKERS] [--bind BIND]\napi: error: unrecognized arguments: --workes 4\n", previous=True)  # fmt: skip


@situation("Deployment shop/api", "working directory|workingdir|cwd|/srv/app|chdir", "")
def working_directory_belongs_to_root() -> Case:
    message = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: chdir to cwd ("/srv/app") set in config.json failed: permission denied: unknown'
    return put(busy(), "api", containers={"api": {"workingDir": "/srv/app", "securityContext": {"runAsUser": 1001}}}, states=f"crash:StartError/128:{message}")  # fmt: skip


@situation("Deployment shop/api", "directory|subpath|app.yaml|mount", "")
def single_file_mounted_over_a_directory() -> Case:
    made = busy().add("ConfigMap", "api-conf", "shop", data={"app.yaml": "a: 1\n"})
    message = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error mounting "/var/lib/kubelet/pods/5be3/volume-subpaths/conf/api/0" to rootfs at "/etc/app": mount src=/var/lib/kubelet/pods/5be3/volume-subpaths/conf/api/0, dst=/etc/app, dstFd=/proc/thread-self/fd/11, flags=MS_BIND|MS_REC: not a directory: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type: unknown'
    return put(made, "api", containers={"api": {"volumeMounts": [mounted("conf", "/etc/app", subPath="app.yaml")]}}, spec={"volumes": [vol("conf", configMap={"name": "api-conf"})]}, states=f"crash:StartError/128:{message}")  # fmt: skip


@situation("Deployment shop/api|ConfigMap shop/huge", "too long|too large|size|big|limit", "")
def environment_is_larger_than_the_kernel_takes() -> Case:
    made = busy().add("ConfigMap", "huge", "shop", data={f"RULES_{n}": "x" * 100 for n in range(20)})
    message = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec /usr/local/bin/api: argument list too long: unknown"
    return put(made, "api", containers={"api": {"envFrom": [{"configMapRef": {"name": "huge"}}]}}, states=f"crash:StartError/128:{message}")  # fmt: skip


@situation("Deployment shop/api", "poststart", "")
def post_start_hook_calls_a_missing_script() -> Case:
    hook = {"lifecycle": {"postStart": {"exec": {"command": ["/bin/sh", "-c", "/hooks/register.sh"]}}}}
    made = put(busy(), "api", containers={"api": hook}, states="crash:137")
    say(made, "api", "FailedPostStartHook", "PostStartHook failed")
    return say(made, "api", "Killing", "FailedPostStartHook", type_="Normal")


@situation("Deployment shop/runner|DaemonSet shop/runner", "docker.sock|hostpath|socket", "")
def host_path_is_not_a_socket() -> Case:
    volume = vol("sock", hostPath={"path": "/var/run/docker.sock", "type": "Socket"})
    return creating(busy(), "runner", "FailedMount", 'MountVolume.SetUp failed for volume "sock" : hostPath type check failed: /var/run/docker.sock is not a socket file', kind="DaemonSet", nodes=("n1", "n2"),
                    containers={"runner": {"volumeMounts": [mounted("sock", "/var/run/docker.sock")]}}, spec={"volumes": [volume]})  # fmt: skip


@situation("CronJob shop/ecr-refresh|Deployment shop/search|Secret shop/ecr", "token|expired|credential", "")
def registry_token_expired_because_its_refresher_is_suspended() -> Case:
    made = busy().add("Secret", "ecr", "shop", type="kubernetes.io/dockerconfigjson", dataKeys=[".dockerconfigjson"], age=90000)  # fmt: skip
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/search:9"
    why = f'rpc error: code = Unknown desc = failed to pull and unpack image "{image}": failed to resolve reference "{image}": unexpected status from HEAD request to https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/search/manifests/9: 403 Forbidden: Your authorization token has expired. Reauthenticate and try again.'
    made.add("CronJob", "ecr-refresh", "shop", api="batch/v1", spec={"schedule": "0 */8 * * *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "refresh", "image": "registry.example/ecr-refresh:1"}]}}}}})  # fmt: skip
    return pull(made, "search", image, why, spec={"imagePullSecrets": [{"name": "ecr"}]})


@quiet
def optional_references_are_absent_and_the_pod_runs() -> Case:
    return put(busy(), "cart", containers={"cart": {"envFrom": [{"configMapRef": {"name": "overrides", "optional": True}}], "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": True}}}]}},
               spec={"volumes": [vol("x", configMap={"name": "nowhere", "optional": True})]})  # fmt: skip


@quiet
def the_root_ca_was_not_there_for_the_first_seconds() -> Case:
    made = put(busy(), "cart", age=120)
    return say(made, "cart", "FailedMount", 'MountVolume.SetUp failed for volume "kube-api-access-q9k2v" : object "shop"/"kube-root-ca.crt" not registered', count=2, first=118, last=116)  # fmt: skip
