"""Failures before a program is ready, written before the rules were read: inits, sidecars, refusals, sandboxes, networks."""

from __future__ import annotations

from tests.unit.diagnosis.blind_storage_kit import busy, claims, creating, pods_of, say, unscheduled, vol
from tests.unit.diagnosis.unseen import Case, ago, condition, db, env, put, quiet, situation, svc


@situation("Deployment shop/orders", "orders-db", "")
def init_container_waits_for_a_service_that_is_called_otherwise() -> Case:
    made = db(busy(), "order-db")
    wait = {"wait-db": {"image": "busybox:1.36", "command": ["sh", "-c", "until nc -z -w2 orders-db 5432; do echo waiting for orders-db:5432; sleep 2; done"]}}  # fmt: skip
    put(made, "orders", init=wait, states={"wait-db": "unready"}, logs={"wait-db": "nc: bad address 'orders-db'\nwaiting for orders-db:5432\nnc: bad address 'orders-db'\nwaiting for orders-db:5432\n"})  # fmt: skip
    return say(made, "orders", "Started", "Started container wait-db", type_="Normal", count=1)


@situation(
    "StatefulSet shop/orders-db|PersistentVolumeClaim shop/data-orders-db-0|StorageClass premium", "class|premium", ""
)
def init_container_waits_for_a_database_whose_claim_has_no_class() -> Case:
    made = busy()
    made.add("StorageClass", "standard", api="storage.k8s.io/v1", provisioner="ebs.csi.aws.com", volumeBindingMode="WaitForFirstConsumer")  # fmt: skip
    claims(made, "orders-db", cls="premium", make=unscheduled, message="0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.", containers={"db": {"ports": [{"containerPort": 5432}]}})  # fmt: skip
    made.add("PersistentVolumeClaim", "data-orders-db-0", "shop", spec={"accessModes": ["ReadWriteOnce"], "storageClassName": "premium", "resources": {"requests": {"storage": "20Gi"}}}, status={"phase": "Pending"})  # fmt: skip
    made.event("PersistentVolumeClaim", "data-orders-db-0", "shop", "ProvisioningFailed", 'storageclass.storage.k8s.io "premium" not found', count=40)  # fmt: skip
    svc(made, "orders-db", 5432)
    wait = {"wait-db": {"image": "busybox:1.36", "command": ["sh", "-c", "until nc -z -w2 orders-db 5432; do sleep 2; done"]}}  # fmt: skip
    for app in ("orders", "invoices"):
        put(made, app, init=wait, states={"wait-db": "unready"}, logs={"wait-db": "waiting for database\nwaiting for database\n"})  # fmt: skip
    return made


@situation("Deployment shop/orders", "migrat|column|init|sql|relation", "")
def flyway_migration_fails_in_an_init_container() -> Case:
    return put(db(busy()), "orders", init={"flyway": {"image": "flyway/flyway:10"}}, states={"flyway": "crash:1"}, logs={"flyway": "Flyway Community Edition 10.4.1 by Redgate\nDatabase: jdbc:postgresql://orders-db:5432/orders (PostgreSQL 15.4)\nERROR: Validate failed: Migrations have failed validation\nMigration checksum mismatch for migration version 7\n-> Applied to database : 1190283746\n-> Resolved locally    : -882736451\nEither revert the changes to the migration, or run repair to update the schema history.\n"})  # fmt: skip


@situation("Deployment shop/orders", "listenr|config|field", "")
def native_sidecar_cannot_read_its_configuration() -> Case:
    side = {"image": "envoyproxy/envoy:v1.31", "restartPolicy": "Always", "args": ["-c", "/etc/envoy/envoy.yaml"]}
    return put(busy(), "orders", init={"proxy": side}, states={"proxy": "crash:1"}, logs={"proxy": "[2026-03-01 11:58:10.100][1][critical][main] [source/server/server.cc:414] error initializing config '  /etc/envoy/envoy.yaml': Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason INVALID_ARGUMENT: invalid name static_resources: Cannot find field.) has unknown fields: listenr\n"})  # fmt: skip


@situation("Deployment shop/orders", "startup", "pod.probe")
def native_sidecars_startup_probe_never_passes() -> Case:
    side = {"image": "registry.example/sync:2", "restartPolicy": "Always", "startupProbe": {"httpGet": {"path": "/synced", "port": 9100}, "periodSeconds": 10, "failureThreshold": 30}}  # fmt: skip
    made = put(busy(), "orders", init={"sync": side}, states={"sync": "restarted:137"}, logs={"sync": "serving health on :9100\nGET /synced 404\nGET /synced 404\n"})  # fmt: skip
    body = made.bodies[-1][0]
    status = body["status"]["initContainerStatuses"][0]
    status |= {"ready": False, "started": False}
    body["status"] |= {"phase": "Pending", "conditions": [condition("PodScheduled", "True"), condition("Initialized", "False", "ContainersNotInitialized", "containers with incomplete status: [sync]"), condition("Ready", "False", "ContainersNotReady")]}  # fmt: skip
    body["status"]["containerStatuses"][0] |= {"ready": False, "state": {"waiting": {"reason": "PodInitializing"}}}
    for other, _ in made.bodies:
        if other["kind"] == "Deployment" and other["metadata"]["name"] == "orders":
            other["status"] |= {"readyReplicas": 0, "availableReplicas": 0, "unavailableReplicas": 1}
    say(made, "orders", "Unhealthy", "Startup probe failed: HTTP probe failed with statuscode: 404", count=60)
    return say(made, "orders", "Killing", "Init container sync failed startup probe", type_="Normal", count=4)


@situation("Deployment shop/orders", "port|in use", "")
def sidecar_and_app_want_the_same_port() -> Case:
    parts = {"app": {"ports": [{"containerPort": 9090, "name": "metrics"}]}, "exporter": {"image": "registry.example/exporter:3"}}  # fmt: skip
    return put(busy(), "orders", containers=parts, states={"exporter": "crash:1"}, logs={"app": "metrics on :9090\n", "exporter": 'ts=2026-03-01T11:59:01Z caller=main.go:88 level=error msg="Error starting HTTP server" err="listen tcp :9090: bind: address already in use"\n'})  # fmt: skip


@situation("Deployment shop/orders", "root", "")
def image_user_is_a_name_and_non_root_cannot_be_verified() -> Case:
    message = 'container has runAsNonRoot and image has non-numeric user (appuser), cannot verify user is non-root (pod: "orders-abc-x0_shop(0b1c)", container: orders)'
    made = put(busy(), "orders", containers={"orders": {"securityContext": {"runAsNonRoot": True}}}, states=f"wait:CreateContainerConfigError:{message}")  # fmt: skip
    return say(made, "orders", "Failed", f"Error: {message}")


@situation("Deployment shop/edge", "read-only|read only|readonly", "")
def nginx_needs_to_write_its_cache_on_a_read_only_root() -> Case:
    return put(busy(), "edge", containers={"nginx": {"image": "nginx:1.27", "securityContext": {"readOnlyRootFilesystem": True}}}, states="crash:1", logs='/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration\n2026/03/01 11:59:00 [emerg] 1#1: mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)\nnginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)\n')  # fmt: skip


@situation("Deployment shop/edge", "port 80|privileged|net_bind|capabilit|permission", "")
def unprivileged_nginx_binds_port_80() -> Case:
    secure = {"runAsUser": 101, "capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}
    return put(busy(), "edge", containers={"nginx": {"image": "nginx:1.27", "securityContext": secure, "ports": [{"containerPort": 80}]}}, states="crash:1", logs="2026/03/01 11:59:00 [emerg] 1#1: bind() to 0.0.0.0:80 failed (13: Permission denied)\nnginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)\n")  # fmt: skip


@situation("Deployment shop/edge|Node n1", "seccomp", "")
def seccomp_profile_is_not_on_the_node() -> Case:
    message = 'failed to create containerd container: cannot load seccomp profile "/var/lib/kubelet/seccomp/profiles/audit.json": open /var/lib/kubelet/seccomp/profiles/audit.json: no such file or directory'
    profile = {"securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "profiles/audit.json"}}}
    made = put(busy(), "edge", spec=profile, states=f"wait:CreateContainerError:{message}")
    return say(made, "edge", "Failed", f"Error: {message}")


@situation("Deployment shop/edge|Node n1", "apparmor", "")
def app_armor_profile_is_not_loaded() -> Case:
    profile = {"securityContext": {"appArmorProfile": {"type": "Localhost", "localhostProfile": "k8s-edge"}}}
    message = (
        'failed to create containerd container: get apparmor_parser version: apparmor profile "k8s-edge" not found'
    )
    made = put(busy(), "edge", spec=profile, states=f"wait:CreateContainerError:{message}")
    return say(made, "edge", "Failed", f"Error: {message}")


@situation("Deployment shop/edge", "sysctl", "")
def sysctl_is_not_allowed_by_the_kubelet() -> Case:
    secure = {"securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "4096"}]}}
    said = 'forbidden sysctl: "net.core.somaxconn" not allowlisted'
    made = put(busy(), "edge", spec=secure, phase="Failed", states="wait:ContainerCreating", pod_status={"containerStatuses": [], "reason": "SysctlForbidden", "message": f"Pod was rejected: {said}", "podIP": ""})  # fmt: skip
    return say(made, "edge", "SysctlForbidden", said)


@situation("Deployment shop/mesh-app", "net_admin|iptables|privileg|capabilit|root", "")
def mesh_init_may_not_touch_iptables() -> Case:
    init = {"linkerd-init": {"image": "cr.l5d.io/linkerd/proxy-init:v2.4.1", "securityContext": {"capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}}}  # fmt: skip
    return put(busy(), "mesh-app", init=init, states={"linkerd-init": "crash:1"}, logs={"linkerd-init": 'time="2026-03-01T11:59:01Z" level=info msg="/sbin/iptables-legacy-save -t nat"\ntime="2026-03-01T11:59:01Z" level=info msg="iptables-save v1.8.10 (legacy): Cannot initialize: Permission denied (you must be root)\\n"\ntime="2026-03-01T11:59:01Z" level=error msg="aborting firewall configuration"\nError: exit status 3\n'})  # fmt: skip


@situation("Node n2|DaemonSet kube-system/calico-node", "cni|calico|plugin", "")
def cni_binary_is_missing_on_one_node() -> Case:
    made = busy()
    put(made, "calico-node", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"))
    for app in ("cart", "coupon", "wishlist"):
        creating(made, app, "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "9af2": plugin type="calico" failed (add): failed to find plugin "calico" in path [/opt/cni/bin]', nodes=("n2",))  # fmt: skip
    return made


@situation("Node n2|DaemonSet kube-system/aws-node", "ip|address", "")
def vpc_subnet_has_no_address_left() -> Case:
    made = put(busy(), "aws-node", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"), logs='{"level":"error","ts":"2026-03-01T11:59:01Z","caller":"ipamd/ipamd.go:690","msg":"Failed to increase pool size due to the following error InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the request."}\n')  # fmt: skip
    for app in ("cart", "coupon"):
        creating(made, app, "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "9af2": plugin type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container', nodes=("n2",))  # fmt: skip
    return made


@situation("DaemonSet kube-system/calico-node|Node n1|Node n2", "unauthorized|credential|calico|cni", "")
def calico_token_is_stale_on_every_node() -> Case:
    made = put(busy(), "calico-node", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"))
    for app in ("cart", "coupon"):
        creating(made, app, "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "77": plugin type="calico" failed (add): error getting ClusterInformation: connection is unauthorized: Unauthorized', replicas=2, nodes=("n1", "n2"))  # fmt: skip
    return made


@situation("DaemonSet kube-system/kube-flannel-ds|Pod kube-system/kube-flannel-ds*|Node n2", "flannel|subnet|cni", "")
def flannel_crashes_on_one_node_so_no_sandbox_starts_there() -> Case:
    made = busy()
    put(made, "kube-flannel-ds", ns="kube-system", kind="DaemonSet", nodes=("n1", "n2"), states="ok")
    second = made.bodies[-1][0]
    second["status"]["containerStatuses"][0] |= {"ready": False, "restartCount": 22, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}  # fmt: skip
    second["status"]["conditions"] = [condition("Ready", "False", "ContainersNotReady")]
    made.log("kube-flannel-ds-l1", 'E0301 11:58:00.1 1 main.go:330] Error registering network: failed to acquire lease: node "n2" pod cidr not assigned\n', "kube-system", "main")  # fmt: skip
    for app in ("cart", "coupon"):
        creating(made, app, "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1c": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory', nodes=("n2",))  # fmt: skip
    return made


@situation(
    "Deployment shop/vault-app|ConfigMap shop/*|ServiceAccount shop/vault-app|ServiceAccount shop/default",
    "vault|permission|403|denied|role",
    "",
)
def vault_agent_init_is_refused_by_vault() -> Case:
    return put(busy(), "vault-app", init={"vault-agent-init": {"image": "hashicorp/vault:1.17"}}, states={"vault-agent-init": "unready"}, logs={"vault-agent-init": "==> Vault Agent started! Log data will stream in below:\n2026-03-01T11:59:01.100Z [ERROR] agent.auth.handler: error authenticating:\n  error=\n  | Error making API request.\n  |\n  | URL: PUT http://vault.vault.svc:8200/v1/auth/kubernetes/login\n  | Code: 403. Errors:\n  |\n  | * permission denied\n  backoff=2m7s\n"})  # fmt: skip


@situation("Deployment shop/git-app|Secret shop/git-app-ssh", "key|permission|publickey|git|clone", "")
def git_clone_init_has_no_valid_key() -> Case:
    made = busy().add("Secret", "git-app-ssh", "shop", type="kubernetes.io/ssh-auth", dataKeys=["ssh-privatekey"])
    return put(made, "git-app", init={"clone": {"image": "alpine/git:2.45", "args": ["clone", "git@git.acme.io:web/pages.git", "/work"]}}, states={"clone": "crash:128"}, logs={"clone": "Cloning into '/work'...\nWarning: Permanently added 'git.acme.io' (ED25519) to the list of known hosts.\ngit@git.acme.io: Permission denied (publickey).\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n"})  # fmt: skip


@situation("Deployment shop/api", "entrypoint.sh|permission|execut|exec", "")
def mounted_script_is_not_executable() -> Case:
    made = busy().add("ConfigMap", "api-scripts", "shop", data={"entrypoint.sh": "#!/bin/sh\nexec /api\n"})
    message = 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/scripts/entrypoint.sh": permission denied: unknown'
    return put(made, "api", containers={"api": {"command": ["/scripts/entrypoint.sh"], "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}]}}, spec={"volumes": [vol("scripts", configMap={"name": "api-scripts"})]}, states=f"crash:StartError/128:{message}")  # fmt: skip


@situation("Deployment shop/api", "env|variable|DATABASE_URL", "")
def node_program_misses_a_variable() -> Case:
    return put(busy(), "api", containers={"api": {"env": env(DATABASE_URI="postgres://orders-db/orders")}}, states="crash:1", logs="/srv/src/config.js:14\n    throw new Error(`Missing required environment variable: ${name}`);\n    ^\n\nError: Missing required environment variable: DATABASE_URL\n    at requireEnv (/srv/src/config.js:14:11)\n    at Object.<anonymous> (/srv/src/config.js:20:16)\n\nNode.js v20.11.1\n", previous=True)  # fmt: skip


@quiet
def an_init_container_has_been_running_for_a_minute() -> Case:
    made = put(busy(), "orders", init={"migrate": {}}, states={"migrate": "unready"}, age=70, logs={"migrate": "applying 0007_orders.sql\n"})  # fmt: skip
    made.bodies[-1][0]["status"]["initContainerStatuses"][0]["state"]["running"]["startedAt"] = ago(60)
    return say(made, "orders", "Started", "Started container migrate", type_="Normal", count=1, first=60, last=60)


@quiet
def a_sandbox_failed_once_while_the_network_came_up() -> Case:
    made = put(busy(), "cart", age=900)
    return say(made, "cart", "FailedCreatePodSandBox", 'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1c": plugin type="cilium-cni" failed (add): unable to connect to Cilium daemon: dial unix /var/run/cilium/cilium.sock: connect: no such file or directory', count=2, first=890, last=870)  # fmt: skip


@quiet
def a_pod_was_made_fifteen_seconds_ago() -> Case:
    made = put(busy(), "cart", states="wait:ContainerCreating", age=15, pod_status={"podIP": ""})
    assert pods_of(made, "cart")
    return say(made, "cart", "Scheduled", "Successfully assigned shop/cart-abc-x0 to n1", type_="Normal", count=1, first=14, last=14)  # fmt: skip
