"""Described failures of programs at run time: what they print, in the formats of many languages, servers and frameworks."""

from __future__ import annotations

from tests.unit.diagnosis.unseen import Case, base, db, env, job_failed, put, quiet, situation, svc

_JAVA = """\
2026-03-01T11:58:41.102Z  INFO 1 --- [main] o.s.b.w.embedded.tomcat.TomcatWebServer  : Tomcat initialized with port 8080 (http)
2026-03-01T11:58:43.988Z ERROR 1 --- [main] com.zaxxer.hikari.pool.HikariPool        : HikariPool-1 - Exception during pool initialization.

org.postgresql.util.PSQLException: {message}
	at org.postgresql.core.v3.ConnectionFactoryImpl.openConnectionImpl(ConnectionFactoryImpl.java:352) ~[postgresql-42.6.0.jar!/:42.6.0]
	at org.postgresql.core.ConnectionFactory.openConnection(ConnectionFactory.java:54) ~[postgresql-42.6.0.jar!/:42.6.0]
Caused by: {cause}
	at java.base/sun.nio.ch.NioSocketImpl.connect(NioSocketImpl.java:567) ~[na:na]
	... 14 common frames omitted
2026-03-01T11:58:44.001Z  WARN 1 --- [main] ConfigServletWebServerApplicationContext : Exception encountered during context initialization - cancelling refresh attempt
2026-03-01T11:58:44.010Z  INFO 1 --- [main] o.apache.catalina.core.StandardService   : Stopping service [Tomcat]
"""


def _java(message: str, cause: str) -> str:
    return _JAVA.format(message=message, cause=cause)


@situation("Deployment shop/billing", "order-db|resolve|unknown", "app.dependency.unknown_host")
def java_wrong_host() -> Case:
    made = db(base())
    log = _java("The connection attempt failed.", "java.net.UnknownHostException: order-db")
    url = env(SPRING_DATASOURCE_URL="jdbc:postgresql://order-db:5432/orders")
    return put(made, "billing", containers={"main": {"env": url}}, states="crash:1", logs=log)


@situation("Deployment shop/billing", "5433|port", "app.dependency")
def java_wrong_port_of_a_healthy_database() -> Case:
    made = db(base())
    refused = "Connection to orders-db:5433 refused. Check that the hostname and port are correct and that the postmaster is accepting TCP/IP connections."
    log = _java(refused, "java.net.ConnectException: Connection refused")
    url = env(SPRING_DATASOURCE_URL="jdbc:postgresql://orders-db:5433/orders")
    return put(made, "billing", containers={"main": {"env": url}}, states="crash:1", logs=log)


@situation("Deployment shop/cart", "6380|port", "app.dependency")
def go_redis_port_nobody_serves_times_out() -> Case:
    made = db(base(), "cache", 6379)
    log = '{"level":"info","ts":"2026-03-01T11:59:01Z","msg":"starting"}\n{"level":"fatal","ts":"2026-03-01T11:59:11Z","caller":"main.go:41","msg":"redis ping","error":"dial tcp 10.96.7.7:6380: i/o timeout"}\n'
    return put(made, "cart", containers={"main": {"env": env(REDIS_HOST="cache", REDIS_PORT="6380")}}, states="crash:1", logs=log)  # fmt: skip


@situation("Deployment shop/api", "password|credential", "app.credentials")
def python_postgres_wrong_password() -> Case:
    made = db(base())
    log = """Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    conn = psycopg2.connect(os.environ["DATABASE_URL"])
  File "/usr/local/lib/python3.11/site-packages/psycopg2/__init__.py", line 122, in connect
    conn = _connect(dsn, connection_factory=connection_factory, **kwasync)
psycopg2.OperationalError: connection to server at "orders-db" (10.96.7.7), port 5432 failed: FATAL:  password authentication failed for user "api"
connection to server at "orders-db" (10.96.7.7), port 5432 failed: FATAL:  password authentication failed for user "api"
"""
    return put(made, "api", states="error:1", logs=log, previous=True)


@situation("Deployment shop/api", "credential|auth|password", "app.credentials")
def node_mongo_auth_fails() -> Case:
    made = db(base(), "mongo", 27017)
    log = """> api@1.0.0 start
> node server.js

MongoServerError: Authentication failed.
    at Connection.onMessage (/app/node_modules/mongodb/lib/cmap/connection.js:202:26)
    at MessageStream.<anonymous> (/app/node_modules/mongodb/lib/cmap/connection.js:61:60) {
  ok: 0,
  code: 18,
  codeName: 'AuthenticationFailed',
}
npm ERR! code ELIFECYCLE
npm ERR! errno 1
"""
    return put(made, "api", states="crash:1", logs=log)


@situation("Deployment shop/worker", "credential|ACCESS_REFUSED|auth|login", "app.credentials")
def dotnet_rabbit_login_refused() -> Case:
    made = db(base(), "rabbit", 5672)
    log = """Unhandled exception. RabbitMQ.Client.Exceptions.BrokerUnreachableException: None of the specified endpoints were reachable
 ---> RabbitMQ.Client.Exceptions.AuthenticationFailureException: ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.
   at RabbitMQ.Client.Impl.SocketFrameHandler.Close()
   at Program.<Main>$(String[] args) in /src/Program.cs:line 14
"""
    return put(made, "worker", states="crash:134", logs=log)


@situation("Deployment shop/web", "SECRET_KEY_BASE", "app.config.missing")
def ruby_key_missing() -> Case:
    log = """=> Booting Puma
=> Rails 7.1.2 application starting in production
bundler: failed to load command: puma (/usr/local/bundle/bin/puma)
/usr/local/bundle/gems/railties-7.1.2/lib/rails/application.rb:645:in `validate_secret_key_base': Missing `secret_key_base` for 'production' environment, set this string with `bin/rails credentials:edit` or SECRET_KEY_BASE (ArgumentError)
"""
    return put(base(), "web", states="crash:1", logs=log)


@situation("Deployment shop/web", "DATABASE_URL", "app.config.missing")
def pydantic_setting_missing() -> Case:
    log = """  File "/app/settings.py", line 40, in get_settings
    return Settings()
pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings
DATABASE_URL
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.5/v/missing
"""
    return put(base(), "web", states="crash:1", logs=log)


@situation("Deployment shop/web", "PAYMENT_KEY", "app.config.missing")
def go_struct_env_missing() -> Case:
    log = "2026/03/01 11:59:50 failed to process config: required key PAYMENT_KEY missing value\n"
    return put(base(), "web", states="crash:1", logs=log)


@situation("Deployment shop/web", "heap|memory", "app.memory|pod.oom")
def java_heap_exhausted() -> Case:
    log = """java.lang.OutOfMemoryError: Java heap space
Dumping heap to java_pid1.hprof ...
Exception in thread "http-nio-8080-exec-3" java.lang.OutOfMemoryError: Java heap space
Terminating due to java.lang.OutOfMemoryError: Java heap space
"""
    return put(base(), "web", states="crash:3", logs=log)


@situation("Deployment shop/web", "heap|memory", "app.memory|pod.oom")
def node_heap_exhausted_aborts() -> Case:
    log = """<--- Last few GCs --->
[1:0x7f5c4c0a6000]    61234 ms: Mark-sweep 2043.1 (2083.5) -> 2042.6 (2083.7) MB
FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----
 1: 0xb6b8f0 node::OOMErrorHandler(char const*, v8::OOMDetails const&) [node]
"""
    return put(base(), "web", states="crash:134", logs=log)


@situation("Deployment shop/report", "oom|memory", "pod.oomkilled")
def sidecar_killed_for_memory_not_the_app() -> Case:
    sides = {"app": {}, "log-shipper": {"resources": {"limits": {"memory": "32Mi"}}}}
    return put(base(), "report", containers=sides, states={"log-shipper": "crash:OOMKilled/137"},
               logs={"app": "listening on :8080\n", "log-shipper": "shipping\n"})  # fmt: skip


@situation("Deployment shop/report", "oom|memory", "pod.oomkilled")
def killed_for_memory_and_up_again() -> Case:
    made = put(base(), "report", containers={"main": {"resources": {"limits": {"memory": "128Mi"}}}})
    pod = made.bodies[-1][0]
    pod["status"]["containerStatuses"][0] |= {
        "restartCount": 9, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-03-01T11:59:00Z"}},
        "state": {"running": {"startedAt": "2026-03-01T11:59:05Z"}},
    }  # fmt: skip
    return made


@situation("Deployment shop/thumb", "module|sharp|linux|package", "app.")
def node_native_module_for_wrong_platform() -> Case:
    log = """/app/node_modules/sharp/lib/sharp.js:37
  throw new Error(help.join('\\n'));
Error: Cannot find module '../build/Release/sharp-linux-x64.node'
Require stack:
- /app/node_modules/sharp/lib/sharp.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1075:15) {
  code: 'MODULE_NOT_FOUND',
"""
    return put(base(), "thumb", states="crash:1", logs=log)


@situation(
    "Deployment shop/edge|ConfigMap shop/edge-conf", "upstream|api-svc|resolve|host", "app.dependency|configuration"
)
def nginx_upstream_host_missing_in_configmap() -> Case:
    made = base().add("ConfigMap", "edge-conf", "shop", data={"default.conf": "server {\n listen 80;\n location /api { proxy_pass http://api-svc:8080; }\n}\n"})  # fmt: skip
    svc(put(made, "api"), "api", 8080)
    main = {"volumeMounts": [{"name": "conf", "mountPath": "/etc/nginx/conf.d"}]}
    log = '2026/03/01 11:59:01 [emerg] 1#1: host not found in upstream "api-svc" in /etc/nginx/conf.d/default.conf:3\nnginx: [emerg] host not found in upstream "api-svc" in /etc/nginx/conf.d/default.conf:3\n'
    return put(made, "edge", containers={"nginx": main}, states="crash:1", logs=log,
               spec={"volumes": [{"name": "conf", "configMap": {"name": "edge-conf"}}]})  # fmt: skip


@situation("ConfigMap shop/envoy|Deployment shop/envoy", "config|proto|field|envoy", "app.config")
def envoy_refuses_its_bootstrap() -> Case:
    log = """[2026-03-01 11:59:01.101][1][critical][main] [source/server/server.cc:129] error initializing configuration '/etc/envoy/envoy.yaml': Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason INVALID_ARGUMENT:(static_resources) clusterz: Cannot find field.) has unknown fields
[2026-03-01 11:59:01.101][1][info][main] [source/server/server.cc:891] exiting
"""
    made = base().add("ConfigMap", "envoy", "shop", data={"envoy.yaml": "static_resources:\n  clusterz: []\n"})
    main = {"volumeMounts": [{"name": "c", "mountPath": "/etc/envoy"}]}
    return put(made, "envoy", containers={"envoy": main}, states="crash:1", logs=log,
               spec={"volumes": [{"name": "c", "configMap": {"name": "envoy"}}]})  # fmt: skip


@situation("Deployment shop/api", "certificate|expired", "app.certificate|cert")
def go_client_meets_expired_certificate() -> Case:
    made = db(base(), "auth", 8443)
    log = 'time="2026-03-01T11:59:01Z" level=fatal msg="cannot fetch keys" error="Get \\"https://auth.shop.svc:8443/keys\\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-03-01T11:59:01Z is after 2026-02-27T00:00:00Z"\n'
    return put(made, "api", states="crash:1", logs=log)


@situation("Deployment shop/web", "init|orders-db|resolve|wait|host", "pod.init|app.dependency")
def init_container_waits_for_a_misspelt_service() -> Case:
    made = db(base())
    wait = {
        "wait-for-db": {
            "command": ["sh", "-c", "until nc -z order-db 5432; do echo waiting for order-db; sleep 2; done"]
        }
    }
    return put(made, "web", init=wait, states={"wait-for-db": "unready"}, logs={"wait-for-db": "nc: bad address 'order-db'\nwaiting for order-db\n" * 40})  # fmt: skip


@situation("Job shop/migrate", "relation|exist|migrat|column", "app.schema")
def migration_job_fails_on_missing_relation() -> Case:
    log = 'Running migration 20260301_add_total...\nerror: migration failed: column "total_cents" of relation "orders" does not exist (details: pq: column "total_cents" of relation "orders" does not exist)\n'
    return put(db(base()), "migrate", kind="Job", states="failed:1", logs=log, status=job_failed())


@situation("CronJob shop/backup", "denied|permission|bucket|credential|403|access", "app.")
def backup_cannot_write_to_bucket() -> Case:
    log = "upload failed: ./dump.sql.gz to s3://acme-backups/dump.sql.gz An error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n"
    return put(base(), "backup", kind="CronJob", states="failed:1", logs=log, status=job_failed())


@situation("Deployment shop/web", "8080|in use", "app.port")
def sidecar_proxy_takes_the_port() -> Case:
    sides = {"app": {"ports": [{"containerPort": 8080}]}, "proxy": {"args": ["--listen", "8080"]}}
    log = "Error: listen EADDRINUSE: address already in use :::8080\n    at Server.setupListenHandle [as _listen2] (node:net:1740:16) {\n  code: 'EADDRINUSE',\n  errno: -98,\n  syscall: 'listen',\n  address: '::',\n  port: 8080\n}\n"
    return put(base(), "web", containers=sides, states={"app": "crash:1"}, logs={"app": log, "proxy": "listening on :8080\n"})  # fmt: skip


@situation("Deployment shop/web", "read-only|readonly", "app.disk.read_only")
def nginx_cannot_write_its_cache() -> Case:
    log = 'nginx: [emerg] mkdir() "/var/cache/nginx/client_temp" failed (30: Read-only file system)\n'
    return put(base(), "web", containers={"main": {"securityContext": {"readOnlyRootFilesystem": True}}}, states="crash:1", logs=log)  # fmt: skip


@situation("Deployment shop/web", "permission|port|80|root", "app.permission")
def nginx_may_not_bind_80() -> Case:
    log = 'nginx: [warn] the "user" directive makes sense only if the master process runs with super-user privileges\nnginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)\n'
    return put(base(), "web", states="error:1", logs=log)


@situation("Deployment shop/api", "flag|option|argument", "app.config.invalid")
def unknown_flag_prints_usage() -> Case:
    log = 'flag provided but not defined: -metric-addr\nUsage of /manager:\n  -metrics-addr string\n    \tThe address the metric endpoint binds to. (default ":8080")\n  -v value\n    \tnumber for the log level verbosity\n'
    return put(base(), "api", containers={"main": {"args": ["-metric-addr=:8080"]}}, states="crash:2", logs=log)


@situation("Deployment shop/operator|ClusterRole *|ServiceAccount shop/default", "forbidden|rbac|list|configmaps", "")
def controller_may_not_list() -> Case:
    log = """E0301 11:59:01.101234       1 reflector.go:150] pkg/mod/k8s.io/client-go@v0.29.0/tools/cache/reflector.go:229: Failed to watch *v1.ConfigMap: failed to list *v1.ConfigMap: configmaps is forbidden: User "system:serviceaccount:shop:default" cannot list resource "configmaps" in API group "" at the cluster scope
F0301 11:59:31.101234       1 main.go:71] timed out waiting for caches to sync
"""
    return put(base(), "operator", states="crash:255", logs=log)


@situation("Deployment shop/api", "segfault|139|sigsegv|nil pointer|memory", "pod.exit|pod.crash|app.")
def go_nil_pointer_panic() -> Case:
    log = """panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x6a4f3d]

goroutine 1 [running]:
main.(*Server).loadPlans(0x0)
	/src/server.go:88 +0x5d
main.main()
	/src/main.go:24 +0x1f
"""
    return put(base(), "api", states="crash:2", logs=log)


@situation("Deployment shop/api", "exit code 1|plan catalogue is empty|catalogue", "pod.crashloop")
def own_error_of_the_program_is_quoted() -> Case:
    log = '{"time":"2026-03-01T11:59:01Z","level":"INFO","msg":"boot"}\n{"time":"2026-03-01T11:59:02Z","level":"ERROR","msg":"plan catalogue is empty, refusing to start"}\n'
    return put(base(), "api", states="crash:1", logs=log)


@situation("Deployment shop/search", "elastic|9200|search-es|refus", "app.dependency")
def running_not_ready_because_dependency_name_is_wrong() -> Case:
    made = db(base(), "search-es", 9200)
    log = (
        'ts=2026-03-01T11:59:01Z level=error caller=health.go:31 msg="elasticsearch not reachable" err="Get \\"http://search-elastic:9200/_cluster/health\\": dial tcp: lookup search-elastic on 10.96.0.10:53: no such host"\n'
        * 20
    )
    made = put(made, "search", containers={"main": {"env": env(ES_URL="http://search-elastic:9200"), "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}}, states="unready", logs=log)  # fmt: skip
    return made.event("Pod", "search-abc-x0", "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=200)  # fmt: skip


# Quiet: the same words in programs that are well.


@quiet
def a_ready_program_that_retried_at_start() -> Case:
    log = "dial tcp 10.96.7.7:5432: connect: connection refused, retrying in 1s\nconnected to database\nlistening on :8080\n"
    return put(db(base()), "api", logs=log)


@quiet
def a_program_that_restarted_once_an_hour_ago() -> Case:
    made = put(base(), "api", logs="listening\n")
    made.bodies[-1][0]["status"]["containerStatuses"][0] |= {
        "restartCount": 1, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-03-01T11:00:00Z"}},
    }  # fmt: skip
    return made


@quiet
def a_job_whose_second_try_succeeded() -> Case:
    made = put(base(), "migrate", kind="Job", states="done", phase="Succeeded", status={"succeeded": 1, "failed": 1, "conditions": [{"type": "Complete", "status": "True"}]})  # fmt: skip
    return made.pod("migrate-first", owner=("Job", "migrate"), node="n1", phase="Failed",
                    status={"containerStatuses": [{"name": "main", "ready": False, "restartCount": 0, "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]})  # fmt: skip


@quiet
def occasional_errors_of_a_busy_server() -> Case:
    line = '10.1.1.{} - - [01/Mar/2026:11:59:{:02d} +0000] "GET /p/{} HTTP/1.1" 200 512 "-" "Mozilla"\n'
    log = (
        "".join(line.format(i % 200, i % 60, i) for i in range(200))
        + "2026-03-01 ERROR could not render avatar for user 77: timeout\n"
    )
    return put(base(), "web", logs=log)
