"""A third batch: the commonest faults of microservices again, in wordings and shapes the first two did not have.

Written after the second batch was mended and before this one was run. First run: 19 of 24 right, none of the quiet ones blamed.
"""

from __future__ import annotations

import json

from tests.unit.diagnosis.blind_chaos import chaos
from tests.unit.diagnosis.blind_shop import (
    NS,
    Case,
    Change,
    alert,
    flags,
    quiet,
    series,
    shop,
    situation,
    top_node,
    top_pod,
)
from tests.unit.diagnosis.unseen import ago, env, put, svc

_SLOW = " ⨯ Error: 4 DEADLINE_EXCEEDED: Deadline exceeded after 5.001s\n" * 6


def _with(name: str, port: int, logs: str, made: Case | None = None, kind: str = "Deployment", states: str = "ok", **variables: str) -> Case:  # fmt: skip
    done = put(made or shop(), name, ns=NS, kind=kind, containers={name: {"ports": [{"containerPort": port}], "env": env(**variables)}}, logs=logs, states=states, previous=states.startswith("crash"))  # fmt: skip
    return svc(done, name, port, ns=NS)


@situation("StatefulSet bazaar/geo-db|Deployment bazaar/geo", "auth|user|credential|sasl", "app.")
def mgo_client_panics_on_the_login() -> Case:
    made = _with("geo-db", 27017, '{"t":{"$date":"2026-03-01T11:57:40.771+00:00"},"s":"I","c":"ACCESS","id":20249,"ctx":"conn3","msg":"Authentication failed","attr":{"mechanism":"SCRAM-SHA-1","principalName":"admin","authenticationDatabase":"geo-db","client":"10.244.1.20:1","result":"UserNotFound: Could not find user \\"admin\\" for db \\"geo-db\\""}}\n' * 4, kind="StatefulSet")  # fmt: skip
    return _with("geo", 8083, '{"level":"info","time":"2026-03-01T11:57:40Z","message":"New session successfull..."}\npanic: server returned error on SASL authentication step: Authentication failed.\n\ngoroutine 1 [running]:\nmain.initializeDatabase()\n\t/go/src/cmd/geo/db.go:41 +0x11\n', made=made, states="crash:2", GEO_MONGO="mongodb://geo-db:27017")  # fmt: skip


@situation("Deployment bazaar/rate|StatefulSet bazaar/rate-db", "reach|rate-db|27018|port", "app.|configuration.")
def mgo_client_finds_no_reachable_server() -> Case:
    made = _with("rate-db", 27017, "", kind="StatefulSet")
    return _with("rate", 8084, '{"level":"panic","error":"no reachable servers","time":"2026-03-01T11:57:40Z"}\npanic: no reachable servers\n', made=made, states="crash:2", RATE_MONGO="rate-db:27018")  # fmt: skip


@situation("Deployment bazaar/user", "command|found|executable|image", "")
def wrong_binary_is_not_in_the_image() -> Case:
    made = shop()
    put(made, "user", ns=NS, containers={"user": {"command": ["usr"], "ports": [{"containerPort": 8086}]}}, states='wait:RunContainerError:failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "usr": executable file not found in $PATH: unknown')  # fmt: skip
    return svc(made, "user", 8086, ns=NS)


@situation("ConfigMap bazaar/flag-definitions", "catalogfailure|flag", "flag.")
def flag_fails_one_product_by_span_metrics() -> Case:
    made = flags(shop(), catalogFailure="on")
    for name, bad in (("catalog", 9.0), ("storefront", 7.0), ("advice", 5.0), ("pay", 0.0)):
        series(made, "traces_span_metrics_calls_total", [bad * n for n in range(30)], service_name=name, span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_ERROR")  # fmt: skip
        series(made, "traces_span_metrics_calls_total", [60.0 * n for n in range(30)], service_name=name, span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_UNSET")  # fmt: skip
    return alert(made, "RequestErrorRate", "critical", "error rate above 5%", service_name="storefront", namespace=NS)


@situation("Deployment bazaar/catalog", "error|fail", "performance.")
def span_metrics_count_errors_without_any_log() -> Case:
    made = shop()
    for name, bad in (("catalog", 9.0), ("storefront", 7.0), ("advice", 5.0), ("pay", 0.0)):
        series(made, "traces_span_metrics_calls_total", [bad * n for n in range(30)], service_name=name, span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_ERROR")  # fmt: skip
        series(made, "traces_span_metrics_calls_total", [60.0 * n for n in range(30)], service_name=name, span_kind="SPAN_KIND_SERVER", status_code="STATUS_CODE_OK")  # fmt: skip
    return made


@situation("ConfigMap bazaar/flag-definitions", "bannermanualgc|flag", "flag.")
def flag_collects_garbage_by_hand() -> Case:
    return flags(shop(banner=Change(logs="2026-03-01 11:58:19 - bazaar.BannerService - Triggering a manual garbage collection, next one in 10 seconds. trace_id= span_id=\n" * 6)), bannerManualGc="on")  # fmt: skip


@situation("NetworkChaos bazaar/drop-basket", "loss|experiment", "chaos.")
def experiment_by_expressions_and_all_namespaces() -> Case:
    made = chaos(shop(checkout=Change(logs='{"message":"failed to get user cart during checkout: rpc error: code = DeadlineExceeded","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9)), "NetworkChaos", "drop-basket", {"action": "loss", "loss": {"loss": "90"}}, "basket", ns=NS)  # fmt: skip
    body = made.bodies[-2][0] if made.bodies[-2][0]["kind"] == "NetworkChaos" else made.bodies[-1][0]
    body["spec"]["selector"] = {
        "namespaces": [NS],
        "expressionSelectors": [{"key": "app", "operator": "In", "values": ["basket"]}],
    }
    return made


@situation("PodChaos chaos-testing/swap", "container-kill|experiment", "chaos.")
def experiment_kills_a_container_just_now() -> Case:
    return chaos(shop(quote=Change(states="restarted:137")), "PodChaos", "swap", {"action": "container-kill", "containerNames": ["quote"]}, "quote", since=120)  # fmt: skip


@situation(
    "Deployment bazaar/checkout|ConfigMap bazaar/checkout-env", "currency|resolve|exist|host", "app.|configuration."
)
def address_from_a_config_map_by_envfrom() -> Case:
    said = '{"message":"failed to convert price: rpc error: code = Unavailable desc = name resolver error: produced zero addresses","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    made = shop(checkout=Change(variables={"FX_ADDR": ""}, logs=said * 9, container={"envFrom": [{"configMapRef": {"name": "checkout-env"}}]}))  # fmt: skip
    return made.add("ConfigMap", "checkout-env", NS, data={"FX_ADDR": "currency:7001", "LOG_LEVEL": "info"}, metadata={"managedFields": [{"manager": "kubectl-edit", "operation": "Update", "time": ago(800)}]})  # fmt: skip


@situation("Deployment bazaar/storefront", "8999|port", "app.|configuration.")
def node_client_port_is_wrong() -> Case:
    said = " ⨯ Error: 14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 10.96.7.15:8999\n    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)\n"
    return shop(storefront=Change(variables={"ADVICE_ADDR": "advice:8999"}, logs=said * 8))


@situation("Deployment bazaar/reco-db|StatefulSet bazaar/reco-db", "connection|max", "app.|performance.")
def maria_has_too_many_connections() -> Case:
    made = _with("reco-db", 3306, "2026-03-01 11:57:40 812 [Warning] Aborted connection 812 to db: 'reco' user: 'app' host: '10.244.1.20' (Got an error reading communication packets)\n", kind="StatefulSet")  # fmt: skip
    return _with("reco", 8070, "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (1040, 'Too many connections')\n(Background on this error at: https://sqlalche.me/e/20/e3q8)\n" * 6, made=made, DATABASE_URL="mysql+pymysql://app:x@reco-db:3306/reco")  # fmt: skip


@situation("Deployment bazaar/advice", "memory|oom", "pod.oomkilled")
def limit_is_below_what_the_program_needs() -> Case:
    return shop(advice=Change(states="crash:OOMKilled/137", resources={"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "24Mi"}}), storefront=Change(logs=_SLOW))  # fmt: skip


@situation("Deployment bazaar/pay", "slow|latency", "performance.")
def p95_of_one_callee_by_alert_and_log() -> Case:
    made = shop(checkout=Change(logs='{"message":"could not charge the card: Post \\"http://pay:50051/charge\\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip
    for name in ("pay", "checkout", "storefront"):
        alert(made, "P95LatencyHigh", "warning", f"p95 latency of {name} is above 3 s", namespace=NS, service=name)
    return made


@situation("Node wk-3", "cpu|load", "performance.")
def a_node_is_full_by_top_and_alert() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    for node, cpu in (("wk-1", 0.6), ("wk-2", 0.7), ("wk-3", 3.96)):
        top_node(made, node, cpu, 3)
    for name in ("basket", "parcel", "banner", "notify"):
        top_pod(made, f"{name}-abc-x0", 0.06, 80)
    return alert(made, "NodeSystemSaturation", "warning", "System load per core at wk-3:9100 has been above 2 for the last 15 minutes", instance="wk-3:9100")  # fmt: skip


@situation("Deployment bazaar/quote", "throttl|cpu", "pod.cpu|performance.")
def throttling_by_a_recording_of_shares() -> Case:
    made = shop(quote=Change(resources={"limits": {"cpu": "30m", "memory": "64Mi"}, "requests": {"cpu": "30m", "memory": "64Mi"}}), parcel=Change(logs="2026-03-01T11:57:44.101Z ERROR parcel::quote: failed to get quote: error sending request for url (http://quote:8090/getquote): operation timed out\n" * 9))  # fmt: skip
    for name, share in (("quote", 0.88), ("parcel", 0.0)):
        series(made, "namespace_pod_container:cpu_throttling:ratio5m", [share] * 30, namespace=NS, pod=f"{name}-abc-x0", container=name)  # fmt: skip
    return made


@situation("StatefulSet bazaar/broker|Deployment bazaar/ledger", "sasl|auth|credential", "app.")
def kafka_login_fails() -> Case:
    return shop(ledger=Change(logs="%3|1772366301.113|FAIL|rdkafka#consumer-1| [thrd:sasl_plaintext://broker:9092/bootstrap]: sasl_plaintext://broker:9092/bootstrap: SASL authentication error: Authentication failed: Invalid username or password (after 301ms in state AUTH_REQ)\n" * 6))  # fmt: skip


@situation("Deployment bazaar/login|Secret bazaar/login", "ldap|credential|bind|password", "app.")
def directory_rejects_the_bind() -> Case:
    made = _with("ldap", 389, "")
    return _with("login", 8033, "javax.naming.AuthenticationException: [LDAP: error code 49 - Invalid Credentials]\n\tat java.naming/com.sun.jndi.ldap.LdapCtx.mapErrorCode(LdapCtx.java:3259)\n" * 7, made=made, LDAP_URL="ldap://ldap:389")  # fmt: skip


@situation("StatefulSet bazaar/orders-db|Deployment bazaar/ledger", "database|exist", "app.")
def database_was_never_created() -> Case:
    return shop(ledger=Change(logs='fail: Ledger.Consumer[0]\n      Npgsql.PostgresException (0x80004005): 3D000: database "orders" does not exist\n' * 7), orders_db=Change(logs='2026-03-01 11:57:51.101 UTC [812] FATAL:  database "orders" does not exist\n' * 7))  # fmt: skip


@situation("Deployment bazaar/tracker", "column|schema|migrat", "app.")
def column_is_missing_after_a_release() -> Case:
    return _with("tracker", 8077, 'thread \'tokio-runtime-worker\' error: error returned from database: column "carrier_code" does not exist\n' * 7, DATABASE_URL="postgres://t:x@orders-db:5432/tracker")  # fmt: skip


@situation(
    "ConfigMap bazaar/front-nginx|Deployment bazaar/front", "shopfront|host|exist|resolve", "configuration.|app."
)
def nginx_answers_502_for_a_variable_upstream() -> Case:
    log = (
        '2026/03/01 11:58:41 [error] 29#29: *812 shopfront could not be resolved (3: Host not found), client: 10.244.2.4, server: _, request: "GET / HTTP/1.1", host: "shop.example"\n'
        * 8
    )
    made = put(shop(), "front", ns=NS, containers={"nginx": {"ports": [{"containerPort": 80}], "volumeMounts": [{"name": "c", "mountPath": "/etc/nginx"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "front-nginx"}}]}, logs=log)  # fmt: skip
    made.add("ConfigMap", "front-nginx", NS, data={"nginx.conf": "http {\n  resolver 10.96.0.10;\n  server {\n    listen 80;\n    location / {\n      set $up http://shopfront:8080;\n      proxy_pass $up;\n    }\n  }\n}\n"})  # fmt: skip
    return svc(made, "front", 80, ns=NS)


@situation("Deployment bazaar/k6-runner", "load|flood|users", "performance.load")
def k6_is_turned_up() -> Case:
    made = shop(storefront=Change(logs=_SLOW))
    put(made, "k6-runner", ns=NS, containers={"k6": {"env": env(K6_VUS="3000", TARGET_URL="http://storefront:8080")}}, logs="running (12m03.1s), 3000/3000 VUs, 812112 complete and 0 interrupted iterations\n", nodes=("wk-2",))  # fmt: skip
    for pod in ("storefront-abc-x0", "storefront-abc-y1"):
        top_pod(made, pod, 0.49, 200)
    return alert(made, "HighLatency", "critical", "", namespace=NS, service_name="storefront")


@situation("Pod bazaar/fx-abc-x0|Deployment bazaar/fx", "drop|loss|packet|network", "performance.")
def receive_drops_of_one_pod() -> Case:
    made = shop()
    for name, rate in (("fx", 95.0), ("pay", 0.0), ("quote", 0.01), ("catalog", 0.0)):
        series(made, "container_network_receive_packets_dropped_total", [60 * rate * n for n in range(30)], namespace=NS, pod=f"{name}-abc-x0", interface="eth0")  # fmt: skip
    return made


@situation("VirtualService bazaar/catalog", "abort|fault", "mesh.")
def mesh_fault_for_a_full_host_name() -> Case:
    made = shop(advice=Change(logs='2026-03-01 11:58:11,300 ERROR [main] [advice.py:70] - status = StatusCode.UNAVAILABLE details = "fault filter abort"\n' * 9))  # fmt: skip
    return made.add("VirtualService", "catalog", NS, api="networking.istio.io/v1alpha3", age=600,
                    spec={"hosts": [f"catalog.{NS}.svc.cluster.local"], "http": [{"fault": {"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 50}}}, "route": [{"destination": {"host": f"catalog.{NS}.svc.cluster.local"}}]}]})  # fmt: skip


@situation("FeatureFlag bazaar/f|ConfigMap bazaar/unleash-state", "simulateslowdatabase|slow|flag", "flag.")
def unleash_export_slows_the_database() -> Case:
    made = shop(ledger=Change(logs="fail: Ledger.Consumer[0]\n      Timeout while saving order\n" * 9))
    put(made, "unleash", ns=NS, containers={"unleash": {"volumeMounts": [{"name": "c", "mountPath": "/import"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "unleash-state"}}]})  # fmt: skip
    words = {
        "version": 1,
        "features": [
            {"name": "simulateSlowDatabase", "description": "Adds 5 s to each order of the ledger", "enabled": True},
            {"name": "darkMode", "enabled": True},
        ],
    }
    return made.add("ConfigMap", "unleash-state", NS, data={"features.json": json.dumps(words)})


# nothing to blame


@quiet
def a_few_retries_after_a_restart_of_the_store() -> Case:
    return shop(ledger=Change(logs="fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Failed to connect to 10.96.7.22:5432\n" * 6 + 'info: Ledger.Consumer[0]\n      Order details: {"orderId":"0b1c"}\n' * 30))  # fmt: skip


@quiet
def health_checks_of_a_partner_outside_fail_now_and_then() -> Case:
    return shop(pay=Change(logs='{"level":40,"time":1772366282411,"msg":"bank sandbox not reachable, using cached rates","err":{"code":"ETIMEDOUT"}}\n{"level":30,"time":1772366282411,"msg":"Transaction processed"}\n' * 3))  # fmt: skip


@quiet
def a_vertical_service_without_faults() -> Case:
    return shop().add("VirtualService", "basket", NS, api="networking.istio.io/v1", spec={"hosts": ["basket"], "http": [{"timeout": "3s", "retries": {"attempts": 3}, "route": [{"destination": {"host": "basket"}}]}]})  # fmt: skip


@quiet
def roomy_limits_of_the_mesh() -> Case:
    made = shop(parcel=Change(logs="2026-03-01T11:57:44.101Z INFO parcel: reset reason: overflow handled once\n"))
    return made.add("DestinationRule", "basket", NS, api="networking.istio.io/v1", spec={"host": "basket", "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}})  # fmt: skip
