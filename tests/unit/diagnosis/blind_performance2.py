"""A fourth batch: clients and exporters that none of the first three had.

Written after the third batch was mended and before this one was run. First run: 13 of 19 right, none of the quiet ones blamed.
One situation was then withdrawn: a cache at its maximum that evicts is how such caches live.
"""

from __future__ import annotations

from tests.unit.diagnosis.blind_chaos import chaos
from tests.unit.diagnosis.blind_shop import NS, Case, Change, alert, quiet, series, shop, situation, top_pod
from tests.unit.diagnosis.unseen import env, put, svc


def _with(name: str, port: int, logs: str = "", made: Case | None = None, kind: str = "Deployment", **variables: str) -> Case:  # fmt: skip
    done = put(made or shop(), name, ns=NS, kind=kind, containers={name: {"ports": [{"containerPort": port}], "env": env(**variables)}}, logs=logs)  # fmt: skip
    return svc(done, name, port, ns=NS)


@situation("Deployment bazaar/invoice", "3307|port", "app.|configuration.")
def spring_is_told_a_wrong_mysql_port() -> Case:
    made = _with("invoice-db", 3306, kind="StatefulSet")
    said = "2026-03-01T11:57:41.102Z ERROR 1 --- [nio-8080-exec-2] o.a.c.c.C.[.[.[/].[dispatcherServlet]    : Servlet.service() threw exception [Request processing failed: org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection] with root cause com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure\n"
    return _with("invoice", 8080, said * 7, made=made, SPRING_DATASOURCE_URL="jdbc:mysql://invoice-db:3307/inv")


@situation("StatefulSet bazaar/basket-cache", "argument|config|directive|invalid|maxmem", "")
def cache_refuses_its_arguments_and_clients_complain() -> Case:
    store = "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nReading the configuration file, at line 2\n>>> 'maxmemory-policy \"allkeys-lur\"'\nargument(s) must be one of the following: volatile-lru, allkeys-lru\n"
    made = shop(basket_cache=Change(states="crash:1", logs=store, container={"args": ["--maxmemory-policy", "allkeys-lur"]}))  # fmt: skip
    return _with("jobs", 9191, "WARN: Redis::CannotConnectError: Error connecting to Redis on basket-cache:6379 (Errno::ECONNREFUSED)\n" * 9, made=made, REDIS_URL="redis://basket-cache:6379/1")  # fmt: skip


@situation("Deployment bazaar/stream", "9091|port", "app.|configuration.")
def python_consumer_cannot_bootstrap() -> Case:
    return _with("stream", 9292, 'ERROR:aiokafka:Unable connect to "broker:9091": [Errno 111] Connect call failed (\'10.96.7.23\', 9091)\naiokafka.errors.KafkaConnectionError: KafkaConnectionError: Unable to bootstrap from [(\'broker\', 9091, <AddressFamily.AF_UNSPEC: 0>)]\n' * 5, BOOTSTRAP="broker:9091")  # fmt: skip


@situation("Deployment bazaar/chatter", "password|credential", "app.credentials")
def elixir_has_a_wrong_password() -> Case:
    return _with("chatter", 4000, '11:57:41.102 [error] Postgrex.Protocol (#PID<0.812.0>) failed to connect: ** (Postgrex.Error) FATAL 28P01 (invalid_password) password authentication failed for user "chatter"\n' * 7, DATABASE_URL="ecto://chatter:x@orders-db/orders")  # fmt: skip


@situation("Deployment bazaar/ledger", "certificate|trust|tls|authority", "app.certificate")
def dotnet_does_not_trust_the_chain() -> Case:
    return shop(ledger=Change(logs="fail: Ledger.Consumer[0]\n      System.Security.Authentication.AuthenticationException: The remote certificate is invalid because of errors in the certificate chain: UntrustedRoot\n" * 7))  # fmt: skip


@situation(
    "Deployment bazaar/checkout|Deployment bazaar/pay|Secret bazaar/pay-tls", "certificate|name", "app.certificate|cert"
)
def certificate_is_for_another_service() -> Case:
    return shop(checkout=Change(logs='{"message":"could not charge the card: rpc error: code = Unavailable desc = connection error: desc = \\"transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate is valid for pay.old.svc, not pay\\"","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9))  # fmt: skip


@situation("Deployment bazaar/billing|StatefulSet bazaar/artemis", "credential|password|auth|security|user", "app.")
def jms_user_is_refused() -> Case:
    made = _with("artemis", 61616, kind="StatefulSet")
    return _with("billing", 8080, "2026-03-01 11:57:41,102 ERROR [org.spr.jms.lis.DefaultMessageListenerContainer] Could not refresh JMS Connection - javax.jms.JMSSecurityException: User name [billing] or password is invalid.\n" * 7, made=made, BROKER_URL="tcp://artemis:61616")  # fmt: skip


@situation("StatefulSet bazaar/basket-cache|Deployment bazaar/basket", "client|connection", "app.")
def cache_has_no_client_left() -> Case:
    return shop(basket=Change(logs="fail: Basket.Services.CartService[0]\n      StackExchange.Redis.RedisServerException: ERR max number of clients reached\n" * 7))  # fmt: skip


@situation("StatefulSet bazaar/orders-db|Deployment bazaar/ledger", "connection", "app.")
def only_reserved_connections_are_left() -> Case:
    return shop(orders_db=Change(logs="2026-03-01 11:57:51.101 UTC [812] FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute\n" * 9), ledger=Change(logs="fail: Ledger.Consumer[0]\n      Order save failed, will retry in 5 s\n" * 9))  # fmt: skip


@situation("StatefulSet bazaar/catalog-db", "oom|memory", "pod.oomkilled")
def store_is_killed_for_memory_and_clients_lose_it() -> Case:
    app = '{"level":"error","ts":"2026-03-01T11:57:40.204Z","msg":"list products","error":"connection(catalog-db:27017[-812]) incomplete read of message header: EOF"}\n'
    return shop(catalog_db=Change(states="crash:OOMKilled/137", resources={"requests": {"memory": "256Mi", "cpu": "100m"}, "limits": {"memory": "256Mi"}}), catalog=Change(logs=app * 9), storefront=Change(logs=" ⨯ Error: 14 UNAVAILABLE: upstream\n" * 7))  # fmt: skip


@situation("NetworkChaos chaos-testing/no-bank", "partition|experiment", "chaos.")
def experiment_cuts_off_an_outside_partner() -> Case:
    said = '{"level":50,"time":1772366282411,"pid":1,"hostname":"pay","err":{"type":"Error","message":"connect ETIMEDOUT 203.0.113.20:443","code":"ETIMEDOUT"},"msg":"charge failed"}\n'
    return chaos(shop(pay=Change(variables={"BANK_URL": "https://api.bank.example"}, logs=said * 9)), "NetworkChaos", "no-bank", {"action": "partition", "direction": "to", "externalTargets": ["api.bank.example"]}, "pay")  # fmt: skip


@situation("Deployment bazaar/fx", "delay|slow|latency", "flag.|performance.")
def a_delay_setting_slows_one_service() -> Case:
    made = shop(fx=Change(variables={"RESPONSE_DELAY_MS": "4000"}))
    for name, slow in (("fx", 4.01), ("checkout", 4.3), ("storefront", 4.5), ("pay", 0.02)):
        series(made, "http_server_request_duration_seconds_p95", [slow] * 30, namespace=NS, service=name)
    return made


@situation("Deployment bazaar/basket", "slow|latency", "performance.")
def buckets_in_seconds_show_a_slow_service() -> Case:
    made = shop()
    for name, edge in (("basket", 5.0), ("checkout", 5.0), ("storefront", 10.0), ("fx", 0.05)):
        for le in (0.05, 0.1, 0.5, 1.0, 5.0, 10.0):
            series(made, "http_request_duration_seconds_bucket", [(30.0 if le >= edge else 0.0) * n for n in range(30)], service=name, namespace=NS, le=str(le))  # fmt: skip
        series(made, "http_request_duration_seconds_bucket", [30.0 * n for n in range(30)], service=name, namespace=NS, le="+Inf")  # fmt: skip
    return made


@situation("Deployment bazaar/parcel", "throttl|cpu", "pod.cpu|performance.")
def throttled_seconds_alone_show_it() -> Case:
    made = shop(parcel=Change(resources={"limits": {"cpu": "50m", "memory": "64Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}}))  # fmt: skip
    for name, rate in (("parcel", 55.0), ("pay", 0.01), ("fx", 0.0)):
        series(made, "container_cpu_cfs_throttled_seconds_total", [rate * n for n in range(30)], namespace=NS, pod=f"{name}-abc-x0", container=name)  # fmt: skip
    return made


@situation("Node wk-2", "load|cpu|busy", "performance.|node")
def load_of_a_node_is_far_above_its_cores() -> Case:
    made = shop()
    for node, load in (("wk-1", 1.2), ("wk-2", 61.0), ("wk-3", 0.8)):
        series(made, "node_load5", [load] * 30, instance=f"{node}:9100", node=node)
    return alert(made, "NodeSystemSaturation", "warning", "System load per core at wk-2:9100 has been above 2", instance="wk-2:9100")  # fmt: skip


@situation("Deployment bazaar/banner", "pool|connection", "performance.|app.")
def threads_wait_for_a_pooled_connection() -> Case:
    made = shop()
    for metric, value in (("hikaricp_connections_active", 10.0), ("hikaricp_connections_max", 10.0), ("hikaricp_connections_pending", 44.0)):  # fmt: skip
        series(made, metric, [value] * 30, namespace=NS, pod="banner-abc-x0", pool="HikariPool-1")
    return made


@situation("Deployment bazaar/banner", "heap|memory", "performance.|app.|pod.")
def heap_is_full_by_series() -> Case:
    made = shop()
    series(made, "jvm_memory_used_bytes", [2.05e8] * 30, namespace=NS, pod="banner-abc-x0", area="heap")
    series(made, "jvm_memory_max_bytes", [2.09e8] * 30, namespace=NS, pod="banner-abc-x0", area="heap")
    return series(made, "jvm_gc_pause_seconds_sum", [41.0 * n for n in range(30)], namespace=NS, pod="banner-abc-x0", action="end of major GC")  # fmt: skip


@situation("MeshFaultInjection bazaar/slow-quote", "delay|fault", "mesh.")
def kuma_policy_delays_a_service() -> Case:
    made = shop(parcel=Change(logs="2026-03-01T11:57:44.101Z ERROR parcel::quote: failed to get quote: error sending request for url (http://quote:8090/getquote): operation timed out\n" * 9))  # fmt: skip
    return made.add("MeshFaultInjection", "slow-quote", NS, api="kuma.io/v1alpha1", age=500, spec={"targetRef": {"kind": "Dataplane", "labels": {"app": "quote"}}, "from": [{"targetRef": {"kind": "Mesh"}, "default": {"http": [{"delay": {"value": "5s", "percentage": 70}}]}}]})  # fmt: skip


# nothing to blame


@quiet
def a_cache_that_evicts_as_it_should() -> Case:
    made = shop()
    series(made, "redis_memory_used_bytes", [6.7e7] * 30, namespace=NS, pod="basket-cache-0")
    series(made, "redis_evicted_keys_total", [900.0 * n for n in range(30)], namespace=NS, pod="basket-cache-0")
    return series(made, "redis_memory_max_bytes", [6.71e7] * 30, namespace=NS, pod="basket-cache-0")


@quiet
def a_busy_pool_that_nobody_waits_for() -> Case:
    made = shop()
    for metric, value in (("hikaricp_connections_active", 6.0), ("hikaricp_connections_max", 10.0), ("hikaricp_connections_pending", 0.0)):  # fmt: skip
        series(made, metric, [value] * 30, namespace=NS, pod="banner-abc-x0", pool="HikariPool-1")
    return made


@quiet
def a_program_at_its_usual_heap() -> Case:
    made = shop()
    series(made, "jvm_memory_used_bytes", [1.2e8, 1.9e8] * 15, namespace=NS, pod="banner-abc-x0", area="heap")
    series(made, "jvm_memory_max_bytes", [2.09e8] * 30, namespace=NS, pod="banner-abc-x0", area="heap")
    return top_pod(made, "banner-abc-x0", 0.1, 190)
