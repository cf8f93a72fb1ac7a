"""Failures of configuration, credentials and stores inside a shop of microservices.

Written before any rule was read. First run: 6 of 26 right.
"""

from __future__ import annotations

from tests.unit.diagnosis.blind_shop import NS, Case, Change, alert, shop, situation
from tests.unit.diagnosis.unseen import ago, env, put, svc

_FRONT_503 = (
    " ⨯ Error: 14 UNAVAILABLE: failed to place order\n    at callErrorFromStatus (/app/node_modules/@grpc/grpc-js/build/src/call.js:31:19) {\n  code: 14\n}\n"
    * 6
)


@situation("Deployment bazaar/checkout", "payments|resolve|host|no such|address", "app.|configuration.")
def go_grpc_callee_name_misspelled() -> Case:
    said = '{"message":"failed to charge card: could not charge the card: rpc error: code = Unavailable desc = dns: A record lookup error: lookup payments on 10.96.0.10:53: no such host","severity":"error","timestamp":"2026-03-01T11:58:2%d"}\n'
    return shop(checkout=Change(variables={"PAY_ADDR": "payments:50051"}, logs="".join(said % n for n in range(8))), storefront=Change(logs=_FRONT_503))  # fmt: skip


@situation("Deployment bazaar/basket", "6380|port", "app.|configuration.")
def dotnet_cache_port_wrong_while_pod_is_ready() -> Case:
    said = """fail: Basket.Services.CartService[0]
      Can't access cart storage. StackExchange.Redis.RedisConnectionException: It was not possible to connect to the redis server(s). Error connecting right now. To allow this multiplexer to continue retrying until it's able to connect, use abortConnect=false in your connection string or AbortOnConnectFail=false; in your code. UnableToConnect on basket-cache:6380/Interactive, Initializing/NotStarted, last: NONE, origin: BeginConnectAsync, outstanding: 0
         at Basket.cartstore.ValkeyCartStore.EnsureRedisConnected() in /usr/src/app/src/cartstore/ValkeyCartStore.cs:line 114
"""
    return shop(basket=Change(variables={"CACHE_ADDR": "basket-cache:6380"}, logs=said * 5), storefront=Change(logs=_FRONT_503))  # fmt: skip


@situation("Deployment bazaar/ledger", "9093|port", "app.|configuration.")
def kafka_port_wrong_in_a_consumer() -> Case:
    said = "%3|1772366301.113|FAIL|rdkafka#consumer-1| [thrd:broker:9093/bootstrap]: broker:9093/bootstrap: Connect to ipv4#10.96.7.23:9093 failed: Connection refused (after 1ms in state CONNECT, 30 identical error(s) suppressed)\n%3|1772366301.113|ERROR|rdkafka#consumer-1| [thrd:broker:9093/bootstrap]: 1/1 brokers are down\n"
    return shop(ledger=Change(variables={"KAFKA_BROKERS": "broker:9093"}, logs=said * 4))


def _catalog_config(host: str) -> Case:
    said = (
        '{"level":"error","ts":"2026-03-01T11:57:1%d.204Z","msg":"list products","error":"server selection error: server selection timeout, current topology: { Type: Unknown, Servers: [{ Addr: '
        + host
        + ":27017, Type: Unknown, Last error: dial tcp: lookup "
        + host
        + ' on 10.96.0.10:53: no such host }, ] }"}\n'
    )
    made = shop(catalog=Change(spec={"volumes": [{"name": "cfg", "configMap": {"name": "catalog-settings"}}]}, variables={"MONGO_URI": ""},
                               container={"volumeMounts": [{"name": "cfg", "mountPath": "/etc/catalog"}]}, logs="".join(said % n for n in range(9))),
                storefront=Change(logs=_FRONT_503), advice=Change(logs='2026-03-01 11:58:11,300 ERROR [main] [advice.py:70] - StatusCode.UNAVAILABLE details = "catalog unavailable"\n' * 5))  # fmt: skip
    made.add("ConfigMap", "catalog-settings", NS, data={"catalog.yaml": f"server:\n  port: 3550\nmongo:\n  uri: mongodb://{host}:27017/catalog\n  timeout: 10s\nfeatures:\n  reviews: true\n"})  # fmt: skip
    return made


@situation("ConfigMap bazaar/catalog-settings|Deployment bazaar/catalog", "catalogue-db", "app.|configuration.")
def store_host_misspelled_in_a_mounted_file() -> Case:
    return _catalog_config("catalogue-db")


@situation("Deployment bazaar/ledger|Secret bazaar/ledger-db", "password|credential|authentication", "app.|db.")
def only_the_database_tells_the_password_is_wrong() -> Case:
    said = '2026-03-01 11:57:5%d.101 UTC [812] FATAL:  password authentication failed for user "ledger"\n2026-03-01 11:57:5%d.101 UTC [812] DETAIL:  Connection matched file "/var/lib/postgresql/data/pgdata/pg_hba.conf" line 128: "host all all all scram-sha-256"\n'
    app = "fail: Ledger.Consumer[0]\n      Order save failed, will retry in 5 s\n" * 9
    made = shop(ledger=Change(logs=app, raw=[{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "ledger-db", "key": "password"}}}]),
                orders_db=Change(logs="".join(said % (n, n) for n in range(9))))  # fmt: skip
    return made.add("Secret", "ledger-db", NS, type="Opaque", data={"password": ""})


@situation("StatefulSet bazaar/catalog-db|Deployment bazaar/catalog", "user|not found|auth|credential", "app.|db.")
def mongo_user_was_dropped() -> Case:
    store = '{"t":{"$date":"2026-03-01T11:57:40.771+00:00"},"s":"I","c":"ACCESS","id":5286307,"ctx":"conn91","msg":"Failed to authenticate","attr":{"client":"10.244.1.20:48732","isSpeculative":true,"mechanism":"SCRAM-SHA-256","user":"catalog","db":"catalog","error":"UserNotFound: Could not find user \\"catalog\\" for db \\"catalog\\"","result":11}}\n'
    app = '{"level":"error","ts":"2026-03-01T11:57:40.204Z","msg":"find products","error":"connection() error occurred during connection handshake: auth error: sasl conversation error: unable to authenticate using mechanism \\"SCRAM-SHA-256\\": (AuthenticationFailed) Authentication failed."}\n'
    return shop(catalog=Change(variables={"MONGO_URI": "mongodb://catalog:s3cr3t@catalog-db:27017/catalog"}, logs=app * 9), catalog_db=Change(logs=store * 9), storefront=Change(logs=_FRONT_503))  # fmt: skip


@situation("StatefulSet bazaar/catalog-db", "not authorized|privilege|permission|role", "app.|db.")
def mongo_roles_were_revoked() -> Case:
    app = '{"level":"error","ts":"2026-03-01T11:57:40.204Z","msg":"find products","error":"(Unauthorized) not authorized on catalog to execute command { find: \\"products\\", filter: {}, $db: \\"catalog\\" }"}\n'
    return shop(catalog=Change(variables={"MONGO_URI": "mongodb://catalog:s3cr3t@catalog-db:27017/catalog"}, logs=app * 9), storefront=Change(logs=_FRONT_503))  # fmt: skip


@situation("StatefulSet bazaar/orders-db|Deployment bazaar/ledger", "permission|privilege|denied", "app.|db.")
def postgres_grant_is_missing() -> Case:
    app = "fail: Microsoft.EntityFrameworkCore.Database.Command[20102]\n      Failed executing DbCommand (3ms)\nNpgsql.PostgresException (0x80004005): 42501: permission denied for table orders\n   at Npgsql.Internal.NpgsqlConnector.ReadMessageLong(Boolean async)\n"
    store = '2026-03-01 11:57:51.101 UTC [812] ERROR:  permission denied for table orders\n2026-03-01 11:57:51.101 UTC [812] STATEMENT:  INSERT INTO "order" (order_id) VALUES ($1)\n'
    return shop(ledger=Change(logs=app * 6), orders_db=Change(logs=store * 6))


@situation(
    "StatefulSet bazaar/reviews-db|Deployment bazaar/reviews",
    "access denied|privilege|database 'reviews'|grant",
    "app.|db.",
)
def mysql_user_may_not_use_the_schema() -> Case:
    app = "[2026-03-01T11:57:44.092411+00:00] app.CRITICAL: PDOException: SQLSTATE[HY000] [1044] Access denied for user 'reviews'@'%' to database 'reviews' in /var/www/src/Db.php:23 [] []\n"
    made = put(shop(), "reviews-db", ns=NS, kind="StatefulSet", containers={"mysql": {"ports": [{"containerPort": 3306}]}}, logs="2026-03-01T11:00:51.101112Z 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '8.0.36'  port: 3306\n")  # fmt: skip
    svc(made, "reviews-db", 3306, ns=NS)
    put(made, "reviews", ns=NS, containers={"php": {"env": env(DB_HOST="reviews-db", DB_PORT="3306", DB_USER="reviews"), "ports": [{"containerPort": 9000}]}}, logs=app * 9)  # fmt: skip
    return svc(made, "reviews", 9000, ns=NS)


@situation(
    "Job bazaar/orders-migrate|StatefulSet bazaar/orders-db|Deployment bazaar/ledger|ConfigMap bazaar/migrations",
    "relation|migrat|table",
    "app.|db.|job",
)
def tables_were_never_made() -> Case:
    app = 'fail: Ledger.Consumer[0]\n      Npgsql.PostgresException (0x80004005): 42P01: relation "order" does not exist\n      POSITION: 13\n'
    store = '2026-03-01 11:57:51.101 UTC [812] ERROR:  relation "order" does not exist at character 13\n2026-03-01 11:57:51.101 UTC [812] STATEMENT:  INSERT INTO "order" (order_id) VALUES ($1)\n'
    return shop(ledger=Change(logs=app * 6), orders_db=Change(logs=store * 6))


@situation("Deployment bazaar/reviews|StatefulSet bazaar/reviews-db", "table|exist|migrat|schema", "app.|db.")
def mysql_table_is_missing() -> Case:
    app = "[Sun Mar 01 11:57:44.092411 2026] [php:error] [pid 21] [client 10.244.2.9:40312] PHP Fatal error:  Uncaught PDOException: SQLSTATE[42S02]: Base table or view not found: 1146 Table 'shop.review_scores' doesn't exist in /var/www/html/score.php:12\n"
    made = svc(put(shop(), "reviews-db", ns=NS, kind="StatefulSet", containers={"mysql": {"ports": [{"containerPort": 3306}]}}), "reviews-db", 3306, ns=NS)  # fmt: skip
    put(made, "reviews", ns=NS, containers={"php": {"env": env(DB_HOST="reviews-db"), "ports": [{"containerPort": 9000}]}}, logs=app * 9)  # fmt: skip
    return svc(made, "reviews", 9000, ns=NS)


@situation("StatefulSet bazaar/broker|Deployment bazaar/checkout", "topic", "app.|queue.|kafka")
def kafka_topic_does_not_exist() -> Case:
    said = '{"message":"failed to write message: kafka server: Request was for a topic or partition that does not exist on this broker","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    fraud = "[kafka-producer-network-thread | fraud-1] WARN org.apache.kafka.clients.NetworkClient - [Consumer clientId=consumer-fraud-1, groupId=fraud] Error while fetching metadata with correlation id 219 : {orders=UNKNOWN_TOPIC_OR_PARTITION}\n"
    return shop(broker=Change(variables={"KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false"}), checkout=Change(logs=said * 7), fraud=Change(logs=fraud * 9))  # fmt: skip


@situation("StatefulSet bazaar/orders-db|Deployment bazaar/ledger", "connection", "app.|db.")
def postgres_has_no_connection_left() -> Case:
    store = "2026-03-01 11:57:51.101 UTC [812] FATAL:  sorry, too many clients already\n"
    app = "fail: Ledger.Consumer[0]\n      Npgsql.PostgresException (0x80004005): 53300: sorry, too many clients already\n"
    return shop(orders_db=Change(container={"args": ["-c", "max_connections=20"]}, logs=store * 12), ledger=Change(logs=app * 12, variables={"DB_CONNECTION": "Host=orders-db;Port=5432;Username=ledger;Database=orders;Maximum Pool Size=100"}))  # fmt: skip


@situation("Deployment bazaar/banner", "pool|connection", "app.|db.")
def hikari_pool_is_exhausted() -> Case:
    said = "2026-03-01 11:57:41 - o.h.engine.jdbc.spi.SqlExceptionHelper - HikariPool-1 - Connection is not available, request timed out after 30001ms (total=10, active=10, idle=0, waiting=43)\n2026-03-01 11:57:41 - o.a.c.c.C.[.[.[/].[dispatcherServlet] - Servlet.service() threw exception: org.springframework.transaction.CannotCreateTransactionException: Could not open JPA EntityManager for transaction\n"
    return shop(banner=Change(logs=said * 8, variables={"SPRING_DATASOURCE_URL": "jdbc:postgresql://orders-db:5432/orders"}), storefront=Change(logs="Error: 4 DEADLINE_EXCEEDED: Deadline exceeded after 5.003s, remote_addr=10.96.7.16:9555\n" * 5))  # fmt: skip


@situation("Deployment bazaar/ledger|Service bazaar/orders-db-ro", "read-only|read only", "app.|db.")
def writer_points_at_the_replica() -> Case:
    app = "fail: Ledger.Consumer[0]\n      Npgsql.PostgresException (0x80004005): 25006: cannot execute INSERT in a read-only transaction\n"
    made = shop(ledger=Change(logs=app * 8, variables={"DB_CONNECTION": "Host=orders-db-ro;Port=5432;Username=ledger;Database=orders"}))  # fmt: skip
    put(made, "orders-db-replica", ns=NS, kind="StatefulSet", containers={"pg": {"ports": [{"containerPort": 5432}]}}, logs="2026-03-01 11:00:49.310 UTC [1] LOG:  database system is ready to accept read-only connections\n")  # fmt: skip
    return svc(made, "orders-db-ro", 5432, ns=NS, selector={"app": "orders-db-replica"})


@situation(
    "Deployment bazaar/pay|Secret bazaar/bank-ca|ConfigMap bazaar/bank-ca",
    "certificate|authority|trust|tls",
    "app.|tls|cert",
)
def ca_of_a_partner_is_not_trusted() -> Case:
    said = '{"level":50,"time":1772366282411,"pid":1,"hostname":"pay","err":{"type":"Error","message":"unable to verify the first certificate","code":"UNABLE_TO_VERIFY_LEAF_SIGNATURE"},"msg":"charge failed: request to https://bank-gw:8443/charge failed"}\n'
    made = put(shop(pay=Change(logs=said * 9, variables={"BANK_URL": "https://bank-gw:8443"}), checkout=Change(logs='{"message":"could not charge the card: rpc error: code = Unknown desc = charge failed","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 5)),
               "bank-gw", ns=NS, containers={"gw": {"ports": [{"containerPort": 8443}]}})  # fmt: skip
    return svc(made, "bank-gw", 8443, ns=NS)


@situation("Deployment bazaar/profile", "port|listen|command|8083|8086", "app.|svc.|configuration.|pod.")
def another_program_of_the_image_is_started() -> Case:
    made = put(shop(storefront=Change(variables={"PROFILE_ADDR": "profile:8081"}, logs="⨯ Error: 14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED 10.96.7.26:8081 (2026-03-01T11:58:19.000Z). Resolution note: profile:8081\n" * 9)),
               "profile", ns=NS, containers={"profile": {"command": ["/go/bin/geo"], "ports": [{"containerPort": 8081, "name": "app"}]}}, logs='{"level":"info","time":"2026-03-01T11:02:11Z","message":"Starting geo server, listening on 0.0.0.0:8083"}\n')  # fmt: skip
    return svc(made, "profile", 8081, "app", ns=NS, ip="10.96.7.26")


def _edge(port: int, logs: str) -> Case:
    conf = f"""admin: {{address: {{socket_address: {{address: 0.0.0.0, port_value: 9901}}}}}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 0.0.0.0, port_value: 8000}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          route_config:
            virtual_hosts:
            - name: shop
              domains: ["*"]
              routes:
              - match: {{prefix: "/images/"}}
                route: {{cluster: images}}
              - match: {{prefix: "/"}}
                route: {{cluster: storefront}}
  clusters:
  - name: storefront
    type: STRICT_DNS
    load_assignment: {{cluster_name: storefront, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: storefront, port_value: {port}}}}}}}}}]}}]}}
  - name: images
    type: STRICT_DNS
    load_assignment: {{cluster_name: images, endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: quote, port_value: 8090}}}}}}}}]}}]}}
"""
    made = put(shop(), "edge", ns=NS, containers={"envoy": {"ports": [{"containerPort": 8000}], "volumeMounts": [{"name": "c", "mountPath": "/etc/envoy"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "edge-envoy"}}]}, logs=logs)  # fmt: skip
    made.add("ConfigMap", "edge-envoy", NS, data={"envoy.yaml": conf}, metadata={"managedFields": [{"manager": "kubectl-edit", "operation": "Update", "time": ago(1200)}]})  # fmt: skip
    return svc(made, "edge", 8000, ns=NS)


@situation(
    "ConfigMap bazaar/edge-envoy|Deployment bazaar/edge",
    "8081|port",
    "app.|configuration.|gateway",
    twin=lambda: _edge(8080, ""),
)
def envoy_cluster_has_a_wrong_port() -> Case:
    said = '[2026-03-01T11:58:10.012Z] "GET / HTTP/1.1" 503 UF upstream_reset_before_response_started{remote_connection_failure,delayed_connect_error:_111} - "delayed_connect_error:_111" 0 152 1 - "10.244.2.4" "python-requests/2.31.0" "cd1b" "edge:8000" "10.96.7.7:8081" storefront - 10.244.1.9:8000 10.244.2.4:51222 - -\n'
    made = _edge(8081, said * 12)
    return alert(made, "HttpErrorRateHigh", "critical", "edge answers 98% of requests with 5xx", namespace=NS, service="edge")  # fmt: skip


@situation("ConfigMap bazaar/www-conf|Deployment bazaar/www", "basket-svc|host|upstream", "app.|configuration.")
def nginx_upstream_host_does_not_exist() -> Case:
    said = '2026/03/01 11:58:41 [emerg] 1#1: host not found in upstream "basket-svc" in /etc/nginx/conf.d/default.conf:9\nnginx: [emerg] host not found in upstream "basket-svc" in /etc/nginx/conf.d/default.conf:9\n'
    made = put(shop(), "www", ns=NS, containers={"nginx": {"ports": [{"containerPort": 80}], "volumeMounts": [{"name": "c", "mountPath": "/etc/nginx/conf.d"}]}}, states="crash:1", spec={"volumes": [{"name": "c", "configMap": {"name": "www-conf"}}]}, logs=said)  # fmt: skip
    made.add("ConfigMap", "www-conf", NS, data={"default.conf": "server {\n  listen 80;\n  location / {\n    proxy_pass http://storefront:8080;\n  }\n  location /basket {\n    # carts\n    proxy_read_timeout 20s;\n    proxy_pass http://basket-svc:7070;\n  }\n}\n"})  # fmt: skip
    return svc(made, "www", 80, ns=NS)


@situation("ConfigMap bazaar/www-conf|Deployment bazaar/www", "7071|port", "app.|configuration.")
def nginx_upstream_port_is_not_served() -> Case:
    said = '2026/03/01 11:58:41 [error] 29#29: *812 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.2.4, server: shop.example, request: "GET /basket/ HTTP/1.1", upstream: "http://10.96.7.9:7071/basket/", host: "shop.example"\n10.244.2.4 - - [01/Mar/2026:11:58:41 +0000] "GET /basket/ HTTP/1.1" 502 157 "-" "Mozilla/5.0"\n'
    made = put(shop(), "www", ns=NS, containers={"nginx": {"ports": [{"containerPort": 80}], "volumeMounts": [{"name": "c", "mountPath": "/etc/nginx/conf.d"}]}}, spec={"volumes": [{"name": "c", "configMap": {"name": "www-conf"}}]}, logs=said * 7)  # fmt: skip
    made.add("ConfigMap", "www-conf", NS, data={"default.conf": "upstream basket { server basket:7071; keepalive 16; }\nserver {\n  listen 80;\n  location / { proxy_pass http://storefront:8080; }\n  location /basket { proxy_pass http://basket; }\n}\n"})  # fmt: skip
    return svc(made, "www", 80, ns=NS)


@situation("Deployment bazaar/pay", "STRIPE_API_KEY", "app.")
def every_request_fails_for_a_missing_key() -> Case:
    said = '{"level":50,"time":1772366282411,"pid":1,"hostname":"pay","err":{"type":"Error","message":"STRIPE_API_KEY environment variable is not set","stack":"Error: STRIPE_API_KEY environment variable is not set\\n    at charge (/usr/src/app/charge.js:41:11)"},"msg":"request failed"}\n'
    return shop(pay=Change(logs=said * 12), checkout=Change(logs='{"message":"could not charge the card: rpc error: code = Unknown desc = request failed","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n' * 9), storefront=Change(logs=_FRONT_503))  # fmt: skip


@situation("StatefulSet bazaar/basket-cache", "memory|maxmemory", "app.|db.|cache")
def cache_is_full_and_refuses_writes() -> Case:
    said = "fail: Basket.Services.CartService[0]\n      StackExchange.Redis.RedisServerException: OOM command not allowed when used memory > 'maxmemory'.\n"
    return shop(basket=Change(logs=said * 9), basket_cache=Change(container={"args": ["--maxmemory", "64mb", "--maxmemory-policy", "noeviction"]}), storefront=Change(logs=_FRONT_503))  # fmt: skip


@situation("StatefulSet bazaar/basket-cache", "disk|rdb|persist|snapshot|space", "app.|db.|cache|storage|pvc|volume")
def cache_cannot_save_and_stops_writes() -> Case:
    store = "1:M 01 Mar 2026 11:57:41.003 * 100 changes in 300 seconds. Saving...\n412:C 01 Mar 2026 11:57:41.009 # Failed opening the temp RDB file temp-412.rdb (in server root dir /data) for saving: No space left on device\n1:M 01 Mar 2026 11:57:41.104 # Background saving error\n"
    app = "fail: Basket.Services.CartService[0]\n      StackExchange.Redis.RedisServerException: MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option).\n"
    return shop(basket=Change(logs=app * 8), basket_cache=Change(logs=store * 8))


@situation("StatefulSet bazaar/broker", "space|disk|full", "app.|pvc|volume|storage")
def broker_log_dir_is_full() -> Case:
    said = "[2026-03-01 11:57:02,114] ERROR Error while writing to checkpoint file /var/lib/kafka/data/recovery-point-offset-checkpoint (org.apache.kafka.storage.internals.log.LogDirFailureChannel)\njava.io.IOException: No space left on device\n\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)\n[2026-03-01 11:57:02,201] ERROR Shutdown broker because all log dirs in /var/lib/kafka/data have failed (kafka.log.LogManager)\n"
    lost = '{"message":"failed to write message: kafka: client has run out of available brokers to talk to: dial tcp 10.96.7.23:9092: connect: connection refused","severity":"error","timestamp":"2026-03-01T11:58:20Z"}\n'
    consumer = "%3|1772366301.113|FAIL|rdkafka#consumer-1| [thrd:broker:9092/bootstrap]: broker:9092/bootstrap: Connect to ipv4#10.96.7.23:9092 failed: Connection refused (after 1ms in state CONNECT)\n"
    return shop(broker=Change(states="crash:1", logs=said, previous=True), checkout=Change(logs=lost * 6), ledger=Change(logs=consumer * 6))  # fmt: skip


@situation("Deployment bazaar/fraud", "deserial|message|record|offset", "app.")
def consumer_is_stuck_on_one_record() -> Case:
    said = "2026-03-01 11:58:03 - fraud - ERROR Error deserializing key/value for partition orders-0 at offset 4411. If needed, please seek past the record to continue consumption.\norg.apache.kafka.common.errors.RecordDeserializationException: Error deserializing VALUE for partition orders-0 at offset 4411.\nCaused by: com.google.protobuf.InvalidProtocolBufferException: Protocol message contained an invalid tag (zero).\n"
    return shop(fraud=Change(states="crash:1", logs=said, previous=True))


@situation("Deployment bazaar/advice", "file|descriptor|open files", "app.")
def process_runs_out_of_descriptors() -> Case:
    said = "2026-03-01 11:58:11,300 ERROR [main] [advice.py:70] - OSError: [Errno 24] Too many open files: '/app/model.bin'\n"
    return shop(advice=Change(logs=said * 20), storefront=Change(logs=_FRONT_503))
