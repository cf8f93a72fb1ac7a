"""Which clusters are recordings, played ones and described ones, and the class of failure that each stands for.

Promise: every class that the program has to explain has at least one; a name stands once.
"""

HEALTHY = "healthy"
_ADMISSION = {
    "quota: CPU": "quota-cpu",
    "quota: memory": "memory-quota-filled-by-a-neighbour",
    "quota: pods": "quota-pods job-refused-by-quota quota-stops-the-pods-of-two-jobs",
    "quota: storage": "storage-quota-stops-the-second-ordinal",
    "quota: object counts": "cron-job-meets-a-count-quota-of-jobs",
    "quota: services": "a-services-quota-stops-a-new-service",
    "quota: GPUs": "gpu-quota-of-a-job",
    "quota demands limits nobody set": "quota-must-specify-limits quota-wants-memory-of-a-job-that-names-none",
    "quota: priority class": "priority-class-reserved-by-a-limited-resource",
    "LimitRange": "limit-range-maximum limit-range-ratio limit-range-minimum-of-a-claim",
    "PodSecurity": "pod-security-restricted baseline-forbids-the-agents-host-path",
    "ServiceAccount missing": "service-account-missing cron-jobs-service-account-is-missing",
    "webhook refuses": "kyverno-wants-a-label",
    "webhook fails": "webhook-backend-scaled-to-zero webhook-server-killed-for-memory webhook-server-waits-for-its-secret",
    "webhook times out": "a-policy-cuts-a-webhook-off",
    "webhook CA": "webhook-ca-is-not-the-servers webhook-certificate-expired the-authority-of-a-webhook-has-expired",
    "webhook Service": "webhook-names-a-port-the-service-lacks webhook-left-behind-by-an-uninstall",
    "ValidatingAdmissionPolicy": "admission-policy-refuses admission-policy-refuses-a-floating-tag admission-policy-whose-parameter-is-gone",
    "RBAC": "role-binding-names-the-account-of-another-namespace controller-may-not-list leader-election-forbidden",
    "removed API": "controller-speaks-a-removed-api",
    "immutable field": "a-helm-upgrade-meets-an-immutable-field",
}
_SCHEDULING = {
    "CPU short": "schedule-cpu-short cpu-is-in-crumbs every-node-is-full-of-reserved-cpu",
    "memory short": "memory-request-larger-than-any-node",
    "ephemeral storage short": "ephemeral-storage-request-is-too-large",
    "extended resource short": "schedule-gpu-short eight-gpus-free-but-on-two-nodes mig-profile-that-no-node-offers",
    "device claim": "the-claims-device-class-does-not-exist the-devices-of-a-claim-are-tainted",
    "node selector": "schedule-node-selector-typo selector-asks-an-architecture-nobody-has",
    "node affinity": "node-affinity-to-a-zone-without-nodes",
    "pod affinity": "pod-affinity-to-an-app-of-another-name",
    "pod anti-affinity": "schedule-anti-affinity",
    "topology spread": "spread-over-zones-has-no-room spread-over-a-label-that-no-node-has",
    "taint": "schedule-taint-not-tolerated all-shared-nodes-were-tainted-by-mistake a-no-execute-taint-drives-pods-away",
    "cordon": "schedule-node-cordoned",
    "host port": "two-apps-want-one-host-port",
    "too many pods": "schedule-too-many-pods the-nodes-hold-no-more-pods",
    "volume node affinity": "a-local-volume-of-a-node-that-is-gone local-volume-belongs-to-a-node-that-is-gone",
    "volume zone": "the-only-node-of-the-volumes-zone-is-cordoned volume-lies-in-another-zone-than-the-selector-wants",
    "priority and preemption": "low-priority-is-pushed-out-for-good",
    "scheduling gate": "a-scheduling-gate-is-never-lifted",
    "wrong scheduler name": "a-scheduler-that-nobody-runs",
    "gang or queue": "a-gang-gets-six-of-eight the-head-of-a-strict-queue-blocks-a-small-job a-volcano-queue-is-full",
    "cluster cannot grow": "autoscaler-is-at-its-maximum cloud-quota-stops-the-gpu-pool node-class-finds-no-subnet",
}
_STORAGE = {
    "class missing": "volume-storage-class-missing class-of-a-claim-template-is-misspelt no-class-named-and-none-is-the-default",
    "access mode": "static-volume-offers-another-access-mode block-storage-asked-for-many-writers",
    "capacity": "static-volume-is-smaller-than-the-claim ceph-is-full-and-every-claim-waits",
    "selector": "claims-selector-matches-no-volume",
    "bound or released": "volume-bound-to-another-claim the-volume-still-remembers-a-deleted-claim",
    "claim missing": "volume-claim-missing statefulset-ordinal-without-volume",
    "WaitForFirstConsumer": "pod-pinned-by-node-name-never-wakes-its-claim",
    "provisioner": "nobody-provisions-for-the-class driver-controller-has-no-cloud-credentials cloud-refuses-to-create-the-volume",
    "attach limit": "nodes-have-reached-their-volume-limit",
    "multi-attach": "volume-is-held-by-a-node-that-died rolling-update-wants-a-single-writer-volume-on-two-nodes",
    "mount failure": "nfs-server-does-not-answer nodes-lack-the-nfs-client file-system-of-the-volume-is-damaged secret-volume-missing",
    "node plugin": "node-plugin-crashes-so-the-driver-is-not-registered-there node-plugin-does-not-run-on-a-labelled-node",
    "permission denied": "fresh-volume-belongs-to-root-and-the-program-does-not volume-not-writable-by-the-user nfs-export-refuses-the-node",
    "read-only": "kernel-remounted-the-volume-read-only",
    "full": "postgres-volume-is-full-and-its-clients-fail file-system-grows-only-when-the-pod-restarts-and-it-is-full",
    "subPath": "sub-path-fails sub-path-escapes-or-is-missing-on-a-read-only-volume",
    "snapshot": "restore-names-a-snapshot-that-was-pruned snapshot-itself-failed-so-the-restore-waits",
    "resize": "growing-the-volume-is-refused-by-the-cloud",
}
_START = {
    "image name": "image-name-invalid image-reference-has-a-space",
    "image tag": "image-tag-missing rollout-bad-image-old-serves image-tag-missing-cri-o-wording image-digest-was-garbage-collected",
    "image architecture": "image-of-another-architecture image-without-platform amd64-only-binary-on-arm-nodes windows-image-on-linux",
    "private image, no pull secret": "image-registry-needs-login ecr-without-credentials private-image-of-a-daemonset",
    "private image, wrong pull secret": "pull-secret-holds-a-revoked-token pull-secret-of-the-service-account-lives-in-another-namespace",
    "registry DNS": "image-registry-host-unknown registry-host-misspelt one-nodes-proxy-is-down",
    "registry TLS": "registry-with-a-private-ca registry-speaks-plain-http",
    "registry rate limit": "image-pull-rate-limit docker-hub-rate-limit-for-a-job",
    "pull policy": "pull-policy-never-and-image-not-on-node",
    "ConfigMap missing": "config-map-missing envfrom-configmap-missing-message-only-in-events",
    "Secret missing": "env-from-secret-was-made-in-another-namespace mounted-secret-missing-no-kubelet-event-anymore",
    "key missing": "secret-key-missing volume-item-names-a-missing-key secret-key-missing-in-init-container",
    "bad command": "container-command-missing command-missing-containerd-error-state unknown-flag-prints-usage",
    "exec format": "entrypoint-without-interpreter mounted-script-is-not-executable",
    "missing module": "container-module-missing node-native-module-for-wrong-platform",
    "missing setting": "ruby-key-missing node-program-misses-a-variable pydantic-setting-missing dotnet-connection-string-null",
    "configuration invalid": "app-config-file-invalid envoy-refuses-its-bootstrap mysql-unknown-option-in-configmap",
    "runtime class missing": "runtime-handler-not-on-the-node runtime-class-is-not-there",
    "init container": "init-container-fails flyway-migration-fails-in-an-init-container git-clone-init-has-no-valid-key",
    "init container waits": "dependency-not-ready init-container-waits-for-a-misspelt-service",
    "sidecar holds a port": "sidecar-proxy-takes-the-port sidecar-and-app-want-the-same-port",
    "sidecar": "native-sidecars-startup-probe-never-passes mesh-sidecar-never-ready",
    "security context": "image-runs-as-root image-user-is-a-name-and-non-root-cannot-be-verified nginx-needs-to-write-its-cache-on-a-read-only-root unprivileged-nginx-binds-port-80",
    "security profile": "seccomp-profile-is-not-on-the-node app-armor-profile-is-not-loaded sysctl-is-not-allowed-by-the-kubelet",
    "sandbox or CNI": "cni-binary-is-missing-on-one-node calico-token-is-stale-on-every-node",
    "IP exhaustion": "vpc-subnet-has-no-address-left",
    "hook": "post-start-hook-fails post-start-hook-calls-a-missing-script",
}
_RUN = {
    "OOM of the container": "container-oom jvm-heap-is-larger-than-the-limit only-the-log-shipper-beside-the-app-is-killed",
    "OOM of the node": "a-pod-without-limits-eats-the-nodes-memory",
    "OOM of a child": "gunicorn-workers-are-killed-inside-a-living-container",
    "heap exhausted": "java-heap-exhausted node-heap-exhausted-aborts v8-heap-limit",
    "exit code": "container-panic native-code-segfaults a-one-shot-program-runs-as-a-deployment restarted-by-sigterm-again-and-again",
    "limit of the process": "process-runs-out-of-descriptors jvm-cannot-start-another-thread",
    "probe: port": "probe-liveness-wrong-port liveness-on-the-management-port-that-is-not-opened tcp-readiness-asks-an-old-port",
    "probe: path": "probe-readiness-wrong-path readiness-path-has-lost-its-prefix liveness-asks-wrong-path",
    "probe: protocol": "readiness-asks-http-of-a-grpc-port grpc-probe-of-a-server-without-the-health-service",
    "probe: scheme": "liveness-asks-plain-http-of-a-tls-port readiness-speaks-http-to-https",
    "probe: timing": "liveness-gives-a-busy-program-one-second exec-probe-takes-longer-than-its-second",
    "probe: command": "exec-probe-calls-a-tool-the-image-does-not-have",
    "start-up too slow": "liveness-begins-before-a-slow-start-is-over startup-probe-too-short-for-model-load",
    "stuck terminating": "pre-stop-hook-waits-for-peers-that-are-gone pod-keeps-a-finalizer-of-a-removed-operator runtime-cannot-kill-containers",
    "evicted: disk": "node-disk-pressure disk-pressure-evicts-several-apps-of-a-node evicted-over-its-own-ephemeral-limit empty-dir-outgrew-its-size-limit",
    "evicted: memory": "one-pod-without-limits-eats-the-nodes-memory",
    "evicted: process ids": "the-node-has-no-process-ids-left",
    "wrong credentials": "app-credentials-rejected java-wrong-host php-access-denied mongo-user-was-dropped mysql-user-may-not-use-the-schema dotnet-rabbit-login-refused",
    "wrong host": "app-host-name-wrong go-grpc-callee-name-misspelled store-host-misspelled-in-a-mounted-file php-host-misspelt",
    "wrong port": "java-wrong-port-of-a-healthy-database dotnet-cache-port-wrong-while-pod-is-ready kafka-port-wrong-in-a-consumer",
    "dependency down": "shop-down readiness-says-503-because-a-cache-was-scaled-to-zero celery-retries-a-broker-that-is-not-there-yet-ready",
    "database refuses": "tables-were-never-made postgres-data-of-another-major-version vault-is-sealed",
    "database read-only": "redis-replica-is-read-only writer-points-at-the-replica cache-cannot-save-and-stops-writes",
    "database out of connections": "database-out-of-connections postgres-has-no-connection-left",
    "certificate expired": "go-client-meets-expired-certificate callers-meet-an-expired-certificate-of-a-service",
    "certificate not trusted": "java-does-not-trust-the-ca ca-of-a-partner-is-not-trusted",
    "DNS failing": "coredns-corefile-broken-and-apps-cannot-resolve coredns-scaled-to-zero a-corefile-forwards-to-itself-in-a-loop",
    "ConfigMap not reloaded": "config-map-changed-after-the-pods-started",
    "replicas zero": "callee-scaled-to-zero-and-ingress-in-front",
    "autoscaler at its limit": "an-autoscaler-wants-more-than-its-maximum",
    "autoscaler without metrics": "autoscaler-without-requests keda-cannot-log-in-to-the-queue-it-scales-by",
    "autoscaler fights": "two-autoscalers-on-one-deployment horizontal-and-vertical-autoscalers-pull-at-the-same-metric",
    "GPU program": "vllm-model-does-not-fit-the-gpu no-cuda-driver-on-the-node weights-are-cut-short model-path-is-wrong",
    "training program": "dataloader-runs-out-of-shared-memory collective-times-out rendezvous-times-out",
}
_ROUTING = {
    "selector matches nothing": "service-selector-mismatch a-release-renames-the-version-label-the-service-still-asks-for selector-has-an-extra-label",
    "selector matches wrong pods": "selector-also-takes-pods-of-another-workload",
    "target port": "numeric-target-port-wrong-and-a-client-is-refused a-target-port-left-behind-when-the-app-moved-its-port",
    "port name": "service-target-port-name-wrong target-port-name-was-renamed-on-the-container",
    "protocol": "service-protocol-differs-from-the-ports the-service-speaks-another-protocol-than-the-container",
    "no ready endpoints": "a-service-without-selector-has-nobody-behind-it a-hand-made-endpoint-slice-names-its-port-differently",
    "headless": "statefulset-headless-service-missing headless-service-is-asked-on-a-port-that-is-only-mapped peers-cannot-meet-before-they-are-ready",
    "ExternalName": "external-name-leads-nowhere external-name-has-a-misspelt-host",
    "NetworkPolicy: default deny": "default-deny-egress egress-lockdown-forgets-name-resolution-for-every-app",
    "NetworkPolicy: selector": "ingress-policy-allows-another-role policy-selects-a-namespace-label-that-the-caller-lacks",
    "NetworkPolicy: ports": "ingress-policy-allows-another-port-range a-policys-named-port-does-not-exist-on-the-pod the-policys-port-range-ends-one-below-the-containers-port",
    "NetworkPolicy: ipBlock": "egress-ip-block-excepts-the-cluster egress-excepts-the-network-of-the-external-database",
    "Ingress backend": "ingress-service-missing ingress-backend-scaled-to-zero an-ingress-points-at-a-service-of-another-namespace ingress-names-the-container-port",
    "Ingress class": "ingress-class-does-not-exist an-ingress-without-class-where-no-class-is-the-default",
    "Ingress host or path": "two-ingresses-claim-the-same-host-and-path",
    "TLS secret": "ingress-tls-secret-missing the-tls-secret-was-made-as-generic-with-other-keys",
    "Gateway class": "a-gateway-of-a-class-nobody-serves",
    "Gateway certificate": "a-listeners-certificate-is-missing-and-its-routes-suffer",
    "HTTPRoute backend": "route-to-a-missing-service-without-status route-to-a-port-the-service-lacks",
    "HTTPRoute host": "route-host-no-listener-takes a-routes-host-is-not-one-the-listener-takes",
    "HTTPRoute parent": "route-to-a-gateway-that-does-not-exist a-listener-takes-routes-of-its-own-namespace-only",
    "ReferenceGrant": "route-across-namespaces-without-grant a-route-reaches-into-another-namespace-without-a-grant",
    "wrong address in a variable": "localhost-instead-of-the-service ready-app-keeps-failing-on-a-wrong-address a-short-service-name-across-namespaces",
    "route in a proxy's configuration": "proxy-routes-to-a-port-nobody-serves llm-gateway-routes-to-a-wrong-port nginx-upstream-host-missing-in-configmap",
    "DNS policy": "pod-dns-policy-default-cannot-resolve-services a-host-network-pod-does-not-ask-the-clusters-dns",
    "load balancer": "the-cloud-finds-no-subnet-for-a-load-balancer the-address-pool-for-load-balancers-is-used-up",
    "service mesh": "a-virtual-service-sends-to-a-subset-nobody-defined strict-mtls-and-a-caller-without-sidecar",
}
_NODES = {
    "kubelet": "node-silent a-silent-node-with-victims-in-three-namespaces the-kubelet-refuses-a-host-with-swap",
    "container runtime": "the-container-runtime-is-down new-pods-wait-because-the-runtime-of-the-pool-is-down",
    "kube-proxy": "the-proxy-of-one-node-does-not-start",
    "CNI": "node-network-plugin-not-ready the-network-agent-of-one-node-crashes",
    "scheduler": "the-scheduler-itself-crashes",
    "controller manager": "deployments-are-not-acted-on",
    "etcd": "the-data-base-of-the-cluster-is-full the-disk-of-etcd-is-slow",
    "API server": "the-api-server-of-one-master-does-not-start",
    "disk pressure": "the-disk-of-a-node-is-full",
    "file system or kernel": "the-file-system-of-a-node-turned-read-only the-kernel-of-a-node-hangs",
    "clock skew": "the-clock-of-a-node-is-years-behind clock-of-a-node-is-off",
    "node certificate": "the-kubelets-client-certificate-expired",
    "version skew": "kubelet-and-runtime-disagree-on-the-cgroup-driver a-kubelet-four-versions-behind",
    "node network": "every-service-on-one-node-is-slow the-cloud-has-no-route-to-a-node",
    "node start": "new-nodes-stay-uninitialised the-agent-taint-stays-because-the-agent-has-no-image",
    "GPU node": "a-gpu-fell-off-the-bus-says-the-detector device-plugin-crashes-on-every-gpu-node driver-and-library-disagree-on-one-node",
}
_PERFORMANCE = {
    "CPU throttled": "cpu-throttled-by-series cpu-throttled-by-alert callee-is-throttled-by-a-small-limit",
    "memory near its limit": "memory-at-its-limit-by-top memory-climbs-and-the-container-is-killed-now-and-then",
    "pod burns CPU": "one-pod-burns-the-node one-pod-burns-cpu-by-series",
    "node burns CPU": "node-burning-cpu neighbour-without-limit-takes-a-node",
    "slow callee": "slow-callee-with-timing-out-callers histograms-show-one-slow-callee queries-of-the-database-are-slow",
    "network of one pod": "one-pod-loses-packets chaos-loses-packets-of-one-pod",
    "connection pool": "hikari-pool-is-exhausted pooler-has-no-server-left ready-service-out-of-pooled-connections-not-ready",
    "queue grows": "rabbit-queue-grows-without-consumer consumer-falls-behind",
    "injected fault": "flag-makes-payments-fail chaos-delays-one-service mesh-aborts-by-rule",
}
_ROLLOUTS = {
    "rollout stuck": "new-revision-bad-while-the-old-serves the-new-release-moved-its-health-page",
    "rollout paused": "rollout-paused somebody-paused-a-rollout-halfway",
    "no room for a surge": "rollout-without-room no-room-for-the-surge-pod-and-none-may-go-first",
    "StatefulSet ordinal": "second-ordinal-is-stuck a-statefulset-waits-for-a-pod-of-a-bad-revision-that-was-reverted",
    "DaemonSet": "a-daemonset-selects-a-label-no-node-has daemonset-fails-only-on-one-node-with-a-shared-reason",
    "Job backoff": "job-backoff-limit migration-job-fails-on-missing-relation a-pod-failure-policy-ends-the-job-at-the-first-bad-exit",
    "Job deadline": "job-deadline job-over-its-deadline job-deadline-because-of-its-image",
    "Job index": "one-index-of-an-indexed-job-fails-again-and-again",
    "CronJob suspended": "a-suspended-cronjob-leaves-a-consumer-with-old-keys",
    "CronJob missed": "a-cronjob-missed-too-many-starts a-starting-deadline-shorter-than-the-controllers-period",
    "CronJob overlaps": "cronjob-forbid-previous-runs cronjob-blocked-by-a-run-that-waits-for-ever each-run-is-replaced-before-it-can-finish",
    "CronJob schedule": "a-schedule-that-never-comes",
    "disruption budget": "drain-blocked-by-budget two-budgets-hold-the-same-pods-and-a-drain-hangs a-budget-of-max-unavailable-zero-holds-a-node",
    "namespace terminating": "namespace-stuck-by-finalizer a-service-whose-cloud-balancer-cannot-be-removed-keeps-its-namespace",
    "foreign owner": "an-object-claims-an-owner-that-lives-elsewhere",
}
_CUSTOM = {
    "conditions": "a-kafka-resource-is-refused-by-its-operator an-issuers-ca-secret-is-missing-and-its-certificates-wait cluster-api-gets-no-machine-of-this-type",
    "observedGeneration lag": "an-operator-crashes-so-its-resources-are-never-looked-at",
    "children": "an-argo-application-is-degraded-by-its-deployments-image an-unknown-operators-resource-waits-for-a-storage-class a-leader-worker-sets-workers-cannot-pull",
    "delivery": "flux-no-longer-trusts-the-git-hosts-key a-helm-release-times-out-on-a-crashing-child argo-cd-cannot-read-the-repository",
    "AI systems": "a-ray-worker-group-gets-no-gpus no-serving-runtime-supports-the-model-format a-train-job-names-a-runtime-that-does-not-exist a-seldon-model-cannot-be-loaded",
}
_WELL = """
    healthy-claim-waits-for-consumer healthy-cronjob-suspended healthy-job-second-try healthy-node-drained
    healthy-old-restarts healthy-rolling-update healthy-scaled-to-zero-unused healthy-scheduled-after-a-wait
    healthy-quota-is-full-but-nobody-asks-for-more healthy-webhook-failed-once-an-hour-ago
    healthy-warn-level-of-pod-security-only-warns healthy-a-node-rebooted-once-and-all-is-up-again
    healthy-a-node-that-has-just-joined
    healthy-a-cordoned-node-that-nobody-misses healthy-tainted-special-nodes-stand-idle
    healthy-a-gate-that-is-a-few-seconds-old healthy-a-workload-waits-its-turn-for-half-a-minute
    healthy-a-node-claim-is-on-its-way healthy-operators-at-work healthy-ai-systems-that-run
    healthy-a-rollout-half-done-a-minute-ago healthy-jobs-and-cronjobs-as-they-should-be
    healthy-an-autoscaler-at-rest healthy-budgets-and-deletions-under-way healthy-policies-between-namespaces-that-fit
    healthy-odd-but-sound-services healthy-a-load-balancer-asked-for-a-moment-ago healthy-a-mesh-that-works
    healthy-routes-that-were-accepted healthy-the-plain-shop healthy-busy-but-within-its-means
    healthy-a-short-rise-that-is-over healthy-noisy-lines-of-a-healthy-shop healthy-a-training-that-goes-on
    healthy-a-pod-terminates-within-its-grace healthy-a-large-image-is-being-pulled-for-three-minutes
    healthy-an-image-pull-failed-once-and-then-went-through healthy-optional-references-are-absent-and-the-pod-runs
    healthy-a-sandbox-failed-once-while-the-network-came-up healthy-a-volume-is-being-provisioned-since-ten-seconds
    healthy-an-attach-failed-once-while-the-old-node-let-go healthy-a-mount-is-being-made-since-twenty-seconds
    healthy-a-ready-program-that-retried-at-start healthy-occasional-errors-of-a-busy-server
    healthy-a-config-map-changed-and-all-is-well healthy-a-suspended-cronjob-and-a-finished-job
    healthy-a-ready-program-with-a-few-timeouts healthy-policies-that-let-the-traffic-pass
    healthy-alerts-about-nothing-that-hurts healthy-a-slow-start-of-an-hour-ago healthy-an-optional-secret-is-missing
    """
_ROOMS: dict[str, dict[str, str]] = {
    "admission": _ADMISSION, "scheduling": _SCHEDULING, "storage": _STORAGE, "start-up": _START, "run time": _RUN,
    "routing": _ROUTING, "nodes": _NODES, "performance": _PERFORMANCE, "rollouts": _ROLLOUTS, "custom": _CUSTOM,
}  # fmt: skip
CLASSES: dict[str, tuple[str, ...]] = {
    f"{room}: {title}" if ": " not in title else f"{room}: {title.replace(': ', ', ')}": tuple(names.split())
    for room, titles in _ROOMS.items()
    for title, names in titles.items()
}
CLASS_OF: dict[str, str] = {name: title for title, names in CLASSES.items() for name in names}
CLASS_OF |= dict.fromkeys(_WELL.split(), HEALTHY)
