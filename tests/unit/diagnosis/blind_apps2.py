"""A second batch: neighbours of the first, in the words of other languages, servers and proxies.

Written after the first batch was mended and before this one was run. First run: 10 of 24 right, none of the quiet ones blamed.
"""

from __future__ import annotations

from tests.unit.diagnosis.blind_shop import NS, Case, Change, quiet, shop, situation
from tests.unit.diagnosis.unseen import env, job_failed, put, svc

_FRONT = (
    " ⨯ Error: 13 INTERNAL: upstream failed\n    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19)\n"
    * 6
)


def _more(name: str, port: int, image_log: str = "", kind: str = "Deployment", made: Case | None = None, **variables: str) -> Case:  # fmt: skip
    """The shop with one more service of an own name."""
    done = put(made or shop(), name, ns=NS, kind=kind, containers={name: {"ports": [{"containerPort": port}], "env": env(**variables)}}, logs=image_log, outer={"serviceName": name} if kind == "StatefulSet" else None)  # fmt: skip
    return svc(done, name, port, ns=NS)


@situation("StatefulSet bazaar/orders-db|Deployment bazaar/banner", "permission|privilege|grant", "app.")
def spring_may_not_use_the_schema() -> Case:
    said = "2026-03-01T11:57:41.102Z  WARN 1 --- [nio-9555-exec-2] o.h.engine.jdbc.spi.SqlExceptionHelper   : SQL Error: 0, SQLState: 42501\n2026-03-01T11:57:41.103Z ERROR 1 --- [nio-9555-exec-2] o.h.engine.jdbc.spi.SqlExceptionHelper   : ERROR: permission denied for schema public\n  Position: 13\n"
    return shop(banner=Change(variables={"SPRING_DATASOURCE_URL": "jdbc:postgresql://orders-db:5432/orders"}, logs=said * 7))  # fmt: skip


@situation("Job bazaar/review-migrate", "pg-main|resolve|host", "app.|job")
def migration_failed_so_the_table_is_missing() -> Case:
    made = shop()
    put(made, "reviews-web", ns=NS, containers={"gunicorn": {"env": env(DATABASE_URL="postgres://r:x@orders-db:5432/reviews"), "ports": [{"containerPort": 8000}]}},
        logs='Internal Server Error: /reviews/\ndjango.db.utils.ProgrammingError: relation "reviews_review" does not exist\nLINE 1: SELECT "reviews_review"."id" FROM "reviews_review"\n' * 6)  # fmt: skip
    return put(made, "review-migrate", ns=NS, kind="Job", containers={"migrate": {"env": env(DATABASE_URL="postgres://r:x@pg-main:5432/reviews")}}, states="failed:1", status=job_failed(),
               logs='django.db.utils.OperationalError: could not translate host name "pg-main" to address: Name or service not known\n')  # fmt: skip


@situation("Deployment bazaar/worker|Secret bazaar/worker", "password|wrongpass|credential", "app.credentials")
def celery_has_a_wrong_cache_password() -> Case:
    said = "[2026-03-01 11:57:40,110: ERROR/MainProcess] consumer: Cannot connect to redis://:**@basket-cache:6379/0: WRONGPASS invalid username-password pair or user is disabled..\nTrying again in 32.00 seconds... (16/100)\n"
    return _more("worker", 5555, said * 6, CELERY_BROKER_URL="redis://:wrong@basket-cache:6379/0")


@situation("Deployment bazaar/dispatch", "authori|credential|token|password", "app.credentials")
def nats_client_is_not_authorised() -> Case:
    made = _more("nats", 4222, '[1] 2026/03/01 11:57:40.101112 [ERR] 10.244.1.20:48110 - cid:812 - authentication error - User "dispatch"\n' * 6, kind="StatefulSet")  # fmt: skip
    return _more("dispatch", 8099, "2026/03/01 11:57:40 publish failed: nats: Authorization Violation\n" * 8, made=made, NATS_URL="nats://dispatch:pw@nats:4222")  # fmt: skip


@situation("StatefulSet bazaar/reviews-db|Deployment bazaar/reviews", "blocked|connection", "app.")
def mysql_blocks_a_client_host() -> Case:
    made = _more("reviews-db", 3306, "", kind="StatefulSet")
    said = "[2026-03-01T11:57:44+00:00] app.CRITICAL: PDOException: SQLSTATE[HY000] [1129] Host '10.244.3.4' is blocked because of many connection errors; unblock with 'mysqladmin flush-hosts' in /var/www/src/Db.php:23\n"
    return _more("reviews", 9000, said * 7, made=made, DB_HOST="reviews-db", DB_PORT="3306")


@situation("StatefulSet bazaar/catalog-db", "replica|primary|initial|replset", "app.")
def mongo_replica_set_was_never_initiated() -> Case:
    store = '{"t":{"$date":"2026-03-01T11:57:40.771+00:00"},"s":"I","c":"-","id":4939300,"ctx":"monitoring-keys-for-HMAC","msg":"Failed to refresh key cache","attr":{"error":"NotYetInitialized: Cannot use non-local read concern until replica set is finished initializing.","nextWakeupMillis":600}}\n'
    app = '{"level":"error","ts":"2026-03-01T11:57:40.204Z","msg":"list products","error":"server selection error: server selection timeout, current topology: { Type: ReplicaSetNoPrimary, Servers: [{ Addr: catalog-db:27017, Type: RSGhost, Average RTT: 412 }, ] }"}\n'
    return shop(catalog=Change(variables={"MONGO_URI": "mongodb://catalog-db:27017/catalog?replicaSet=rs0"}, logs=app * 9), catalog_db=Change(container={"args": ["--replSet", "rs0"]}, logs=store * 9), storefront=Change(logs=_FRONT))  # fmt: skip


@situation("Deployment bazaar/tracker", "pool|connection", "app.")
def rust_pool_times_out() -> Case:
    return _more("tracker", 8077, "2026-03-01T11:57:44.101Z ERROR tracker::db: query failed error=pool timed out while waiting for an open connection\n" * 8, DATABASE_URL="postgres://t:x@orders-db:5432/tracker?max_connections=2")  # fmt: skip


@situation("Deployment bazaar/media|StatefulSet bazaar/minio", "bucket", "app.")
def bucket_does_not_exist() -> Case:
    made = _more("minio", 9000, "API: SYSTEM()\nStatus: 1 Online, 0 Offline.\n", kind="StatefulSet")
    said = "com.amazonaws.services.s3.model.AmazonS3Exception: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket; Request ID: 17B8)\n"
    return _more("media", 8066, said * 7, made=made, S3_ENDPOINT="http://minio:9000", S3_BUCKET="medias")


@situation("Deployment bazaar/checkout", "tls|https|plain|scheme|certificate", "app.")
def grpc_client_speaks_tls_to_a_plain_port() -> Case:
    said = '{"message":"could not charge the card: rpc error: code = Unavailable desc = connection error: desc = \\"transport: authentication handshake failed: tls: first record does not look like a TLS handshake\\"","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    return shop(checkout=Change(variables={"PAY_TLS": "true"}, logs=said * 9), storefront=Change(logs=_FRONT))


@situation("Deployment bazaar/parcel", "https|tls|http response|scheme", "app.")
def client_asks_https_of_a_plain_server() -> Case:
    said = '2026-03-01T11:57:44.101Z ERROR parcel::quote: failed to get quote: Get "https://quote:8090/getquote": http: server gave HTTP response to HTTPS client\n'
    return shop(parcel=Change(variables={"QUOTE_ADDR": "https://quote:8090"}, logs=said * 9))


@situation("ConfigMap bazaar/haproxy|Deployment bazaar/lb", "7777|port", "configuration.|app.")
def haproxy_checks_a_port_nobody_serves() -> Case:
    log = "[WARNING]  (8) : Server baskets/b1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. 0 active and 0 backup servers left.\n[ALERT]    (8) : backend 'baskets' has no server available!\n"
    made = put(shop(), "lb", ns=NS, containers={"haproxy": {"ports": [{"containerPort": 80}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "haproxy"}}]}, logs=log)  # fmt: skip
    made.add("ConfigMap", "haproxy", NS, data={"haproxy.cfg": "defaults\n  mode http\nfrontend web\n  bind :80\n  default_backend fronts\n  use_backend baskets if { path_beg /basket }\nbackend fronts\n  server s1 storefront:8080 check\nbackend baskets\n  server b1 basket:7777 check\n"})  # fmt: skip
    return svc(made, "lb", 80, ns=NS)


@situation(
    "ConfigMap bazaar/traefik-dynamic|Deployment bazaar/traefik", "baskets|resolve|host|exist", "configuration.|app."
)
def traefik_service_url_is_wrong() -> Case:
    log = '2026-03-01T11:58:10Z DBG github.com/traefik/traefik/v3/pkg/proxy/httputil/proxy.go:113 > 502 Bad Gateway error="dial tcp: lookup baskets on 10.96.0.10:53: no such host"\n' * 7  # fmt: skip
    made = put(shop(), "traefik", ns=NS, containers={"traefik": {"ports": [{"containerPort": 80}], "volumeMounts": [{"name": "c", "mountPath": "/etc/traefik"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "traefik-dynamic"}}]}, logs=log)  # fmt: skip
    made.add("ConfigMap", "traefik-dynamic", NS, data={"dynamic.yml": "http:\n  routers:\n    basket:\n      rule: PathPrefix(`/basket`)\n      service: basket\n  services:\n    basket:\n      loadBalancer:\n        servers:\n        - url: http://baskets:7070\n"})  # fmt: skip
    return svc(made, "traefik", 80, ns=NS)


@situation("ConfigMap bazaar/mailer-conf|Deployment bazaar/mailer", "5673|port", "configuration.|app.")
def properties_file_names_a_wrong_port() -> Case:
    log = "2026-03-01T11:57:41.102Z ERROR 1 --- [ntContainer#0-1] o.s.a.r.l.SimpleMessageListenerContainer : Failed to check/redeclare auto-delete queue(s).\norg.springframework.amqp.AmqpConnectException: java.net.ConnectException: Connection refused\n"
    made = _more("rabbit", 5672, "", kind="StatefulSet")
    put(made, "mailer", ns=NS, containers={"app": {"volumeMounts": [{"name": "c", "mountPath": "/config"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "mailer-conf"}}]}, logs=log * 7)  # fmt: skip
    return made.add("ConfigMap", "mailer-conf", NS, data={"application.properties": "spring.rabbitmq.host=rabbit\nspring.rabbitmq.port=5673\nlogging.level.root=INFO\n"})  # fmt: skip


@situation("StatefulSet bazaar/search|Deployment bazaar/finder", "read-only|watermark|disk", "app.")
def search_cluster_blocks_writes() -> Case:
    made = _more("search", 9200, '{"@timestamp":"2026-03-01T11:57:40.101Z","log.level":"WARN","message":"flood stage disk watermark [95%] exceeded on [n1][/usr/share/elasticsearch/data] free: 401mb[4%], all indices on this node will be marked read-only"}\n' * 5, kind="StatefulSet")  # fmt: skip
    return _more("finder", 8055, "ResponseError: cluster_block_exception: index [goods] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];\n" * 7, made=made, ELASTIC_URL="http://search:9200")  # fmt: skip


@situation("Deployment bazaar/basket|Service bazaar/basket-cache-ro", "read-only|read only|replica", "app.")
def cache_client_writes_to_a_replica() -> Case:
    said = "fail: Basket.Services.CartService[0]\n      StackExchange.Redis.RedisServerException: READONLY You can't write against a read only replica.\n"
    made = shop(basket=Change(variables={"CACHE_ADDR": "basket-cache-ro:6379"}, logs=said * 8), storefront=Change(logs=_FRONT))  # fmt: skip
    put(made, "basket-cache-replica", ns=NS, kind="StatefulSet", containers={"valkey": {"ports": [{"containerPort": 6379}]}})  # fmt: skip
    return svc(made, "basket-cache-ro", 6379, ns=NS, selector={"app": "basket-cache-replica"})


@situation("Deployment bazaar/reviews", "children|worker|max_children", "")
def php_has_too_few_workers() -> Case:
    return _more(
        "reviews",
        9000,
        "[01-Mar-2026 11:57:40] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it\n"
        * 9,
    )


@situation("Deployment bazaar/www|ConfigMap bazaar/www-conf", "worker_connections|connections", "")
def nginx_has_too_few_connections() -> Case:
    made = _more("www", 80, "2026/03/01 11:58:41 [alert] 29#29: 64 worker_connections are not enough\n" * 9)
    return made.add("ConfigMap", "www-conf", NS, data={"nginx.conf": "events { worker_connections 64; }\nhttp { server { listen 80; location / { proxy_pass http://storefront:8080; } } }\n"})  # fmt: skip


@situation("Deployment bazaar/banner", "thread|pool|rejected|queue", "")
def java_executor_rejects_tasks() -> Case:
    said = "2026-03-01 11:57:41 - bazaar.BannerService - ERROR Uncaught: java.util.concurrent.RejectedExecutionException: Task java.util.concurrent.FutureTask@1b2 rejected from java.util.concurrent.ThreadPoolExecutor@77[Running, pool size = 4, active threads = 4, queued tasks = 100, completed tasks = 81220]\n"
    return shop(banner=Change(logs=said * 9), storefront=Change(logs=_FRONT))


@situation("StatefulSet bazaar/registry-etcd", "space|quota|alarm", "")
def own_etcd_is_out_of_space() -> Case:
    made = _more("registry-etcd", 2379, '{"level":"warn","ts":"2026-03-01T11:57:40.101Z","caller":"etcdserver/apply.go:52","msg":"alarm raised","alarm":"NOSPACE","from":"8e9e05c52164694d"}\n' * 3, kind="StatefulSet")  # fmt: skip
    return _more("registry", 8044, '{"level":"error","ts":"2026-03-01T11:57:41Z","msg":"register service","error":"etcdserver: mvcc: database space exceeded"}\n' * 9, made=made, ETCD_ENDPOINTS="http://registry-etcd:2379")  # fmt: skip


@situation("Deployment bazaar/storefront", "address|port|ephemeral|connections", "")
def client_runs_out_of_local_ports() -> Case:
    return shop(storefront=Change(logs=" ⨯ Error: connect EADDRNOTAVAIL 10.96.7.8:3550 - Local (10.244.1.20:0)\n    at internalConnect (node:net:1090:16) {\n  errno: -99,\n  code: 'EADDRNOTAVAIL'\n}\n" * 9))  # fmt: skip


@situation("Deployment bazaar/fraud", "offset", "app.|queue.")
def consumer_asks_for_an_offset_that_is_gone() -> Case:
    said = "2026-03-01 11:58:03 - fraud - ERROR Consumer exception\norg.apache.kafka.clients.consumer.OffsetOutOfRangeException: Fetch position FetchPosition{offset=812, offsetEpoch=Optional.empty} is out of range for partition orders-0 and no reset policy is defined\n"
    return shop(fraud=Change(states="crash:1", logs=said, previous=True))


@situation("StatefulSet bazaar/session-cache|Deployment bazaar/session-cache", "memory", "app.")
def memcached_is_out_of_memory() -> Case:
    made = _more("session-cache", 11211, "", kind="StatefulSet")
    return _more("login", 8033, "E, [2026-03-01T11:57:41.102 #1] ERROR -- : Dalli::DalliError: Response error: SERVER_ERROR out of memory storing object\n" * 8, made=made, MEMCACHE_SERVERS="session-cache:11211")  # fmt: skip


@situation("StatefulSet bazaar/orders-db", "lock|wait|deadlock", "app.")
def database_transactions_wait_for_locks() -> Case:
    store = "2026-03-01 11:57:51.101 UTC [812] LOG:  process 812 still waiting for ShareLock on transaction 99121 after 1000.123 ms\n2026-03-01 11:57:51.101 UTC [812] DETAIL:  Process holding the lock: 771. Wait queue: 812, 815, 816.\n"
    app = "fail: Ledger.Consumer[0]\n      Npgsql.NpgsqlException (0x80004005): Exception while reading from stream\n ---> System.TimeoutException: Timeout during reading attempt\n"
    return shop(orders_db=Change(logs=store * 8), ledger=Change(logs=app * 8))


@situation(
    "Secret bazaar/pay-gw-tls|Deployment bazaar/pay-gw|Deployment bazaar/pay", "certificate|expired|tls", "app.|cert"
)
def callee_presents_an_expired_certificate() -> Case:
    said = '{"level":50,"time":1772366282411,"pid":1,"hostname":"pay","err":{"type":"FetchError","message":"request to https://pay-gw:8443/charge failed, reason: certificate has expired","code":"CERT_HAS_EXPIRED"},"msg":"charge failed"}\n'
    return _more("pay-gw", 8443, made=shop(pay=Change(variables={"BANK_URL": "https://pay-gw:8443"}, logs=said * 9)))


# nothing to blame


@quiet
def users_type_wrong_passwords() -> Case:
    said = '{"level":"warn","ts":"2026-03-01T11:57:41Z","msg":"login failed","error":"invalid credentials","user":"bob%d"}\n'
    return _more(
        "login",
        8033,
        "".join(said % n for n in range(12)) + '{"level":"info","msg":"POST /login 401 Unauthorized"}\n' * 3,
    )


@quiet
def crawlers_ask_for_files_that_are_not_there() -> Case:
    return _more("www", 80, '2026/03/01 11:58:41 [error] 29#29: *812 open() "/usr/share/nginx/html/wp-login.php" failed (2: No such file or directory), client: 10.244.2.4, server: localhost, request: "GET /wp-login.php HTTP/1.1"\n' * 14)  # fmt: skip


@quiet
def scanners_fail_the_handshake() -> Case:
    return _more("gate", 8443, "2026/03/01 11:57:41 http: TLS handshake error from 203.0.113.9:41022: remote error: tls: unknown certificate authority\n" * 9)  # fmt: skip


@quiet
def a_report_takes_a_second() -> Case:
    return shop(orders_db=Change(logs="2026-03-01 11:57:51.101 UTC [812] LOG:  duration: 1204.301 ms  statement: SELECT count(*) FROM orders GROUP BY day\n" * 6))  # fmt: skip


@quiet
def a_consumer_group_rebalances() -> Case:
    return shop(fraud=Change(logs="2026-03-01 11:30:03 - fraud - INFO [Consumer clientId=c1, groupId=fraud] Attempt to heartbeat failed since group is rebalancing\n" * 6 + "2026-03-01 11:58:03 - fraud - Consumed record with orderId: 1\n" * 20))  # fmt: skip


@quiet
def young_collections_are_ordinary() -> Case:
    return shop(banner=Change(logs="[2026-03-01T11:57:41.003+0000][412.881s][info][gc] GC(1811) Pause Young (Normal) (G1 Evacuation Pause) 120M->48M(200M) 4.301ms\n" * 30))  # fmt: skip


@quiet
def settings_that_only_sound_like_faults() -> Case:
    made = shop(checkout=Change(variables={"RETRY_DELAY_MS": "250", "ERROR_RATE_THRESHOLD": "0.05", "REQUEST_TIMEOUT": "5s", "FAIL_FAST": "true", "SLOW_QUERY_LOG": "on"}))  # fmt: skip
    return made.add("ConfigMap", "app-flags", NS, data={"flags.json": '{"flags":{"errorPageV2":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"},"retryOnTimeout":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"on"}}}'})  # fmt: skip
