"""May A reach B: the ends a person names, the Service between, what decides, what would help, and what cannot be told."""

from __future__ import annotations

from typing import Any

import pytest

from copilot.diagnosis.reach import Reachability, State, reach, read_wanted
from copilot.diagnosis.reach.answer import Verdict
from copilot.model import Detail, UsageError
from tests.unit.diagnosis.cluster import Cluster, condition

Json = dict[str, Any]
NET = "networking.k8s.io/v1"


def pod(cluster: Cluster, name: str, namespace: str, *, ip: str, ready: bool = True, **spec: Any) -> Cluster:
    ports = spec.pop("ports", [{"containerPort": 5432, "name": "pg"}])
    labels = spec.pop("labels", {"app": name.rpartition("-")[0]})
    return cluster.add("Pod", name, namespace, labels=labels,
                       spec={"nodeName": "n1", "containers": [{"name": "main", "image": "a:1", "ports": ports}], **spec},
                       status={"phase": "Running", "podIP": ip, "conditions": [condition("Ready", "True" if ready else "False")]})  # fmt: skip


def shop(**more: Any) -> Cluster:
    """Pods web, db and job of namespace shop, api of namespace pay; nothing is restricted."""
    cluster = (
        Cluster(**more).node("n1").node("n2").add("Namespace", "shop", labels={"team": "a"}).add("Namespace", "pay")
    )
    for i, (name, namespace) in enumerate((("web-0", "shop"), ("db-0", "shop"), ("job-0", "shop"), ("api-0", "pay"))):
        pod(cluster, name, namespace, ip=f"10.0.0.{i + 1}")
    cluster.add("Service", "db", "shop", spec={"clusterIP": "10.96.0.9", "selector": {"app": "db"}, "ports": [{"name": "sql", "port": 80, "targetPort": "pg"}]})  # fmt: skip
    return cluster


def policy(cluster: Cluster, name: str, namespace: str = "shop", app: str | None = "db", **spec: Any) -> Cluster:
    selector = {"matchLabels": {"app": app}} if app else {}
    return cluster.add("NetworkPolicy", name, namespace, api=NET, spec={"podSelector": selector, **spec})


def ask(cluster: Cluster, source: str, target: str, namespace: str | None = None) -> Reachability:
    return reach(cluster.view(), source, target, namespace)


def lines(found: Reachability) -> str:
    parts = [line for group in found.groups for line in (*group.why, *group.missing, group.change)]
    return "\n".join([*parts, *found.notes, *found.not_evaluated, found.enforcement.words])


FROM_WEB = [{"podSelector": {"matchLabels": {"app": "web"}}}]


def guarded() -> Cluster:
    return policy(shop(), "db-in", ingress=[{"from": FROM_WEB, "ports": [{"port": 5432}]}])


@pytest.mark.parametrize(
    ("source", "target", "verdict"),
    [
        ("shop/web-0", "shop/db-0:5432", Verdict.ALLOWED),
        ("pod/web-0", "svc/db:80", Verdict.ALLOWED),
        ("shop/pod/web-0", "shop/svc/db:sql", Verdict.ALLOWED),
        ("web-0", "db.shop.svc.cluster.local:80", Verdict.ALLOWED),
        ("web-0", "10.96.0.9:80/TCP", Verdict.ALLOWED),
        ("web-0", "10.0.0.2:5432", Verdict.ALLOWED),
        ("10.0.0.1", "10.0.0.2:5432", Verdict.ALLOWED),
        ("web-0", "db-0:8080", Verdict.REFUSED),
        ("web-0", "db-0:5432/udp", Verdict.REFUSED),
        ("web-0", "svc/db:5432", Verdict.REFUSED),  # the Service has no such port
        ("job-0", "svc/db", Verdict.REFUSED),
        ("pay/api-0", "shop/db-0:5432", Verdict.REFUSED),
        ("namespace/shop", "shop/db-0:5432", Verdict.PARTLY),
        ("node/n1", "shop/db-0:5432", Verdict.ALLOWED),  # a node always reaches its own pods
        ("node/n2", "shop/db-0:5432", Verdict.REFUSED),
        ("db-0", "web-0", Verdict.ALLOWED),
        ("db-0", "8.8.8.8:53/udp", Verdict.ALLOWED),
        ("db-0", "api.example.com:443", Verdict.ALLOWED),
        ("internet", "shop/db-0:5432", Verdict.REFUSED),
    ],
)
def test_the_ends_are_those_a_person_names(source: str, target: str, verdict: Verdict) -> None:
    found = ask(guarded(), source, target)
    assert found.verdict is verdict, lines(found)


@pytest.mark.parametrize(
    ("words", "error"),
    [("nobody", "nobody"), ("shop/nobody", "nobody"), ("configmap/x", "configmap"), ("node/x:99999", "no port"), (":80", "nothing to reach")],
)  # fmt: skip
def test_an_end_that_is_not_there_is_an_error(words: str, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        ask(shop(), "web-0", words)


@pytest.mark.parametrize(
    ("words", "end", "port", "name", "protocol"),
    [
        ("svc/web:80/UDP", "svc/web", 80, "", "UDP"),
        ("web:http", "web", 0, "http", ""),
        ("10.0.0.0/8:443/tcp", "10.0.0.0/8", 443, "", "TCP"),
        ("10.0.0.0/8", "10.0.0.0/8", 0, "", ""),
        ("2001:db8::1", "2001:db8::1", 0, "", ""),
        ("[2001:db8::1]:443", "2001:db8::1", 443, "", ""),
        ("deploy/udp", "deploy/udp", 0, "", ""),
        ("shop/deploy/x/sctp", "shop/deploy/x", 0, "", "SCTP"),
    ],
)
def test_the_target_is_split_into_end_port_and_protocol(
    words: str, end: str, port: int, name: str, protocol: str
) -> None:
    found = read_wanted(words)
    assert (found.end, found.port, found.port_name, found.protocol) == (end, port, name, protocol)


def test_the_deciding_rule_is_named() -> None:
    found = ask(guarded(), "web-0", "db-0:5432")
    assert [(one.policy.ref.name, one.place) for group in found.groups for one in group.deciders] == [("db-in", "spec.ingress[0]")]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ({"from": FROM_WEB, "ports": [{"port": 9999}]}, "add TCP 5432 to spec.ingress[0].ports of NetworkPolicy shop/p"),
        ({"from": [{"podSelector": {"matchLabels": {"role": "client"}}}]}, "label the pods role=client"),
        ({"from": [{"namespaceSelector": {"matchLabels": {"team": "b"}}}]}, "label namespace shop team=b"),
        ({"from": [{"podSelector": {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["x", "y"]}]}}]}, "label the pods tier=x"),
    ],
)  # fmt: skip
def test_the_nearest_change_is_the_smallest(rule: Json, change: str) -> None:
    cluster = policy(policy(shop(), "deny-all", app=None), "p", ingress=[rule])
    found = ask(cluster, "web-0", "db-0:5432")
    assert found.verdict is Verdict.REFUSED
    assert change in found.groups[0].change


def test_a_default_deny_asks_for_a_rule_of_exactly_this_connection() -> None:
    found = ask(policy(shop(), "deny-all", app=None), "pay/api-0", "shop/db-0:5432")
    assert "a rule from pods app=api of namespace pay on TCP 5432" in found.groups[0].change


def test_a_peer_without_namespace_selector_is_said_to_mean_its_own_namespace() -> None:
    cluster = policy(shop(), "p", ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}]}])
    assert "means pods of namespace shop, and Pod pay/api-0 is in pay" in lines(
        ask(cluster, "pay/api-0", "shop/db-0:5432")
    )


def test_both_directions_must_allow() -> None:
    cluster = policy(
        guarded(), "web-out", app="web", policyTypes=["Egress"], egress=[{"to": [], "ports": [{"port": 53}]}]
    )
    found = ask(cluster, "web-0", "db-0:5432")
    assert found.verdict is Verdict.REFUSED
    assert found.groups[0].why[0].startswith("egress")


def test_a_service_without_ready_pods_is_told_apart_from_a_policy() -> None:
    cluster = Cluster().node("n1").add("Namespace", "shop")
    pod(cluster, "web-0", "shop", ip="10.0.0.1")
    pod(cluster, "db-0", "shop", ip="10.0.0.2", ready=False)
    cluster.add("Service", "db", "shop", spec={"selector": {"app": "db"}, "ports": [{"port": 80}]})
    cluster.add("Service", "lost", "shop", spec={"selector": {"app": "dbx"}, "ports": [{"port": 80}]})
    assert "none of the 1 pod it selects (app=db) is ready" in lines(ask(cluster, "web-0", "svc/db"))
    assert "matches no pod" in lines(ask(cluster, "web-0", "svc/lost"))
    assert "has app=" in lines(ask(cluster, "web-0", "svc/lost"))


def test_a_target_port_name_that_no_pod_has_refuses() -> None:
    cluster = shop()
    cluster.add(
        "Service", "bad", "shop", spec={"selector": {"app": "db"}, "ports": [{"port": 80, "targetPort": "pgg"}]}
    )
    found = ask(cluster, "web-0", "svc/bad:80")
    assert found.verdict is Verdict.REFUSED
    assert "set targetPort of Service shop/bad to pg" in found.groups[0].change


def test_an_external_name_leads_on() -> None:
    cluster = shop()
    cluster.add("Service", "alias", "shop", spec={"type": "ExternalName", "externalName": "db.shop.svc.cluster.local"})
    cluster.add("Service", "far", "shop", spec={"type": "ExternalName", "externalName": "db.example.com"})
    assert ask(cluster, "web-0", "svc/alias:80").groups[0].targets == ("Pod shop/db-0",)
    assert "outside this cluster" in lines(ask(cluster, "web-0", "svc/far:80"))


def test_a_service_without_selector_leads_to_its_endpoints() -> None:
    cluster = shop()
    cluster.add("Service", "ext", "shop", spec={"ports": [{"port": 80}]})
    cluster.add("EndpointSlice", "ext-1", "shop", api="discovery.k8s.io/v1", labels={"kubernetes.io/service-name": "ext"},
                ports=[{"port": 9000}], endpoints=[{"addresses": ["192.0.2.8"]}])  # fmt: skip
    cluster = policy(
        cluster, "out", app="web", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]
    )
    found = ask(cluster, "web-0", "svc/ext:80")
    assert found.verdict is Verdict.ALLOWED
    assert found.groups[0].port == 9000


def test_a_block_is_cut_where_rules_differ() -> None:
    rules = [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.9.0.0/16"]}}], "ports": [{"port": 443}]}]
    cluster = policy(shop(), "out", app="web", policyTypes=["Egress"], egress=rules)
    found = ask(cluster, "web-0", "10.8.0.0/15:443")
    assert found.verdict is Verdict.PARTLY
    assert {group.state: group.targets for group in found.groups} == {
        State.ALLOWED: ("10.8.0.0/16",),
        State.REFUSED: ("10.9.0.0/16",),
    }
    assert ask(cluster, "web-0", "10.1.0.0/16:443").verdict is Verdict.ALLOWED
    assert ask(cluster, "web-0", "internet:443").verdict is Verdict.REFUSED


def test_from_the_internet_something_must_lead_in() -> None:
    cluster = shop()
    assert ask(cluster, "internet", "svc/db").verdict is Verdict.UNKNOWN
    cluster.add("Service", "door", "shop", spec={"type": "LoadBalancer", "selector": {"app": "db"}, "ports": [{"port": 80, "targetPort": 5432}]})  # fmt: skip
    assert ask(cluster, "internet", "svc/door").verdict is Verdict.ALLOWED
    policy(cluster, "in", ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])
    found = ask(cluster, "internet", "svc/door")
    assert found.verdict is Verdict.UNKNOWN
    assert "externalTrafficPolicy" in lines(found)


def test_unread_policies_make_the_answer_uncertain_and_say_what_was_seen() -> None:
    found = ask(policy(shop(unread=["NetworkPolicy"]), "deny", app=None), "web-0", "db-0:5432")
    assert found.verdict is Verdict.UNKNOWN
    assert found.groups[0].as_read is State.REFUSED
    allowed = policy(shop(unread=["NetworkPolicy"]), "in", ingress=[{"from": FROM_WEB}])
    policy(allowed, "out", app="web", policyTypes=["Egress"], egress=[{}])
    assert (
        ask(allowed, "web-0", "db-0:5432").verdict is Verdict.ALLOWED
    )  # what one policy lets through, none takes away


def test_an_unread_namespace_may_have_the_label() -> None:
    cluster = Cluster(unread=["Namespace"])
    pod(cluster, "api-0", "pay", ip="10.0.0.1")
    pod(cluster, "db-0", "shop", ip="10.0.0.2")
    policy(cluster, "in", ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "pay"}}}]}])
    assert ask(cluster, "api-0", "db-0:5432").verdict is Verdict.UNKNOWN


def test_a_row_of_a_table_shows_no_labels_and_no_rules() -> None:
    cluster = shop().add("NetworkPolicy", "p", "shop", api=NET, detail=Detail.ROW, spec={"podSelector": {"matchLabels": {"app": "db"}}})  # fmt: skip
    assert ask(cluster, "web-0", "db-0:5432").verdict is Verdict.UNKNOWN


ADMIN = "policy.networking.k8s.io/v1alpha1"
ALL: Json = {"namespaces": {}}


def admin(cluster: Cluster, name: str, priority: int, action: str, *, kind: str = "AdminNetworkPolicy") -> Cluster:
    return cluster.add(kind, name, api=ADMIN, spec={"subject": ALL, "priority": priority, "ingress": [{"name": f"r-{name}", "action": action, "from": [ALL]}]})  # fmt: skip


def test_admin_policies_decide_before_and_the_baseline_after() -> None:
    denied = admin(guarded(), "deny", 5, "Deny")
    assert ask(denied, "web-0", "db-0:5432").verdict is Verdict.REFUSED
    assert "r-deny" in lines(ask(denied, "web-0", "db-0:5432"))
    first = admin(denied, "pass", 1, "Pass")
    assert ask(first, "web-0", "db-0:5432").verdict is Verdict.ALLOWED
    assert ask(first, "job-0", "db-0:5432").verdict is Verdict.REFUSED
    baseline = admin(guarded(), "default", 0, "Deny", kind="BaselineAdminNetworkPolicy")
    assert ask(baseline, "web-0", "db-0:5432").verdict is Verdict.ALLOWED
    assert ask(baseline, "db-0", "web-0").verdict is Verdict.REFUSED


def test_admin_policies_of_one_priority_that_differ_decide_nothing() -> None:
    both = admin(admin(shop(), "deny", 5, "Deny"), "allow", 5, "Allow")
    assert ask(both, "web-0", "db-0:5432").verdict is Verdict.UNKNOWN


def test_policies_of_other_kinds_are_named_as_not_evaluated() -> None:
    cluster = shop().add("CiliumNetworkPolicy", "l7", "shop", api="cilium.io/v2", spec={})
    cluster.add("AuthorizationPolicy", "deny", "istio-system", api="security.istio.io/v1", spec={})
    found = ask(cluster, "web-0", "db-0:5432")
    assert len(found.not_evaluated) == 2
    assert "CiliumNetworkPolicy.cilium.io may decide otherwise: shop/l7" in found.not_evaluated[0]


@pytest.mark.parametrize(("agent", "enforced"), [("cilium", True), ("kube-flannel-ds", False), ("node-exporter", None)])
def test_who_enforces_policies_is_told_where_it_shows(agent: str, enforced: bool | None) -> None:
    cluster = shop().add("DaemonSet", agent, "kube-system", api="apps/v1", spec={"template": {"spec": {"containers": [{"name": "a", "image": f"x/{agent}:1"}]}}})  # fmt: skip
    assert ask(cluster, "web-0", "db-0:5432").enforcement.enforced is enforced


def test_a_caller_that_may_not_ask_dns_is_told_so() -> None:
    cluster = pod(guarded(), "dns-0", "kube-system", ip="10.0.0.9", ports=[{"containerPort": 53, "protocol": "UDP"}])
    cluster.add("Service", "kube-dns", "kube-system", spec={"selector": {"app": "dns"}, "ports": [{"port": 53, "protocol": "UDP"}]})  # fmt: skip
    policy(cluster, "out", app="web", policyTypes=["Egress"], egress=[{"ports": [{"port": 5432}]}])
    assert "cannot resolve names" in lines(ask(cluster, "web-0", "svc/db:80"))


def test_an_ingress_leads_to_its_controller_and_names_what_stands_behind() -> None:
    cluster = pod(shop(), "ctl-0", "edge", ip="10.0.0.8", ports=[{"containerPort": 8080}])
    address = {"loadBalancer": {"ingress": [{"ip": "198.51.100.4"}]}}
    cluster.add("Service", "ctl", "edge", spec={"type": "LoadBalancer", "selector": {"app": "ctl"}, "ports": [{"port": 80, "targetPort": 8080}]}, status=address)  # fmt: skip
    backend = {"service": {"name": "db", "port": {"number": 80}}}
    rules = [{"host": "shop.example.com", "http": {"paths": [{"path": "/", "backend": backend}]}}]
    cluster.add("Ingress", "front", "shop", api=NET, spec={"rules": rules}, status=address)
    found = ask(cluster, "internet", "shop.example.com")
    assert found.verdict is Verdict.ALLOWED
    assert "from the controller on it leads to Service shop/db:80" in lines(found)


@pytest.mark.parametrize(
    "spec",
    [
        {"podSelector": "x"},
        {"podSelector": {}, "ingress": "all"},
        {"podSelector": {}, "ingress": [7, {"from": [7, {}], "ports": [{"port": [1]}, "x"]}]},
        {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "nonsense", "except": [3]}}]}]},
        {"podSelector": {"matchExpressions": [{"key": 1}]}, "policyTypes": "Ingress"},
    ],
)
def test_garbage_in_a_policy_lets_nothing_through_and_breaks_nothing(spec: Json) -> None:
    cluster = shop().add("NetworkPolicy", "bad", "shop", api=NET, spec=spec)
    assert ask(cluster, "web-0", "db-0:5432").groups


def test_many_like_pods_are_one_group() -> None:
    cluster = guarded()
    for i in range(300):
        pod(cluster, f"web-{i + 1}", "shop", ip=f"10.1.{i // 200}.{i % 200 + 1}")
    cluster.add("Service", "web", "shop", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
    found = ask(cluster, "svc/web", "db-0:5432")
    assert len(found.groups) == 1
    assert len(found.groups[0].sources) == 301
