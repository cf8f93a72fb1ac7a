"""API versions that are gone, defaults that are two, and certificates that webhooks show."""

from __future__ import annotations

import pytest

from copilot.diagnosis.rules.admission import api_versions, defaults
from copilot.diagnosis.rules.admission.api_versions import gone
from copilot.diagnosis.rules.admission.message import Denial, parse_refusal
from copilot.diagnosis.rules.admission.webhook import distrust
from copilot.model import Command, Series
from tests.unit.diagnosis.cluster import Cluster, ref
from tests.unit.diagnosis.unseen import Case

MARK = "storageclass.kubernetes.io/is-default-class"


@pytest.mark.parametrize(
    ("kind", "version", "since"),
    [
        ("PodDisruptionBudget", "policy/v1beta1", "1.25"),
        ("CronJob", "v1beta1", "1.25"),
        ("HorizontalPodAutoscaler", "autoscaling/v2beta2", "1.26"),
        ("PodDisruptionBudget", "policy/v1", ""),
        ("Widget", "example.com/v1beta1", ""),
        ("Ingress", "extensions/v1beta1", "1.22"),
    ],
)
def test_a_version_is_gone_only_when_a_release_removed_it(kind, version, since):
    known = gone(kind, version)
    assert (known.since if known else "") == since


def test_only_a_program_in_trouble_is_blamed_for_an_old_version():
    def program(waiting):
        cluster = Cluster().node("n1").pod("keeper", node="n1", waiting=waiting)
        return cluster.log("keeper", 'no matches for kind "CronJob" in version "batch/v1beta1"\n')

    assert program("CrashLoopBackOff").only(api_versions.RULES).cause == "api.removed"
    assert program("").find(api_versions.RULES) == []


def test_a_custom_kind_that_is_missing_is_not_a_removed_version():
    cluster = Cluster().node("n1").pod("keeper", node="n1", waiting="CrashLoopBackOff")
    cluster.log("keeper", 'no matches for kind "Widget" in version "example.com/v1beta1"\n')
    assert cluster.find(api_versions.RULES) == []


def test_a_warning_of_a_command_is_a_notice_below_a_verdict():
    cluster = Cluster()
    cluster.commands.append(Command("kubectl apply -f pdb.yaml", "Warning: policy/v1beta1 PodDisruptionBudget is deprecated in v1.21+, unavailable in v1.25+; use policy/v1 PodDisruptionBudget", "paste"))  # fmt: skip
    found = cluster.only(api_versions.RULES)
    assert found.cause == "api.deprecated"
    assert found.weight < 0.5


def test_the_api_servers_metric_counts_while_its_value_is_not_zero():
    for value, causes in ((1.0, ["api.deprecated"]), (0.0, [])):
        case = Case()
        labels = {"group": "policy", "version": "v1beta1", "resource": "podsecuritypolicies", "removed_release": "1.25"}
        case.series.append(Series("apiserver_requested_deprecated_apis", labels, ((0.0, value),), "p.json"))
        assert [one.cause for one in case.find(api_versions.RULES)] == causes


def storage_class(cluster, name, *, default):
    meta = {"annotations": {MARK: "true"}} if default else {}
    return cluster.add("StorageClass", name, api="storage.k8s.io/v1", metadata=meta, provisioner="p")


def test_two_default_storage_classes_are_a_notice_and_one_is_none():
    one = storage_class(storage_class(Cluster(), "fast", default=True), "slow", default=False)
    assert one.find(defaults.RULES) == []
    two = storage_class(one, "other", default=True)
    found = two.only(defaults.RULES)
    assert found.weight < 0.5
    assert "fast" in found.title
    assert found.object.kind == ref("StorageClass", "x").kind


@pytest.mark.parametrize(
    ("detail", "word"),
    [
        ("x509: certificate has expired or is not yet valid: current time 2026-03-01T00:00:00Z is after 2026-02-01T00:00:00Z", "expired at 2026-02-01"),
        ("x509: certificate has expired or is not yet valid: current time 2026-03-01T00:00:00Z is before 2027-02-01T00:00:00Z", "not valid before 2027-02-01"),
        ("x509: certificate is valid for a.b.svc, not c.d.svc", "other names (a.b.svc), not for c.d.svc"),
        ("x509: certificate signed by unknown authority", "caBundle does not trust"),
        ("tls: handshake failure", "does not speak TLS"),
    ],
)  # fmt: skip
def test_why_a_webhooks_certificate_is_not_accepted_is_told_apart(detail, word):
    assert word in distrust(detail)


@pytest.mark.parametrize(
    ("message", "denial"),
    [
        ('pods "a" is forbidden: insufficient quota to match these scopes: [{PriorityClass In [x]}]', Denial.QUOTA_SCOPE),
        ('pods "a" is forbidden: pod node label selector conflicts with its namespace node label selector', Denial.NODE_SELECTOR),
        ('pods "a" is forbidden: a plugin nobody knows says no', Denial.PLUGIN),
        ("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed to configure binding: no params found", Denial.POLICY_BROKEN),
        ("ValidatingAdmissionPolicy 'p' with binding 'b' denied request: replicas must be odd", Denial.POLICY),
        ('pods "a" is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "n"', Denial.FORBIDDEN),
    ],
)  # fmt: skip
def test_a_refusal_is_known_by_who_refused(message, denial):
    refusal = parse_refusal(message)
    assert refusal is not None
    assert refusal.denial is denial
