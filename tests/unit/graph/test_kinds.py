"""Any word a person uses for a kind leads to the kind."""

from __future__ import annotations

import pytest

from copilot.model.kinds import BUILT_IN, built_in, group_of, is_namespaced, resolve_kind


@pytest.mark.parametrize(("word", "kind"), [
    ("deploy", "Deployment"), ("Deployments", "Deployment"), ("deployment.apps", "Deployment"),
    ("deployments.v1.apps", "Deployment"), ("po", "Pod"), ("svc", "Service"), ("cm", "ConfigMap"), ("ns", "Namespace"),
    ("no", "Node"), ("pvc", "PersistentVolumeClaim"), ("pv", "PersistentVolume"), ("hpa", "HorizontalPodAutoscaler"),
    ("sts", "StatefulSet"), ("ds", "DaemonSet"), ("rs", "ReplicaSet"), ("cj", "CronJob"), ("ing", "Ingress"),
    ("netpol", "NetworkPolicy"), ("sa", "ServiceAccount"), ("sc", "StorageClass"), ("pdb", "PodDisruptionBudget"),
    ("quota", "ResourceQuota"), ("limits", "LimitRange"), ("ep", "Endpoints"), ("crd", "CustomResourceDefinition"),
    ("pc", "PriorityClass"), ("ev", "Event"), (" PODS ", "Pod"), ("secrets", "Secret"), ("endpointslices", "EndpointSlice"),
    ("httproute.gateway.networking.k8s.io", "HTTPRoute"), ("pod.v1", "Pod"),
    ("nonsense", None), ("", None), ("deployment.batch", None), ("deployment.", None),
])  # fmt: skip
def test_a_word_leads_to_its_kind(word, kind):
    found = resolve_kind(word)
    assert (found.kind if found else None) == kind


def test_no_two_kinds_answer_to_one_short_name():
    short = [word for kind in BUILT_IN for word in kind.short]
    assert len(short) == len(set(short))


def test_the_table_knows_groups_and_scopes():
    assert group_of("Deployment") == "apps"
    assert group_of("Widget") is None
    assert is_namespaced("Node", "") is False
    assert is_namespaced("Pod", "") is True
    assert is_namespaced("Pod", "other.io") is None
    assert built_in("Service", "serving.knative.dev") is None
