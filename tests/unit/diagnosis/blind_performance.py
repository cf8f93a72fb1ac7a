"""Failures of speed and load: what series, alerts, `top`, probes and slow lines show, in a shop of microservices.

Written before any rule was read. First run: 5 of 20 right, none of the quiet ones blamed.
"""

from __future__ import annotations

from copilot.model import Probe
from tests.unit.diagnosis.blind_shop import NS, Case, Change, alert, quiet, series, shop, situation, top_node, top_pod
from tests.unit.diagnosis.unseen import put, svc

_SLOW = (
    " ⨯ Error: 4 DEADLINE_EXCEEDED: Deadline exceeded after 5.001s\n    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)\n"
    * 6
)
_BUCKETS = (10.0, 100.0, 1000.0, 2500.0, 5000.0, 10000.0)


def histogram(made: Case, metric: str, slow: float, **labels: str) -> Case:
    """Buckets of a histogram in which every answer takes `slow` milliseconds."""
    for edge in (*_BUCKETS, float("inf")):
        rate = 60.0 if slow <= edge else 0.0
        series(made, f"{metric}_bucket", [rate * n for n in range(30)], le="+Inf" if edge == float("inf") else f"{edge:g}", **labels)  # fmt: skip
    series(made, f"{metric}_count", [60.0 * n for n in range(30)], **labels)
    return series(made, f"{metric}_sum", [60.0 * slow * n for n in range(30)], **labels)


@situation("Deployment bazaar/fx", "throttl|cpu", "pod.|performance.")
def callee_is_throttled_by_a_small_limit() -> Case:
    made = shop(fx=Change(resources={"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "20m", "memory": "128Mi"}}), storefront=Change(logs=_SLOW), checkout=Change(logs='{"message":"failed to convert price: rpc error: code = DeadlineExceeded desc = context deadline exceeded","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip
    for name, share in (("fx", 0.93), ("catalog", 0.0), ("basket", 0.01), ("checkout", 0.0)):
        pod = f"{name}-abc-x0"
        series(made, "container_cpu_cfs_throttled_periods_total", [600 * share * n for n in range(30)], namespace=NS, pod=pod, container=name)  # fmt: skip
        series(made, "container_cpu_cfs_periods_total", [600.0 * n for n in range(30)], namespace=NS, pod=pod, container=name)  # fmt: skip
    return alert(made, "HighLatency", "critical", "p95 of storefront above 2 s", namespace=NS, service="storefront")


@situation("Deployment bazaar/advice", "memory|oom", "pod.|performance.")
def memory_climbs_and_the_container_is_killed_now_and_then() -> Case:
    made = shop(advice=Change(states="restarted:137"), storefront=Change(logs=_SLOW))
    climb = [8e7 + 9e6 * (n % 20) for n in range(60)]
    series(made, "container_memory_working_set_bytes", climb, namespace=NS, pod="advice-abc-x0", container="advice")
    series(made, "kube_pod_container_resource_limits", [268435456.0] * 60, namespace=NS, pod="advice-abc-x0", container="advice", resource="memory", unit="byte")  # fmt: skip
    series(made, "kube_pod_container_status_last_terminated_reason", [1.0] * 60, namespace=NS, pod="advice-abc-x0", container="advice", reason="OOMKilled")  # fmt: skip
    return series(made, "kube_pod_container_status_restarts_total", [float(n // 20) for n in range(60)], namespace=NS, pod="advice-abc-x0", container="advice")  # fmt: skip


@situation("Deployment bazaar/banner", "gc|garbage|heap|memory", "app.|pod.|performance.")
def jvm_spends_its_time_in_full_collections() -> Case:
    said = "[2026-03-01T11:57:41.003+0000][412.881s][info][gc] GC(1811) Pause Full (Allocation Failure) 199M->198M(200M) 4812.301ms\n"
    made = shop(banner=Change(logs=said * 20), storefront=Change(logs="Error: 4 DEADLINE_EXCEEDED: Deadline exceeded after 5.003s, remote_addr=10.96.7.16:9555\n" * 6))  # fmt: skip
    return series(made, "jvm_gc_pause_seconds_sum", [52.0 * n for n in range(30)], namespace=NS, pod="banner-abc-x0", action="end of major GC")  # fmt: skip


@situation("Deployment analytics/crunch|Pod analytics/crunch-*", "cpu|node|limit", "performance.|node.|pod.")
def neighbour_without_limit_takes_a_node() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    made.add("Namespace", "analytics")
    put(made, "crunch", ns="analytics", containers={"spark": {}}, nodes=("wk-2",), logs="26/03/01 11:31:10 INFO DAGScheduler: Submitting 400 missing tasks from ShuffleMapStage 3\n")  # fmt: skip
    top_node(made, "wk-1", 0.5, 3)
    top_node(made, "wk-2", 3.98, 4)
    top_node(made, "wk-3", 0.4, 3)
    top_pod(made, "crunch-abc-x0", 3.6, 900, ns="analytics")
    for name, cpu in (("catalog", 0.05), ("basket", 0.03), ("checkout", 0.06), ("pay", 0.02)):
        top_pod(made, f"{name}-abc-x0", cpu, 70)
    return alert(made, "NodeCPUHighUsage", "info", "CPU usage at wk-2 has been above 90% for the last 15 minutes", instance="wk-2:9100")  # fmt: skip


@situation(
    "CronJob bazaar/nightly-dump|Job bazaar/nightly-dump-*|Pod bazaar/nightly-dump-*|Node wk-1",
    "disk|io|writes",
    "performance.|node.",
)
def backup_saturates_the_disk_of_a_node() -> Case:
    made = shop(orders_db=Change(logs="2026-03-01 11:57:51.101 UTC [27] LOG:  checkpoint complete: wrote 812 buffers (5.0%); write=29.871 s, sync=88.102 s, total=118.400 s\n" * 3, node="wk-1"))  # fmt: skip
    put(made, "nightly-dump", ns=NS, kind="CronJob", containers={"dump": {}}, nodes=("wk-1",), logs="dumping to /backup/orders.sql\n", status={"active": 1, "startTime": "2026-03-01T11:40:00Z"})  # fmt: skip
    for node, busy in (("wk-1", 0.998), ("wk-2", 0.04), ("wk-3", 0.03)):
        series(made, "node_disk_io_time_seconds_total", [60 * busy * n for n in range(30)], instance=f"{node}:9100", node=node, device="sda")  # fmt: skip
    series(made, "container_fs_writes_bytes_total", [2.4e9 * n for n in range(30)], namespace=NS, pod="nightly-dump-29000000-k", container="dump", node="wk-1")  # fmt: skip
    return series(made, "container_fs_writes_bytes_total", [4e6 * n for n in range(30)], namespace=NS, pod="orders-db-0", container="orders-db", node="wk-1")  # fmt: skip


@situation(
    "StatefulSet bazaar/orders-db|Pod bazaar/orders-db-0", "slow|quer|statement|duration", "app.|db.|performance."
)
def queries_of_the_database_are_slow() -> Case:
    store = "2026-03-01 11:57:51.101 UTC [812] LOG:  duration: 14120.301 ms  execute <unnamed>: SELECT * FROM order_items WHERE lower(sku) = $1\n"
    app = "fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Exception while reading from stream\n ---> System.TimeoutException: Timeout during reading attempt\n"
    return shop(orders_db=Change(logs=store * 12), ledger=Change(logs=app * 8))


@situation("Deployment bazaar/catalog", "slow|latency|answers", "performance.")
def histograms_show_one_slow_callee() -> Case:
    made = shop(storefront=Change(logs=_SLOW), advice=Change(logs='2026-03-01 11:58:11,300 ERROR [main] [advice.py:70] - status = StatusCode.DEADLINE_EXCEEDED details = "Deadline Exceeded" peer ipv4:10.96.7.8:3550\n' * 5))  # fmt: skip
    for name, slow in (
        ("catalog", 4200.0),
        ("storefront", 4700.0),
        ("advice", 4400.0),
        ("basket", 8.0),
        ("pay", 70.0),
        ("fx", 5.0),
    ):
        histogram(made, "rpc_server_duration_milliseconds", slow, service_name=name, namespace=NS)
    return made


@situation("Deployment bazaar/pay", "error|5xx|fail|503|500", "performance.|app.")
def mesh_counts_errors_of_one_workload() -> Case:
    made = shop()
    for name, bad in (("pay", 40.0), ("checkout", 41.0), ("storefront", 38.0), ("catalog", 0.0), ("basket", 0.0)):
        for code, rate in (("200", 60.0), ("500", bad)):
            series(made, "istio_requests_total", [rate * n for n in range(30)], reporter="destination", destination_workload=name, destination_workload_namespace=NS, destination_service_name=name, response_code=code)  # fmt: skip
    return alert(
        made, "HighErrorRate", "critical", "storefront answers 39% with 5xx", namespace=NS, service="storefront"
    )


@situation("PersistentVolumeClaim bazaar/data-orders-db-0|StatefulSet bazaar/orders-db", "full|space|disk|volume", "")
def volume_of_the_database_is_nearly_full() -> Case:
    made = shop(orders_db=Change(spec={"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-orders-db-0"}}]}, logs='2026-03-01 11:57:51.101 UTC [812] ERROR:  could not extend file "base/16384/16402": No space left on device\n2026-03-01 11:57:51.101 UTC [812] HINT:  Check free disk space.\n' * 6))  # fmt: skip
    made.add("PersistentVolumeClaim", "data-orders-db-0", NS, spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "std", "volumeName": "pv-1"}, status={"phase": "Bound", "capacity": {"storage": "10Gi"}})  # fmt: skip
    made.add("StorageClass", "std", api="storage.k8s.io/v1", provisioner="csi.example.com")
    made.add("PersistentVolume", "pv-1", spec={"capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "std", "csi": {"driver": "csi.example.com", "volumeHandle": "v1"}, "claimRef": {"kind": "PersistentVolumeClaim", "namespace": NS, "name": "data-orders-db-0"}}, status={"phase": "Bound"})  # fmt: skip
    series(made, "kubelet_volume_stats_available_bytes", [2e5] * 30, namespace=NS, persistentvolumeclaim="data-orders-db-0")  # fmt: skip
    return series(made, "kubelet_volume_stats_capacity_bytes", [1.06e10] * 30, namespace=NS, persistentvolumeclaim="data-orders-db-0")  # fmt: skip


@situation("Deployment bazaar/load", "load|users|flood|requests", "")
def load_generator_floods_the_shop() -> Case:
    made = shop(load=Change(variables={"LOCUST_USERS": "6000"}, logs='[2026-03-01 11:31:30,114] load/INFO/locust.runners: Ramping to 6000 users at a rate of 200.00 per second\n[2026-03-01 11:32:00,114] load/INFO/locust.runners: All users spawned: {"WebsiteUser": 6000} (6000 total users)\n'), storefront=Change(logs=_SLOW))  # fmt: skip
    for pod in ("storefront-abc-x0", "storefront-abc-y1"):
        top_pod(made, pod, 0.5, 240)
    series(made, "http_server_request_duration_seconds_count", [100.0 * n for n in range(15)] + [1500 + 150000.0 * n for n in range(15)], namespace=NS, service_name="storefront")  # fmt: skip
    return alert(
        made, "HighLatency", "critical", "p95 of storefront above 2 s", namespace=NS, service_name="storefront"
    )


@situation("Node wk-2", "network|drop|loss|latency|slow", "node.|performance.|net")
def every_service_on_one_node_is_slow() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    for node, drops in (("wk-1", 0.0), ("wk-2", 900.0), ("wk-3", 0.0)):
        series(made, "node_network_transmit_drop_total", [drops * n for n in range(30)], instance=f"{node}:9100", node=node, device="eth0")  # fmt: skip
        series(made, "node_netstat_Tcp_RetransSegs", [drops * 2 * n for n in range(30)], instance=f"{node}:9100", node=node)  # fmt: skip
    return alert(made, "NodeNetworkTransmitErrs", "warning", "wk-2 interface eth0 has encountered 54000 transmit errors in the last hour", instance="wk-2:9100", node="wk-2", device="eth0")  # fmt: skip


@situation("Pod bazaar/parcel-*|Deployment bazaar/parcel", "network|drop|loss|packet", "performance.|net|pod.")
def one_pod_loses_packets() -> Case:
    made = shop(checkout=Change(logs='{"message":"shipping quote failure: rpc error: code = DeadlineExceeded desc = context deadline exceeded","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip
    for name, drops in (("parcel", 420.0), ("quote", 0.0), ("pay", 0.0), ("fx", 0.0), ("catalog", 0.0)):
        series(made, "container_network_transmit_packets_dropped_total", [drops * n for n in range(30)], namespace=NS, pod=f"{name}-abc-x0", interface="eth0")  # fmt: skip
        series(made, "container_network_transmit_packets_total", [1200.0 * n for n in range(30)], namespace=NS, pod=f"{name}-abc-x0", interface="eth0")  # fmt: skip
    return made


@situation("Deployment bazaar/fraud", "lag|behind|backlog|consumer", "queue.|performance.|app.")
def consumer_falls_behind() -> Case:
    made = shop(fraud=Change(logs="2026-03-01 11:58:03 - fraud - WARN scoring model took 9120 ms for orderId 0b1c\n" * 12))  # fmt: skip
    for group, slope in (("fraud", 400.0), ("ledger", 0.0)):
        series(made, "kafka_consumergroup_lag", [3 + slope * n for n in range(30)], consumergroup=group, topic="orders", partition="0")  # fmt: skip
    return alert(made, "KafkaConsumerLag", "warning", "consumer group fraud is 12000 messages behind on orders", consumergroup="fraud", topic="orders")  # fmt: skip


@situation(
    "Deployment bazaar/mailer|StatefulSet bazaar/rabbit", "queue|backlog|messages|consumer", "queue.|performance.|app."
)
def rabbit_queue_grows_without_consumer() -> Case:
    made = svc(put(shop(), "rabbit", ns=NS, kind="StatefulSet", containers={"rabbit": {"ports": [{"containerPort": 5672}]}}, logs="2026-03-01 11:40:11.101 [error] <0.901.0> Channel error on connection <0.880.0> (10.244.1.20:40312 -> 10.244.1.21:5672, vhost: '/', user: 'mailer'), channel 1:\n operation none caused a channel exception precondition_failed: delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms.\n"), "rabbit", 5672, ns=NS)  # fmt: skip
    put(made, "mailer", ns=NS, containers={"celery": {}}, logs="[2026-03-01 11:40:11,110: ERROR/MainProcess] consumer: Cannot connect to amqp://mailer:**@rabbit:5672//: (406, 'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. This timeout value can be configured, see consumers doc guide to learn more').\n" * 2)  # fmt: skip
    series(made, "rabbitmq_queue_messages_ready", [40.0 + 300 * n for n in range(30)], namespace=NS, queue="mail", pod="rabbit-0")  # fmt: skip
    return series(made, "rabbitmq_queue_consumers", [1.0] * 10 + [0.0] * 20, namespace=NS, queue="mail", pod="rabbit-0")  # fmt: skip


@situation("StatefulSet bazaar/orders-db|Deployment bazaar/ledger", "connection", "performance.|app.|db.")
def connections_of_the_database_are_used_up_by_series() -> Case:
    made = shop(ledger=Change(logs="fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): The connection pool has been exhausted, either raise 'Max Pool Size' (currently 100) or 'Timeout' (currently 15 seconds) in your connection string.\n" * 8))  # fmt: skip
    series(made, "pg_stat_activity_count", [20.0] * 10 + [100.0] * 20, namespace=NS, pod="orders-db-0", datname="orders", state="idle in transaction")  # fmt: skip
    return series(made, "pg_settings_max_connections", [100.0] * 30, namespace=NS, pod="orders-db-0")


@situation("Deployment bazaar/quote", "timeout|probe|unreachable|hang|answer|slow", "")
def probes_of_a_person_hang_at_one_service() -> Case:
    made = shop(parcel=Change(logs="2026-03-01T11:57:44.101Z ERROR parcel::quote: failed to get quote: error sending request for url (http://quote:8090/getquote): operation timed out\n" * 9))  # fmt: skip
    for host, port, outcome in (
        ("quote", 8090, "timeout"),
        ("parcel", 50050, "ok"),
        ("pay", 50051, "ok"),
        ("fx", 7001, "ok"),
    ):
        made.probes.append(Probe(origin=f"{NS}/toolbox", host=f"{host}.{NS}", port=port, outcome=outcome, text=f"nc -zv {host}.{NS} {port}: {outcome}", source="probes.txt"))  # fmt: skip
    for name, slow in (("quote", 9000.0), ("parcel", 9500.0), ("checkout", 9600.0), ("fx", 3.0), ("catalog", 12.0)):
        series(made, "http_server_duration_milliseconds_p95", [slow] * 30, service_name=name, namespace=NS)
    return made


@situation("Deployment bazaar/advice", "cpu", "performance.|pod.")
def one_pod_burns_cpu_by_series() -> Case:
    made = shop()
    for name, rate in (("advice", 29.4), ("catalog", 0.9), ("basket", 1.2), ("pay", 0.4), ("fx", 0.2), ("banner", 1.8)):
        series(made, "container_cpu_usage_seconds_total", [0.05 * 60 * n if n < 12 and name == "advice" else rate * n for n in range(30)], namespace=NS, pod=f"{name}-abc-x0", container=name)  # fmt: skip
    return alert(made, "HighCpu", "warning", "advice uses 98% of its CPU limit", namespace=NS, pod="advice-abc-x0")


@situation("Node wk-3", "memory|swap", "node.|performance.")
def node_runs_out_of_memory_by_series() -> Case:
    made = shop()
    for node, free in (("wk-1", 4e9), ("wk-2", 3.6e9), ("wk-3", 9e7)):
        series(made, "node_memory_MemAvailable_bytes", [free] * 30, instance=f"{node}:9100", node=node)
        series(made, "node_memory_MemTotal_bytes", [8.3e9] * 30, instance=f"{node}:9100", node=node)
    return alert(made, "NodeMemoryHighUtilization", "warning", "Memory is filling up at wk-3:9100, has been above 90% for the last 15 minutes, is currently at 98.9%.", instance="wk-3:9100")  # fmt: skip


@situation("Node wk-1", "clock|skew|ntp|time", "node.|performance.|clock")
def clock_of_a_node_is_off() -> Case:
    made = shop(pay=Change(logs='{"level":50,"time":1772366282411,"pid":1,"hostname":"pay","err":{"type":"Error","message":"Token used before issued"},"msg":"token refused"}\n' * 5, node="wk-1"))  # fmt: skip
    for node, off in (("wk-1", -412.0), ("wk-2", 0.001), ("wk-3", -0.002)):
        series(made, "node_timex_offset_seconds", [off] * 30, instance=f"{node}:9100", node=node)
    return alert(made, "NodeClockSkewDetected", "warning", "Clock at wk-1:9100 is out of sync by more than 0.05s. Ensure NTP is configured correctly on this host.", instance="wk-1:9100")  # fmt: skip


@situation("Deployment bazaar/orders-proxy", "pool|connection|pgbouncer", "app.|db.|performance.")
def pooler_has_no_server_left() -> Case:
    return svc(put(shop(ledger=Change(variables={"DB_CONNECTION": "Host=orders-proxy;Port=6432;Username=ledger;Database=orders"}, logs="fail: Ledger.Consumer[0]\n      Npgsql.PostgresException (0x80004005): 08P01: query_wait_timeout\n" * 9)), "orders-proxy", ns=NS, containers={"pgbouncer": {"ports": [{"containerPort": 6432}]}}, logs="2026-03-01 11:57:51.101 UTC [1] LOG C-0x7f2: orders/ledger@10.244.1.20:40312 closing because: query_wait_timeout (age=120s)\n2026-03-01 11:57:51.101 UTC [1] WARNING C-0x7f2: orders/ledger@10.244.1.20:40312 pooler error: query_wait_timeout\n" * 5), "orders-proxy", 6432, ns=NS)  # fmt: skip


# nothing to blame


@quiet
def busy_but_within_its_means() -> Case:
    made = shop()
    for name, cpu, memory in (("catalog", 0.31, 150), ("basket", 0.2, 120), ("checkout", 0.25, 90)):
        top_pod(made, f"{name}-abc-x0", cpu, memory)
    for node in ("wk-1", "wk-2", "wk-3"):
        top_node(made, node, 2.2, 4.5)
    return alert(made, "Watchdog", "none")


@quiet
def latencies_are_even_and_low() -> Case:
    made = shop()
    for name, slow in (("catalog", 8.0), ("storefront", 90.0), ("checkout", 95.0), ("basket", 4.0)):
        histogram(made, "rpc_server_duration_milliseconds", slow, service_name=name, namespace=NS)
    return made


@quiet
def a_short_rise_that_is_over() -> Case:
    made = shop()
    series(made, "http_server_request_duration_seconds_p95", [0.05] * 10 + [3.0] * 3 + [0.05] * 30, service_name="catalog", namespace=NS)  # fmt: skip
    series(made, "kafka_consumergroup_lag", [0, 50, 900, 400, 20, *[0.0] * 25], consumergroup="fraud", topic="orders")
    return series(made, "container_cpu_usage_seconds_total", [20.0 * min(n, 5) for n in range(30)], namespace=NS, pod="fx-abc-x0", container="fx")  # fmt: skip


@quiet
def a_batch_job_uses_what_it_may() -> Case:
    made = put(shop(), "nightly", ns=NS, kind="Job", containers={"batch": {"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1", "memory": "1Gi"}}}}, status={"active": 1})  # fmt: skip
    return top_pod(made, "nightly-k0", 0.99, 400)


@quiet
def noisy_lines_of_a_healthy_shop() -> Case:
    said = '2026-03-01T11:31:20.004Z\tinfo\texporterhelper/retry_sender.go:118\tExporting failed. Will retry the request after interval.\t{"error": "rpc error: code = Unavailable desc = connection error"}\n'
    return shop(catalog=Change(logs='{"level":"warn","ts":"2026-03-01T11:32:10.204Z","msg":"traces export: failed to upload traces: context deadline exceeded"}\n'), fx=Change(logs=said))  # fmt: skip
