"""Described failures before a program runs or becomes ready: images, references, runtime refusals, probes."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.unseen import Case, base, put, quiet, situation, svc

Body = dict[str, Any]


def _pull(name: str, message: str, *, image: str = "", kind: str = "Deployment", **more: Any) -> Case:
    image = image or f"registry.example/{name}:1.4.2"
    made = put(base(), name, kind=kind, containers={"main": {"image": image}},
               states=f'wait:ImagePullBackOff:Back-off pulling image "{image}"', **more)  # fmt: skip
    pod = made.bodies[-1][0]["metadata"]["name"]
    return made.event("Pod", pod, "shop", "Failed", f'Failed to pull image "{image}": {message}', count=4).event(
        "Pod", pod, "shop", "Failed", "Error: ErrImagePull", count=4
    )


@situation("Deployment shop/web", "tag|not found|image", "pod.image")
def image_tag_missing_cri_o_wording() -> Case:
    return _pull("web", "rpc error: code = Unknown desc = reading manifest 9.9 in registry.example/web: manifest unknown: manifest unknown", image="registry.example/web:9.9")  # fmt: skip


@situation("DaemonSet shop/agent", "image|denied|credential|exist", "pod.image")
def private_image_of_a_daemonset() -> Case:
    return _pull("agent", "rpc error: code = Unknown desc = failed to pull and unpack image: failed to resolve reference: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed", kind="DaemonSet", nodes=("n1", "n2"))  # fmt: skip


@situation("Job shop/etl", "rate|429|too many|limit", "pod.image")
def docker_hub_rate_limit_for_a_job() -> Case:
    return _pull("etl", 'rpc error: code = Unknown desc = failed to pull and unpack image "docker.io/library/python:3.12": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/python/manifests/sha256:aa: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit.', image="python:3.12", kind="Job")  # fmt: skip


@situation("Deployment shop/web", "resolve|registry|dns|host|network", "pod.image")
def registry_host_misspelt() -> Case:
    return _pull("web", 'rpc error: code = Unknown desc = failed to resolve reference: failed to do request: Head "https://registri.example/v2/web/manifests/1": dial tcp: lookup registri.example on 10.0.0.2:53: no such host', image="registri.example/web:1")  # fmt: skip


@situation("Deployment shop/web", "platform|arch", "pod.image")
def image_without_platform() -> Case:
    return _pull("web", "rpc error: code = NotFound desc = failed to pull and unpack image: no match for platform in manifest: not found")  # fmt: skip


@situation("Deployment shop/web", "image", "pod.image")
def only_the_sidecars_image_is_wrong() -> Case:
    return put(base(), "web", containers={"app": {}, "sidecar": {"image": "registry.example/sidecarr:2"}}, states={"sidecar": 'wait:ErrImagePull:failed to pull and unpack image "registry.example/sidecarr:2": registry.example/sidecarr:2: not found'})  # fmt: skip


@situation("Deployment shop/web", "image|init", "pod.image")
def init_image_is_wrong() -> Case:
    return put(base(), "web", init={"setup": {"image": "busibox:1"}}, states={"setup": 'wait:ImagePullBackOff:Back-off pulling image "busibox:1": ErrImagePull: pull access denied, repository does not exist or may require authorization'})  # fmt: skip


@situation("Deployment shop/web", "app-settings|configmap", "pod.create.configmap")
def envfrom_configmap_missing_message_only_in_events() -> Case:
    made = put(base(), "web", containers={"main": {"envFrom": [{"configMapRef": {"name": "app-settings"}}]}}, states="wait:CreateContainerConfigError")  # fmt: skip
    made.add("ConfigMap", "app-setting", "shop", dataKeys=["A"])
    return made.event("Pod", "web-abc-x0", "shop", "Failed", 'Error: configmap "app-settings" not found', count=40)


@situation("StatefulSet shop/db|Secret shop/db-auth", "key|password|db-auth", "pod.create.key")
def secret_key_missing_in_init_container() -> Case:
    made = base().add("Secret", "db-auth", "shop", type="Opaque", dataKeys=["pass", "user"])
    variable = {"env": [{"name": "PGPASSWORD", "valueFrom": {"secretKeyRef": {"name": "db-auth", "key": "password"}}}]}
    return put(made, "db", kind="StatefulSet", init={"seed": variable}, states={"seed": "wait:CreateContainerConfigError:couldn't find key password in Secret shop/db-auth"})  # fmt: skip


@situation("Deployment shop/web", "tls|secret", "pod.mount.secret")
def mounted_secret_missing_no_kubelet_event_anymore() -> Case:
    volumes = {"volumes": [{"name": "tls", "secret": {"secretName": "web-tls"}}]}
    return put(base(), "web", spec=volumes, states="wait:ContainerCreating")


@quiet
def an_optional_secret_is_missing() -> Case:
    volumes = {"volumes": [{"name": "tls", "secret": {"secretName": "web-tls", "optional": True}}]}
    variable = {"envFrom": [{"configMapRef": {"name": "nowhere", "optional": True}}]}
    return put(base(), "web", spec=volumes, containers={"main": variable})


@situation("Deployment shop/web", "root|runasnonroot", "pod.create.run_as_nonroot")
def image_runs_as_root() -> Case:
    return put(base(), "web", spec={"securityContext": {"runAsNonRoot": True}}, states='wait:CreateContainerConfigError:container has runAsNonRoot and image will run as root (pod: "web-abc-x0_shop(1)", container: main)')  # fmt: skip


@situation("Deployment shop/web", "command|not found|executable|servr", "pod.crashloop.exit127")
def command_missing_containerd_error_state() -> Case:
    message = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "servr": executable file not found in $PATH: unknown'
    return put(base(), "web", containers={"main": {"command": ["servr"]}}, states=f"crash:StartError/128:{message}")


@situation("Deployment shop/web|RuntimeClass gvisor", "runtimeclass|runtime class|handler|gvisor", "")
def runtime_handler_not_on_the_node() -> Case:
    made = put(base(), "web", spec={"runtimeClassName": "gvisor"}, states="wait:ContainerCreating")
    made.add("RuntimeClass", "gvisor", api="node.k8s.io/v1", handler="runsc")
    return made.event("Pod", "web-abc-x0", "shop", "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for "runsc" is configured', count=30)  # fmt: skip


@situation("Deployment shop/web", "subpath", "pod.create.subpath")
def sub_path_fails() -> Case:
    return put(base(), "web", states='wait:CreateContainerConfigError:failed to prepare subPath for volumeMount "conf" of container "main"')  # fmt: skip


@situation("Deployment shop/web", "device|nvidia|gpu|runtime|hook", "pod.create|app.|node|cuda.init")
def nvidia_hook_refuses() -> Case:
    return put(base(), "web", states="crash:StartError/128:failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running hook #0: error running hook: exit status 1, stdout: , stderr: nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown")  # fmt: skip


def _probe(
    kind: str, probe: Body, message: str, *, ports: int = 8080, log: str = "", killed: bool = False, state: str = ""
) -> Case:
    key = f"{kind.lower()}Probe"
    main = {key: probe, "ports": [{"name": "http", "containerPort": ports}]}
    made = put(
        base(), "web", containers={"main": main}, states=state or ("crash:137" if killed else "unready"), logs=log
    )
    made.event("Pod", "web-abc-x0", "shop", "Unhealthy", f"{kind} probe failed: {message}", count=80)
    if killed:
        made.event("Pod", "web-abc-x0", "shop", "Killing", f"Container main failed {kind.lower()} probe, will be restarted", type_="Normal", count=9)  # fmt: skip
    return made


@situation("Deployment shop/web", "readiness", "pod.probe.readiness")
def readiness_asks_wrong_named_port() -> Case:
    return _probe("Readiness", {"httpGet": {"path": "/", "port": 9090}}, 'Get "http://10.244.1.20:9090/": dial tcp 10.244.1.20:9090: connect: connection refused')  # fmt: skip


@situation("Deployment shop/web", "liveness", "pod.probe.liveness.path")
def liveness_asks_wrong_path() -> Case:
    return _probe("Liveness", {"httpGet": {"path": "/healthzz", "port": 8080}}, "HTTP probe failed with statuscode: 404", killed=True, log="listening on :8080\n")  # fmt: skip


@situation("Deployment shop/web", "readiness", "pod.probe.readiness.scheme")
def readiness_speaks_http_to_https() -> Case:
    return _probe("Readiness", {"httpGet": {"path": "/", "port": 8080, "scheme": "HTTPS"}}, 'Get "https://10.244.1.20:8080/": http: server gave HTTP response to HTTPS client')  # fmt: skip


@situation("Deployment shop/web", "startup", "pod.probe.startup.timing")
def startup_probe_too_short_for_model_load() -> Case:
    probe = {"httpGet": {"path": "/health", "port": 8080}, "periodSeconds": 5, "failureThreshold": 6}
    return _probe("Startup", probe, 'Get "http://10.244.1.20:8080/health": dial tcp 10.244.1.20:8080: connect: connection refused', killed=True, log="INFO Loading model weights 12/80\n")  # fmt: skip


@situation("Deployment shop/web", "liveness|grpc|service", "pod.probe.liveness")
def grpc_probe_of_unknown_service() -> Case:
    return _probe("Liveness", {"grpc": {"port": 8080, "service": "web"}}, 'service unhealthy (responded with "NOT_SERVING")', killed=True)  # fmt: skip


@situation("Deployment shop/web", "readiness|command|pg_isreadyy", "pod.probe.readiness.command")
def probe_command_missing() -> Case:
    return _probe("Readiness", {"exec": {"command": ["pg_isreadyy"]}}, 'rpc error: code = Unknown desc = failed to exec in container: failed to start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: "pg_isreadyy": executable file not found in $PATH: unknown')  # fmt: skip


@situation("Deployment shop/web", "liveness", "pod.probe.liveness")
def liveness_tcp_on_udp_only_port() -> Case:
    return _probe("Liveness", {"tcpSocket": {"port": 8125}}, "dial tcp 10.244.1.20:8125: connect: connection refused", ports=8080, killed=True, log="serving http on 0.0.0.0:8080\n")  # fmt: skip


@quiet
def one_unhealthy_event_at_start() -> Case:
    made = put(base(), "web", containers={"main": {"readinessProbe": {"httpGet": {"path": "/", "port": 8080}}}})
    return made.event("Pod", "web-abc-x0", "shop", "Unhealthy", "Readiness probe failed: dial tcp 10.244.1.20:8080: connect: connection refused", count=1, last=3500)  # fmt: skip


@quiet
def a_pod_that_has_just_been_made() -> Case:
    made = put(base(), "web", states="wait:ContainerCreating", age=8)
    made.now = made.now
    return made.event("Pod", "web-abc-x0", "shop", "Pulling", 'Pulling image "registry.example/web:1.4.2"', type_="Normal", count=1, last=3)  # fmt: skip


@situation("Deployment shop/web", "image", "pod.image")
def new_revision_bad_while_the_old_serves() -> Case:
    made = base()
    put(made, "web", replicas=3)
    deployment = next(
        body for body, _ in made.bodies if body["kind"] == "Deployment" and body["metadata"]["name"] == "web"
    )
    deployment["spec"]["template"]["spec"] = {"containers": [{"name": "main", "image": "registry.example/web:1.5"}]}
    deployment["status"] = {"replicas": 4, "updatedReplicas": 1, "readyReplicas": 3, "availableReplicas": 3, "unavailableReplicas": 1,
                            "conditions": [{"type": "Available", "status": "True"}, {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": 'ReplicaSet "web-new" has timed out progressing.'}]}  # fmt: skip
    from tests.unit.diagnosis.cluster import condition, owned

    spec = {"containers": [{"name": "main", "image": "registry.example/web:1.5"}]}
    made.add("ReplicaSet", "web-new", "shop", api="apps/v1", metadata=owned("Deployment", "web", "shop"), labels={"app": "web"},
             spec={"replicas": 1, "template": {"spec": spec}}, status={"replicas": 1, "readyReplicas": 0})  # fmt: skip
    made.add("Pod", "web-new-q", "shop", labels={"app": "web", "pod-template-hash": "new"}, metadata=owned("ReplicaSet", "web-new", "shop"), spec={**spec, "nodeName": "n1"},
             status={"phase": "Pending", "conditions": [condition("Ready", "False")], "containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull", "message": 'rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/web:1.5": not found'}}}]})  # fmt: skip
    return svc(made, "web", 80, 8080)


@situation("Deployment shop/web", "liveness|exec|timeout|command", "pod.probe.liveness")
def liveness_command_times_out() -> Case:
    probe = {"exec": {"command": ["/bin/check", "--deep"]}, "timeoutSeconds": 1}
    made = put(base(), "web", containers={"main": {"livenessProbe": probe}}, states="crash:137")
    made.event(
        "Pod",
        "web-abc-x0",
        "shop",
        "Unhealthy",
        'Liveness probe failed: command timed out: "/bin/check --deep" timed out after 1s',
        count=30,
    )
    return made.event(
        "Pod",
        "web-abc-x0",
        "shop",
        "Killing",
        "Container main failed liveness probe, will be restarted",
        type_="Normal",
        count=9,
    )


@situation("StatefulSet shop/vault", "seal", "pod.probe|app.|pod.")
def vault_is_sealed() -> Case:
    made = put(
        base(),
        "vault",
        kind="StatefulSet",
        containers={
            "vault": {"readinessProbe": {"exec": {"command": ["/bin/sh", "-ec", "vault status -tls-skip-verify"]}}}
        },
        states="unready",
        logs="==> Vault server started! Log data will stream in below:\n[INFO] core: security barrier not initialized\n[INFO] core: seal configuration missing, not initialized\n",
    )
    return made.event(
        "Pod",
        "vault-0",
        "shop",
        "Unhealthy",
        "Readiness probe failed: Key                Value\n---                -----\nSeal Type          shamir\nInitialized        false\nSealed             true\n",
        count=300,
    )


@situation("Deployment shop/web", "hook|poststart", "pod.hook.poststart")
def post_start_hook_fails() -> Case:
    made = put(
        base(),
        "web",
        containers={"main": {"lifecycle": {"postStart": {"exec": {"command": ["/bin/register"]}}}}},
        states="crash:137",
    )
    return made.event("Pod", "web-abc-x0", "shop", "FailedPostStartHook", "PostStartHook failed", count=9)


@situation("Deployment shop/api", "8443|https|scheme|liveness", "pod.probe.liveness")
def liveness_http_to_a_tls_port() -> Case:
    made = put(
        base(),
        "api",
        containers={
            "main": {"livenessProbe": {"httpGet": {"path": "/", "port": 8443}}, "ports": [{"containerPort": 8443}]}
        },
        states="crash:137",
    )
    made.event(
        "Pod",
        "api-abc-x0",
        "shop",
        "Unhealthy",
        "Liveness probe failed: HTTP probe failed with statuscode: 400",
        count=30,
    )
    made.event(
        "Pod",
        "api-abc-x0",
        "shop",
        "Killing",
        "Container main failed liveness probe, will be restarted",
        type_="Normal",
        count=9,
    )
    made.log(
        "api-abc-x0",
        "2026/03/01 11:59:01 http: TLS handshake error from 10.244.1.1:40122: tls: first record does not look like a TLS handshake\n"
        * 5,
    )
    return made
