"""A second batch of routing, written after the first was mended and before its neighbours were looked at.

First run: 7 of 14 right, nothing blamed where all is calm.
"""

from __future__ import annotations

from tests.unit.diagnosis.blind_c3 import (
    app,
    blind,
    calm,
    change,
    condition,
    custom,
    held,
    ingress,
    ingress_nginx,
    policy,
    ports,
    put,
    svc,
    world,
)
from tests.unit.diagnosis.blind_routing_mesh import HTTP, ISTIO, OK, RESOLVED, SIDE, gateway, mesh, route, virtual
from tests.unit.diagnosis.unseen import Case, env

SEC = "security.istio.io/v1"


@blind("Service shop/as400|Endpoints shop/as400", "endpoint|address|selector")
def old_endpoints_of_a_service_hold_no_address() -> Case:
    made = world().add("Service", "as400", "shop", spec={"clusterIP": "10.96.44.1", "ports": [{"name": "tn", "port": 992, "targetPort": 992, "protocol": "TCP"}]})  # fmt: skip
    made.add("Endpoints", "as400", "shop", subsets=[])
    return app(made, "terminal", main={"env": env(AS400_URL="as400.shop.svc:992")}, states="crash:1", logs="Error: connect ECONNREFUSED 10.96.44.1:992\n    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16)\n")  # fmt: skip


@blind("Service data/docs-headless|Deployment shop/editor", "headless|27017|map")
def a_headless_store_is_called_on_the_services_own_port() -> Case:
    made = put(world("data"), "docs", ns="data", kind="StatefulSet", replicas=3, containers={"mongod": ports(("mongo", 27017))})  # fmt: skip
    made.add("Service", "docs-headless", "data", spec={"clusterIP": "None", "selector": {"app": "docs"}, "ports": [{"name": "mongo", "port": 27018, "targetPort": 27017, "protocol": "TCP"}]})  # fmt: skip
    return app(made, "editor", main={"env": env(MONGO_URL="mongodb://docs-headless.data:27018/docs")}, states="crash:1", logs="MongoServerSelectionError: connect ECONNREFUSED 10.244.1.21:27018\n    at Topology.selectServer (/app/node_modules/mongodb/lib/sdam/topology.js:321:38)\n")  # fmt: skip


@blind("AuthorizationPolicy shop/no-batch", "authorization|refuse|deny|denied")
def a_deny_policy_hits_a_job_that_needs_the_service() -> Case:
    made = put(mesh(made=world("batch")), "ledger", containers={"main": ports(("http", 8080)), **SIDE}, logs={"istio-proxy": '[2026-03-01T11:58:00.011Z] "POST /entries HTTP/1.1" 403 - rbac_access_denied_matched_policy[ns[shop]-policy[no-batch]-rule[0]] - "-" 0 19 0 - "-" "Go-http-client/1.1" "88a" "ledger.shop:8080" "-" inbound|8080|| - 10.244.1.21:8080 10.244.1.20:38122 - default\n' * 6})  # fmt: skip
    svc(made, "ledger", 8080, "http")
    made.add("AuthorizationPolicy", "no-batch", "shop", api=SEC, spec={"selector": {"matchLabels": {"app": "ledger"}}, "action": "DENY", "rules": [{"from": [{"source": {"namespaces": ["batch"]}}]}]})  # fmt: skip
    return put(made, "closing", ns="batch", kind="Job", containers={"main": {"env": env(LEDGER="http://ledger.shop:8080")}, **SIDE}, states={"main": "failed:1"}, spec={"restartPolicy": "Never"}, status={"failed": 1, "active": 0}, logs={"main": "post http://ledger.shop:8080/entries: unexpected status 403: RBAC: access denied\n"})  # fmt: skip


@blind("AuthorizationPolicy shop/default-deny", "authorization|refuse|allows nobody|deny|denied")
def an_empty_authorization_policy_shuts_a_namespace() -> Case:
    made = put(mesh(), "quotes", containers={"main": ports(("http", 8080)), **SIDE})
    svc(made, "quotes", 80, "http")
    made.add("AuthorizationPolicy", "default-deny", "shop", api=SEC, spec={})
    return put(made, "desk", states={"main": "unready"}, containers={"main": {"env": env(QUOTES="http://quotes")}, **SIDE}, logs={"main": "WARN http://quotes/latest -> 403 RBAC: access denied\n" * 8})  # fmt: skip


@blind("VirtualService shop/checkout", "host|service|exist")
def a_virtual_service_names_a_host_with_a_typo() -> Case:
    made = app(mesh('[2026-03-01T11:58:00.011Z] "GET / HTTP/1.1" 503 NC cluster_not_found - "-" 0 0 0 - "10.244.1.9" "curl/8.5" "3b1" "checkout" "-" - - 10.244.2.8:8080 10.244.1.9:41210 - -\n'), "checkout")  # fmt: skip
    return made.add("VirtualService", "checkout", "shop", api=ISTIO, spec={"hosts": ["checkout"], "http": [{"route": [{"destination": {"host": "chekout", "port": {"number": 80}}}]}]})  # fmt: skip


@blind("VirtualService shop/store", "gateway|exist")
def a_virtual_service_hangs_on_a_gateway_that_does_not_exist() -> Case:
    made = app(mesh('[2026-03-01T11:58:00.011Z] "GET / HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "10.244.1.9" "curl/8.5" "3b1" "store.example.org" "-" - - 10.244.2.8:8080 10.244.1.9:41210 - -\n'), "store")  # fmt: skip
    made.add("Gateway", "public-gw", "istio-system", api=ISTIO, spec={"selector": {"app": "istio-ingressgateway"}, "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]})  # fmt: skip
    return made.add("VirtualService", "store", "shop", api=ISTIO, spec={"hosts": ["store.example.org"], "gateways": ["istio-system/public-gateway"], "http": [{"route": [{"destination": {"host": "store"}}]}]})  # fmt: skip


@blind("NetworkPolicy shop/inside-only", "policy|egress|block|outside")
def a_policy_keeps_an_app_from_the_internet() -> Case:
    made = policy(world(), "inside-only", podSelector={"matchLabels": {"app": "fx"}}, policyTypes=["Egress"], egress=[{"to": [{"namespaceSelector": {}}]}])  # fmt: skip
    return app(made, "fx", main={"env": env(RATES_URL="https://api.rates.example/v1")}, states="crash:1", logs='fatal: Get "https://api.rates.example/v1": dial tcp 203.0.113.80:443: i/o timeout\n')  # fmt: skip


@blind("Gateway gateways/public", "conflict|host|protocol|port")
def two_listeners_of_a_gateway_conflict() -> Case:
    listed = [{"name": "a", "attachedRoutes": 0, "supportedKinds": [], "conditions": [condition("Conflicted", "True", "HostnameConflict", "All hostnames must be unique within a port"), condition("Accepted", "False", "HostnameConflict"), condition("Programmed", "False", "Invalid", "Listener is invalid, see other Conditions for details.")]}]  # fmt: skip
    status = {"conditions": [condition("Accepted", "True", "ListenersNotValid"), condition("Programmed", "False", "Invalid", "No valid listeners")], "listeners": listed}  # fmt: skip
    return gateway(app(world(), "web"), {**HTTP, "name": "a"}, {**HTTP, "name": "b"}, status=status)


@blind("Deployment shop/web", "memory|oom")
def a_route_is_accepted_and_the_pods_behind_it_are_killed() -> Case:
    made = app(world(), "web", states="crash:OOMKilled/137", main={"resources": {"limits": {"memory": "64Mi"}}})
    return route(gateway(made, HTTP), "web", OK, RESOLVED)


@blind("Service shop/dmz", "not allowed|pool|address|192.0.2.250|load balancer")
def a_fixed_address_is_not_in_any_pool() -> Case:
    made = put(world(), "dmz", containers={"main": ports(8443)})
    change(svc(made, "dmz", 443, 8443, type="LoadBalancer", loadBalancerIP="192.0.2.250"), "Service", "dmz", status={"loadBalancer": {}})  # fmt: skip
    return made.event("Service", "dmz", "shop", "AllocationFailed", 'Failed to allocate IP for "shop/dmz": ["192.0.2.250"] is not allowed in config', count=14)  # fmt: skip


@blind("HelmRelease shop/console|Service shop/console", "allocated|nodeport|30080")
def a_release_fails_for_a_node_port_that_is_taken() -> Case:
    made = app(world(), "legacy")
    change(made, "Service", "legacy", spec={"type": "NodePort", "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30080, "protocol": "TCP"}]})  # fmt: skip
    return custom(made, "HelmRelease", "console", "shop", "helm.toolkit.fluxcd.io/v2", condition("Ready", "False", "InstallFailed", 'Helm install failed for release shop/console with chart console@1.0.0: Service "console" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated'), spec={"chart": {}})  # fmt: skip


@blind("Deployment kube-system/coredns|ConfigMap kube-system/coredns", "dns|forward|upstream|10.0.0.2")
def the_upstream_of_the_clusters_dns_does_not_answer() -> Case:
    made = world()
    for body, _ in made.bodies:
        if body["kind"] == "Pod" and body["metadata"]["name"].startswith("coredns"):
            made.log(body["metadata"]["name"], "[ERROR] plugin/errors: 2 api.vendor.example. A: read udp 10.244.1.3:41212->10.0.0.2:53: i/o timeout\n" * 12, "kube-system", "main")  # fmt: skip
    for name in ("pay", "mail"):
        app(made, name, main={"env": env(URL="https://api.vendor.example")}, states="crash:1", logs='Get "https://api.vendor.example/v1": dial tcp: lookup api.vendor.example on 10.96.0.10:53: server misbehaving\n')  # fmt: skip
    return made


@blind("IngressRoute shop/carts", "service|carts|exist|not found")
def a_traefik_route_names_a_service_that_is_gone() -> Case:
    made = put(app(world(), "cart"), "traefik", containers={"main": ports(8000)}, logs='time="2026-03-01T11:59:20Z" level=error msg="kubernetes service not found: shop/carts" namespace=shop providerName=kubernetescrd ingress=carts\n' * 9)  # fmt: skip
    return made.add("IngressRoute", "carts", "shop", api="traefik.io/v1alpha1", spec={"entryPoints": ["web"], "routes": [{"kind": "Rule", "match": "PathPrefix(`/cart`)", "services": [{"name": "carts", "port": 80}]}]})  # fmt: skip


@blind("ConfigMap shop/front-conf|Deployment shop/front", "recommend|resolve|service|exist|upstream")
def nginx_dies_of_an_upstream_that_was_renamed() -> Case:
    made = app(world(), "recommendations")
    return held(made, "front", "default.conf", "server {\n  listen 8080;\n  location / { proxy_pass http://recommend-svc; }\n}\n", mount="/etc/nginx/conf.d", port=8080, states="crash:1", logs='nginx: [emerg] host not found in upstream "recommend-svc" in /etc/nginx/conf.d/default.conf:3\n')  # fmt: skip


@calm
def a_mesh_that_keeps_strangers_out() -> Case:
    made = put(mesh(), "vault", containers={"main": ports(("http", 8080)), **SIDE}, logs={"istio-proxy": '[2026-03-01T11:58:00.011Z] "GET /.env HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "scanner" "88a" "vault:8080" "-" inbound|8080|| - 10.244.1.21:8080 10.244.1.20:38122 - default\n' * 9})  # fmt: skip
    svc(made, "vault", 8080, "http")
    made.add("AuthorizationPolicy", "vault", "shop", api=SEC, spec={"selector": {"matchLabels": {"app": "vault"}}, "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/app"]}}]}]})  # fmt: skip
    made.add("ServiceEntry", "pay", "shop", api=ISTIO, spec={"hosts": ["api.pay.example"], "resolution": "DNS"})
    made.add("VirtualService", "pay", "shop", api=ISTIO, spec={"hosts": ["api.pay.example"], "http": [{"route": [{"destination": {"host": "api.pay.example"}}]}]})  # fmt: skip
    app(made, "reviews", labels={"version": "v1"})
    made.add("DestinationRule", "reviews", "shop", api=ISTIO, spec={"host": "reviews", "subsets": [{"name": "v1", "labels": {"version": "v1"}}]})  # fmt: skip
    virtual(made, "reviews", "v1")
    return made.add("VirtualService", "reviews-dark", "shop", api=ISTIO, spec={"hosts": ["reviews"], "gateways": ["mesh"], "http": [{"route": [{"destination": {"host": "reviews", "subset": "v1"}, "weight": 100}, {"destination": {"host": "reviews", "subset": "v2"}, "weight": 0}]}]})  # fmt: skip


@calm
def services_of_every_odd_kind() -> Case:
    made = world("data")
    made.add("Service", "kubernetes", "default", spec={"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443, "protocol": "TCP"}]})  # fmt: skip
    made.add("Service", "lease-holder", "data", spec={"clusterIP": "None", "ports": [{"port": 1, "targetPort": 1, "protocol": "TCP"}]})  # fmt: skip
    made.add("Service", "files", "data", spec={"clusterIP": "10.96.44.5", "ports": [{"port": 445, "targetPort": 445, "protocol": "TCP"}]})  # fmt: skip
    made.add("Endpoints", "files", "data", subsets=[{"addresses": [{"ip": "172.20.1.2"}], "ports": [{"port": 445}]}])
    app(made, "share", main={"env": env(SMB="files.data:445")})
    change(app(made, "outside"), "Service", "outside", spec={"type": "LoadBalancer", "externalIPs": ["198.51.100.4"]}, status={"loadBalancer": {}})  # fmt: skip
    made = ingress_nginx(made)
    change(made, "Service", "ingress-nginx-controller", "ingress-nginx", status={"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}})  # fmt: skip
    ingress(app(made, "old"), "old", "old")
    return change(made, "Ingress", "old", status={"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}})


@calm
def a_policy_that_lets_an_app_out() -> Case:
    made = policy(world(), "web-out", podSelector={"matchLabels": {"app": "fx"}}, policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], "ports": [{"port": 443}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}])  # fmt: skip
    return app(made, "fx", logs='warn: Get "https://api.rates.example/v1": dial tcp 203.0.113.80:443: i/o timeout, retrying\ninfo: rates loaded\n')  # fmt: skip
