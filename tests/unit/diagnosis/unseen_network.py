"""Described failures of routing: Services, policies, name resolution, Ingresses, Gateways, certificates, proxies."""

from __future__ import annotations

from typing import Any

from copilot.model import Detail
from tests.unit.diagnosis.unseen import Case, ago, base, env, put, quiet, situation, svc

Body = dict[str, Any]
_HTTP = {"main": {"ports": [{"name": "http", "containerPort": 8080}]}}
# A self-signed certificate that ended in 2025, made for these tests.
_EXPIRED = ""


def policy(made: Case, name: str, ns: str = "shop", **spec: Any) -> Case:
    return made.add("NetworkPolicy", name, ns, api="networking.k8s.io/v1", spec=spec)


def shop(made: Case | None = None) -> Case:
    """web calls api, api calls db; everything is well."""
    made = made or base()
    svc(put(made, "db", kind="StatefulSet", containers={"main": {"ports": [{"containerPort": 5432}]}}), "db", 5432)
    svc(put(made, "api", containers={"main": {"ports": [{"name": "http", "containerPort": 8080}], "env": env(DB_HOST="db", DB_PORT="5432")}}), "api", 80, "http")  # fmt: skip
    return made


@situation("Service shop/web", "selector|label", "svc.no_endpoints.selector")
def selector_has_an_extra_label() -> Case:
    made = put(base(), "web", labels={"tier": "front"}, containers=_HTTP)
    return svc(made, "web", 80, "http", selector={"app": "web", "tier": "frontend"})


@situation("Service shop/web", "8000|targetport|target", "svc.targetport")
def numeric_target_port_wrong_and_a_client_is_refused() -> Case:
    made = svc(put(base(), "web", containers=_HTTP, logs="listening on 0.0.0.0:8080\n"), "web", 80, 8000)
    return put(made, "front", containers={"main": {"env": env(WEB_URL="http://web")}}, states="crash:1", logs='Get "http://web": dial tcp 10.96.7.7:80: connect: connection refused\n')  # fmt: skip


@situation("Service shop/statsd", "udp|tcp|protocol", "svc.")
def service_protocol_differs_from_the_ports() -> Case:
    made = put(base(), "statsd", containers={"main": {"ports": [{"containerPort": 8125, "protocol": "UDP"}]}})
    return svc(made, "statsd", 8125)


@situation("Service shop/web|Deployment shop/mixed", "selector|also|wrong pods|other|port", "svc.")
def selector_also_takes_pods_of_another_workload() -> Case:
    made = put(base(), "web", labels={"part": "shop"}, containers=_HTTP)
    put(made, "mixed", labels={"part": "shop"}, containers={"main": {"ports": [{"containerPort": 9000}]}})
    made.probes.append(_probe("web", 80, "refused"))
    return svc(made, "web", 80, 8080, selector={"part": "shop"})


def _probe(host: str, port: int | None, outcome: str, origin: str = "shop/tester") -> Any:
    from copilot.model import Probe

    return Probe(
        origin=origin, host=host, port=port, outcome=outcome, text=f"{host}:{port}: {outcome}", source="paste:1"
    )


@situation("Service shop/legacy", "externalname|resolve|legacy-db.internal|external", "svc.|dns.|app.")
def external_name_leads_nowhere() -> Case:
    made = base().add(
        "Service", "legacy", "shop", spec={"type": "ExternalName", "externalName": "legacy-db.shop.svc.cluster.local"}
    )
    return put(made, "api", containers={"main": {"env": env(DB_HOST="legacy")}}, states="crash:1", logs='could not translate host name "legacy" to address: Name or service not known\n')  # fmt: skip


@situation("Deployment shop/api", "scaled|replicas|zero", "deploy.scaled_to_zero")
def callee_scaled_to_zero_and_ingress_in_front() -> Case:
    made = svc(put(base(), "api", replicas=0, containers=_HTTP), "api", 80, "http")
    return made.add("Ingress", "shop", "shop", api="networking.k8s.io/v1", spec={"rules": [{"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "api", "port": {"number": 80}}}}]}}]})  # fmt: skip


def _ingress(made: Case, name: str = "shop", *, service: str = "api", port: Body | None = None, **spec: Any) -> Case:
    path = {
        "path": "/",
        "pathType": "Prefix",
        "backend": {"service": {"name": service, "port": port or {"number": 80}}},
    }
    return made.add("Ingress", name, "shop", api="networking.k8s.io/v1", spec={"rules": [{"host": "shop.example", "http": {"paths": [path]}}], **spec})  # fmt: skip


@situation("Ingress shop/shop", "8080|port", "ingress.backend")
def ingress_names_the_container_port() -> Case:
    return _ingress(shop(), port={"number": 8080})


@situation("Ingress shop/shop", "class", "ingress.class")
def ingress_class_does_not_exist() -> Case:
    made = shop().add("IngressClass", "nginx", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})
    return _ingress(made, ingressClassName="ngnix")


@situation("Ingress shop/shop|Secret shop/shop-tls", "tls|secret", "ingress.tls")
def ingress_tls_secret_missing() -> Case:
    made = shop().add("IngressClass", "nginx", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})
    return _ingress(made, ingressClassName="nginx", tls=[{"hosts": ["shop.example"], "secretName": "shop-tls"}])


@situation("Ingress shop/b|Ingress shop/a", "host|path|same", "ingress.")
def two_ingresses_claim_the_same_host_and_path() -> Case:
    made = shop()
    made.add("IngressClass", "nginx", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})
    _ingress(made, "a", ingressClassName="nginx")
    _ingress(svc(put(made, "old"), "old", 80), "b", service="old", ingressClassName="nginx")
    made.bodies[-1][0]["metadata"]["creationTimestamp"] = ago(60)
    return made.event("Ingress", "b", "shop", "Rejected", 'All hosts are taken by other resources: host "shop.example" and path "/" is already defined in ingress shop/a')  # fmt: skip


_TIMEOUT = 'level=error msg="db ping" err="dial tcp 10.96.7.7:5432: connect: connection timed out"\n'


def _blocked(log: str = _TIMEOUT) -> Case:
    made = base()
    svc(
        put(
            made,
            "db",
            kind="StatefulSet",
            labels={"role": "db"},
            containers={"main": {"ports": [{"containerPort": 5432}]}},
        ),
        "db",
        5432,
    )
    return put(made, "api", labels={"role": "api"}, containers={"main": {"env": env(DB_HOST="db", DB_PORT="5432")}}, states="crash:1", logs=log)  # fmt: skip


@situation("NetworkPolicy shop/db-only-web", "policy|block|deny|allow", "netpol.")
def ingress_policy_allows_another_role() -> Case:
    return policy(_blocked(), "db-only-web", podSelector={"matchLabels": {"role": "db"}}, policyTypes=["Ingress"],
                  ingress=[{"from": [{"podSelector": {"matchLabels": {"role": "web"}}}], "ports": [{"port": 5432}]}])  # fmt: skip


@situation("NetworkPolicy shop/db-port", "policy|block|deny|allow|port", "netpol.")
def ingress_policy_allows_another_port_range() -> Case:
    return policy(_blocked(), "db-port", podSelector={"matchLabels": {"role": "db"}},
                  ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 5433, "endPort": 5440}]}])  # fmt: skip


@situation("NetworkPolicy shop/deny-all", "policy|block|deny", "netpol.")
def default_deny_egress() -> Case:
    made = policy(_blocked(), "deny-all", podSelector={}, policyTypes=["Egress"])
    return policy(
        made, "dns", podSelector={}, policyTypes=["Egress"], egress=[{"ports": [{"port": 53, "protocol": "UDP"}]}]
    )


@situation("NetworkPolicy shop/cidr", "policy|block|deny|except", "netpol.")
def egress_ip_block_excepts_the_cluster() -> Case:
    return policy(_blocked(), "cidr", podSelector={"matchExpressions": [{"key": "role", "operator": "In", "values": ["api", "web"]}]}, policyTypes=["Egress"],
                  egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}])  # fmt: skip


@situation("NetworkPolicy data/same-ns", "policy|block|namespace|deny", "netpol.")
def policy_of_the_target_namespace_lets_only_itself_in() -> Case:
    made = base().add("Namespace", "data", labels={"kubernetes.io/metadata.name": "data"})
    svc(
        put(made, "db", ns="data", kind="StatefulSet", containers={"main": {"ports": [{"containerPort": 5432}]}}),
        "db",
        5432,
        ns="data",
    )
    put(made, "api", containers={"main": {"env": env(DATABASE_URL="postgres://u@db.data.svc:5432/x")}}, states="crash:1", logs=_TIMEOUT)  # fmt: skip
    return policy(
        made, "same-ns", "data", podSelector={}, policyTypes=["Ingress"], ingress=[{"from": [{"podSelector": {}}]}]
    )


@situation("NetworkPolicy shop/lock", "policy|dns|53|block", "netpol.|dns.")
def egress_policy_forgets_dns() -> Case:
    made = _blocked('could not translate host name "db" to address: Temporary failure in name resolution\n')
    return policy(made, "lock", podSelector={"matchLabels": {"role": "api"}}, policyTypes=["Egress"],
                  egress=[{"to": [{"podSelector": {"matchLabels": {"role": "db"}}}], "ports": [{"port": 5432}]}])  # fmt: skip


@situation("NetworkPolicy shop/web-in", "policy|block|deny", "netpol.")
def policy_blocks_and_only_a_probe_of_a_person_shows_it() -> Case:
    made = shop()
    put(made, "tester", kind="Pod")
    made.probes.append(_probe("api", 80, "timeout", "shop/tester"))
    return policy(made, "web-in", podSelector={"matchLabels": {"app": "api"}}, ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}])  # fmt: skip


@situation(
    "Deployment kube-system/coredns|ConfigMap kube-system/coredns", "coredns|dns|corefile|plugin", "app.|dns.|pod."
)
def coredns_corefile_broken_and_apps_cannot_resolve() -> Case:
    made = Case()
    made.node("n1").add("Namespace", "shop").add(
        "ConfigMap", "coredns", "kube-system", data={"Corefile": ".:53 {\n  kubernetess cluster.local\n}\n"}
    )
    spec = {"volumes": [{"name": "config-volume", "configMap": {"name": "coredns"}}]}
    put(made, "coredns", ns="kube-system", labels={"k8s-app": "kube-dns"}, replicas=2, states="crash:1", spec=spec,
        containers={"coredns": {"args": ["-conf", "/etc/coredns/Corefile"], "volumeMounts": [{"name": "config-volume", "mountPath": "/etc/coredns"}]}},
        logs="/etc/coredns/Corefile:2 - Error during parsing: Unknown directive 'kubernetess'\n")  # fmt: skip
    svc(made, "kube-dns", 53, ns="kube-system", selector={"k8s-app": "kube-dns"})
    svc(put(made, "db"), "db", 5432)
    for name in ("api", "web"):
        put(made, name, containers={"main": {"env": env(DB_HOST="db")}}, states="crash:1", logs="dial tcp: lookup db on 10.96.0.10:53: read udp 10.244.1.20:40001->10.96.0.10:53: i/o timeout\n")  # fmt: skip
    return made


@situation("Deployment kube-system/coredns", "scaled|zero|replicas", "deploy.scaled_to_zero|dns.")
def coredns_scaled_to_zero() -> Case:
    made = Case()
    made.node("n1").add("Namespace", "shop")
    put(made, "coredns", ns="kube-system", labels={"k8s-app": "kube-dns"}, replicas=0)
    svc(made, "kube-dns", 53, ns="kube-system", selector={"k8s-app": "kube-dns"})
    svc(put(made, "db"), "db", 5432)
    return put(
        made,
        "api",
        containers={"main": {"env": env(DB_HOST="db")}},
        states="crash:1",
        logs="getaddrinfo EAI_AGAIN db\n",
    )


@situation("Deployment shop/api", "dnspolicy|dns policy|dns", "dns.|app.dependency")
def pod_dns_policy_default_cannot_resolve_services() -> Case:
    made = svc(put(base(), "db"), "db", 5432)
    return put(made, "api", spec={"dnsPolicy": "Default"}, containers={"main": {"env": env(DB_HOST="db")}}, states="crash:1", logs="dial tcp: lookup db on 169.254.169.253:53: no such host\n")  # fmt: skip


def _proxy(
    conf: str, *, log: str, state: str = "ok", key: str = "default.conf", mount: str = "/etc/nginx/conf.d"
) -> Case:
    made = shop().add("ConfigMap", "gateway-conf", "shop", data={key: conf})
    main = {"volumeMounts": [{"name": "conf", "mountPath": mount}], "ports": [{"containerPort": 80}]}
    put(made, "gateway", containers={"nginx": main}, states=state, logs=log, spec={"volumes": [{"name": "conf", "configMap": {"name": "gateway-conf"}}]})  # fmt: skip
    return svc(made, "gateway", 80)


@situation("ConfigMap shop/gateway-conf", "8088|port|api", "configuration.|app.")
def proxy_routes_to_a_port_nobody_serves() -> Case:
    conf = "upstream api { server api:8088; }\nserver { listen 80; location / { proxy_pass http://api; } }\n"
    log = (
        '2026/03/01 11:59:01 [error] 29#29: *1 connect() failed (111: Connection refused) while connecting to upstream, client: 10.244.1.9, server: , request: "GET / HTTP/1.1", upstream: "http://10.96.7.8:8088/", host: "shop"\n'
        * 12
    )
    return _proxy(conf, log=log)


@situation("ConfigMap shop/gateway-conf", "apii|resolve|service|exist", "configuration.|app.")
def proxy_with_resolver_names_a_missing_service() -> Case:
    conf = "server { listen 80; resolver 10.96.0.10; set $u http://apii.shop.svc.cluster.local; location / { proxy_pass $u; } }\n"
    log = (
        '2026/03/01 11:59:01 [error] 29#29: *1 apii.shop.svc.cluster.local could not be resolved (3: Host not found), client: 10.244.1.9, server: , request: "GET / HTTP/1.1", host: "shop"\n'
        * 12
    )
    return _proxy(conf, log=log)


@situation("ConfigMap shop/gateway-conf", "catalog|service|exist|route|port", "configuration.")
def envoy_cluster_names_a_missing_service_silently() -> Case:
    conf = """static_resources:
  clusters:
  - name: catalog
    type: STRICT_DNS
    load_assignment:
      cluster_name: catalog
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: { address: catalogue.shop.svc.cluster.local, port_value: 80 }
"""
    log = (
        '[2026-03-01T11:59:01.101Z] "GET /catalog HTTP/1.1" 503 UH no_healthy_upstream - 0 19 0 - "-" "curl" "-" "shop" "-"\n'
        * 12
    )
    return _proxy(conf, log=log, key="envoy.yaml", mount="/etc/envoy")


@quiet
def a_proxy_configuration_that_is_right() -> Case:
    conf = "upstream api { server api:80; }\nserver { listen 80; location / { proxy_pass http://api; } location /ext { proxy_pass https://example.com; } }\n"
    return _proxy(conf, log="")


@quiet
def policies_that_let_the_traffic_pass() -> Case:
    made = shop()
    policy(made, "default-deny", podSelector={}, policyTypes=["Ingress", "Egress"])
    policy(
        made,
        "dns",
        podSelector={},
        policyTypes=["Egress"],
        egress=[{"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}],
    )
    policy(
        made,
        "api-db",
        podSelector={"matchLabels": {"app": "api"}},
        policyTypes=["Egress"],
        egress=[{"to": [{"podSelector": {"matchLabels": {"app": "db"}}}], "ports": [{"port": 5432}]}],
    )
    return policy(
        made,
        "db",
        podSelector={"matchLabels": {"app": "db"}},
        ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}]}],
    )


@quiet
def a_policy_that_blocks_a_pair_nobody_complains_of() -> Case:
    return policy(shop(), "deny", podSelector={"matchLabels": {"app": "db"}}, policyTypes=["Ingress"])


@quiet
def a_soundshop() -> Case:
    made = shop().add("IngressClass", "nginx", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})
    made.add("Secret", "shop-tls", "shop", type="kubernetes.io/tls", dataKeys=["tls.crt", "tls.key"])
    made.add(
        "Service",
        "db-headless",
        "shop",
        spec={"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 5432}]},
    )
    made.add("Service", "mail", "shop", spec={"type": "ExternalName", "externalName": "smtp.example.com"})
    return _ingress(made, ingressClassName="nginx", tls=[{"secretName": "shop-tls"}])


@situation("Deployment shop/web", "env|api-v2|address|resolve|service|host", "configuration.|app.")
def ready_app_keeps_failing_on_a_wrong_address() -> Case:
    log = (
        '{"level":"error","ts":1772366341.1,"msg":"call failed","url":"http://api-v2/items","error":"Get \\"http://api-v2/items\\": dial tcp: lookup api-v2 on 10.96.0.10:53: no such host"}\n'
        * 40
    )
    return put(shop(), "web", containers={"main": {"env": env(API_URL="http://api-v2")}}, logs=log)


@situation("Service shop/web|Deployment shop/web", "8080|listen|port", "svc.")
def service_leads_to_declared_port_but_the_program_listens_elsewhere() -> Case:
    made = put(
        base(),
        "web",
        containers={"main": {"ports": [{"containerPort": 80}]}},
        logs="INFO Server listening on 0.0.0.0:3000\n",
    )
    svc(made, "web", 80, 80)
    return put(made, "front", containers={"main": {"env": env(WEB_URL="http://web")}}, states="crash:1", logs='Get "http://web": dial tcp 10.96.7.7:80: connect: connection refused\n')  # fmt: skip


@quiet
def services_kept_for_later() -> Case:
    made = shop()
    svc(made, "someday", 80, selector={"app": "someday"})
    return made.add("Service", "row", "shop", detail=Detail.ROW, spec={"ports": [{"port": 80}]})
