"""Described failures of Services, policies and names, written before the rules of routing were read.

First run: 15 of 24 right (one of them by a word of a host name only).
"""

from __future__ import annotations

from copilot.model import Probe
from tests.unit.diagnosis.blind_c3 import (
    app,
    blind,
    calm,
    change,
    ingress,
    ingress_nginx,
    policy,
    ports,
    put,
    slices,
    svc,
    world,
)
from tests.unit.diagnosis.unseen import Case, env


@blind("Service shop/storefront|Deployment shop/storefront", "selector|label")
def a_release_renames_the_version_label_the_service_still_asks_for() -> Case:
    lines = '10.244.2.9 - - [01/Mar/2026:11:58:40 +0000] "GET / HTTP/1.1" 503 190 "-" "Mozilla/5.0" 520 0.000 [shop-storefront-80] [] - - - - 8f1c\n'
    made = ingress_nginx(world(), lines * 20)
    put(made, "storefront", replicas=3, labels={"version": "v2"}, containers={"web": ports(("http", 8080))})
    svc(made, "storefront", 80, "http", selector={"app": "storefront", "version": "stable"})
    slices(made, "storefront", [], {"name": "", "port": None})
    return ingress(made, "storefront", "storefront", ingressClassName="nginx")


@blind("Service shop/redis-master", "selector|label")
def one_typo_in_a_selector_fails_a_chain_of_three_services() -> Case:
    made = ingress_nginx(world(), '2026/03/01 11:59:02 [warn] 31#31: *99 no live upstreams while connecting to upstream, server: shop.example.org, request: "GET /"\n' * 6)  # fmt: skip
    put(made, "redis-master", kind="StatefulSet", labels={"role": "primary"}, containers={"redis": ports(6379)}, logs="* Ready to accept connections tcp\n")  # fmt: skip
    svc(made, "redis-master", 6379, selector={"app": "redis-master", "role": "master"})
    slices(made, "redis-master", [], {"name": "", "port": None})
    app(made, "catalog", replicas=2, states="unready", main={"env": env(REDIS_ADDR="redis-master:6379"), "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}}}, logs='{"level":"error","ts":"2026-03-01T11:59:00Z","msg":"cache ping failed","error":"dial tcp 10.96.7.10:6379: connect: connection refused"}\n' * 8)  # fmt: skip
    for pod in ("catalog-abc-x0", "catalog-abc-y1"):
        made.event("Pod", pod, "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", count=80)  # fmt: skip
    app(made, "bff", states="unready", main={"env": env(CATALOG_URL="http://catalog")}, logs="WARN upstream http://catalog/items: connect ECONNREFUSED 10.96.7.11:80\n" * 8)  # fmt: skip
    made.event("Pod", "bff-abc-x0", "shop", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 500", count=40)  # fmt: skip
    return ingress(made, "shop", "bff", ingressClassName="nginx")


@blind("Service shop/rates|Deployment shop/rates", "grpc|port name|name")
def target_port_name_was_renamed_on_the_container() -> Case:
    made = put(world(), "rates", replicas=2, containers={"rates": ports(("grpc-api", 9090), ("metrics", 9102))})
    svc(made, "rates", 9090, "grpc")
    put(made, "quotes", containers={"main": {"env": env(RATES_ADDR="rates:9090")}}, logs='rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp 10.96.7.9:9090: connect: connection refused"\n' * 9)  # fmt: skip
    return made


@blind("Service search/nodes-headless|Deployment shop/finder", "headless|9200|target")
def headless_service_is_asked_on_a_port_that_is_only_mapped() -> Case:
    made = put(world("search"), "search", ns="search", kind="StatefulSet", replicas=3, containers={"es": ports(("http", 9200))})  # fmt: skip
    made.add("Service", "nodes-headless", "search", spec={"clusterIP": "None", "selector": {"app": "search"}, "ports": [{"name": "http", "port": 80, "targetPort": 9200, "protocol": "TCP"}]})  # fmt: skip
    return app(made, "finder", main={"env": env(ES_URL="http://nodes-headless.search.svc.cluster.local:80")}, states="crash:1", logs="elasticsearch.exceptions.ConnectionError: ConnectionError(<urllib3.connection.HTTPConnection object>: Failed to establish a new connection: [Errno 111] Connection refused) caused by: NewConnectionError(host='nodes-headless.search.svc.cluster.local', port=80)\n")  # fmt: skip


@blind("Service shop/payments-gw", "externalname|external")
def external_name_has_a_misspelt_host() -> Case:
    made = world().add("Service", "payments-gw", "shop", spec={"type": "ExternalName", "externalName": "api.paymnts-vendor.example"})  # fmt: skip
    return app(made, "checkout", main={"env": env(PAYMENTS_HOST="payments-gw")}, logs="Error: getaddrinfo ENOTFOUND payments-gw\n    at GetAddrInfoReqWrap.onlookup [as oncomplete] (node:dns:107:26) {\n  errno: -3008,\n  code: 'ENOTFOUND',\n  syscall: 'getaddrinfo',\n  hostname: 'payments-gw'\n}\n" * 6)  # fmt: skip


@blind("Service data/quorum-peers|StatefulSet data/quorum", "publishnotready")
def peers_cannot_meet_before_they_are_ready() -> Case:
    made = world("data")
    args = ["--initial-cluster=quorum-0=http://quorum-0.quorum-peers:2380,quorum-1=http://quorum-1.quorum-peers:2380,quorum-2=http://quorum-2.quorum-peers:2380"]  # fmt: skip
    put(made, "quorum", ns="data", kind="StatefulSet", replicas=3, states="unready", outer={"serviceName": "quorum-peers", "podManagementPolicy": "Parallel"},
        containers={"etcd": {**ports(("client", 2379), ("peer", 2380)), "args": args, "readinessProbe": {"httpGet": {"path": "/health", "port": 2379}}}},
        logs='{"level":"warn","msg":"failed to resolve URL Host","url":"http://quorum-1.quorum-peers:2380","host":"quorum-1.quorum-peers:2380","retry-interval":"1s","error":"lookup quorum-1.quorum-peers on 10.96.0.10:53: no such host"}\n' * 10)  # fmt: skip
    for i in range(3):
        made.event("Pod", f"quorum-{i}", "data", "Unhealthy", 'Readiness probe failed: Get "http://10.244.1.20:2379/health": dial tcp 10.244.1.20:2379: connect: connection refused', count=90)  # fmt: skip
    return made.add("Service", "quorum-peers", "data", spec={"clusterIP": "None", "selector": {"app": "quorum"}, "ports": [{"name": "peer", "port": 2380, "targetPort": 2380, "protocol": "TCP"}]})  # fmt: skip


@blind("Service shop/legacy-sql|EndpointSlice shop/legacy-sql-7xk2p", "name|endpoint|slice")
def a_hand_made_endpoint_slice_names_its_port_differently() -> Case:
    made = world().add("Service", "legacy-sql", "shop", spec={"clusterIP": "10.96.44.1", "ports": [{"name": "tds", "port": 1433, "targetPort": 1433, "protocol": "TCP"}]})  # fmt: skip
    slices(made, "legacy-sql", ["172.20.4.11"], {"name": "sql", "port": 1433})
    return app(made, "erp-sync", main={"env": env(SQL_HOST="legacy-sql", SQL_PORT="1433")}, states="crash:1", logs='com.microsoft.sqlserver.jdbc.SQLServerException: The TCP/IP connection to the host legacy-sql, port 1433 has failed. Error: "Connection refused (Connection refused). Verify the connection properties.".\n')  # fmt: skip


@blind("Service shop/mainframe", "endpoint|selector")
def a_service_without_selector_has_nobody_behind_it() -> Case:
    made = world().add("Service", "mainframe", "shop", spec={"clusterIP": "10.96.44.2", "ports": [{"port": 2443, "targetPort": 2443, "protocol": "TCP"}]})  # fmt: skip
    return app(made, "bridge", main={"env": env(MAINFRAME="mainframe:2443")}, states="crash:1", logs="thread 'main' panicked at src/main.rs:41:10:\nconnect mainframe: Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }\n")  # fmt: skip


@blind("NetworkPolicy shop/lockdown", "dns|53|egress")
def egress_lockdown_forgets_name_resolution_for_every_app() -> Case:
    made = world()
    for name, text in (("orders", 'psycopg2.OperationalError: could not translate host name "orders-db" to address: Temporary failure in name resolution\n'), ("mailer", "Error: getaddrinfo EAI_AGAIN orders-db\n")):  # fmt: skip
        app(made, name, main={"env": env(DB_HOST="orders-db")}, states="crash:1", logs=text)
    app(made, "orders-db", 5432, serve=5432, kind="StatefulSet")
    return policy(made, "lockdown", policyTypes=["Egress"], egress=[{"to": [{"podSelector": {}}]}, {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": 443, "protocol": "TCP"}]}])  # fmt: skip


@blind("NetworkPolicy data/only-payments|Namespace payments", "namespace|label|policy|block")
def the_calling_namespace_lacks_the_label_the_policy_asks_for() -> Case:
    made = world("data").add("Namespace", "payments", labels={"kubernetes.io/metadata.name": "payments"})
    app(made, "ledger", 5432, serve=5432, ns="data", kind="StatefulSet")
    policy(made, "only-payments", "data", podSelector={"matchLabels": {"app": "ledger"}}, policyTypes=["Ingress"], ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "payments"}}}], "ports": [{"port": 5432}]}])  # fmt: skip
    return app(made, "settle", ns="payments", main={"env": env(LEDGER_DSN="postgresql://ledger.data.svc.cluster.local:5432/ledger")}, states="crash:1", logs="pgconn: failed to connect to `host=ledger.data.svc.cluster.local user=settle database=ledger`: dial error (timeout: context deadline exceeded)\n")  # fmt: skip


@blind("NetworkPolicy shop/basket-in", "policy|port|block")
def the_policys_port_range_ends_one_below_the_containers_port() -> Case:
    made = app(world(), "basket", 8080)
    policy(made, "basket-in", podSelector={"matchLabels": {"app": "basket"}}, policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 8000, "endPort": 8079, "protocol": "TCP"}]}])  # fmt: skip
    return app(made, "spa", main={"env": env(BASKET="http://basket")}, logs="2026-03-01T11:58:59.112Z ERROR request to http://basket/items failed: connect ETIMEDOUT 10.96.7.9:80\n" * 9)  # fmt: skip


@blind("NetworkPolicy shop/allow-http", "policy|port|block")
def a_policys_named_port_does_not_exist_on_the_pod() -> Case:
    made = put(world(), "media", containers={"main": ports(("web", 8081))})
    svc(made, "media", 80, "web")
    policy(made, "allow-http", podSelector={"matchLabels": {"app": "media"}}, policyTypes=["Ingress"], ingress=[{"ports": [{"port": "http", "protocol": "TCP"}]}])  # fmt: skip
    return app(made, "albums", main={"env": env(MEDIA_URL="http://media:80")}, states="unready", logs="requests.exceptions.ConnectTimeout: HTTPConnectionPool(host='media', port=80): Max retries exceeded with url: / (Caused by ConnectTimeoutError('Connection to media timed out. (connect timeout=5)'))\n" * 5)  # fmt: skip


@blind("NetworkPolicy shop/egress-corp", "policy|egress|block|except|172.30")
def egress_excepts_the_network_of_the_external_database() -> Case:
    made = world().add("Service", "warehouse", "shop", spec={"clusterIP": "10.96.44.3", "ports": [{"port": 5439, "targetPort": 5439, "protocol": "TCP"}]})  # fmt: skip
    slices(made, "warehouse", ["172.30.4.7"], {"name": "", "port": 5439})
    policy(made, "egress-corp", podSelector={"matchLabels": {"app": "reports"}}, policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "172.16.0.0/12", "except": ["172.30.0.0/16"]}}]}, {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}])  # fmt: skip
    return app(made, "reports", main={"env": env(REDSHIFT_HOST="warehouse", REDSHIFT_PORT="5439")}, states="crash:1", logs="FATAL: dial tcp 10.96.44.3:5439: i/o timeout\n")  # fmt: skip


@blind("NetworkPolicy shop/profile", "policy|port|8080|80|block")
def the_policy_allows_the_services_port_instead_of_the_pods() -> Case:
    made = app(world(), "profile", 8080)
    policy(made, "profile", podSelector={"matchLabels": {"app": "profile"}}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "portal"}}}], "ports": [{"port": 80}]}])  # fmt: skip
    return app(made, "portal", main={"env": env(PROFILE_URL="http://profile.shop")}, logs="java.net.SocketTimeoutException: Connect timed out\n\tat java.base/sun.nio.ch.NioSocketImpl.timedFinishConnect(NioSocketImpl.java:546)\n\tat com.example.ProfileClient.get(ProfileClient.java:31) url=http://profile.shop/me\n" * 6)  # fmt: skip


@blind("NetworkPolicy shop/same-namespace", "policy|block|namespace|ingress")
def a_policy_keeps_the_ingress_controller_out() -> Case:
    made = ingress_nginx(world(), '2026/03/01 11:59:01 [error] 33#33: *1042 upstream timed out (110: Operation timed out) while connecting to upstream, client: 198.51.100.7, server: shop.example.org, request: "GET / HTTP/2.0", upstream: "http://10.244.3.77:8080/", host: "shop.example.org"\n' * 14)  # fmt: skip
    ingress(app(made, "web", 8080, pod_status={"podIP": "10.244.3.77"}), "web", "web", ingressClassName="nginx")
    return policy(made, "same-namespace", policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}])


@blind("Deployment web/portal", "namespace|resolve|service|exist|address|catalog")
def a_short_service_name_across_namespaces() -> Case:
    made = app(world("catalog", "web"), "catalog", ns="catalog")
    return app(made, "portal", ns="web", main={"env": env(CATALOG_URL="http://catalog:80")}, states="crash:1", logs='panic: Get "http://catalog:80/v1/items": dial tcp: lookup catalog on 10.96.0.10:53: no such host\n')  # fmt: skip


@blind("Deployment shop/edge|DaemonSet shop/edge", "dnspolicy|hostnetwork|host network")
def a_host_network_pod_does_not_ask_the_clusters_dns() -> Case:
    made = app(world(), "config", 8888)
    return put(made, "edge", kind="DaemonSet", nodes=("n1", "n2", "n3"), states="crash:1", spec={"hostNetwork": True, "dnsPolicy": "ClusterFirst"}, containers={"main": {"env": env(CONFIG_URL="http://config.shop.svc.cluster.local")}}, logs='could not fetch configuration: Get "http://config.shop.svc.cluster.local/edge": dial tcp: lookup config.shop.svc.cluster.local on 192.168.1.1:53: no such host\n')  # fmt: skip


@blind("Deployment shop/sync", "dns")
def a_pod_with_its_own_nameservers_cannot_find_services() -> Case:
    made = app(world(), "inventory")
    return app(made, "sync", states="crash:1", spec={"dnsPolicy": "None", "dnsConfig": {"nameservers": ["9.9.9.9"], "searches": ["example.org"]}}, main={"env": env(INVENTORY="http://inventory.shop.svc.cluster.local")}, logs="curl: (6) Could not resolve host: inventory.shop.svc.cluster.local\n")  # fmt: skip


@blind("Service shop/edge-lb", "subnet|load balancer|loadbalancer")
def the_cloud_finds_no_subnet_for_a_load_balancer() -> Case:
    made = put(world(), "edge-lb", containers={"main": ports(8443)})
    svc(made, "edge-lb", 443, 8443, type="LoadBalancer")
    change(made, "Service", "edge-lb", status={"loadBalancer": {}})
    return made.event("Service", "edge-lb", "shop", "SyncLoadBalancerFailed", "Error syncing load balancer: failed to ensure load balancer: could not find any suitable subnets for creating the ELB", count=24, first=3500)  # fmt: skip


@blind("Service shop/public|IPAddressPool metallb-system/pool", "address|ip|pool|available")
def the_address_pool_for_load_balancers_is_used_up() -> Case:
    made = world("metallb-system").add("IPAddressPool", "pool", "metallb-system", api="metallb.io/v1beta1", spec={"addresses": ["192.0.2.10-192.0.2.10"]})  # fmt: skip
    app(made, "first")
    change(made, "Service", "first", spec={"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}})  # fmt: skip
    change(app(made, "public"), "Service", "public", spec={"type": "LoadBalancer"}, status={"loadBalancer": {}})
    return made.event("Service", "public", "shop", "AllocationFailed", 'Failed to allocate IP for "shop/public": no available IPs', count=9, first=3000)  # fmt: skip


@blind("Service shop/vnc", "load balancer|loadbalancer|address|implementation")
def a_bare_cluster_has_nobody_to_make_load_balancers() -> Case:
    made = put(world(), "vnc", containers={"main": ports(5900)})
    svc(made, "vnc", 5900, type="LoadBalancer")
    return change(made, "Service", "vnc", status={"loadBalancer": {}})


@blind("Service shop/syslog|Deployment shop/syslog", "udp|tcp|protocol")
def the_service_speaks_another_protocol_than_the_container() -> Case:
    made = put(world(), "syslog", containers={"main": {"ports": [{"name": "syslog", "containerPort": 514, "protocol": "UDP"}]}})  # fmt: skip
    svc(made, "syslog", 514)
    made.probes.append(Probe(origin="shop/debug", host="syslog", port=514, outcome="refused", text="nc: syslog (10.96.7.9:514): Connection refused", source="paste:1"))  # fmt: skip
    return made


@blind("Deployment shop/chat|Service shop/chat", "session|affinity|sticky")
def websocket_sessions_land_on_other_replicas() -> Case:
    made = put(world(), "chat", replicas=3, containers={"main": ports(("ws", 3001))}, logs='engine.io:server session not found {"code":1,"message":"Session ID unknown"} sid=lv_VI97HAXpY6yYWAAAC\n' * 15)  # fmt: skip
    return svc(made, "chat", 80, 3001, sessionAffinity="None")


@blind("Service shop/api", "8081|port|target")
def a_target_port_left_behind_when_the_app_moved_its_port() -> Case:
    made = put(world(), "api", replicas=2, containers={"main": {**ports(("http", 9000)), "readinessProbe": {"tcpSocket": {"port": "http"}}}}, logs="INFO:     Uvicorn running on http://0.0.0.0:9000 (Press CTRL+C to quit)\n")  # fmt: skip
    svc(made, "api", 80, 8081)
    slices(made, "api", ["10.244.1.20", "10.244.1.21"], {"name": "", "port": 8081})
    for name in ("mobile", "desk"):
        app(made, name, main={"env": env(API="http://api.shop:80")}, logs="[error] upstream http://api.shop:80 failed: ECONNREFUSED\n" * 7)  # fmt: skip
    return made


@calm
def policies_between_namespaces_that_fit() -> Case:
    made = world("data").add("Namespace", "payments", labels={"kubernetes.io/metadata.name": "payments", "team": "payments"})  # fmt: skip
    app(made, "ledger", 5432, serve=5432, ns="data", kind="StatefulSet")
    policy(made, "only-payments", "data", podSelector={"matchLabels": {"app": "ledger"}}, policyTypes=["Ingress"], ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "payments"}}}], "ports": [{"port": "http"}]}])  # fmt: skip
    policy(made, "out", "payments", policyTypes=["Egress"], egress=[{"to": [{"namespaceSelector": {}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}])  # fmt: skip
    return app(made, "settle", ns="payments", main={"env": env(LEDGER_DSN="postgresql://ledger.data:5432/l")}, logs='2026-03-01T11:00:01Z level=warn msg="retrying" err="dial tcp 10.96.7.9:5432: i/o timeout"\n2026-03-01T11:00:03Z level=info msg="connected"\n')  # fmt: skip


@calm
def odd_but_sound_services() -> Case:
    made = world("search")
    made.add("Service", "oracle", "shop", spec={"clusterIP": "10.96.44.9", "ports": [{"name": "tns", "port": 1521, "targetPort": 1521, "protocol": "TCP"}]})  # fmt: skip
    slices(made, "oracle", ["172.20.4.11"], {"name": "tns", "port": 1521})
    put(made, "search", ns="search", kind="StatefulSet", replicas=3, containers={"es": ports(("http", 9200), ("transport", 9300))})  # fmt: skip
    made.add("Service", "peers", "search", spec={"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"app": "search"}, "ports": [{"name": "transport", "port": 9300, "targetPort": "transport", "protocol": "TCP"}]})  # fmt: skip
    made.add("Service", "smtp", "shop", spec={"type": "ExternalName", "externalName": "smtp.mail.example"})
    return app(made, "mailer", main={"env": env(SMTP_HOST="smtp", ES="http://peers.search:9300")})


@calm
def a_load_balancer_asked_for_a_moment_ago() -> Case:
    made = put(world(), "fresh", containers={"main": ports(8080)})
    made.add("Service", "fresh", "shop", age=25, spec={"type": "LoadBalancer", "clusterIP": "10.96.7.99", "selector": {"app": "fresh"}, "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]}, status={"loadBalancer": {}})  # fmt: skip
    return made.event("Service", "fresh", "shop", "EnsuringLoadBalancer", "Ensuring load balancer", type_="Normal", count=1, first=25, last=25)  # fmt: skip


@calm
def a_service_mid_rollout_with_one_terminating_pod() -> Case:
    made = app(world(), "cart", replicas=3)
    made.pod("cart-old-1", "shop", owner=("ReplicaSet", "cart-old"), node="n2", labels={"app": "cart"}, metadata={"deletionTimestamp": "2026-03-01T11:59:50Z", "deletionGracePeriodSeconds": 30})  # fmt: skip
    return made.event("Pod", "cart-old-1", "shop", "Killing", "Stopping container main", type_="Normal", count=1, last=20, first=20)  # fmt: skip
