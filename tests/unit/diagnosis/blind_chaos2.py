"""A second batch of what is switched on and what is measured: other tools, other metrics, other shapes.

Written after the first batch was mended and before this one was run. First run: 13 of 23 right, none of the quiet ones blamed.
One metric was then renamed to what its collector calls it: it counts milliseconds.
"""

from __future__ import annotations

from copilot.model import Probe
from tests.unit.diagnosis.blind_chaos import chaos
from tests.unit.diagnosis.blind_performance import histogram
from tests.unit.diagnosis.blind_shop import NS, Case, Change, alert, quiet, series, shop, situation, top_pod
from tests.unit.diagnosis.unseen import ago, owned, put, svc

_API = "chaos-mesh.org/v1alpha1"
_SLOW = (
    " ⨯ Error: 4 DEADLINE_EXCEEDED: Deadline exceeded after 5.001s\n    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)\n"
    * 6
)


@situation("FeatureFlag bazaar/shop-flags", "slowcheckout|flag", "flag.")
def openfeature_object_slows_the_checkout() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    made.add("FeatureFlag", "shop-flags", NS, api="core.openfeature.dev/v1beta1", age=80000,
             spec={"flagSpec": {"flags": {"slowCheckout": {"state": "ENABLED", "variants": {"none": 0, "some": 4000}, "defaultVariant": "some"},
                                          "newMenu": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}}}})  # fmt: skip
    return alert(made, "HighLatency", "critical", "", namespace=NS, service_name="checkout")


@situation("ConfigMap bazaar/goff", "simulate|catalog|flag|fail", "flag.")
def go_feature_flag_fails_the_catalog() -> Case:
    made = shop(catalog=Change(logs='{"level":"error","ts":"2026-03-01T11:57:11Z","msg":"GetProduct failed","error":"simulated failure"}\n' * 9), storefront=Change(logs=_SLOW))  # fmt: skip
    put(made, "relay-proxy", ns=NS, containers={"goff": {"volumeMounts": [{"name": "c", "mountPath": "/goff"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "goff"}}]})  # fmt: skip
    return made.add("ConfigMap", "goff", NS, data={"flags.goff.yaml": "catalog-simulate-failure:\n  variations:\n    enabled: true\n    disabled: false\n  defaultRule:\n    variation: enabled\nnew-banner:\n  variations:\n    a: 1\n    b: 2\n  defaultRule:\n    variation: a\n"})  # fmt: skip


@situation("Deployment bazaar/pay", "fault_injection|inject|fail", "flag.")
def variable_makes_payments_fail() -> Case:
    return shop(pay=Change(variables={"FAULT_INJECTION_RATE": "0.8"}, logs='{"level":50,"time":1772366282411,"msg":"charge failed","err":{"type":"Error","message":"synthetic error"}}\n' * 12))  # fmt: skip


@situation("JVMChaos chaos-testing/throw", "jvm|exception|experiment", "chaos.")
def experiment_throws_exceptions_in_a_jvm() -> Case:
    said = "2026-03-01 11:57:41 - bazaar.BannerService - ERROR getAds failed java.io.IOException: BOOM\n" * 9
    return chaos(shop(banner=Change(logs=said)), "JVMChaos", "throw", {"action": "exception", "class": "bazaar.BannerService", "method": "getAds", "exception": 'java.io.IOException("BOOM")'}, "banner")  # fmt: skip


@situation("NetworkChaos bazaar/garble", "corrupt|experiment", "chaos.")
def experiment_corrupts_packets_of_a_store() -> Case:
    said = "fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Received unexpected backend message ErrorResponse. Please file a bug.\n"
    return chaos(shop(ledger=Change(logs=said * 9)), "NetworkChaos", "garble", {"action": "corrupt", "corrupt": {"corrupt": "40", "correlation": "25"}}, "orders-db", ns=NS, pods=("orders-db-0",))  # fmt: skip


@situation(
    "Workflow chaos-testing/game-day|StressChaos chaos-testing/game-day-cpu-x1", "cpu|stress|experiment", "chaos."
)
def workflow_runs_a_stress_step() -> Case:
    made = chaos(shop(), "StressChaos", "game-day-cpu-x1", {"stressors": {"cpu": {"workers": 4, "load": 90}}, "duration": "20m"}, "catalog", metadata=owned("WorkflowNode", "game-day-cpu", "chaos-testing", api=_API))  # fmt: skip
    made.add("Workflow", "game-day", "chaos-testing", api=_API, age=720, spec={"entry": "all", "templates": [{"name": "all", "templateType": "Serial", "deadline": "30m", "children": ["cpu"]}]}, status={"entryNode": "all", "startTime": ago(720), "conditions": [{"type": "Accomplished", "status": "False"}]})  # fmt: skip
    made.add("WorkflowNode", "game-day-cpu", "chaos-testing", api=_API, age=715, metadata=owned("Workflow", "game-day", "chaos-testing", api=_API), spec={"type": "StressChaos", "templateName": "cpu", "workflowName": "game-day"})  # fmt: skip
    top_pod(made, "catalog-abc-x0", 0.5, 80)
    return alert(made, "HighLatency", "critical", "", namespace=NS, service_name="catalog")


@situation("ChaosEngine litmus/basket-hog", "cpu|hog|chaosengine|experiment", "chaos.")
def litmus_hogs_the_processor() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    made.add("Namespace", "litmus")
    made.add("ChaosEngine", "basket-hog", "litmus", api="litmuschaos.io/v1alpha1", age=300,
             spec={"engineState": "active", "appinfo": {"appns": NS, "applabel": "app=basket", "appkind": "deployment"}, "experiments": [{"name": "pod-cpu-hog"}]},
             status={"engineStatus": "initialized", "experiments": [{"name": "pod-cpu-hog", "status": "Running", "lastUpdateTime": ago(280)}]})  # fmt: skip
    top_pod(made, "basket-abc-x0", 0.5, 80)
    return alert(made, "CPUThrottlingHigh", "info", "88% throttling of CPU", namespace=NS, pod="basket-abc-x0", container="basket")  # fmt: skip


@situation("EnvoyFilter bazaar/slow-quote", "delay|fault", "mesh.")
def envoy_filter_delays_requests() -> Case:
    made = shop(parcel=Change(logs="2026-03-01T11:57:44.101Z ERROR parcel::quote: failed to get quote: error sending request for url (http://quote:8090/getquote): operation timed out\n" * 9))  # fmt: skip
    return made.add("EnvoyFilter", "slow-quote", NS, api="networking.istio.io/v1alpha3",
                    spec={"workloadSelector": {"labels": {"app": "quote"}}, "configPatches": [{"applyTo": "HTTP_FILTER", "match": {"context": "SIDECAR_INBOUND"}, "patch": {"operation": "INSERT_BEFORE", "value": {"name": "envoy.filters.http.fault", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", "delay": {"fixed_delay": "6s", "percentage": {"numerator": 100, "denominator": "HUNDRED"}}}}}}]})  # fmt: skip


@situation("ChaosBlade bazaar/delay-fx|ChaosBlade delay-fx", "delay|network|experiment", "chaos.")
def chaosblade_delays_a_service() -> Case:
    made = shop(checkout=Change(logs='{"message":"failed to convert price: rpc error: code = DeadlineExceeded desc = context deadline exceeded","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip
    return made.add("ChaosBlade", "delay-fx", api="chaosblade.io/v1alpha1", age=500,
                    spec={"experiments": [{"scope": "pod", "target": "network", "action": "delay", "matchers": [{"name": "labels", "value": ["app=fx"]}, {"name": "namespace", "value": [NS]}, {"name": "time", "value": ["3000"]}]}]},
                    status={"phase": "Running", "expStatuses": [{"action": "delay", "scope": "pod", "target": "network", "success": True, "state": "Success"}]})  # fmt: skip


@situation("IOChaos chaos-testing/bad-disk", "io|fault|errno|experiment", "chaos.")
def experiment_fails_reads_of_a_database() -> Case:
    store = '2026-03-01 11:57:51.101 UTC [812] PANIC:  could not read file "global/pg_control": Input/output error\n'
    made = shop(orders_db=Change(states="crash:1", logs=store, previous=True), ledger=Change(logs="fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.96.7.22:5432\n" * 7))  # fmt: skip
    return chaos(made, "IOChaos", "bad-disk", {"action": "fault", "errno": 5, "volumePath": "/var/lib/postgresql/data", "percent": 60}, "orders-db", pods=("orders-db-0",))  # fmt: skip


# measured


@situation("Deployment bazaar/quote", "slow|latency", "performance.")
def span_metrics_show_the_deepest_slow_service() -> Case:
    made = shop()
    for name, slow in (("storefront", 5100.0), ("checkout", 5050.0), ("parcel", 4900.0), ("quote", 4800.0), ("pay", 30.0), ("fx", 4.0)):  # fmt: skip
        histogram(made, "traces_span_metrics_duration_milliseconds", slow, service_name=name, span_kind="SPAN_KIND_SERVER")  # fmt: skip
    return made


@situation("Deployment bazaar/quote", "slow|latency", "performance.")
def results_without_a_metric_name_show_a_slow_service() -> Case:
    from copilot.model import Series

    made = shop()
    for name, before, after in (
        ("quote", 0.03, 6.0),
        ("parcel", 0.05, 6.1),
        ("checkout", 0.2, 6.3),
        ("fx", 0.01, 0.01),
    ):
        points = tuple((1772362800.0 + 60 * n, before if n < 12 else after) for n in range(30))
        made.series.append(
            Series("", {"service_name": name, "namespace": NS}, points, "metrics/p99_latency_seconds.json")
        )
    return made


@situation("Deployment bazaar/catalog", "goroutine|leak|memory", "performance.")
def goroutines_leak() -> Case:
    made = shop()
    for name, slope in (("catalog", 3100.0), ("checkout", 0.0)):
        series(made, "go_goroutines", [40 + slope * n for n in range(30)], namespace=NS, pod=f"{name}-abc-x0")
    return series(made, "container_memory_working_set_bytes", [6e7 + 6.8e6 * n for n in range(30)], namespace=NS, pod="catalog-abc-x0", container="catalog")  # fmt: skip


@situation("Deployment kube-system/coredns", "throttl|cpu", "pod.|performance.|dns")
def name_server_is_throttled() -> Case:
    said = '{"message":"could not charge the card: rpc error: code = Unavailable desc = dns: A record lookup error: lookup pay on 10.96.0.10:53: read udp 10.244.1.20:40112->10.96.0.10:53: i/o timeout","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    made = shop(checkout=Change(logs=said * 9), ledger=Change(logs="fail: Ledger.Consumer[0]\n      System.Net.Sockets.SocketException (00000001, 11): Resource temporarily unavailable\n" * 4))  # fmt: skip
    for pod in ("coredns-abc-x0", "coredns-abc-y1"):
        series(made, "container_cpu_cfs_throttled_periods_total", [590.0 * n for n in range(30)], namespace="kube-system", pod=pod, container="main")  # fmt: skip
        series(made, "container_cpu_cfs_periods_total", [600.0 * n for n in range(30)], namespace="kube-system", pod=pod, container="main")  # fmt: skip
    return made


@situation("Deployment bazaar/fx", "slow|latency", "performance.")
def a_recording_rule_shows_a_step() -> Case:
    made = shop()
    for name, before, after in (("fx", 4.0, 900.0), ("checkout", 80.0, 1010.0), ("storefront", 110.0, 1100.0), ("catalog", 9.0, 9.0)):  # fmt: skip
        series(made, "service:request_latency_ms:p95_5m", [before] * 14 + [after] * 16, namespace=NS, service=name)
    return made


@situation("Deployment bazaar/ledger", "lag|behind|backlog", "queue.")
def lag_is_told_by_another_exporter() -> Case:
    made = shop()
    for group, slope in (("ledger-consumer", 900.0), ("fraud-consumer", 0.0)):
        series(made, "kafka_consumer_group_lag_sum", [12 + slope * n for n in range(30)], consumer_group=group, topic="orders", namespace=NS)  # fmt: skip
    return made


@situation("Node wk-2", "node|network|reach|timeout", "")
def probes_fail_to_every_pod_of_one_node() -> Case:
    made = shop()
    for node, outcome in (("wk-1", "ok"), ("wk-2", "timeout"), ("wk-3", "ok")):
        for index in range(3):
            name = f"echo-{node}-{index}"
            put(made, name, ns=NS, kind="Pod", nodes=(node,), pod_status={"podIP": f"10.244.{node[-1]}.{70 + index}"})
            made.probes.append(Probe(origin=f"{NS}/toolbox", host=f"10.244.{node[-1]}.{70 + index}", port=8080, outcome=outcome, text=f"nc -zv -w3 10.244.{node[-1]}.{70 + index} 8080: {outcome}", source="probes.txt"))  # fmt: skip
    return made


@situation("Node wk-1", "conntrack|connection", "")
def connection_table_of_a_node_is_full() -> Case:
    made = shop(storefront=Change(logs=_SLOW, node="wk-1"))
    for node, used in (("wk-1", 65530.0), ("wk-2", 4100.0), ("wk-3", 3900.0)):
        series(made, "node_nf_conntrack_entries", [used] * 30, instance=f"{node}:9100", node=node)
        series(made, "node_nf_conntrack_entries_limit", [65536.0] * 30, instance=f"{node}:9100", node=node)
    return made


@situation("Node wk-3", "inode|file system|disk", "")
def inodes_of_a_node_are_used_up() -> Case:
    made = shop()
    for node, free in (("wk-1", 4e6), ("wk-2", 4e6), ("wk-3", 12.0)):
        series(made, "node_filesystem_files_free", [free] * 30, instance=f"{node}:9100", node=node, mountpoint="/", fstype="ext4")  # fmt: skip
        series(made, "node_filesystem_files", [5.2e6] * 30, instance=f"{node}:9100", node=node, mountpoint="/", fstype="ext4")  # fmt: skip
    return made


@situation("Deployment bazaar/pay", "error|fail", "performance.")
def source_proxies_count_the_errors() -> Case:
    made = shop()
    for name, code, rate in (("pay", "503", 44.0), ("pay", "200", 20.0), ("checkout", "500", 40.0), ("checkout", "200", 26.0), ("fx", "200", 90.0)):  # fmt: skip
        series(made, "istio_requests_total", [rate * n for n in range(30)], reporter="source", destination_workload=name, destination_workload_namespace=NS, response_code=code)  # fmt: skip
    return made


@situation("Deployment bazaar/checkout", "error|fail", "performance.")
def grpc_status_codes_show_the_failing_service() -> Case:
    made = shop()
    for name, code, rate in (("checkout", "13", 30.0), ("checkout", "0", 20.0), ("pay", "0", 50.0), ("fx", "0", 50.0)):
        series(made, "rpc_server_duration_milliseconds_count", [rate * n for n in range(30)], service_name=name, rpc_grpc_status_code=code)  # fmt: skip
    return made


@situation("Deployment batch/reindex|Node wk-2", "cpu", "performance.")
def hog_of_a_node_by_series_only() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    made.add("Namespace", "batch")
    put(made, "reindex", ns="batch", nodes=("wk-2",))
    series(made, "container_cpu_usage_seconds_total", [3.0 * n if n < 10 else 30 + 216.0 * (n - 10) for n in range(30)], namespace="batch", pod="reindex-abc-x0", container="main", node="wk-2")  # fmt: skip
    for cpu in range(4):
        series(made, "node_cpu_seconds_total", [1.2 * n for n in range(30)], instance="wk-2:9100", node="wk-2", mode="idle", cpu=str(cpu))  # fmt: skip
        series(made, "node_cpu_seconds_total", [51.0 * n for n in range(30)], instance="wk-1:9100", node="wk-1", mode="idle", cpu=str(cpu))  # fmt: skip
    return made


@situation("Deployment bazaar/advice", "memory|leak", "performance.|pod.")
def memory_climbs_toward_the_limit() -> Case:
    made = shop()
    series(made, "container_memory_working_set_bytes", [6e7 + 6.6e6 * n for n in range(30)], namespace=NS, pod="advice-abc-x0", container="advice")  # fmt: skip
    series(made, "container_memory_working_set_bytes", [6e7] * 30, namespace=NS, pod="pay-abc-x0", container="pay")
    return alert(made, "KubeContainerMemoryNearLimit", "warning", "advice uses 95% of its memory limit", namespace=NS, pod="advice-abc-x0", container="advice")  # fmt: skip


# nothing to blame


@quiet
def a_schedule_is_paused_and_an_experiment_found_nobody() -> Case:
    made = chaos(
        shop(), "NetworkChaos", "nobody", {"action": "loss", "loss": {"loss": "100"}}, "no-such-app", selected=False
    )
    return made.add("Schedule", "paused", "chaos-testing", api=_API, metadata={"annotations": {"experiment.chaos-mesh.org/pause": "true"}},
                    spec={"schedule": "*/5 * * * *", "type": "PodChaos", "podChaos": {"action": "pod-kill", "mode": "one", "selector": {"namespaces": [NS], "labelSelectors": {"app": "pay"}}}}, status={"time": ago(90000)})  # fmt: skip


@quiet
def much_load_that_is_borne() -> Case:
    made = shop(load=Change(variables={"LOCUST_USERS": "2000"}))
    top_pod(made, "storefront-abc-x0", 0.2, 120)
    return alert(made, "Watchdog", "none")


@quiet
def lag_rises_and_falls() -> Case:
    return series(shop(), "kafka_consumergroup_lag", [(n % 6) * 80.0 for n in range(30)], consumergroup="fraud", topic="orders")  # fmt: skip


@quiet
def answers_of_a_language_model_take_seconds() -> Case:
    made = shop()
    svc(put(made, "chat", ns=NS, containers={"vllm": {"ports": [{"containerPort": 8000}]}}), "chat", 8000, ns=NS)
    histogram(made, "vllm:e2e_request_latency_seconds", 5.0, pod="chat-abc-x0", namespace=NS)
    return series(made, "vllm:num_requests_waiting", [0.0] * 30, pod="chat-abc-x0", namespace=NS)


@quiet
def every_disk_is_as_busy() -> Case:
    made = shop()
    for node in ("wk-1", "wk-2", "wk-3"):
        series(made, "node_disk_io_time_seconds_total", [56.0 * n for n in range(30)], instance=f"{node}:9100", node=node, device="nvme0n1")  # fmt: skip
    return made


@quiet
def one_error_in_a_thousand() -> Case:
    made = shop()
    for name, code, rate in (
        ("pay", "500", 0.05),
        ("pay", "200", 60.0),
        ("checkout", "404", 30.0),
        ("checkout", "200", 60.0),
    ):
        series(made, "http_server_requests_seconds_count", [rate * n for n in range(30)], service=name, namespace=NS, status=code)  # fmt: skip
    return made
