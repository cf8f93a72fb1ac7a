"""Described failures of routes, gateways, meshes, resolvers and proxies, written before the rules of routing were read.

First run: 13 of 22 right.
"""

from __future__ import annotations

from typing import Any

from copilot.model import Detail
from tests.unit.diagnosis.blind_c3 import (
    GATEWAY,
    NETWORKING,
    app,
    blind,
    calm,
    change,
    condition,
    held,
    ingress,
    ingress_nginx,
    ports,
    put,
    svc,
    world,
)
from tests.unit.diagnosis.unseen import Case, env

Body = dict[str, Any]
ISTIO = "networking.istio.io/v1"


def gateway(made: Case, *listeners: Body, ns: str = "gateways", name: str = "public", status: Body | None = None) -> Case:  # fmt: skip
    made.add("Namespace", "gateways", labels={"kubernetes.io/metadata.name": "gateways"})
    made.add("GatewayClass", "eg", api=GATEWAY, spec={"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}, status={"conditions": [condition("Accepted", "True", "Accepted")]})  # fmt: skip
    ready = {"conditions": [condition("Accepted", "True", "Accepted"), condition("Programmed", "True", "Programmed")], "addresses": [{"type": "IPAddress", "value": "192.0.2.30"}]}  # fmt: skip
    return made.add("Gateway", name, ns, api=GATEWAY, spec={"gatewayClassName": "eg", "listeners": list(listeners)}, status=status or ready)  # fmt: skip


HTTP: Body = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}


def route(made: Case, name: str, *conditions: Body, kind: str = "HTTPRoute", backend: Body | None = None, parent: Body | None = None, **spec: Any) -> Case:  # fmt: skip
    to = {"name": "public", "namespace": "gateways", **(parent or {})}
    rules = [{"backendRefs": [{"name": "web", "port": 80, **(backend or {})}]}]
    status = {"parents": [{"parentRef": to, "controllerName": "gateway.envoyproxy.io/gatewayclass-controller", "conditions": list(conditions)}]}  # fmt: skip
    return made.add(kind, name, "shop", api=GATEWAY, spec={"parentRefs": [to], "rules": rules, **spec}, status=status)


OK = condition("Accepted", "True", "Accepted")
RESOLVED = condition("ResolvedRefs", "True", "ResolvedRefs")


@blind("Ingress shop/portal", "service|exist|namespace|backend")
def an_ingress_points_at_a_service_of_another_namespace() -> Case:
    made = app(ingress_nginx(world("portal"), 'W0301 11:50:11.120155       7 controller.go:1108] Error obtaining Endpoints for Service "shop/portal": no object matching key "shop/portal" in local store\n' * 3), "portal", ns="portal")  # fmt: skip
    return ingress(made, "portal", "portal", ingressClassName="nginx")


@blind("Ingress shop/web", "class")
def an_ingress_without_class_where_no_class_is_the_default() -> Case:
    return ingress(app(ingress_nginx(world()), "web"), "web", "web")


@blind("Secret shop/web-cert|Ingress shop/web", "tls|key|certificate|secret")
def the_tls_secret_was_made_as_generic_with_other_keys() -> Case:
    made = app(ingress_nginx(world(), "W0301 11:40:01.333 7 backend_ssl.go:47] Error obtaining X.509 certificate: key 'tls.crt' missing from Secret \"shop/web-cert\"\n" * 4), "web")  # fmt: skip
    made.add("Secret", "web-cert", "shop", type="Opaque", data={"cert.pem": "", "key.pem": ""})
    return ingress(made, "web", "web", ingressClassName="nginx", tls=[{"hosts": ["shop.example.org"], "secretName": "web-cert"}])  # fmt: skip


@blind("HTTPRoute shop/web", "port|8080")
def a_route_sends_to_a_port_the_service_lacks() -> Case:
    bad = condition("ResolvedRefs", "False", "PortNotFound", "Failed to process route rule 0 backendRef 0: TCP Port 8080 not found on Service shop/web.")  # fmt: skip
    return route(gateway(app(world(), "web"), HTTP), "web", OK, bad, backend={"port": 8080})


@blind("HTTPRoute shop/web", "section|listener|https")
def a_route_names_a_listener_that_does_not_exist() -> Case:
    bad = condition("Accepted", "False", "NoMatchingParent", "No listeners match this parent ref")
    return route(gateway(app(world(), "web"), HTTP), "web", bad, RESOLVED, parent={"sectionName": "https"})


@blind("HTTPRoute shop/web|Gateway gateways/public", "allow|namespace|listener")
def a_listener_takes_routes_of_its_own_namespace_only() -> Case:
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "Same"}}}
    bad = condition("Accepted", "False", "NotAllowedByListeners", "No listeners included by this parent ref allowed this attachment.")  # fmt: skip
    return route(gateway(app(world(), "web"), listener), "web", bad, RESOLVED)


@blind("HTTPRoute shop/web|ReferenceGrant billing/*", "grant|referencegrant|permit")
def a_route_reaches_into_another_namespace_without_a_grant() -> Case:
    bad = condition("ResolvedRefs", "False", "RefNotPermitted", "Failed to process route rule 0 backendRef 0: Backend ref to Service billing/invoices not permitted by any ReferenceGrant.")  # fmt: skip
    return route(gateway(app(world(), "web"), HTTP), "web", OK, bad, backend={"name": "invoices", "namespace": "billing"})  # fmt: skip


@blind("Gateway gateways/public|Secret gateways/shop-tls", "certificate|secret|tls")
def a_listeners_certificate_is_missing_and_its_routes_suffer() -> Case:
    listener = {"name": "https", "port": 443, "protocol": "HTTPS", "tls": {"mode": "Terminate", "certificateRefs": [{"name": "shop-tls"}]}, "allowedRoutes": {"namespaces": {"from": "All"}}}  # fmt: skip
    listed = [{"name": "https", "attachedRoutes": 1, "supportedKinds": [], "conditions": [condition("ResolvedRefs", "False", "InvalidCertificateRef", "Secret gateways/shop-tls does not exist."), condition("Programmed", "False", "Invalid", "Listener is invalid, see other Conditions for details.")]}]  # fmt: skip
    status = {"conditions": [condition("Accepted", "True", "Accepted"), condition("Programmed", "False", "Invalid", "No valid listeners")], "listeners": listed}  # fmt: skip
    made = gateway(app(world(), "web"), listener, status=status)
    return route(made, "web", condition("Accepted", "False", "NoReadyListeners", "There are no ready listeners for this parent ref"), RESOLVED)  # fmt: skip


@blind("Gateway gateways/public|GatewayClass istio", "class|controller")
def a_gateway_of_a_class_nobody_serves() -> Case:
    made = gateway(app(world(), "web"), HTTP, status={"conditions": [condition("Accepted", "Unknown", "Pending", "Waiting for controller"), condition("Programmed", "Unknown", "Pending", "Waiting for controller")]})  # fmt: skip
    change(made, "Gateway", "public", "gateways", spec={"gatewayClassName": "istio"})
    return made.add("HTTPRoute", "web", "shop", api=GATEWAY, spec={"parentRefs": [{"name": "public", "namespace": "gateways"}], "rules": [{"backendRefs": [{"name": "web", "port": 80}]}]})  # fmt: skip


@blind("HTTPRoute shop/web", "host")
def a_routes_host_is_not_one_the_listener_takes() -> Case:
    bad = condition("Accepted", "False", "NoMatchingListenerHostname", "There were no hostname intersections between the HTTPRoute and this parent ref's Listener(s).")  # fmt: skip
    return route(gateway(app(world(), "web"), {**HTTP, "hostname": "*.example.org"}), "web", bad, RESOLVED, hostnames=["shop.example.com"])  # fmt: skip


@blind("GRPCRoute shop/rates", "service|exist|found|backend")
def a_grpc_route_to_a_service_that_was_renamed() -> Case:
    bad = condition("ResolvedRefs", "False", "BackendNotFound", 'Failed to process route rule 0 backendRef 0: service "shop/rates-grpc" not found')  # fmt: skip
    return route(gateway(app(world(), "rates", 9090, serve=9090), HTTP), "rates", OK, bad, kind="GRPCRoute", backend={"name": "rates-grpc", "port": 9090})  # fmt: skip


_GW = "istio-ingressgateway"


def mesh(*lines: str, made: Case | None = None) -> Case:
    """A mesh whose ingress gateway wrote these lines."""
    made = made or world()
    made.add("Namespace", "istio-system", labels={"kubernetes.io/metadata.name": "istio-system"})
    put(made, "istiod", ns="istio-system", containers={"discovery": ports(15010, 15012)})
    svc(made, "istiod", 15012, ns="istio-system")
    put(made, _GW, ns="istio-system", containers={"istio-proxy": ports(8080, 8443)}, logs="".join(lines) * 12)
    return svc(made, _GW, 80, 8080, ns="istio-system", type="NodePort")


def virtual(made: Case, name: str, subset: str, weight: int = 100) -> Case:
    to = [{"destination": {"host": name, "subset": subset}, "weight": weight}]
    return made.add("VirtualService", name, "shop", api=ISTIO, spec={"hosts": [name], "http": [{"route": to}]})


SIDE = {"istio-proxy": ports(15090)}


@blind("VirtualService shop/reviews|DestinationRule shop/reviews", "subset")
def a_virtual_service_sends_to_a_subset_nobody_defined() -> Case:
    made = mesh('[2026-03-01T11:58:00.011Z] "GET /reviews HTTP/1.1" 503 NC cluster_not_found - "-" 0 0 0 - "10.244.1.9" "curl/8.5" "3b1" "shop.example.org" "-" - - 10.244.2.8:8080 10.244.1.9:41210 - -\n')  # fmt: skip
    app(made, "reviews", 9080, labels={"version": "v2"})
    made.add("DestinationRule", "reviews", "shop", api=ISTIO, spec={"host": "reviews", "subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]})  # fmt: skip
    return virtual(made, "reviews", "v3")


@blind("DestinationRule shop/reviews|VirtualService shop/reviews", "subset|label")
def a_subsets_labels_match_no_pod() -> Case:
    made = mesh('[2026-03-01T11:58:00.011Z] "GET /reviews HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "10.244.1.9" "curl/8.5" "3b1" "shop.example.org" "-" outbound|80|canary|reviews.shop.svc.cluster.local - 10.244.2.8:8080 10.244.1.9:41210 - -\n')  # fmt: skip
    app(made, "reviews", 9080, labels={"track": "canary-2"})
    made.add("DestinationRule", "reviews", "shop", api=ISTIO, spec={"host": "reviews.shop.svc.cluster.local", "subsets": [{"name": "canary", "labels": {"track": "canary"}}]})  # fmt: skip
    return virtual(made, "reviews", "canary")


@blind("AuthorizationPolicy shop/ratings-callers", "authorizationpolicy|authorization|allow|access denied|rbac")
def an_authorization_policy_names_another_service_account() -> Case:
    made = put(mesh(), "ratings", spec={"serviceAccountName": "ratings"}, containers={"main": ports(("http", 9080)), **SIDE}, logs={"istio-proxy": '[2026-03-01T11:58:00.011Z] "GET /ratings/7 HTTP/1.1" 403 - rbac_access_denied_matched_policy[none] - "-" 0 19 0 - "-" "python-requests/2.31" "88a" "ratings:9080" "-" inbound|9080|| - 10.244.1.21:9080 10.244.1.20:38122 outbound_.9080_._.ratings.shop.svc.cluster.local default\n' * 9})  # fmt: skip
    svc(made, "ratings", 9080, "http")
    made.add("ServiceAccount", "ratings", "shop").add("ServiceAccount", "reviews", "shop")
    put(made, "reviews", spec={"serviceAccountName": "reviews"}, containers={"main": {**ports(9080), "env": env(RATINGS="http://ratings:9080")}, **SIDE}, logs={"main": "ERROR ratings call failed: 403 Client Error: Forbidden for url: http://ratings:9080/ratings/7 body=RBAC: access denied\n" * 9})  # fmt: skip
    return made.add("AuthorizationPolicy", "ratings-callers", "shop", api="security.istio.io/v1", spec={"selector": {"matchLabels": {"app": "ratings"}}, "action": "ALLOW", "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/review"]}}]}]})  # fmt: skip


@blind("PeerAuthentication shop/default|Deployment batch/loader", "mtls|strict|sidecar|peerauthentication")
def strict_mtls_and_a_caller_without_sidecar() -> Case:
    made = mesh(made=world("batch"))
    put(made, "stock", containers={"main": ports(("http", 8080)), **SIDE})
    svc(made, "stock", 80, "http")
    made.add("PeerAuthentication", "default", "shop", api="security.istio.io/v1", spec={"mtls": {"mode": "STRICT"}})
    return put(made, "loader", ns="batch", containers={"main": {"env": env(STOCK_URL="http://stock.shop.svc.cluster.local")}}, states="crash:1", logs="requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer')) url=http://stock.shop.svc.cluster.local/feed\n")  # fmt: skip


@blind("DestinationRule shop/stock", "tls|mtls|disable")
def a_destination_rule_turns_tls_off_where_it_is_required() -> Case:
    made = put(mesh(), "stock", containers={"main": ports(("http", 8080)), **SIDE})
    svc(made, "stock", 80, "http")
    made.add("PeerAuthentication", "default", "shop", api="security.istio.io/v1", spec={"mtls": {"mode": "STRICT"}})
    made.add("DestinationRule", "stock", "shop", api=ISTIO, spec={"host": "stock.shop.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}})  # fmt: skip
    return put(made, "front", containers={"main": {"env": env(STOCK_URL="http://stock.shop.svc.cluster.local")}, **SIDE}, logs={"main": "GET http://stock.shop.svc.cluster.local/ 503 upstream connect error or disconnect/reset before headers. reset reason: connection termination\n" * 8})  # fmt: skip


@blind("Server shop/voting-http|AuthorizationPolicy shop/*|ServerAuthorization shop/voting", "authoriz|allow|unauthorized|denied")  # fmt: skip
def a_linkerd_server_lets_only_another_identity_in() -> Case:
    made = put(world(), "voting", containers={"main": ports(("http", 8080)), "linkerd-proxy": ports(4143)}, logs={"linkerd-proxy": '[  812.112s]  INFO ThreadId(01) inbound:server{port=8080}: linkerd_app_inbound::policy::http: Request denied server.group=policy.linkerd.io server.kind=server server.name=voting-http route.name=default client.tls=Some(Established { client_id: Some(ClientId("emoji.shop.serviceaccount.identity.linkerd.cluster.local")) }) client.ip=10.244.1.20\n' * 8})  # fmt: skip
    svc(made, "voting", 80, "http")
    made.add("Server", "voting-http", "shop", api="policy.linkerd.io/v1beta3", spec={"podSelector": {"matchLabels": {"app": "voting"}}, "port": "http", "proxyProtocol": "HTTP/1"})  # fmt: skip
    made.add("ServerAuthorization", "voting", "shop", api="policy.linkerd.io/v1beta1", spec={"server": {"name": "voting-http"}, "client": {"meshTLS": {"serviceAccounts": [{"name": "web"}]}}})  # fmt: skip
    return put(made, "emoji", containers={"main": {"env": env(VOTING="http://voting")}, "linkerd-proxy": ports(4143)}, logs={"main": "vote failed: 403 Forbidden from http://voting/api/vote\n" * 8})  # fmt: skip


@blind("ConfigMap kube-system/coredns|Deployment kube-system/coredns", "corefile|coredns|dns")
def a_corefile_forwards_to_itself_in_a_loop() -> Case:
    made = Case().node("n1").node("n2").add("Namespace", "shop").add("Namespace", "kube-system")
    assert isinstance(made, Case)
    made.add("ConfigMap", "coredns", "kube-system", data={"Corefile": ".:53 {\n    errors\n    health\n    loop\n    kubernetes cluster.local in-addr.arpa ip6.arpa\n    forward . /etc/resolv.conf\n    cache 30\n}\n"})  # fmt: skip
    put(made, "coredns", ns="kube-system", replicas=2, labels={"k8s-app": "kube-dns"}, states="crash:1", containers={"coredns": {"args": ["-conf", "/etc/coredns/Corefile"], "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns"}]}}, spec={"volumes": [{"name": "config-volume", "configMap": {"name": "coredns"}}]},
        logs='[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :53) detected for zone ".", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."\n')  # fmt: skip
    svc(made, "kube-dns", 53, ns="kube-system", selector={"k8s-app": "kube-dns"}, ip="10.96.0.10")
    for name in ("orders", "billing", "search"):
        app(made, name, states="crash:1", logs=f"lookup {name}-db on 10.96.0.10:53: read udp 10.244.1.20:51833->10.96.0.10:53: read: connection refused\n")  # fmt: skip
    return made


@blind("ConfigMap shop/edge-conf|Deployment shop/edge", "8081|port|orders")
def nginx_passes_to_a_port_the_service_does_not_have() -> Case:
    made = app(world(), "orders")
    text = "events {}\nhttp {\n  server {\n    listen 8080;\n    location /orders/ {\n      proxy_pass http://orders.shop.svc.cluster.local:8081/;\n    }\n    location /healthz { return 200; }\n  }\n}\n"
    return held(made, "edge", "nginx.conf", text, mount="/etc/nginx", port=8080, logs='2026/03/01 11:59:44 [error] 30#30: *771 upstream timed out (110: Operation timed out) while connecting to upstream, client: 10.244.2.1, server: , request: "GET /orders/ HTTP/1.1", upstream: "http://10.96.7.9:8081/", host: "edge"\n' * 9)  # fmt: skip


@blind("ConfigMap shop/lb-conf|Deployment shop/lb", "cart-svc|resolve|service|exist")
def haproxy_does_not_start_for_a_backend_it_cannot_resolve() -> Case:
    made = app(world(), "cart")
    text = "defaults\n  mode http\n  timeout connect 5s\nfrontend fe\n  bind :8080\n  default_backend carts\nbackend carts\n  server cart1 cart-svc:80 check\n"
    return held(made, "lb", "haproxy.cfg", text, mount="/usr/local/etc/haproxy", port=8080, states="crash:1", logs="[NOTICE]   (1) : haproxy version is 2.9.6-9eafce5\n[ALERT]    (1) : config : [/usr/local/etc/haproxy/haproxy.cfg:8] : 'server carts/cart1' : could not resolve address 'cart-svc'.\n[ALERT]    (1) : config : Failed to initialize server(s) addr.\n")  # fmt: skip


@blind("ConfigMap shop/proxy-conf|Deployment shop/proxy", "recs|cluster")
def envoy_refuses_a_route_to_a_cluster_it_does_not_know() -> Case:
    text = "static_resources:\n  listeners:\n  - address: {socket_address: {address: 0.0.0.0, port_value: 10000}}\n    filter_chains:\n    - filters:\n      - name: envoy.filters.network.http_connection_manager\n        typed_config:\n          route_config:\n            virtual_hosts:\n            - name: all\n              domains: ['*']\n              routes:\n              - match: {prefix: /recs}\n                route: {cluster: recs}\n  clusters:\n  - name: recommendations\n    type: STRICT_DNS\n    load_assignment:\n      cluster_name: recommendations\n      endpoints:\n      - lb_endpoints:\n        - endpoint: {address: {socket_address: {address: recommendations, port_value: 80}}}\n"  # fmt: skip
    return held(app(world(), "recommendations"), "proxy", "envoy.yaml", text, mount="/etc/envoy", port=10000, states="crash:1", logs="[2026-03-01 11:59:10.551][1][critical][main] [source/server/server.cc:414] error `route: unknown cluster 'recs'` initializing config '  /etc/envoy/envoy.yaml'\n[2026-03-01 11:59:10.551][1][info][main] [source/server/server.cc:1022] exiting\n")  # fmt: skip


@blind("ConfigMap shop/traefik-conf|Deployment shop/traefik", "9090|port|stats")
def traefiks_file_provider_holds_an_old_port() -> Case:
    text = "http:\n  routers:\n    stats:\n      rule: PathPrefix(`/stats`)\n      service: stats\n  services:\n    stats:\n      loadBalancer:\n        servers:\n        - url: http://stats.shop.svc:9090\n"
    return held(app(world(), "stats"), "traefik", "dynamic.yml", text, mount="/etc/traefik", port=8000, logs='time="2026-03-01T11:59:20Z" level=debug msg="\'502 Bad Gateway\' caused by: dial tcp 10.96.7.9:9090: connect: connection refused"\n' * 11)  # fmt: skip


@calm
def a_mesh_that_works() -> Case:
    made = app(mesh(), "reviews", 9080, labels={"version": "v2"})
    made.add("DestinationRule", "reviews", "shop", api=ISTIO, spec={"host": "reviews", "subsets": [{"name": "v2", "labels": {"version": "v2"}}, {"name": "v1", "labels": {"version": "v1"}}]})  # fmt: skip
    made.add("PeerAuthentication", "default", "shop", api="security.istio.io/v1", spec={"mtls": {"mode": "STRICT"}})
    made.add("AuthorizationPolicy", "anyone", "shop", api="security.istio.io/v1", spec={"rules": [{}]})
    return virtual(made, "reviews", "v2")


@calm
def routes_that_were_accepted() -> Case:
    made = gateway(app(world(), "web"), HTTP)
    made.add("ReferenceGrant", "web", "billing", api="gateway.networking.k8s.io/v1beta1", spec={"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "shop"}], "to": [{"group": "", "kind": "Service"}]})  # fmt: skip
    route(made, "web", OK, RESOLVED)
    route(made, "bill", OK, RESOLVED, backend={"name": "invoices", "namespace": "billing"})
    made.add("Secret", "shop-tls", "shop", type="kubernetes.io/tls", detail=Detail.FULL, data={"tls.crt": "", "tls.key": ""})  # fmt: skip
    made = ingress_nginx(made)
    made.add("IngressClass", "traefik", api=NETWORKING, metadata={"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}, spec={"controller": "traefik.io/ingress-controller"})  # fmt: skip
    return ingress(made, "web", "web", tls=[{"hosts": ["shop.example.org"], "secretName": "shop-tls"}])
