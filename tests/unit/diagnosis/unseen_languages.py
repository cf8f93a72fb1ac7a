"""Described failures as programs of many languages and frameworks print them."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.unseen import (
    Case,
    base,
    db,
    env,
    put,
    situation,
    svc,
)

Body = dict[str, Any]


@situation("Deployment shop/web", "dbb|resolve|host", "app.dependency.unknown_host")
def php_host_misspelt() -> Case:
    log = "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [2002] php_network_getaddresses: getaddrinfo for orders-dbb failed: Name or service not known in /app/db.php:12\nStack trace:\n#0 /app/db.php(12): PDO->__construct()\n#1 {main}\n  thrown in /app/db.php on line 12\n"
    return put(db(base()), "web", states="crash:255", logs=log)


@situation("Deployment shop/web", "password|credential|access denied", "app.credentials")
def php_access_denied() -> Case:
    log = "[2026-03-01 11:59:01] production.ERROR: SQLSTATE[HY000] [1045] Access denied for user 'web'@'10.244.1.20' (using password: YES) (Connection: mysql, SQL: select * from `migrations`) {\"exception\":\"[object] (Illuminate\\\\Database\\\\QueryException(code: 1045)\"}\n"
    return put(db(base(), "mysql", 3306), "web", states="crash:1", logs=log)


@situation("Deployment shop/api", "5433|port", "app.dependency.wrong_address")
def prisma_wrong_port() -> Case:
    log = "PrismaClientInitializationError: Can't reach database server at `orders-db:5433`\n\nPlease make sure your database server is running at `orders-db:5433`.\n    at t (/app/node_modules/@prisma/client/runtime/library.js:112:2488) {\n  clientVersion: '5.9.1',\n  errorCode: 'P1001'\n}\n"
    return put(
        db(base()),
        "api",
        containers={"main": {"env": env(DATABASE_URL="postgresql://api@orders-db:5433/api")}},
        states="crash:1",
        logs=log,
    )


@situation("ConfigMap shop/api-env|Deployment shop/api", "orders-pg|resolve|host", "app.dependency.unknown_host")
def host_comes_from_a_config_map() -> Case:
    made = db(base()).add("ConfigMap", "api-env", "shop", data={"DB_HOST": "orders-pg", "DB_PORT": "5432"})
    log = "thread 'main' panicked at src/main.rs:22:10:\ncannot connect: Io(Custom { kind: Uncategorized, error: \"failed to lookup address information: Name or service not known\" })\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n"
    return put(
        made,
        "api",
        containers={"main": {"envFrom": [{"configMapRef": {"name": "api-env"}}]}},
        states="crash:101",
        logs=log,
    )


@situation("Deployment shop/api", "DATABASE_URL", "app.config.missing")
def elixir_variable_missing() -> Case:
    log = "** (RuntimeError) environment variable DATABASE_URL is missing.\nFor example: ecto://USER:PASS@HOST/DATABASE\n\n    (stdlib 5.2) erl_eval.erl:750: :erl_eval.do_apply/7\n"
    return put(base(), "api", states="crash:1", logs=log)


@situation("Deployment shop/api", "connectionstring|null", "pod.|app.config")
def dotnet_connection_string_null() -> Case:
    log = "Unhandled exception. System.ArgumentNullException: Value cannot be null. (Parameter 'connectionString')\n   at Npgsql.NpgsqlDataSourceBuilder..ctor(String connectionString)\n   at Program.<Main>$(String[] args) in /src/Program.cs:line 9\n"
    return put(base(), "api", states="crash:134", logs=log)


@situation("Deployment shop/api", "flask_cors|module", "app.module")
def gunicorn_worker_fails_to_boot() -> Case:
    log = """[2026-03-01 11:59:01 +0000] [1] [INFO] Starting gunicorn 21.2.0
[2026-03-01 11:59:02 +0000] [7] [ERROR] Exception in worker process
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/site-packages/gunicorn/arbiter.py", line 609, in spawn_worker
    worker.init_process()
  File "/app/app.py", line 3, in <module>
    from flask_cors import CORS
ModuleNotFoundError: No module named 'flask_cors'
[2026-03-01 11:59:02 +0000] [7] [INFO] Worker exiting (pid: 7)
[2026-03-01 11:59:03 +0000] [1] [ERROR] Worker (pid:7) exited with code 3
[2026-03-01 11:59:03 +0000] [1] [ERROR] Shutting down: Master
[2026-03-01 11:59:03 +0000] [1] [ERROR] Reason: Worker failed to boot.
"""
    return put(base(), "api", states="crash:3", logs=log)


@situation("Deployment shop/api", "entrypoint|not found|no such file", "pod.crashloop.exit127|app.config")
def entrypoint_without_interpreter() -> Case:
    return put(base(), "api", states="crash:255", logs="exec /entrypoint.sh: no such file or directory\n")


@situation("Deployment shop/api", "arch|exec format", "pod.exec.format")
def image_of_another_architecture() -> Case:
    return put(base(), "api", states="error:255", logs="exec /app/server: exec format error\n")


@situation("ConfigMap shop/start|Deployment shop/api", "syntax", "app.|pod.exit2")
def script_in_config_map_is_broken() -> Case:
    made = base().add("ConfigMap", "start", "shop", data={"run.py": "def main(:\n  pass\n"})
    log = '  File "/scripts/run.py", line 1\n    def main(:\n             ^\nSyntaxError: invalid syntax\n'
    main = {"command": ["python", "/scripts/run.py"], "volumeMounts": [{"name": "s", "mountPath": "/scripts"}]}
    return put(
        made,
        "api",
        containers={"main": main},
        states="crash:1",
        logs=log,
        spec={"volumes": [{"name": "s", "configMap": {"name": "start"}}]},
    )


@situation("Pod shop/tool", "module|express|cannot find", "app.module")
def bare_pod_crashes() -> Case:
    return put(
        base(),
        "tool",
        kind="Pod",
        states="crash:1",
        logs="Error: Cannot find module 'express'\nRequire stack:\n- /app/index.js\n",
    )


@situation("Deployment shop/api|Secret shop/api-tls", "expired|certificate", "cert.|app.certificate")
def callers_meet_an_expired_certificate_of_a_service() -> Case:
    made = base().add("Secret", "auth-tls", "shop", type="kubernetes.io/tls", dataKeys=["tls.crt", "tls.key"])
    svc(put(made, "auth"), "auth", 443)
    log = "Error: certificate has expired\n    at TLSSocket.onConnectSecure (node:_tls_wrap:1674:34) {\n  code: 'CERT_HAS_EXPIRED'\n}\n"
    return put(made, "api", containers={"main": {"env": env(AUTH_URL="https://auth")}}, states="crash:1", logs=log)


@situation("Deployment shop/api", "certificate|authority|trust", "app.certificate")
def java_does_not_trust_the_ca() -> Case:
    log = "Caused by: javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target\n\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)\n"
    return put(base(), "api", states="crash:1", logs=log)


@situation("Deployment shop/api", "read-only|readonly", "app.")
def redis_replica_is_read_only() -> Case:
    log = "redis.exceptions.ReadOnlyError: You can't write against a read only replica.\nredis.exceptions.ResponseError: READONLY You can't write against a read only replica.\n"
    return put(db(base(), "redis", 6379), "api", states="crash:1", logs=log)


@situation("Deployment shop/api", "50051|pricing|port|refus", "app.dependency")
def grpc_callee_on_another_port() -> Case:
    made = svc(put(base(), "pricing"), "pricing", 9090)
    log = (
        '{"severity":"ERROR","message":"could not get quote: rpc error: code = Unavailable desc = connection error: desc = \\"transport: Error while dialing: dial tcp 10.96.7.7:50051: connect: connection refused\\""}\n'
        * 12
    )
    return put(made, "api", containers={"main": {"env": env(PRICING_ADDR="pricing:50051")}}, states="unready", logs=log)


@situation("Deployment shop/api", "config.json|file|exist", "app.config.missing")
def file_is_not_mounted() -> Case:
    log = "panic: open /etc/api/config.json: no such file or directory\n\ngoroutine 1 [running]:\nmain.main()\n"
    return put(base(), "api", states="crash:2", logs=log)


@situation("Deployment shop/api", "data|permission|denied", "app.permission")
def volume_not_writable_by_the_user() -> Case:
    log = "mkdir: cannot create directory '/data/uploads': Permission denied\n"
    return put(base(), "api", containers={"main": {"securityContext": {"runAsUser": 1000}}}, states="crash:1", logs=log)


@situation("Deployment shop/api|ConfigMap shop/logging", "logback|log|config|xml|appender|element", "app.config")
def java_logging_configuration_broken() -> Case:
    made = base().add("ConfigMap", "logging", "shop", data={"logback.xml": "<configuration><apender/></configuration>"})
    log = 'Exception in thread "main" java.lang.IllegalStateException: Logback configuration error detected: \nERROR in ch.qos.logback.core.joran.spi.Interpreter@1:30 - no applicable action for [apender], current ElementPath is [[configuration][apender]]\n'
    return put(
        made,
        "api",
        containers={"main": {"volumeMounts": [{"name": "l", "mountPath": "/config"}]}},
        states="crash:1",
        logs=log,
        spec={"volumes": [{"name": "l", "configMap": {"name": "logging"}}]},
    )


@situation("Deployment shop/web", "aws|credentials|credential", "app.credentials")
def no_cloud_credentials() -> Case:
    log = "panic: operation error S3: ListObjectsV2, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded\n"
    return put(base(), "web", states="crash:2", logs=log)
