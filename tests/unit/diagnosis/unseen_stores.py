"""Described failures of databases, brokers and search engines, and of those who use them."""

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


@situation("StatefulSet shop/mysql", "MYSQL_ROOT_PASSWORD|password", "app.config.missing")
def mysql_without_root_password() -> Case:
    log = """2026-03-01 11:59:01+00:00 [Note] [Entrypoint]: Entrypoint script for MySQL Server 8.0.36-1.el8 started.
2026-03-01 11:59:01+00:00 [ERROR] [Entrypoint]: Database is uninitialized and password option is not specified
    You need to specify one of the following as an environment variable:
    - MYSQL_ROOT_PASSWORD
    - MYSQL_ALLOW_EMPTY_PASSWORD
    - MYSQL_RANDOM_ROOT_PASSWORD
"""
    return put(base(), "mysql", kind="StatefulSet", states="crash:1", logs=log)


@situation(
    "StatefulSet shop/mysql|ConfigMap shop/mysql-conf",
    "innodb_buffer_pool_sze|unknown variable|option|config",
    "app.config.invalid",
)
def mysql_unknown_option_in_configmap() -> Case:
    log = """2026-03-01T11:59:01.101234Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.36) starting as process 1
2026-03-01T11:59:01.402345Z 0 [ERROR] [MY-000067] [Server] unknown variable 'innodb_buffer_pool_sze=1G'.
2026-03-01T11:59:01.403001Z 0 [ERROR] [MY-010119] [Server] Aborting
"""
    main = {"volumeMounts": [{"name": "conf", "mountPath": "/etc/mysql/conf.d"}]}
    made = base().add("ConfigMap", "mysql-conf", "shop", data={"my.cnf": "[mysqld]\ninnodb_buffer_pool_sze=1G\n"})
    return put(made, "mysql", kind="StatefulSet", containers={"db": main}, states="crash:1", logs=log,
               spec={"volumes": [{"name": "conf", "configMap": {"name": "mysql-conf"}}]})  # fmt: skip


@situation("StatefulSet shop/pg", "permission|data directory|initdb|not empty", "app.")
def postgres_data_directory_of_wrong_owner() -> Case:
    log = """The files belonging to this database system will be owned by user "postgres".
fixing permissions on existing directory /var/lib/postgresql/data ... initdb: error: could not change permissions of directory "/var/lib/postgresql/data": Operation not permitted
"""
    return put(base(), "pg", kind="StatefulSet", states="crash:1", logs=log)


@situation("StatefulSet shop/pg", "incompatible|version|16|15", "app.")
def postgres_data_of_another_major_version() -> Case:
    log = """
PostgreSQL Database directory appears to contain a database; Skipping initialization

2026-03-01 11:59:01.101 UTC [1] FATAL:  database files are incompatible with server
2026-03-01 11:59:01.101 UTC [1] DETAIL:  The data directory was initialized by PostgreSQL version 15, which is not compatible with this version 16.1 (Debian 16.1-1.pgdg120+1).
"""
    return put(base(), "pg", kind="StatefulSet", states="crash:1", logs=log)


@situation("StatefulSet shop/es", "vm.max_map_count|max_map_count", "app.|node")
def elasticsearch_bootstrap_check() -> Case:
    log = '{"@timestamp":"2026-03-01T11:59:01.000Z","log.level":"ERROR","message":"node validation exception\\n[1] bootstrap checks failed. You must address the points described in the following [1] lines before starting Elasticsearch.\\nbootstrap check failure [1] of [1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]","service.name":"ES_ECS","process.thread.name":"main"}\nERROR: Elasticsearch did not exit normally - check the logs at /usr/share/elasticsearch/logs/docker-cluster.log\n'
    return put(base(), "es", kind="StatefulSet", states="crash:78", logs=log)


@situation("StatefulSet shop/kafka", "cluster.id|clusterid|meta.properties|cluster id", "app.")
def kafka_cluster_id_mismatch() -> Case:
    log = """[2026-03-01 11:59:01,101] INFO starting (kafka.server.KafkaServer)
[2026-03-01 11:59:02,301] ERROR Fatal error during KafkaServer startup. Prepare to shutdown (kafka.server.KafkaServer)
kafka.common.InconsistentClusterIdException: The Cluster ID kVSgfurUQFGGpHMTBqBPiw doesn't match stored clusterId Some(0Qftv9yBTAmf2iDPSlIk7g) in meta.properties. The broker is trying to join the wrong cluster. Configured zookeeper.connect may be wrong.
	at kafka.server.KafkaServer.startup(KafkaServer.scala:223)
"""
    return put(base(), "kafka", kind="StatefulSet", states="crash:1", logs=log)


@situation("Deployment shop/stream", "kafka-headless|kafka|resolve|bootstrap", "app.dependency")
def kafka_client_no_resolvable_bootstrap() -> Case:
    log = """Exception in thread "main" org.apache.kafka.common.KafkaException: Failed to construct kafka consumer
	at org.apache.kafka.clients.consumer.KafkaConsumer.<init>(KafkaConsumer.java:827)
Caused by: org.apache.kafka.common.config.ConfigException: No resolvable bootstrap urls given in bootstrap.servers
	at org.apache.kafka.clients.ClientUtils.parseAndValidateAddresses(ClientUtils.java:89)
"""
    made = db(base(), "kafka", 9092)
    return put(made, "stream", containers={"main": {"env": env(KAFKA_BOOTSTRAP_SERVERS="kafka-brokr:9092")}}, states="crash:1", logs=log)  # fmt: skip


@situation("StatefulSet shop/orders-db", "disk|space|full", "app.disk|storage")
def database_disk_full_and_its_client_crashes() -> Case:
    made = base()
    full = """2026-03-01 11:58:10.101 UTC [52] PANIC:  could not write to file "pg_wal/xlogtemp.52": No space left on device
2026-03-01 11:58:10.201 UTC [1] LOG:  startup process (PID 52) was terminated by signal 6: Aborted
2026-03-01 11:58:10.202 UTC [1] LOG:  aborting startup due to startup process failure
"""
    svc(put(made, "orders-db", kind="StatefulSet", containers={"db": {"ports": [{"containerPort": 5432}]}}, states="crash:1", logs=full), "orders-db", 5432)  # fmt: skip
    refused = "panic: failed to connect to `host=orders-db user=api database=api`: dial error (dial tcp 10.96.7.7:5432: connect: connection refused)\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:31 +0x1d\n"
    return put(made, "api", containers={"main": {"env": env(PGHOST="orders-db")}}, states="crash:2", logs=refused)


@situation("Deployment shop/orders-db", "image", "pod.image")
def database_image_wrong_and_two_clients_wait() -> Case:
    made = base()
    put(made, "orders-db", states='wait:ImagePullBackOff:Back-off pulling image "registry.example/orders-db:1.4.2"')
    made.event("Pod", "orders-db-abc-x0", "shop", "Failed", 'Failed to pull image "registry.example/orders-db:1.4.2": rpc error: code = NotFound desc = failed to pull and unpack image "registry.example/orders-db:1.4.2": failed to resolve reference "registry.example/orders-db:1.4.2": registry.example/orders-db:1.4.2: not found')  # fmt: skip
    svc(made, "orders-db", 5432)
    for name in ("api", "billing"):
        put(made, name, containers={"main": {"env": env(DB_HOST="orders-db", DB_PORT="5432")}}, states="crash:1",
            logs="Error: connect ECONNREFUSED 10.96.7.7:5432\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1495:16)\n")  # fmt: skip
    return made


@situation("Deployment shop/api", "too many|connections|orders-db", "app.dependency.exhausted")
def database_out_of_connections() -> Case:
    log = 'sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server at "orders-db" (10.96.7.7), port 5432 failed: FATAL:  sorry, too many clients already\n'
    return put(db(base()), "api", states="crash:1", logs=log)
