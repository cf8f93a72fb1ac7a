"""Gateway API: the reason of a parent's or listener's condition decides, and what it names is looked up."""

import pytest

from copilot.diagnosis.rules.custom import gateway as custom_gateway
from tests.unit.diagnosis.cluster import Cluster, condition, ref

RULES = custom_gateway.RULES
API = "gateway.networking.k8s.io/v1"


def route(kind, status, reason, *, backend="web"):
    spec = {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": backend, "port": 80}]}]}
    parents = [{"parentRef": {"name": "gw"}, "conditions": [condition(kind, status, reason, "as the reason says")]}]
    cluster = Cluster().add("Service", "web", "shop", spec={"ports": [{"port": 80}]})
    return cluster.add("HTTPRoute", "r", "shop", api=API, spec=spec, status={"parents": parents})


def test_a_backend_that_does_not_exist_offers_the_nearest():
    found = route("ResolvedRefs", "False", "BackendNotFound", backend="wbe").only(RULES)
    assert (found.cause, found.object) == ("gateway.backend_missing", ref("HTTPRoute", "shop/r"))
    assert "Service wbe does not exist" in found.title
    assert "there is web" in found.title


@pytest.mark.parametrize(
    ("kind", "reason", "cause"),
    [
        ("ResolvedRefs", "RefNotPermitted", "gateway.refnotpermitted"),
        ("Accepted", "NotAllowedByListeners", "gateway.notallowed"),
        ("Accepted", "NoMatchingListenerHostname", "gateway.notallowed"),
        ("Accepted", "NoMatchingParent", "gateway.notallowed"),
    ],
)
def test_each_reason_of_a_route_has_its_cause(kind, reason, cause):
    assert route(kind, "False", reason).only(RULES).cause == cause


def gateway(**status):
    spec = {"listeners": [{"name": "https", "tls": {"certificateRefs": [{"name": "crt"}]}}]}
    return Cluster().add("Secret", "cert", "shop").add("Gateway", "gw", "shop", api=API, spec=spec, status=status)


def test_a_gateway_that_is_not_programmed_is_reported():
    found = gateway(conditions=[condition("Programmed", "False", "AddressNotAssigned", "no address")]).only(RULES)
    assert found.cause == "gateway.not_programmed"


def test_a_listener_without_its_secret_names_it():
    listeners = [{"name": "https", "conditions": [condition("ResolvedRefs", "False", "InvalidCertificateRef", "x")]}]
    found = gateway(listeners=listeners).only(RULES)
    assert found.cause == "gateway.cert"
    assert "TLS Secret crt does not exist" in found.title


def test_accepted_routes_and_gateways_at_work_are_healthy():
    assert route("Accepted", "True", "Accepted").find(RULES) == []
    assert gateway(conditions=[condition("Programmed", "False", "Pending")]).find(RULES) == []
