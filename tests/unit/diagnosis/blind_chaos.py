"""Failures that somebody switched on: feature flags, chaos experiments, fault injection of a mesh.

Written before any rule was read. First run: 1 of 26 right, none of the quiet ones blamed.
"""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.blind_shop import NS, Case, Change, alert, flags, quiet, series, shop, situation, top_pod
from tests.unit.diagnosis.unseen import ago, put, svc

Body = dict[str, Any]
_API = "chaos-mesh.org/v1alpha1"
_FRONT = (
    " ⨯ Error: 4 DEADLINE_EXCEEDED: Deadline exceeded after 5.001s\n    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19) {\n  code: 4\n}\n"
    * 6
)


def chaos(
    made: Case, kind: str, name: str, spec: Body, app: str = "", *, ns: str = "chaos-testing", running: bool = True,
    selected: bool = True, pods: tuple[str, ...] = (), target_ns: str = NS, metadata: Body | None = None, since: float = 700,
) -> Case:  # fmt: skip
    """A Chaos Mesh experiment with the status its controller writes."""
    if ns not in [body["metadata"]["name"] for body, _ in made.bodies if body["kind"] == "Namespace"]:
        made.add("Namespace", ns, age=86400)
        put(made, "chaos-controller-manager", ns=ns, nodes=("wk-3",))
    injected = "True" if running and selected else "False"
    records = [
        {"id": f"{target_ns}/{pod}", "selectorKey": ".", "phase": "Injected" if running else "Not Injected", "injectedCount": 1, "recoveredCount": 0 if running else 1,
         "events": [{"operation": "Apply", "type": "Succeeded", "timestamp": ago(since)}]}
        for pod in (pods or ((f"{app}-abc-x0",) if selected and app else ()))
    ]  # fmt: skip
    made.add(
        kind, name, ns, api=_API, age=since, metadata=metadata,
        spec={"mode": "all", "selector": {"namespaces": [target_ns], "labelSelectors": {"app": app}}, **spec},
        status={
            "conditions": [{"type": "Selected", "status": "True" if selected else "False"}, {"type": "AllInjected", "status": injected},
                           {"type": "AllRecovered", "status": "False" if running else "True"}, {"type": "Paused", "status": "False"}],
            "experiment": {"desiredPhase": "Run" if running else "Stop", "containerRecords": records},
        },
    )  # fmt: skip
    if selected and app:
        made.event(kind, name, ns, "Applied", f"Successfully apply chaos for {target_ns}/{app}-abc-x0", type_="Normal", count=1, last=since)  # fmt: skip
    return made


# feature flags


@situation("ConfigMap bazaar/flag-definitions", "payfailure|flag", "")
def flag_makes_payments_fail() -> Case:
    pay = '{"level":40,"time":1772366282411,"pid":1,"hostname":"pay","msg":"Payment request failed. Invalid token. app.loyalty.level=gold"}\n'
    check = '{"message":"could not charge the card: rpc error: code = Unknown desc = Payment request failed. Invalid token. app.loyalty.level=gold","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    made = flags(shop(pay=Change(logs=pay * 15), checkout=Change(logs=check * 12), storefront=Change(logs=_FRONT)), payFailure="on")  # fmt: skip
    return alert(made, "RequestErrorRate", "critical", "error rate of checkout above 10%", namespace=NS, service_name="checkout")  # fmt: skip


@situation("ConfigMap bazaar/flag-definitions", "payunreachable|flag", "")
def flag_makes_payments_unreachable() -> Case:
    check = '{"message":"could not charge the card: rpc error: code = Unavailable desc = dns: A record lookup error: lookup badAddress on 10.96.0.10:53: no such host","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    return flags(shop(checkout=Change(logs=check * 12)), payUnreachable="on")


@situation("ConfigMap bazaar/flag-definitions", "bannerhighcpu|flag", "")
def flag_burns_cpu_of_one_service() -> Case:
    made = flags(shop(banner=Change(logs="2026-03-01 11:58:19 - bazaar.BannerService - High CPU-Load problempattern enabled trace_id= span_id=\n" * 4)), bannerHighCpu="on")  # fmt: skip
    top_pod(made, "banner-abc-x0", 0.5, 180)
    for name in ("catalog", "basket", "advice", "pay"):
        top_pod(made, f"{name}-abc-x0", 0.02, 60)
    return alert(made, "CPUThrottlingHigh", "info", "81% throttling of CPU in namespace bazaar for container banner", namespace=NS, pod="banner-abc-x0", container="banner")  # fmt: skip


@situation("ConfigMap bazaar/flag-definitions", "advicecachefailure|flag", "")
def flag_leaks_memory_until_killed() -> Case:
    made = flags(shop(advice=Change(states="crash:OOMKilled/137", logs="2026-03-01 11:57:59,402 INFO [main] [advice.py:88] - get_product_list: cache miss\n" * 6)), adviceCacheFailure="on")  # fmt: skip
    return series(made, "container_memory_working_set_bytes", [2e7 + 7.5e6 * n for n in range(30)], namespace=NS, pod="advice-abc-x0", container="advice")  # fmt: skip


@situation("ConfigMap bazaar/flag-definitions", "basketfailure|flag", "")
def flag_fails_a_share_of_the_carts() -> Case:
    said = "fail: Grpc.AspNetCore.Server.ServerCallHandler[6]\n      Error when executing service method 'EmptyCart'.\n      Grpc.Core.RpcException: Status(StatusCode=\"FailedPrecondition\", Detail=\"Can't access cart storage. System.ApplicationException: Wasn't able to connect to redis\")\n"
    return flags(shop(basket=Change(logs=said * 7), checkout=Change(logs='{"message":"failed to empty user cart during checkout: rpc error: code = FailedPrecondition","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 7)), basketFailure="on")  # fmt: skip


@situation("ConfigMap bazaar/flag-definitions", "brokerqueueproblems|flag", "")
def flag_overloads_the_queue() -> Case:
    made = flags(shop(checkout=Change(logs='{"message":"FeatureFlag \'brokerQueueProblems\' is activated, overloading queue now.","severity":"info","timestamp":"2026-03-01T11:50:20Z"}\n{"message":"Done with #100 messages for overload simulation.","severity":"info","timestamp":"2026-03-01T11:50:21Z"}\n'),
                       fraud=Change(logs="2026-03-01 11:58:03 - fraud - FeatureFlag 'brokerQueueProblems' is enabled, sleeping 1 second\n" * 8)), brokerQueueProblems="on")  # fmt: skip
    return series(made, "kafka_consumergroup_lag", [5 + 100.0 * n for n in range(30)], consumergroup="fraud", topic="orders", namespace=NS)  # fmt: skip


@situation("ConfigMap bazaar/flag-definitions", "storefrontflood|flag", "")
def flag_floods_the_storefront() -> Case:
    made = flags(shop(), storefrontFlood="on")
    series(made, "http_server_request_duration_seconds_count", [n * 90000.0 for n in range(30)], namespace=NS, service_name="storefront")  # fmt: skip
    top_pod(made, "storefront-abc-x0", 0.5, 190)
    top_pod(made, "storefront-abc-y1", 0.49, 201)
    return alert(made, "HighLatency", "critical", "p95 of storefront above 2 s", namespace=NS, service_name="storefront")  # fmt: skip


@situation("ConfigMap bazaar/flag-definitions", "imageslowload|flag", "")
def flag_slows_images() -> Case:
    made = flags(shop(), imageSlowLoad="10sec")
    for name, value in (("storefront", 10.4), ("catalog", 0.01), ("checkout", 0.2)):
        series(made, "http_server_request_duration_seconds_p95", [value] * 30, namespace=NS, service_name=name)
    return alert(made, "HighLatency", "warning", "p95 of storefront above 2 s", namespace=NS, service_name="storefront")


@situation("Deployment bazaar/catalog", "extra_latency|delay|latency", "")
def variable_delays_every_answer() -> Case:
    made = shop(catalog=Change(variables={"EXTRA_LATENCY": "5500ms"}), storefront=Change(logs=_FRONT))
    for name, value in (
        ("catalog", 5512.0),
        ("storefront", 5920.0),
        ("checkout", 5800.0),
        ("basket", 8.0),
        ("pay", 11.0),
    ):
        series(made, "rpc_server_duration_milliseconds_p99", [value] * 30, namespace=NS, service_name=name)
    return alert(made, "HighLatency", "critical", "", namespace=NS, service_name="storefront")


# Chaos Mesh


@situation("NetworkChaos chaos-testing/slow-pay", "delay|networkchaos|latency|experiment", "")
def chaos_delays_one_service() -> Case:
    made = chaos(shop(checkout=Change(logs='{"message":"could not charge the card: rpc error: code = DeadlineExceeded desc = context deadline exceeded","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9), storefront=Change(logs=_FRONT)),
                 "NetworkChaos", "slow-pay", {"action": "delay", "delay": {"latency": "3000ms", "jitter": "200ms", "correlation": "25"}, "direction": "to"}, "pay")  # fmt: skip
    return alert(made, "HighLatency", "critical", "", namespace=NS, service_name="checkout")


@situation("NetworkChaos chaos-testing/split-ledger", "partition|networkchaos|experiment", "")
def chaos_cuts_a_service_off_its_store() -> Case:
    said = "fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.96.7.22:5432\n ---> System.TimeoutException: Timeout during connection attempt\n"
    target = {"mode": "all", "selector": {"namespaces": [NS], "labelSelectors": {"app": "orders-db"}}}
    return chaos(shop(ledger=Change(logs=said * 9)), "NetworkChaos", "split-ledger", {"action": "partition", "direction": "both", "target": target}, "ledger")  # fmt: skip


@situation("NetworkChaos chaos-testing/lossy", "loss|networkchaos|experiment", "")
def chaos_loses_packets_of_one_pod() -> Case:
    said = "[2026-03-01 11:57:02,114] WARN [Producer clientId=producer-1] Got error produce response with correlation id 97 on topic-partition orders-0, retrying (2147483601 attempts left). Error: NETWORK_EXCEPTION (org.apache.kafka.clients.producer.internals.Sender)\n"
    return chaos(shop(fraud=Change(logs=said * 9)), "NetworkChaos", "lossy", {"action": "loss", "mode": "one", "loss": {"loss": "60", "correlation": "50"}}, "broker", pods=("broker-0",))  # fmt: skip


@situation("StressChaos chaos-testing/eat-memory", "memory|stress|experiment", "")
def chaos_eats_memory_until_the_kernel_kills() -> Case:
    made = shop(basket=Change(states="crash:OOMKilled/137"), storefront=Change(logs=_FRONT))
    return chaos(made, "StressChaos", "eat-memory", {"stressors": {"memory": {"workers": 4, "size": "512MB"}}}, "basket")  # fmt: skip


@situation("StressChaos chaos-testing/burn", "cpu|stress|experiment", "")
def chaos_burns_cpu() -> Case:
    made = chaos(shop(), "StressChaos", "burn", {"stressors": {"cpu": {"workers": 8, "load": 100}}, "duration": "30m"}, "fx")  # fmt: skip
    top_pod(made, "fx-abc-x0", 0.5, 60)
    return alert(made, "CPUThrottlingHigh", "info", "93% throttling of CPU", namespace=NS, pod="fx-abc-x0", container="fx")  # fmt: skip


@situation("PodChaos bazaar/kill-parcel", "pod-failure|podchaos|experiment", "")
def chaos_makes_a_pod_fail() -> Case:
    made = shop(parcel=Change(states="unready"), checkout=Change(logs='{"message":"failed to get shipping quote: rpc error: code = Unavailable desc = connection error: dial tcp 10.96.7.12:50050: connect: connection refused","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip
    return chaos(made, "PodChaos", "kill-parcel", {"action": "pod-failure", "duration": "600s"}, "parcel", ns=NS)


@situation("HTTPChaos chaos-testing/abort-quote", "abort|httpchaos|experiment", "")
def chaos_aborts_requests() -> Case:
    made = shop(parcel=Change(logs="2026-03-01T11:57:44.101Z ERROR parcel::quote: failed to get quote: error sending request for url (http://quote:8090/getquote): connection closed before message completed\n" * 9))  # fmt: skip
    return chaos(made, "HTTPChaos", "abort-quote", {"target": "Request", "port": 8090, "path": "/getquote", "method": "POST", "abort": True}, "quote")  # fmt: skip


@situation("DNSChaos chaos-testing/no-names", "dns|experiment", "")
def chaos_answers_names_with_errors() -> Case:
    said = '2026-03-01 11:58:11,300 ERROR [main] [advice.py:70] - grpc._channel._InactiveRpcError: status = StatusCode.UNAVAILABLE details = "DNS resolution failed for catalog:3550: C-ares status is not ARES_SUCCESS qtype=A name=catalog is_balancer=0: DNS server returned answer with no data"\n'
    return chaos(shop(advice=Change(logs=said * 9)), "DNSChaos", "no-names", {"action": "error", "patterns": ["catalog*"]}, "advice")  # fmt: skip


@situation("IOChaos chaos-testing/slow-disk", "io|disk|latency|experiment", "")
def chaos_slows_a_database_volume() -> Case:
    store = '2026-03-01 11:57:51.101 UTC [812] LOG:  duration: 9120.301 ms  statement: INSERT INTO "order" (order_id) VALUES ($1)\n'
    return chaos(shop(orders_db=Change(logs=store * 9), ledger=Change(logs="fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Exception while reading from stream\n ---> System.TimeoutException: Timeout during reading attempt\n" * 6)),
                 "IOChaos", "slow-disk", {"action": "latency", "volumePath": "/var/lib/postgresql/data", "path": "/var/lib/postgresql/data/**/*", "delay": "2s", "percent": 80}, "orders-db", pods=("orders-db-0",))  # fmt: skip


@situation("TimeChaos chaos-testing/late-clock", "time|clock|experiment", "")
def chaos_shifts_the_clock() -> Case:
    said = '{"level":50,"time":1772352282411,"pid":1,"hostname":"pay","err":{"type":"JsonWebTokenError","message":"jwt not active"},"msg":"token refused"}\n'
    return chaos(shop(pay=Change(logs=said * 9)), "TimeChaos", "late-clock", {"timeOffset": "-4h"}, "pay")


@situation("Schedule chaos-testing/kill-every-minute|PodChaos chaos-testing/kill-every-minute-*", "pod-kill|schedule|experiment", "")  # fmt: skip
def chaos_kills_pods_on_a_schedule() -> Case:
    made = shop(advice=Change(logs=""), storefront=Change(logs=_FRONT))
    made.add("Namespace", "chaos-testing", age=86400)
    spec = {"action": "pod-kill", "mode": "one", "selector": {"namespaces": [NS], "labelSelectors": {"app": "advice"}}}
    made.add("Schedule", "kill-every-minute", "chaos-testing", api=_API, age=1500,
             spec={"schedule": "@every 1m", "type": "PodChaos", "historyLimit": 3, "concurrencyPolicy": "Forbid", "podChaos": spec},
             status={"active": [{"kind": "PodChaos", "name": "kill-every-minute-8xk2d", "namespace": "chaos-testing"}], "time": ago(31)})  # fmt: skip
    for at in (800, 500, 200, 40):
        made.event("Pod", "advice-abc-x0", NS, "Killing", "Stopping container advice", type_="Normal", count=1, last=at)
    made.event("Schedule", "kill-every-minute", "chaos-testing", "Spawned", "Create new object: kill-every-minute-8xk2d", type_="Normal", count=24, last=31)  # fmt: skip
    return alert(made, "KubeDeploymentReplicasMismatch", "warning", "advice has not matched the expected number of replicas", namespace=NS, deployment="advice")  # fmt: skip


@situation("ChaosEngine bazaar/fx-latency", "latency|chaosengine|experiment", "")
def litmus_engine_is_at_work() -> Case:
    made = shop(storefront=Change(logs=_FRONT), checkout=Change(logs='{"message":"failed to convert price: rpc error: code = DeadlineExceeded desc = context deadline exceeded","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip
    made.add("ChaosEngine", "fx-latency", NS, api="litmuschaos.io/v1alpha1", age=400,
             spec={"engineState": "active", "appinfo": {"appns": NS, "applabel": "app=fx", "appkind": "deployment"}, "chaosServiceAccount": "litmus-admin",
                   "experiments": [{"name": "pod-network-latency", "spec": {"components": {"env": [{"name": "NETWORK_LATENCY", "value": "4000"}, {"name": "TOTAL_CHAOS_DURATION", "value": "900"}]}}}]},
             status={"engineStatus": "initialized", "experiments": [{"name": "pod-network-latency", "status": "Running", "verdict": "Awaited", "runner": "fx-latency-runner", "experimentPod": "pod-network-latency-x1-9f"}]})  # fmt: skip
    put(made, "fx-latency-runner", ns=NS, kind="Pod", nodes=("wk-2",))
    return made


@situation("VirtualService bazaar/reviews", "fault|abort|503", "")
def mesh_aborts_by_rule() -> Case:
    made = svc(put(shop(storefront=Change(logs="⨯ Error: reviews answered 503 fault filter abort\n" * 9)), "reviews", ns=NS), "reviews", 9080, ns=NS)  # fmt: skip
    made.add("VirtualService", "reviews", NS, api="networking.istio.io/v1", age=900,
             spec={"hosts": ["reviews"], "http": [{"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 80}}}, "route": [{"destination": {"host": "reviews"}}]}]})  # fmt: skip
    return series(made, "istio_requests_total", [100.0 * n for n in range(30)], destination_workload="reviews", destination_workload_namespace=NS, response_code="503", response_flags="FI")  # fmt: skip


@situation("VirtualService bazaar/ratings", "fault|delay", "")
def mesh_delays_by_rule() -> Case:
    made = svc(put(shop(storefront=Change(logs=_FRONT)), "ratings", ns=NS), "ratings", 9080, ns=NS)
    made.add("VirtualService", "ratings", NS, api="networking.istio.io/v1beta1", age=900,
             spec={"hosts": ["ratings"], "http": [{"match": [{"headers": {"end-user": {"exact": "jason"}}}], "fault": {"delay": {"fixedDelay": "7s", "percentage": {"value": 100.0}}}, "route": [{"destination": {"host": "ratings", "subset": "v1"}}]}, {"route": [{"destination": {"host": "ratings"}}]}]})  # fmt: skip
    return alert(made, "HighLatency", "critical", "", namespace=NS, service_name="storefront")


@situation("DestinationRule bazaar/quote", "connection|overflow|pool", "")
def mesh_circuit_breaker_is_too_tight() -> Case:
    said = "2026-03-01T11:57:44.101Z ERROR parcel::quote: quote answered 503: upstream connect error or disconnect/reset before headers. reset reason: overflow\n"
    made = shop(parcel=Change(logs=said * 12))
    made.add("DestinationRule", "quote", NS, api="networking.istio.io/v1", age=900,
             spec={"host": "quote", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1, "maxRequestsPerConnection": 1}}}})  # fmt: skip
    return series(made, "istio_requests_total", [70.0 * n for n in range(30)], destination_workload="quote", destination_workload_namespace=NS, response_code="503", response_flags="UO")  # fmt: skip


@situation("Deployment bazaar/checkout", "6001|port", "app.|configuration.")
def a_finished_experiment_is_no_cause() -> Case:
    said = '{"message":"failed to convert price: rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial tcp 10.96.7.14:6001: connect: connection refused\\"","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    made = shop(checkout=Change(variables={"FX_ADDR": "fx:6001"}, logs=said * 9))
    return chaos(made, "NetworkChaos", "old-delay", {"action": "delay", "delay": {"latency": "800ms"}, "duration": "5m"}, "fx", running=False, since=2600)  # fmt: skip


@situation("NetworkChaos chaos-testing/hidden", "bandwidth|networkchaos|experiment", "")
def chaos_is_the_only_thing_not_plain() -> Case:
    made = chaos(shop(), "NetworkChaos", "hidden", {"action": "bandwidth", "bandwidth": {"rate": "1kbps", "limit": 20971520, "buffer": 10000}}, "catalog")  # fmt: skip
    return alert(made, "HighLatency", "critical", "p99 above 5 s", namespace=NS, service_name="storefront")


# nothing to blame


@quiet
def a_shop_with_all_flags_off() -> Case:
    return flags(shop())


@quiet
def the_plain_shop() -> Case:
    return shop()


@quiet
def a_harmless_flag_is_on() -> Case:
    made = flags(shop(), changed=80000)
    made.add("ConfigMap", "ui-flags", NS, data={"flags.json": '{"flags":{"newCheckoutDesign":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}}}'})  # fmt: skip
    return made


@quiet
def a_finished_experiment() -> Case:
    return chaos(shop(), "PodChaos", "done", {"action": "pod-kill"}, "advice", running=False, since=2600)


@quiet
def a_paused_experiment() -> Case:
    return chaos(shop(), "NetworkChaos", "held", {"action": "delay", "delay": {"latency": "1s"}}, "pay", running=False, metadata={"annotations": {"experiment.chaos-mesh.org/pause": "true"}})  # fmt: skip


@quiet
def a_stopped_litmus_engine() -> Case:
    return shop().add("ChaosEngine", "old", NS, api="litmuschaos.io/v1alpha1", spec={"engineState": "stop", "appinfo": {"appns": NS, "applabel": "app=fx", "appkind": "deployment"}, "experiments": [{"name": "pod-delete"}]},
                      status={"engineStatus": "completed", "experiments": [{"name": "pod-delete", "status": "Completed", "verdict": "Pass"}]})  # fmt: skip


@quiet
def a_mesh_fault_of_no_share() -> Case:
    return shop().add("VirtualService", "quote", NS, api="networking.istio.io/v1", spec={"hosts": ["quote"], "http": [{"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 0}}}, "route": [{"destination": {"host": "quote"}}]}]})  # fmt: skip
